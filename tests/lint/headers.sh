#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# headers.sh <compiler>: every public header compiles alone, without exceptions and RTTI; and all together in
# header-only mode. Syntax and semantics only, no code. What many headers include is compiled once (headers_plan.pl).
set -eu
compiler=$1
cd "$(dirname "$0")/../.."
flags="-std=c++20 -Iinclude -fno-exceptions -fno-rtti -Wall -Wextra -Wpedantic -Wshadow -Werror"

if [ "${2:-}" = one ]; then  # headers.sh <compiler> one <folder> <header> <base>
  folder=$3
  header=$4
  compiled() { printf '%s/%s.pch' "$folder" "$(echo "$1" | tr / _)"; }
  case $5 in
    precompile) how="-x c++-header -o $(compiled "$header")" ;;
    -) how='-x c++ -fsyntax-only' ;;
    *) how="-x c++ -fsyntax-only -include-pch $(compiled "$5")" ;;
  esac
  # shellcheck disable=SC2086
  echo "#include \"$header\"" | "$compiler" $flags $how - || { echo "$header does not compile alone"; exit 255; }
  exit
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
list() { (cd include && find pillar -name '*.hpp' ! -path '*/impl/*' ! -path '*/kernels/*' | LC_ALL=C sort); }
each() { xargs -P "$(nproc)" -L 1 sh tests/lint/headers.sh "$compiler" one "$folder"; }
# shellcheck disable=SC2086
list | sed 's/.*/#include "&"/' | "$compiler" $flags -x c++ -fsyntax-only -DPILLAR_HEADER_ONLY - &
together=$!
list | xargs perl tests/lint/headers_plan.pl 10 > "$folder/plan"
awk '$2 != "-" && !seen[$2]++ { print $2, "precompile" }' "$folder/plan" | each
awk 'FNR == NR { bases[$2] = 1; next } !($1 in bases)' "$folder/plan" "$folder/plan" | each
wait $together
echo "$compiler: $(list | wc -l) headers compile alone, and together in header-only mode"
