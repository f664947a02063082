// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>
#include <type_traits>
#include <utility>

#include "pillar/aggregate/sorted_groups.hpp"
#include "pillar/base/bits.hpp"    // load_unaligned
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/column/detail/gather.hpp"
#include "pillar/sort/key.hpp"  // ordered_word

namespace PILLAR_NAMESPACE {

namespace detail {

/// Whether a key is the same in row i of one vector and row j of another of its type.
inline bool same_key(const vector& a, std::uint32_t i, const vector& b, std::uint32_t j) noexcept {
  const bool valid = a.valid(i);
  if (valid != b.valid(j)) return false;
  if (!valid) return true;
  if (a.type.physical == physical_type::text) return a.text_value(i) == b.text_value(j);
  const auto* left = static_cast<const std::byte*>(a.holder().values);
  const auto* right = static_cast<const std::byte*>(b.holder().values);
  const std::size_t at = a.index_of(i), other = b.index_of(j);
  return visit_fixed_width(a.type.physical, [&]<class T>() {
    const T x = load_unaligned<T>(left + at * sizeof(T)), y = load_unaligned<T>(right + other * sizeof(T));
    if constexpr (std::is_floating_point_v<T>)
      return ordered_word(x) == PILLAR_MUTATE(sorted_groups_floats_differ, ordered_word(y), ~ordered_word(y));
    else return x == y;
  });
}

}  // namespace detail

PILLAR_API sorted_groups::sorted_groups(std::span<const data_type> key_types, memory_budget* budget)
    : types_(key_types.begin(), key_types.end()), budget_(budget) {
  for (const data_type& type : types_) keys_.emplace_back(type, budget);
}

PILLAR_API result<void> sorted_groups::find(std::span<const vector* const> keys, const selection_mask& selection,
                                            std::uint32_t row_count, std::uint32_t* group_of_row) {
  PILLAR_ASSERT(keys.size() == types_.size() && row_count <= vector_rows);
  std::uint16_t rows[vector_rows];
  std::uint32_t begins[vector_rows];  // rows that begin a group
  const std::uint32_t count = detail::list_rows(selection.words, rows);
  if (count == 0) return {};
  std::uint32_t found = 0, group = group_count_ - 1;
  for (std::uint32_t i = 0; i < count; ++i) {
    PILLAR_ASSERT(rows[i] < row_count);
    bool same = i != 0 || group_count_ != 0;
    for (std::size_t key = 0; key < keys.size() && same; ++key)
      same = i != 0 ? detail::same_key(*keys[key], rows[i - 1], *keys[key], rows[i])
                    : detail::same_key(open_[key].slice(0, 1), 0, *keys[key], rows[0]);
    if (!same) {
      if (group == 0xfffffffdu) return {errc::limit_exceeded, group};
      begins[found++] = rows[i];
      ++group;
    }
    group_of_row[rows[i]] = group;
  }
  if (found == 0) return {};
  // What may fail is done aside, and taken over at once.
  std::vector<column> open;
  result<void> made;
  for (std::size_t key = 0; key < keys.size() && made.ok(); ++key) {
    column_builder one(types_[key], budget_);
    made = one.append_gather(*keys[key], {begins + found - 1, 1});
    if (!made.ok()) break;
    auto done = one.finish();
    if (done.ok()) open.push_back(*std::move(done));
    else made = done.error();
    if (made.ok()) made = keys_[key].append_gather(*keys[key], {begins, found});
  }
  if (!made.ok()) {
    for (column_builder& key : keys_)
      if (key.size() > group_count_) key.truncate(group_count_);
    return made;
  }
  open_ = std::move(open);
  group_count_ += found;
  return {};
}

PILLAR_API result<std::vector<column>> sorted_groups::take_keys() {
  std::vector<column> made;
  for (column_builder& key : keys_) {
    PILLAR_ASSIGN_OR_RETURN(column done, key.finish());
    made.push_back(std::move(done));
  }
  open_.clear();
  group_count_ = 0;
  return made;
}

}  // namespace PILLAR_NAMESPACE
