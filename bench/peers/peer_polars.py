# SPDX-License-Identifier: Apache-2.0
"""Polars: data frames made from Arrow, text as Enum (its own dictionary type); lazy queries built once, collected in full."""
import os
from datetime import date

import tables
from peer import Base, Task


class Peer(Base):
    settings = {"storage": "DataFrame", "text": "Enum", "result": "DataFrame"}

    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        os.environ["POLARS_MAX_THREADS"] = str(threads)  # read when Polars starts
        import polars
        self.polars = polars
        self.frames = {}

    def version(self):
        return self.polars.__version__

    def from_arrow(self, arrow):
        polars = self.polars
        frame = polars.from_arrow(arrow)
        ids = polars.Enum([f"id{number:03}" for number in range(1, 101)])
        kinds = {"l_returnflag": polars.Enum(["A", "N", "R"]), "l_linestatus": polars.Enum(["F", "O"]), "id1": ids, "id2": ids}
        return frame.with_columns(polars.col(name).cast(kind) for name, kind in kinds.items() if name in frame.columns)

    def load(self, dataset):
        self.frames[dataset] = self.from_arrow(tables.read_table(self.folder, dataset)).rechunk()

    def question(self, row):
        col, lit, polars = self.polars.col, self.polars.lit, self.polars
        if row == "query/q6":
            return self.frames["lineitem"].lazy().filter(
                (col("l_shipdate") >= date(1994, 1, 1)) & (col("l_shipdate") < date(1995, 1, 1)) &
                (col("l_discount") >= self.decimal("0.05")) & (col("l_discount") <= self.decimal("0.07")) &
                (col("l_quantity") < self.decimal("24"))).select((self.wide("l_extendedprice", 4) * col("l_discount")).sum().alias("revenue"))
        if row == "query/q1":
            rate, taxed = self.decimal("1.00") - col("l_discount"), self.decimal("1.00") + col("l_tax")
            return self.frames["lineitem"].lazy().filter(col("l_shipdate") <= date(1998, 9, 2)).group_by(
                "l_returnflag", "l_linestatus").agg(
                    col("l_quantity").sum().alias("sum_qty"), col("l_extendedprice").sum().alias("sum_base_price"),
                    (self.wide("l_extendedprice", 4) * rate).sum().alias("sum_disc_price"),
                    (self.wide("l_extendedprice", 6) * rate * taxed).sum().alias("sum_charge"),
                    col("l_quantity").mean().alias("avg_qty"), col("l_extendedprice").mean().alias("avg_price"),
                    col("l_discount").mean().alias("avg_disc"), polars.len().alias("count_order")).sort(
                        "l_returnflag", "l_linestatus")
        frame = self.frames[tables.sets_of(row)[0]].lazy()
        if row.startswith("join/"):
            return self.join(row.removeprefix("join/"), frame)
        if row.startswith("aggregate/h2o_"):
            return self.h2o(row.removeprefix("aggregate/h2o_"), frame)
        if row.startswith("aggregate/distinct_"):
            return frame.select(col("k").n_unique().alias("n"))
        return frame.group_by("k").agg(col("v").sum().alias("total"), polars.len().alias("n"))

    def join(self, name, probe):
        col, build = self.polars.col, self.frames["join_build"].lazy()
        if name in ("semi", "anti"):
            return probe.join(build, left_on="ten_percent", right_on="sparse", how=name).select(self.polars.len().alias("n"))
        keys = {"ten_percent": ("ten_percent", "sparse"), "text_key": ("text", "text")}.get(name, (name, name))
        return probe.join(build, left_on=keys[0], right_on=keys[1]).select(
            self.polars.len().alias("n"), col("payload").sum().alias("total"))

    def h2o(self, name, frame):
        col, polars = self.polars.col, self.polars
        if name == "q6":
            return frame.group_by("id4", "id5").agg(col("v3").median().alias("median_v3"), col("v3").std().alias("sd_v3"))
        if name == "q7":
            return frame.group_by("id3").agg((col("v1").max() - col("v2").min()).alias("range_v1_v2"))
        if name == "q8":
            return frame.group_by("id6").agg(col("v3").top_k(2)).explode("v3")
        if name == "q9":
            return frame.group_by("id2", "id4").agg((polars.corr("v1", "v2") ** 2).alias("r2"))
        if name == "q10":
            return frame.group_by("id1", "id2", "id3", "id4", "id5", "id6").agg(col("v3").sum(), polars.len().alias("n"))
        keys, sums, means = {"q1": (["id1"], ["v1"], []), "q2": (["id1", "id2"], ["v1"], []), "q3": (["id3"], ["v1"], ["v3"]),
                             "q4": (["id4"], [], ["v1", "v2", "v3"]), "q5": (["id6"], ["v1", "v2", "v3"], [])}[name]
        return frame.group_by(keys).agg([col(each).sum() for each in sums] + [col(each).mean() for each in means])

    def wide(self, name, scale):
        """Polars rounds a product to the larger scale of its factors; an exact one needs the digits beforehand."""
        return self.polars.col(name).cast(self.polars.Decimal(38, scale))

    def decimal(self, text):
        from decimal import Decimal
        return self.polars.lit(Decimal(text), dtype=self.polars.Decimal(15, 2))

    def query(self, row):
        lazy = self.question(row)
        return Task(lazy.collect, lambda frame: tables.answer_text(row, frame.to_arrow()),
                    self.row_count(row))

    def load_memory(self, arrow):
        return self.from_arrow(arrow).height

    def load_csv(self, path, null, columns):
        polars = self.polars
        kinds = {"text": polars.String, "date": polars.Date, "timestamp": polars.String, "int8": polars.Int8,
                 "int16": polars.Int16, "int32": polars.Int32, "int64": polars.Int64, "decimal(15,2)": polars.Decimal(15, 2)}
        frame = polars.read_csv(path, schema={name: kinds[kind.rstrip("?")] for name, kind in columns},
                                null_values=null or None)
        moments = [name for name, kind in columns if kind == "timestamp"]
        return frame.with_columns(polars.col(moments).str.to_datetime("%Y-%m-%dT%H:%M:%SZ")).height
