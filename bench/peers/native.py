# SPDX-License-Identifier: Apache-2.0
"""Peers that are C++ libraries of the distribution: programs bench_native_NAME, built where their library was found, which
speak the protocol of our own programs. This passes requests on, off the clock."""
import json
import os
import shutil
import subprocess
import sys

MAPS = [*(f"aggregate/group_int64/{10 ** digits}" for digits in range(7)),
        *(f"join/keys_{keys}" for keys in ("dense", "sparse", "ten_percent", "duplicates", "text", "semi"))]
# Peer → Debian package, settings, rows.
PEERS = {
    "highway": ("libhwy-dev", "-march=native, static target", ["filter/raw_u32_l2", "filter/raw_u32_ram"]),
    "streamvbyte": ("libstreamvbyte-dev", "Debian's build: scalar decoder; 1,024 values at a time",
                    ["codec/unpack_u32_w12_l2", "codec/patched", "codec/delta"]),
    "zstd": ("libzstd-dev", "level 1, 65,536 values at a time",
             ["codec/patched", "codec/delta", "codec/run_end_8", "codec/run_end_64", "codec/text_symbols"]),
    "lz4": ("liblz4-dev", "65,536 values at a time",
            ["codec/patched", "codec/delta", "codec/run_end_8", "codec/run_end_64", "codec/text_symbols"]),
    "absl": ("libabsl-dev", "flat_hash_map that grows, row by row",
             MAPS),
    "boost": ("libboost1.81-dev", "unordered_flat_map that grows, row by row",
              MAPS),
    "tbb": ("libtbb-dev", "parallel_for, simple_partitioner, grain 1", ["schedule/morsels_2t"]),
    "gomp": ("libgomp1", "schedule(dynamic, 1)", ["schedule/morsels_2t"]),
    "omp": ("libomp-14-dev", "schedule(dynamic, 1), compiled by GCC", ["schedule/morsels_2t"]),
}


def version(package):
    if shutil.which("dpkg-query") is None:
        return "unknown"
    asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
    return asked.stdout or "unknown"


def serve(name, programs, say):
    package, settings, rows = PEERS[name]
    program = os.path.join(programs, "bench_native_" + name)
    if not os.path.exists(program):
        say({"peer": name, "state": "absent", "reason": f"not built: Debian's {package} was not there"})
        return
    child = subprocess.Popen([program, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(line):
        child.stdin.write(line + "\n")
        child.stdin.flush()
        reply = child.stdout.readline()
        if not reply:
            sys.exit(child.wait() or 1)  # the driver sees the end of both
        return json.loads(reply)

    cases = {row: next((case for case in ask("list")["cases"] if case == row or case.startswith(row + "/")), None)
             for row in rows}
    say({"peer": name, "state": "ready", "version": version(package), "settings": settings, "rows": rows})
    for line in sys.stdin:
        words = line.split()
        if words[:1] == ["load"]:
            say({"dataset": words[-1], "load_seconds": 0})  # its programs make their own
        elif words[:1] == ["version"]:
            say({"version": version(package)})
        elif len(words) > 1 and cases.get(words[1]) is None:
            say({"error": f"no row {words[1]}", "peer_state": "failed"})
        else:
            reply = ask(" ".join(words[:1] + [cases[words[1]]] + words[2:]) if len(words) > 1 else line.strip())
            say(dict(reply, peer_state="failed" if "error" in reply else "measured"))
