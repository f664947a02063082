// SPDX-License-Identifier: Apache-2.0
/// Arrow's format strings and Pillar's types, and what is said about columns that had to be copied.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "pillar/column/types.hpp"  // data_type

namespace PILLAR_NAMESPACE {

/// How Arrow lays out the values of a format.
enum class arrow_layout : std::uint8_t {
  nothing,    ///< the null type: no buffers
  bits,       ///< booleans
  fixed,      ///< value_bytes each, meaning what ours mean
  decimals,   ///< two's complement of value_bytes
  days_ms,    ///< date64: milliseconds
  offsets32,  ///< texts by 32-bit offsets
  offsets64,  ///< texts by 64-bit offsets
  views,      ///< texts by 16-byte views
};

/// A format string, understood.
struct arrow_format {
  data_type type{};  ///< not nullable: that is a flag of the schema
  arrow_layout layout = arrow_layout::fixed;
  std::uint8_t value_bytes = 0;
  std::string_view time_zone{};  ///< a timestamp's, possibly empty; points into the format string
};

/// What a format string means. Dictionary and run-end encoding are not part of it.
///
/// Errors: Unimplemented with a sentence for what Pillar has no type for: float16, fixed-width binary, decimals of more
///         than 38 digits or with a negative scale, times of day, durations, intervals, lists, maps, unions, structs;
///         InvalidArgument for a string that is no format
PILLAR_API absl::StatusOr<arrow_format> parse_arrow_format(std::string_view format);

/// How texts leave: as 16-byte views they are not copied, but some readers know only the older forms.
enum class arrow_text : std::uint8_t { view, utf8, large_utf8 };

/// How a type is spelt when it leaves.
struct arrow_format_options {
  arrow_text text = arrow_text::view;
  bool decimal64 = false;  ///< decimals of up to 18 digits as decimal64, which is not copied, instead of decimal128
  bool utc = true;         ///< timestamps carry the zone UTC, which is what they mean; else none
};

/// The format string of a type: `d:15,2`, `tsu:UTC`, `vu`. A user's logical type leaves as its physical type; empty for
/// one over a 128-bit integer.
PILLAR_API std::string arrow_format_of(const data_type& type, const arrow_format_options& how = {});

/// A column, or a part of one, that was copied instead of shared.
struct arrow_copy {
  std::string column;
  std::string format;
  std::uint64_t byte_count = 0;  ///< of the copy
  std::string reason;            ///< "booleans are bits there and bytes here"
};

/// What an import or export did to columns beyond passing them on.
struct arrow_report {
  std::vector<arrow_copy> copies;
  std::vector<std::string> notes;  ///< what was left behind, such as a time zone's name
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/interop/impl/arrow_format.hpp"
#endif
