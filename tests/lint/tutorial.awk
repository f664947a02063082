# SPDX-License-Identifier: Apache-2.0
# The fenced blocks of one language of a Markdown page, one after the other: awk -v language=cpp -f tutorial.awk page.md
$0 == "```" language { inside = 1; next }
inside && /^```$/ { inside = 0; next }
inside
