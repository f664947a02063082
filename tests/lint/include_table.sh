#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# include_table.sh check|update: what a user pays to include each public header.
# docs/include-table.txt holds per header the lines after preprocessing (GCC 12, without blank lines and line markers)
# and the number of Pillar headers behind it. More than 5 % growth of lines fails, and so does a new header without a row.
set -eu
cd "$(dirname "$0")/../.."
table=docs/include-table.txt
found=$(mktemp)
trap 'rm -f "$found"' EXIT

measure() {  # header
  g++-12 -std=c++20 -Iinclude -x c++ -E "include/$1" 2>/dev/null | awk -v header="$1" '
    /^# [0-9]+ "/ { split($0, part, "\""); if (part[2] ~ /^include\/pillar\//) seen[part[2]] = 1; next }
    NF && !/^#/ { ++lines }
    END { for (name in seen) ++count; printf "%s %d %d\n", header, lines, count - 1 }'
}
if [ "${1:-}" = one ]; then measure "$2"; exit; fi

(cd include && find pillar -name '*.hpp' ! -path '*/impl/*' ! -path '*/kernels/*') |
  xargs -P "$(nproc)" -n 1 sh "$0" one | LC_ALL=C sort > "$found"

median=$(awk '{print $3}' "$found" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}')
echo "include table: $(wc -l < "$found") headers, median $median project headers behind one (budget 15)"
case ${1:-check} in
  update)
    { echo "# header, preprocessed lines, Pillar headers behind it. Rewrite: ./dev include-table --update"
      cat "$found"; } > "$table" ;;
  check)
    awk -v median="$median" '
      FNR == NR { if ($1 !~ /^#/) { old[$1] = $2 } next }
      !($1 in old) { print $1 ": no row"; bad = 1; next }
      $2 > old[$1] * 1.05 + 1 { printf "%s: %d lines, committed %d (+%.0f %%)\n", $1, $2, old[$1], 100 * ($2 / old[$1] - 1); bad = 1 }
      { delete old[$1] }
      END {
        for (name in old) { print name ": a row without a header"; bad = 1 }
        if (median > 15) { print "the median exceeds 15"; bad = 1 }
        if (bad) print "When the growth is meant: ./dev include-table --update"
        exit bad
      }' "$table" "$found" ;;
esac
