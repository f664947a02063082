# SPDX-License-Identifier: Apache-2.0
"""The driver's decisions, with made-up contestants and clocks: which rounds count, what is passed, what is compared."""
import os
import random
import statistics
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench"))
from harness import build_time, charts, contestants, judge, measure, page, rounds, summary  # noqa: E402
from harness.contestants import Failure, Sample  # noqa: E402
from rows import Bar, Row  # noqa: E402
import rows as table  # noqa: E402

FACTS = {"arch": "v3", "compiler": "GCC", "commit": "abc", "peers": {}}


def sample(milliseconds, cpu=1.0, items=1_000_000, count=4_000_000, answer="42"):
    return Sample(milliseconds * 1e6, milliseconds * 1e6 * cpu, items, count, answer)


def taken(quiet=True, **milliseconds):
    return rounds.Round({name: sample(ms) for name, ms in milliseconds.items()}, 3.5, quiet, "" if quiet else "clock")


class Time:
    def __init__(self, step=1.0):
        self.t, self.step = 0.0, step

    def __call__(self):
        self.t += self.step
        return self.t


class Gates(unittest.TestCase):
    def alternate(self, clocks, contestants=None, wanted=9, seconds=300, threads=None):
        readings = iter(clocks)
        return rounds.alternate(contestants or {"ours": lambda: sample(1), "peer": lambda: sample(2)},
                                lambda: next(readings, 3.5), rounds.Gate(), threads or {"ours": 1, "peer": 1},
                                wanted, seconds, Time())

    def test_quiet_rounds_count(self):
        quiet, repeated = self.alternate([])
        self.assertEqual((len(quiet), len(repeated)), (9, 0))

    def test_a_round_with_another_clock_is_repeated(self):
        quiet, repeated = self.alternate([3.5] * 9 + [3.5, 3.2, 3.5])
        self.assertEqual((len(quiet), len(repeated)), (9, 1))
        self.assertIn("clock 3.20", repeated[0].why)

    def test_a_clock_within_three_per_cent_counts(self):
        quiet, repeated = self.alternate([3.5, 3.41, 3.59, 3.5])
        self.assertEqual(len(repeated), 0)

    def test_an_interrupted_contestant_is_repeated(self):
        shares = iter([0.9, 0.96])
        quiet, repeated = self.alternate([], {"ours": lambda: sample(1), "peer": lambda: sample(2, next(shares, 1.0))})
        self.assertEqual((len(quiet), len(repeated)), (9, 2))

    def two_threads(self, others, cpu_over_wall=1.4):
        def turn():
            one = sample(1, cpu_over_wall)  # 1.4: a serial end, 0.7 of both threads
            one.spent, one.others = 1.0, others
            return one
        return self.alternate([], {"ours": turn}, seconds=20, threads={"ours": 2})

    def test_two_threads_may_be_idle_but_not_disturbed(self):
        quiet, repeated = self.two_threads(0.07)
        self.assertEqual((len(quiet), len(repeated)), (9, 0))
        quiet, repeated = self.two_threads(0.09)
        self.assertEqual(len(quiet), 0)
        self.assertGreater(len(repeated), 5)
        self.assertIn("others worked", repeated[0].why)

    def test_two_threads_that_ran_on_one_core_do_not_count(self):
        quiet, repeated = self.two_threads(0.0, 1.11)
        self.assertEqual((len(quiet), len(repeated)), (9, 0))
        quiet, repeated = self.two_threads(0.0, 1.09)
        self.assertEqual(len(quiet), 0)
        self.assertIn("CPU/wall 1.09 of 2", repeated[0].why)

    def test_a_turn_of_several_threads_says_what_others_did(self):
        used = iter([5.0, 5.25])
        turn = measure.Turn(lambda: sample(1), 2, 1000, rounds.Neighbour(), lambda: next(used))
        self.assertAlmostEqual(turn().others, 0.25)

    def test_cpu_seconds_of_a_process_and_of_the_machine(self):
        before, own = contestants.machine_cpu_seconds(), contestants.cpu_seconds_of(os.getpid())
        child = subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
        self.assertEqual(child.returncode, 0)
        self.assertGreaterEqual(contestants.cpu_seconds_of(os.getpid()) - own, 0.25)
        self.assertGreaterEqual(contestants.machine_cpu_seconds() - before, 0.25)

    def test_time_ends_the_waiting(self):
        noisy = iter(range(10_000))
        quiet, repeated = rounds.alternate({"ours": lambda: sample(1, 0.5)}, lambda: 3.5, rounds.Gate(), {"ours": 1}, 9, 300, Time(10))
        self.assertEqual(len(quiet), 0)
        self.assertLessEqual(len(repeated), 31)
        del noisy

    def test_turns_change_their_order(self):
        seen = []
        self.alternate([], {"a": lambda: seen.append("a") or sample(1), "b": lambda: seen.append("b") or sample(1)}, wanted=2)
        self.assertEqual(seen, ["a", "b", "b", "a"])


