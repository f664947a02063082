# SPDX-License-Identifier: Apache-2.0
"""ClickHouse (chdb, inside this process): tables of the Memory engine; results fetched as Arrow."""
import io
import os
import tempfile

import tables
from peer import Base, Task

TYPES = {"text": "String", "date": "Date", "timestamp": "DateTime('UTC')", "int8": "Int8", "int16": "Int16",
         "int32": "Int32", "int64": "Int64", "double": "Float64", "decimal(15,2)": "Decimal(15, 2)"}

# Where its SQL is another, or it has something better: its medians are approximate unless told otherwise, and a set of
# keys is quicker than a join.
KEPT = "SELECT count() AS n FROM join_probe WHERE ten_percent {} (SELECT sparse FROM join_build)"
QUERIES = {
    "aggregate/h2o_q6": "SELECT id4, id5, quantileExactInclusive(0.5)(v3) AS median_v3, stddevSamp(v3) AS sd_v3 FROM h2o "
                        "GROUP BY id4, id5",
    "aggregate/h2o_q8": "SELECT id6, arrayJoin(arraySlice(arrayReverseSort(groupArray(v3)), 1, 2)) AS v3 FROM h2o GROUP BY id6",
    "join/semi": KEPT.format("IN"),
    "join/anti": KEPT.format("NOT IN"),
}


class Peer(Base):
    settings = {"storage": "Memory engine", "text": "Enum8 for flag, status, id1, id2", "date": "Date", "result": "Arrow stream"}

    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        import chdb
        import pyarrow
        import pyarrow.parquet
        self.chdb, self.pyarrow = chdb, pyarrow
        self.connection = chdb.connect(":memory:")
        for setting in (f"max_threads = {threads}", f"max_insert_threads = {threads}", "use_query_cache = 0",
                        f"input_format_parallel_parsing = {int(threads > 1)}"):
            self.connection.query(f"SET {setting}")

    def version(self):
        return f"{self.chdb.engine_version} (chdb {self.chdb.__version__})"

    def create(self, table, columns):
        """`columns`: as in a manifest. Memory was the fastest engine here, and Enum8 the fastest type of few words."""
        listed = []
        for column in columns:
            kind = TYPES[column["type"].rstrip("?")]
            if column["type"].endswith("?"):
                kind = f"Nullable({kind})"
            if "dictionary" in column:
                kind = "Enum8(" + ", ".join(f"'{word}'" for word in column["dictionary"]) + ")"
            listed.append(f"{column['name']} {kind}")
        self.connection.query(f"CREATE OR REPLACE TABLE {table} ({', '.join(listed)}) ENGINE = Memory")

    def load(self, dataset):
        self.create(dataset, tables.manifest(self.folder, dataset)["columns"])
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "rows.parquet")
            self.pyarrow.parquet.write_table(tables.plain_text(tables.read_table(self.folder, dataset)), path)
            self.connection.query(f"INSERT INTO {dataset} SELECT * FROM file('{path}', Parquet)")

    def query(self, row):
        sql = QUERIES.get(row) or tables.QUERIES[row][1]

        def answer(result):
            with self.pyarrow.ipc.open_stream(io.BytesIO(result.bytes())) as stream:
                result = stream.read_all()
            return tables.answer_text(row, self.pyarrow.table({name: self.spelt(row, name, result[name])
                                                               for name in result.column_names}))

        return Task(lambda: self.connection.query(sql, "ArrowStream"), answer, self.row_count(row))

    def spelt(self, row, name, column):
        """A column of an answer; an Enum8 comes out as its number, from 1."""
        words = {c["name"]: c.get("dictionary") for c in tables.manifest(self.folder, tables.sets_of(row)[0])["columns"]}.get(name)
        if words is None or not self.pyarrow.types.is_integer(column.type):
            return column
        return self.pyarrow.array(["", *words]).take(column.combine_chunks())

    def load_memory(self, arrow):
        self.create("loaded", tables.manifest(self.folder, "lineitem")["columns"])
        self.connection.query("INSERT INTO loaded SELECT * FROM Python(arrow)")  # finds the variable by its name
        return int(self.connection.query("SELECT count() FROM loaded", "CSV").data())

    def load_csv(self, path, null, columns):
        few = {c["name"]: c["dictionary"] for c in tables.manifest(self.folder, "lineitem")["columns"] if "dictionary" in c}
        self.create("loaded", [dict(name=name, type=kind, **({"dictionary": few[name]} if name in few else {}))
                               for name, kind in columns])
        settings = f"format_csv_null_representation = '{null}', date_time_input_format = 'best_effort'"
        self.connection.query(f"INSERT INTO loaded SELECT * FROM file('{path}', CSVWithNames) SETTINGS {settings}")
        return int(self.connection.query("SELECT count() FROM loaded", "CSV").data())
