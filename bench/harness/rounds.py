# SPDX-License-Identifier: Apache-2.0
"""Rounds that count: contestants take turns, the clock is read around each turn, what was disturbed is repeated.

Nothing here knows of processes or of real time: tests run it with made-up contestants.
"""
import json
import statistics
from dataclasses import dataclass, field

CLOCK_TOLERANCE = 0.03       # of the usual clock
CPU_OVER_WALL = 0.97         # per thread
OTHERS = 0.03                # of the time of several threads, taken by other processes or the host
LEAST_THREADS = 0.55         # of several threads' time: less is fewer threads than asked for
OTHERS_UNTOLD = 0.02         # seconds: two ticks, which is how exactly the system tells
REFERENCE_GHZ = 3.65         # absolute figures are scaled to this clock
WRONG_LIMIT = 1.03           # a fraction above it says that the limit is not one
FREE_CORE = 0.93             # of the independent additions that the core does alone


@dataclass
class Round:
    samples: dict                  # contestant → Sample
    clock_ghz: float
    quiet: bool
    why: str = ""


@dataclass
class Gate:
    """Which rounds count. The usual clock is the median of those read lately."""
    clocks: list = field(default_factory=list)

    def usual(self):
        return statistics.median(self.clocks[-101:])

    def check(self, samples, threads, clocks):
        """('' or what was wrong) for the samples of a round and the clocks read before and after each of them."""
        self.clocks += clocks
        if clocks:
            usual = self.usual()
            worst = max(clocks, key=lambda ghz: abs(ghz - usual))
            if abs(worst - usual) > CLOCK_TOLERANCE * usual:
                return f"clock {worst:.2f} GHz, usual {usual:.2f}"
        for name, sample in samples.items():
            count = threads.get(name, 1)
            if count > 1 and sample.spent:  # the serial end of a query leaves a thread idle, which is no disturbance
                if sample.wall_ns and sample.cpu_over_wall < LEAST_THREADS * count:
                    return f"{name}: CPU/wall {sample.cpu_over_wall:.2f} of {count}"
                if sample.others - OTHERS_UNTOLD > OTHERS * count * sample.spent:
                    return f"{name}: others worked for {sample.others:.2f} s in its {sample.spent:.2f} s"
            elif sample.wall_ns and sample.cpu_over_wall < CPU_OVER_WALL * count:
                return f"{name}: CPU/wall {sample.cpu_over_wall:.2f} of {count}"
        return ""


class OpenGate:
    """Every round counts: of figures that no clock can change, such as sizes."""

    def check(self, samples, threads, clocks):
        return ""


@dataclass
class Neighbour:
    """Whether somebody uses the other half of the core. Independent additions fill its ports, so they tell, where the clock
    and the CPU time do not; what the core does alone is known from the best moments so far."""
    seen: list = field(default_factory=list)

    def alone(self):
        ordered = sorted(self.seen[-2000:])
        return ordered[int(0.95 * len(ordered))]

    def quiet(self, free_adds):
        """Says so too where nothing was told."""
        if free_adds:
            self.seen.append(free_adds)
        return not free_adds or free_adds >= FREE_CORE * self.alone()


def take_round(contestants, clock, gate, threads, backwards=False):
    """One turn for every contestant; `contestants` is name → callable that gives a Sample."""
    samples, clocks = {}, [clock()]
    order = list(contestants)
    for name in reversed(order) if backwards else order:
        samples[name] = contestants[name]()
        clocks.append(clock())
    why = gate.check(samples, threads, clocks)
    return Round({name: samples[name] for name in order}, statistics.median(clocks), not why, why)


def alternate(contestants, clock, gate, threads, rounds, seconds, now):
    """Rounds until `rounds` of them were quiet or `seconds` are over: (the quiet ones, the repeated ones)."""
    quiet, repeated = [], []
    begin = now()
    while len(quiet) < rounds and (now() - begin < seconds or not (quiet or repeated)):
        taken = take_round(contestants, clock, gate, threads, backwards=(len(quiet) + len(repeated)) % 2 == 1)
        (quiet if taken.quiet else repeated).append(taken)
    return quiet, repeated


# ---- figures ---------------------------------------------------------------------------------------------------------

def ratio_of(ours, other, better):
    """> 1: ours is better."""
    if not ours or not other:
        return None
    return ours / other if better == "higher" else other / ours


# Two runs of n rounds each: their medians are apart by less than this share of the wider one's range in 95 of 100 cases
# (normal distribution; simulated).
SHARE_OF_RANGE = {2: 2.5, 3: 1.06, 4: 0.73, 5: 0.58, 6: 0.47, 7: 0.41, 8: 0.37}
ONE_ROUND = 0.1


def spread_of(values, least=CLOCK_TOLERANCE):
    """How far a second run's median may be from this one's, as a share; never less than what the gate on the clock lets
    through. One round says nothing of that, so a tenth is assumed."""
    if len(values) < 2:
        return max(least, ONE_ROUND)
    middle = statistics.median(values)
    share = SHARE_OF_RANGE.get(len(values)) or SHARE_OF_RANGE[8] * (8 / len(values)) ** 0.5
    return max(least, share * (max(values) - min(values)) / middle) if middle else least


def scaled(value, unit, clock_ghz):
    """An absolute figure as it would be at the reference clock; bytes are what they are."""
    if unit == "bytes":
        return value
    return value * REFERENCE_GHZ / clock_ghz if unit.endswith("/s") else value * clock_ghz / REFERENCE_GHZ


def columns_of(sample):
    """name → bytes or nanoseconds of each column of a whole table."""
    return json.loads(sample.label)["columns"]


def column_ratios(rounds, peer):
    """column → how many times faster ours is, in each round."""
    out = {}
    for taken in rounds:
        theirs = columns_of(taken.samples[peer])
        for column, ours in columns_of(taken.samples["ours"]).items():
            out.setdefault(column, []).append(theirs[column] / max(ours, 1))
    return out


def best_kernel(rounds, names):
    """The limit kernel that reads, writes or copies the most bytes per second, by the median over the rounds."""
    return max(names, key=lambda name: statistics.median(rate(r.samples[name]) for r in rounds if name in r.samples))


def rate(sample):
    return sample.bytes / sample.wall_ns * 1e9 if sample.wall_ns else 0.0
