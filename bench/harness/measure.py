# SPDX-License-Identifier: Apache-2.0
"""The default run: all rows in several passes, so that a row's rounds lie minutes apart and its spread says what a second
run would see; within a round limit, ours and the peers take turns."""
import time
from dataclasses import dataclass

from . import rounds as r
from .contestants import Failure

# A turn is several short runs, of which the fastest counts, on every side alike: a neighbour on the same physical core
# slows what fills the ports by a third to a half, for 5 to 700 ms at a time, and neither the clock nor CPU/wall shows it.
# Runs with the core to oneself that are enough, seconds of each run, seconds after which two of any kind are enough, and
# one after twice as many.
TURNS = {"kernel": (3, 0.002, 0.15), "query": (3, 0.01, 0.3), "storage": (1, 0.01, 0.0), "decode": (3, 0.01, 0.2),
         "size": (1, 0.0, 0.0)}
JUDGED_TURNS = {"kernel": (8, 0.002, 0.3), "query": (5, 0.01, 0.6), "storage": (3, 0.01, 1.0), "decode": (3, 0.01, 1.0),
                "size": (1, 0.0, 0.0)}
# Rounds that a default run takes of a row, a pass each, spread over the run.
ROUNDS = {"kernel": 6, "sweep": 4, "query": 3, "storage": 2, "decode": 2, "size": 1}
FEWEST_ALONE, FEWEST_QUIET = 2, 3   # rounds that must be so for the others not to count
LOADED = ("storage", "query", "queries")       # programs that are not started again in each pass: their tables take seconds
LIMIT_KERNELS = 2                   # of a limit's group, the best are measured beside every row


@dataclass
class Turn:
    """The runs of one contestant in a round."""
    run: object                # a callable that gives a Sample
    wanted: int
    enough: float              # seconds
    neighbour: object
    others: object = None      # a callable that gives the CPU seconds of everybody else; None on one thread, which tells itself
    best: object = None
    runs: int = 0
    alone: int = 0             # runs with the core to itself
    spent: float = 0.0

    def over(self):
        if 0 < 2 * self.enough <= self.spent:  # one long run is longer than what two short ones would be
            return True
        return self.alone >= self.wanted or self.runs >= min(2, self.wanted) and self.spent >= self.enough

    def once(self):
        begin = time.monotonic()
        sample = self.run()
        self.spent += time.monotonic() - begin
        self.runs += 1
        self.alone += self.neighbour.quiet(sample.free_adds)
        self.best = sample if self.best is None else min(self.best, sample, key=lambda each: each.wall_ns)

    def __call__(self):
        """All of the runs, one after the other."""
        self.best, self.runs, self.alone, self.spent = None, 0, 0, 0.0
        before = self.others() if self.others else None
        while not self.over():
            self.once()
        result = self.result()
        if before is not None:
            result.spent, result.others = self.spent, self.others() - before
        return result

    def result(self):
        self.best.undisturbed = self.alone >= min(2, self.wanted, self.runs)
        return self.best


def side_by_side(turns, backwards):
    """The same for all contestants, run by run in turn, so that they share the moments in which the core is theirs."""
    order = list(turns)
    for turn in turns.values():
        turn.best, turn.runs, turn.alone, turn.spent = None, 0, 0, 0.0
    while any(not turn.over() for turn in turns.values()):
        for name in reversed(order) if backwards else order:
            if not turns[name].over():
                turns[name].once()
        backwards = not backwards
    return {name: turns[name].result() for name in order}


class Measured:
    """What a row has collected."""

    def __init__(self, row):
        self.row = row
        self.quiet, self.repeated = [], []
        self.limit_kernels = []
        self.peer_state = {}      # peer → (state, reason)
        self.problem = ""         # why ours has no figure
        self.took = 0.0           # seconds of its last round
        self.differs = []         # peers whose answer is not ours

    def chosen(self):
        """The rounds that count, and 'quiet' or 'all': those in which nobody was disturbed, by clock, by interruptions or by
        a neighbour; where they are too few, the quiet ones; where these are too few, all."""
        alone = [taken for taken in self.quiet if all(sample.undisturbed for sample in taken.samples.values())]
        if len(alone) >= FEWEST_ALONE:
            return alone, "quiet"
        if len(self.quiet) >= FEWEST_QUIET or not self.repeated:
            return self.quiet, "quiet"
        return self.quiet + self.repeated, "all"

    @property
    def rounds(self):
        return self.chosen()[0]


