#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# level_code.sh <library>: which registers the code of each level's units names. scalar and v2 may hold neither ymm nor
# zmm, v3 no zmm; v3 must hold ymm and v4 zmm, or the level has lost its kernels.
set -eu
objdump -d --no-show-raw-insn "$1" | awk '
  / file format / { unit = $1; sub(/:$/, "", unit); level = ""; if (match(unit, /\.(scalar|v2|v3|v4|v4_vbmi2)\.cpp\.o$/)) { level = unit; sub(/\.cpp\.o$/, "", level); sub(/^.*\./, "", level); ++units[level] } next }
  level == "" { next }
  /%ymm/ { ++ymm[level] }
  /%zmm/ { ++zmm[level] }
  END {
    bad = 0
    for (l in units) printf "%-8s %3d units  %7d lines with ymm  %7d with zmm\n", l, units[l], ymm[l], zmm[l]
    if (!("v2" in units) || !("v4" in units)) { print "no units of v2 and v4 found"; exit 1 }
    if (ymm["scalar"] + zmm["scalar"] + ymm["v2"] + zmm["v2"] > 0) { print "scalar or v2 code uses wide registers"; bad = 1 }
    if (zmm["v3"] > 0) { print "v3 code uses zmm"; bad = 1 }
    if (ymm["v3"] == 0) { print "v3 code uses no ymm"; bad = 1 }
    if (zmm["v4"] == 0) { print "v4 code uses no zmm"; bad = 1 }
    exit bad
  }'
