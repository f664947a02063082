// SPDX-License-Identifier: Apache-2.0
/// What the chooser thought of a column, in the manner of Redshift's ANALYZE COMPRESSION: each codec that it knows, the
/// tree under it, its size, and why it was or was not taken.
#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "pillar/codec/cascade.hpp"  // codec_id

namespace PILLAR_NAMESPACE {

/// Why a codec was taken or not.
enum class encoding_verdict : std::uint8_t {
  chosen,
  costs_more,    ///< its tree was worked out to the end
  gave_up,       ///< it noticed on the way that it would cost more
  does_not_fit,  ///< the type or the values are not for it
  ruled_out,     ///< the first look at the column showed that it cannot win
};
/// The words of a verdict.
[[nodiscard]] PILLAR_API const char* to_string(encoding_verdict verdict) noexcept;

/// One codec as root.
struct encoding_candidate {
  std::string tree{};  ///< "run_end(dictionary, frame_of_reference)"; the codec alone where there was no tree
  codec_id codec{};
  encoding_verdict verdict = encoding_verdict::does_not_fit;
  std::uint64_t data_bytes = 0;  ///< 0: not known
  std::uint64_t cost = 0;        ///< picoseconds by the policy; 0: not known
  std::string reason{};          ///< what the first look found
};

/// All codecs, in the order in which they were tried.
struct encoding_report {
  data_type type{};
  std::uint32_t row_count = 0;
  std::uint32_t null_count = 0;
  std::uint64_t raw_bytes = 0;
  std::vector<encoding_candidate> candidates{};

  /// The tree that was taken; nullptr if there was none.
  [[nodiscard]] PILLAR_API const encoding_candidate* chosen() const noexcept;
};

/// A line for the column and one per candidate.
[[nodiscard]] PILLAR_API std::string to_string(const encoding_report& report);
/// Writes to_string(report).
PILLAR_API std::ostream& operator<<(std::ostream& out, const encoding_report& report);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/encoding_report.hpp"
#endif
