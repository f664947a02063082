# SPDX-License-Identifier: Apache-2.0
"""The data sets as Arrow tables, the questions, and the one way to write an answer: what all peers share."""
import decimal
import json
import pathlib

Q6 = """SELECT sum(l_extendedprice * l_discount) AS revenue FROM lineitem
WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24"""

Q1 = """SELECT l_returnflag, l_linestatus, sum(l_quantity) AS sum_qty, sum(l_extendedprice) AS sum_base_price,
sum(l_extendedprice * (1 - l_discount)) AS sum_disc_price,
sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS sum_charge, avg(l_quantity) AS avg_qty,
avg(l_extendedprice) AS avg_price, avg(l_discount) AS avg_disc, count(*) AS count_order
FROM lineitem WHERE l_shipdate <= DATE '1998-09-02'
GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus"""

# h2o.ai's group-by questions, the cells of their answers beside them.
H2O = {
    "q1": ("SELECT id1, sum(v1) AS v1 FROM h2o GROUP BY id1", "text whole"),
    "q2": ("SELECT id1, id2, sum(v1) AS v1 FROM h2o GROUP BY id1, id2", "text text whole"),
    "q3": ("SELECT id3, sum(v1) AS v1, avg(v3) AS v3 FROM h2o GROUP BY id3", "text whole real"),
    "q4": ("SELECT id4, avg(v1) AS v1, avg(v2) AS v2, avg(v3) AS v3 FROM h2o GROUP BY id4", "whole real real real"),
    "q5": ("SELECT id6, sum(v1) AS v1, sum(v2) AS v2, sum(v3) AS v3 FROM h2o GROUP BY id6", "whole whole whole real"),
    "q6": ("SELECT id4, id5, median(v3) AS median_v3, stddev(v3) AS sd_v3 FROM h2o GROUP BY id4, id5", "whole whole real real"),
    "q7": ("SELECT id3, max(v1) - min(v2) AS range_v1_v2 FROM h2o GROUP BY id3", "text whole"),
    "q8": ("SELECT id6, v3 FROM (SELECT id6, v3, row_number() OVER (PARTITION BY id6 ORDER BY v3 DESC) AS place FROM h2o) "
           "WHERE place <= 2", "whole real"),
    "q9": ("SELECT id2, id4, power(corr(v1, v2), 2) AS r2 FROM h2o GROUP BY id2, id4", "text whole real"),
    "q10": ("SELECT id1, id2, id3, id4, id5, id6, sum(v3) AS v3, count(*) AS n FROM h2o GROUP BY id1, id2, id3, id4, id5, id6",
            "text text text whole whole whole real whole"),
}

# Keys of the join rows, by name; where two kinds of rows have one key, the kinds.
JOIN = "SELECT count(*) AS n, sum(payload) AS total FROM join_probe AS p JOIN join_build AS b ON p.{0} = b.{1}"
KEPT = "SELECT count(*) AS n FROM join_probe AS p WHERE {0} (SELECT 1 FROM join_build AS b WHERE b.sparse = p.ten_percent)"
JOINS = {
    **{name: (JOIN.format(probe, build), [0, 0]) for name, (probe, build) in {
        "dense": ("dense", "dense"), "sparse": ("sparse", "sparse"), "ten_percent": ("ten_percent", "sparse"),
        "duplicates": ("duplicates", "duplicates"), "text_key": ("text", "text")}.items()},
    "semi": (KEPT.format("EXISTS"), [0]),
    "anti": (KEPT.format("NOT EXISTS"), [0]),
}
JOIN_SETS = "join_probe join_build"

GROUP = "SELECT k, sum(v) AS total, count(*) AS n FROM {table} GROUP BY k"

# Row → (data sets, SQL, cells of the answer: text, "mean", or the digits after the point of an exact number; or, of large
# answers that are compared by sums over their rows, the kinds of their columns, parted by spaces: text, whole, real).
QUERIES = {
    "query/q6": ("lineitem", Q6, [4]),
    "query/q1": ("lineitem", Q1, ["text", "text", 2, 2, 4, 6, "mean", "mean", "mean", 0]),
    "aggregate/group_100": ("group_100", GROUP.format(table="group_100"), [0, 0, 0]),
    "aggregate/group_1e5": ("group_1e5", GROUP.format(table="group_1e5"), [0, 0, 0]),
    **{f"aggregate/{name}": (name, GROUP.format(table=name), "whole whole whole")
       for name in (f"group_{groups}_{keys}" for groups in ("1e6", "1e7") for keys in ("dense", "sparse"))},
    **{f"aggregate/distinct_{keys}": (name, f"SELECT count(DISTINCT k) AS n FROM {name}", [0])
       for keys, name in (("1e5", "group_1e5"), ("1e7", "group_1e7_sparse"))},
    **{f"aggregate/h2o_{name}": ("h2o", sql, cells) for name, (sql, cells) in H2O.items()},
    **{f"join/{name}": (JOIN_SETS, sql, cells) for name, (sql, cells) in JOINS.items()},
}
LOADS = {"storage/load_memory": "lineitem", "storage/load_csv": "lineitem_csv", "storage/load_csv_flights": "flights"}
# Tables that are stored and read back as Parquet → their CSV file in FILES.
STORED = {"flights": "flights", "lineitem": "tpch_lineitem", "orders": "tpch_orders", "partsupp": "tpch_partsupp",
          "part": "tpch_part", "customer": "tpch_customer"}
