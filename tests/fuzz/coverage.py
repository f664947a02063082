#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""coverage.py EXPORT.json: the branches that reading a block can take, and how many of them the fuzz programs took.

EXPORT.json is what `llvm-cov export` prints. Counted are the functions that run on bytes from outside (all verbs but
analyze and encode) of include/pillar/codec/impl and detail, and the reading of blocks and slice files. Fails below 95 %.
"""
import collections
import json
import re
import subprocess
import sys

LEAST = 0.95
FILES = re.compile(r"include/pillar/(codec/(impl/(?!chooser|statistics|encoding_report)|detail/)\w+|storage/impl/(block|open_blocks|slice_file)|storage/detail/block_format)\.hpp$")
READS = re.compile(r"\b(validate\w*|decode\w*|match\w*|sum\w*|bounds\w*|fetch\w*|prefetch\w*|view_bytes|restore\w*"
                   r"|load_validity|open\w*|begin|pin|read\w*|count_nulls|settled|finish_\w+|expand\w*|unpack\w*|check_\w+"
                   r"|settle_places|link_tree|find_layout|place_data|set_field|row_groups_of|child_characters|require_within"
                   r"|mirrors)(<.*>)?\(")


def main(path):
    with open(path) as file:
        functions = json.load(file)["data"][0]["functions"]
    demangled = subprocess.run(["c++filt"], input="\n".join(f["name"].split(":")[-1] for f in functions),
                               capture_output=True, text=True, check=True).stdout.split("\n")
    taken = collections.defaultdict(dict)  # file → (line, column, side) → times
    for function, name in zip(functions, demangled):
        file = function["filenames"][0]
        if not FILES.search(file) or not READS.search(name):
            continue
        for branch in function.get("branches", []):
            line, column, times_true, times_false, kind = branch[0], branch[1], branch[4], branch[5], branch[8]
            if kind != 4 or branch[6] != 0:  # branches of this file only, not of macros expanded from others
                continue
            for side, times in (("true", times_true), ("false", times_false)):
                key = (line, column, side)  # instantiations of a template count together
                taken[file][key] = taken[file].get(key, 0) + times
    all_sides = all_taken = 0
    for file in sorted(taken):
        sides = len(taken[file])
        missed = sorted(key for key, times in taken[file].items() if times == 0)
        all_sides += sides
        all_taken += sides - len(missed)
        print(f"{file.split('include/pillar/')[-1]:40} {sides - len(missed):4} of {sides:4}  {100 * (1 - len(missed) / sides):6.2f} %")
        for line, column, side in missed:
            print(f"    line {line}:{column} never {side}")
    share = all_taken / all_sides if all_sides else 0
    print(f"{'all':40} {all_taken:4} of {all_sides:4}  {100 * share:6.2f} %")
    return 0 if share >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
