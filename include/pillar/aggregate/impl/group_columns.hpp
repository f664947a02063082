// SPDX-License-Identifier: Apache-2.0
/// A table's keys as columns, and their hashes.
#pragma once
#include <bit>
#include <cstring>
#include <utility>

#include "pillar/aggregate/group_table.hpp"
#include "pillar/aggregate/impl/group_keys.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"
#include "pillar/hash/column.hpp"

namespace PILLAR_NAMESPACE {

/// The bits of one part of the keys of at most 1,024 groups: those listed from `first` on, or [first, first + count).
inline void group_table::parts_of(const key_part& part, const std::uint32_t* groups, std::uint32_t first,
                                  std::uint32_t count, std::uint64_t* PILLAR_RESTRICT out) const noexcept {
  std::uint32_t numbers[vector_rows];
  for (std::uint32_t i = 0; i < count; ++i) numbers[i] = groups == nullptr ? first + i : groups[first + i];
  for (std::size_t at = stages_.size() - 1; at > part.stage; --at) {  // down to the part's table
    const key_stage& stage = stages_[at];
    for (std::uint32_t i = 0; i < count; ++i)
      numbers[i] =
          static_cast<std::uint32_t>(stage.is_wide ? stage.wide.key(numbers[i]).low : stage.narrow.key(numbers[i]));
  }
  const key_stage& stage = stages_[part.stage];
  if (mode_ == key_mode::array) {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = stage.direct.key(numbers[i]);
  } else if (!stage.is_wide) {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = stage.narrow.key(numbers[i]);
  } else if (part.lane == 0) {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = stage.wide.key(numbers[i]).low;
  } else {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = stage.wide.key(numbers[i]).high;
  }
  const std::uint64_t kept = low_bits(part.bits);
  for (std::uint32_t i = 0; i < count; ++i) out[i] = (out[i] >> part.shift) & kept;
}

inline result<void> group_table::append_groups(std::uint32_t key, const std::uint32_t* groups, std::uint32_t first,
                                               std::uint32_t count, column_builder& out) const {
  const key_column& of = columns_[key];
  const key_part *value = nullptr, *high = nullptr, *null_flag = nullptr;
  for (const key_part& part : parts_) {
    if (part.column != key) continue;
    if (part.what == key_part::form::high_word) high = &part;
    else if (part.what == key_part::form::null_flag) null_flag = &part;
    else value = &part;
  }
  const std::uint64_t before = out.size();
  const auto append_text = [&](const detail::wide_key& text) {
    return detail::text_keys::is_null(text) ? out.append_null() : out.append_text(of.texts->text(text));
  };
  const auto append_part = [&](std::uint32_t begin, std::uint32_t rows) -> result<void> {
    if (value->what == key_part::form::whole_text) {
      for (std::uint32_t i = begin; i < begin + rows; ++i)
        PILLAR_TRY(append_text(stages_[0].wide.key(groups == nullptr ? i : groups[i])));
      return {};
    }
    std::uint64_t words[vector_rows];
    parts_of(*value, groups, begin, rows, words);
    if (value->what == key_part::form::text) {
      for (std::uint32_t i = 0; i < rows; ++i)
        PILLAR_TRY(words[i] == 0 ? out.append_null()
                                 : append_text(of.texts->key(static_cast<std::uint32_t>(words[i]))));
      return {};
    }
    std::uint64_t upper[vector_rows], validity[vector_words];
    for (auto& word : validity) word = ~std::uint64_t{0};
    if (null_flag != nullptr) {
      parts_of(*null_flag, groups, begin, rows, upper);
      for (std::uint32_t i = 0; i < rows; ++i) assign_bit(validity, i, upper[i] == 0);
    }
    if (of.range.known()) {
      const std::uint64_t width = of.width(), lowest = static_cast<std::uint64_t>(of.range.lowest);
      if (types_[key].nullable)
        for (std::uint32_t i = 0; i < rows; ++i) assign_bit(validity, i, words[i] <= width);
      for (std::uint32_t i = 0; i < rows; ++i) words[i] = words[i] > width ? 0 : words[i] + lowest;
    }
    alignas(16) std::byte values[std::size_t{vector_rows} * 16];  // little endian
    switch (byte_width(types_[key].physical)) {
      case 1: detail::narrow_words<std::uint8_t>(words, rows, values); break;
      case 2: detail::narrow_words<std::uint16_t>(words, rows, values); break;
      case 4: detail::narrow_words<std::uint32_t>(words, rows, values); break;
      case 8: detail::narrow_words<std::uint64_t>(words, rows, values); break;
      default:
        parts_of(*high, groups, begin, rows, upper);
        for (std::uint32_t i = 0; i < rows; ++i) {
          store_unaligned(values + std::size_t{i} * 16, words[i]);
          store_unaligned(values + std::size_t{i} * 16 + 8, upper[i]);
        }
    }
    vector view;
    view.type = types_[key];
    view.size = rows;
    view.values = values;
    if (types_[key].nullable) view.validity = validity;
    return out.append(view);
  };
  for (std::uint32_t done = 0; done < count; done += vector_rows) {
    if (auto added = append_part(first + done, count - done < vector_rows ? count - done : vector_rows); !added.ok()) {
      out.truncate(before);
      return added;
    }
  }
  return {};
}

PILLAR_API result<void> group_table::append_keys(std::uint32_t key, std::uint32_t first, std::uint32_t count,
                                                 column_builder& out) const {
  PILLAR_ASSERT(key < types_.size() && std::uint64_t{first} + count <= group_count_);
  return append_groups(key, nullptr, first, count, out);
}
PILLAR_API result<void> group_table::append_keys(std::uint32_t key, std::span<const std::uint32_t> groups,
                                                 column_builder& out) const {
  PILLAR_ASSERT(key < types_.size());
  return append_groups(key, groups.data(), 0, static_cast<std::uint32_t>(groups.size()), out);
}

inline result<void> group_table::hash_groups(const std::uint32_t* groups, std::uint32_t first, std::uint32_t count,
                                             std::uint64_t* out, memory_budget* scratch) const {
  for (std::uint32_t done = 0; done < count; done += vector_rows) {
    const std::uint32_t rows = count - done < vector_rows ? count - done : vector_rows;
    std::vector<column> known;
    std::vector<vector> views;
    std::vector<const vector*> pointers;
    for (std::uint32_t key = 0; key < types_.size(); ++key) {
      column_builder part(types_[key], scratch);
      PILLAR_TRY(append_groups(key, groups, first + done, rows, part));
      PILLAR_ASSIGN_OR_RETURN(column made, part.finish());
      known.push_back(std::move(made));
    }
    for (const column& key : known) views.push_back(key.slice(0, rows));
    for (const vector& view : views) pointers.push_back(&view);
    hash_rows(pointers, rows, out + done);
  }
  return {};
}

PILLAR_API result<void> group_table::hash_keys(std::uint32_t first, std::uint32_t count, std::uint64_t* out,
                                               memory_budget* scratch) const {
  PILLAR_ASSERT(std::uint64_t{first} + count <= group_count_);
  return hash_groups(nullptr, first, count, out, scratch);
}
PILLAR_API result<void> group_table::hash_keys(std::span<const std::uint32_t> groups, std::uint64_t* out,
                                               memory_budget* scratch) const {
  return hash_groups(groups.data(), 0, static_cast<std::uint32_t>(groups.size()), out, scratch);
}

PILLAR_API void group_table::hash_words(std::uint32_t first, std::uint32_t count, std::uint64_t* out) const noexcept {
  PILLAR_ASSERT(stages_.size() == 1 && std::uint64_t{first} + count <= group_count_);
  const auto hash = [&](const auto* keys) {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = std::rotl(detail::table_hash(keys[first + i]), 32);
  };
  const key_stage& stage = stages_[0];
  if (stage.is_wide) return hash(stage.wide.keys());
  if (mode_ != key_mode::array) return hash(stage.narrow.keys());
  for (std::uint32_t i = 0; i < count; ++i)
    out[i] = std::rotl(detail::table_hash(std::uint64_t{stage.direct.codes()[first + i]}), 32);
}

PILLAR_API result<std::vector<column>> group_table::keys(memory_budget* budget) const {
  std::vector<column> made;
  for (std::uint32_t i = 0; i < types_.size(); ++i) {
    column_builder out(types_[i], budget);
    PILLAR_TRY(out.reserve(group_count_));
    PILLAR_TRY(append_keys(i, 0, group_count_, out));
    PILLAR_ASSIGN_OR_RETURN(column done, out.finish());
    made.push_back(std::move(done));
  }
  return made;
}

}  // namespace PILLAR_NAMESPACE
