// SPDX-License-Identifier: Apache-2.0
/// The groups of a table by parts of their keys (of hashes, or places in a range): what is merged part by part.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/aggregate/detail/part_rows.hpp"  // key_parts
#include "pillar/aggregate/group_table.hpp"
#include "pillar/base/buffer.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/vector.hpp"  // vector_rows
#include "pillar/partition/radix_scatter.hpp"
#include "pillar/partition/scatter.hpp"  // scatter_rows

namespace PILLAR_NAMESPACE::detail {

/// The groups whose hashes' upper bits, or whose key_parts, are p are part p: equal keys are in the same part of every
/// table.
class group_parts {
 public:
  /// `by_words`: by the hashes of words, which only tables whose keys have the same words share (has_words_of()).
  /// Errors: out_of_memory
  static result<group_parts> make(const group_table& of, unsigned part_bits, memory_budget* budget,
                                  bool by_words = false) {
    return make_by(of.group_count(), part_bits, budget,
                   [&](std::uint32_t first, std::uint32_t count, std::uint64_t* out) -> result<void> {
                     if (!by_words) return of.hash_keys(first, count, out, budget);
                     of.hash_words(first, count, out);
                     return {};
                   });
  }
  /// The same of numbers that `hash(first, count, out)` gives for the groups.
  template <class Hash>
  static result<group_parts> make_by(std::uint32_t count, unsigned part_bits, memory_budget* budget, const Hash& hash) {
    group_parts made;
    radix_scatter scatter(part_bits);
    made.starts_.assign(std::size_t{scatter.partition_count()} + 1, 0);
    if (count == 0) return made;
    const std::size_t bytes = std::size_t{count} * sizeof(std::uint32_t);
    PILLAR_ASSIGN_OR_RETURN(made.groups_, buffer::allocate(bytes, budget));
    PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(bytes, budget));
    auto* const places = memory.as<std::uint32_t>();  // the part of each group, then its place
    std::uint64_t hashes[vector_rows];
    for (std::uint32_t first = 0; first < count; first += vector_rows) {
      const std::uint32_t rows = count - first < vector_rows ? count - first : vector_rows;
      PILLAR_TRY(hash(first, rows, hashes));
      for (std::uint32_t i = 0; i < rows; ++i) places[first + i] = scatter.partition_of(hashes[i]);
      scatter.count_numbers(places + first, rows);
    }
    scatter.begin();
    scatter.positions_of_numbers(places, count, places);
    auto* const groups = made.groups_.as<std::uint32_t>();
    for (std::uint32_t group = 0; group < count; ++group) groups[places[group]] = group;
    made.starts_.assign(scatter.starts().begin(), scatter.starts().end());
    return made;
  }
  /// By the parts that rows of the same keys have.
  static result<group_parts> make(const group_table& of, const key_parts& by, memory_budget* budget) {
    group_parts made;
    const std::uint32_t count = of.group_count();
    made.starts_.assign(std::size_t{by.count()} + 1, 0);
    if (count == 0) return made;
    const std::size_t bytes = std::size_t{count} * sizeof(std::uint32_t);
    PILLAR_ASSIGN_OR_RETURN(made.groups_, buffer::allocate(bytes, budget));
    PILLAR_ASSIGN_OR_RETURN(buffer parts, buffer::allocate(bytes, budget));
    std::uint16_t rows[vector_rows];
    for (std::uint32_t i = 0; i < vector_rows; ++i) rows[i] = static_cast<std::uint16_t>(i);
    for (std::uint32_t first = 0; first < count; first += vector_rows) {
      const std::uint32_t groups = count - first < vector_rows ? count - first : vector_rows;
      std::vector<column> known;
      std::vector<vector> views;
      std::vector<const vector*> keys;
      for (std::uint32_t key = 0; key < of.key_types().size(); ++key) {
        column_builder out(of.key_types()[key], budget);
        PILLAR_TRY(of.append_keys(key, first, groups, out));
        PILLAR_ASSIGN_OR_RETURN(column done, out.finish());
        known.push_back(std::move(done));
      }
      for (const column& key : known) views.push_back(key.slice(0, groups));
      for (const vector& view : views) keys.push_back(&view);
      by.find(keys, groups, rows, groups, parts.as<std::uint32_t>() + first);
    }
    scatter_rows(parts.as<std::uint32_t>(), count, by.count(), made.groups_.as<std::uint32_t>(), made.starts_.data());
    return made;
  }
  [[nodiscard]] std::span<const std::uint32_t> of(std::uint32_t part) const noexcept {
    return {groups_.as<std::uint32_t>() + starts_[part], starts_[part + 1] - starts_[part]};
  }

 private:
  buffer groups_{};
  std::vector<std::uint32_t> starts_{};
};

}  // namespace PILLAR_NAMESPACE::detail
