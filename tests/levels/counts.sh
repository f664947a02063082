#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# counts.sh <program>…: every level's program holds the same number of cases.
set -eu
for program in "$@"; do "$program" --count; done | tee /dev/stderr |
  awk '{ if (NR > 1 && $3 != first) bad = 1; first = NR == 1 ? $3 : first } END { exit bad || NR < 2 || first + 0 == 0 }'
