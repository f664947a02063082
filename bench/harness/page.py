# SPDX-License-Identifier: Apache-2.0
"""The report as one page of HTML: no network, no script; readable on a phone and in the dark."""
import math
import statistics

from . import charts, summary
from .charts import escape
from .judge import bar_text
from .rounds import WRONG_LIMIT

SERIES = ("ours", "c2", "c3", "c4", "c5", "c6", "c7")

CSS = """
:root{--paper:#fcfcfa;--ink:#1b1d21;--soft:#62666e;--grid:#e2e2dd;--box:#f3f3ef;--ours:#1f5fa8;--loss:#c2410c;--good:#2d7a3e;
--c2:#d97706;--c3:#2d8659;--c4:#a3468f;--c5:#6b7280;--c6:#8a6d1d;--c7:#0e7490}
@media(prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e6e7e9;--soft:#9ca1aa;--grid:#30343a;--box:#1e2126;--ours:#6aa8ee;
--loss:#f0824a;--good:#71bd83;--c2:#f2b04b;--c3:#63c596;--c4:#d68bc8;--c5:#a5abb5;--c6:#d0b562;--c7:#5cc1d8}}
*{box-sizing:border-box}
body{margin:0 auto;padding:20px 16px 60px;max-width:1080px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:break-word}
h1{font-size:24px;margin:8px 0 2px}h2{font-size:18px;margin:38px 0 4px}h3{font-size:15px;margin:18px 0 2px}
p{margin:4px 0 12px}.soft,.unit-note{color:var(--soft)}a{color:var(--ours)}
code{font:13px ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{background:var(--box);padding:10px 12px;border-radius:6px;overflow-x:auto}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:16px 0}
.tile{background:var(--box);border-radius:8px;padding:10px 12px}.tile b{display:block;font-size:22px;line-height:1.25}
.tile span{color:var(--soft);font-size:13px}.tile.bad b{color:var(--loss)}
.bar{display:grid;grid-template-columns:270px 1fr 210px;gap:12px;align-items:center;min-height:22px;font-size:13.5px}
.bar .who{overflow-wrap:anywhere}.bar .fig{font-variant-numeric:tabular-nums;white-space:nowrap}
.bar .fig small,.who small{color:var(--soft);font-size:12px}
.track{position:relative;height:16px}.track i{position:absolute;top:0;bottom:0;display:block}
.fill{border-radius:2px;top:2px!important;bottom:2px!important}.grid{width:1px;background:var(--grid);top:-3px!important;bottom:-3px!important}
.grid.one{background:var(--soft)}.mark{width:2px;background:var(--ink);top:-1px!important;bottom:-1px!important}
.axis{color:var(--soft);font-size:12px}.axis .track span{position:absolute;white-space:nowrap}
.fill.ours{background:var(--ours)}.fill.loss{background:var(--loss)}.fill.quiet{background:var(--c5)}
.rowname{font-weight:600;margin:12px 0 0;font-size:14px}.rowname small{font-weight:400;color:var(--soft)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(330px,100%),1fr));gap:18px}
figure{margin:8px 0;max-width:480px}figcaption{font-weight:600;font-size:14px;margin-bottom:4px}
svg{width:100%;height:auto;display:block}svg text{font-size:11px;fill:var(--soft)}svg .unit{font-size:11px;fill:var(--ink)}
svg .g{stroke:var(--grid)}svg .base{stroke:var(--soft)}svg .line{fill:none;stroke-width:1.8}svg .dashed{stroke-dasharray:5 4}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:12.5px;color:var(--soft);margin:4px 0}
.legend i{display:inline-block;width:16px;height:0;border-top:3px solid;margin-right:5px;vertical-align:middle}.legend i.dashed{border-top-style:dashed}
.scroll{overflow-x:auto;margin:8px 0}table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid var(--grid);vertical-align:top;white-space:nowrap}
td.wrap{white-space:normal;min-width:220px}summary{cursor:pointer;color:var(--ours);margin:10px 0}.absent{margin:0 0 2px;font-size:12.5px}th{color:var(--soft);font-weight:600}
td.n,th.n{text-align:right;white-space:nowrap}.flag{color:var(--loss);font-weight:600}.ok{color:var(--good);font-weight:600}
.problem{border-left:4px solid var(--loss);background:var(--box);padding:8px 12px;margin:10px 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
@media(max-width:640px){.bar{grid-template-columns:1fr auto;gap:0 10px;padding:3px 0}.bar .who{grid-row:1;grid-column:1}
.bar .fig{grid-row:1;grid-column:2}.bar .track{grid-row:2;grid-column:1/3}.axis .who,.axis .fig{display:none}.axis{position:sticky;top:0;
background:var(--paper);z-index:1}dl{grid-template-columns:1fr;gap:0}dt{margin-top:8px}}
""" + "".join(f"svg .{name}{{stroke:var(--{name})}}svg circle.{name}{{fill:var(--{name});stroke:none}}.legend i.{name}{{border-color:var(--{name})}}"
              for name in SERIES)


