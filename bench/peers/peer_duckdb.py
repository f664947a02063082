# SPDX-License-Identifier: Apache-2.0
"""DuckDB: tables of an in-memory database, made from Arrow, text of few values as ENUM.
Statements are prepared once; results are fetched in full."""
import tables
from peer import Base, Task, parquet_columns

TYPES = {"text": "VARCHAR", "date": "DATE", "timestamp": "TIMESTAMP", "int8": "TINYINT", "int16": "SMALLINT",
         "int32": "INTEGER", "int64": "BIGINT", "decimal(15,2)": "DECIMAL(15, 2)"}


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

    def load_memory(self, arrow):
        self.connection.register("incoming", arrow)
        self.create("loaded", "incoming", tables.manifest(self.folder, "lineitem")["columns"])
        self.connection.unregister("incoming")
        return self.connection.execute("SELECT count(*) FROM loaded").fetchall()[0][0]

    def load_csv(self, path, null, columns):
        kinds = ", ".join(f"'{name}': '{TYPES[kind.rstrip('?')]}'" for name, kind in columns)
        self.connection.execute(f"CREATE OR REPLACE TABLE loaded AS SELECT * FROM read_csv('{path}', header = true, "
                                f"auto_detect = false, nullstr = '{null}', timestampformat = '%Y-%m-%dT%H:%M:%SZ', "
                                f"columns = {{{kinds}}})")
        return self.connection.execute("SELECT count(*) FROM loaded").fetchall()[0][0]

    def sizes(self, arrow, folder):
        """Its own file, compressed as it chooses; and its Parquet."""
        file = folder / "rows.duckdb"
        connection = self.duckdb.connect(str(file), config={"threads": self.threads})
        connection.register("incoming", arrow)
        connection.execute("CREATE TABLE stored AS SELECT * FROM incoming")
        connection.execute(f"COPY stored TO '{folder / 'rows.parquet'}' (FORMAT parquet, COMPRESSION zstd)")
        connection.close()  # writes the file out
        return arrow.num_rows, file.stat().st_size, {
            "what": "DuckDB's own file", "parquet_zstd_bytes": (folder / "rows.parquet").stat().st_size,
            "parquet_zstd_columns": parquet_columns(folder / "rows.parquet")}
