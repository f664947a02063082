#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kernel_counts.sh <library>: kernels are linear in widths and domain kinds, never a product of columns or codecs.
# Each line of kernel_counts.txt is `<at most> <extended regular expression>`, matched against the demangled functions
# that the library defines. Also: no level's unit may define a symbol that another level's unit defines too without the
# level in its name, since the linker would keep either one.
set -eu
library=$1
here=$(dirname "$0")
symbols=$(mktemp)
trap 'rm -f "$symbols"' EXIT

nm -C --defined-only "$library" 2>/dev/null | awk '$2 ~ /^[TWtw]$/' | sed 's/^[0-9a-f]* . //' > "$symbols"
bad=0
while read -r limit pattern; do
  case $limit in ''|'#'*) continue ;; esac
  count=$(grep -cE -- "$pattern" "$symbols" || true)
  echo "$count of at most $limit: $pattern"
  if [ "$count" -gt "$limit" ]; then bad=1; echo "  too many instantiations"; fi
done < "$here/kernel_counts.txt"

# Weak symbols of units above the scalar level, by unit: `file.o:symbol`.
shared=$(nm -A -C --defined-only "$library" 2>/dev/null |
  awk -F: '$2 ~ /\.(v2|v3|v4|v4_vbmi2|neon64)\.cpp\.o$/ { text = $0; sub(/^[^:]*:[^:]*:/, "", text); print text }' |
  awk '$2 ~ /^[WVu]$/ { sub(/^[0-9a-f]* . /, ""); print }' |
  grep -vE 'arch::(scalar|v2|v3|v4|v4_vbmi2|neon64)|^DW\.ref\.|^pillar::detail::mutant_active|__asan|__ubsan|__odr_asan' | sort | uniq -c | sort -rn || true)
if [ -n "$shared" ]; then
  echo "weak symbols without an architecture tag in units compiled above the base level:"
  echo "$shared" | head -20
  bad=1
fi
exit $bad
