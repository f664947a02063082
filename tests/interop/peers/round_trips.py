# SPDX-License-Identifier: Apache-2.0
# round_trips.py LIBRARY: Arrow data from pyarrow and DuckDB through Pillar and back, compared value by value.
# Prints its count as GoogleTest does, for ./dev's tally.
import ctypes
import datetime
import decimal
import random
import sys

import duckdb
import pyarrow as pa
import pyarrow.compute

bridge = ctypes.CDLL(sys.argv[1])
UTF8, LARGE, DECIMAL64, FLATTEN_IN, FLATTEN_OUT, NO_ZONE, PADDED = 1, 2, 4, 8, 16, 32, 64


class Struct:
    """Room for an ArrowArray, ArrowSchema or ArrowArrayStream."""

    def __init__(self):
        self.words = (ctypes.c_int64 * 10)()
        self.address = ctypes.addressof(self.words)
        self.pointer = ctypes.c_void_p(self.address)


def call(function, *arguments):
    text = ctypes.create_string_buffer(4096)
    status = function(*arguments, text, len(text))
    said = text.value.decode()
    if status != 0:
        raise ValueError(said)
    return said


def through_array(array, how=PADDED, field=None):
    """An array through Pillar; returns it and what was said about copies."""
    field = field or pa.field("c", array.type)
    a, s, out, out_schema = Struct(), Struct(), Struct(), Struct()
    array._export_to_c(a.address)
    field._export_to_c(s.address)
    said = call(bridge.pillar_array, a.pointer, s.pointer, out.pointer, out_schema.pointer, how)
    made = pa.Array._import_from_c(out.address, out_schema.address)
    made.validate(full=True)
    return made, said


def through_stream(reader, how=PADDED, function="pillar_stream"):
    """A pyarrow reader through Pillar: a new reader."""
    stream, out = Struct(), Struct()
    reader._export_to_c(stream.address)
    call(getattr(bridge, function), stream.pointer, out.pointer, how)
    return pa.RecordBatchReader._import_from_c(out.address)


class Capsule:
    """What any consumer of the Arrow PyCapsule protocol takes: Pillar's stream over what another object exported."""

    def __init__(self, source, how=PADDED, function="pillar_stream"):
        self.source, self.how, self.function = source, how, function

    def __arrow_c_stream__(self, requested_schema=None):
        api = ctypes.pythonapi
        api.PyCapsule_GetPointer.restype = ctypes.c_void_p
        api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
        given = self.source.__arrow_c_stream__()
        stream = ctypes.c_void_p(api.PyCapsule_GetPointer(given, b"arrow_array_stream"))
        self.out = Struct()
        call(getattr(bridge, self.function), stream, self.out.pointer, self.how)
        api.PyCapsule_New.restype = ctypes.py_object
        api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return api.PyCapsule_New(self.out.address, b"arrow_array_stream", None)


# ---- values ----------------------------------------------------------------------------------------------------------

dice = random.Random(7)


def some(values, count, nulls=True):
    return [None if nulls and dice.random() < 0.2 else values(i) for i in range(count)]


def day(i):
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=dice.randrange(-200000, 200000))


def word(i):
    return dice.choice(["", "a", "twelve bytes", "thirteen byte", "a common prefix, and then %d" % (i % 9), "žluť " * 7])


def money(precision, scale):
    with decimal.localcontext() as wide:
        wide.prec = 60
        return lambda i: decimal.Decimal(dice.randrange(-10**precision + 1, 10**precision)).scaleb(-scale)


def instant(unit):
    step = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    return lambda i: dice.randrange(-4 * 10**9, 4 * 10**9) * step


