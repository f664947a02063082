# SPDX-License-Identifier: Apache-2.0
"""A peer in plain Python that is always there: tests run serve.py with it. It answers the GROUP BY rows."""
import array
import pathlib
import sys

import tables
from peer import Base, Task


class Peer(Base):
    settings = {"storage": "array.array"}

    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        self.columns = {}

    def version(self):
        return "1"

    def rows(self):
        return ["aggregate/group_100", "aggregate/group_1e5", "fake/fails"]

    def load(self, dataset):
        self.columns[dataset] = {}
        for column in tables.manifest(self.folder, dataset)["columns"]:
            values = array.array({"int32": "i", "int64": "q"}[column["type"]])
            values.frombytes((pathlib.Path(self.folder) / dataset / column["file"]).read_bytes())
            if sys.byteorder == "big":
                values.byteswap()
            self.columns[dataset][column["name"]] = values

    def prepare(self, row):
        if row == "fake/fails":
            raise MemoryError("out of memory, as asked")
        dataset = self.columns[tables.sets_of(row)[0]]

        def run():
            groups = {}
            for k, v in zip(dataset["k"], dataset["v"]):
                total, n = groups.get(k, (0, 0))
                groups[k] = (total + v, n + 1)
            return groups

        def answer(groups):
            return "\n".join(f"{k}|{total}|{n}" for k, (total, n) in sorted(groups.items()))

        return Task(run, answer, len(dataset["k"]))