class Turns(unittest.TestCase):
    @staticmethod
    def turn(times, free, neighbour, wanted=3):
        runs = iter(zip(times, free))

        def run():
            ms, adds = next(runs)
            one = sample(ms)
            one.free_adds = adds
            return one
        return measure.Turn(run, wanted, 1000, neighbour)

    def test_a_turn_ends_with_enough_runs_that_had_the_core(self):
        neighbour = rounds.Neighbour([12.0] * 20)
        turn = self.turn([5, 3, 4, 4, 4, 9], [8, 12, 9, 12, 11.9, 12], neighbour)
        best = turn()
        self.assertEqual((turn.runs, best.wall_ns, best.undisturbed), (5, 3e6, True))

    def test_without_such_runs_time_ends_it(self):
        neighbour = rounds.Neighbour([12.0] * 20)
        turn = self.turn([5, 3, 4, 4], [8] * 4, neighbour)
        turn.enough = 0
        self.assertFalse(turn().undisturbed)
        self.assertEqual(turn.runs, 2)

    def test_one_long_run_is_enough(self):
        turn = self.turn([5, 3, 4], [0] * 3, rounds.Neighbour())
        turn.enough, run = 0.001, turn.run
        turn.run = lambda: time.sleep(0.003) or run()
        turn()
        self.assertEqual(turn.runs, 1)

    def test_who_tells_nothing_counts(self):
        turn = self.turn([5, 3, 4], [0] * 3, rounds.Neighbour())
        self.assertTrue(turn().undisturbed)
        self.assertEqual(turn.runs, 3)

    def test_a_core_that_is_never_free_is_the_usual_one(self):
        neighbour = rounds.Neighbour()
        self.assertTrue(all(neighbour.quiet(7.0) for _ in range(10)))

    def test_side_by_side(self):
        neighbour, seen = rounds.Neighbour([12.0] * 20), []

        def contestant(name, free):
            turn = self.turn([1] * 9, free, neighbour)
            run = turn.run
            turn.run = lambda: seen.append(name) or run()
            return turn
        samples = measure.side_by_side({"a": contestant("a", [12] * 9), "b": contestant("b", [8, 12, 12, 12, 12])}, False)
        self.assertEqual("".join(seen), "abbaabb")
        self.assertEqual(list(samples), ["a", "b"])

    def test_rounds_are_spread_over_the_passes(self):
        kinds = {"kernel": Row("a/b", "p"), "storage": Row("a/b", "p", kind="storage"), "size": Row("a/b", "p", kind="size")}
        took = {kind: [n for n in range(6) if measure.takes_part(row, n, 6)] for kind, row in kinds.items()}
        self.assertEqual(took, {"kernel": [0, 1, 2, 3, 4, 5], "storage": [0, 3], "size": [0]})

    def test_which_rounds_count(self):
        measured = measure.Measured(Row("a/b", "p"))
        alone, shared, disturbed = taken(ours=1), taken(ours=2), taken(False, ours=3)
        shared.samples["ours"].undisturbed = False
        measured.quiet, measured.repeated = [alone, shared], [disturbed]
        self.assertEqual(measured.chosen(), ([alone, shared, disturbed], "all"))
        measured.quiet.append(shared)
        self.assertEqual(measured.chosen(), ([alone, shared, shared], "quiet"))
        measured.quiet.append(alone)
        self.assertEqual(measured.chosen(), ([alone, alone], "quiet"))


