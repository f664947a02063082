# SPDX-License-Identifier: Apache-2.0
"""What a peer is to serve.py. A peer's file has a class Peer that derives from this one and imports its engine in
__init__, so that an absent engine is an ImportError there and nowhere else.

    query(row)                      a Task
    load(dataset)                   into the peer's own storage, for its queries
    load_csv(path, null, columns)   optional, as the two below: a file into its storage in memory; the number of rows
    load_memory(arrow)              the same from an Arrow table
    write_parquet(table, path)      a table of tables.STORED as its Parquet file; what else there is to say of it
    decode_column(path, column)     a callable that decodes a column of that file, read before into memory or the page cache
    column_sums(path, columns)      what the values of each column come to: integers as they are, lengths of text
"""
import json
import os
import pathlib
import time

import tables


class Task:
    """A row, ready to run: `run` does all that is timed and returns the result in the engine's own form, fetched in full;
    `answer` turns it into canonical text off the clock."""

    def __init__(self, run, answer, items, bytes=0, label=""):
        self.run, self.answer, self.items, self.bytes, self.label = run, answer, items, bytes, label


class Base:
    settings = {}

    def __init__(self, folder, threads):
        self.folder, self.threads = folder, threads

    def version(self):
        raise NotImplementedError

    def rows(self):
        """A peer that loads or stores has the method for it."""
        loads = [row for row in tables.LOADS if hasattr(self, "load_memory" if row.endswith("memory") else "load_csv")]
        stored = tables.STORED if hasattr(self, "write_parquet") else ()
        return list(tables.QUERIES) + loads + [kind + table for table in stored for kind in ("size/", "decode/")]

    def sets_of(self, row):
        """The sets that have to be loaded before the row runs; rows of loading and storing read their own."""
        return tables.sets_of(row) if row in tables.QUERIES else []

    def row_count(self, row):
        """The rows that a query row counts."""
        return tables.manifest(self.folder, tables.sets_of(row)[0])["rows"]

    def prepare(self, row):
        if row in tables.QUERIES:
            return self.query(row)
        if row == "storage/load_memory":
            arrow = tables.plain_text(tables.read_table(self.folder, "lineitem").slice(0, tables.LOAD_MEMORY_ROWS))
            return Task(lambda: self.load_memory(arrow), str, arrow.num_rows)
        if row in tables.LOADS:
            path, null, columns = tables.csv_file(self.folder, tables.LOADS[row])
            rows = self.load_csv(path, null, columns)
            return Task(lambda: self.load_csv(path, null, columns), str, rows, pathlib.Path(path).stat().st_size)
        kind, _, table = row.partition("/")
        if table in tables.STORED and kind == "size":
            path, facts = self.parquet(table)
            rows, columns = parquet_columns(path)
            return Task(lambda: rows, str, rows, os.path.getsize(path), json.dumps(dict(facts, columns=columns)))
        if table in tables.STORED and kind == "decode":
            return self.decode(table)
        raise KeyError(row)


    def parquet(self, table):
        """The path of its Parquet file, written where it is not there or older than the CSV file, and what is said of it."""
        source = pathlib.Path(tables.csv_file(self.folder, tables.STORED[table])[0])
        folder = pathlib.Path(self.folder) / "parquet"
        path = folder / f"{table}.{type(self).__module__.removeprefix('peer_')}-{self.version()}.parquet"
        facts = path.with_suffix(".json")
        if not facts.exists() or facts.stat().st_mtime < source.stat().st_mtime:
            folder.mkdir(exist_ok=True)
            said = self.write_parquet(table, path)
            facts.write_text(json.dumps(said))
        return path, json.loads(facts.read_text())

    def decode(self, table):
        """Every column, one after the other; its label has the mean nanoseconds of each since it was asked last."""
        path, _ = self.parquet(table)
        names = [name for name, _ in tables.csv_file(self.folder, tables.STORED[table])[2]]
        rows, _ = parquet_columns(path)
        columns, spent = {name: self.decode_column(path, name) for name in names}, {name: [] for name in names}

        def run():
            for name, decode in columns.items():
                begin = time.perf_counter_ns()
                decode()
                spent[name].append(time.perf_counter_ns() - begin)

        def label():
            text = json.dumps({"columns": {name: sum(each) / len(each) for name, each in spent.items() if each}})
            for each in spent.values():
                each.clear()
            return text

        return Task(run, lambda _: "\n".join(f"{name}={total}" for name, total in self.column_sums(path, names)),
                    rows * len(names), os.path.getsize(path), label)


def parquet_columns(path):
    """Rows, and bytes of each column of a Parquet file."""
    import pyarrow.parquet
    data, out = pyarrow.parquet.ParquetFile(path).metadata, {}
    for group in range(data.num_row_groups):
        for column in range(data.num_columns):
            chunk = data.row_group(group).column(column)
            out[chunk.path_in_schema] = out.get(chunk.path_in_schema, 0) + chunk.total_compressed_size
    return data.num_rows, out
