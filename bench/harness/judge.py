# SPDX-License-Identifier: Apache-2.0
"""Whether a row keeps its promises (design: judging a bar). The verdict is passed, failed, not judged or wrong limit;
without nine quiet rounds it is never passed."""
import statistics
from dataclasses import dataclass

from . import rounds as r

ROUNDS = 9
SECONDS = 300
STRICTLY_LESS = 0.95   # of a kernel that does strictly less work on the same bytes: counts as met


@dataclass
class Verdict:
    bar: str
    verdict: str          # passed | failed | not judged | wrong limit
    measured: float = None
    reason: str = ""
    spread: tuple = ()


def too_slow(wall_ns, much, least_ns):
    """(contestant, how many times the fastest) for those that need more than `much` times its time, and that long."""
    fastest = min(wall_ns.values(), default=0)
    return [(name, ns / fastest) for name, ns in wall_ns.items() if ns > max(much * fastest, least_ns)]


def bar_text(row, bar):
    than = "≥" if bar.against != "absolute" or row.better == "higher" else "≤"
    what = {"limit": f"of {row.limit}", "row": f"× {bar.other}", "peers": "× the best peer",
            "columns": "× every peer in every column", "absolute": f"{row.unit} at {r.REFERENCE_GHZ} GHz"}[bar.against]
    return f"{than} {bar.at_least:g} {what}"


def per_round(row, bar, rounds, limit_kernels, peer=None):
    """The figure that the bar bounds, for each round."""
    values = []
    kernel = r.best_kernel(rounds, limit_kernels) if bar.against == "limit" and limit_kernels else None
    for taken in rounds:
        ours = taken.samples["ours"]
        if bar.against == "limit":
            values.append(r.rate(ours) / r.rate(taken.samples[kernel]))
        elif bar.against == "absolute":
            values.append(r.scaled(ours.value(row), row.unit, taken.clock_ghz))
        else:
            other = taken.samples[bar.other if bar.against == "row" else peer]
            values.append(r.ratio_of(ours.value(row), other.value(row), row.better))
    return values


def worst_column(rounds, peers):
    """(column and peer, the ratios of the rounds) where ours gains least; None without a peer or a round."""
    found = [(statistics.median(values), f"{column}, {peer}", values) for peer in peers if rounds
             for column, values in r.column_ratios(rounds, peer).items()]
    return min(found)[1:] if found else None


def fraction_of(rounds, kernels):
    """The median share of the best of the kernels, bytes against bytes; None without a kernel or a round."""
    if not kernels or not rounds:
        return None
    kernel = r.best_kernel(rounds, kernels)
    return statistics.median(r.rate(q.samples["ours"]) / r.rate(q.samples[kernel]) for q in rounds)


def met(row, bar, value):
    if bar.against == "absolute" and row.better == "lower":
        return value <= bar.at_least
    return value >= bar.at_least


def verdicts(row, quiet, repeated, limit_kernels, peers, absent, best_level, wanted=ROUNDS, less_kernels=()):
    """A verdict for each bar of the row. `peers`: names measured in the rounds; `absent`: name → why it was not;
    `best_level`: the machine runs the level that absolute figures were taken at; `less_kernels`: those of the row's
    `less_work`, the best of which counts."""
    out = []
    few = (f"{len(quiet)} quiet rounds of {wanted} within {SECONDS // 60} minutes, {len(repeated)} repeated"
           + (f"; the last: {repeated[-1].why}" if repeated else "")) if len(quiet) < wanted else ""
    fraction = fraction_of(quiet, limit_kernels)
    of_less = {group: share for group, share in ((row.limit, fraction), (row.less_work, fraction_of(quiet, less_kernels))) if share}
    nearest = max(of_less, key=of_less.get, default=None)
    for bar in row.bars:
        verdict = Verdict(bar_text(row, bar), "not judged")
        out.append(verdict)
        reason, values = "", []
        if bar.against == "peers":
            if not peers:
                reason = "no measured peer: " + (", ".join(f"{n} {why}" for n, why in absent.items()) or "none named")
            elif quiet:
                best = min(peers, key=lambda p: statistics.median(per_round(row, bar, quiet, (), p)))
                values = per_round(row, bar, quiet, (), best)
                verdict.bar += f" ({best})"
        elif bar.against == "columns":
            least = worst_column(quiet, peers)
            if least:
                values = least[1]
                verdict.bar += f" (least: {least[0]})"
            else:
                reason = "no measured peer"
        elif bar.against == "limit" and not limit_kernels:
            reason = "the limit was not measured"
        elif quiet:
            values = per_round(row, bar, quiet, limit_kernels)
        if bar.against == "absolute" and not best_level:
            reason = "absolute figures are of a machine with AVX-512-VBMI"
        if values:
            verdict.measured, verdict.spread = statistics.median(values), (min(values), max(values))
        if reason or few:
            verdict.reason = reason or few
        elif fraction is not None and fraction > r.WRONG_LIMIT:
            verdict.verdict = "wrong limit"
            verdict.reason = f"{fraction:.2f} of {row.limit}"
        elif met(row, bar, verdict.measured):
            verdict.verdict = "passed"
        elif nearest and of_less[nearest] >= STRICTLY_LESS:
            verdict.verdict = "passed"
            verdict.reason = f"{of_less[nearest]:.2f} of {nearest}, which does strictly less work on the same bytes"
        else:
            verdict.verdict = "failed"
            if row.less_work in of_less:
                verdict.reason = f"{of_less[row.less_work]:.2f} of {row.less_work}, which does strictly less work"
    return out


def exit_code(all_verdicts):
    """0: all passed; 1: one failed; 3: a wrong limit; 4: none failed, and one was not judged (or there was no bar)."""
    said = {v.verdict for v in all_verdicts}
    return 1 if "failed" in said else 3 if "wrong limit" in said else 4 if "not judged" in said or not said else 0
