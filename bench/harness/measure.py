# SPDX-License-Identifier: Apache-2.0
"""The default run: all rows in several passes, so that a row's rounds lie minutes apart and its spread says what a second
run would see; within a round limit, ours and the peers take turns."""
import statistics
import time

from . import rounds as r
from .contestants import Failure

# A turn is several short runs, of which the fastest counts, on every side alike: a neighbour on the same physical core
# slows what fills the ports by a third, for milliseconds at a time, and neither the clock nor CPU/wall shows it.
# Runs at most, seconds of each, seconds after which two are enough.
TURNS = {"kernel": (9, 0.002, 0.06), "query": (3, 0.01, 0.3), "storage": (1, 0.01, 0.0), "size": (1, 0.0, 0.0)}
JUDGED_TURNS = {"kernel": (12, 0.002, 0.15), "query": (5, 0.01, 0.6), "storage": (3, 0.01, 1.0), "size": (1, 0.0, 0.0)}


def fastest(server, case, turn):
    count, seconds, enough = turn
    begin = time.monotonic()
    best = server.run(case, seconds)
    for done in range(1, count):
        if done >= 2 and time.monotonic() - begin > enough:
            break
        best = min(best, server.run(case, seconds), key=lambda sample: sample.wall_ns)
    return best


class Measured:
    """What a row has collected."""

    def __init__(self, row):
        self.row = row
        self.quiet, self.repeated = [], []
        self.limit_kernels = []
        self.peer_state = {}      # peer → (state, reason)
        self.problem = ""         # why ours has no figure
        self.differs = []         # peers whose answer is not ours

    @property
    def rounds(self):
        """The quiet rounds; where there are too few of them, all."""
        return self.quiet if len(self.quiet) >= 2 else self.quiet + self.repeated


class Session:
    """Everything that takes part in a run, and the gate that all rounds pass."""

    def __init__(self, programs, peers, all_rows, say, now=time.monotonic):
        self.programs, self.peers, self.say, self.now = programs, peers, say, now
        self.by_name = {row.name: row for row in all_rows}
        self.gate = r.Gate()
        self.limit_cases = {}

    def limit_kernels(self, group):
        if not self.limit_cases:
            for case in self.programs.cases("limits"):
                self.limit_cases.setdefault(case.split("/")[1], []).append(case)
        return self.limit_cases.get(group, [])

    def runner(self, row, turn):
        server, case = self.programs.server(row.program), row.case or row.name
        return lambda: fastest(server, case, turn)

    def contestants(self, measured, turn):
        """name → callable, and the threads that each must keep busy."""
        row = measured.row
        runners, threads = {}, {}
        for kernel in measured.limit_kernels:
            runners[kernel] = lambda kernel=kernel: fastest(self.programs.server("limits"), kernel, turn)
        others = [row.reference] if row.reference else []
        others += [bar.other for bar in row.bars if bar.against == "row" and bar.other not in others]
        for other in others:
            runners[other] = self.runner(self.by_name[other], turn)
        runners["ours"] = self.runner(row, turn)
        threads["ours"] = row.threads
        for peer in row.peers:
            if measured.peer_state.get(peer, ("",))[0] == "measured":
                server = self.peers.server(peer)
                runners[peer] = lambda server=server: fastest(server, row.name, turn)
                threads[peer] = row.threads
        return runners, threads

    def prepare(self, measured):
        """Warms everybody up once, and compares the answers in full."""
        row = measured.row
        measured.limit_kernels = list(self.limit_kernels(row.limit)) if row.limit else []
        try:
            server = self.programs.server(row.program)
            ours = server.answer(row.case or row.name)
        except Failure as problem:
            measured.problem = str(problem)
            return
        if row.peers and row.kind == "query" and not ours:
            measured.problem = "no answer to compare"
            return
        for peer in row.peers:
            server = self.peers.server(peer)
            if server is None:
                measured.peer_state[peer] = ("absent", self.peers.absent[peer])
                continue
            try:
                theirs = server.answer(row.name)
                if row.kind == "query" and theirs != ours:
                    measured.differs.append(peer)
                    measured.peer_state[peer] = ("failed", f"its answer differs: {first_difference(ours, theirs)}")
                else:
                    measured.peer_state[peer] = ("measured", "")
            except Failure as problem:
                measured.peer_state[peer] = (problem.state, str(problem))

    def take(self, measured, count, turn, extra):
        """`count` quiet rounds, at most `extra` more where some were disturbed."""
        runners, threads = self.contestants(measured, turn)
        quiet = 0
        for number in range(count + extra):
            if quiet == count:
                break
            try:
                taken = r.take_round(runners, self.programs.clock, self.gate, threads, backwards=number % 2 == 1)
            except Failure as problem:
                measured.problem = measured.problem or str(problem)
                return
            (measured.quiet if taken.quiet else measured.repeated).append(taken)
            quiet += taken.quiet
        if measured.limit_kernels and measured.rounds:
            self.drop_slow_kernels(measured)

    @staticmethod
    def drop_slow_kernels(measured):
        """The kernels within a tenth of the best stay; the others would only cost time."""
        speed = {name: statistics.median(r.rate(t.samples[name]) for t in measured.rounds if name in t.samples)
                 for name in measured.limit_kernels}
        best = max(speed.values())
        measured.limit_kernels = [name for name, rate in speed.items() if rate >= 0.9 * best]


def first_difference(ours, theirs):
    for number, (a, b) in enumerate(zip(ours.split("\n"), theirs.split("\n"))):
        if a != b:
            return f"row {number}: {a[:60]!r} is ours, {b[:60]!r} is theirs"
    return f"{ours.count(chr(10)) + 1} rows are ours, {theirs.count(chr(10)) + 1} are theirs"


def run_passes(session, rows, passes, rounds, budget_seconds, progress):
    """Measures all rows `passes` times, fewer where the time is not enough; the first pass may take 1.5 budgets."""
    measured = [Measured(row) for row in rows]
    begin, took, done_passes = session.now(), 0.0, 0
    for number in range(passes):
        if number and session.now() - begin + took > budget_seconds:
            break
        pass_begin = session.now()
        for index, each in enumerate(measured):
            elapsed = session.now() - begin
            if elapsed > 1.5 * budget_seconds:
                if not each.rounds:
                    each.problem = each.problem or "the time was over"
                continue
            if number == 0:
                session.prepare(each)
            if not each.problem:
                if each.row.kind == "size":
                    if number == 0:
                        session.take(each, 1, TURNS["size"], extra=0)
                else:
                    wanted = 1 if each.row.sweep or each.row.kind != "kernel" else rounds
                    session.take(each, wanted, TURNS[each.row.kind], extra=wanted)
            in_pass = session.now() - pass_begin
            share = (index + 1) / len(measured)
            rest = in_pass / share * (1 - share) + (took or in_pass / share) * (passes - number - 1)
            progress(each, number, passes, index, len(measured), min(rest, max(0.0, 1.5 * budget_seconds - elapsed)))
        took = session.now() - pass_begin
        done_passes += 1
    return measured, done_passes
