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
        kinds = {"l_returnflag": polars.Enum(["A", "N", "R"]), "l_linestatus": polars.Enum(["F", "O"])}
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
        return self.frames[tables.QUERIES[row][0]].lazy().group_by("k").agg(col("v").sum().alias("total"), polars.len().alias("n"))

    def wide(self, name, scale):
        """Polars rounds a product to the larger scale of its factors; an exact one needs the digits beforehand."""
        return self.polars.col(name).cast(self.polars.Decimal(38, scale))

    def decimal(self, text):
        from decimal import Decimal
        return self.polars.lit(Decimal(text), dtype=self.polars.Decimal(15, 2))

    def query(self, row):
        lazy = self.question(row)
        return Task(lazy.collect, lambda frame: tables.answer_text(row, frame.to_arrow()),
                    self.row_count(tables.QUERIES[row][0]))

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