TYPES = [
    (pa.bool_(), lambda i: dice.random() < 0.5),
    (pa.int8(), lambda i: dice.randrange(-128, 128)),
    (pa.int16(), lambda i: dice.randrange(-2**15, 2**15)),
    (pa.int32(), lambda i: dice.randrange(-2**31, 2**31)),
    (pa.int64(), lambda i: dice.randrange(-2**63, 2**63)),
    (pa.uint8(), lambda i: dice.randrange(2**8)),
    (pa.uint16(), lambda i: dice.randrange(2**16)),
    (pa.uint32(), lambda i: dice.randrange(2**32)),
    (pa.uint64(), lambda i: dice.randrange(2**64)),
    (pa.float32(), lambda i: dice.choice([0.0, -0.0, 1.5, float("inf"), float("-inf"), -2.25e10])),
    (pa.float64(), lambda i: dice.choice([0.0, -0.0, 0.1, float("inf"), 5e-324, 1.7e308])),
    (pa.decimal128(15, 2), money(15, 2)),
    (pa.decimal128(18, 0), money(18, 0)),
    (pa.decimal128(38, 10), money(38, 10)),
    (pa.decimal64(12, 3), money(12, 3)),
    (pa.decimal32(9, 9), money(9, 9)),
    (pa.date32(), day),
    (pa.date64(), day),
    (pa.timestamp("s", "UTC"), instant("s")),
    (pa.timestamp("ms", "UTC"), instant("ms")),
    (pa.timestamp("us", "UTC"), instant("us")),
    (pa.timestamp("ns", "UTC"), instant("ns")),
    (pa.timestamp("us"), instant("us")),
    (pa.timestamp("us", "Europe/Berlin"), instant("us")),
    (pa.string(), word),
    (pa.large_string(), word),
    (pa.string_view(), word),
    (pa.binary(), lambda i: word(i).encode() + b"\x00\xff"),
    (pa.large_binary(), lambda i: word(i).encode()),
    (pa.binary_view(), lambda i: word(i).encode() + b"\xfe"),
]


def returned_type(kind, how=PADDED):
    """The type that a value of type `kind` comes back as."""
    text = how & 3
    if kind in (pa.string(), pa.large_string(), pa.string_view()):
        return [pa.string_view(), pa.string(), pa.large_string()][text]
    if kind in (pa.binary(), pa.large_binary(), pa.binary_view()):
        return [pa.binary_view(), pa.binary(), pa.large_binary()][text]
    if pa.types.is_decimal(kind):
        narrow = how & DECIMAL64 and kind.precision <= 18
        return (pa.decimal64 if narrow else pa.decimal128)(kind.precision, kind.scale)
    if pa.types.is_date64(kind):
        return pa.date32()
    if pa.types.is_timestamp(kind):
        return pa.timestamp(kind.unit, None if how & NO_ZONE else "UTC")
    return kind


