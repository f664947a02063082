# SPDX-License-Identifier: Apache-2.0
"""What is measured: one row per line of the report, in the order in which it is measured.

A row names a case of one of our programs and what it is held against: a limit of the machine (bench/limits), another row
of ours, the peers, or figures of the reference machine. docs/benchmarks.md says how to add one.
"""
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """A promise: the row's value is at least (`lower` units: at most) `at_least` times what it is held against.

    against: 'limit'     the row's limit, bytes against bytes
             'row'       the row named in `other`
             'peers'     the best measured peer
             'columns'   every measured peer in every column of the table
             'absolute'  `at_least` itself, in the row's unit, on the reference machine at 3.65 GHz
    """
    against: str
    at_least: float
    other: str = ""


@dataclass(frozen=True)
class Row:
    name: str                 # component/case
    program: str              # bench_<program>
    case: str = ""            # as the program lists it; the name where empty
    kind: str = "kernel"      # kernel | query | storage | size | decode
    unit: str = "values/s"    # values/s | rows/s | bytes/s (higher is better) | ms | ns | bytes | s (lower is better)
    threads: int = 1
    rows: int = 0             # of the data set, for the report
    limit: str = ""           # group of bench/limits: read_l1, read_l2, read_ram, store_l1, copy_ram, …
    less_work: str = ""       # another: strictly less than the row does on the same bytes; a bar is met at 0.95 of it
    reference: str = ""       # a row of ours that the report shows the ratio to
    peers: tuple = ()         # names of bench/peers
    dataset: str = ""         # what the peers load, parted by spaces
    bars: tuple = ()
    long: bool = False        # measured only when named, or with --long
    sweep: tuple = ()         # (chart, x): points of one chart, such as ('match by width', 12)
    of: str = ""              # the row whose question is asked here on more threads, for the peers
    note: str = ""            # shown beside the row: what is compared with what

    @property
    def component(self):
        return self.name.split("/")[0]

    @property
    def question(self):
        """What the peers call the row."""
        return self.of or self.name

    def server_of(self, peer):
        """Whom to ask: engines are told their threads when they start."""
        return f"{peer}@{self.threads}" if self.of else peer

    @property
    def better(self):
        return "higher" if self.unit.endswith("/s") else "lower"


L2, RAM = "read_l2", "read_ram"
ENGINES = ("duckdb", "polars", "clickhouse", "datafusion", "pyarrow")

# Whole tables that are stored and read back, rows and data set of each: ours encoded once for both.
STORED = (("flights", 336_776, "flights"), ("lineitem", 6_001_215, "tpch"), ("orders", 1_500_000, "tpch"),
          ("partsupp", 800_000, "tpch"), ("part", 200_000, "tpch"), ("customer", 150_000, "tpch"))

