// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "pillar/base/mutant.hpp"
#include "pillar/zone/zone_map.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// Calls f(index into values) for every row that holds a value.
template <class F>
PILLAR_ALWAYS_INLINE void for_each_value(const vector& from, F&& f) noexcept {
  if (from.kind == vector_kind::constant) {
    if (from.size != 0 && from.valid(0)) f(std::uint32_t{0});
  } else if (from.kind == vector_kind::flat) {
    if (from.validity == nullptr) {
      for (std::uint32_t i = 0; i < from.size; ++i) f(i);
      return;
    }
    for (std::uint32_t word = 0; word * 64 < from.size; ++word)
      for (std::uint64_t bits = from.validity_word(word); bits != 0; bits &= bits - 1)
        f(word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
  } else if (from.kind == vector_kind::run_end) {  // bounds do not count: once for each run
    from.for_each_run(0, from.size, [&](std::uint32_t run, std::uint32_t begin, std::uint32_t) {
      if (from.valid(begin)) f(run);
    });
  } else {
    for (std::uint32_t i = 0; i < from.size; ++i)
      if (from.valid(i)) f(from.codes[i]);
  }
}

template <class T>
void bound_integers(const vector& from, zone_map& zone) noexcept {
  const T* values = from.holder().template values_as<T>();
  T lo = std::is_same_v<T, int128> ? static_cast<T>(int128_max) : static_cast<T>(highest_of<T>());
  T hi = std::is_same_v<T, int128> ? static_cast<T>(int128_min) : static_cast<T>(lowest_of<T>());
  for_each_value(from, [&](std::uint32_t i) {
    const T value = load_unaligned<T>(values + i);
    lo = value < lo ? value : lo;
    hi = value > hi ? value : hi;
  });
  zone.integers = {static_cast<int128>(lo), static_cast<int128>(hi)};
  zone.has_min = zone.has_max = zone.min_exact = zone.max_exact = true;
}

template <class T>
void bound_reals(const vector& from, zone_map& zone) noexcept {
  const T* values = from.holder().template values_as<T>();
  T lo = std::numeric_limits<T>::infinity();
  T hi = -lo;
  bool nan = false, number = false;
  for_each_value(from, [&](std::uint32_t i) {
    const T value = values[i];
    nan |= value != value;
    number |= value == value;
    lo = value < lo ? value : lo;
    hi = value > hi ? value : hi;
  });
  zone.has_nan = PILLAR_MUTATE(zone_nan_ignored, nan, false);
  zone.only_nan = nan && !number;
  zone.has_min = zone.has_max = zone.min_exact = zone.max_exact = number;
  zone.reals = {0, 0};
  if (number) zone.reals = {static_cast<double>(lo) + 0.0, static_cast<double>(hi) + 0.0};  // −0.0 becomes 0.0
}

inline void bound_texts(const vector& from, zone_map& zone) noexcept {
  const vector& holder = from.holder();
  const auto* slots = holder.values_as<text_slot>();
  std::string_view lo, hi;
  bool first = true;
  for_each_value(from, [&](std::uint32_t i) {
    const std::string_view value = slots[i].view(holder.buffers);
    if (first || value < lo) lo = value;
    if (first || value > hi) hi = value;
    first = false;
  });
  set_text_bounds(zone, lo, hi);
}

inline int compare_mins(const zone_map& a, const zone_map& b) noexcept {
  if (a.physical == physical_type::text) return a.text_min().compare(b.text_min());
  if (is_float(a.physical)) return a.reals.min < b.reals.min ? -1 : a.reals.min > b.reals.min ? 1 : 0;
  return a.integers.min < b.integers.min ? -1 : a.integers.min > b.integers.min ? 1 : 0;
}
inline int compare_maxes(const zone_map& a, const zone_map& b) noexcept {
  if (a.physical == physical_type::text) return a.text_max().compare(b.text_max());
  if (is_float(a.physical)) return a.reals.max < b.reals.max ? -1 : a.reals.max > b.reals.max ? 1 : 0;
  return a.integers.max < b.integers.max ? -1 : a.integers.max > b.integers.max ? 1 : 0;
}
inline void take_min(zone_map& into, const zone_map& from) noexcept {
  if (into.physical == physical_type::text) into.texts.min = from.texts.min, into.text_min_size = from.text_min_size;
  else if (is_float(into.physical)) into.reals.min = from.reals.min;
  else into.integers.min = from.integers.min;
}
inline void take_max(zone_map& into, const zone_map& from) noexcept {
  if (into.physical == physical_type::text) into.texts.max = from.texts.max, into.text_max_size = from.text_max_size;
  else if (is_float(into.physical)) into.reals.max = from.reals.max;
  else into.integers.max = from.integers.max;
}

/// Surely no number, text or integer among the rows: its absent bounds bound nothing.
inline bool surely_without_numbers(const zone_map& zone) noexcept {
  return zone.row_count == 0 || !zone.may_have_values() || zone.only_nan;
}

inline value_interval interval_of_column(std::span<const zone_map* const> zones, std::uint32_t column,
                                         const data_type& type) noexcept {
  if (column < zones.size() && zones[column] != nullptr) return interval_of(*zones[column]);
  return interval_of(type);
}

/// The first column that a value or node reads, in the order of the operands.
inline std::uint32_t first_column(const bound_predicate& predicate, std::uint32_t value) noexcept {
  const bound_value& node = predicate.values[value];
  switch (node.kind) {
    case bound_value::kind_type::column: return node.column;
    case bound_value::kind_type::literal: return zone_answer::nothing;
    case bound_value::kind_type::convert: return first_column(predicate, node.left);
    case bound_value::kind_type::arithmetic: break;
  }
  const std::uint32_t left = first_column(predicate, node.left);
  return left != zone_answer::nothing ? left : first_column(predicate, node.right);
}
inline std::uint32_t first_column_of_node(const bound_predicate& predicate, std::uint32_t index) noexcept {
  const bound_node& node = predicate.nodes[index];
  std::uint32_t left = zone_answer::nothing;
  switch (node.kind) {
    case bound_node::kind_type::constant: return left;
    case bound_node::kind_type::test: return first_column(predicate, node.left);
    case bound_node::kind_type::negation: return first_column_of_node(predicate, node.left);
    case bound_node::kind_type::compare:
      left = first_column(predicate, node.left);
      return left != zone_answer::nothing ? left : first_column(predicate, node.right);
    case bound_node::kind_type::both:
    case bound_node::kind_type::either: break;
  }
  left = first_column_of_node(predicate, node.left);
  return left != zone_answer::nothing ? left : first_column_of_node(predicate, node.right);
}

}  // namespace detail

