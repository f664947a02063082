# SPDX-License-Identifier: Apache-2.0
"""What a peer is to serve.py. A peer's file has a class Peer that derives from this one and imports its engine in
__init__, so that an absent engine is an ImportError there and nowhere else.

    query(row)                      a Task
    load(dataset)                   into the peer's own storage, for its queries
    load_csv(path, null, columns)   optional, as the two below: a file into its storage in memory; the number of rows
    load_memory(arrow)              the same from an Arrow table
    sizes(arrow, folder)            its file of the rows, made in the folder: rows, bytes, a label of what it is
"""
import json
import pathlib
import tempfile

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
        return list(tables.QUERIES) + loads + (list(tables.SIZES) if hasattr(self, "sizes") else [])

    def dataset_of(self, row):
        """The set that has to be loaded before the row runs; rows of loading and storing read their own."""
        return tables.QUERIES[row][0] if row in tables.QUERIES else None

    def row_count(self, dataset):
        return tables.manifest(self.folder, dataset)["rows"]

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
        if row in tables.SIZES:
            with tempfile.TemporaryDirectory() as folder:
                rows, total, label = self.sizes(tables.read_csv(self.folder, tables.SIZES[row]), pathlib.Path(folder))
            return Task(lambda: rows, str, rows, total, json.dumps(label))
        raise KeyError(row)


def parquet_columns(path):
    """Bytes of each column of a Parquet file."""
    import pyarrow.parquet
    data, out = pyarrow.parquet.ParquetFile(path).metadata, {}
    for group in range(data.num_row_groups):
        for column in range(data.num_columns):
            chunk = data.row_group(group).column(column)
            out[chunk.path_in_schema] = out.get(chunk.path_in_schema, 0) + chunk.total_compressed_size
    return out
