# SPDX-License-Identifier: Apache-2.0
# operators.py LIBRARY [ROUNDS [SEED]]: random tables grouped and joined by Pillar, in every way that it has, and by DuckDB;
# the answers are compared row by row. Prints its count as GoogleTest does, for ./dev's tally.
import collections
import ctypes
import datetime
import decimal
import math
import os
import random
import sys
import time

import duckdb
import pyarrow as pa
import pyarrow.compute

bridge = ctypes.CDLL(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 2000 if os.environ.get("PILLAR_TEST_LONG") else 15
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(10**6) if os.environ.get("PILLAR_TEST_LONG") else 1
dice = random.Random(SEED)
connection = duckdb.connect()
connection.execute("SET threads = 1; SET TimeZone = 'UTC'").fetchall()


def ask(function, tables, question, how):
    """Pillar's answer, an Arrow table, and what it said."""
    streams = [(ctypes.c_int64 * 10)() for _ in range(len(tables) + 1)]
    for stream, table in zip(streams, tables):
        # Batches of odd sizes: an operator sees the edges of what another library hands it.
        reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=1500))
        reader._export_to_c(ctypes.addressof(stream))
    text = ctypes.create_string_buffer(2000)
    status = getattr(bridge, function)(*(ctypes.c_void_p(ctypes.addressof(stream)) for stream in streams), question.encode(), how,
                                       text, len(text))
    said = text.value.decode()
    if status != 0:
        raise ValueError(f"{question}, way {how}: {said}")
    return pa.RecordBatchReader._import_from_c(ctypes.addressof(streams[-1])).read_all(), said


# ---- tables ----------------------------------------------------------------------------------------------------------

