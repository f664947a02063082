#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev bench: measures, judges, compares. docs/benchmarks.md has the method.

Exit codes: 0 all is well; 1 a bar failed, two runs disagree, or planted slowdowns were not told apart; 2 usage, or
nothing was built; 3 a fraction above 1.03: what stands as a limit is not one; 4 not judged; 5 a row of ours has no
figure, or an answer differs from a peer's.
"""
import argparse
import dataclasses
import datetime
import json
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SOURCE, "bench"))
from harness import build_time, judge, measure, page, peers, rounds, summary  # noqa: E402
from harness.contestants import Failure, Programs  # noqa: E402
from rows import CONTROLS, PLANTED, ROWS  # noqa: E402

BUILD = os.path.join(SOURCE, "build")
OUT = os.path.join(BUILD, "bench")
RESULTS = os.path.join(SOURCE, "bench/results")
DATA = os.path.join(os.environ.get("PILLAR_DATA") or
                    os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "pillar"), "bench")
STARTED = time.monotonic()


def minutes(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def say(text):
    print(f"bench {minutes(time.monotonic() - STARTED)}  {text}", flush=True)


def stop(text, code=2):
    print(f"bench: {text}", file=sys.stderr)
    sys.exit(code)


# ---- what the figures belong to --------------------------------------------------------------------------------------

def first_match(path, pattern):
    try:
        with open(path) as lines:
            found = re.search(pattern, lines.read(), re.M)
            return found.group(1).strip() if found else ""
    except OSError:
        return ""


def machine():
    cpu = {key: first_match("/proc/cpuinfo", rf"^{key}\s*:\s*(.*)$") for key in ("model name", "cpu family", "model")}
    cores = os.cpu_count()
    memory = int(first_match("/proc/meminfo", r"^MemTotal:\s*(\d+)") or 0) / (1 << 20)
    text = cpu["model name"] or os.uname().machine
    return {
        "cpu": text, "family": cpu["cpu family"], "model": cpu["model"], "cores": cores, "memory_gib": round(memory, 1),
        "kernel": os.uname().release,
        "huge_pages": first_match("/sys/kernel/mm/transparent_hugepage/enabled", r"\[(\w+)\]"),
        "system": first_match("/etc/os-release", r'^PRETTY_NAME="(.*)"'),
        "slug": re.sub(r"[^a-z0-9]+", "-", f"{text} f{cpu['cpu family']}m{cpu['model']} {cores}cpu".lower()).strip("-"),
    }


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=SOURCE, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def facts_of(programs):
    build = programs.server("limits").ask("list")
    dirty = git("status", "--porcelain", "--untracked-files=no")
    return {"arch": build["arch"], "compiler": build["compiler"],
            "commit": (git("rev-parse", "--short=12", "HEAD") or "unknown") + ("+" if dirty else ""), "peers": {}}


# ---- parts of a run --------------------------------------------------------------------------------------------------

def make_session(options, environment=None):
    environment = dict(environment or {})
    if options.smoke:
        environment["PILLAR_BENCH_RAM_MIB"] = "4"
    folder = os.path.join(options.build, "bench")
    if not os.path.exists(os.path.join(folder, "bench_limits")):
        stop(f"no programs in {os.path.relpath(folder)}: ./dev bench builds them")
    environment.setdefault("PILLAR_DATA", os.path.dirname(DATA))
    os.environ["PILLAR_BENCH_PROGRAMS"] = folder  # for peers that are C++ libraries
    programs = Programs(folder, environment)
    return measure.Session(programs, peers.Peers(SOURCE, BUILD, DATA, say), ROWS, say)


def chosen_rows(options):
    if not options.names:
        return [row for row in ROWS if (options.long or not row.long) and not (options.smoke and row.dataset)]
    chosen = [row for row in ROWS if row.name in options.names or row.component in options.names and
              (options.long or not row.long)]
    unknown = [n for n in options.names if n != "build" and not any(n in (row.name, row.component) for row in chosen)]
    if unknown:
        known = sorted({row.component for row in ROWS} | {"build"})
        stop(f"no row or component {', '.join(unknown)}; components: {', '.join(known)}")
    return chosen


def prepare_data(session, rows, options):
    sets = {name for row in rows for name in row.dataset.split()}
    os.environ["PILLAR_DATA"] = os.path.dirname(DATA)
    peers.make_data(os.path.join(options.build, "bench/bench_data"), DATA, sets, say)


def written(value, unit):
    return "no figure" if value is None else page.figure(value, unit)


def progress_line(each, number, passes, index, count, rest):
    row = each.row
    line = f"[{number + 1}/{passes} {index + 1:3d}/{count}] {row.name:34s}"
    if each.problem:
        line += f" PROBLEM: {each.problem}"
    elif each.rounds:
        last = summary.entries_of(each, {"arch": "", "compiler": "", "commit": "", "peers": {}})
        line += f" {written(last[0]['ours'], row.unit):>16s}"
        if last[0]["fraction_of_limit"]:
            line += f"  {last[0]['fraction_of_limit']:.2f} of limit"
        for e in last:
            if e["peer"]:
                line += f"  {e['peer'].split('/')[-1]} " + (f"×{e['ratio']:.3g}" if e["ratio"] else e["peer_state"])
    say(f"{line}   rest {minutes(rest)}")


def measure_build(turns):
    """Seconds of every unit, in turns; a unit of more than 15 s only once (--judge takes three turns of it)."""
    work = os.path.join(OUT, "build_time")
    os.makedirs(work, exist_ok=True)
    seconds = {}
    for turn in range(turns):
        for name in build_time.UNITS:
            if name in seconds and seconds[name][0] > 15:
                continue
            took = build_time.compile_seconds(SOURCE, work, name)
            seconds.setdefault(name, []).append(took)
            say(f"[build {turn + 1}/{turns}] {name:34s} {took:.2f} s CPU")
    return build_time.figures(seconds)


def build_entries(figures, facts):
    out = []
    for figure in figures:
        component, case = figure["name"].split("/")
        out.append({
            "component": component, "case": case, "threads": 1, "rows": 0, "scale": "CPU seconds, GCC 12 -O2",
            "arch": facts["arch"], "compiler": "g++-12 -std=c++20 -O2", "kind": "build", "ours": round(figure["seconds"], 3),
            "unit": "s", "better": "lower", "peer": None, "peer_version": None, "peer_state": "none", "peer_value": None,
            "ratio": None, "limit_name": None, "limit": None, "fraction_of_limit": None,
            "spread": summary.significant(rounds.spread_of(figure["rounds"]), 3),
            "cpu_over_wall": None, "clock_ghz": None, "commit": facts["commit"],
            "rounds": {"ours": [round(s, 3) for s in figure["rounds"]], "to_statusor": round(figure["to_statusor"], 3),
                       "at_reference": round(figure["at_reference"], 3), "limit_at_reference": figure["limit"],
                       "within": figure["within"]}})
    return out


def limits_of(measured):
    """group → kernel → bytes/s, the best median seen."""
    best = {}
    for each in measured:
        for taken in each.rounds:
            for name, sample in taken.samples.items():
                if name.startswith("limits/"):
                    best.setdefault(name, []).append(rounds.rate(sample))
    out = {}
    for name, rates in best.items():
        _, group, kernel = name.split("/")
        out.setdefault(group, {})[kernel] = summary.significant(sorted(rates)[len(rates) // 2], 4)
    return out


def accepted(slug):
    """The newest committed result of such a machine: (file name, content), or (None, None)."""
    names = sorted(n for n in os.listdir(RESULTS) if n.endswith(f"-{slug}.json")) if os.path.isdir(RESULTS) else []
    if not names:
        return None, None
    with open(os.path.join(RESULTS, names[-1])) as text:
        return names[-1], json.load(text)


def load_json(path):
    try:
        with open(path) as text:
            return json.load(text)
    except (OSError, ValueError):
        return None


def write_json(path, content):
    with open(path, "w") as out:
        json.dump(content, out, indent=None, separators=(",", ":"), ensure_ascii=False)
        out.write("\n")


def report_of(session, measured, facts, options, settings):
    facts["peers"] = session.peers.facts
    entries = summary.with_floors([entry for each in measured for entry in summary.entries_of(each, facts)])
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(), "arch": facts["arch"], "compiler": facts["compiler"], "commit": facts["commit"],
        "settings": settings, "peers": session.peers.facts, "absent": session.peers.absent,
        "limits": limits_of(measured), "rows": entries,
        "problems": [f"{each.row.name}: {each.problem}" for each in measured if each.problem] +
                    [f"{each.row.name}: {peer} {each.peer_state[peer][1]}" for each in measured for peer in each.differs],
    }


# ---- verbs -----------------------------------------------------------------------------------------------------------

def minutes_left():
    """For measuring: what is left of 20 minutes after `./dev bench` has installed and compiled, less 2.5 for the rows of
    compile time and the page."""
    began = float(os.environ.get("PILLAR_BENCH_BEGAN") or time.time())
    return max(5.0, min(13.0, 17.5 - (time.time() - began) / 60))


def verb_measure(options):
    rows = chosen_rows(options)
    if options.minutes is None:
        options.minutes = minutes_left()
    with_build = (not options.names or "build" in options.names) and not options.smoke
    session = make_session(options)
    facts = facts_of(session.programs)
    passes, turns = (1, 1) if options.smoke else (1, 3) if options.quick else (6, 1)
    if options.smoke:
        measure.TURNS.update(dict.fromkeys(measure.TURNS, (1, 0.0005, 0)))
    say(f"{len(rows)} rows, {passes} × {turns} rounds, at most {options.minutes:g} minutes; {facts['arch']}, {facts['compiler']}")
    prepare_data(session, rows, options)
    if any(row.peers for row in rows) and not options.smoke:
        session.peers.install()
    measured, done = measure.run_passes(session, rows, passes, turns, options.minutes * 60, progress_line)
    session.programs.stop()
    session.peers.stop()
    free = sorted(session.programs.free_adds)
    report = report_of(session, measured, facts, options,
                       {"passes": done, "rounds_per_pass": turns, "size": "smoke" if options.smoke else
                        "quick" if options.quick else "default", "components": options.names,
                        "free_adds": [round(free[int(len(free) * share)], 2) for share in (0.05, 0.5, 0.95)] if free else []})
    if with_build:
        report["rows"] += build_entries(measure_build(1 if options.quick else 3), facts)
    report["seconds"] = round(time.monotonic() - STARTED)
    return finish(report, "smoke" if options.smoke else "summary")


def finish(report, name):
    """Writes the files, prints what matters, gives the exit code."""
    os.makedirs(OUT, exist_ok=True)
    write_json(os.path.join(OUT, name + ".json"), report)
    base_name, base = accepted(report["machine"]["slug"])
    html = os.path.join(OUT, "index.html" if name == "summary" else name + ".html")
    judged = load_json(os.path.join(OUT, "judged.json")) or (base or {}).get("judged")
    with open(html, "w") as out:
        out.write(page.page(report, ROWS, judged or {}, base_name, base))
    entries = report["rows"]
    losses = sorted((e for e in entries if e["ratio"] is not None and e["ratio"] < 1 and not e["peer"].startswith("pillar ")),
                    key=lambda e: e["ratio"])
    for e in losses:
        say(f"loss: {summary.name_of(e)} is {1 / e['ratio']:.2f}× {'larger' if e['unit'] == 'bytes' else 'slower'} than {e['peer']}")
    wrong = summary.wrong_limits(entries)
    if name != "smoke":
        for e in wrong:
            say(f"WRONG LIMIT: {e} exceeds {rounds.WRONG_LIMIT} of its limit")
        if base:
            slow = summary.slower(entries, base["rows"])
            for each, share in sorted(slow.items(), key=lambda item: -item[1]):
                say(f"slower than accepted ({base_name}): {each} lost {share:.0%}")
    for problem in report["problems"]:
        say(f"PROBLEM: {problem}")
    say(f"stated spread in the median: {spreads_text(entries)}")
    say(f"{os.path.relpath(html)} and {name}.json written")
    return 5 if report["problems"] else 3 if wrong and name != "smoke" else 0


def spreads_text(entries):
    middle = summary.median_spreads(entries)
    return ", ".join(f"{kind} {share:.1%}" for kind, share in middle.items())


def verb_judge(options):
    by_name = {row.name: row for row in ROWS}
    if not options.judge:
        options.judge = [row.name for row in ROWS if row.bars and not row.long]
    unknown = [n for n in options.judge if n not in by_name and n not in build_time.UNITS and n != build_time.FURTHER]
    if unknown:
        stop(f"no row {', '.join(unknown)}")
    session = make_session(options)
    facts = facts_of(session.programs)
    prepare_data(session, [by_name[n] for n in options.judge if n in by_name], options)
    judged = load_json(os.path.join(OUT, "judged.json")) or {}
    collected = []
    for name in options.judge:
        say(f"judging {name}")
        found = judge_row(session, by_name[name], facts) if name in by_name else judge_build(name)
        collected += found
        for v in found:
            value = "" if v.measured is None else f"  {v.measured:.4g}" + (f" ({v.spread[0]:.4g} to {v.spread[1]:.4g})" if v.spread else "")
            say(f"  {v.verdict.upper():11s} {v.bar}{value}" + (f"  [{v.reason}]" if v.reason else ""))
        judged[name] = [dict(vars(v), date=datetime.date.today().isoformat(), commit=facts["commit"]) for v in found]
    os.makedirs(OUT, exist_ok=True)
    write_json(os.path.join(OUT, "judged.json"), judged)
    session.programs.stop()
    session.peers.stop()
    return judge.exit_code(collected)


def judge_row(session, row, facts):
    if not row.bars:
        say(f"  {row.name} has no bar")
        return []
    measured = measure.Measured(row)
    session.prepare(measured)
    if measured.problem or measured.differs:
        reason = measured.problem or "; ".join(f"{p}: {measured.peer_state[p][1]}" for p in measured.differs)
        return [judge.Verdict(judge.bar_text(row, bar), "not judged", reason=reason) for bar in row.bars]
    turn = measure.JUDGED_TURNS[row.kind]
    begin = time.monotonic()
    for taken, much, least in ((1, 4, 0.5e9), (2, 2, 0)):       # warms up, and finds who is worth the time
        once = (1, turn[1], 0.0) if taken == 1 else turn
        session.take(measured, taken, once, extra=taken if taken > 1 else 0)
        rivals = leave_out_slow(measured, much, least)
        if taken == 1:
            measured.quiet, measured.repeated = [], []
    runners, threads = session.contestants(measured, turn)
    less_kernels = session.limit_kernels(row.less_work) if row.less_work else []
    runners.update((kernel, session.turn(session.programs.server("limits"), kernel, turn)) for kernel in less_kernels)
    gate = rounds.OpenGate() if row.kind == "size" else session.gate
    try:
        quiet, repeated = rounds.alternate(runners, session.programs.clock, gate, threads, judge.ROUNDS,
                                           judge.SECONDS - (time.monotonic() - begin), time.monotonic)
    except Failure as problem:
        return [judge.Verdict(judge.bar_text(row, bar), "not judged", reason=str(problem)) for bar in row.bars]
    say(f"  {len(quiet)} quiet rounds, {len(repeated)} repeated" + (f" (last: {repeated[-1].why})" if repeated else ""))
    absent = {p: state[0] for p, state in measured.peer_state.items() if state[0] != "measured"}
    return judge.verdicts(row, quiet, repeated, measured.limit_kernels, rivals, absent, facts["arch"] == "v4_vbmi2",
                          less_kernels=less_kernels)


def leave_out_slow(measured, much, least_ns):
    """The peers that go on: those that need more than `much` times the best one's time, and that long, do not."""
    rivals = [p for p in measured.row.peers if measured.peer_state.get(p, ("",))[0] == "measured"]
    if rivals and measured.rounds and measured.row.kind != "decode":    # whoever is slow in total may be fast in a column
        warm = {peer: sample.wall_ns for peer, sample in measured.rounds[-1].samples.items() if peer in rivals}
        for peer, times in judge.too_slow(warm, much, least_ns):
            say(f"  {peer}: {times:.1f}× slower than the best peer, left out")
            measured.peer_state[peer] = ("slower", "slower than another peer")
    return [p for p in rivals if measured.peer_state[p][0] == "measured"]