PILLAR_API void set_text_bounds(zone_map& zone, std::string_view min, std::string_view max) noexcept {
  zone.texts = {};
  const auto min_size = static_cast<std::uint32_t>(std::min<std::size_t>(min.size(), zone_text::capacity));
  if (min_size != 0) std::memcpy(zone.texts.min.bytes, min.data(), min_size);
  zone.text_min_size = static_cast<std::uint8_t>(min_size);
  zone.has_min = true;
  zone.min_exact = min_size == min.size();

  auto max_size = static_cast<std::uint32_t>(std::min<std::size_t>(max.size(), zone_text::capacity));
  if (max_size != 0) std::memcpy(zone.texts.max.bytes, max.data(), max_size);
  zone.max_exact = max_size == max.size();
  zone.has_max = true;
  if (!zone.max_exact) {  // the successor of the prefix, in place
    while (max_size != 0 && static_cast<unsigned char>(zone.texts.max.bytes[max_size - 1]) == 0xff) --max_size;
    zone.has_max = max_size != 0;
    if (zone.has_max) {
      char& last = zone.texts.max.bytes[max_size - 1];
      last = static_cast<char>(static_cast<unsigned char>(last) + PILLAR_MUTATE(zone_cut_maximum_not_raised, 1, 0));
    }
  }
  zone.text_max_size = static_cast<std::uint8_t>(max_size);
}

