// SPDX-License-Identifier: Apache-2.0
/// Random rows for both sides of a join, and their keys as strings: equal strings are equal keys.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "pillar/column/selection.hpp"
#include "support/key_name.hpp"
#include "support/owned_vector.hpp"

namespace pillar_test {

/// A batch of key columns in vectors of any kind, with a selection.
struct key_batch {
  std::uint32_t row_count = 0;
  std::vector<owned_vector> owned{};
  std::vector<const pillar::vector*> keys{};
  std::vector<std::string> names{};  ///< of each row's key; "" if it holds a NULL
  pillar::selection_mask selection = pillar::selection_mask::none();
};

/// `spread` multiplies 64-bit integers, so that keys are sparse; texts are cut to `longest_text` bytes; `kinds` = 1:
/// flat vectors only.
inline key_batch random_keys(pillar::splitmix64& random, const std::vector<pillar::data_type>& types,
                             std::uint32_t row_count, std::uint64_t distinct, std::size_t longest_text = 1000,
                             bool select_all = false, std::int64_t spread = 1, std::uint64_t kinds = 4) {
  key_batch made;
  made.row_count = row_count;
  made.names.assign(row_count, "");
  std::vector<bool> null(row_count, false);
  for (const auto& type : types) {
    auto cells = random_cells(random, type, row_count, distinct);
    for (auto& cell : cells) {
      if (type.physical == pillar::physical_type::text && cell.text.size() > longest_text)
        cell.text = cell.text.substr(cell.text.size() - longest_text);
      if (type.physical == pillar::physical_type::int64 && spread != 1) cell.integer = cell.integer % 100000 * spread;
    }
    const auto kind = static_cast<pillar::vector_kind>(random.below(kinds));
    if (kind == pillar::vector_kind::constant && row_count != 0) cells.assign(row_count, cells[0]);
    for (std::uint32_t row = 0; row < row_count; ++row) {
      null[row] = null[row] || cells[row].null;
      made.names[row] += cells[row].null ? "" : name_of(cells[row]);
    }
    made.owned.push_back(make_vector(type, cells, kind, type.nullable ? random.below(70) : 0));
  }
  for (std::uint32_t row = 0; row < row_count; ++row)
    if (null[row]) made.names[row].clear();
  for (const auto& column : made.owned) made.keys.push_back(&column.view);
  made.selection = pillar::selection_mask::first(row_count);
  if (!select_all && random.chance(1, 2))
    for (auto& word : made.selection.words) word &= random() | random();
  return made;
}

/// Removes rows whose key has been seen, so that all keys differ.
inline void keep_first_of_each(key_batch& batch, std::set<std::string>& seen) {
  for (std::uint32_t row = 0; row < batch.row_count; ++row)
    if (batch.selection.test(row) && !batch.names[row].empty() && !seen.insert(batch.names[row]).second)
      pillar::assign_bit(batch.selection.words, row, false);
}

}  // namespace pillar_test