def some_text(i):
    return ["", "a", "twelve bytes", "thirteen byte", "žluť"][i % 5] + (str(i // 5) if i >= 5 else "")


def some_real(i):
    return [float("nan"), -0.0, 0.0, 1e300, -2.5][i % 5] if i % 7 < 5 else i / 8


KINDS = {  # name → type, the value of a number
    "bool": (pa.bool_(), lambda i: i % 2 == 1),
    "int8": (pa.int8(), lambda i: i % 256 - 128),
    "int16": (pa.int16(), lambda i: (i * 7919) % 65536 - 32768),
    "int32": (pa.int32(), lambda i: i * 3 - 17),
    "int64": (pa.int64(), lambda i: (i * 0x9e3779b97f4a7c15 % 2**64) - 2**63),
    "uint8": (pa.uint8(), lambda i: i * 7 % 256),
    "uint16": (pa.uint16(), lambda i: i % 65536),
    "uint32": (pa.uint32(), lambda i: i * 0x9e3779b9 % 2**32),
    "uint64": (pa.uint64(), lambda i: i * 0x9e3779b97f4a7c15 % 2**64),
    "date": (pa.date32(), lambda i: datetime.date(1970, 1, 1) + datetime.timedelta(days=i * 5 - 3000)),
    "timestamp": (pa.timestamp("us"), lambda i: datetime.datetime(1969, 12, 31) + datetime.timedelta(seconds=i * 1000.25)),
    "decimal": (pa.decimal128(15, 2), lambda i: decimal.Decimal(i * 37 - 9999).scaleb(-2)),
    "wide": (pa.decimal128(38, 3), lambda i: decimal.Decimal(i * 10**25 - 10**27).scaleb(-3)),
    "text": (pa.string_view(), some_text),
    "float": (pa.float32(), lambda i: [float("nan"), -0.0, 0.0, 1.5][i % 4] if i % 5 < 4 else float(i)),
    "double": (pa.float64(), some_real),
}


def numbers(count, rows):
    """Numbers below `count`: all alike often, skewed, in runs, or in order."""
    shape = dice.choice(["uniform", "uniform", "skewed", "runs", "ordered"])
    if shape == "uniform":
        return [dice.randrange(count) for _ in range(rows)]
    if shape == "skewed":
        return [int(count * dice.random() ** 6) for _ in range(rows)]
    if shape == "ordered":
        return [i * count // max(rows, 1) for i in range(rows)]
    out = []
    while len(out) < rows:
        out += [dice.randrange(count)] * dice.randrange(1, 60)
    return out[:rows]


def column(kind, count, rows, null_share, may_encode=True):
    arrow, value = KINDS[kind]
    values = [None if dice.random() < null_share else value(i) for i in numbers(count, rows)]
    form = dice.choice(["plain", "plain", "dictionary", "runs"]) if may_encode else "plain"
    made = pa.array(values, arrow)
    if form == "dictionary" and kind in ("text", "int32", "int64", "decimal"):
        entries = pa.array(sorted({v for v in values if v is not None}), arrow)
        places = {v: i for i, v in enumerate(entries.to_pylist())}
        return pa.DictionaryArray.from_arrays(pa.array([None if v is None else places[v] for v in values], pa.int32()), entries)
    if form == "runs" and kind in ("int32", "int64", "date"):
        ends, firsts = [], []
        for at, v in enumerate(values):
            if at == 0 or v != firsts[-1]:
                ends.append(at + 1)
                firsts.append(v)
            else:
                ends[-1] = at + 1
        return pa.RunEndEncodedArray.from_arrays(pa.array(ends, pa.int32()), pa.array(firsts, arrow))
    return made


def plain(table):
    """The same rows for DuckDB, spelt out."""
    return pa.table({name: flat(table[name]) for name in table.column_names})


def flat(chunked):
    if pa.types.is_dictionary(chunked.type) or pa.types.is_run_end_encoded(chunked.type):
        array = chunked.combine_chunks()
        if pa.types.is_dictionary(array.type):
            entries = array.dictionary.to_pylist()
            return pa.array([None if code is None else entries[code] for code in array.indices.to_pylist()], array.dictionary.type)
        return pa.compute.run_end_decode(array)
    return chunked


# ---- comparing -------------------------------------------------------------------------------------------------------

def cell(value):
    """What is equal in Pillar's sense and in SQL's, as one value."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value + 0.0 if value == 0 else value
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    return int(value) if isinstance(value, decimal.Decimal) and value == value.to_integral_value() else value


def near(a, b):
    if isinstance(a, float) and isinstance(b, (float, int)):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) or math.isinf(a) and math.isinf(b)
    return a == b


def rows_of(table):
    return [tuple(cell(v) for v in row) for row in zip(*(flat(table[i]).to_pylist() for i in range(table.num_columns)))]


def near_count(estimate, exact):
    """Six standard errors of 2^12 registers; of few values two may share one."""
    return abs(estimate - exact) <= 6 * 1.04 / 64 * exact + (2 if exact > 1 else 0)


def near_quantile(estimate, exact):
    """A sketch of 6 bits: the lower of the two values in the middle, up to 2^-7 of it."""
    return estimate is exact if exact is None else abs(estimate - float(exact)) <= abs(float(exact)) * (2**-7 + 1e-12)


def near_correlation(a, b):
    """Where one side is all equal, or there is one pair, Pillar says NULL; DuckDB may say NaN."""
    return b in (None, "nan") if a is None else near(a, b)


def same_groups(ours, theirs, key_count, what, same):
    a, b = ({row[:key_count]: row[key_count:] for row in rows} for rows in (ours, theirs))
    assert len(a) == len(ours), f"{what}: a group twice"
    assert a.keys() == b.keys(), f"{what}: groups differ: {list(a.keys() ^ b.keys())[:3]}"
    for key, values in a.items():
        for place, (x, y) in enumerate(zip(values, b[key], strict=True)):
            assert same[place](x, y), f"{what}: group {key}, aggregate {place}: {x} is ours, {y} is DuckDB's"


# ---- grouping --------------------------------------------------------------------------------------------------------

# Of each aggregate: its name in the bridge, DuckDB's spelling, and which columns it may take.
NUMBERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
ALL = tuple(kind for kind in KINDS if kind != "bool")
TAME = ("int8", "int16", "int32", "uint8", "uint16")
AGGREGATES = [
    ("count", "count({0})", ALL), ("sum", "sum({0})", (*NUMBERS, "decimal", "float", "double")), ("min", "min({0})", ALL), ("max", "max({0})", ALL),
    ("avg", "avg({0})", (*TAME, "int64", "float", "double")), ("distinct_count", "count(DISTINCT {0})", ALL),
    ("distinct_sum", "sum(DISTINCT {0})", NUMBERS), ("median", "median({0})", TAME), ("variance", "var_samp({0})", TAME),
    ("variance_population", "var_pop({0})", TAME), ("standard_deviation", "stddev_samp({0})", TAME),
    ("standard_deviation_population", "stddev_pop({0})", TAME), ("quantile", "quantile_cont({0}, 0.5)", TAME),
    ("distinct_avg", "avg(DISTINCT {0})", TAME), ("distinct_median", "median(DISTINCT {0})", TAME), ("bool_and", "bool_and({0})", ("bool",)),
    ("bool_or", "bool_or({0})", ("bool",)), ("first", "any_value({0})", ALL), ("string_agg", "string_agg({0}, ',')", ("text",)),
    ("last", "arg_max({0}, position)", ALL), ("approximate_count_distinct", "count(DISTINCT {0})", ALL),
    ("approximate_quantile", "quantile_disc({0}, 0.5)", (*NUMBERS, "decimal")),
]
PAIRS = [("covariance", "covar_samp({0}, {1})"), ("covariance_population", "covar_pop({0}, {1})"), ("correlation", "corr({0}, {1})"),
         ("arg_max", "arg_max({0}, {1})"), ("arg_min", "arg_min({0}, {1})")]
SAME = {"approximate_count_distinct": near_count, "approximate_quantile": near_quantile, "correlation": near_correlation}  # others: near
WAYS = ["one", "merged", "partitioned", "query over rows", "query over blocks", "query on two threads", "query that spills", "query over sorted blocks"]
TWO_WORKERS = 1 << 24
seen = collections.Counter()


def group_round():
    rows = dice.choice([0, 1, 5, 300, 1024, 2500, 5000])
    groups = dice.choice([1, 3, 50, 1000, max(rows, 1)])
    keys = [dice.choice(list(KINDS)) for _ in range(dice.choice([1, 1, 1, 2, 3]))]
    inputs = [dice.choice(list(KINDS)) for _ in range(3)] + ["int32"]
    nulls = dice.choice([0, 0.1, 0.6])
    names = [f"k{i}" for i in range(len(keys))] + [f"v{i}" for i in range(len(inputs))]
    table = pa.table([column(kind, max(2, int(groups ** (1 / len(keys)))), rows, nulls) for kind in keys] +
                     [column(kind, 500, rows, nulls) for kind in inputs], names)
    question, sql, same = [str(len(keys)), "count(*)"], ["count(*)"], [near]
    restricted = len(names) - 1  # an int32 column: aggregates of rows where it is above 100

    def add(ours, theirs):
        where = dice.random() < 0.3
        question.append(ours + (f"!{restricted}" if where else ""))
        same.append(SAME.get(ours.split(":")[0], near))
        sql.append(theirs + (f" FILTER ({names[restricted]} > 100)" if where else ""))

    for place, kind in enumerate(inputs, len(keys)):
        name = names[place]
        fitting = [each for each in AGGREGATES if kind in each[2]]
        for ours, theirs, _ in dice.sample(fitting, min(2, len(fitting))):
            add(f"{ours}:{place}", theirs.format(name))
        if kind in TAME:
            ours, theirs = dice.choice(PAIRS)
            add(f"{ours}:{place}:{len(names) - 1}", theirs.format(name, names[-1]))
    source = plain(table).append_column("position", pa.array(range(rows), pa.int64()))
    listed = ", ".join(names[:len(keys)])
    theirs = [tuple(cell(v) for v in row)
              for row in connection.sql(f"SELECT {listed}, {', '.join(sql)} FROM source GROUP BY {listed}").fetchall()]
    asked = f"{rows} rows, keys {keys}, inputs {inputs}, {' '.join(question)}"
    for how, way in enumerate(WAYS):
        ours, said = ask("pillar_group", [table], " ".join(question), how)
        same_groups(rows_of(ours) if ours.num_columns else [], theirs, len(keys), f"{way}, {asked}", same)
        seen["groups"] += len(theirs)
        if said.startswith("spilled"):
            seen["rows spilled by queries"] += int(said.split()[1])
        if said.startswith("by runs"):
            seen["rows grouped by runs"] += int(said.split()[2])
    for workers in (0, TWO_WORKERS):
        spilled(table, " ".join(question), theirs, len(keys), asked, workers, same)


def spilled(table, question, theirs, key_count, asked, workers, same):
    """With so little memory that one group does not fit, perhaps: that is an error, and twice as much is tried."""
    for state_bytes in (48 << 10, 96 << 10, 192 << 10, 384 << 10, 768 << 10, 1536 << 10):
        try:
            ours, said = ask("pillar_group", [table], question, state_bytes + workers)
        except ValueError as problem:
            if "out of memory" not in str(problem) or state_bytes == 1536 << 10:
                raise
            seen["refusals"] += 1
            continue
        same_groups(rows_of(ours) if ours.num_columns else [], theirs, key_count, f"spilled at {state_bytes} bytes, {asked}", same)
        seen["rows spilled by two workers" if workers else "rows spilled"] += int(said.split()[1])
        return


# ---- joining ---------------------------------------------------------------------------------------------------------

JOINS = [  # join_kind's number → SQL of the same
    (0, "SELECT p.*, b.* FROM probe AS p JOIN build AS b ON {on}"),
    (1, "SELECT p.*, b.* FROM probe AS p LEFT JOIN build AS b ON {on}"),
    (2, "SELECT p.*, b.* FROM probe AS p RIGHT JOIN build AS b ON {on}"),
    (3, "SELECT p.*, b.* FROM probe AS p FULL JOIN build AS b ON {on}"),
    (4, "SELECT * FROM probe AS p WHERE EXISTS (SELECT 1 FROM build AS b WHERE {on})"),
    (5, "SELECT * FROM probe AS p WHERE NOT EXISTS (SELECT 1 FROM build AS b WHERE {on})"),
    (6, "SELECT * FROM probe AS p WHERE p.k0 NOT IN (SELECT k0 FROM build)"),
    (7, "SELECT p.*, EXISTS (SELECT 1 FROM build AS b WHERE {on}) FROM probe AS p"),
    (8, "SELECT p.*, p.k0 IN (SELECT k0 FROM build) FROM probe AS p"),
]
NULL_AWARE = (6, 8)
JOIN_WAYS = (0, 1, 2, 3, 4, 8 << 10)


def join_round():
    large = not seen["joined rows"]  # the first: too much for a query's least budgets, whatever the dice say
    keys = ["int32", "text"] if large else [dice.choice(list(KINDS)) for _ in range(dice.choice([1, 1, 1, 2, 3]))]
    names = [f"k{i}" for i in range(len(keys))]
    values = 2000 if large else dice.choice([3, 40, 2000])
    nulls = dice.choice([0, 0, 0.1])

    def side(rows):
        return pa.table([column(kind, max(2, values), rows, nulls) for kind in keys] +
                        [pa.array(range(rows), pa.int32()), column("text", 50, rows, 0.1, may_encode=False)], [*names, "row", "t"])

    few = values <= 40  # rows that are alike, perhaps all of them: their pairs are many
    probe_table = side(1000 if large else dice.choice([0, 1, 150] if few else [0, 1, 1024, 3000]))
    build_table = side(8000 if large else dice.choice([0, 1, 100] if few else [0, 1, 300, 2000]))
    probe, build = plain(probe_table), plain(build_table)
    for kind, sql in JOINS:
        if kind in NULL_AWARE and len(keys) > 1:
            continue
        condition = kind not in NULL_AWARE and dice.random() < 0.5
        on = " AND ".join([f"p.{name} = b.{name}" for name in names] + ["p.row * 3 < b.row * 5 + 100"] * condition)
        theirs = collections.Counter(tuple(cell(v) for v in row) for row in connection.sql(sql.format(on=on)).fetchall())
        for how in JOIN_WAYS:
            ours, said = ask("pillar_join", [build_table, probe_table], f"{kind} {len(keys)} {int(condition)}", how)
            if said.startswith("spilled"):
                seen["joined from a store" + (" by queries" if how == 4 else "")] += int(said.split()[1])
            mine = collections.Counter(rows_of(ours))
            differ = (mine - theirs) + (theirs - mine)
            assert not differ, (f"join kind {kind}, way {how}, condition {condition}, keys {keys}, {probe.num_rows} × {build.num_rows} rows: "
                                f"{len(differ)} rows differ, as {list(differ)[:2]}")
            seen["joined rows"] += sum(theirs.values())


failed = 0
for name, turn in (("groups", group_round), ("joins", join_round)):
    dice.seed(f"{SEED} {name}")  # what one asks does not depend on the other
    begin = time.monotonic()
    for number in range(ROUNDS):
        if time.monotonic() - begin > 500:  # of a long run
            break
        try:
            turn()
            seen["rounds"] += 1
        except Exception as problem:
            failed += 1
            print(f"seed {SEED}, {name}, round {number}: {type(problem).__name__}: {problem}")
            if failed > 5:
                break
NEEDED = ("rows grouped by runs", "rows spilled", "rows spilled by two workers", "rows spilled by queries", "joined from a store", "joined from a store by queries")
if not failed and not all(seen[what] for what in NEEDED):
    failed = 1
    print("missing:", [what for what in NEEDED if not seen[what]])
print(f"DuckDB {duckdb.__version__}, seed {SEED}:", ", ".join(f"{n} {what}" for what, n in seen.items()))
print("[==========] 2 tests from 1 test suite ran.")
print(f"[  PASSED  ] {0 if failed else 2} tests.")
sys.exit(1 if failed else 0)
