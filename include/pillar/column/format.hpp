// SPDX-License-Identifier: Apache-2.0
/// A column set as an aligned table of text.
#pragma once
#include <cstddef>
#include <iosfwd>
#include <string>

#include "pillar/column/column_set.hpp"  // column_set

namespace PILLAR_NAMESPACE {

/// At most `max_rows` rows under a line of names: numbers to the right, everything else to the left, NULL as such,
/// control characters escaped; a last line counts the rows left out. Widths count code points.
PILLAR_API std::string format_table(const column_set& rows, std::size_t max_rows = 40);

/// format_table with its default.
PILLAR_API std::ostream& operator<<(std::ostream& out, const column_set& rows);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/column/impl/format.hpp"
#endif
