#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# readme.sh <program>: README.md shows examples/readme/main.cpp as it is, and what the program prints (but for the time).
set -eu
program=$1
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The first fenced block after a marker line.
block() { awk -v marker="$1" '$0 == marker { found = 1; next } found && /^```/ { if (inside) exit; inside = 1; next } inside' README.md; }

status=0
block '<!-- examples/readme/main.cpp -->' > "$work/shown.cpp"
tail -n +3 examples/readme/main.cpp > "$work/actual.cpp"
diff -u "$work/shown.cpp" "$work/actual.cpp" || { echo "README.md does not show examples/readme/main.cpp"; status=1; }

block '<!-- its output -->' | grep -v '^time ' > "$work/shown.txt"
"$program" | grep -v '^time ' > "$work/actual.txt"
diff -u "$work/shown.txt" "$work/actual.txt" || { echo "README.md does not show what the example prints"; status=1; }

# Links to files of the repository lead somewhere.
for target in $(grep -oE '\]\([A-Za-z0-9_./-]+[)#]' README.md CONTRIBUTING.md docs/*.md docs/decisions/*.md | sed 's/:](/:/; s/[)#]$//'); do
  file=${target%%:*}
  link=${target#*:}
  [ -e "$(dirname "$file")/$link" ] || { echo "$file links to $link, which does not exist"; status=1; }
done
exit $status