class Figures(unittest.TestCase):
    def test_ratio_is_above_one_when_ours_is_better(self):
        self.assertEqual(rounds.ratio_of(10, 5, "higher"), 2)
        self.assertEqual(rounds.ratio_of(10, 5, "lower"), 0.5)
        self.assertIsNone(rounds.ratio_of(10, None, "lower"))

    def test_units(self):
        self.assertEqual(sample(1).value(Row("a/b", "p")), 1e9)
        self.assertEqual(sample(2).value(Row("a/b", "p", unit="ms")), 2)
        self.assertEqual(sample(1, count=77).value(Row("a/b", "p", unit="bytes")), 77)
        self.assertEqual(Row("a/b", "p", unit="ms").better, "lower")
        self.assertEqual(Sample(1e9, 1e9).value(Row("a/b", "p", unit="rows/s", rows=6)), 6)

    def test_absolute_figures_are_scaled_to_the_reference_clock(self):
        self.assertAlmostEqual(rounds.scaled(10, "values/s", 3.65 / 2), 20)
        self.assertAlmostEqual(rounds.scaled(10, "ms", 3.65 / 2), 5)

    def test_spread_is_a_share_of_the_range_and_never_below_the_gate(self):
        self.assertAlmostEqual(rounds.spread_of([10, 10, 13]), 0.318)
        self.assertAlmostEqual(rounds.spread_of([10, 11]), 2.5 / 10.5)
        self.assertAlmostEqual(rounds.spread_of([10] * 15 + [13]), 0.37 * 0.3 * 0.5 ** 0.5)
        self.assertEqual(rounds.spread_of([10, 10]), 0.03)
        self.assertEqual(rounds.spread_of([10]), 0.1)

    def test_two_runs_of_the_same_agree_within_the_wider_spread(self):
        chance = random.Random(1)
        for count in (2, 3, 4, 6, 8, 12):
            agree = 0
            for _ in range(400):
                runs = [[chance.gauss(100, 8) for _ in range(count)] for _ in range(2)]
                a, b = (statistics.median(run) for run in runs)
                agree += abs(a - b) <= max(map(rounds.spread_of, runs)) * max(a, b)
            self.assertGreater(agree, 360, count)

    def test_no_row_states_less_than_its_kind_does_in_the_median(self):
        entries = [dict(kind=kind, limit_name=limit, spread=spread, rounds={}) for kind, limit, spread in (
            ("kernel", None, 0.03), ("kernel", "limits/read_l2/a", 0.05), ("kernel", "limits/store_l1/a", 0.2),
            ("kernel", "limits/read_ram/a", 0.1), ("query", None, 0.3), ("size", None, 0.001))]
        self.assertEqual([e["spread"] for e in summary.with_floors(entries)], [0.05, 0.05, 0.2, 0.1, 0.3, 0.001])
        self.assertEqual(entries[0]["rounds"]["own_spread"], 0.03)
        self.assertAlmostEqual(summary.median_spreads(entries)["all"], 0.1)

    def test_a_size_says_what_it_is_made_of(self):
        measured = measure.Measured(Row("size/flights", "storage", kind="size", unit="bytes", peers=("parquet",)))
        measured.peer_state["parquet"] = ("measured", "")
        size = lambda total, label: Sample(1, 1, bytes=total, label=label)  # noqa: E731
        measured.quiet = [rounds.Round({"ours": size(50, '{"columns": {"a": 50}}'), "parquet": size(100, "")}, 3.5, True, "")]
        entry, = summary.entries_of(measured, FACTS)
        self.assertEqual((entry["ours"], entry["peer_value"], entry["ratio"]), (50, 100, 2))
        self.assertEqual(entry["rounds"]["ours_made_of"], {"columns": {"a": 50}})
        self.assertNotIn("peer_made_of", entry["rounds"])

    def test_a_decoding_is_compared_column_by_column(self):
        row = Row("decode/t", "storage", kind="decode", unit="ms", peers=("parquet",), bars=(Bar("peers", 5), Bar("columns", 1.5)))
        measured = measure.Measured(row)
        measured.peer_state["parquet"] = ("measured", "")
        times = lambda ms, a, b: Sample(ms * 1e6, ms * 1e6, label=f'{{"columns": {{"a": {a}, "b": {b}}}}}')  # noqa: E731
        measured.quiet = [rounds.Round({"ours": times(1, 100, 200 + k), "parquet": times(6, 500, 260)}, 3.5, True) for k in range(9)]
        entry, = summary.entries_of(measured, FACTS)
        self.assertEqual(entry["ratio"], 6)
        self.assertEqual(entry["rounds"]["column_ratios"], {"a": 5, "b": 1.275})
        self.assertEqual(entry["rounds"]["ours_made_of"], {"columns": {"a": 100, "b": 204}})
        total, columns = judge.verdicts(row, measured.quiet, [], [], ["parquet"], {}, True)
        self.assertEqual((total.verdict, columns.verdict), ("passed", "failed"))
        self.assertIn("least: b, parquet", columns.bar)
        self.assertEqual(judge.verdicts(row, measured.quiet, [], [], [], {}, True)[1].verdict, "not judged")


