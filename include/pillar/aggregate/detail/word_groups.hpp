// SPDX-License-Identifier: Apache-2.0
/// The groups of a table by parts of their keys' words (key_words.hpp), and as many more parts, by hashes of the keys, of
/// those that have none.
#pragma once
#include <bit>  // std::countr_zero
#include <cstdint>
#include <cstring>  // std::memchr
#include <span>
#include <vector>

#include "pillar/aggregate/detail/key_search.hpp"  // table_hash
#include "pillar/aggregate/detail/key_words.hpp"
#include "pillar/aggregate/group_table.hpp"
#include "pillar/base/buffer.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/vector.hpp"      // vector_rows
#include "pillar/partition/scatter.hpp"  // scatter_rows

namespace PILLAR_NAMESPACE::detail {

/// The part of a word: bits of its hash that tables do not go by.
[[nodiscard]] PILLAR_ALWAYS_INLINE std::uint32_t part_of_word(std::uint64_t word, std::uint32_t part_count) noexcept {
  return static_cast<std::uint32_t>(table_hash(word)) & (part_count - 1);
}

/// Upper bits of a hash. Requires: part_count ≥ 2, a power of two
[[nodiscard]] inline std::uint32_t part_of_hash(std::uint64_t hash, std::uint32_t part_count) noexcept {
  return static_cast<std::uint32_t>(hash >> (64 - static_cast<unsigned>(std::countr_zero(part_count))));
}

class word_groups {
 public:
  /// `part_count`: a power of two. Errors: out_of_memory
  static result<word_groups> make(const group_table& of, const key_words& by, std::uint32_t part_count,
                                  memory_budget* budget) {
    word_groups made;
    const std::uint32_t count = of.group_count();
    made.starts_.assign(2 * std::size_t{part_count} + 1, 0);
    if (count == 0) return made;
    const std::size_t bytes = std::size_t{count} * sizeof(std::uint32_t);
    PILLAR_ASSIGN_OR_RETURN(made.groups_, buffer::allocate(bytes, budget));
    PILLAR_ASSIGN_OR_RETURN(made.words_, buffer::allocate(2 * bytes, budget));
    PILLAR_ASSIGN_OR_RETURN(buffer parts, buffer::allocate(bytes, budget));
    PILLAR_ASSIGN_OR_RETURN(buffer words, buffer::allocate(2 * bytes, budget));
    std::uint8_t known[vector_rows];
    for (std::uint32_t first = 0; first < count; first += vector_rows) {
      const std::uint32_t groups = count - first < vector_rows ? count - first : vector_rows;
      std::vector<column> columns;
      std::vector<vector> views;
      std::vector<const vector*> keys;
      for (std::uint32_t key = 0; key < of.key_types().size(); ++key) {
        column_builder out(of.key_types()[key], budget);
        PILLAR_TRY(of.append_keys(key, first, groups, out));
        PILLAR_ASSIGN_OR_RETURN(column done, out.finish());
        columns.push_back(std::move(done));
      }
      for (const column& key : columns) views.push_back(key.slice(0, groups));
      for (const vector& view : views) keys.push_back(&view);
      std::uint64_t* const found = words.as<std::uint64_t>() + first;
      by.find(keys, groups, found, known);
      std::uint64_t hashes[vector_rows];
      if (std::memchr(known, 0, groups) != nullptr) PILLAR_TRY(of.hash_keys(first, groups, hashes, budget));
      for (std::uint32_t i = 0; i < groups; ++i)
        parts.as<std::uint32_t>()[first + i] =
            known[i] != 0 ? part_of_word(found[i], part_count)
                          : part_count + PILLAR_MUTATE(word_groups_in_one_part, part_of_hash(hashes[i], part_count), 0);
    }
    auto* const groups = made.groups_.as<std::uint32_t>();
    scatter_rows(parts.as<std::uint32_t>(), count, 2 * part_count, groups, made.starts_.data());
    for (std::uint32_t i = 0; i < count; ++i) made.words_.as<std::uint64_t>()[i] = words.as<std::uint64_t>()[groups[i]];
    return made;
  }
  [[nodiscard]] std::span<const std::uint32_t> of(std::uint32_t part) const noexcept {
    return {groups_.as<std::uint32_t>() + starts_[part], starts_[part + 1] - starts_[part]};
  }
  [[nodiscard]] const std::uint64_t* words(std::uint32_t part) const noexcept {
    return words_.as<std::uint64_t>() + starts_[part];
  }

 private:
  buffer groups_{};
  buffer words_{};  ///< of these
  std::vector<std::uint32_t> starts_{};
};

}  // namespace PILLAR_NAMESPACE::detail
