# SPDX-License-Identifier: Apache-2.0
"""summary.json: one entry per row and peer, with the fields that docs/benchmarks.md lists."""
import json
import statistics

from . import rounds as r

EXACT = 0.001   # of sizes: they do not vary
LIMIT_PLACES = {"l1": "L1, 16 KiB", "l2": "L2, 256 KiB", "ram": "RAM, 512 MiB"}


def scale_of(row):
    if row.rows:
        return f"{row.rows:,} rows"
    return LIMIT_PLACES.get(row.limit.rsplit("_", 1)[-1], "") if row.limit else ""


def significant(value, digits=5):
    return None if value is None else float(f"{value:.{digits}g}")


def entries_of(measured, facts):
    """The row's entries: one per peer, one per row of ours it is held against, or a single one without either."""
    row, rounds = measured.row, measured.rounds
    ours = [t.samples["ours"].value(row) for t in rounds]
    entry = {
        "component": row.component, "case": row.name.split("/", 1)[1], "threads": row.threads, "rows": row.rows,
        "scale": scale_of(row), "arch": facts["arch"], "compiler": facts["compiler"], "kind": row.kind,
        "ours": significant(statistics.median(ours)) if ours else None, "unit": row.unit, "better": row.better,
        "peer": None, "peer_version": None, "peer_state": "none", "peer_value": None, "ratio": None,
        "limit_name": None, "limit": None, "fraction_of_limit": None,
        "spread": significant(r.spread_of(ours), 3) if ours else None,
        "cpu_over_wall": significant(statistics.median(t.samples["ours"].cpu_over_wall for t in rounds), 4) if ours else None,
        "clock_ghz": significant(statistics.median(t.clock_ghz for t in rounds), 4) if ours else None,
        "commit": facts["commit"],
    }
    if row.kind == "size":
        entry["spread"] = EXACT
    details = {"ours": [significant(v, 4) for v in ours], "disturbed": len(measured.repeated), "counted": measured.chosen()[1]}
    if measured.limit_kernels and rounds:
        kernels = [k for k in measured.limit_kernels if all(k in t.samples for t in rounds)]
        kernel = r.best_kernel(rounds, kernels)
        fractions = [r.rate(t.samples["ours"]) / r.rate(t.samples[kernel]) for t in rounds]
        fraction = statistics.median(fractions)
        if fraction > 0:
            entry["limit_name"], entry["fraction_of_limit"] = kernel, significant(fraction, 4)
            entry["limit"] = significant(entry["ours"] / fraction if row.better == "higher" else entry["ours"] * fraction)
            details["fraction"] = [significant(f, 4) for f in fractions]
            entry["spread"] = significant(r.spread_of(fractions), 3)
    sizes = {key: statistics.median(getattr(t.samples["ours"], key) for t in rounds) for key in ("items", "bytes")} \
        if rounds else {}
    if sizes.get("items") and sizes.get("bytes"):
        details["bits_per_value"] = significant(sizes["bytes"] * 8 / sizes["items"], 4)
    parts = made_of(row, rounds, "ours")
    if parts:
        details["ours_made_of"] = parts
    out = []
    others = [(name, "pillar " + name, None) for name in ([row.reference] if row.reference else [])]
    others += [(peer, peer, measured.peer_state.get(peer, ("absent", ""))) for peer in row.peers]
    for name, shown, state in others:
        one = dict(entry, peer=shown, peer_version=facts["peers"].get(name, {}).get("version"))
        one_details = dict(details)
        with_peer = [t for t in rounds if name in t.samples]
        if with_peer and (state is None or state[0] == "measured"):
            one["peer_state"] = "measured"
            theirs = [t.samples[name].value(row) for t in with_peer]
            ratios = [r.ratio_of(t.samples["ours"].value(row), t.samples[name].value(row), row.better) for t in with_peer]
            one["peer_value"] = significant(statistics.median(theirs))
            one["ratio"] = significant(statistics.median(ratios), 4)
            one["spread"] = EXACT if row.kind == "size" else significant(r.spread_of(ratios), 3)
            one_details["ratio"] = [significant(v, 4) for v in ratios]
            parts = made_of(row, with_peer, name)
            if parts:
                one_details["peer_made_of"] = parts
            if row.kind == "decode":
                one_details["column_ratios"] = {column: significant(statistics.median(values), 4)
                                                for column, values in r.column_ratios(with_peer, name).items()}
        else:
            one["peer_state"] = state[0] if state and state[0] != "measured" else "failed"
            one_details["reason"] = state[1] if state else "not measured"
        one["rounds"] = one_details
        out.append(one)
    return out or [dict(entry, rounds=details)]


