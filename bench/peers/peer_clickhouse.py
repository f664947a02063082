# SPDX-License-Identifier: Apache-2.0
"""ClickHouse (chdb, inside this process): tables of the Memory engine; results fetched as Arrow."""
import io
import os
import tempfile

import tables
from peer import Base, Task

TYPES = {"text": "LowCardinality(String)", "date": "Date32", "int32": "Int32", "int64": "Int64",
         "decimal(15,2)": "Decimal(15, 2)"}


class Peer(Base):
    settings = {"storage": "Memory engine", "text": "LowCardinality(String)", "result": "Arrow stream"}

    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        import chdb
        import pyarrow
        import pyarrow.parquet
        self.chdb, self.pyarrow = chdb, pyarrow
        self.connection = chdb.connect(":memory:")
        for setting in (f"max_threads = {threads}", "use_query_cache = 0"):
            self.connection.query(f"SET {setting}")

    def version(self):
        return f"{self.chdb.engine_version} (chdb {self.chdb.__version__})"

    def create(self, table, columns):
        listed = ", ".join(f"{name} {TYPES[kind]}" for name, kind in columns)
        self.connection.query(f"CREATE OR REPLACE TABLE {table} ({listed}) ENGINE = Memory")

    def load(self, dataset):
        columns = [(c["name"], c["type"]) for c in tables.manifest(self.folder, dataset)["columns"]]
        self.create(dataset, columns)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "rows.parquet")
            self.pyarrow.parquet.write_table(tables.read_table(self.folder, dataset), path)
            self.connection.query(f"INSERT INTO {dataset} SELECT * FROM file('{path}', Parquet)")

    def query(self, row):
        dataset, sql, _ = tables.QUERIES[row]

        def answer(result):
            with self.pyarrow.ipc.open_stream(io.BytesIO(result.bytes())) as stream:
                return tables.answer_text(row, stream.read_all())

        return Task(lambda: self.connection.query(sql, "ArrowStream"), answer, self.row_count(dataset))