LOAD_MEMORY_ROWS = 2_000_000

# CSV files: their place, what stands for NULL, and their columns, as bench/data/schemas.hpp has them for us. "?" may be NULL.
MONEY = "decimal(15,2)"
FILES = {
    "lineitem_csv": ("lineitem_csv/lineitem.csv", "", [
        ("l_quantity", MONEY), ("l_extendedprice", MONEY), ("l_discount", MONEY), ("l_tax", MONEY),
        ("l_returnflag", "text"), ("l_linestatus", "text"), ("l_shipdate", "date")]),
    "tpch_lineitem": ("tpch/lineitem.csv", "", [
        ("l_orderkey", "int64"), ("l_partkey", "int64"), ("l_suppkey", "int64"), ("l_linenumber", "int32"),
        ("l_quantity", MONEY), ("l_extendedprice", MONEY), ("l_discount", MONEY), ("l_tax", MONEY),
        ("l_returnflag", "text"), ("l_linestatus", "text"), ("l_shipdate", "date"), ("l_commitdate", "date"),
        ("l_receiptdate", "date"), ("l_shipinstruct", "text"), ("l_shipmode", "text"), ("l_comment", "text")]),
    "tpch_orders": ("tpch/orders.csv", "", [
        ("o_orderkey", "int64"), ("o_custkey", "int64"), ("o_orderstatus", "text"), ("o_totalprice", MONEY),
        ("o_orderdate", "date"), ("o_orderpriority", "text"), ("o_clerk", "text"), ("o_shippriority", "int32"),
        ("o_comment", "text")]),
    "tpch_partsupp": ("tpch/partsupp.csv", "", [
        ("ps_partkey", "int64"), ("ps_suppkey", "int64"), ("ps_availqty", "int32"), ("ps_supplycost", MONEY),
        ("ps_comment", "text")]),
    "tpch_part": ("tpch/part.csv", "", [
        ("p_partkey", "int64"), ("p_name", "text"), ("p_mfgr", "text"), ("p_brand", "text"), ("p_type", "text"),
        ("p_size", "int32"), ("p_container", "text"), ("p_retailprice", MONEY), ("p_comment", "text")]),
    "tpch_customer": ("tpch/customer.csv", "", [
        ("c_custkey", "int64"), ("c_name", "text"), ("c_address", "text"), ("c_nationkey", "int32"), ("c_phone", "text"),
        ("c_acctbal", MONEY), ("c_mktsegment", "text"), ("c_comment", "text")]),
    "flights": ("flights/flights.csv", "NA", [
        ("year", "int16"), ("month", "int8"), ("day", "int8"), ("dep_time", "int16?"), ("sched_dep_time", "int16"),
        ("dep_delay", "int16?"), ("arr_time", "int16?"), ("sched_arr_time", "int16"), ("arr_delay", "int16?"),
        ("carrier", "text"), ("flight", "int16"), ("tailnum", "text?"), ("origin", "text"), ("dest", "text"),
        ("air_time", "int16?"), ("distance", "int16"), ("hour", "int8"), ("minute", "int8"), ("time_hour", "timestamp")]),
}


def csv_file(folder, dataset):
    """Path, text for NULL, and the columns of a CSV file."""
    place, null, columns = FILES[dataset]
    return str(pathlib.Path(folder) / place), null, columns


def arrow_type(kind):
    import pyarrow
    return {"text": pyarrow.string(), "date": pyarrow.date32(), "timestamp": pyarrow.timestamp("s"),
            "int8": pyarrow.int8(), "int16": pyarrow.int16(), "int32": pyarrow.int32(), "int64": pyarrow.int64(),
            MONEY: pyarrow.decimal128(15, 2)}[kind.rstrip("?")]


def read_csv(folder, dataset, use_threads=False):
    """A CSV file as an Arrow table of the declared types, by pyarrow."""
    import pyarrow.csv
    path, null, columns = csv_file(folder, dataset)
    kinds = {name: arrow_type(kind) for name, kind in columns}
    nullable = any(kind.endswith("?") for _, kind in columns)
    return pyarrow.csv.read_csv(
        path, read_options=pyarrow.csv.ReadOptions(use_threads=use_threads),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=kinds, null_values=[null] if nullable else [], strings_can_be_null=nullable,
            timestamp_parsers=["%Y-%m-%dT%H:%M:%SZ"]))


def sets_of(row):
    """The data sets of a query row; the first is the one whose rows are counted."""
    return QUERIES[row][0].split()


def manifest(folder, dataset):
    with open(pathlib.Path(folder) / dataset / "manifest.json") as file:
        return json.load(file)


