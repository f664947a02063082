# SPDX-License-Identifier: Apache-2.0
"""What a peer is to serve.py. A peer's file has a class Peer that derives from this one and imports its engine in
__init__, so that an absent engine is an ImportError there and nowhere else."""
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
        return list(tables.QUERIES) + list(tables.LOADS)

    def dataset_of(self, row):
        """The set that has to be loaded before the row runs; a load row loads its own."""
        return tables.QUERIES[row][0] if row in tables.QUERIES else None

    def row_count(self, dataset):
        return tables.manifest(self.folder, dataset)["rows"]

    def csv_path(self):
        return f"{self.folder}/lineitem_csv/lineitem.csv"

    def prepare(self, row):
        if row in tables.QUERIES:
            return self.query(row)
        if row == "storage/load_csv":
            return Task(self.load_csv, lambda loaded: str(self.count(loaded)), self.row_count("lineitem_csv"))
        if row == "storage/load_memory":
            arrow = tables.read_table(self.folder, "lineitem")
            return Task(lambda: self.load_memory(arrow), lambda loaded: str(self.count(loaded)), arrow.num_rows)
        raise KeyError(row)
