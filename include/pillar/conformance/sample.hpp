// SPDX-License-Identifier: Apache-2.0
/// Columns and domains with the hard cases forced: what all checks feed the parts under test.
///
/// Everything follows from a seed, and consecutive seeds walk through all types and shapes, so that a few hundred cases
/// meet each combination.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/column/scalar.hpp"
#include "pillar/column/types.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/conformance/guard_buffer.hpp"
#include "pillar/expr/domain.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// What the values of a sample look like. Shapes that a type does not have fall back to `many_values`.
enum class sample_shape : std::uint8_t {
  few_values,       ///< about a dozen different ones
  many_values,      ///< different ones, extremes, NaN and zeros of both signs among them
  one_value,        ///< a constant: width 0
  all_null,         ///< (not nullable: one value)
  one_valid,        ///< all NULL but one row
  one_null,         ///< one row NULL
  ascending,        ///< sorted
  narrow,           ///< integers of few bits far from zero; finite floats
  whole_range,      ///< lowest and highest of the type: width 64; finite floats whose sums cancel
  all_nan,          ///< floats
  zeros,            ///< floats: 0.0 and −0.0
  common_prefixes,  ///< texts that differ only after 40 bytes, and some that do not
  runs,             ///< long runs of equal values
  steps,            ///< integers that grow by a constant step
};
/// How many shapes there are.
inline constexpr std::uint32_t sample_shape_count = 14;
/// The shape in words.
[[nodiscard]] PILLAR_API const char* to_string(sample_shape shape) noexcept;

/// A column of cells, cut into vectors that lie on guard pages.
///
/// Shape: `vectors` of 1,024 rows but for the last; flat, dictionary (entries behind guards too) and constant ones,
///        some with validity that starts inside a word
struct sample {
  data_type type{};
  sample_shape shape = sample_shape::many_values;
  std::vector<scalar> cells{};
  std::vector<vector> vectors{};
  std::deque<guard_buffer> memory{};  ///< what the vectors point to
  std::deque<vector> dictionaries{};
  std::deque<const std::byte*> buffers{};

  sample() = default;
  sample(sample&&) noexcept = default;
  sample& operator=(sample&&) noexcept = default;
  [[nodiscard]] std::uint32_t null_count() const noexcept {
    std::uint32_t total = 0;
    for (const scalar& cell : cells) total += cell.null;
    return total;
  }
};

/// Every built-in type, decimals of both widths and both nullabilities included: 34.
[[nodiscard]] PILLAR_API std::vector<data_type> every_type();
/// Row counts around words, vectors and blocks: 1, 2, 63, 64, 65, … 3,000.
[[nodiscard]] PILLAR_API std::span<const std::uint32_t> every_length() noexcept;

/// Cells of a type in a shape.
[[nodiscard]] PILLAR_API std::vector<scalar> make_cells(splitmix64& random, data_type type, sample_shape shape,
                                                        std::size_t count);
/// Cells as vectors. `flat_only`: no dictionaries, constants or offsets.
[[nodiscard]] PILLAR_API sample make_sample(splitmix64& random, data_type type, sample_shape shape,
                                            std::vector<scalar> cells, bool flat_only = false);
/// The sample of a seed: its type and shape by counting, its length at random.
[[nodiscard]] PILLAR_API sample make_sample(std::uint64_t seed);
/// "nullable int32, runs, 1025 rows"
[[nodiscard]] PILLAR_API std::string to_string(const sample& of);

/// Do the values of two rows, both not NULL, have the same bits?
[[nodiscard]] PILLAR_API bool same_bits(const vector& a, std::uint32_t row_of_a, const vector& b,
                                        std::uint32_t row_of_b) noexcept;

/// What a domain shall say of the cells.
enum class wanted_verdict : std::uint8_t { any, none, all };

/// A range or points whose constants are cells, their neighbours, extremes and others; canonical.
[[nodiscard]] PILLAR_API domain make_domain(splitmix64& random, data_type type, std::span<const scalar> cells,
                                            wanted_verdict wanted = wanted_verdict::any);
/// "not in [3, 17]"
[[nodiscard]] PILLAR_API std::string to_string(const domain& test);

/// Why a domain is not in the form that expr/domain.hpp promises ("points are not sorted"); empty if it is.
[[nodiscard]] PILLAR_API std::string canonical_fault(const domain& test);

/// The oracle: does the cell, which is not NULL, satisfy the range or points?
[[nodiscard]] PILLAR_API bool satisfies(const domain& test, const scalar& cell);

}  // namespace PILLAR_NAMESPACE::conformance

#ifdef PILLAR_HEADER_ONLY
#include "pillar/conformance/impl/sample.hpp"
#endif