PILLAR_API zone_map zone_of(const vector& values) noexcept {
  zone_map zone;
  zone.physical = values.type.physical;
  zone.row_count = values.size;
  zone.null_count_known = true;
  zone.has_nan = false;
  std::uint32_t valid = 0;
  if (values.validity == nullptr) {
    valid = values.size;
  } else {
    for (std::uint32_t word = 0; word * 64 < values.size; ++word)
      valid += static_cast<std::uint32_t>(std::popcount(values.validity_word(word)));
  }
  zone.null_count = values.size - valid;
  if (valid == 0) return zone;
  switch (zone.physical) {
    case physical_type::boolean:
    case physical_type::uint8: detail::bound_integers<std::uint8_t>(values, zone); break;
    case physical_type::int8: detail::bound_integers<std::int8_t>(values, zone); break;
    case physical_type::int16: detail::bound_integers<std::int16_t>(values, zone); break;
    case physical_type::int32: detail::bound_integers<std::int32_t>(values, zone); break;
    case physical_type::int64: detail::bound_integers<std::int64_t>(values, zone); break;
    case physical_type::uint16: detail::bound_integers<std::uint16_t>(values, zone); break;
    case physical_type::uint32: detail::bound_integers<std::uint32_t>(values, zone); break;
    case physical_type::uint64: detail::bound_integers<std::uint64_t>(values, zone); break;
    case physical_type::integer128: detail::bound_integers<int128>(values, zone); break;
    case physical_type::float32: detail::bound_reals<float>(values, zone); break;
    case physical_type::float64: detail::bound_reals<double>(values, zone); break;
    case physical_type::text: detail::bound_texts(values, zone); break;
  }
  return zone;
}

PILLAR_API void merge(zone_map& into, const zone_map& from) noexcept {
  if (from.row_count == 0) return;
  if (into.row_count == 0) {
    into = from;
    return;
  }
  PILLAR_ASSERT(into.physical == from.physical);
  const bool into_bare = detail::surely_without_numbers(into);
  const bool from_bare = detail::surely_without_numbers(from);
  if (into_bare && !from_bare) {
    detail::take_min(into, from), detail::take_max(into, from);
    into.has_min = from.has_min, into.has_max = from.has_max;
    into.min_exact = from.min_exact, into.max_exact = from.max_exact;
  } else if (!into_bare && !from_bare) {
    into.has_min = into.has_min && from.has_min;
    into.has_max = into.has_max && from.has_max;
    if (into.has_min) {
      const int order = detail::compare_mins(from, into);
      if (order < 0) detail::take_min(into, from);
      into.min_exact = order < 0 ? from.min_exact : order > 0 ? into.min_exact : into.min_exact || from.min_exact;
    }
    if (into.has_max) {
      const int order = detail::compare_maxes(from, into);
      if (order > 0) detail::take_max(into, from);
      into.max_exact = order > 0 ? from.max_exact : order < 0 ? into.max_exact : into.max_exact || from.max_exact;
    }
    into.min_exact = into.min_exact && into.has_min;
    into.max_exact = into.max_exact && into.has_max;
  }
  const bool all_nan = (into.only_nan || !into.may_have_values()) && (from.only_nan || !from.may_have_values());
  into.only_nan = all_nan && (into.only_nan || from.only_nan);
  into.has_nan = into.has_nan || from.has_nan;
  into.null_count_known = into.null_count_known && from.null_count_known;
  into.null_count = into.null_count_known ? into.null_count + from.null_count : 0;
  into.row_count += from.row_count;
}

PILLAR_API scalar zone_minimum(const zone_map& zone, const data_type& type) {
  if (!zone.has_min) return scalar::of_null(type);
  if (zone.physical == physical_type::text) return scalar::of_text(type, zone.text_min());
  if (is_float(zone.physical)) return scalar::of_real(type, zone.reals.min);
  return scalar::of_integer(type, zone.integers.min);
}

