#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh LIBRARY SCRIPT: round_trips.py or operators.py in build/venv-interop, or a word that it was skipped.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../../../build/venv-interop/bin/python
if "$python" -c 'import duckdb, pyarrow' 2> /dev/null; then exec "$python" "$here/$2" "$1"; fi
echo "no pyarrow and DuckDB in build/venv-interop: ./dev test installs them where there is a network"
echo "[==========] 1 test from 1 test suite ran."
echo "[  SKIPPED ] 1 test."
