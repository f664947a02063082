# SPDX-License-Identifier: Apache-2.0
"""Two kinds of picture: bars as HTML, which wrap on a phone, and line charts as SVG."""
import html
import math

escape = html.escape
WIDTH, HEIGHT = 380, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 14, 40


def short(value):
    """A number for an axis: 0.5, 20, 3 k, 1.5 M."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            divisor = 1e3 if letter == "k" else size
            return f"{value / divisor:.3g} {letter}"
    return f"{value:.3g}"


# ---- bars ------------------------------------------------------------------------------------------------------------

class LogScale:
    """Positions in per cent on a logarithmic axis of powers of two that holds 1."""

    def __init__(self, values, marks=()):
        everything = [v for v in [*values, *marks, 0.7, 1.5] if v and v > 0]
        self.low = math.floor(math.log2(min(everything)))
        self.high = math.ceil(math.log2(max(everything)))

    def at(self, value):
        return (math.log2(value) - self.low) / (self.high - self.low) * 100

    def ticks(self):
        step = max(1, math.ceil((self.high - self.low) / 8))
        return [2.0 ** k for k in range(self.low, self.high + 1) if k % step == 0]


class LinearScale:
    def __init__(self, highest, step):
        self.highest, self.step = max(highest, step), step

    def at(self, value):
        return min(value, self.highest) / self.highest * 100

    def ticks(self):
        return [k * self.step for k in range(int(self.highest / self.step + 1e-9) + 1)]


def axis(scale, text, of):
    """The line of tick labels over a group of bars. Labels at the ends stay inside."""
    out = []
    for tick in scale.ticks():
        at = scale.at(tick)
        shift = 0 if at < 3 else -100 if at > 97 else -50
        out.append(f'<span style="left:{at:.2f}%;transform:translateX({shift}%)">{escape(text(tick))}</span>')
    return f'<div class="bar axis"><div class="who">{escape(of)}</div><div class="track">{"".join(out)}</div><div class="fig"></div></div>'


def bar(scale, who, value, figure, *, start=None, colour="ours", marks=(), hint=""):
    """One bar from `start` (the scale's left end without) to `value`; marks are (position, title)."""
    a, b = sorted((scale.at(start) if start is not None else 0.0, scale.at(value)))
    grid = "".join(f'<i class="grid{" one" if tick == start else ""}" style="left:{scale.at(tick):.2f}%"></i>'
                   for tick in scale.ticks())
    drawn = "".join(f'<i class="mark" style="left:{scale.at(at):.2f}%" title="{escape(title)}"></i>' for at, title in marks)
    return (f'<div class="bar" title="{escape(hint)}"><div class="who">{who}</div><div class="track">{grid}'
            f'<i class="fill {colour}" style="left:{a:.2f}%;width:{max(b - a, 0.4):.2f}%"></i>{drawn}</div>'
            f'<div class="fig">{figure}</div></div>')


# ---- lines -----------------------------------------------------------------------------------------------------------

def nice_step(highest, about=5):
    raw = highest / about
    power = 10 ** math.floor(math.log10(raw))
    return next(k * power for k in (1, 2, 2.5, 5, 10) if k * power >= raw)


class Axis:
    """One axis: maps values to pixels between `begin` and `end`, and knows its ticks."""

    def __init__(self, values, begin, end, log=False, from_zero=False, base=10):
        self.begin, self.end, self.log = begin, end, log
        values = [v for v in values if v is not None and (v > 0 or not log)]
        if log:
            self.low = math.floor(math.log(min(values), base) + 1e-9)
            self.high = max(self.low + 1, math.ceil(math.log(max(values), base) - 1e-9))
            step = max(1, math.ceil((self.high - self.low) / 6))
            self.ticks = [float(base) ** k for k in range(self.low, self.high + 1, step)]
            self.place = lambda v: (math.log(v, base) - self.low) / (self.high - self.low)
        else:
            low, high = (0 if from_zero else min(values)), max(values)
            high = high if high > low else low + 1
            step = nice_step(high - low, 5)
            if from_zero:
                high = math.ceil(high / step - 1e-9) * step
            self.ticks = [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
            self.place = lambda v: (v - low) / (high - low)

    def __call__(self, value):
        return self.begin + self.place(value) * (self.end - self.begin)


def frame(x, y, x_text, y_text, x_tick=short, y_tick=short):
    out = []
    for tick in y.ticks:
        out.append(f'<line class="g" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
                   f'<text x="{LEFT - 5}" y="{y(tick) + 3.5:.1f}" text-anchor="end">{escape(y_tick(tick))}</text>')
    for tick in x.ticks:
        anchor = "end" if x(tick) > WIDTH - RIGHT - 8 else "middle"
        out.append(f'<line class="g" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 4}"/>'
                   f'<text x="{x(tick) + (4 if anchor == "end" else 0):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="{anchor}">{escape(x_tick(tick))}</text>')
    out.append(f'<line class="base" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>')
    out.append(f'<text class="unit" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_text)}</text>')
    out.append(f'<text class="unit" x="4" y="9">{escape(y_text)}</text>')
    return "".join(out)


def svg(body, title):
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{body}</svg>'


def legend(names):
    """names: (label, colour class, dashed)."""
    return '<p class="legend">' + "".join(
        f'<span><i class="{colour}{" dashed" if dashed else ""}"></i>{escape(name)}</span>' for name, colour, dashed in names) + "</p>"


def lines(title, series, x_text, y_text, divide=1.0):
    """series: (name, colour class, dashed, [(x, y, hint)]). A logarithmic x where it spans more than a factor of 50."""
    points = [(x, y / divide) for _, _, _, line in series for x, y, _ in line]
    xs = [x for x, _ in points]
    log = min(xs) > 0 and max(xs) / min(xs) > 50
    x_axis = Axis(xs, LEFT, WIDTH - RIGHT, log=log)
    y_axis = Axis([y for _, y in points], HEIGHT - BOTTOM, TOP + 8, from_zero=True)
    body = frame(x_axis, y_axis, x_text, y_text)
    for _, colour, dashed, line in series:
        line = sorted(line)
        path = " ".join(f"{'L' if k else 'M'}{x_axis(x):.1f} {y_axis(y / divide):.1f}" for k, (x, y, _) in enumerate(line))
        body += f'<path class="line {colour}{" dashed" if dashed else ""}" d="{path}"/>'
        if not dashed:
            body += "".join(f'<circle class="{colour}" cx="{x_axis(x):.1f}" cy="{y_axis(y / divide):.1f}" r="2.6"><title>{escape(hint)}</title></circle>'
                            for x, y, hint in line)
    return (f"<figure><figcaption>{escape(title)}</figcaption>{svg(body, title)}"
            + legend([(name, colour, dashed) for name, colour, dashed, _ in series]) + "</figure>")


def roofline(points, roofs):
    """points: (bits per value, values/s, colour class, hint); roofs: (name, bytes/s, colour class)."""
    rates = [y for _, y, _, _ in points]
    bits = [x for x, _, _, _ in points]
    lowest, highest = min(1.0, *bits), max(64.0, *bits)
    x_axis = Axis([lowest, highest], LEFT, WIDTH - RIGHT, log=True, base=2)
    y_axis = Axis([min(rates) / 1e9, max(rates) * 1.5 / 1e9], HEIGHT - BOTTOM, TOP + 8, log=True)
    top, bottom = 10.0 ** y_axis.high, 10.0 ** y_axis.low
    body = frame(x_axis, y_axis, "bits read per value", "G values/s", x_tick=lambda t: f"{t:g}", y_tick=lambda t: f"{t:g}")
    left, right = 2.0 ** x_axis.low, 2.0 ** x_axis.high
    for _, rate, colour in roofs:
        per_bit = rate * 8 / 1e9                       # G values/s at one bit
        begin, end = max(left, per_bit / top), min(right, per_bit / bottom)
        if begin < end:
            body += (f'<line class="line {colour} dashed" x1="{x_axis(begin):.1f}" y1="{y_axis(per_bit / begin):.1f}" '
                     f'x2="{x_axis(end):.1f}" y2="{y_axis(per_bit / end):.1f}"/>')
    body += "".join(f'<circle class="{colour}" cx="{x_axis(x):.1f}" cy="{y_axis(y / 1e9):.1f}" r="3"><title>{escape(hint)}</title></circle>'
                    for x, y, colour, hint in points)
    names = [(f"{name}: {rate / 1e9:.3g} GB/s", colour, True) for name, rate, colour in roofs]
    return f"<figure><figcaption>Values against bytes</figcaption>{svg(body, 'roofline')}{legend(names)}</figure>"