def read_table(folder, dataset):
    """A generated set as an Arrow table of decimal128(15, 2), date32, int32, int64, double and text, dictionary-encoded where
    it is of few values."""
    import numpy
    import pyarrow
    columns = {}
    for column in manifest(folder, dataset)["columns"]:
        kind, path = column["type"], pathlib.Path(folder) / dataset / column["file"]
        if kind == "decimal(15,2)":
            values = numpy.fromfile(path, dtype="<i8")
            wide = numpy.empty((len(values), 2), dtype="<i8")
            wide[:, 0], wide[:, 1] = values, values >> 63
            made = pyarrow.Array.from_buffers(pyarrow.decimal128(15, 2), len(values), [None, pyarrow.py_buffer(wide)])
        elif kind == "date":
            made = pyarrow.array(numpy.fromfile(path, dtype="<i4")).view(pyarrow.date32())
        elif kind == "text" and "characters" in column:
            length, data = column["characters"], pyarrow.py_buffer(path.read_bytes())
            rows = data.size // length
            offsets = pyarrow.py_buffer(numpy.arange(rows + 1, dtype="<i4") * length)
            made = pyarrow.Array.from_buffers(pyarrow.string(), rows, [None, offsets, data])
        elif kind == "text":
            codes = pyarrow.array(numpy.fromfile(path, dtype="u1").astype("<i4"))
            made = pyarrow.DictionaryArray.from_arrays(codes, pyarrow.array(column["dictionary"]))
        else:
            made = pyarrow.array(numpy.fromfile(path, dtype={"int32": "<i4", "int64": "<i8", "double": "<f8"}[kind]))
        columns[column["name"]] = made
    return pyarrow.table(columns)


def plain_text(table):
    """The same with text spelt out: for peers that store dictionaries as such only when told otherwise."""
    import pyarrow
    return pyarrow.table({
        name: table[name].cast(pyarrow.string()) if pyarrow.types.is_dictionary(table[name].type) else table[name]
        for name in table.column_names})


def cell_text(value, cell):
    if value is None:
        return "NULL"
    if cell == "text":
        return str(value)
    if cell == "mean":
        return f"{value:.4f}"
    with decimal.localcontext() as context:
        context.prec = 60
        exact = value if isinstance(value, decimal.Decimal) else decimal.Decimal(int(value))
        return format(exact.quantize(decimal.Decimal(1).scaleb(-cell)), "f")


def answer_text(row, table):
    """The answer of a query row, an Arrow table, as canonical text."""
    if is_digest(row):
        return digest_text(table, QUERIES[row][2].split())
    return rows_text(row, zip(*(column.to_pylist() for column in table.columns)))


def is_digest(row):
    return isinstance(QUERIES[row][2], str)


def words_of(column, kind):
    """What stands for the cells of a column, as lists of 64-bit words: bench/support/digest.hpp says which."""
    import numpy
    import pyarrow
    import pyarrow.compute
    if kind == "text":
        padded = pyarrow.compute.ascii_rpad(column.cast(pyarrow.string()), 16, padding="\0")
        padded = padded.combine_chunks() if isinstance(padded, pyarrow.ChunkedArray) else padded
        length = numpy.frombuffer(padded.buffers()[1], "<i4", 2, 4 * padded.offset)
        if length[1] - length[0] != 16:
            raise ValueError("texts of the digest have at most 16 bytes")
        pairs = numpy.frombuffer(padded.buffers()[2], "<u8", 2 * len(padded), int(length[0]))
        return [pairs[0::2], pairs[1::2]]
    if kind == "real":
        values = numpy.nan_to_num(numpy.asarray(column.cast("double").fill_null(0)), nan=0)
        return [numpy.floor(values * 1e6 + 0.6180339887498949).astype("<i8").view("<u8")]
    return [numpy.asarray(column.cast("int64").fill_null(0)).astype("<i8").view("<u8")]


def digest_text(table, kinds):
    """Of very many rows: how many there are, and sums over them, as bench/support/digest.hpp has them."""
    import numpy
    table = table.combine_chunks()
    word, mixed = numpy.uint64, numpy.zeros(table.num_rows, dtype="<u8")
    said = [str(table.num_rows)]
    with numpy.errstate(over="ignore"):
        for column, kind in zip(table.columns, kinds, strict=True):
            words = words_of(column, kind)
            for each in words:
                mixed = (mixed ^ each) * word(0x9e3779b97f4a7c15)
                mixed ^= mixed >> word(32)
            if kind != "text":
                said.append(str(int(words[0].sum())))
        return "|".join([*said, str(int(mixed.sum()))])


def rows_text(row, rows):
    """The same of rows as tuples: cells parted by '|', rows by a newline, groups in order of their key."""
    cells, rows = QUERIES[row][2], list(rows)
    if row.startswith("aggregate/"):
        rows.sort()
    return "\n".join("|".join(cell_text(value, cell) for value, cell in zip(each, cells)) for each in rows)
