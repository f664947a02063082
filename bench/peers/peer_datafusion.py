# SPDX-License-Identifier: Apache-2.0
"""DataFusion: in-memory tables of Arrow batches; plans made once, results collected in full."""
import tables
from peer import Base, Task


class Peer(Base):
    settings = {"storage": "MemTable of Arrow batches, 8,192 rows each", "text": "Utf8View", "result": "Arrow batches"}

    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        import datafusion
        import pyarrow
        self.datafusion, self.pyarrow = datafusion, pyarrow
        self.context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(threads))

    def version(self):
        return self.datafusion.__version__

    def rows(self):  # its reader does not take NA for NULL
        return [row for row in super().rows() if row != "storage/load_csv_flights"]

    def load(self, dataset):
        arrow = tables.plain_text(tables.read_table(self.folder, dataset))
        self.context.register_record_batches(dataset, [arrow.to_batches(max_chunksize=8192)])

    def query(self, row):
        frame = self.context.sql(tables.QUERIES[row][1])
        return Task(frame.collect, lambda batches: tables.answer_text(row, self.pyarrow.Table.from_batches(batches)),
                    self.row_count(row))

    def load_csv(self, path, null, columns):
        schema = self.pyarrow.schema([(name, tables.arrow_type(kind)) for name, kind in columns])
        batches = self.context.read_csv(path, schema=schema, has_header=True).collect()
        return sum(batch.num_rows for batch in batches)
