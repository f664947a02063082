# SPDX-License-Identifier: Apache-2.0
"""The peers' servers and their data: bench/peers/serve.py in a virtual environment of its own."""
import os
import subprocess
import sys

from .contestants import Failure, Server

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers"))
import native  # noqa: E402


class Peers:
    """Started when first asked for; `absent` says why one is not there."""

    def __init__(self, source, build, data, say):
        self.source, self.build, self.data, self.say = source, build, data, say
        self.servers, self.absent, self.facts = {}, {}, {}
        self.installed = False

    def install(self):
        """Makes the environment where it is missing; without it every peer is absent, and the report says so."""
        script = os.path.join(self.source, "bench/peers/install.sh")
        self.installed = True
        if os.path.exists(script):
            self.say("peers: virtual environment (a minute when it is new)")
            subprocess.run(["sh", script, os.path.join(self.source, "bench/peers/peers.lock"), self.folder()],
                           stdout=subprocess.DEVNULL, check=False, cwd=self.source)

    def folder(self):
        return os.path.join(self.build, "venv-peers")

    def server(self, asked):
        """The server of a peer, as 'duckdb', or 'duckdb@2' for the one with two threads; None with the reason in `absent`."""
        if asked in self.absent:
            return None
        if asked not in self.servers:
            name, _, threads = asked.partition("@")
            if not self.installed:
                self.install()
            python = os.path.join(self.folder(), "bin/python")
            if not os.path.exists(python):
                self.absent[asked] = "no virtual environment"
                return None
            server = Server([python, os.path.join(self.source, "bench/peers/serve.py"), name, "--data", self.data,
                             "--threads", threads or "1"],
                            limit_seconds=180, greets=True)
            try:
                greeting = server.start()
            except Failure as problem:
                greeting = {"state": "absent", "reason": str(problem)}
            if greeting.get("state") != "ready":
                self.absent[asked] = greeting.get("reason") or "not ready"
                server.stop()
                return None
            self.facts[name] = {"version": greeting.get("version", ""), "settings": greeting.get("settings", "")}
            self.servers[asked] = server
        return self.servers[asked]

    def start_again(self):
        """The peers that are programs like ours; engines have loaded their tables."""
        for name in native.PEERS:
            if name in self.servers:
                self.servers.pop(name).stop()

    def stop(self):
        for server in self.servers.values():
            server.stop()
        self.servers = {}


GENERATED = {"lineitem", "lineitem_csv", "group_100", "group_1e5", "group_1e6_dense", "group_1e6_sparse", "group_1e7_dense",
             "group_1e7_sparse", "h2o", "join_build", "join_probe"}  # by bench_data; others come by bench/data/fetch.sh


def make_data(program, folder, names, say):
    """Writes the data sets that are missing; both sides read the same files. A real set that cannot be had leaves its rows
    without a figure."""
    if names and os.path.exists(program):
        say("data: " + ", ".join(sorted(names)))
        os.makedirs(folder, exist_ok=True)
        if GENERATED & names:
            subprocess.run([program, folder, *sorted(GENERATED & names)], check=True, stdout=subprocess.DEVNULL)
        fetch = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data/fetch.sh")
        for name in sorted(names - GENERATED):
            subprocess.run(["sh", fetch, folder, name], check=False, stdout=subprocess.DEVNULL)
