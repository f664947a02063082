# SPDX-License-Identifier: Apache-2.0
"""Writes a lock file from folders of downloaded wheels: every package with its version and the SHA-256 of each wheel.

    python3 -m pip download --only-binary :all: -d WHEELS duckdb polars …
    python3 bench/peers/lock.py WHEELS [WHEELS-OF-ANOTHER-MACHINE…] > bench/peers/peers.lock
"""
import hashlib
import pathlib
import sys

found = {}
for folder in sys.argv[1:]:
    for wheel in sorted(pathlib.Path(folder).glob("*.whl")):
        name, version, *_ = wheel.stem.split("-")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        found.setdefault((name.replace("_", "-"), version), []).append(digest)
for (name, version), wheels in sorted(found.items()):
    print(f"{name}=={version} \\")
    print(" \\\n".join(f"    --hash=sha256:{digest}" for digest in wheels))
