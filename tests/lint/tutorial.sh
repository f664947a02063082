#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tutorial.sh <page> <program>: the outputs that a chapter shows are those of its program.
set -eu
page=$1
program=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -v language=text -f "$(dirname "$0")/tutorial.awk" "$page" > "$work/shown"
"$program" > "$work/actual"
diff -u "$work/shown" "$work/actual" || { echo "$page does not show what its program prints"; exit 1; }
