// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::sort, std::unique
#include <limits>
#include <utility>

#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/join/key_domains.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

inline domain empty_domain(physical_type physical) {
  if (physical == physical_type::text) return text_range("", true, "");
  return is_float(physical) ? real_range(physical, 1, 0, false) : integer_range(physical, 1, 0);
}

/// From the least to the greatest key. Requires: not text
inline domain join_key_range(physical_type physical, std::span<const join_part> parts) {
  const join_part& low = parts[0];
  const std::uint64_t highest = low.lowest + low.width;
  if (is_float(physical)) {
    const double least = real_of_join_word(low.lowest), most = real_of_join_word(highest);
    const bool nan = PILLAR_MUTATE(join_range_forgets_nan, most != most, false);
    if (least != least) return real_range(physical, 1, 0, nan);
    return real_range(physical, least, most != most ? std::numeric_limits<double>::infinity() : most, nan);
  }
  if (physical != physical_type::integer128)
    return integer_range(physical, integer_of_join_word(low.lowest, physical), integer_of_join_word(highest, physical));
  const join_part& high = parts[1];
  const int128 unit = int128{1} << 64;
  const int128 first = static_cast<std::int64_t>(high.lowest ^ sign_word) * unit;
  const int128 last = static_cast<std::int64_t>((high.lowest + high.width) ^ sign_word) * unit;
  if (high.width == 0) return integer_range(physical, first + low.lowest, first + highest);
  return integer_range(physical, first, last + ~std::uint64_t{0});
}

/// A packed key's word of a part.
constexpr std::uint64_t unpack_join_word(const join_part& part, std::uint64_t low, std::uint64_t high) noexcept {
  return (((part.lane == 0 ? low : high) >> part.shift) & low_bits(part.bits)) + part.lowest;
}

/// Adds a key that is not text to a list of points.
inline void add_join_point(domain& points, std::span<const join_part> parts, std::uint64_t low, std::uint64_t high) {
  const std::uint64_t word = unpack_join_word(parts[0], low, high);
  if (is_float(points.physical)) {
    const double value = real_of_join_word(word);
    if (value != value) points.nan = true;
    else points.reals.push_back(value);
  } else if (points.physical == physical_type::integer128) {
    const auto upper = static_cast<std::int64_t>(unpack_join_word(parts[1], low, high) ^ sign_word);
    points.integers.push_back(upper * (int128{1} << 64) + word);
  } else {
    points.integers.push_back(integer_of_join_word(word, points.physical));
  }
}

template <class T>
void sort_points(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace detail

/// All keys as points; false if there are more than `most` of them. Requires: one key column
inline bool join_table::list_keys(std::uint32_t most, domain& points) const {
  using namespace detail;
  const join_header& head = header();
  std::uint32_t seen = 0;
  if (mode() == join_mode::array) {
    const auto* entries = at<std::uint32_t>(head.slots_at);
    const auto* ranks = at<join_ranks>(head.slots_at);
    for (std::uint64_t key = 0; key < head.slot_count; ++key) {
      if (head.unique != 0 ? !ranks[key / 64].has(key) : entries[key] == entries[key + 1]) continue;
      if (++seen > most) return false;
      add_join_point(points, parts(), key, 0);
    }
  } else if (mode() == join_mode::packed8) {
    const auto* slots = at<join_slot>(head.slots_at);
    for (std::uint64_t i = 0; i < head.slot_count; ++i) {
      if (slots[i].count == 0) continue;
      if (++seen > most) return false;
      add_join_point(points, parts(), slots[i].key, 0);
    }
  } else {
    const auto* slots = at<wide_join_slot>(head.slots_at);
    for (std::uint64_t i = 0; i < head.slot_count; ++i) {
      if (slots[i].count == 0) continue;
      if (++seen > most) return false;
      if (!parts().empty()) {
        add_join_point(points, parts(), slots[i].low, slots[i].high);
      } else if (mode() == join_mode::packed16) {
        text_slot text;
        std::memcpy(static_cast<void*>(&text), &slots[i], sizeof text);
        const std::uint32_t size = text.size <= text_slot::inline_capacity ? text.size : text_slot::inline_capacity;
        points.texts.emplace_back(text.inlined, size);
      } else {
        const auto* entry = at<char>(head.texts_at + slots[i].high);
        points.texts.emplace_back(entry + sizeof(std::uint32_t), load_unaligned<std::uint32_t>(entry));
      }
    }
  }
  sort_points(points.integers);
  sort_points(points.reals);
  sort_points(points.texts);
  return true;
}

PILLAR_API std::vector<domain> key_domains(const join_table& table, std::uint32_t key, std::uint32_t most_points) {
  PILLAR_ASSERT(key < table.key_types().size());
  const physical_type physical = table.key_types()[key].physical;
  std::vector<domain> made;
  if (table.row_count() == table.null_key_count()) {
    made.push_back(detail::empty_domain(physical));
    return made;
  }
  const bool single = table.key_types().size() == 1;
  if (single) {
    domain points;
    points.kind = domain_kind::points;
    points.physical = physical;
    if (table.list_keys(most_points, points)) {
      made.push_back(std::move(points));
      return made;
    }
  }
  if (physical != physical_type::text) {
    std::size_t first = 0;
    while (table.parts()[first].column != key) ++first;
    made.push_back(detail::join_key_range(physical, table.parts().subspan(first)));
  }
  if (single) {
    domain test;
    test.kind = domain_kind::opaque;
    test.physical = physical;
    test.state = &table;
    test.test = [](const void* state, const vector& values, std::uint64_t* mask) noexcept {
      static_cast<const join_table*>(state)->may_have_partners(values, mask);
    };
    made.push_back(std::move(test));
  }
  return made;
}

}  // namespace PILLAR_NAMESPACE