def made_of(row, rounds, name):
    """What a size or a decoding is made of: {"columns": {name: bytes, or nanoseconds in the median}, …}."""
    if row.kind not in ("size", "decode") or not rounds or not rounds[-1].samples[name].label:
        return None
    parts = json.loads(rounds[-1].samples[name].label)
    if row.kind == "decode":
        parts["columns"] = {column: round(statistics.median(r.columns_of(t.samples[name])[column] for t in rounds))
                            for column in parts["columns"]}
    return parts


def with_floors(entries):
    """No row states less than what the rows of its kind state in the median: a narrow range of few rounds is luck. Rows
    from memory are a kind of their own."""
    groups = {}
    for entry in entries:
        if entry["spread"] is not None and entry["kind"] not in ("size", "build"):
            groups.setdefault((entry["kind"], (entry["limit_name"] or "").split("/")[1:2] == ["read_ram"]), []).append(entry)
    for group in groups.values():
        floor = statistics.median(entry["spread"] for entry in group)
        for entry in group:
            entry["rounds"]["own_spread"] = entry["spread"]
            entry["spread"] = max(entry["spread"], floor)
    return entries


def median_spreads(entries):
    """kind → median of what its rows state; 'all' comprises all but sizes, which do not vary."""
    by_kind = {}
    for entry in entries:
        if entry["spread"] is not None and entry["kind"] != "size":
            for kind in ("all", entry["kind"]):
                by_kind.setdefault(kind, []).append(entry["spread"])
    return {kind: statistics.median(spreads) for kind, spreads in by_kind.items()}


def name_of(entry):
    return entry["component"] + "/" + entry["case"]


def key_of(entry):
    return name_of(entry), entry["peer"]


def wrong_limits(entries):
    """Rows above 1.03 of their limit: what they were held against is not a limit."""
    return sorted({name_of(e) for e in entries if (e["fraction_of_limit"] or 0) > r.WRONG_LIMIT})


def main_figure(entry):
    """What the spread belongs to, and two runs are compared by: the ratio to the peer where there is one, else the fraction
    of the limit, else our own figure. (value, better)"""
    for figure in ("ratio", "fraction_of_limit"):
        if entry[figure] is not None:
            return entry[figure], "higher"
    return entry["ours"], entry["better"]


def agreement(new, old):
    """(entries that agree, entries in both, those that do not): within the wider of the two stated spreads."""
    before = {key_of(e): e for e in old}
    agree, both, apart = 0, 0, []
    for entry in new:
        then = before.get(key_of(entry))
        if then is None or main_figure(entry)[0] is None or main_figure(then)[0] is None:
            continue
        both += 1
        a, b = main_figure(entry)[0], main_figure(then)[0]
        if abs(a - b) <= max(entry["spread"], then["spread"]) * max(a, b):
            agree += 1
        else:
            apart.append((entry, then))
    return agree, both, apart


SLOWER = 0.10   # what the page marks as slower than the accepted result


def slower(new, old):
    """name → share of speed lost, for rows of ours of which the median round and the best one both lost more than a
    tenth: a busy neighbour spoils the one or the other, a slower program both. Without single rounds in the old result,
    the median must have lost more than the spreads."""
    before = {name_of(e): e for e in old}
    out = {}
    for entry in new:
        then = before.get(name_of(entry))
        if then is None or not entry["ours"] or not then["ours"] or entry["unit"] == "bytes":
            continue
        lost = 1 - r.ratio_of(entry["ours"], then["ours"], entry["better"])
        single = [(e.get("rounds") or {}).get("ours") for e in (entry, then)]
        if all(single):
            best = max if entry["better"] == "higher" else min
            lost = min(lost, 1 - r.ratio_of(best(single[0]), best(single[1]), entry["better"]))
            least = SLOWER
        else:
            least = max(SLOWER, entry["spread"], then["spread"])
        if lost > least:
            out[name_of(entry)] = lost
    return out