class Judging(unittest.TestCase):
    row = Row("filter/x", "filter", limit="read_l2", peers=("duckdb",),
              bars=(Bar("limit", 0.85), Bar("row", 1.2, "filter/raw"), Bar("peers", 2), Bar("absolute", 0.9e9)))
    kernels = ["limits/read_l2/a", "limits/read_l2/b"]

    def nine(self, ours=1.0, limit=0.95, raw=1.3, duckdb=3.0, count=9):
        return [rounds.Round({"ours": sample(ours), self.kernels[0]: sample(limit), self.kernels[1]: sample(limit * 2),
                              "filter/raw": sample(raw), "duckdb": sample(duckdb)}, 3.65, True) for _ in range(count)]

    def said(self, quiet, repeated=(), peers=("duckdb",), absent=None, best_level=True, row=None, kernels=None):
        return judge.verdicts(row or self.row, quiet, list(repeated), self.kernels if kernels is None else kernels,
                              list(peers), absent or {}, best_level)

    def test_who_is_slow_is_left_out_but_not_for_less_than_half_a_second(self):
        self.assertEqual(judge.too_slow({"a": 0.1e9, "b": 0.39e9, "c": 0.49e9}, 4, 0.5e9), [])
        self.assertEqual(judge.too_slow({"a": 0.1e9, "b": 0.49e9, "c": 0.6e9}, 4, 0.5e9), [("c", 6.0)])
        self.assertEqual(judge.too_slow({"a": 0.4e9, "b": 1.59e9}, 4, 0.5e9), [])
        self.assertEqual(judge.too_slow({"a": 1e6, "b": 2e6, "c": 3e6}, 2, 0), [("c", 3.0)])
        self.assertEqual(judge.too_slow({}, 4, 0.5e9), [])

    def test_all_passed(self):
        said = self.said(self.nine())
        self.assertEqual([v.verdict for v in said], ["passed"] * 4)
        self.assertAlmostEqual(said[0].measured, 0.95)
        self.assertAlmostEqual(said[2].measured, 3.0)
        self.assertEqual(judge.exit_code(said), 0)

    def test_never_passed_with_eight_rounds(self):
        said = self.said(self.nine(count=8), [taken(False, ours=1)])
        self.assertEqual({v.verdict for v in said}, {"not judged"})
        self.assertIn("8 quiet rounds of 9", said[0].reason)
        self.assertEqual(judge.exit_code(said), 4)

    def test_nothing_measured_is_not_judged(self):
        self.assertEqual({v.verdict for v in self.said([])}, {"not judged"})
        self.assertEqual(judge.exit_code([]), 4)

    def test_a_missed_bar_fails(self):
        said = self.said(self.nine(ours=1.2))
        self.assertEqual([v.verdict for v in said], ["failed", "failed", "passed", "failed"])
        self.assertEqual(judge.exit_code(said), 1)

    def test_near_the_limit_counts_as_met(self):
        said = self.said(self.nine(ours=1.0, limit=0.96, raw=1.0))
        self.assertEqual(said[1].verdict, "passed")
        self.assertIn("strictly less work", said[1].reason)

    def test_near_a_kernel_that_does_less_counts_as_met(self):
        row = Row("filter/x", "filter", limit="read_l2", less_work="less_masks_l2", bars=(Bar("limit", 0.9),))
        for milliseconds, verdict in ((0.96, "passed"), (0.94, "failed")):
            quiet = self.nine(limit=0.7)
            for each in quiet:
                each.samples["limits/less_masks_l2/compare"] = sample(milliseconds)
            said = judge.verdicts(row, quiet, [], self.kernels, [], {}, True, less_kernels=["limits/less_masks_l2/compare"])
            self.assertEqual(said[0].verdict, verdict)
            self.assertIn(f"{milliseconds:.2f} of less_masks_l2", said[0].reason)
            self.assertAlmostEqual(said[0].measured, 0.7)

    def test_a_fraction_above_the_limit_is_a_wrong_limit(self):
        said = self.said(self.nine(limit=1.05))
        self.assertEqual({v.verdict for v in said}, {"wrong limit"})
        self.assertEqual(judge.exit_code(said), 3)

    def test_an_absent_peer_is_not_judged(self):
        said = self.said(self.nine(), peers=(), absent={"duckdb": "absent"})
        self.assertEqual([v.verdict for v in said], ["passed", "passed", "not judged", "passed"])
        self.assertIn("duckdb absent", said[2].reason)

    def test_the_best_peer_counts(self):
        quiet = self.nine(limit=0.9)
        for each in quiet:
            each.samples["polars"] = sample(1.5)
        said = self.said(quiet, peers=("duckdb", "polars"))
        self.assertEqual((said[2].verdict, said[2].measured), ("failed", 1.5))
        self.assertIn("polars", said[2].bar)

    def test_absolute_bars_need_the_best_level(self):
        said = self.said(self.nine(), best_level=False)
        self.assertEqual([v.verdict for v in said], ["passed", "passed", "passed", "not judged"])

    def test_lower_absolute_bar(self):
        row = Row("query/x", "query", unit="ms", bars=(Bar("absolute", 3),))
        self.assertEqual(self.said(self.nine(ours=2), row=row, kernels=[])[0].verdict, "passed")
        self.assertEqual(self.said(self.nine(ours=4), row=row, kernels=[])[0].verdict, "failed")

    def test_the_median_of_ratios_not_the_ratio_of_medians(self):
        quiet = self.nine()
        for k, each in enumerate(quiet):
            each.samples["ours"], each.samples["filter/raw"] = sample(1 + k), sample(1.3 * (1 + k))
        self.assertAlmostEqual(self.said(quiet, kernels=[])[1].measured, 1.3)


