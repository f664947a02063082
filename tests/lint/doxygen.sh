#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# doxygen.sh: the reference builds without a warning, and everything that a user can name in namespace pillar has a
# comment. Members are exempt from that last rule: where name and type say all, a comment would only repeat them.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build/docs
doxygen docs/Doxyfile > build/docs/log.txt 2>&1 || { tail build/docs/log.txt; exit 1; }
kept='Member .* \((function|variable|typedef|friend)\) of (struct|class|union|concept) '
if grep -vE "$kept" build/docs/warnings.txt | grep .; then exit 1; fi
echo "doxygen: no warning; $(find build/docs/html -name '*.html' | wc -l) pages in build/docs/html"
