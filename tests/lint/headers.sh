#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# headers.sh <compiler>: every public header compiles alone, without exceptions and RTTI; and all together in
# header-only mode. Syntax and semantics only, no code.
set -eu
compiler=$1
cd "$(dirname "$0")/../.."
flags="-std=c++20 -Iinclude -x c++ -fsyntax-only -fno-exceptions -fno-rtti -Wall -Wextra -Wpedantic -Wshadow -Werror"
list() { (cd include && find pillar -name '*.hpp' ! -path '*/impl/*' ! -path '*/kernels/*' | LC_ALL=C sort); }

list | xargs -P "$(nproc)" -I '{}' sh -c "echo '#include \"{}\"' | $compiler $flags - || { echo '{} does not compile alone'; exit 255; }"
list | sed 's/.*/#include "&"/' | $compiler $flags -DPILLAR_HEADER_ONLY -
echo "$compiler: $(list | wc -l) headers compile alone, and together in header-only mode"
