# SPDX-License-Identifier: Apache-2.0
"""What including and using the library costs a compiler: CPU seconds of GCC 12 -O2, and as a ratio to a translation unit
that includes absl/status/statusor.h and nothing else."""
import os
import resource
import subprocess

REFERENCE_STATUSOR = 0.87    # seconds of that unit on the machine that the limits are for
UNIT = "build/statusor"      # the unit that all are compared with

# name: (what is compiled, options, limit in seconds on the reference machine)
UNITS = {
    UNIT: ('#include "absl/status/statusor.h"\n', [], None),
    "build/vocabulary": ('#include "pillar/base/result.hpp"\n#include "pillar/column/types.hpp"\n', [], 0.15),
    "build/aggregate_hpp": ('#include "pillar/aggregate.hpp"\n', [], None),
    "build/pillar_hpp": ('#include "pillar/pillar.hpp"\n', [], 2.8),
    "build/one_query": (None, ["-DPILLAR_QUERIES=1"], 2.5),
    "build/three_queries": (None, ["-DPILLAR_QUERIES=3"], None),
    "build/header_only": (None, ["-DPILLAR_QUERIES=1", "-DPILLAR_HEADER_ONLY"], 8.0),
}
FURTHER, FURTHER_LIMIT = "build/each_further_query", 0.6   # (three queries - one query) / 2


def compile_seconds(source, work, name):
    """User and system seconds of one compilation."""
    text, options, _ = UNITS[name]
    if text is None:
        unit = os.path.join(source, "bench/build_time/queries.cpp")
    else:
        unit = os.path.join(work, name.replace("/", "_") + ".cpp")
        with open(unit, "w") as out:
            out.write(text)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["g++-12", "-std=c++20", "-O2", "-I" + os.path.join(source, "include"), *options, "-c", unit,
                           "-o", os.path.join(work, "unit.o")], stderr=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{name} does not compile: {done.stderr[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def figures(seconds):
    """Rows from the seconds of each unit (name → list, one per turn): the least of the turns, alone and as a ratio."""
    least = {name: min(values) for name, values in seconds.items()}
    if "build/one_query" in least and "build/three_queries" in least:
        pairs = zip(seconds["build/three_queries"], seconds["build/one_query"])
        seconds = dict(seconds, **{FURTHER: [(three - one) / 2 for three, one in pairs]})
        least[FURTHER] = (least["build/three_queries"] - least["build/one_query"]) / 2
    rows = []
    for name, value in least.items():
        limit = FURTHER_LIMIT if name == FURTHER else UNITS[name][2]
        at_reference = value / least[UNIT] * REFERENCE_STATUSOR
        rows.append({"name": name, "seconds": value, "to_statusor": value / least[UNIT], "at_reference": at_reference,
                     "limit": limit, "within": None if limit is None else at_reference <= limit,
                     "rounds": seconds[name]})
    return rows


def needed(name):
    """The units that a row needs besides the one all are compared with."""
    return ["build/one_query", "build/three_queries"] if name == FURTHER else [name]
