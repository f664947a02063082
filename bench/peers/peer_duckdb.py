# SPDX-License-Identifier: Apache-2.0
"""DuckDB: tables of an in-memory database, made from Arrow, text of few values as ENUM.
Statements are prepared once; results are fetched in full."""
import tables
from peer import Base, Task


class Peer(Base):
    settings = {"storage": "tables of an in-memory database", "text": "ENUM for flag and status", "result": "rows"}

    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        import duckdb
        self.duckdb = duckdb
        self.connection = duckdb.connect(":memory:", config={"threads": threads})

    def version(self):
        return self.duckdb.__version__

    def create(self, table, source, columns):
        """`columns`: as in a manifest. A dictionary becomes DuckDB's own: an ENUM."""
        chosen = []
        for column in columns:
            name = column["name"]
            if "dictionary" in column:
                words = ", ".join(f"'{word}'" for word in column["dictionary"])
                chosen.append(f"CAST({name} AS ENUM({words})) AS {name}")
            else:
                chosen.append(name)
        self.connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {', '.join(chosen)} FROM {source}")

    def load(self, dataset):
        arrow = tables.plain_text(tables.read_table(self.folder, dataset))
        self.connection.register("incoming", arrow)
        self.create(dataset, "incoming", tables.manifest(self.folder, dataset)["columns"])
        self.connection.unregister("incoming")

    def query(self, row):
        dataset, sql, _ = tables.QUERIES[row]
        name = row.replace("/", "_")
        self.connection.execute(f"PREPARE {name} AS {sql}")
        if dataset == "lineitem":  # few rows: as Python's, which are quicker for DuckDB than an Arrow table
            return Task(lambda: self.connection.execute(f"EXECUTE {name}").fetchall(),
                        lambda result: tables.rows_text(row, result), self.row_count(dataset))
        return Task(lambda: self.connection.sql(sql).to_arrow_table(), lambda result: tables.answer_text(row, result),
                    self.row_count(dataset))
