#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh <build folder> <compiler> <work folder>: installs, moves the prefix, and builds a user's project against it.
set -eu
build=$1
compiler=$2
work=$3
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
case ${compiler##*/} in g++*) export CXXFLAGS=--param=ggc-min-heapsize=1048576 ;; esac  # collects its garbage later: faster

rm -rf "$work"
mkdir -p "$work"
cmake --install "$build" --prefix "$work/first" > "$work/install.log" || { cat "$work/install.log"; exit 1; }
mv "$work/first" "$work/moved"
package=$(dirname "$(find "$work/moved" -name PillarConfig.cmake)")

if grep -rlF -e "$source/" -e "$work/first" "$package"; then echo "a path of the build is in the package"; exit 1; fi
if grep -rnE -- '-march|-m(avx|sse)|-W(all|error)|-fsanitize' "$package"; then echo "a flag of the build is in the package"; exit 1; fi
installed=$(cd "$work/moved/include" && find pillar -name '*.hpp' | sort)
ours=$(cd "$source/include" && find pillar -name '*.hpp' | sort)
if [ "$installed" != "$ours" ]; then
  echo "the installed headers are not those of include/:"
  printf "%s\n" "$installed" "$ours" | sort | uniq -u
  exit 1
fi

cmake -G Ninja -S "$here" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$work/moved" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" > "$work/configure.log" || { cat "$work/configure.log"; exit 1; }
cmake --build "$work/consumer"
"$work/consumer/with_kernels" > "$work/with_kernels.txt"
"$work/consumer/header_only" > "$work/header_only.txt"
cat "$work/with_kernels.txt"
cmp "$work/with_kernels.txt" "$work/header_only.txt"

# pillar-inspect: installed, and a project by itself, which --long builds too.
if "$work/moved/bin/pillar-inspect" "$work/install.log" > "$work/inspect.txt"; then echo "pillar-inspect takes a log for a block"; exit 1; fi
grep -q 'BROKEN: neither a block nor a slice file at offset 0' "$work/inspect.txt"
cmake -G Ninja -S "$source/examples/inspect" -B "$work/inspect" -DCMAKE_PREFIX_PATH="$work/moved" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_UNITY_BUILD=ON -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" > "$work/inspect.log" 2>&1 || { cat "$work/inspect.log"; exit 1; }
if [ -n "${PILLAR_TEST_LONG:-}" ]; then
  cmake --build "$work/inspect"
  "$work/inspect/pillar-inspect" --help > /dev/null
fi

# Parts of a user's own: each a project that proves its part with pillar::conformance, or needs no more than three parts.
if grep -n 'pipeline\|pillar\.hpp' "$source/examples/own_engine/main.cpp"; then echo "own_engine takes more than three parts"; exit 1; fi
lines=$(awk '/^struct deviation/, /^};/' "$source/examples/own_aggregate/main.cpp" | wc -l)
if [ "$lines" -gt 20 ]; then echo "own_aggregate's state has $lines lines, which should be 20 at most"; exit 1; fi
printf '%s\n' own_codec own_executor own_aggregate own_engine | xargs -P "$(nproc)" -I '{}' sh -c '
  log="$1/$2.txt"
  cmake -G Ninja -S "$3/examples/$2" -B "$1/$2" -DCMAKE_PREFIX_PATH="$1/moved" -DCMAKE_CXX_COMPILER="$4" \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" > "$log" 2>&1 &&
    cmake --build "$1/$2" >> "$log" 2>&1 && "$1/$2/$2" >> "$log" 2>&1 || { cat "$log"; exit 255; }
  echo "$2: $(tail -n 1 "$log")"' own "$work" '{}' "$source" "$compiler"
