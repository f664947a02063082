#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answers to the demo's questions about the flights of 2013, by DuckDB: an engine that shares nothing with Pillar.

    python3 -m venv build/venv-data
    build/venv-data/bin/pip install --require-hashes --no-deps -r tests/golden/requirements.txt
    build/venv-data/bin/python tests/golden/flights/make.py flights.csv [--check]

Writes q1.json ... q7.json beside this file; --check only compares. The files change only if a question changes: the
input is pinned by its hash. Every value is a string, or null for NULL: integers in decimal, averages (double) in
shortest round-trip form; `types` says which is which. One row per line.
"""
import hashlib
import json
import pathlib
import sys

import duckdb

INPUT_SHA256 = "563db8f117faf6ffd76aa868099df37dfa78dc17b5ac6d3d9ea6476e051a0bc4"

# As in examples/demo/flights.hpp.
SCHEMA = {
    "year": "SMALLINT", "month": "TINYINT", "day": "TINYINT", "dep_time": "SMALLINT", "sched_dep_time": "SMALLINT",
    "dep_delay": "SMALLINT", "arr_time": "SMALLINT", "sched_arr_time": "SMALLINT", "arr_delay": "SMALLINT",
    "carrier": "VARCHAR", "flight": "SMALLINT", "tailnum": "VARCHAR", "origin": "VARCHAR", "dest": "VARCHAR",
    "air_time": "SMALLINT", "distance": "SMALLINT", "hour": "TINYINT", "minute": "TINYINT", "time_hour": "TIMESTAMP",
}

# The documented counts; a file that differs is not the one the answers are about.
COUNTS = {
    "count(*)": 336776,
    "count(*) FILTER (dep_time IS NULL)": 8255,
    "count(*) FILTER (arr_delay IS NULL)": 9430,
    "count(*) FILTER (tailnum IS NULL)": 2512,
}

QUESTIONS = {
    "q1": ("Delays by carrier and month, of flights that left",
           """SELECT carrier, month, count(*) AS flights, sum(dep_delay) AS dep_delay_sum,
                     count(arr_delay) AS arrived, sum(arr_delay) AS arr_delay_sum,
                     avg(dep_delay) AS dep_delay_avg, avg(arr_delay) AS arr_delay_avg
              FROM flights WHERE dep_delay IS NOT NULL
              GROUP BY carrier, month ORDER BY carrier, month"""),
    "q2": ("The ten routes with the most minutes of delay on arrival",
           """SELECT origin, dest, count(*) AS flights, count(arr_delay) AS arrived, sum(arr_delay) AS arr_delay_sum,
                     avg(arr_delay) AS arr_delay_avg
              FROM flights GROUP BY origin, dest
              ORDER BY arr_delay_sum DESC NULLS LAST, origin, dest LIMIT 10"""),
    "q3": ("Cancellations by airport and month",
           """SELECT origin, month, count(*) AS cancelled FROM flights WHERE dep_time IS NULL
              GROUP BY origin, month ORDER BY origin, month"""),
    "q4": ("One week in summer, by airport",
           """SELECT origin, count(*) AS flights, count(dep_delay) AS departed, sum(dep_delay) AS dep_delay_sum,
                     max(dep_delay) AS dep_delay_max, min(dep_delay) AS dep_delay_min
              FROM flights
              WHERE time_hour >= TIMESTAMP '2013-07-01 00:00:00' AND time_hour < TIMESTAMP '2013-07-08 00:00:00'
              GROUP BY origin ORDER BY origin"""),
    "q5": ("Tail numbers that start with N1, to the west coast, by carrier",
           """SELECT carrier, count(*) AS flights, sum(distance) AS distance_sum
              FROM flights WHERE starts_with(tailnum, 'N1') AND dest IN ('LAX', 'SFO', 'SEA')
              GROUP BY carrier ORDER BY carrier"""),
    "q6": ("The ten latest arrivals",
           """SELECT carrier, flight, origin, dest, arr_delay
              FROM flights ORDER BY arr_delay DESC NULLS LAST, time_hour, flight LIMIT 10"""),
    "q7": ("Asked at run time: long distances, not by United, that left; the five destinations with most flights",
           """SELECT dest, count(*) AS flights, sum(air_time) AS air_time_sum, count(air_time) AS air_time_count
              FROM flights WHERE distance * 2 > 5000 AND NOT (carrier = 'UA' OR dep_delay IS NULL)
              GROUP BY dest ORDER BY flights DESC, dest LIMIT 5"""),
}


def answer(connection, title, sql):
    """One question's file as text."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    types = [str(column[1]) for column in cursor.description]
    rows = [[None if cell is None else cell if isinstance(cell, str) else repr(cell) for cell in row]
            for row in cursor.fetchall()]
    head = {
        "title": title,
        "engine": "DuckDB " + duckdb.__version__,
        "script": "tests/golden/flights/make.py",
        "input_sha256": INPUT_SHA256,
        "sql": " ".join(sql.split()),
        "columns": names,
        "types": types,
    }
    lines = ["{"] + [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()] + [' "rows": [']
    lines += [f"  {json.dumps(row)}" + ("," if i + 1 < len(rows) else "") for i, row in enumerate(rows)]
    return "\n".join(lines + [" ]", "}"]) + "\n"


def main():
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    found = hashlib.sha256(pathlib.Path(arguments[0]).read_bytes()).hexdigest()
    if found != INPUT_SHA256:
        sys.exit(f"{arguments[0]}: SHA-256 is {found}, not {INPUT_SHA256}")
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute("SET TimeZone = 'UTC'")
    columns = ", ".join(f"'{name}': '{type_}'" for name, type_ in SCHEMA.items())
    connection.execute(
        f"CREATE TABLE flights AS SELECT * FROM read_csv(?, auto_detect = false, header = true, delim = ',', "
        f"nullstr = 'NA', columns = {{{columns}}})", [arguments[0]])
    for what, wanted in COUNTS.items():
        got = connection.execute(f"SELECT {what} FROM flights").fetchone()[0]
        if got != wanted:
            sys.exit(f"{what} is {got}, not {wanted}")
    # Ties: the ten latest arrivals are in one order only.
    ties = connection.execute("""SELECT count(*) FROM (SELECT arr_delay, time_hour, flight FROM flights
        WHERE arr_delay >= (SELECT min(arr_delay) FROM (SELECT arr_delay FROM flights ORDER BY 1 DESC NULLS LAST LIMIT 10))
        GROUP BY ALL HAVING count(*) > 1)""").fetchone()[0]
    if ties != 0:
        sys.exit("q6 has ties")
    differing = []
    for name, (title, sql) in QUESTIONS.items():
        path = pathlib.Path(__file__).parent / (name + ".json")
        text = answer(connection, title, sql)
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            differing.append(path.name)
    if differing:
        sys.exit("differ: " + ", ".join(differing))
    print(f"{len(QUESTIONS)} answers by DuckDB {duckdb.__version__}")


if __name__ == "__main__":
    main()
