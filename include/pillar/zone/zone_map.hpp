// SPDX-License-Identifier: Apache-2.0
/// What is known of the values of a block or of one of its vectors without reading them, and what follows for a
/// predicate.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "pillar/base/checked.hpp"   // int128
#include "pillar/column/scalar.hpp"  // scalar
#include "pillar/column/types.hpp"   // data_type
#include "pillar/column/vector.hpp"  // vector
#include "pillar/expr/interval.hpp"  // value_interval, truth_set, bound_predicate

namespace PILLAR_NAMESPACE {

/// A bound of texts: at most 24 bytes of one, whatever its length.
struct zone_text {
  static constexpr std::uint32_t capacity = 24;
  char bytes[capacity];
  [[nodiscard]] std::string_view view(std::uint32_t size) const noexcept { return {bytes, size}; }
};

/// Statistics of some rows of one column. The default is of no rows; with a row_count and nothing more it knows
/// nothing, and is sound for any rows.
///
/// Layout: trivially copyable, 80 bytes; of the bounds only those of the physical class are meaningful: integers (and
///         booleans, decimals, dates, timestamps) in `integers`, floats in `reals` (numbers only: NaN is told by
///         has_nan and only_nan), text in `texts`. min ≤ every value ≤ max, where has_min and has_max say that the
///         bound is there, and *_exact that a row attains it. Cut texts are not exact: a maximum is rounded up to the
///         successor of its prefix, or dropped if there is none.
/// Requires: row_count rows; bounds are absent when no row has a value
struct zone_map {
  /// Bounds of booleans, integers, decimals, dates, timestamps.
  struct bounds_of_integers {
    int128 min, max;
  };
  /// Bounds of floats; NaN is told apart.
  struct bounds_of_reals {
    double min, max;
  };
  /// Bounds of texts, perhaps cut.
  struct bounds_of_texts {
    zone_text min, max;
  };
  union {
    bounds_of_integers integers{};
    bounds_of_reals reals;
    bounds_of_texts texts;
  };
  physical_type physical = physical_type::int64;
  bool null_count_known = false;
  bool has_nan = true;    ///< floats: some row may be NaN
  bool only_nan = false;  ///< floats: every non-NULL row is NaN
  bool has_min = false;
  bool has_max = false;
  bool min_exact = false;
  bool max_exact = false;
  std::uint8_t text_min_size = 0;
  std::uint8_t text_max_size = 0;
  std::uint32_t row_count = 0;
  std::uint32_t null_count = 0;

  [[nodiscard]] bool may_have_nulls() const noexcept { return !null_count_known || null_count != 0; }
  [[nodiscard]] bool may_have_values() const noexcept { return !null_count_known || null_count != row_count; }
  [[nodiscard]] std::string_view text_min() const noexcept { return texts.min.view(text_min_size); }
  [[nodiscard]] std::string_view text_max() const noexcept { return texts.max.view(text_max_size); }
};

/// Exact statistics of a vector of any kind; only cut texts have inexact bounds.
///
/// Cost: one pass over the values
[[nodiscard]] PILLAR_API zone_map zone_of(const vector& values) noexcept;

/// Bounds of texts by whole values, cutting what is too long; for codecs and loaders that know their extremes.
PILLAR_API void set_text_bounds(zone_map& zone, std::string_view min, std::string_view max) noexcept;

/// Makes `into` the statistics of its rows and those of `from`; both of one physical type.
PILLAR_API void merge(zone_map& into, const zone_map& from) noexcept;

/// The bounds as values of `type`, for explanations; NULL where absent.
[[nodiscard]] PILLAR_API scalar zone_minimum(const zone_map& zone, const data_type& type);
/// The upper bound; see zone_minimum.
[[nodiscard]] PILLAR_API scalar zone_maximum(const zone_map& zone, const data_type& type);

/// The values that the rows may hold; its texts point into `zone`.
[[nodiscard]] PILLAR_API value_interval interval_of(const zone_map& zone) noexcept;

/// What a plain column's rows may give. No rows: the empty set. No statistics: everything but an error, which reading a
/// column never is.
[[nodiscard]] PILLAR_API truth_set answer(const domain& test, const zone_map& zone) noexcept;

/// A worker's memory for answering predicates: reused, so that a vector costs no allocation.
struct zone_scratch {
  std::vector<value_interval> values;  ///< after a call: intervals of predicate.values, or empty if none was needed
  std::vector<truth_set> truths;       ///< what each predicate node may give; stale where `values` is empty
};

/// What the zone maps say of a predicate's rows.
struct zone_answer {
  static constexpr std::uint32_t nothing = std::numeric_limits<std::uint32_t>::max();
  zone_verdict what = zone_verdict::some;
  /// `none`: position in predicate.conjuncts of the first conjunct that no row can pass, and the first column it names
  /// (`nothing` if it names none).
  std::uint32_t conjunct = nothing;
  std::uint32_t column = nothing;
  /// Bit i: conjunct i is true for every row and need not be evaluated (the first 64 conjuncts).
  std::uint64_t known_true = 0;
};

/// Asks a predicate of zone maps.
///
/// `zones[c]` is the map of column c, nullptr where there is none (beyond the span likewise). The answer is `none` iff
/// some top-level conjunct can be neither true nor an error for any row: it rejects them all, so errors of the others
/// may be left out (design §2). It is `all` iff every conjunct can only be true.
[[nodiscard]] PILLAR_API zone_answer answer(const bound_predicate& predicate, std::span<const zone_map* const> zones,
                                            zone_scratch& scratch);

/// The intervals of computed values over zone maps as above, into scratch.values: the proof for evaluate_values().
PILLAR_API void analyze(std::span<const bound_value> nodes, std::span<const zone_map* const> zones,
                        std::vector<value_interval>& out);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/zone/impl/zone_map.hpp"
#endif
