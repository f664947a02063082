#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# from_source.sh <compiler> <work folder>: a user's project takes the sources in by add_subdirectory and by FetchContent.
# Both build with the same flags, so that the second finds its objects in the compiler cache; as unity builds, which a
# user may choose for all that is compiled.
set -eu
compiler=$1
work=$2
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
rm -rf "$work"
mkdir -p "$work"
case ${compiler##*/} in g++*) memory=--param=ggc-min-heapsize=1048576 ;; *) memory= ;; esac  # collects its garbage later: faster
for from in subdirectory fetch; do
  cmake -G Ninja -S "$here/from_source" -B "$work/$from" -DPILLAR_FROM=$from -DPILLAR_SOURCE="$source" \
    -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" \
    -DCMAKE_CXX_FLAGS="-O0 $memory" -DPILLAR_KERNEL_OPTIONS=-O0 \
    -DCMAKE_UNITY_BUILD=ON > "$work/$from.log" 2>&1 || { cat "$work/$from.log"; exit 1; }
  cmake --build "$work/$from" --target one_part > "$work/$from.build.log" || { cat "$work/$from.build.log"; exit 1; }
  "$work/$from/one_part" > "$work/$from.txt"
done
cat "$work/fetch.txt"
cmp "$work/subdirectory.txt" "$work/fetch.txt"
