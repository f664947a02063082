// SPDX-License-Identifier: Apache-2.0
/// What one column must satisfy: a closed family of run-time values that every layer can answer.
///
/// Binding lowers each leaf that tests one column against constants to a domain. Codecs, zone maps, Bloom filters,
/// partition paths and caches take domains, never expressions.
///
/// | kind      | satisfied by                                 | comes from                           |
/// |-----------|----------------------------------------------|--------------------------------------|
/// | range     | values between two bounds                    | == != < <= > >= between, starts_with |
/// | points    | values of a sorted list                      | in                                   |
/// | null_test | NULL (negated: everything else)              | is_null, is_not_null                 |
/// | opaque    | what the caller's function says of a vector  | a join's Bloom probe                 |
///
/// `negated` asks for the values outside. A NULL row satisfies no domain but a null_test, negated or not.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pillar/base/checked.hpp"   // int128
#include "pillar/column/scalar.hpp"  // scalar
#include "pillar/column/types.hpp"   // physical_type

namespace PILLAR_NAMESPACE {

struct vector;

/// The closed family of tests of one column.
enum class domain_kind : std::uint8_t { range, points, null_test, opaque };

/// A test of one column's values.
///
/// Layout: only the members of the column's physical class are meaningful:
///   integers, booleans, decimals, dates, timestamps: [lo, hi] inclusive, both within the physical type's limits
///     (binding clamps: int8 < 300 is [-128, 127]); lo > hi is the empty range; `integers` sorted, unique, within
///     limits
///   floats: [real_lo, real_hi] inclusive, never NaN or −0.0 (float32: representable in float); NaN values belong iff
///     `nan`; an empty range of numbers has real_lo > real_hi; `reals` sorted, unique, without NaN
///   text: [text_lo, text_hi) by bytes, unbounded above without has_hi. The successor of s is s + '\0', so closed
///     bounds, points and prefixes are all half-open ranges; `texts` sorted, unique
struct domain {
  domain_kind kind = domain_kind::range;
  physical_type physical = physical_type::int64;
  bool negated = false;

  int128 lo = 0;
  int128 hi = -1;
  double real_lo = 1;
  double real_hi = 0;
  bool nan = false;
  std::string text_lo{};
  std::string text_hi{};
  bool has_hi = false;

  std::vector<int128> integers{};
  std::vector<double> reals{};
  std::vector<std::string> texts{};

  /// opaque: sets mask bit i iff row i's value satisfies the test (NULL rows: either); reads flat or other vectors.
  void (*test)(const void* state, const vector& values, std::uint64_t* mask) noexcept = nullptr;
  const void* state = nullptr;

  /// Does a non-NULL value satisfy the domain? The scalar oracle of every `match`. Not for opaque domains.
  [[nodiscard]] PILLAR_API bool contains(const scalar& value) const;
  [[nodiscard]] PILLAR_API bool contains_integer(int128 value) const noexcept;
  [[nodiscard]] PILLAR_API bool contains_real(double value) const noexcept;
  [[nodiscard]] PILLAR_API bool contains_text(std::string_view value) const noexcept;

  /// Every value of the type satisfies it / none does (NULL aside). Conservative: false when not obvious.
  [[nodiscard]] PILLAR_API bool is_everything() const noexcept;
  [[nodiscard]] PILLAR_API bool is_nothing() const noexcept;
};

/// Range domains by parts.
PILLAR_API domain integer_range(physical_type physical, int128 lo, int128 hi, bool negated = false);
/// lo ≤ x ≤ hi of a float; `nan`: NaN too, which is greatest.
PILLAR_API domain real_range(physical_type physical, double lo, double hi, bool nan, bool negated = false);
/// lo ≤ x < hi of a text, without an upper end if !has_hi: prefixes and comparisons.
PILLAR_API domain text_range(std::string_view lo, bool has_hi, std::string_view hi, bool negated = false);
/// x is NULL; negated: x is not NULL.
PILLAR_API domain null_test(physical_type physical, bool negated = false);

/// The least text that is greater than every text with this prefix; false if there is none (all bytes 0xff).
PILLAR_API bool prefix_successor(std::string_view prefix, std::string& out);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/expr/impl/domain.hpp"
#endif
