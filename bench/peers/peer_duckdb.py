# SPDX-License-Identifier: Apache-2.0
"""DuckDB: tables of an in-memory database, made from Arrow, text of few values as ENUM.
Statements are prepared once; results are fetched in full."""
import time

import tables
from peer import Base, Task

TYPES = {"text": "VARCHAR", "date": "DATE", "timestamp": "TIMESTAMP", "int8": "TINYINT", "int16": "SMALLINT",
         "int32": "INTEGER", "int64": "BIGINT", "decimal(15,2)": "DECIMAL(15, 2)"}

# Where it has something better than the common SQL.
QUERIES = {"aggregate/h2o_q8": "SELECT id6, unnest(max(v3, 2)) AS v3 FROM h2o GROUP BY id6"}


class Peer(Base):
    settings = {"storage": "tables of an in-memory database", "text": "ENUM for flag, status, id1, id2", "result": "rows",
                "Parquet": "metadata cached"}

    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        import duckdb
        self.duckdb = duckdb
        self.connection = duckdb.connect(":memory:", config={"threads": threads})
        self.connection.execute("SET parquet_metadata_cache = true")

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
        sql, name = QUERIES.get(row) or tables.QUERIES[row][1], row.replace("/", "_")
        if row.startswith(("query/", "join/", "aggregate/distinct")):  # few rows: as Python's, quicker than an Arrow table
            self.connection.execute(f"PREPARE {name} AS {sql}")
            return Task(lambda: self.connection.execute(f"EXECUTE {name}").fetchall(),
                        lambda result: tables.rows_text(row, result), self.row_count(row))
        return Task(lambda: self.connection.sql(sql).to_arrow_table(), lambda result: tables.answer_text(row, result),
                    self.row_count(row))

    def load_memory(self, arrow):
        self.connection.register("incoming", arrow)
        self.create("loaded", "incoming", tables.manifest(self.folder, "lineitem")["columns"])
        self.connection.unregister("incoming")
        return self.connection.execute("SELECT count(*) FROM loaded").fetchall()[0][0]

    @staticmethod
    def csv_rows(path, null, columns):
        kinds = ", ".join(f"'{name}': '{TYPES[kind.rstrip('?')]}'" for name, kind in columns)
        return (f"SELECT * FROM read_csv('{path}', header = true, auto_detect = false, nullstr = '{null}', "
                f"timestampformat = '%Y-%m-%dT%H:%M:%SZ', columns = {{{kinds}}})")

    def load_csv(self, path, null, columns):
        self.connection.execute(f"CREATE OR REPLACE TABLE loaded AS {self.csv_rows(path, null, columns)}")
        return self.connection.execute("SELECT count(*) FROM loaded").fetchall()[0][0]

    def write_parquet(self, table, path):
        """With zstd at level 3; it takes dictionaries where they help. Beside it the size of its own file, compressed as it
        chooses."""
        rows, own = self.csv_rows(*tables.csv_file(self.folder, tables.STORED[table])), path.with_suffix(".duckdb")
        own.unlink(missing_ok=True)
        connection = self.duckdb.connect(str(own), config={"threads": self.threads})
        connection.execute(f"CREATE TABLE stored AS {rows}")
        connection.execute(f"COPY stored TO '{path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)")
        connection.close()  # writes the file out
        size = own.stat().st_size
        own.unlink()
        return {"what": "Parquet, zstd 3", "own_file_bytes": size}

    def decode_column(self, path, column):
        """An aggregate that reads every value and no statistics: the last one, or the sum (of lengths), whichever is cheaper
        here. The file is in the page cache."""
        kind = self.connection.execute(f"SELECT typeof({column}) FROM '{path}' LIMIT 1").fetchall()[0][0]
        ways = [f"last({column})"]
        if kind == "VARCHAR":
            ways.append(f"sum(strlen({column}))")
        elif not kind.startswith(("DATE", "TIMESTAMP")):
            ways.append(f"sum({column})")
        seconds = {}
        for number, way in enumerate(ways):
            statement = f"decode_{path.stem.partition('.')[0]}_{column}_{number}"
            self.connection.execute(f"PREPARE {statement} AS SELECT {way} FROM '{path}'")
            begin = time.perf_counter()
            for _ in range(2):
                self.connection.execute(f"EXECUTE {statement}").fetchall()
            seconds[statement] = time.perf_counter() - begin
        best = min(seconds, key=seconds.get)
        return lambda: self.connection.execute(f"EXECUTE {best}").fetchall()

    def column_sums(self, path, columns):
        for name in columns:
            kind = self.connection.execute(f"SELECT typeof({name}) FROM '{path}' LIMIT 1").fetchall()[0][0]
            value = (f"strlen({name})" if kind == "VARCHAR" else f"({name} - DATE '1970-01-01')" if kind == "DATE" else
                     f"epoch_ms({name}) // 1000" if kind.startswith("TIMESTAMP") else
                     f"CAST({name} * 100 AS BIGINT)" if kind.startswith("DECIMAL") else name)
            yield name, int(self.connection.execute(f"SELECT sum({value}) FROM '{path}'").fetchall()[0][0] or 0)