def judge_build(name):
    """The least of three turns, alternating with the unit that all are compared with."""
    limit = build_time.FURTHER_LIMIT if name == build_time.FURTHER else build_time.UNITS[name][2]
    work = os.path.join(OUT, "build_time")
    os.makedirs(work, exist_ok=True)
    seconds = {}
    for _ in range(3):
        for unit in [build_time.UNIT, *build_time.needed(name)]:
            seconds.setdefault(unit, []).append(build_time.compile_seconds(SOURCE, work, unit))
    figure = next(f for f in build_time.figures(seconds) if f["name"] == name)
    verdict = judge.Verdict(f"≤ {limit} s CPU on the reference machine", "not judged", figure["at_reference"],
                            reason=f"{figure['seconds']:.2f} s here, {figure['to_statusor']:.2f} × absl/status/statusor.h")
    if limit is not None:
        verdict.verdict = "passed" if figure["within"] else "failed"
    return [verdict]


def verb_agree(options):
    new, old = load_json(os.path.join(OUT, "summary.json")), load_json(options.agree)
    if new is None or old is None:
        stop(f"needs build/bench/summary.json and {options.agree}")
    agree, both, apart = summary.agreement(new["rows"], old["rows"])
    for entry, then in apart:
        a, b = summary.main_figure(entry)[0], summary.main_figure(then)[0]
        print(f"{summary.name_of(entry):36s} {entry['peer'] or '':24s} {b:.4g} → {a:.4g} "
              f"({a / b - 1:+.1%}; stated spreads {then['spread']:.1%}, {entry['spread']:.1%})")
    share = agree / both if both else 0.0
    print(f"stated spread in the median: {spreads_text(old['rows'])}; now {spreads_text(new['rows'])}")
    print(f"{agree} of {both} entries agree within the wider stated spread: {share:.1%}")
    return 0 if share >= 0.9 else 1


