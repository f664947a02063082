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

GROUP = "SELECT k, sum(v) AS total, count(*) AS n FROM {table} GROUP BY k"

# Row → (data set, SQL, cells of the answer: text, an integer, or digits after the point, exact or of a mean).
QUERIES = {
    "query/q6": ("lineitem", Q6, [4]),
    "query/q1": ("lineitem", Q1, ["text", "text", 2, 2, 4, 6, "mean", "mean", "mean", 0]),
    "aggregate/group_100": ("group_100", GROUP.format(table="group_100"), [0, 0, 0]),
    "aggregate/group_1e5": ("group_1e5", GROUP.format(table="group_1e5"), [0, 0, 0]),
    **{f"aggregate/{name}": (name, GROUP.format(table=name), "digest")
       for name in (f"group_{groups}_{keys}" for groups in ("1e6", "1e7") for keys in ("dense", "sparse"))},
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


def manifest(folder, dataset):
    with open(pathlib.Path(folder) / dataset / "manifest.json") as file:
        return json.load(file)


def read_table(folder, dataset):
    """A generated set as an Arrow table of decimal128(15, 2), date32, int32, int64 and dictionary-encoded text."""
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
        elif kind == "text":
            codes = pyarrow.array(numpy.fromfile(path, dtype="u1").astype("<i4"))
            made = pyarrow.DictionaryArray.from_arrays(codes, pyarrow.array(column["dictionary"]))
        else:
            made = pyarrow.array(numpy.fromfile(path, dtype={"int32": "<i4", "int64": "<i8"}[kind]))
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
    if QUERIES[row][2] == "digest":
        return digest_text(table)
    return rows_text(row, zip(*(column.to_pylist() for column in table.columns)))


def digest_text(table):
    """Of very many groups k, total, n: how many there are, and sums over them, as bench/aggregate/groups.cpp has them."""
    import numpy
    k, total, n = (numpy.asarray(table.column(name).cast("int64").combine_chunks()).astype("<i8").view("<u8")
                   for name in ("k", "total", "n"))
    word = numpy.uint64
    with numpy.errstate(over="ignore"):
        mixed = k * word(0x9e3779b97f4a7c15) + total
        mixed = (mixed ^ (mixed >> word(32))) * word(0xbf58476d1ce4e5b9) + n
        mixed = (mixed ^ (mixed >> word(29))) * word(0x94d049bb133111eb)
        return "|".join(str(int(each)) for each in (len(k), total.sum(), n.sum(), mixed.sum()))


def rows_text(row, rows):
    """The same of rows as tuples: cells parted by '|', rows by a newline, groups in order of their key."""
    cells, rows = QUERIES[row][2], list(rows)
    if row.startswith("aggregate/"):
        rows.sort()
    return "\n".join("|".join(cell_text(value, cell) for value, cell in zip(each, cells)) for each in rows)
