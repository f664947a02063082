# SPDX-License-Identifier: Apache-2.0
"""Programs that run a case on request, one line of JSON per answer: ours (bench_* --serve) and the peers' servers."""
import json
import os
import selectors
import subprocess
from dataclasses import dataclass


class Failure(Exception):
    """A contestant that cannot run a case; `state` is what the report says of it."""

    def __init__(self, reason, state="failed"):
        super().__init__(reason)
        self.state = state


@dataclass
class Sample:
    """One timed run, per iteration."""
    wall_ns: float
    cpu_ns: float
    items: float = 0
    bytes: float = 0
    answer: str = ""
    threads: int = 1
    label: str = ""  # JSON of what a size is made of
    free_adds: float = 0.0   # independent additions per nanosecond beside the run; 0: not told
    undisturbed: bool = True  # a turn: at least two of its runs, or its only one, had the core to themselves
    others: float = 0.0       # a turn: seconds of CPU that other processes and the host took meanwhile
    spent: float = 0.0        # a turn: seconds on the wall

    @property
    def cpu_over_wall(self):
        return self.cpu_ns / self.wall_ns if self.wall_ns else 0.0

    def value(self, row):
        """What the row reports of this run, in its unit."""
        seconds = self.wall_ns / 1e9
        items = self.items or row.rows
        return {"values/s": items / seconds, "rows/s": items / seconds, "bytes/s": self.bytes / seconds,
                "s": seconds, "ms": seconds * 1e3, "ns": self.wall_ns, "bytes": self.bytes}[row.unit]


class Server:
    """A child process that answers one line for each line."""

    def __init__(self, command, environment=None, limit_seconds=120, greets=False):
        self.command, self.limit_seconds, self.greets, self.greeting = command, limit_seconds, greets, {}
        self.environment = dict(os.environ, **(environment or {}))
        self.process = None

    def start(self):
        """The first line of a server that greets."""
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL, env=self.environment, bufsize=0)
        except OSError as problem:
            raise Failure(f"does not start: {problem.strerror}") from None
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.pending = b""
        if self.greets:
            self.greeting = self.read_line()
        return self.greeting

    def ask(self, line):
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            self.ended()
        reply = self.read_line()
        if "error" in reply or reply.get("peer_state", "measured") != "measured":
            raise Failure(reply.get("error") or reply["peer_state"], reply.get("peer_state") or "failed")
        return reply

    def ended(self):
        code = self.process.wait()
        self.process = None
        # Killed without a word is what the kernel does to the process that exhausts the memory.
        raise Failure(f"ended with exit code {code}", "out_of_memory" if code == -9 else "failed")

    def read_line(self):
        while b"\n" not in self.pending:
            if not self.selector.select(self.limit_seconds):
                self.stop()
                raise Failure(f"no answer within {self.limit_seconds} s")
            part = os.read(self.process.stdout.fileno(), 1 << 20)
            if not part:
                self.ended()
            self.pending += part
        reply, _, self.pending = self.pending.partition(b"\n")
        try:
            reply = json.loads(reply)
        except ValueError:
            raise Failure(f"not JSON: {reply[:80]!r}") from None
        return reply

    def run(self, case, seconds):
        return sample_of(self.ask(f"run {case} {seconds:g}"))

    def answer(self, case):
        """The full text of what the case computes."""
        return self.ask(f"answer {case}").get("answer", "")

    def others_cpu_seconds(self):
        """What everybody else has worked so far, and the host taken; only differences mean something. None: not told."""
        if self.process is None:
            self.start()
        all_work = machine_cpu_seconds()
        return None if all_work is None else all_work - cpu_seconds_of(self.process.pid)

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def sample_of(reply):
    return Sample(float(reply["wall_ns"]), float(reply["cpu_ns"]), float(reply.get("items") or 0),
                  float(reply.get("bytes") or 0), str(reply.get("answer") or ""), int(reply.get("threads") or 1),
                  str(reply.get("label") or ""), float(reply.get("free_adds_per_ns") or 0))


def machine_cpu_seconds():
    """What all CPUs have worked so far, for whomever, and what the host took from them; None where nobody tells."""
    try:
        with open("/proc/stat") as lines:
            user, nice, system, _, _, irq, softirq, stolen = map(int, lines.readline().split()[1:9])
        return (user + nice + system + irq + softirq + stolen) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None


def cpu_seconds_of(process):
    """What a process and those that it started have worked so far, in all of their threads."""
    parents, ticks = {}, {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as line:
                    fields = line.read().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            parents[int(name)] = int(fields[1])
            ticks[int(name)] = sum(map(int, fields[11:15]))
    family, before = {process}, 0
    while len(family) != before:
        before = len(family)
        family |= {child for child, parent in parents.items() if parent in family}
    return sum(ticks.get(member, 0) for member in family) / os.sysconf("SC_CLK_TCK")


class Programs:
    """Our benchmark programs, started when first asked; the one of the limits tells the clock."""

    def __init__(self, folder, environment=None):
        self.folder, self.environment, self.servers, self.free_adds = folder, environment, {}, []

    def server(self, program):
        if program not in self.servers:
            self.servers[program] = Server([os.path.join(self.folder, "bench_" + program), "--serve"], self.environment)
        return self.servers[program]

    def cases(self, program):
        return self.server(program).ask("list")["cases"]

    def clock(self):
        reply = self.server("limits").ask("clock")
        self.free_adds.append(reply["adds_per_cycle"])
        return reply["clock_ghz"]

    def stop(self, program=None):
        for name, server in self.servers.items():
            if program in (None, name):
                server.stop()
