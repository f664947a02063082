# SPDX-License-Identifier: Apache-2.0
"""Alternates bench/q6/q6 with DuckDB on the same values, one thread each, and prints the median of the per-round ratios.

    python3 bench/q6/judge.py build/release/bench_q6 [--rows 6000000] [--rounds 11]

Needs duckdb and numpy: `pip install --require-hashes -r bench/q6/requirements.txt` in a virtual environment. A round whose
CPU/wall is below 0.97 on either side, or whose clock is off by more than 3 %, is repeated for at most five minutes; then the
result says "not judged".
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time


def clock_check():
    """Nanoseconds of a fixed dependent loop: moves with the core's clock and with whoever shares it."""
    start = time.process_time_ns()
    value = 1
    for _ in range(200_000):
        value = (value * 3 + 1) & 0xFFFF
    return time.process_time_ns() - start


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("program")
    arguments.add_argument("--rows", type=int, default=6_000_000)
    arguments.add_argument("--rounds", type=int, default=11)
    chosen = arguments.parse_args()

    import duckdb
    import numpy

    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([chosen.program, "--rows", str(chosen.rows), "--columns", folder], check=True)
        read = lambda name, kind: numpy.fromfile(os.path.join(folder, name), dtype=kind)
        cents = {name: read(name + ".i64", "<i8") for name in ("quantity", "price", "discount")}
        days = read("shipdate.i32", "<i4")
        connection = duckdb.connect(config={"threads": 1})
        frame = {**cents, "shipdate": days}  # DuckDB finds it by its name
        connection.execute(
            "CREATE TABLE lineitem AS SELECT "
            "CAST(quantity / 100.0 AS DECIMAL(15, 2)) AS l_quantity, CAST(price / 100.0 AS DECIMAL(15, 2)) AS l_extendedprice, "
            "CAST(discount / 100.0 AS DECIMAL(15, 2)) AS l_discount, DATE '1970-01-01' + shipdate AS l_shipdate FROM frame")
        sql = ("SELECT sum(l_extendedprice * l_discount) FROM lineitem WHERE l_shipdate >= DATE '1994-01-01' AND "
               "l_shipdate < DATE '1995-01-01' AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24")

        ours = subprocess.Popen([chosen.program, "--rows", str(chosen.rows)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
        ours.stderr.readline()

        def run_ours():
            ours.stdin.write("\n")
            ours.stdin.flush()
            wall, cpu, answer = ours.stdout.readline().split()
            return int(wall), int(cpu), answer

        def run_duckdb():
            cpu, wall = time.process_time_ns(), time.perf_counter_ns()
            answer = connection.execute(sql).fetchall()[0][0]
            return time.perf_counter_ns() - wall, time.process_time_ns() - cpu, str(answer)

        run_ours(), run_duckdb()
        clocks = [clock_check() for _ in range(9)]
        usual = statistics.median(clocks)
        rounds, repeated, started = [], 0, time.monotonic()
        while len(rounds) < chosen.rounds and time.monotonic() - started < 300:
            before = clock_check()
            a, b = run_ours(), run_duckdb()
            after = clock_check()
            if a[2] != b[2]:
                sys.exit(f"answers differ: {a[2]} and {b[2]}")
            steady = max(abs(before - usual), abs(after - usual)) <= 0.03 * usual
            if steady and a[1] / a[0] >= 0.97 and b[1] / b[0] >= 0.97:
                rounds.append((a[0], b[0], b[0] / a[0]))
            else:
                repeated += 1
                usual = statistics.median(clocks[-8:] + [before, after])
                clocks += [before, after]
        ours.stdin.close()
        if len(rounds) < chosen.rounds:
            print(f"query/q6: not judged; {len(rounds)} quiet rounds in five minutes, {repeated} repeated")
            return
        ratios = sorted(r[2] for r in rounds)
        print(f"query/q6, kind query, 1 thread, {chosen.rows} rows, answer {a[2]}")
        print(f"pillar {statistics.median(r[0] for r in rounds) / 1e6:.2f} ms, DuckDB {duckdb.__version__} "
              f"{statistics.median(r[1] for r in rounds) / 1e6:.2f} ms; median ratio {statistics.median(ratios):.2f} "
              f"({ratios[0]:.2f} to {ratios[-1]:.2f}), {len(rounds)} rounds, {repeated} repeated")


main()
