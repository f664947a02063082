#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh <compiler> <folder> <program.cpp> <flags…>: the program must not compile, its diagnostics must contain every
# sentence of its `// expect:` lines, and with -DCORRECTED it must compile.
# check.sh <compiler> <folder> --header <flags…>: comes first; precompiles into the folder what every program includes.
set -eu
compiler=$1
folder=$2
program=$3
shift 3
flags="-std=c++20 -Wall -Wextra"
header=$folder/$(basename "$compiler")_query.hpp
if [ "$program" = --header ]; then
  mkdir -p "$folder"
  echo '#include "pillar/pipeline/query.hpp"' > "$header"
  exec "$compiler" $flags "$@" -x c++-header "$header" -o "$header.gch"
fi
case $compiler in
  *clang*) flags="$flags -fsyntax-only -include-pch $header.gch" ;;
  *) flags="$flags -fsyntax-only -include $header" ;;
esac
text=$(mktemp)
trap 'rm -f "$text"' EXIT

if "$compiler" $flags "$@" "$program" > "$text" 2>&1; then
  echo "$program compiles, and must not"
  exit 1
fi
echo "$compiler: $(wc -l < "$text") lines of diagnostics"

# Clang 14 prints a sentence as a pack of characters, 'n', 'o', …: join them. Quotes are escaped there, and in GCC.
plain=$(sed -e "s/', '//g" -e "s/\\\\\\(['\"]\\)/\\1/g" "$text")
bad=0
grep '^// expect: ' "$program" | sed 's|^// expect: ||' > "$text.expected"
if ! [ -s "$text.expected" ]; then echo "no '// expect: ' line"; bad=1; fi
while IFS= read -r sentence; do
  if ! printf '%s\n' "$plain" | grep -qF -- "$sentence"; then
    echo "missing: $sentence"
    bad=1
  fi
done < "$text.expected"
rm -f "$text.expected"
if [ $bad = 1 ]; then cat "$text"; fi

if ! "$compiler" $flags "$@" -DCORRECTED "$program" > "$text" 2>&1; then
  echo "the corrected program does not compile:"
  cat "$text"
  bad=1
fi
exit $bad
