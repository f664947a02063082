# SPDX-License-Identifier: Apache-2.0
"""pyarrow: Arrow tables, compute kernels and Acero plans written by hand, one thread; results are Arrow tables."""
from datetime import date
from decimal import Decimal

import tables
from peer import Base, Task


class Peer(Base):
    settings = {"storage": "Arrow table", "text": "dictionary", "plan": "Acero, written by hand", "result": "Arrow table"}

    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        import pyarrow
        import pyarrow.acero
        import pyarrow.compute
        self.pyarrow = pyarrow
        pyarrow.set_cpu_count(threads)
        pyarrow.set_io_thread_count(1)
        self.tables, self.parquet_bytes = {}, (None, b"")

    def version(self):
        return self.pyarrow.__version__

    def load(self, dataset):
        self.tables[dataset] = tables.read_table(self.folder, dataset)

    def plan(self, row):
        acero, pc, pa = self.pyarrow.acero, self.pyarrow.compute, self.pyarrow
        field, node = pc.field, acero.Declaration
        sources = [node("table_source", acero.TableSourceNodeOptions(self.tables[name])) for name in tables.sets_of(row)]
        source = sources[0]
        sum_only = pc.ScalarAggregateOptions()

        def money(text, digits=15):
            return pc.scalar(pa.scalar(Decimal(text), pa.decimal128(digits, 2)))

        def narrow(expression):  # decimals of 38 digits cannot be multiplied further
            return expression.cast(pa.decimal128(3, 2))

        if row == "query/q6":
            return node.from_sequence([
                source,
                node("filter", acero.FilterNodeOptions(
                    (field("l_shipdate") >= date(1994, 1, 1)) & (field("l_shipdate") < date(1995, 1, 1)) &
                    (field("l_discount") >= money("0.05")) & (field("l_discount") <= money("0.07")) &
                    (field("l_quantity") < money("24.00")))),
                node("project", acero.ProjectNodeOptions([pc.multiply(field("l_extendedprice"), field("l_discount"))], ["x"])),
                node("aggregate", acero.AggregateNodeOptions([("x", "sum", sum_only, "revenue")]))])
        if row == "query/q1":
            discounted = pc.multiply(field("l_extendedprice"), narrow(pc.subtract(money("1.00", 3), field("l_discount"))))
            charge = pc.multiply(discounted, narrow(pc.add(money("1.00", 3), field("l_tax"))))
            keys = ["l_returnflag", "l_linestatus"]
            sums = ["sum_qty", "sum_base_price", "sum_disc_price", "sum_charge"]
            # A mean of decimals keeps two digits in Arrow, so means are divided out of the sums.
            means = [pc.divide(field(name).cast(pa.float64()), field("count_order").cast(pa.float64()))
                     for name in ("sum_qty", "sum_base_price", "sum_disc")]
            return node.from_sequence([
                source, node("filter", acero.FilterNodeOptions(field("l_shipdate") <= date(1998, 9, 2))),
                node("project", acero.ProjectNodeOptions(
                    [field(k) for k in keys] + [field("l_quantity"), field("l_extendedprice"), field("l_discount"), discounted, charge],
                    keys + ["l_quantity", "l_extendedprice", "l_discount", "disc_price", "charge"])),
                node("aggregate", acero.AggregateNodeOptions(
                    [("l_quantity", "hash_sum", None, "sum_qty"), ("l_extendedprice", "hash_sum", None, "sum_base_price"),
                     ("disc_price", "hash_sum", None, "sum_disc_price"), ("charge", "hash_sum", None, "sum_charge"),
                     ("l_discount", "hash_sum", None, "sum_disc"), ([], "hash_count_all", None, "count_order")], keys)),
                # Dictionaries cannot be sorted by; the four groups' can be spelt out.
                node("project", acero.ProjectNodeOptions(
                    [field(k).cast(pa.string()) for k in keys] + [field(name) for name in sums] + means + [field("count_order")],
                    keys + sums + ["avg_qty", "avg_price", "avg_disc", "count_order"])),
                node("order_by", acero.OrderByNodeOptions([(k, "ascending") for k in keys]))])
        if row.startswith("join/"):
            return self.join(row.removeprefix("join/"), *sources)
        if row.startswith("aggregate/h2o_"):
            return self.h2o(row.removeprefix("aggregate/h2o_"), source)
        if row.startswith("aggregate/distinct_"):
            return node.from_sequence([source, node("aggregate", acero.AggregateNodeOptions([("k", "count_distinct", None, "n")]))])
        return node.from_sequence([
            source, node("aggregate", acero.AggregateNodeOptions(
                [("v", "hash_sum", None, "total"), ([], "hash_count_all", None, "n")], ["k"]))])

    def join(self, name, probe, build):
        acero, node = self.pyarrow.acero, self.pyarrow.acero.Declaration
        count = ([], "count_all", None, "n")
        if name in ("semi", "anti"):
            return node.from_sequence([
                node("hashjoin", acero.HashJoinNodeOptions(f"left {name}", ["ten_percent"], ["sparse"], ["ten_percent"], []),
                     [probe, build]), node("aggregate", acero.AggregateNodeOptions([count]))])
        keys = {"ten_percent": ("ten_percent", "sparse"), "text_key": ("text", "text")}.get(name, (name, name))
        return node.from_sequence([
            node("hashjoin", acero.HashJoinNodeOptions("inner", [keys[0]], [keys[1]], [], ["payload"]), [probe, build]),
            node("aggregate", acero.AggregateNodeOptions([count, ("payload", "sum", None, "total")]))])

    def h2o(self, name, source):
        acero, pc, node = self.pyarrow.acero, self.pyarrow.compute, self.pyarrow.acero.Declaration
        if name == "q7":
            grouped = node.from_sequence([source, node("aggregate", acero.AggregateNodeOptions(
                [("v1", "hash_max", None, "most"), ("v2", "hash_min", None, "least")], ["id3"]))])
            return node("project", acero.ProjectNodeOptions(
                [pc.field("id3"), pc.subtract(pc.field("most"), pc.field("least"))], ["id3", "range_v1_v2"]), [grouped])
        keys, sums, means = {"q1": ("id1", "v1", ""), "q2": ("id1 id2", "v1", ""), "q3": ("id3", "v1", "v3"),
                             "q4": ("id4", "", "v1 v2 v3"), "q5": ("id6", "v1 v2 v3", ""),
                             "q10": ("id1 id2 id3 id4 id5 id6", "v3", "")}[name]
        wanted = ([(each, "hash_sum", None, each) for each in sums.split()] +
                  [(each, "hash_mean", None, each) for each in means.split()])
        if name == "q10":
            wanted.append(([], "hash_count_all", None, "n"))
        return node.from_sequence([source, node("aggregate", acero.AggregateNodeOptions(wanted, keys.split()))])

    def rows(self):  # its medians by groups are approximate, and it has no correlation and no greatest two
        return [row for row in super().rows() if row not in ("aggregate/h2o_q6", "aggregate/h2o_q8", "aggregate/h2o_q9")]

    def query(self, row):
        plan = self.plan(row)
        return Task(lambda: plan.to_table(use_threads=self.threads > 1), lambda result: tables.answer_text(row, result),
                    self.row_count(row))

    def load_csv(self, path, null, columns):
        # Arrow tables are its storage.
        dataset = next(name for name, (_, _, known) in tables.FILES.items() if known is columns)
        return tables.read_csv(self.folder, dataset, use_threads=self.threads > 1).num_rows

    def write_parquet(self, table, path):
        """With dictionaries and zstd at level 3."""
        import pyarrow.parquet
        pyarrow.parquet.write_table(tables.read_csv(self.folder, tables.STORED[table]), path, compression="zstd",
                                    compression_level=3, use_dictionary=True)
        return {"what": "Parquet, zstd 3, dictionaries"}

    def decode_column(self, path, column):
        """Batches of 65,536 rows from a file in memory, each freed before the next: quicker here than one long array."""
        import pyarrow.parquet
        if self.parquet_bytes[0] != path:
            self.parquet_bytes = path, path.read_bytes()
        file = pyarrow.parquet.ParquetFile(self.pyarrow.BufferReader(self.parquet_bytes[1]))

        def run():
            for _ in file.iter_batches(65536, columns=[column], use_threads=self.threads > 1):
                pass
        return run

    def column_sums(self, path, columns):
        import pyarrow.parquet
        pa, pc = self.pyarrow, self.pyarrow.compute
        for name in columns:
            values = pyarrow.parquet.read_table(path, columns=[name], use_threads=False)[name]
            if pa.types.is_decimal(values.type):
                total = int((pc.sum(values).as_py() or 0) * 100)
            elif pa.types.is_string(values.type):
                total = pc.sum(pc.binary_length(values)).as_py()
            elif pa.types.is_timestamp(values.type):
                total = pc.sum(values.cast(pa.timestamp("s")).cast(pa.int64())).as_py()
            else:
                total = pc.sum(values.cast(pa.int32()) if pa.types.is_date(values.type) else values).as_py()
            yield name, total or 0
