# SPDX-License-Identifier: Apache-2.0
"""The peers' server with a peer that is always there, the files that peers read, and the lock files.

    python3 peers_test.py BENCH_DATA BENCH_AGGREGATE
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from decimal import Decimal

sys.dont_write_bytecode = True
PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench/peers")
sys.path.insert(0, PEERS)
import tables  # noqa: E402

ROWS = 70_001  # what our program takes in smoke tests


class Child:
    def __init__(self, *command, **environment):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **environment))

    def line(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self.line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()


def serve(peer, folder, **environment):
    return Child(sys.executable, os.path.join(PEERS, "serve.py"), peer, "--data", folder, **environment)


class WithData(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        cls.write("group_100", "group_1e5", "lineitem", "lineitem_csv")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def write(cls, *sets, rows=ROWS):
        subprocess.run([DATA, cls.folder, "--rows", str(rows), *sets], check=True)


class Files(WithData):
    def test_manifest_describes_the_files(self):
        for name in ("group_100", "group_1e5", "lineitem"):
            said = tables.manifest(self.folder, name)
            self.assertEqual((said["dataset"], said["rows"]), (name, ROWS))
            for column in said["columns"]:
                width = {"u8": 1, "i32": 4, "i64": 8}[column["file"].rsplit(".")[-1]]
                data = pathlib.Path(os.path.join(self.folder, name, column["file"])).read_bytes()
                self.assertEqual(len(data), width * ROWS)
                total = 0xcbf29ce484222325
                for at in range(0, len(data), width):
                    value = int.from_bytes(data[at:at + width], "little", signed=width > 1)
                    total = ((total ^ (value & (1 << 64) - 1)) * 0x100000001b3) & (1 << 64) - 1
                self.assertEqual(f"{total:x}", column["sum"], column["name"])

    def test_values_follow_tpch(self):
        columns = {}
        for column in tables.manifest(self.folder, "lineitem")["columns"]:
            data = pathlib.Path(os.path.join(self.folder, "lineitem", column["file"])).read_bytes()
            width = len(data) // ROWS
            columns[column["name"]] = [int.from_bytes(data[at:at + width], "little") for at in range(0, len(data), width)]
        today = 9298  # 1995-06-17
        self.assertEqual(set(columns["l_discount"]), set(range(11)))
        self.assertEqual(set(columns["l_tax"]), set(range(9)))
        for day, flag, status in zip(columns["l_shipdate"], columns["l_returnflag"], columns["l_linestatus"]):
            self.assertEqual(status, int(day > today))
            self.assertTrue(flag == 1 if day > today else flag in (0, 1, 2))

    def test_csv_has_the_same_rows(self):
        with open(os.path.join(self.folder, "lineitem_csv/lineitem.csv")) as file:
            lines = file.read().splitlines()
        self.assertEqual(lines[0], ",".join(name for name, _ in tables.FILES["lineitem_csv"][2]))
        self.assertEqual(len(lines), ROWS + 1)
        price = pathlib.Path(self.folder, "lineitem/l_extendedprice.i64").read_bytes()[:8]
        self.assertEqual(Decimal(lines[1].split(",")[1]) * 100, int.from_bytes(price, "little"))

    def test_written_once_and_again_when_asked_otherwise(self):
        file = os.path.join(self.folder, "group_100/manifest.json")
        before = os.stat(file).st_mtime_ns
        self.write("group_100")
        self.assertEqual(os.stat(file).st_mtime_ns, before)
        self.write("group_100", rows=10)
        self.assertEqual(tables.manifest(self.folder, "group_100")["rows"], 10)
        self.write("group_100")
        self.assertEqual(tables.manifest(self.folder, "group_100")["rows"], ROWS)


class Protocol(WithData):
    def test_greeting_load_run_answer(self):
        with serve("fake", self.folder) as peer:
            self.assertEqual(peer.line()["state"], "ready")
            self.assertGreater(peer.ask("load group_100")["load_seconds"], 0)
            ran = peer.ask("run aggregate/group_100 0.01")
            self.assertEqual((ran["items"], ran["peer_state"], ran["threads"]), (ROWS, "measured", 1))
            self.assertGreater(ran["iterations"], 0)
            self.assertGreater(ran["wall_ns"], 0)
            self.assertRegex(ran["answer"], r"^crc32:[0-9a-f]{8}:\d+$")
            full = peer.ask("answer aggregate/group_100")["answer"]
            self.assertEqual(len(full.splitlines()), 100)
            self.assertEqual(sum(int(line.split("|")[2]) for line in full.splitlines()), ROWS)

    def test_a_failing_row_says_so_and_the_peer_stays(self):
        with serve("fake", self.folder) as peer:
            peer.line()
            self.assertEqual(peer.ask("run fake/fails 0")["peer_state"], "out_of_memory")
            self.assertEqual(peer.ask("run no/such 0")["peer_state"], "failed")
            self.assertIn("verbs", peer.ask("sing")["error"])
            self.assertIn("aggregate/group_1e5", peer.ask("list")["rows"])

    def test_an_absent_engine_is_absent(self):
        with tempfile.TemporaryDirectory() as empty:
            with open(os.path.join(empty, "duckdb.py"), "w") as file:
                file.write("raise ImportError('not here')\n")
            with serve("duckdb", self.folder, PYTHONPATH=empty) as peer:
                said = peer.line()
                self.assertEqual((said["state"], said["reason"]), ("absent", "ImportError: not here"))

    def test_a_library_that_was_not_there_is_absent(self):
        with serve("highway", self.folder, PILLAR_BENCH_PROGRAMS=self.folder) as peer:
            said = peer.line()
            self.assertEqual(said["state"], "absent")
            self.assertIn("libhwy-dev", said["reason"])

    def test_a_program_as_a_peer(self):
        os.symlink(OURS, os.path.join(self.folder, "bench_native_tbb"))  # any of our programs speaks as one of theirs
        with serve("tbb", self.folder, PILLAR_BENCH_PROGRAMS=self.folder, PILLAR_BENCH_RAM_MIB="4") as peer:
            self.assertEqual(peer.line()["state"], "ready")
            self.assertEqual(peer.ask("run schedule/morsels_2t 0")["peer_state"], "failed")  # it has no such case
            self.assertIn("aggregate/group_100", peer.ask("list")["cases"])

    def test_our_program_gives_the_same_answer(self):
        with serve("fake", self.folder) as peer, Child(OURS, "--serve", PILLAR_BENCH_RAM_MIB="4") as ours:
            peer.line()
            for row in ("aggregate/group_100", "aggregate/group_1e5"):
                self.assertEqual(peer.ask("answer " + row)["answer"], ours.ask("answer " + row)["answer"])
                self.assertEqual(peer.ask(f"run {row} 0")["answer"], ours.ask(f"run {row} 0.000001")["answer"])


class Text(unittest.TestCase):
    def test_cells(self):
        self.assertEqual(tables.cell_text(Decimal("12.5"), 4), "12.5000")
        self.assertEqual(tables.cell_text(12, 0), "12")
        self.assertEqual(tables.cell_text(Decimal("-" + "9" * 32 + ".123456"), 6), "-" + "9" * 32 + ".123456")
        self.assertEqual(tables.cell_text(25.48934, "mean"), "25.4893")
        self.assertEqual(tables.cell_text(Decimal("25.489349"), "mean"), "25.4893")
        self.assertEqual(tables.cell_text(None, 2), "NULL")

    def test_groups_are_ordered_by_key(self):
        self.assertEqual(tables.rows_text("aggregate/group_100", [(10, 5, 1), (9, 4, 1)]), "9|4|1\n10|5|1")


class Locks(unittest.TestCase):
    def test_everything_is_pinned_with_hashes(self):
        for name in ("peers.lock", "data.lock"):
            with open(os.path.join(PEERS, name)) as file:
                text = re.sub(r"^#.*\n", "", file.read(), flags=re.M)
            for entry in re.sub(r"\\\n", "", text).splitlines():
                self.assertRegex(entry, r"^[a-z0-9-]+==\S+ ( *--hash=sha256:[0-9a-f]{64})+ *$")


if __name__ == "__main__":
    DATA, OURS = map(os.path.abspath, sys.argv[1:3])
    unittest.main(argv=sys.argv[:1])
