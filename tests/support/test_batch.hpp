// SPDX-License-Identifier: Apache-2.0
/// A batch over cells, some of its columns behind a stand-in for a codec that answers as it pleases, within its
/// contract.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/column/batch.hpp"
#include "pillar/expr/domain.hpp"
#include "support/owned_vector.hpp"

namespace pillar_test {

/// The "block" of a column that is not decoded yet: knows its values, and how much it is willing to answer.
struct pretend_block {
  owned_vector values;
  std::vector<pillar::scalar> cells;
  bool answers = true;
  mutable int decodes = 0;
  mutable int matches = 0;

  static const pretend_block& of(const void* block) noexcept { return *static_cast<const pretend_block*>(block); }
  static void decode(const void* block, std::uint32_t, pillar::vector_scratch&, pillar::vector& out) noexcept {
    ++of(block).decodes;
    out = of(block).values.view;
  }
  static pillar::match_answer match(const void* block, std::uint32_t, const pillar::domain& test,
                                    pillar::match_scratch*, std::uint64_t* mask) noexcept {
    const pretend_block& self = of(block);
    ++self.matches;
    if (!self.answers || test.kind == pillar::domain_kind::opaque) return {};
    bool any = false, all = true;
    std::uint64_t bits[pillar::vector_words];
    std::memset(bits, 0xa5, sizeof bits);  // bits of NULL rows are unspecified
    for (std::uint32_t row = 0; row < self.cells.size(); ++row) {
      if (self.cells[row].null) continue;
      const bool inside = test.contains(self.cells[row]);
      pillar::assign_bit(bits, row, inside);
      any |= inside, all &= inside;
    }
    if (!any) return {pillar::verdict::none, pillar::evidence::settled};
    if (all) return {pillar::verdict::all, pillar::evidence::settled};
    std::memcpy(mask, bits, sizeof bits);
    return {pillar::verdict::some, pillar::evidence::encoded};
  }
  static bool validity(const void* block, std::uint32_t, std::uint64_t* words) noexcept {
    const pillar::vector& view = of(block).values.view;
    if (view.validity == nullptr) return false;
    for (std::uint32_t i = 0; i < pillar::vector_words; ++i) words[i] = view.validity_word(i);
    return true;
  }
};
inline constexpr pillar::encoded_operations pretend_operations{&pretend_block::decode, &pretend_block::match, nullptr,
                                                               &pretend_block::validity, nullptr};

/// Columns of cells as a batch with all rows selected.
struct test_batch {
  std::vector<std::unique_ptr<pretend_block>> blocks;
  std::vector<pillar::batch_column> columns;
  pillar::batch view{};

  void add(pillar::data_type type, const std::vector<pillar::scalar>& cells,
           pillar::vector_kind kind = pillar::vector_kind::flat, bool encoded = false, bool answers = true,
           std::uint32_t validity_offset = 0) {
    blocks.push_back(std::make_unique<pretend_block>());
    pretend_block& block = *blocks.back();
    block.values = make_vector(type, cells, kind, validity_offset);
    block.cells = cells;
    block.answers = answers;
    columns.emplace_back();
    if (encoded) {
      columns.back().source = {&pretend_operations, &block, 0};
    } else {
      columns.back().decoded = block.values.view;
      columns.back().has_decoded = true;
    }
    view.row_count = static_cast<std::uint32_t>(cells.size());
    view.selection = pillar::selection_mask::first(view.row_count);
    view.columns = columns;
  }
};

}  // namespace pillar_test