class FakeServer:
    def __init__(self, cases):
        self.cases = cases

    def lookup(self, case):
        if case not in self.cases:
            raise Failure("no such case")
        found = self.cases[case]
        if isinstance(found, Exception):
            raise found
        return found

    def run(self, case, _):
        return self.lookup(case)

    def answer(self, case):
        return self.lookup(case).answer

    def ask(self, _):
        return {}


class FakePrograms:
    def __init__(self, cases):
        self.one, self.servers, self.started_again = FakeServer(cases), {"filter": 0, "storage": 0}, []

    def stop(self, program):
        self.started_again.append(program)

    def server(self, _):
        return self.one

    def cases(self, _):
        return list(self.one.cases)

    def clock(self):
        return 3.5


class FakePeers:
    def __init__(self, servers):
        self.servers, self.absent, self.facts = servers, {"polars": "not installed"}, {"duckdb": {"version": "1.5", "settings": ""}}

    def server(self, name):
        return self.servers.get(name)

    def start_again(self):
        pass


class Measuring(unittest.TestCase):
    limits = {f"limits/read_l2/{n}": sample(ms) for n, ms in (("fast", 0.9), ("near", 0.95), ("slow", 1.5))}

    def entries(self, row, cases, peer_servers=None, passes=1):
        session = measure.Session(FakePrograms({**self.limits, **cases}), FakePeers(peer_servers or {}), [row], lambda _: None, Time(0.01))
        lines = []
        measured, done = measure.run_passes(session, [row], passes, 2, 100, lambda *a: lines.append(a))
        self.assertEqual(done, len(lines))
        return [e for each in measured for e in summary.entries_of(each, FACTS | {"peers": session.peers.facts})], measured[0]

    def test_a_kernel_and_its_limit(self):
        row = Row("filter/x", "filter", limit="read_l2")
        (entry,), measured = self.entries(row, {"filter/x": sample(1)}, passes=2)
        self.assertEqual(measured.limit_kernels, ["limits/read_l2/fast", "limits/read_l2/near"])
        self.assertEqual(entry["limit_name"], "limits/read_l2/fast")
        self.assertAlmostEqual(entry["fraction_of_limit"], 0.9)
        self.assertAlmostEqual(entry["limit"], entry["ours"] / 0.9, delta=entry["ours"] * 1e-4)
        self.assertEqual(entry["peer_state"], "none")
        self.assertEqual(summary.wrong_limits([entry]), [])

    def test_programs_are_started_anew_in_each_pass(self):
        session = measure.Session(FakePrograms({"filter/x": sample(1)}), FakePeers({}), [], lambda _: None, Time(0.01))
        measure.run_passes(session, [Row("filter/x", "filter")], 3, 1, 100, lambda *_: None)
        self.assertEqual(session.programs.started_again, ["filter", "filter"])

    def test_a_pass_that_does_not_fit_is_left_out(self):
        clock, passes = Time(1), []

        class Slow(FakeServer):
            def run(self, case, _):
                clock.t += 20 if case == "storage/s" else 0
                return self.lookup(case)
        programs = FakePrograms({})
        programs.one = Slow({"filter/x": sample(1), "storage/s": sample(1)})
        rows = [Row("filter/x", "filter"), Row("storage/s", "storage", kind="storage")]   # the latter in passes 0 and 3
        session = measure.Session(programs, FakePeers({}), rows, lambda _: None, clock)
        measured, done = measure.run_passes(session, rows, 6, 1, 50, lambda each, number, *_: passes.append(number))
        self.assertEqual((passes, done), ([0, 0, 1, 2, 4, 5], 5))
        self.assertEqual([len(each.rounds) for each in measured], [5, 1])

    def test_a_wrong_limit_is_found(self):
        (entry,), _ = self.entries(Row("filter/x", "filter", limit="read_l2"), {"filter/x": sample(0.8)})
        self.assertEqual(summary.wrong_limits([entry]), ["filter/x"])

    def test_peers_measured_absent_failed_and_different(self):
        row = Row("query/q", "query", kind="query", unit="ms", peers=("duckdb", "polars", "clickhouse", "datafusion"))
        peers = {"duckdb": FakeServer({"query/q": sample(4)}), "clickhouse": FakeServer({"query/q": Failure("no memory", "out_of_memory")}),
                 "datafusion": FakeServer({"query/q": sample(1, answer="41")})}
        entries, measured = self.entries(row, {"query/q": sample(2)}, peers)
        by_peer = {e["peer"]: e for e in entries}
        self.assertEqual({p: e["peer_state"] for p, e in by_peer.items()},
                         {"duckdb": "measured", "polars": "absent", "clickhouse": "out_of_memory", "datafusion": "failed"})
        self.assertEqual((by_peer["duckdb"]["ratio"], by_peer["duckdb"]["peer_version"]), (2, "1.5"))
        self.assertIsNone(by_peer["polars"]["ratio"])
        self.assertEqual(measured.differs, ["datafusion"])
        self.assertIn("row 0", by_peer["datafusion"]["rounds"]["reason"])

    def test_ours_without_a_figure_is_a_problem(self):
        (entry,), measured = self.entries(Row("filter/x", "filter"), {})
        self.assertEqual((entry["ours"], measured.problem), (None, "no such case"))

    def test_an_empty_answer_is_a_problem(self):
        _, measured = self.entries(Row("query/q", "query", kind="query", unit="ms", peers=("duckdb",)), {"query/q": sample(2, answer="")})
        self.assertEqual(measured.problem, "no answer to compare")