def figure(value, unit):
    """A value for people: 28.1 G values/s, 10.6 ms, 132 MB."""
    if value is None:
        return "–"
    if unit in ("values/s", "rows/s"):
        for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
            if value >= size:
                return f"{value / size:.3g} {letter} {unit}"
        return f"{value:.3g} {unit}"
    if unit in ("bytes/s", "bytes"):
        for size, letter in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if value >= size:
                return f"{value / size:.3g} {letter}{'/s' if unit == 'bytes/s' else ''}"
        return f"{value:.3g} {unit}"
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"


def times(ratio):
    return f"{ratio:.3g}×" if ratio < 1000 else f"{ratio:.0f}×"


class Page:
    def __init__(self, report, rows, judged, base_name, base):
        self.report, self.judged, self.base_name, self.base = report, judged, base_name, base
        self.rows = {row.name: row for row in rows}
        self.entries = report["rows"]
        self.own = {}
        for entry in self.entries:
            self.own.setdefault(summary.name_of(entry), entry)
        self.slower = summary.slower(self.entries, base["rows"]) if base else {}
        self.wrong = summary.wrong_limits(self.entries)
        self.peers = [e for e in self.entries if e["peer"] and not e["peer"].startswith("pillar ")]

    def is_sweep(self, name):
        return name in self.rows and bool(self.rows[name].sweep)

    # ---- sections ----------------------------------------------------------------------------------------------------

    def best_ratios(self):
        best = {}
        for e in self.peers:
            if e["ratio"] is not None:
                name = summary.name_of(e)
                best[name] = min(best.get(name, math.inf), e["ratio"])
        return best

    def head(self):
        r, m = self.report, self.report["machine"]
        best = self.best_ratios()
        losses = [n for n, v in best.items() if v < 1]
        fractions = [e["fraction_of_limit"] for n, e in self.own.items() if e["fraction_of_limit"] and not self.is_sweep(n)]
        tiles = [(f"{len(self.own)}", "rows measured", False)]
        if best:
            tiles.append((times(statistics.geometric_mean(best.values())), f"the best peer, geometric mean of {len(best)} rows", False))
            tiles.append((str(len(losses)), "rows lost to a peer", bool(losses)))
        if fractions:
            tiles.append((f"{statistics.median(fractions):.0%}", f"of the machine's limit, median of {len(fractions)} rows", False))
        spreads = summary.median_spreads(self.entries)
        if spreads:
            tiles.append((f"±{spreads['all']:.0%}", "stated spread, in the median", False))
        if self.base:
            tiles.append((str(len(self.slower)), "rows slower than accepted", bool(self.slower)))
        seconds = r.get("seconds", 0)
        tiles.append((f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds} s", "whole run, build excluded", False))
        out = [f"<h1>Pillar, measured</h1><p class='soft'>{escape(r['date'])} · commit {escape(r['commit'])} · {escape(m['cpu'])}, "
               f"{m['cores']} cores, {m['memory_gib']:g} GiB · level {escape(r['arch'])} · {escape(r['compiler'])}</p>",
               "<div class='tiles'>" + "".join(f"<div class='tile{' bad' if bad else ''}'><b>{escape(b)}</b><span>{escape(t)}</span></div>"
                                               for b, t, bad in tiles) + "</div>"]
        if r["settings"]["size"] not in ("default", "planted"):
            out.append(f"<p class='problem'>A {escape(r['settings']['size'])} run: figures are rough.</p>")
        for name in self.wrong:
            e = self.own[name]
            out.append(f"<p class='problem'><b>Wrong limit.</b> {escape(name)} reaches {e['fraction_of_limit']:.2f} of "
                       f"{escape(e['limit_name'])}: above {WRONG_LIMIT}, so that is no limit, and this report fails.</p>")
        by_reason = {}
        for problem in r["problems"]:
            name, _, reason = problem.partition(": ")
            by_reason.setdefault(reason, []).append(name)
        for reason, names in by_reason.items():
            out.append(f"<p class='problem'><b>{escape(reason)}</b>: {escape(', '.join(names))}</p>")
        if self.slower:
            listed = "".join(f"<li>{escape(n)}: lost {s:.0%}</li>" for n, s in sorted(self.slower.items(), key=lambda i: -i[1]))
            out.append(f"<div class='problem'><b>Slower than the accepted result</b> ({escape(self.base_name)}), in the median and in the "
                       f"best round by more than a tenth:<ul>{listed}</ul></div>")
        return out

    def mark(self, name):
        return f" <span class='flag'>slower than accepted: −{self.slower[name]:.0%}</span>" if name in self.slower else ""

    def ratios(self, entries, title, lead, own=False):
        groups = {}
        for e in entries:
            groups.setdefault(summary.name_of(e), []).append(e)
        if not groups:
            return []
        worst = {n: min((e["ratio"] for e in g if e["ratio"] is not None), default=math.inf) for n, g in groups.items()}
        bars = {n: [b for b in self.rows[n].bars if b.against in ("peers", "row")] if n in self.rows else [] for n in groups}
        scale = charts.LogScale([e["ratio"] for e in entries if e["ratio"]], [b.at_least for bs in bars.values() for b in bs])
        out = [f"<h2>{title}</h2><p class='soft'>{lead}</p>",
               charts.axis(scale, lambda t: f"{t:g}×" if t >= 1 else f"1/{1 / t:g}", "times faster (or smaller) than")]
        for name in sorted(groups, key=lambda n: worst[n]):
            first, row = groups[name][0], self.rows.get(name)
            note = f" {row.kind}" + (f"; {row.note}" if row.note else "") if row else ""
            if not own:
                out.append(f"<p class='rowname'>{escape(name)} <small>{figure(first['ours'], first['unit'])}, {escape(first['scale'])}, "
                           f"{first['threads']} thread{'s' if first['threads'] > 1 else ''}, kind{escape(note)}</small>{self.mark(name)}</p>")
            missing = {}
            for e in sorted(groups[name], key=lambda e: e["ratio"] if e["ratio"] is not None else math.inf):
                if e["ratio"] is None:
                    why = e["peer_state"].replace("_", " ") + ": " + (e.get("rounds") or {}).get("reason", "")[:200]
                    missing.setdefault(why.removesuffix(": "), []).append(e["peer"])
                    continue
                who = f"{escape(e['peer'])} <small>{escape(str(e['peer_version'] or ''))}</small>"
                if own:
                    who = f"{escape(name)}{self.mark(name)} <small>than {escape(e['peer'].split('/')[-1])}</small>"
                marks = [(b.at_least, "bar: " + bar_text(row, b)) for b in bars[name]
                         if b.against == "peers" or e["peer"] == "pillar " + b.other]
                out.append(charts.bar(scale, who, e["ratio"], f"<b>{times(e['ratio'])}</b> <small>±{e['spread']:.0%} "
                                      f"({figure(e['peer_value'], e['unit'])})</small>", start=1.0,
                                      colour="ours" if e["ratio"] >= 1 else "loss", marks=marks,
                                      hint=f"{name} against {e['peer']}: {times(e['ratio'])}"))
            out += [f"<p class='soft absent'>{escape(', '.join(names))}: {escape(why)}</p>" for why, names in missing.items()]
        return out

    def limits(self):
        shown = [(n, e) for n, e in self.own.items() if e["fraction_of_limit"] and not self.is_sweep(n)]
        if not shown:
            return []
        scale = charts.LinearScale(max(1.0, *(e["fraction_of_limit"] for _, e in shown)), 0.25)
        out = ["<h2>Share of the machine's limit</h2><p class='soft'>The limit is the best of several kernels that only read (or only "
               "store) the same working set, measured in the same rounds; least first. The tick is the bar.</p>",
               charts.axis(scale, lambda t: f"{t:.0%}", "bytes per second of the limit's")]
        for name, e in sorted(shown, key=lambda item: item[1]["fraction_of_limit"]):
            marks = [(b.at_least, f"bar: {b.at_least:g}") for b in (self.rows[name].bars if name in self.rows else ()) if b.against == "limit"]
            missed = any(e["fraction_of_limit"] < at for at, _ in marks)
            who = f"{escape(name)}{self.mark(name)} <small>{escape(e['limit_name'].split('/')[1])}</small>"
            out.append(charts.bar(scale, who, e["fraction_of_limit"], f"<b>{e['fraction_of_limit']:.0%}</b> <small>{figure(e['ours'], e['unit'])}</small>",
                                  marks=marks, colour="loss" if missed or name in self.wrong else "ours",
                                  hint=f"{name}: {e['fraction_of_limit']:.3f} of {e['limit_name']}"))
        return out

    def sweeps(self):
        found = {}
        for name, e in self.own.items():
            if self.is_sweep(name) and e["ours"]:
                chart, _, series = self.rows[name].sweep[0].partition(" | ")
                found.setdefault(chart, {}).setdefault(series or "Pillar", []).append((self.rows[name], e))
        if not found:
            return []
        out = ["<h2>Sweeps</h2><p class='soft'>Dashed: the limit at the same bytes.</p><div class='charts'>"]
        for chart, by_series in found.items():
            series, unit, x_text = [], "values/s", ""
            colours = iter(SERIES * 3)
            for series_name, points in by_series.items():
                colour = next(colours)
                unit = points[0][1]["unit"]
                x_text = points[0][0].sweep[2] if len(points[0][0].sweep) > 2 else "width in bits"
                series.append((series_name, colour, False, [(row.sweep[1], e["ours"], f"{row.sweep[1]}: {figure(e['ours'], unit)}") for row, e in points]))
                limit = [(row.sweep[1], e["limit"], "") for row, e in points if e["limit"]]
                highest = max(e["ours"] for _, e in points) * 1.6     # narrow fields have limits far off the picture
                limit = [p for p in limit if p[1] <= highest]
                if len(limit) > 1:
                    series.append((f"limit, {series_name}" if len(by_series) > 1 else "limit", colour, True, limit))
            named = {row.name: row.sweep[1] for points in by_series.values() for row, _ in points}
            by_peer = {}
            for e in self.peers:
                if summary.name_of(e) in named and e["peer_value"]:
                    by_peer.setdefault(e["peer"], []).append((named[summary.name_of(e)], e["peer_value"], f"{e['peer']}: {figure(e['peer_value'], unit)}"))
            for peer, line in by_peer.items():
                series.append((peer, next(colours), False, line))
            divide, letter = (1e9, "G ") if unit == "values/s" else (1e6, "M ") if unit == "rows/s" else (1e9, "G") if unit == "bytes/s" else (1, "")
            out.append(charts.lines(chart, series, x_text, letter + unit, divide))
        return out + ["</div>"]

    def stored(self):
        """Whole tables column by column: bytes, and how much faster each is decoded."""
        sizes, times_of = {}, {}
        for e in self.peers:
            made = e.get("rounds") or {}
            if e["kind"] == "size" and made.get("peer_made_of"):
                sizes.setdefault(e["case"], {})[e["peer"]] = e
            if e["kind"] == "decode" and made.get("column_ratios"):
                times_of.setdefault(e["case"], {})[e["peer"]] = e
        if not sizes:
            return []
        peers = sorted({peer for by_peer in sizes.values() for peer in by_peer}, reverse=True)
        out = ["<h2>Stored tables, column by column</h2><p class='soft'>Bytes of Pillar's blocks and of the peers' Parquet (zstd 3, "
               "dictionaries), in the order of the file; the columns that lose most first. Decode: how many times faster every value of the "
               "column is in a buffer, from the same blocks.</p>"]
        heads = "".join(f"<th class='n'>{escape(p)}</th>" for p in peers)
        decode_heads = "".join(f"<th class='n'>decode, than {escape(p)}</th>" for p in peers)
        totals = dict.fromkeys(["ours", *peers], 0)
        for case, by_peer in sizes.items():
            first = next(iter(by_peer.values()))
            ours, codecs = first["rounds"]["ours_made_of"]["columns"], first["rounds"]["ours_made_of"].get("codecs", {})
            theirs = {peer: e["rounds"]["peer_made_of"]["columns"] for peer, e in by_peer.items()}
            faster = {peer: e["rounds"]["column_ratios"] for peer, e in times_of.get(case, {}).items()}
            least = {column: min(each[column] for each in theirs.values()) for column in ours}
            lines = [("<b>whole file</b>", first["ours"], {peer: e["peer_value"] for peer, e in by_peer.items()},
                      {peer: e["ratio"] for peer, e in times_of.get(case, {}).items()}, "")]
            lines += [(escape(column), size, {peer: each[column] for peer, each in theirs.items()},
                       {peer: each.get(column) for peer, each in faster.items()}, codecs.get(column, ""))
                      for column, size in sorted(ours.items(), key=lambda item: least[item[0]] - item[1])]
            own = [f"DuckDB's own file takes {figure(e['rounds']['peer_made_of']['own_file_bytes'], 'bytes')}"
                   for e in by_peer.values() if "own_file_bytes" in e["rounds"]["peer_made_of"]]
            totals["ours"] += first["ours"]
            for peer in peers:
                totals[peer] += by_peer[peer]["peer_value"] if peer in by_peer else math.nan
            out.append(f"<h3>{escape(case)}, {escape(first['scale'])}</h3>" + "".join(f"<p class='soft'>{text}.</p>" for text in own) +
                       f"<div class='scroll'><table><tr><th>column</th><th class='n'>Pillar</th>{heads}<th class='n'>more than the smaller</th>"
                       f"{decode_heads}<th>codec</th></tr>")
            for name, size, sizes_there, ratios, codec in lines:
                more = size - min(sizes_there.values())
                cells = "".join(f"<td class='n'>{figure(sizes_there.get(p), 'bytes')}</td>" for p in peers)
                fast = "".join(f"<td class='n{' flag' if ratios.get(p) and ratios[p] < 1 else ''}'>{times(ratios[p]) if ratios.get(p) else '–'}</td>"
                               for p in peers)
                sign = "−" if more < 0 else "+"
                out.append(f"<tr><td>{name}</td><td class='n'>{figure(size, 'bytes')}</td>{cells}"
                           f"<td class='n{' flag' if more > 0 else ''}'>{sign}{figure(abs(more), 'bytes')}</td>{fast}<td class='wrap'>{escape(codec)}</td></tr>")
            out.append("</table></div>")
        if len(sizes) > 1:
            shown = ", ".join(f"{escape(name)} {figure(total, 'bytes')}" for name, total in totals.items() if name != "ours")
            out.insert(1, f"<p>All {len(sizes)} tables: Pillar <b>{figure(totals['ours'], 'bytes')}</b>; {shown}.</p>")
        return out

    def roofline(self):
        points, seen = [], set()
        for name, e in self.own.items():
            bits = (e.get("rounds") or {}).get("bits_per_value")
            if bits and e["unit"] == "values/s" and e["limit_name"] and e["limit_name"].startswith("limits/read_"):
                place = e["limit_name"].split("/")[1].removeprefix("read_")
                seen.add(place)
                points.append((bits, e["ours"], {"l1": "c3", "l2": "ours", "ram": "c2"}[place], f"{name}: {figure(e['ours'], e['unit'])}"))
        if len(points) < 2:
            return []
        roofs = [(f"{place.upper()} read", max(self.report["limits"][f"read_{place}"].values()), {"l1": "c3", "l2": "ours", "ram": "c2"}[place])
                 for place in ("l1", "l2", "ram") if place in seen]
        return ["<h2>Roofline</h2><p class='soft'>Each point is a kernel row; the dashed lines are the measured read limits: the fewer bits "
                "a value takes, the more values they allow. Both axes are logarithmic.</p><div class='charts'>",
                charts.roofline(points, roofs), "</div>"]

    def build(self):
        shown = [e for e in self.own.values() if e["kind"] == "build"]
        if not shown:
            return []
        details = {summary.name_of(e): e["rounds"] for e in shown}
        highest = max(max(d["at_reference"], d["limit_at_reference"] or 0) for d in details.values())
        scale = charts.LinearScale(highest, 1 if highest < 6 else 2)
        out = ["<h2>What it costs to compile</h2><p class='soft'>CPU seconds of GCC 12 -O2, as on the reference machine: seconds here × 0.87 / "
               "seconds here of a unit that only includes absl/status/statusor.h. The tick is the limit.</p>",
               charts.axis(scale, lambda t: f"{t:g} s", "seconds on the reference machine")]
        for e in sorted(shown, key=lambda e: -details[summary.name_of(e)]["at_reference"]):
            d = details[summary.name_of(e)]
            limit = d["limit_at_reference"]
            out.append(charts.bar(scale, escape(e["case"].replace("_", " ")), d["at_reference"],
                                  f"<b>{d['at_reference']:.2f} s</b> <small>{'of ' + format(limit, 'g') + ', ' if limit else ''}"
                                  f"{e['ours']:.2f} here, {d['to_statusor']:.2f}×</small>",
                                  marks=[(limit, f"limit {limit:g} s")] if limit else [],
                                  colour="quiet" if limit is None else "ours" if d["within"] else "loss"))
        return out

    def verdicts(self):
        if not self.judged:
            return []
        lines = []
        for name in sorted(self.judged):
            for v in self.judged[name]:
                css = {"passed": "ok", "failed": "flag", "wrong limit": "flag"}.get(v["verdict"], "soft")
                measured = "–" if v["measured"] is None else f"{v['measured']:.4g}"
                lines.append(f"<tr><td>{escape(name)}</td><td>{escape(v['bar'])}</td><td class='n'>{measured}</td>"
                             f"<td class='{css}'>{escape(v['verdict'])}</td><td class='wrap'>{escape(v['reason'])}</td><td>{escape(v['date'])}</td><td>{escape(v['commit'])}</td></tr>")
        return ["<h2>Judged bars</h2><p class='soft'>By <code>./dev bench --judge</code>: nine quiet rounds, the median of their ratios.</p>"
                "<div class='scroll'><table><tr><th>row</th><th>bar</th><th class='n'>measured</th><th>verdict</th><th>why</th><th>date</th><th>commit</th></tr>",
                *lines, "</table></div>"]

    def table(self):
        sweeps = [e for e in self.entries if self.is_sweep(summary.name_of(e))]
        out = ["<h2>Every row</h2>", *self.rows_of([e for e in self.entries if not self.is_sweep(summary.name_of(e))])]
        if sweeps:
            out += [f"<details><summary>{len(sweeps)} points of the sweeps</summary>", *self.rows_of(sweeps), "</details>"]
        return out + ["<p class='soft'>~: fewer than three quiet rounds, so all were used. The spread is that of the ratio, else of the share of the limit, else of our figure.</p>"]

    def rows_of(self, entries):
        before = {summary.key_of(e): e for e in self.base["rows"]} if self.base else {}
        out = ["<div class='scroll'><table><tr><th>row</th><th>kind</th><th class='n'>ours</th><th>peer</th><th class='n'>peer's</th>"
               "<th class='n'>ratio</th><th class='n'>of limit</th><th class='n'>spread</th><th class='n'>CPU/wall</th><th class='n'>GHz</th>"
               + ("<th class='n'>accepted</th>" if self.base else "") + "</tr>"]
        for e in entries:
            name = summary.name_of(e)
            then = before.get(summary.key_of(e))
            cell = f"<td class='n'>{figure(then['ours'], e['unit']) if then else '–'}</td>" if self.base else ""
            noisy = " <span class='soft'>~</span>" if (e.get("rounds") or {}).get("counted") == "all" else ""
            peers = figure(e["peer_value"], e["unit"]) if e["peer_state"] == "measured" else e["peer_state"].replace("_", " ") if e["peer"] else "–"
            out.append(
                f"<tr><td>{escape(name)}{' <span class=flag>slower</span>' if name in self.slower else ''}</td><td>{e['kind']}</td>"
                f"<td class='n'>{figure(e['ours'], e['unit'])}{noisy}</td><td>{escape(e['peer'] or '–')}</td><td class='n'>{peers}</td>"
                f"<td class='n{' flag' if (e['ratio'] or 1) < 1 else ''}'>{times(e['ratio']) if e['ratio'] is not None else '–'}</td>"
                f"<td class='n'>{format(e['fraction_of_limit'], '.2f') if e['fraction_of_limit'] else '–'}</td>"
                f"<td class='n'>{format(e['spread'], '.1%') if e['spread'] is not None else '–'}</td>"
                f"<td class='n'>{e['cpu_over_wall'] or '–'}</td><td class='n'>{e['clock_ghz'] or '–'}</td>{cell}</tr>")
        return out + ["</table></div>"]

    def machine(self):
        r, m = self.report, self.report["machine"]
        facts = [("machine", f"{m['cpu']} (family {m['family']}, model {m['model']}), {m['cores']} cores, {m['memory_gib']:g} GiB, "
                             f"{m['system']}, Linux {m['kernel']}, transparent huge pages: {m['huge_pages']}"),
                 ("compiler", r["compiler"]), ("level", r["arch"]), ("commit", r["commit"]),
                 ("rounds", f"{r['settings']['passes']} passes of {r['settings']['rounds_per_pass']} rounds")]
        if r["settings"].get("free_adds"):
            low, middle, high = r["settings"]["free_adds"]
            facts.append(("core", f"{middle:g} independent additions a cycle in the median ({low:g} to {high:g} in the middle nine tenths): where the "
                          "low figure is far below the high one, a neighbour uses the other half of the core"))
        for name, fact in sorted(r["peers"].items()):
            facts.append((name, f"{fact['version']}; {fact['settings']}"))
        for name, why in sorted(r.get("absent", {}).items()):
            facts.append((name, f"absent: {why}"))
        if self.base:
            facts.append(("compared with", self.base_name))
        out = ["<h2>Machine, compiler, peers</h2><dl>", *(f"<dt>{escape(k)}</dt><dd>{escape(str(v))}</dd>" for k, v in facts), "</dl>"]
        if r["limits"]:
            out.append("<h3>Limits</h3><div class='scroll'><table><tr><th>group</th><th class='n'>best</th><th>kernels</th></tr>")
            for group, kernels in sorted(r["limits"].items()):
                ranked = sorted(kernels.items(), key=lambda k: -k[1])
                out.append(f"<tr><td>{escape(group)}</td><td class='n'>{ranked[0][1] / 1e9:.3g} GB/s</td><td>"
                           + ", ".join(f"{escape(k)} {v / 1e9:.3g}" for k, v in ranked) + "</td></tr>")
            out.append("</table></div>")
        return out

    @staticmethod
    def rerun():
        return ["<h2>How to run it again</h2><pre>./dev bench                    # this page\n./dev bench filter codec       # some components\n"
                "./dev bench --judge query/q6   # a bar, nine quiet rounds\n./dev bench --agree old.json   # two runs against each other</pre>"
                "<p class='soft'>Ratios above 1 mean that Pillar is faster (or smaller). A round is one turn of everybody; it is repeated when "
                "the clock moved by more than 3 % or somebody was interrupted. The spread says how far a second run's figure may be from this one's. "
                "The method: docs/benchmarks.md.</p>"]

    def text(self):
        parts = [*self.head()]
        parts += self.ratios(self.peers, "Against the peers", "Same values, same machine, rounds in turn; each side in its own best memory "
                             "layout, one warm-up before. Losses first; the tick is the bar.")
        parts += self.limits()
        parts += self.ratios([e for e in self.entries if e["peer"] and e["peer"].startswith("pillar ")],
                             "Against our own plain way", "The same question on raw values, measured in the same rounds.", own=True)
        parts += self.stored() + self.sweeps() + self.roofline() + self.build() + self.verdicts() + self.table() + self.machine() + self.rerun()
        return ("<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width,initial-scale=1'>"
                "<meta name='color-scheme' content='light dark'><title>Pillar, measured</title><style>" + CSS + "</style></head><body>"
                + "\n".join(parts) + "</body></html>\n")


def page(report, rows, judged, base_name, base):
    return Page(report, rows, judged, base_name, base).text()
