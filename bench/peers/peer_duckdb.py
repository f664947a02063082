# SPDX-License-Identifier: Apache-2.0
"""DuckDB: tables of an in-memory database, made from Arrow; statements prepared once, results fetched as Arrow."""
import tables
from peer import Base, Task


class Peer(Base):
    settings = {"storage": "tables of an in-memory database", "text": "VARCHAR", "result": "Arrow table"}

    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        import duckdb
        self.duckdb = duckdb
        self.connection = duckdb.connect(":memory:", config={"threads": threads})

    def version(self):
        return self.duckdb.__version__

    def columns(self, arrow):
        return ", ".join(f"CAST({name} AS {tables.SQL_TYPES[kind]}) AS {name}" for name, kind in arrow)

    def load(self, dataset):
        arrow = tables.plain_text(tables.read_table(self.folder, dataset))
        self.connection.register("incoming", arrow)
        self.connection.execute(f"CREATE TABLE {dataset} AS SELECT * FROM incoming")
        self.connection.unregister("incoming")

    def query(self, row):
        dataset, sql, _ = tables.QUERIES[row]
        name = row.replace("/", "_")
        self.connection.execute(f"PREPARE {name} AS {sql}")
        return Task(lambda: self.connection.execute(f"EXECUTE {name}").to_arrow_table(),
                    lambda result: tables.answer_text(row, result), self.row_count(dataset))
