# SPDX-License-Identifier: Apache-2.0
"""Runs one peer for a driver: requests on standard input, one line of JSON for each on standard output.

    build/venv-peers/bin/python bench/peers/serve.py PEER --data FOLDER [--threads N] [--programs FOLDER]

The first line says whether the peer is there: {"peer", "state": "ready" | "absent", "version", "threads", "settings", "rows"}.
Then, until the input ends:

    load DATASET       loads it into the peer's own storage
    run ROW SECONDS    runs a row for about so long (its data is loaded, and it has run once, before the clock starts);
                       wall_ns and cpu_ns (of the whole process) per iteration, iterations, items, bytes, answer, threads
    answer ROW         the same with the answer in full: `run` gives CRC-32 and length of one beyond 1 KiB
    list               {"rows": […]}
    version            {"version": …}

A row that fails says "error", and in "peer_state" whether it failed or ran out of memory; the peer stays.
"""
import argparse
import gc
import importlib
import json
import os
import sys
import time
import traceback
import zlib

import native

PEERS = {"duckdb": "peer_duckdb", "polars": "peer_polars", "clickhouse": "peer_clickhouse",
         "datafusion": "peer_datafusion", "pyarrow": "peer_pyarrow", "fake": "peer_fake"}  # and those of native.py


def short(text):
    data = text.encode()
    return text if len(data) <= 1024 else f"crc32:{zlib.crc32(data):08x}:{len(data)}"


class Server:
    def __init__(self, peer, threads):
        self.peer, self.threads, self.ready, self.loaded = peer, threads, {}, {}

    def load(self, dataset):
        if dataset not in self.loaded:
            begin = time.perf_counter()
            self.peer.load(dataset)
            self.loaded[dataset] = time.perf_counter() - begin
        return {"dataset": dataset, "load_seconds": self.loaded[dataset]}

    def row(self, name):
        """What runs the row: called once already, so that everything is warm."""
        if name not in self.ready:
            if name not in self.peer.rows():
                raise KeyError(f"no row {name}")
            for dataset in self.peer.sets_of(name):
                self.load(dataset)
            task = self.peer.prepare(name)
            task.run()
            self.ready[name] = task
        return self.ready[name]

    def run(self, name, seconds, in_full=False):
        task = self.row(name)
        gc.collect()
        gc.disable()
        iterations, result = 0, None
        cpu, wall = time.process_time_ns(), time.perf_counter_ns()
        while True:
            result = None  # freed on the clock, as ours is
            result = task.run()
            iterations += 1
            passed = time.perf_counter_ns() - wall
            if passed >= seconds * 1e9:
                break
        cpu = time.process_time_ns() - cpu
        gc.enable()
        text = task.answer(result)
        reply = {"case": name, "wall_ns": passed / iterations, "cpu_ns": cpu / iterations, "iterations": iterations,
                 "items": task.items, "bytes": task.bytes, "threads": self.threads, "peer_state": "measured",
                 "answer": text if in_full else short(text), "label": task.label() if callable(task.label) else task.label}
        return reply

    def reply_to(self, words):
        verb = words[0] if words else ""
        if verb == "load" and len(words) == 2:
            return self.load(words[1])
        if verb == "run" and len(words) == 3:
            return self.run(words[1], float(words[2]))
        if verb == "answer" and len(words) == 2:
            return self.run(words[1], 0, in_full=True)
        if verb == "list":
            return {"rows": self.peer.rows()}
        if verb == "version":
            return {"version": self.peer.version()}
        return {"error": "verbs: load DATASET, run ROW SECONDS, answer ROW, list, version"}


def failure(error):
    out_of_memory = isinstance(error, MemoryError) or "out of memory" in str(error).lower()
    return {"error": f"{type(error).__name__}: {str(error)[:400]}",
            "peer_state": "out_of_memory" if out_of_memory else "failed"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer", choices=sorted([*PEERS, *native.PEERS]))
    parser.add_argument("--data", default="build/data")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--programs", default=os.environ.get("PILLAR_BENCH_PROGRAMS", "build/release/bench"),
                        help="where the programs of C++ peers are")
    chosen = parser.parse_args()

    # Replies go to the real standard output; whatever an engine prints goes to standard error.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(reply):
        replies.write(json.dumps(reply) + "\n")
        replies.flush()

    if chosen.peer in native.PEERS:
        native.serve(chosen.peer, chosen.programs, say)
        return
    try:
        peer = importlib.import_module(PEERS[chosen.peer]).Peer(chosen.data, chosen.threads)
        say({"peer": chosen.peer, "state": "ready", "version": peer.version(), "threads": chosen.threads,
             "settings": peer.settings, "rows": peer.rows()})
    except Exception as error:
        say({"peer": chosen.peer, "state": "absent", "reason": f"{type(error).__name__}: {str(error)[:400]}"})
        return
    server = Server(peer, chosen.threads)
    for line in sys.stdin:
        try:
            say(server.reply_to(line.split()))
        except Exception as error:
            traceback.print_exc()
            say(failure(error))


if __name__ == "__main__":
    main()