class Comparing(unittest.TestCase):
    @staticmethod
    def entry(case, ours, spread=0.03, ratio=None, peer=None, unit="values/s"):
        better = "higher" if unit.endswith("/s") else "lower"
        return {"component": "a", "case": case, "ours": ours, "better": better, "unit": unit, "ratio": ratio, "peer": peer,
                "spread": spread, "fraction_of_limit": None}

    def test_agreement(self):
        old = [self.entry("same", 100), self.entry("wide", 100, 0.2), self.entry("apart", 100), self.entry("gone", 1)]
        new = [self.entry("same", 102), self.entry("wide", 115), self.entry("apart", 110), self.entry("new", 1)]
        agree, both, apart = summary.agreement(new, old)
        self.assertEqual((agree, both, [n["case"] for n, _ in apart]), (2, 3, ["apart"]))

    def test_ratios_are_what_is_compared_where_there_is_a_peer(self):
        old, new = [self.entry("q", 100, ratio=4.0, peer="duckdb")], [self.entry("q", 50, ratio=4.0, peer="duckdb")]
        self.assertEqual(summary.agreement(new, old)[:2], (1, 1))

    def test_the_share_of_the_limit_is_compared_where_there_is_no_peer(self):
        old, new = (dict(self.entry("k", ours), fraction_of_limit=0.8) for ours in (100, 70))
        self.assertEqual(summary.agreement([new], [old])[:2], (1, 1))

    def test_slower_in_either_direction(self):
        old = [self.entry("up", 100), self.entry("down", 10, unit="ms"), self.entry("noisy", 100, 0.3), self.entry("little", 100)]
        new = [self.entry("up", 83), self.entry("down", 12, unit="ms"), self.entry("noisy", 83), self.entry("little", 93)]
        self.assertEqual(sorted(summary.slower(new, old)), ["a/down", "a/up"])
        self.assertEqual(summary.slower(old, new), {})

    def test_slower_needs_the_median_and_the_best_round(self):
        def with_rounds(case, *values):
            return dict(self.entry(case, sorted(values)[len(values) // 2], 0.3), rounds={"ours": list(values)})
        old = [with_rounds("neighbour", 70, 100, 100), with_rounds("program", 70, 100, 100)]
        new = [with_rounds("neighbour", 70, 71, 99), with_rounds("program", 60, 82, 83)]
        self.assertEqual(list(summary.slower(new, old)), ["a/program"])


class Building(unittest.TestCase):
    def test_seconds_are_scaled_by_the_unit_of_comparison(self):
        figures = {f["name"]: f for f in build_time.figures({
            build_time.UNIT: [2.0, 1.74], "build/one_query": [3.5, 3.48], "build/three_queries": [5.0, 4.48], "build/header_only": [20.0]})}
        self.assertAlmostEqual(figures["build/one_query"]["at_reference"], 1.74)
        self.assertTrue(figures["build/one_query"]["within"])
        self.assertAlmostEqual(figures[build_time.FURTHER]["at_reference"], 0.25)
        self.assertFalse(figures["build/header_only"]["within"])
        self.assertIsNone(figures[build_time.UNIT]["within"])


class Table(unittest.TestCase):
    def test_rows_are_sound(self):
        names = [row.name for row in table.ROWS]
        self.assertEqual(len(names), len(set(names)))
        for row in table.ROWS:
            self.assertIn("/", row.name)
            self.assertIn(row.kind, measure.TURNS)
            for other in [row.reference, *(bar.other for bar in row.bars)]:
                self.assertTrue(other == "" or other in names, f"{row.name} is held against {other}")
            for bar in row.bars:
                self.assertIn(bar.against, ("limit", "row", "peers", "columns", "absolute"))
                self.assertTrue(bar.against != "limit" or row.limit, row.name)
                self.assertTrue(bar.against not in ("peers", "columns") or row.peers, row.name)
        for name in table.PLANTED + table.CONTROLS:
            self.assertIn(name, names)

    def test_the_page_holds_what_it_should(self):
        rows = [Row("query/q", "query", kind="query", unit="ms", peers=("duckdb",), bars=(Bar("peers", 2),)),
                Row("filter/x", "filter", limit="read_l2", bars=(Bar("limit", 0.85),))]
        rows += [Row(f"filter/w{w}", "filter", limit="read_l2", sweep=("Packed match | L2", w)) for w in (1, 8, 32)]
        base = {"component": "query", "threads": 1, "rows": 6, "scale": "6 rows", "arch": "v3", "compiler": "GCC", "kind": "query",
                "better": "lower", "unit": "ms", "peer": None, "peer_version": None, "peer_state": "none", "peer_value": None, "ratio": None,
                "limit_name": None, "limit": None, "fraction_of_limit": None, "spread": 0.03, "cpu_over_wall": 1.0, "clock_ghz": 3.5,
                "commit": "abc", "rounds": {}}
        kernel = dict(base, component="filter", kind="kernel", unit="values/s", better="higher", ours=1e10, limit=1.2e10,
                      limit_name="limits/read_l2/sum", fraction_of_limit=0.83, rounds={"bits_per_value": 32})
        entries = [dict(base, case="q", ours=10.0, peer="duckdb", peer_state="measured", peer_value=5.0, ratio=0.5),
                   dict(base, case="q", ours=10.0, peer="polars", peer_state="absent", rounds={"reason": "<not there>"}),
                   dict(kernel, case="x"), *(dict(kernel, case=f"w{w}", rounds={"bits_per_value": w}) for w in (1, 8, 32)),
                   dict(base, component="size", case="t", kind="size", unit="bytes", ours=30, peer="parquet", peer_state="measured", peer_value=60,
                        ratio=2, rounds={"ours_made_of": {"columns": {"a": 10, "b": 20}, "codecs": {"a": "raw", "b": "delta"}},
                                         "peer_made_of": {"columns": {"a": 45, "b": 15}, "own_file_bytes": 70}}),
                   dict(base, component="decode", case="t", kind="decode", ours=1, peer="parquet", peer_state="measured", peer_value=6, ratio=6,
                        rounds={"column_ratios": {"a": 7, "b": 0.8}}),
                   dict(base, component="build", case="one_query", kind="build", unit="s", ours=3.5,
                        rounds={"to_statusor": 2.0, "at_reference": 1.74, "limit_at_reference": 2.5, "within": True})]
        report = {"date": "2026-01-01", "machine": {"cpu": "A", "family": "1", "model": "2", "cores": 2, "memory_gib": 24.0, "kernel": "6",
                                                    "huge_pages": "madvise", "system": "Debian", "slug": "a"},
                  "arch": "v3", "compiler": "GCC", "commit": "abc", "settings": {"passes": 1, "rounds_per_pass": 2, "size": "default", "components": []},
                  "peers": {"duckdb": {"version": "1.5", "settings": "threads 1"}}, "absent": {"polars": "not installed"},
                  "limits": {"read_l2": {"sum": 9e10}}, "rows": entries, "problems": []}
        faster = dict(report, rows=[dict(e, ours=e["ours"] * (2 if e["better"] == "higher" else 0.5)) for e in entries])
        text = page.page(report, rows, {"query/q": [{"bar": "≥ 2", "verdict": "failed", "measured": 0.5, "reason": "", "date": "", "commit": ""}]},
                         "old.json", faster)
        for part in ("rows lost to a peer", "Packed match", "Roofline", "one query", "slower than accepted", "&lt;not there&gt;", "failed"):
            self.assertIn(part, text)
        stored = text[text.index("Stored tables"):]
        for part in ("−35 bytes", "+5 bytes", "own file takes 70 bytes", "<td class='wrap'>delta</td>", "flag'>0.8×"):
            self.assertIn(part, stored)
        self.assertNotIn("http", text.replace("http-equiv", ""))
        self.assertLess(text.index("query/q"), text.index("filter/x"))

    def test_axes(self):
        scale = charts.LogScale([0.5, 8])
        self.assertEqual((scale.at(0.5), scale.at(8)), (0, 100))
        self.assertEqual(charts.LinearScale(1.0, 0.25).ticks(), [0, 0.25, 0.5, 0.75, 1.0])


if __name__ == "__main__":
    unittest.main()