def values_of(array):
    """Python values, timestamps as integers whatever their zone."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in values_of(chunk)]
    if pa.types.is_dictionary(array.type):
        entries = values_of(array.dictionary)  # pyarrow does not decode dictionaries of views
        return [None if code is None else entries[code] for code in array.indices.to_pylist()]
    if pa.types.is_run_end_encoded(array.type):
        array = pa.compute.run_end_decode(array)
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    if pa.types.is_float32(array.type) or pa.types.is_float64(array.type):
        return [None if v is None else repr(v) for v in array.to_pylist()]
    return array.to_pylist()


# ---- tests -----------------------------------------------------------------------------------------------------------

tests = []


def test(function):
    tests.append(function)
    return function


@test
def every_type_slice_and_form():
    for kind, values in TYPES:
        for count, nulls in ((0, True), (1, False), (200, True), (130, False)):
            whole = pa.array(some(values, count, nulls), kind)
            for array in (whole, whole[3:150], whole[64:], whole[9:9]):
                for how in (PADDED, UTF8, LARGE | DECIMAL64 | NO_ZONE):
                    back, said = through_array(array, how)
                    assert back.type == returned_type(kind, how), (kind, back.type)
                    assert back.null_count == array.null_count, kind
                    assert values_of(back) == values_of(array), (kind, how)


@test
def what_is_shared_is_not_copied():
    for kind, values in TYPES:
        array = pa.array(some(values, 300), kind)
        back, said = through_array(array, PADDED | DECIMAL64)
        free = not (pa.types.is_boolean(kind) or pa.types.is_date64(kind) or pa.types.is_decimal32(kind)
                    or (pa.types.is_decimal128(kind) and kind.precision <= 18)
                    or kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary()))
        copies = [line for line in said.splitlines() if line.startswith("c: ")]
        assert bool(copies) != free, (kind, said)
        if free:
            assert back.buffers()[1].address == array.buffers()[1].address, kind


@test
def dictionaries_stay_dictionaries():
    for kind, values in TYPES:
        entries = pa.array([values(i) for i in range(7)], kind)
        for index in (pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.uint32(), pa.int64()):
            codes = pa.array(some(lambda i: dice.randrange(7), 150), index)
            for array in (pa.DictionaryArray.from_arrays(codes, entries), pa.DictionaryArray.from_arrays(codes, entries)[5:90]):
                back, _ = through_array(array)
                assert back.type == pa.dictionary(pa.int32(), returned_type(kind)), back.type
                assert values_of(back) == values_of(array), (kind, index)
                flat, _ = through_array(array, PADDED | FLATTEN_IN)
                assert flat.type == returned_type(kind) and values_of(flat) == values_of(array), kind


@test
def nulls_inside_dictionaries():
    entries = pa.array(["x", None, "a long text, longer than a view"])
    array = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None, 1], pa.int32()), entries)
    back, said = through_array(array)
    assert values_of(back) == values_of(array) == ["x", None, "a long text, longer than a view", None, None]
    assert "NULL" in said
    nothing = pa.DictionaryArray.from_arrays(pa.array([None, None], pa.int8()), pa.array([], pa.string()))
    assert values_of(through_array(nothing)[0]) == [None, None]


@test
def runs_stay_runs():
    for kind, values in TYPES:
        if pa.types.is_dictionary(kind):
            continue
        for ends in (pa.int16(), pa.int32(), pa.int64()):
            at, stops = 0, []
            for _ in range(40):
                at += dice.randrange(1, 9)
                stops.append(at)
            whole = pa.RunEndEncodedArray.from_arrays(pa.array(stops, ends), pa.array(some(values, 40), kind))
            plain = [value for value, stop, start in zip(values_of(whole.values), stops, [0] + stops) for _ in range(stop - start)]
            for first, count in ((0, at), (5, 60), (at - 1, 1), (3, 0)):
                back, _ = through_array(whole.slice(first, count))
                assert back.type == pa.run_end_encoded(pa.int32(), returned_type(kind)), back.type
                flat, _ = through_array(whole.slice(first, count), PADDED | FLATTEN_OUT)
                assert values_of(flat) == plain[first:first + count], (kind, ends, first)


@test
def the_null_type():
    for count in (0, 1, 1000):
        back, _ = through_array(pa.nulls(count), PADDED | FLATTEN_IN)
        assert back.to_pylist() == [None] * count and back.type == pa.bool_()


def whole_table(count, chunk):
    columns = {}
    for i, (kind, values) in enumerate(TYPES):
        columns["c%d" % i] = pa.array(some(values, count), kind)
    columns["coded"] = pa.array(some(word, count)).dictionary_encode()
    table = pa.table(columns)
    return table, pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=chunk))


@test
def streams_of_all_types():
    for count, chunk in ((0, 10), (1, 10), (1000, 300)):
        table, reader = whole_table(count, chunk)
        back = through_stream(reader).read_all()
        back.validate(full=True)
        for name in table.column_names:
            assert values_of(back[name]) == values_of(table[name]), name


@test
def through_a_table_of_encoded_blocks():
    for count in (0, 1, 7000):
        table, reader = whole_table(count, 1500)
        back = through_stream(reader, PADDED, "pillar_table").read_all()
        back.validate(full=True)
        assert back.num_rows == count
        for name in table.column_names:
            assert values_of(back[name]) == values_of(table[name]), name


@test
def slices_of_batches():
    table, _ = whole_table(500, 500)
    batches = [batch.slice(first, count) for batch in table.to_batches() for first, count in ((3, 100), (130, 1), (64, 256))]
    back = through_stream(pa.RecordBatchReader.from_batches(table.schema, batches)).read_all()
    expected = pa.Table.from_batches(batches)
    for name in table.column_names:
        assert values_of(back[name]) == values_of(expected[name]), name


@test
def errors_are_sentences():
    for array, text in ((pa.array([[1]]), "nested"), (pa.array([1], pa.duration("s")), "durations"),
                        (pa.array([1.0], pa.float16()), "float16")):
        try:
            through_array(array)
            raise AssertionError(text)
        except ValueError as error:
            assert text in str(error) and "column 'c'" in str(error), error

    def broken():
        yield pa.record_batch({"a": [1]})
        raise RuntimeError("the source broke")

    try:
        through_stream(pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), broken()))
        raise AssertionError("no error")
    except ValueError as error:
        assert "the source broke" in str(error), error


@test
def all_memory_is_given_back():
    before = pa.total_allocated_bytes()
    table, reader = whole_table(3000, 700)
    back = through_stream(reader).read_all()
    kept = back.column("c4")
    del back, table, reader
    assert pa.total_allocated_bytes() > before
    del kept
    assert pa.total_allocated_bytes() <= before + 4096, pa.total_allocated_bytes() - before


QUERY = """
SELECT i % 2 = 0 AS flag, (i % 100)::TINYINT AS tiny, (i * 7 % 30000)::SMALLINT AS small, i::INTEGER AS number,
       i::BIGINT * 10000000000 AS big, (i % 200)::UTINYINT AS utiny, i::UBIGINT AS ubig, i / 3::FLOAT AS real4,
       i / 3 AS real8, (i / 100)::DECIMAL(4, 1) AS d4, (i / 100)::DECIMAL(9, 2) AS d9, (i * 3.5)::DECIMAL(18, 3) AS d18,
       (i * 1000000007)::DECIMAL(38, 5) AS d38, DATE '1992-01-01' + (i % 2500)::INTEGER AS day,
       TIMESTAMP '2026-01-01 00:00:00' + INTERVAL (i) SECOND AS naive, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS zoned,
       CASE WHEN i % 3 = 0 THEN NULL ELSE 'text number ' || i END AS words, 'abc'::BLOB AS raw,
       CASE WHEN i % 5 = 0 THEN NULL ELSE ['low', 'medium', 'a rather high priority'][i % 3 + 1] END AS priority