ROWS = [
    # ---- filter (bench/filter/rows.cpp)
    Row("filter/raw_u32_l2", "filter", limit=L2, less_work="less_masks_raw_l2", peers=("highway",), bars=(Bar("limit", 0.85),), note="a range of u32, into mask words"),
    Row("filter/raw_u32_ram", "filter", limit=RAM, less_work="less_masks_raw_ram", peers=("highway",), bars=(Bar("limit", 0.9),)),
    Row("filter/packed_u32_w3_l2", "filter", limit=L2, reference="filter/raw_u32_l2"),
    Row("filter/packed_u32_w3_ram", "filter", limit=RAM, less_work="less_masks_w3_ram", reference="filter/raw_u32_ram",
        bars=(Bar("row", 4.5, "filter/raw_u32_ram"), Bar("absolute", 41e9))),
    Row("filter/packed_u32_w12_l2", "filter", limit=L2, less_work="less_masks_w12_l2", reference="filter/raw_u32_l2",
        bars=(Bar("row", 1.25, "filter/raw_u32_l2"), Bar("absolute", 38e9))),
    Row("filter/packed_u32_w12_ram", "filter", limit=RAM, less_work="less_masks_w12_ram", reference="filter/raw_u32_ram",
        bars=(Bar("row", 2.2, "filter/raw_u32_ram"), Bar("absolute", 20e9))),
    Row("filter/packed_u32_w20_l2", "filter", limit=L2, reference="filter/raw_u32_l2"),
    Row("filter/packed_u32_w20_ram", "filter", limit=RAM, reference="filter/raw_u32_ram"),
    Row("filter/dictionary_l2", "filter", limit=L2, less_work="less_table_w8_l2", reference="filter/raw_u32_l2", bars=(Bar("limit", 0.42),),
        note="every third of 200 values, on 8-bit codes: a grid of few kinds of rows"),
    Row("filter/dictionary_ram", "filter", limit=RAM, less_work="less_table_w8_ram", reference="filter/raw_u32_ram", bars=(Bar("limit", 0.8),)),
    Row("filter/dictionary_any_l2", "filter", limit=L2, less_work="less_table_w8_l2", reference="filter/dictionary_l2",
        note="67 of the 200 values at random, which takes three look-ups instead of two"),
    Row("filter/dictionary_any_ram", "filter", limit=RAM, less_work="less_table_w8_ram", reference="filter/dictionary_ram"),
    *(Row(f"filter/match_w{width}_l2", "filter", limit=L2, sweep=("Range test on packed fields | L2", width))
      for width in range(1, 33)),
    *(Row(f"filter/match_w{width}_ram", "filter", limit=RAM, sweep=("Range test on packed fields | RAM", width),
          bars=(Bar("limit", 0.8),) if width >= 12 else ())
      for width in (1, 2, 4, 8, 12, 16, 20, 32)),
    *(Row(f"filter/two_columns/{share}", "filter", sweep=("Predicate of two columns", share / 1000, "share that passes the first"))
      for share in (1, 10, 100, 500, 1000)),
    # ---- codec (bench/codec/rows.cpp)
    Row("codec/unpack_u32_w12_l1", "codec", limit="store_l1", less_work="less_widen_w12_l1",
        bars=(Bar("limit", 0.9), Bar("absolute", 28.6e9)), note="bytes: those stored"),
    Row("codec/unpack_base_u32_w12_l1", "codec", limit="store_l1", note="a base added to each value: frame of reference"),
    Row("codec/unpack_u32_w12_l2", "codec", limit=L2, less_work="less_widen_w12_l2", peers=("streamvbyte",),
        bars=(Bar("peers", 2.5),), note="bytes: the packed ones; the stores are what binds. streamvbyte: the same"
             " values in 1.5 times the bytes; Debian builds it without SSSE3, so its decoder is the scalar one"),
    *(Row(f"codec/unpack_u32_w{width}_ram", "codec", limit=RAM, less_work="less_widen_w12_ram" if width == 12 else "",
          bars=(Bar("limit", 0.65),)) for width in (12, 16, 20)),
    *(Row(f"codec/unpack_u32_w{width}_l1", "codec", limit="store_l1", sweep=("Unpack to u32, in L1", width),
          bars=(Bar("limit", 0.9),) if width <= 20 else ()) for width in range(1, 33) if width != 12),
    *(Row(f"codec/unpack_u{bits}_w{width}_l1", "codec", limit="store_l1", sweep=(f"Unpack to u{bits}, in L1", width),
          bars=(Bar("limit", least),)) for bits, least in ((16, 0.9), (8, 0.55)) for width in range(1, bits + 1)),
    # ---- integers (bench/codec/integers.cpp)
    Row("codec/patched", "codec", peers=("zstd", "lz4", "streamvbyte"), bars=(Bar("peers", 3), Bar("absolute", 12e9)),
        note="7 bits with 2 % outliers of 20, a block of 65,536 u32"),
    Row("codec/delta", "codec", peers=("zstd", "lz4", "streamvbyte"), bars=(Bar("absolute", 12e9),),
        note="sorted, gaps below 128, a block of 65,536 u32"),
    Row("codec/run_end_8", "codec", peers=("zstd", "lz4"), bars=(Bar("absolute", 8.2e9),),
        note="20 bits, runs of 1 to 15, a block of 65,536 u32"),
    Row("codec/run_end_64", "codec", peers=("zstd", "lz4"), bars=(Bar("absolute", 16.9e9),), note="runs of 1 to 127"),
    *(Row(f"codec/run_end_{run}_sum", "codec", reference=f"codec/run_end_{run}", note="without decoding") for run in (8, 64)),
    *(Row(f"codec/encode_{name}", "codec", note="analysis and encoding; bytes: the values")
      for name in ("patched", "delta", "run_end_8", "run_end_64")),
    # ---- text (bench/codec/text.cpp)
    Row("codec/text_symbols", "codec", unit="bytes/s", peers=("zstd", "lz4"), bars=(Bar("absolute", 4e9),), dataset="tpch",
        note="characters and slots of a block of l_comment; the label says how much smaller it is. Peers: the"
             " characters alone"),
    *(Row(f"codec/match_text_symbols/{what}", "codec", unit="bytes/s", reference="codec/text_symbols", dataset="tpch",
          note="rows of the block that equal a text of it or begin like it") for what in ("one", "prefix")),
    Row("encode/text", "codec", unit="bytes/s", bars=(Bar("absolute", 0.3e9),), dataset="tpch",
        note="that block, chosen among all codecs, with the choice of the block before, as a table has it; bytes: the"
             " characters"),
    Row("encode/text_first", "codec", unit="bytes/s", reference="encode/text", dataset="tpch", note="without a choice"),
    # ---- blocks (bench/codec/blocks.cpp)
    *(Row(f"codec/decode_block_{codec}", "codec") for codec in ("frame_of_reference", "dictionary")),
    *(Row(f"codec/validate_{codec}", "codec", reference=f"codec/decode_block_{codec}",
          bars=(Bar("row", 10, f"codec/decode_block_{codec}"),), note="opening the block, without its checksum")
      for codec in ("frame_of_reference", "dictionary")),
    Row("codec/checksum", "codec", unit="bytes/s", bars=(Bar("absolute", 40e9),), note="opening a stored block of 256 KiB with its checksum"),
    # ---- blocks of floats (bench/codec/floats.cpp)
    Row("codec/decimal_double", "codec", limit="store_l1", bars=(Bar("absolute", 3e9),),
        note="prices 900.00 to 104,949.50 from one block in L2; bytes: those stored"),
    Row("codec/decimal_double_size", "codec", unit="bytes", rows=65_536, bars=(Bar("absolute", 24.5 * 65_536 / 8),),
        note="the whole block of those prices; the bar is 24.5 bits a value"),
    Row("codec/real_double", "codec", limit="store_l1", note="uniform between 20 and 30; as above"),
    # ---- schedule (bench/schedule.cpp)
    Row("schedule/morsels_2t", "schedule", case="schedule/morsels_2t/process_time/real_time", threads=2,
        peers=("tbb", "gomp", "omp"), note="morsels of next to no work handed to two threads"),
    # ---- query and aggregate (bench/query.cpp, bench/aggregate/groups.cpp, peers)
    Row("query/q6", "query", kind="query", unit="ms", rows=6_000_000, peers=ENGINES, dataset="lineitem",
        bars=(Bar("peers", 8),), note="both sides prepared, from their own storage in memory"),
    Row("query/q1", "query", kind="query", unit="ms", rows=6_000_000, peers=ENGINES, dataset="lineitem",
        bars=(Bar("peers", 3),), note="both sides prepared, from their own storage in memory"),
    Row("query/q6_100m", "query", kind="query", unit="ms", rows=100_000_000, limit=RAM, long=True,
        note="bytes: the encoded columns that the query names, read or skipped"),
    Row("query/q1_100m", "query", kind="query", unit="ms", rows=100_000_000, limit=RAM, long=True,
        note="bytes: the encoded columns that the query names"),
    Row("aggregate/group_100", "aggregate", kind="query", unit="ms", rows=10_000_000, peers=ENGINES, dataset="group_100",
        bars=(Bar("peers", 1.5), Bar("absolute", 12))),
    Row("aggregate/group_1e5", "aggregate", kind="query", unit="ms", rows=10_000_000, peers=ENGINES, dataset="group_1e5",
        bars=(Bar("peers", 1.5), Bar("absolute", 30))),
    *(Row(f"aggregate/group_{groups}_{keys}", "aggregate", kind="query", unit="ms", rows=10_000_000, peers=ENGINES,
          dataset=f"group_{groups}_{keys}", bars=(Bar("peers", 1.1), Bar("absolute", bar)), long=(groups, keys) != ("1e6", "sparse"),
          note=f"int64 keys, {'0, 1, 2, …' if keys == 'dense' else 'spread over 64 bits'}")
      for groups, keys, bar in (("1e6", "dense", 60), ("1e6", "sparse", 190), ("1e7", "dense", 280), ("1e7", "sparse", 280))),
    *(Row(f"aggregate/distinct_{keys}", "aggregate", kind="query", unit="ms", rows=10_000_000, peers=ENGINES, dataset=dataset,
          bars=(Bar("peers", 1.1), Bar("absolute", bar)), long=keys == "1e7", note=note)
      for keys, dataset, bar, note in (("1e5", "group_1e5", 10, "count(DISTINCT k), int32 from 0 to 99,999"),
                                       ("1e7", "group_1e7_sparse", 190, "count(DISTINCT k), int64 spread over 64 bits"))),
    *(Row(f"aggregate/composed_{keys}", "aggregate", kind="query", unit="ms", rows=10_000_000,
          bars=(Bar("row", 1 / 1.2, f"aggregate/composed_{keys}_loop"),), note="the query of group_" + keys)
      for keys in ("100", "1e5")),
    *(Row(f"aggregate/composed_{keys}_loop", "aggregate", kind="query", unit="ms", rows=10_000_000,
          note="written by hand: blocks decoded vector by vector, an array of sums and counts")
      for keys in ("100", "1e5")),
    *(Row(f"aggregate/h2o_{question}", "queries", kind="query", unit="ms", rows=10_000_000, peers=ENGINES, dataset="h2o",
          bars=(Bar("peers", 1.1), *((Bar("absolute", bar),) if bar else ())), long=question not in ("q1", "q3"), note=note)
      for question, bar, note in (
          ("q1", 28, "sum by id1, a text of 100"), ("q2", 0, "sum by id1 and id2"),
          ("q3", 110, "sum and mean by id3, a text of 100,000"), ("q4", 0, "three means by id4"),
          ("q5", 0, "three sums by id6, of 100,000"), ("q6", 0, "median and standard deviation by id4 and id5"),
          ("q7", 0, "greatest less least by id3"), ("q8", 0, "the two greatest by id6: a row per group here, two there"),
          ("q9", 0, "squared correlation by id2 and id4"), ("q10", 0, "sum and count by all six: a group per row"))),
    Row("aggregate/spill_1e8_1e7", "aggregate", kind="query", unit="ms", rows=100_000_000, long=True,
        note="a hundred million rows of ten million groups in 256 MiB, runs in a file in TMPDIR"),
    *(Row(f"aggregate/in_memory_{keys}", "aggregate", kind="query", unit="ms", rows=3_000_000, long=True,
          note=f"three million rows of 300,000 groups by {what} in a spilling_aggregator, sum and count, no limit")
      for keys, what in (("dense", "dense int64"), ("spread", "int64 spread over 64 bits"),
                         ("two_keys", "int64 and int32"), ("text", "texts of 12 bytes"),
                         ("few_values", "two int64 of few values far apart"))),
    *(Row(f"aggregate/spill_{limit}{keys}", "aggregate", kind="query", unit="ms", rows=3_000_000, long=True,
          reference=f"aggregate/in_memory_{keys}", note=f"the same in a quarter of {what}, runs in a file in TMPDIR")
      for limit, what in (("", "that memory"), ("end_", "what the states take in the end"))
      for keys in ("dense", "spread", "two_keys", "text", "few_values")),
    Row("aggregate/sum_raw_u32_ram", "aggregate", limit=RAM),
    Row("aggregate/sum_packed_w12_ram", "aggregate", limit=RAM, reference="aggregate/sum_raw_u32_ram",
        bars=(Bar("row", 2.2, "aggregate/sum_raw_u32_ram"),)),
    Row("aggregate/sum_packed_w12_l2", "aggregate", limit=L2),
    *(Row(f"aggregate/group_int64/{groups}", "aggregate", unit="rows/s", rows=1 << 20, peers=("absl", "boost"),
          bars=(Bar("peers", 1.1),),
          sweep=("Sum and count by sparse int64 keys", groups, "groups")) for groups in (1, 10, 100, 1000, 10000, 100000, 1000000)),
    *(Row(f"{of}_2t", program, case=f"{of}_2t/process_time/real_time", kind="query", unit="ms", threads=2, rows=rows, of=of,
          peers=ENGINES, dataset=dataset, bars=(Bar("peers", 1.1),), long=True, note="the same on two threads, on every side")
      for of, program, rows, dataset in (
          ("query/q1", "query", 6_000_000, "lineitem"),
          *((f"aggregate/group_{keys}", "aggregate", 10_000_000, f"group_{keys}") for keys in ("1e5", "1e6_sparse", "1e7_sparse")),
          *((f"aggregate/h2o_{question}", "queries", 10_000_000, "h2o") for question in ("q1", "q3", "q5")),
          *((f"join/{name}", "queries", 10_000_000, "join_probe join_build") for name in ("dense", "sparse")))),
    # ---- join (bench/queries/joins.cpp; bench/join.cpp, bench/join/)
    *(Row(f"join/{name}", "queries", kind="query", unit="ms", rows=10_000_000, peers=ENGINES,
          dataset="join_probe join_build", bars=(Bar("peers", 1.1), *((Bar("absolute", bar),) if bar else ())),
          long=name not in ("dense", "sparse"), note=note)
      for name, bar, note in (
          ("dense", 30, "a million rows with a payload that is summed"), ("sparse", 260, "keys spread over 64 bits"),
          ("ten_percent", 75, "one row in ten has a partner"), ("duplicates", 0, "one row in four has four partners"),
          ("text_key", 0, "of 12 bytes"), ("semi", 0, "one row in ten has a partner; they are counted"),
          ("anti", 0, "nine rows in ten have none; they are counted"))),
    *(Row(f"join/keys_{keys}", "join", unit="rows/s", rows=10_000_000, peers=("absl", "boost"), note=note)
      for keys, note in (
          ("dense", "a million rows with a payload that is summed, built and probed, from arrays; maps reserve"),
          ("sparse", "keys spread over 64 bits"), ("ten_percent", "one row in ten has a partner"),
          ("duplicates", "one row in four has four partners"), ("text", "of 12 bytes"),
          ("semi", "one row in ten has a partner; they are counted"))),
    Row("join/in_memory_2e6", "join", kind="query", unit="ms", rows=4_000_000, long=True,
        note="four million rows against two million in a spilling_join, two columns each, no limit"),
    Row("join/spill_2e6", "join", kind="query", unit="ms", rows=4_000_000, long=True, reference="join/in_memory_2e6",
        note="the same in a fifth of that memory, runs in a file in TMPDIR"),
    # ---- storage, size, decode (bench/storage.cpp, bench/storage/, peers)
    Row("storage/load_memory", "storage", kind="storage", unit="rows/s", rows=2_000_000, dataset="lineitem",
        peers=("duckdb", "polars", "clickhouse"),
        note="ours from arrays, theirs from Arrow; Polars keeps Arrow's buffers as they are"),
    Row("storage/load_csv", "storage", kind="storage", unit="rows/s", rows=2_000_000, dataset="lineitem_csv", peers=ENGINES,
        note="into each one's storage in memory; only ours is encoded"),
    Row("storage/load_csv_flights", "storage", kind="storage", unit="rows/s", rows=336_776, dataset="flights",
        peers=("duckdb", "polars", "clickhouse", "pyarrow"),
        note="19 columns with NULLs, which DataFusion does not read as NA; as above"),
    *(Row(f"encode/{name}", "storage", unit="bytes/s", dataset=dataset, bars=(Bar("absolute", 1e9),),
          note=f"chosen and encoded, a choice kept from block to block; bytes: {what}")
      for name, dataset, what in (
          ("int32", "", "six columns: keys, foreign keys, dates, few values, outliers, random"),
          ("int64", "", "the same in 64 bits"),
          ("double", "", "prices, rates, measurements with NaNs, reals of all digits"),
          ("fixed", "tpch", "all fixed-width columns of lineitem"))),
    *(Row(f"{kind}/{table}", "storage", kind=kind, unit=unit, rows=rows, dataset=dataset, peers=("pyarrow", "duckdb"),
          bars=bars, note=note)
      for table, rows, dataset in STORED for kind, unit, bars, note in (
          ("size", "bytes", (Bar("peers", 1),), "order of the file; theirs is Parquet, zstd 3, dictionaries"),
          ("decode", "ms", (Bar("peers", 5), Bar("columns", 1.5)), "all columns, one after the other; theirs from that Parquet"))),
]

# What `./dev bench --planted` makes a fifth slower on purpose, and what it leaves as it is.
PLANTED = ["filter/raw_u32_l2", "filter/packed_u32_w12_l2", "codec/unpack_u32_w12_l1"]
CONTROLS = ["filter/packed_u32_w3_l2", "filter/packed_u32_w20_l2", "filter/dictionary_l2", "codec/unpack_u32_w12_l2"]