def verb_accept(options):
    report = load_json(os.path.join(OUT, "summary.json"))
    if report is None or report["settings"]["size"] != "default" or report["settings"]["components"]:
        stop("only a whole run of default size is accepted: ./dev bench")
    if report["problems"]:
        stop("the last run has problems: " + "; ".join(report["problems"]))
    report["judged"] = load_json(os.path.join(OUT, "judged.json")) or {}
    os.makedirs(RESULTS, exist_ok=True)
    path = os.path.join(RESULTS, f"{report['date'][:10]}-{report['machine']['slug']}.json")
    write_json(path, report)
    if os.path.getsize(path) > 200_000:      # the rounds go first; the spreads say what they said
        for entry in report["rows"]:
            for key in ("ours", "ratio", "fraction"):
                (entry.get("rounds") or {}).pop(key, None)
        write_json(path, report)
    say(f"{os.path.relpath(path, SOURCE)}: {os.path.getsize(path) / 1000:.0f} KB; commit it")
    return 0 if os.path.getsize(path) <= 200_000 else 1


def verb_planted(options):
    """Three kernels lose a fifth of their speed to real work in their loops; the comparison must name these and no others."""
    wanted = [dataclasses.replace(row, limit="", reference="", bars=()) for row in ROWS if row.name in PLANTED + CONTROLS]
    slow = ",".join(f"{row.case or row.name}:0.25" for row in wanted if row.name in PLANTED)
    plain, slowed = make_session(options), make_session(options, {"PILLAR_BENCH_SLOW": slow})
    facts = facts_of(plain.programs)
    kinds = {plain: [measure.Measured(row) for row in wanted], slowed: [measure.Measured(row) for row in wanted]}
    for _ in range(6):
        for session in kinds:
            session.start_again()
        for both in zip(*kinds.values()):
            for session, each in zip(kinds, both):
                if not each.rounds:
                    session.prepare(each)
                session.take(each, 2, measure.TURNS["kernel"], extra=2)
    before, after = (report_of(session, measured, facts, options, {"passes": 6, "rounds_per_pass": 2, "size": "planted",
                                                                  "components": []}) for session, measured in kinds.items())
    for session in kinds:
        session.programs.stop()
    after["seconds"] = round(time.monotonic() - STARTED)
    found = summary.slower(after["rows"], before["rows"])
    for row in wanted:
        kept = found.get(row.name)
        say(f"{row.name:34s} {'planted' if row.name in PLANTED else 'as it was':10s} " +
            (f"flagged: lost {kept:.0%}" if kept else "not flagged"))
    os.makedirs(OUT, exist_ok=True)
    with open(os.path.join(OUT, "planted.html"), "w") as out:
        out.write(page.page(after, ROWS, {}, "the same minute, nothing planted", before))
    say("build/bench/planted.html written")
    return 0 if set(found) == set(PLANTED) else 1


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="COMPONENT", help="components or rows; all default rows without")
    parser.add_argument("--judge", nargs="*", metavar="ROW", help="judges the bars of these rows (of all default rows)")
    parser.add_argument("--quick", action="store_true", help="one pass of three rounds")
    parser.add_argument("--smoke", action="store_true", help="every row for a moment, into smoke.json")
    parser.add_argument("--long", action="store_true", help="the long rows too")
    parser.add_argument("--agree", metavar="OLD.json", help="compares the last run with another")
    parser.add_argument("--accept", action="store_true", help="copies the last run to bench/results/")
    parser.add_argument("--planted", action="store_true", help="checks that slowdowns of a fifth are noticed")
    parser.add_argument("--page", action="store_true", help="writes the page again from the last run")
    parser.add_argument("--minutes", type=float, help="for all but building (13, less where little is left of 20)")
    parser.add_argument("--build", default=os.path.join(BUILD, "release"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.agree:
        return verb_agree(options)
    if options.accept:
        return verb_accept(options)
    if options.page:
        report = load_json(os.path.join(OUT, "summary.json"))
        return finish(report, "summary") if report else stop("no build/bench/summary.json")
    if options.planted:
        return verb_planted(options)
    return verb_judge(options) if options.judge is not None else verb_measure(options)


if __name__ == "__main__":
    sys.exit(main())
