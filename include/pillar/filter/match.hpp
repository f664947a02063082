// SPDX-License-Identifier: Apache-2.0
/// Values against a domain: one bit per row, for vectors of every kind and type.
#pragma once
#include <cstdint>

#include "pillar/base/result.hpp"        // result
#include "pillar/column/encoded.hpp"     // encoded_vector, match_answer, vector_scratch
#include "pillar/column/vector.hpp"      // vector
#include "pillar/expr/domain.hpp"        // domain
#include "pillar/filter/flat_match.hpp"  // flat_match_table

namespace PILLAR_NAMESPACE {

/// Sets bit i iff row i's value satisfies the domain. Bits of NULL rows are unspecified: whoever asks combines the mask
/// with the validity, as null tests and complements need it in different ways.
///
/// Shape:    values.size ≤ 1,024; writes words_for(values.size) words, zero beyond the last row
/// Requires: test.physical is that of the values; values aligned to their size
/// Cost:     flat: one kernel pass for a range, one per point up to eight points, else a search per value between the
///           least and the greatest; dictionary: each entry once when there are no more entries than rows; constant:
///           one test; run-end: each run once. Nothing is allocated.
/// Errors:   none; an opaque test says what it likes
PILLAR_API void match(const vector& values, const domain& test, const flat_match_table& kernels,
                      std::uint64_t* mask) noexcept;

/// The same of a vector that is still encoded: its codec's answer, or where that is `unknown` that of the values, which
/// are decoded into `scratch`. `codec_scratch` may be nullptr.
///
/// Shape:  the mask has 16 words, written when the verdict is `some`
/// Errors: out_of_memory (characters of texts)
[[nodiscard]] PILLAR_API result<match_answer> match(const encoded_vector& values, const domain& test,
                                                    const flat_match_table& kernels, match_scratch* codec_scratch,
                                                    vector_scratch& scratch, std::uint64_t* mask) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/filter/impl/match.hpp"
#endif
