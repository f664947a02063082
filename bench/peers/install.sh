#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh LOCK FOLDER: a virtual environment in FOLDER with what LOCK pins, no more. Does nothing where FOLDER already
# holds that lock. Wheels come from pip's cache where they have been downloaded before. A package that cannot be installed
# is left out and named on standard error, since a peer may be absent; exit code 1 only without Python.
#
#   sh bench/peers/install.sh bench/peers/peers.lock build/venv-peers
#   sh bench/peers/install.sh bench/peers/data.lock build/venv-data
set -eu
lock=$1
folder=$2
! cmp -s "$lock" "$folder/installed.lock" || exit 0

# Debian's interpreter, since the wheels are for it; another one gets the packages that have wheels for every version.
python=/usr/bin/python3
[ -x $python ] || python=python3
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
$python -m venv --without-pip "$folder" || { echo "install.sh: no Python, or no python3-venv" >&2; exit 1; }

install() {  # a requirements file
  $python -m pip --python "$folder/bin/python" install -q --disable-pip-version-check --no-input --retries 2 \
    --require-hashes --no-deps --only-binary :all: -r "$1" < /dev/null
}
if ! install "$lock" 2> "$folder/pip.log"; then
  # One by one, so that what can be had is there.
  awk -v folder="$folder" '/^#/ { next } /^[^ ]/ { file = folder "/one-" ++n ".lock" } { print > file }' "$lock"
  for one in "$folder"/one-*.lock; do
    install "$one" 2> "$folder/pip.log" ||
      echo "install.sh: absent: $(head -n 1 "$one" | cut -d ' ' -f 1): $(grep -m 1 ERROR "$folder/pip.log" || true)" >&2
  done
  rm -f "$folder"/one-*.lock
  exit 0  # not marked as installed: the next call tries again
fi
cp "$lock" "$folder/installed.lock"