class Session:
    """Everything that takes part in a run, and the gate that all rounds pass."""

    def __init__(self, programs, peers, all_rows, say, now=time.monotonic):
        self.programs, self.peers, self.say, self.now = programs, peers, say, now
        self.by_name = {row.name: row for row in all_rows}
        self.gate, self.neighbour = r.Gate(), r.Neighbour()
        self.limit_cases, self.limit_rates = {}, {}

    def start_again(self):
        for program in self.programs.servers:
            if program not in LOADED:
                self.programs.stop(program)
        self.peers.start_again()

    def limit_kernels(self, group):
        if not self.limit_cases:
            for case in self.programs.cases("limits"):
                self.limit_cases.setdefault(case.split("/")[1], []).append(case)
        return self.best_of(self.limit_cases.get(group, []))

    def runner(self, row, turn):
        server, case = self.programs.server(row.program), row.case or row.name
        return self.turn(server, case, turn, row.threads)

    def turn(self, server, case, turn, threads=1):
        wanted, seconds, enough = turn
        return Turn(lambda: server.run(case, seconds), wanted, enough, self.neighbour,
                    server.others_cpu_seconds if threads > 1 else None)

    def contestants(self, measured, turn):
        """name → callable, and the threads that each must keep busy."""
        row = measured.row
        runners, threads = {}, {}
        for kernel in measured.limit_kernels:
            runners[kernel] = self.turn(self.programs.server("limits"), kernel, turn)
        others = [row.reference] if row.reference else []
        others += [bar.other for bar in row.bars if bar.against == "row" and bar.other not in others]
        for other in others:
            runners[other] = self.runner(self.by_name[other], turn)
        runners["ours"] = self.runner(row, turn)
        threads["ours"] = row.threads
        for peer in row.peers:
            if measured.peer_state.get(peer, ("",))[0] == "measured":
                runners[peer] = self.turn(self.peers.server(row.server_of(peer)), row.question, turn, row.threads)
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
        compared = row.kind in ("query", "decode")
        if row.peers and compared and not ours:
            measured.problem = "no answer to compare"
            return
        for peer in row.peers:
            server = self.peers.server(row.server_of(peer))
            if server is None:
                measured.peer_state[peer] = ("absent", self.peers.absent[row.server_of(peer)])
                continue
            try:
                theirs = server.answer(row.question)
                if compared and theirs != ours:
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
                taken = self.take_round(runners, threads, number % 2 == 1, measured.row.kind == "kernel")
            except Failure as problem:
                measured.problem = measured.problem or str(problem)
                return
            (measured.quiet if taken.quiet else measured.repeated).append(taken)
            quiet += taken.quiet
            for name in measured.limit_kernels:
                self.limit_rates.setdefault(name, []).append(r.rate(taken.samples[name]))
        measured.limit_kernels = self.best_of(measured.limit_kernels)

    def take_round(self, runners, threads, backwards, kernels):
        """Kernels take turns run by run, and know from each run whether they had the core; others take turns as a whole."""
        if not kernels:
            return r.take_round(runners, self.programs.clock, self.gate, threads, backwards)
        before = self.programs.clock()
        samples = side_by_side(runners, backwards)
        why = self.gate.check(samples, threads, [])
        return r.Round(samples, max(before, self.programs.clock()), not why, why)

    def best_of(self, kernels):
        """Once all were measured in three rounds, of any rows, the best by their best round; else all."""
        if any(len(self.limit_rates.get(name, ())) < 3 for name in kernels):
            return kernels
        ranked = sorted(kernels, key=lambda name: -max(self.limit_rates[name]))
        return [name for name in kernels if name in ranked[:LIMIT_KERNELS]]


def first_difference(ours, theirs):
    for number, (a, b) in enumerate(zip(ours.split("\n"), theirs.split("\n"))):
        if a != b:
            return f"row {number}: {a[:60]!r} is ours, {b[:60]!r} is theirs"
    return f"{ours.count(chr(10)) + 1} rows are ours, {theirs.count(chr(10)) + 1} are theirs"


def takes_part(row, number, passes):
    """Whether a row is measured in a pass: its rounds are spread evenly over them."""
    rounds = min(ROUNDS["sweep" if row.sweep else row.kind], passes)
    return number == 0 or number * rounds // passes > (number - 1) * rounds // passes


def run_passes(session, rows, passes, rounds, budget_seconds, progress):
    """Measures all rows once in each pass, `rounds` rounds each. The first pass, in which everybody is started and warmed up,
    may take 1.5 budgets; a later one is left out if its rows, by what each took the last time, would go over the budget.
    Programs are started anew in each pass: where their memory happens to lie makes up to a tenth, and a second run would
    have it elsewhere."""
    measured = [Measured(row) for row in rows]
    begin, done_passes = session.now(), 0
    for number in range(passes):
        part = [each for each in measured if takes_part(each.row, number, passes)]
        if number and session.now() - begin + sum(each.took for each in part) > budget_seconds:
            continue
        if number:
            session.start_again()
        for index, each in enumerate(part):
            elapsed = session.now() - begin
            if elapsed > 1.5 * budget_seconds:
                if not each.rounds:
                    each.problem = each.problem or "the time was over"
                continue
            if number == 0:
                session.prepare(each)
            round_begin = session.now()
            if not each.problem:
                session.take(each, rounds if each.row.kind != "size" else 1, TURNS[each.row.kind],
                             extra=rounds if each.row.kind in ("kernel", "query") else 0)
            now = session.now()
            each.took = now - round_begin
            rest = (now - begin) / (index + 1) * (len(part) - index - 1) if number == 0 else 0.0
            progress(each, number, passes, index, len(part), max(rest, budget_seconds - (now - begin), 0.0))
        done_passes += 1
    return measured, done_passes