PILLAR_API scalar zone_maximum(const zone_map& zone, const data_type& type) {
  if (!zone.has_max) return scalar::of_null(type);
  if (zone.physical == physical_type::text) return scalar::of_text(type, zone.text_max());
  if (is_float(zone.physical)) return scalar::of_real(type, zone.reals.max);
  return scalar::of_integer(type, zone.integers.max);
}

PILLAR_API value_interval interval_of(const zone_map& zone) noexcept {
  value_interval out;
  out.physical = zone.physical;
  const bool any = zone.row_count != 0;
  out.may_be_null = any && zone.may_have_nulls();
  out.may_be_value = any && zone.may_have_values() && !zone.only_nan;
  out.may_be_nan = any && is_float(zone.physical) && zone.may_have_values() && zone.has_nan;
  if (zone.physical == physical_type::text) {
    if (zone.has_min) out.text_lo = zone.text_min();
    if (zone.has_max) out.text_hi = zone.text_max(), out.has_text_hi = true;
  } else if (is_float(zone.physical)) {
    if (zone.has_min) out.real_lo = zone.reals.min;
    if (zone.has_max) out.real_hi = zone.reals.max;
  } else {
    out.lo = zone.has_min ? zone.integers.min : lowest_of(zone.physical);
    out.hi = zone.has_max ? zone.integers.max : highest_of(zone.physical);
  }
  return out;
}

PILLAR_API truth_set answer(const domain& test, const zone_map& zone) noexcept {
  return answer(test, interval_of(zone));
}

PILLAR_API void analyze(std::span<const bound_value> nodes, std::span<const zone_map* const> zones,
                        std::vector<value_interval>& out) {
  const auto of_column = [zones](std::uint32_t column, const data_type& type) {
    return detail::interval_of_column(zones, column, type);
  };
  analyze(nodes, of_column, out);
}

namespace detail {
/// The common case without intervals: a range of integers over a plain column whose zone has both bounds.
inline bool settle_integer_range(const bound_predicate& predicate, const bound_node& node,
                                 std::span<const zone_map* const> zones, zone_verdict& out) noexcept {
  if (node.kind != bound_node::kind_type::test || node.test.kind != domain_kind::range || node.test.negated)
    return false;
  const std::uint32_t* column = predicate.plain_column(node);
  if (column == nullptr || *column >= zones.size() || zones[*column] == nullptr) return false;
  const zone_map& zone = *zones[*column];
  if (!is_integer(zone.physical) || zone.physical != node.test.physical || !zone.has_min || !zone.has_max) return false;
  if (zone.integers.max < node.test.lo || zone.integers.min > node.test.hi) out = zone_verdict::none;
  else if (!zone.may_have_nulls() && zone.integers.min >= node.test.lo && zone.integers.max <= node.test.hi)
    out = zone_verdict::all;
  else out = zone_verdict::some;
  return true;
}
}  // namespace detail

PILLAR_API zone_answer answer(const bound_predicate& predicate, std::span<const zone_map* const> zones,
                              zone_scratch& scratch) {
  scratch.values.clear();
  zone_answer out;
  bool all = true;
  for (std::uint32_t i = 0; i < predicate.conjuncts.size(); ++i) {
    zone_verdict what = zone_verdict::some;
    if (!detail::settle_integer_range(predicate, predicate.nodes[predicate.conjuncts[i]], zones, what)) {
      if (scratch.values.empty()) {
        analyze(predicate.values, zones, scratch.values);
        answer(predicate, scratch.values, scratch.truths);
      }
      what = scratch.truths[predicate.conjuncts[i]].verdict();
    }
    if (what == zone_verdict::none) {
      out.what = zone_verdict::none;
      out.conjunct = i;
      out.column = detail::first_column_of_node(predicate, predicate.conjuncts[i]);
      return out;
    }
    if (what == zone_verdict::all && i < 64) out.known_true |= std::uint64_t{1} << i;
    all = all && what == zone_verdict::all;
  }
  if (all) out.what = zone_verdict::all;
  return out;
}

}  // namespace PILLAR_NAMESPACE
