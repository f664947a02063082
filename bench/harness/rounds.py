# SPDX-License-Identifier: Apache-2.0
"""Rounds that count: contestants take turns, the clock is read around each turn, what was disturbed is repeated.

Nothing here knows of processes or of real time: tests run it with made-up contestants.
"""
import statistics
from dataclasses import dataclass, field

CLOCK_TOLERANCE = 0.03       # of the usual clock
CPU_OVER_WALL = 0.97         # per thread
REFERENCE_GHZ = 3.65         # absolute figures are scaled to this clock
WRONG_LIMIT = 1.03           # a fraction above it says that the limit is not one


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
        usual = self.usual()
        worst = max(clocks, key=lambda ghz: abs(ghz - usual))
        if abs(worst - usual) > CLOCK_TOLERANCE * usual:
            return f"clock {worst:.2f} GHz, usual {usual:.2f}"
        for name, sample in samples.items():
            if sample.wall_ns and sample.cpu_over_wall < CPU_OVER_WALL * threads.get(name, 1):
                return f"{name}: CPU/wall {sample.cpu_over_wall:.2f} of {threads.get(name, 1)}"
        return ""


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


def spread_of(values, least=CLOCK_TOLERANCE):
    """How far the farthest round is from the median; never less than what the gate on the clock lets through."""
    middle = statistics.median(values)
    return max(least, max(abs(v - middle) for v in values) / middle) if middle else least


def scaled(value, unit, clock_ghz):
    """An absolute figure as it would be at the reference clock."""
    return value * REFERENCE_GHZ / clock_ghz if unit.endswith("/s") else value * clock_ghz / REFERENCE_GHZ


def best_kernel(rounds, names):
    """The limit kernel that reads, writes or copies the most bytes per second, by the median over the rounds."""
    return max(names, key=lambda name: statistics.median(rate(r.samples[name]) for r in rounds if name in r.samples))


def rate(sample):
    return sample.bytes / sample.wall_ns * 1e9 if sample.wall_ns else 0.0