FROM range({}) t(i)
"""


@test
def from_duckdb_and_back():
    source, connection = duckdb.connect(), duckdb.connect()
    for each in (source, connection):
        each.execute("SET threads = 1; SET TimeZone = 'UTC'").fetchall()
    for count in (0, 1, 5000):
        query = QUERY.format(count)
        # Instants as numbers: Pillar's carry the zone UTC, and Python needs another package to show those.
        shown = {"naive": "epoch_us(naive)", "zoned": "epoch_us(zoned)"}
        select = "SELECT %s FROM " % ", ".join(shown.get(name, name) for name in source.sql(query).columns)
        expected = connection.sql(select + "(%s)" % query).fetchall()
        assert len(expected) == count
        for setting in ("SET produce_arrow_string_view = false", "SET produce_arrow_string_view = true"):
            source.execute(setting).fetchall()
            for function in ("pillar_stream", "pillar_table"):
                for how in (PADDED, UTF8 | NO_ZONE):
                    reader = Capsule(source.sql(query), how, function)
                    assert connection.sql(select + "reader").fetchall() == expected, (count, function, how)


@test
def duckdb_reads_encoded_columns():
    connection = duckdb.connect()
    rows = 3000
    columns = {
        "coded": pa.array([["x", "a text that is not inlined", None][i % 3] for i in range(rows)]).dictionary_encode(),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array(range(10, rows + 1, 10), pa.int32()), pa.array(range(rows // 10))),
        "views": pa.array([None if i % 7 == 0 else "view number %d and more" % i for i in range(rows)], pa.string_view()),
    }
    table = pa.table(columns)
    capsule = Capsule(table)
    got = connection.sql("SELECT coded, count(*), sum(runs), count(views), max(views) FROM capsule GROUP BY ALL ORDER BY ALL").fetchall()
    by = {}
    for code, run, view in zip(values_of(table["coded"]), values_of(table["runs"]), values_of(table["views"])):
        entry = by.setdefault(code, [0, 0, 0, ""])
        entry[0] += 1
        entry[1] += run
        entry[2] += view is not None
        entry[3] = max(entry[3], view or "")
    want = sorted(((code, *entry) for code, entry in by.items()), key=lambda row: (row[0] is None, row[0] or ""))
    assert got == want, (got, want)


failed = []
for each in tests:
    try:
        each()
    except Exception as problem:  # every test is run
        failed.append(each.__name__)
        import traceback
        traceback.print_exc()
        print("[  FAILED  ] interop.%s: %s" % (each.__name__, type(problem).__name__))
print("pyarrow %s, DuckDB %s" % (pa.__version__, duckdb.__version__))
print("[==========] %d tests from 1 test suite ran." % len(tests))
print("[  PASSED  ] %d tests." % (len(tests) - len(failed)))
sys.exit(1 if failed else 0)
