// SPDX-License-Identifier: Apache-2.0
/// Where few rows of each vector pass a filter, the rows of many vectors are fetched into one batch, so that the work
/// per batch is paid once and not once per vector.
#pragma once
#include <cstring>
#include <memory>
#include <utility>  // std::exchange
#include <vector>

#include "pillar/base/mutant.hpp"
#include "pillar/codec/codec.hpp"  // fetch_worth_it
#include "pillar/column/batch.hpp"
#include "pillar/column/schema.hpp"
#include "pillar/filter/evaluate.hpp"    // value_slot
#include "pillar/filter/vector_run.hpp"  // vector_run
#include "pillar/simd/selection.hpp"     // sparse_mask_to_selection

namespace PILLAR_NAMESPACE::detail {

/// Rows of several vectors of one run, at most 1,024 together; a worker's.
class gathered_rows {
 public:
  static constexpr std::uint32_t few = fetch_worth_it;  ///< of a vector; beyond it a codec decodes all 1,024

  /// Requires: `columns`, the source columns to fetch, are of fixed width
  void prepare(std::span<const std::uint32_t> columns, const dynamic_schema& source) {
    columns_.clear();
    for (const std::uint32_t c : columns) columns_.push_back({c, source[c].type, std::make_unique<value_slot>()});
  }

  [[nodiscard]] bool any() const noexcept { return row_count_ != 0; }
  enum class outcome : std::uint8_t { taken, no_room, too_many };
  /// Takes the rows of a vector if they are few, and asks the memory for them where nobody has read the column yet:
  /// they lie on lines that no prefetcher foresees.
  outcome add(std::uint32_t v, const selection_mask& rows, const vector_run& run) noexcept {
    if (rows.count() > few) return outcome::too_many;  // before they are listed
    const std::uint32_t count = sparse_mask_to_selection(rows.words, vector_rows, rows_ + row_count_);
    if (row_count_ + count > vector_rows) return outcome::no_room;
    parts_[part_count_++] = {v, row_count_, count};
    for (const gathered& column : columns_) {
      const encoded_vector source = run.vector_at(column.column, v);
      if (run.touched[column.column].dearest(v) < evidence::encoded && source.operations->prefetch_rows != nullptr)
        source.operations->prefetch_rows(source.block, source.index, rows_ + row_count_, count);
    }
    row_count_ += count;
    return outcome::taken;
  }

  /// The row within its vector of gathered row i.
  [[nodiscard]] std::uint32_t row_of(std::uint32_t i) const noexcept { return rows_[i]; }

  /// Fetches the columns of all rows into `out`, as a batch of flat columns, and begins anew.
  void fetch(vector_run& run, batch& out) {
    for (const gathered& column : columns_) fetch_column(column, run, out);
    out.row_count = row_count_;
    out.selection = selection_mask::first(row_count_);
    row_count_ = part_count_ = 0;
  }

 private:
  struct part {
    std::uint32_t vector;
    std::uint32_t begin;
    std::uint32_t count;
  };

  struct gathered {
    std::uint32_t column;
    data_type type;
    std::unique_ptr<value_slot> slot;
  };

  void fetch_column(const gathered& what, vector_run& run, batch& out) {
    batch_column& to = out.columns[what.column];
    const bool was_narrow = std::exchange(to.narrow, false);  // one type for all parts
    bool has_nulls = false;
    std::memset(what.slot->validity, 0xff, sizeof what.slot->validity);
    for (std::uint32_t p = 0; p < part_count_; ++p) {
      to.source = run.vector_at(what.column, parts_[p].vector);
      to.has_decoded = false;
      run.touched[what.column].decoded |= std::uint64_t{1} << parts_[p].vector;
      if (fetch_part(what, parts_[p], to.source, has_nulls)) continue;
      pick(what, parts_[p], out.column(what.column), has_nulls);
    }
    to.source = {};
    to.decoded = vector{};
    to.decoded.type = what.type;
    to.decoded.size = row_count_;
    to.decoded.values = what.slot->values;
    if (has_nulls) to.decoded.validity = what.slot->validity;
    to.has_decoded = true;
    to.narrow = was_narrow;
  }

  /// The rows of one vector straight from its codec; false = decode it.
  bool fetch_part(const gathered& what, const part& from, const encoded_vector& source, bool& has_nulls) noexcept {
    if (source.operations->decode_rows == nullptr) return false;
    std::uint64_t valid[vector_words];
    bool part_has_nulls = false;
    if (!source.operations->decode_rows(source.block, source.index, rows_ + from.begin, from.count,
                                        what.slot->values + from.begin * byte_width(what.type.physical), valid,
                                        part_has_nulls))
      return false;
    if (!part_has_nulls) return true;
    has_nulls = true;
    for (std::uint32_t i = 0; i < from.count; ++i)
      assign_bit(what.slot->validity, from.begin + i, PILLAR_MUTATE(gathered_nulls_lost, get_bit(valid, i), true));
    return true;
  }

  /// The rows of one vector from its decoded values.
  void pick(const gathered& what, const part& from, const vector& values, bool& has_nulls) noexcept {
    const std::size_t width = byte_width(what.type.physical);
    const auto* at = values.holder().values_as<std::byte>();
    for (std::uint32_t i = from.begin; i < from.begin + from.count; ++i) {
      const bool valid = values.valid(rows_[i]);
      assign_bit(what.slot->validity, i, valid);
      has_nulls |= !valid;
      if (valid) std::memcpy(what.slot->values + i * width, at + values.index_of(rows_[i]) * width, width);
    }
  }

  std::vector<gathered> columns_;
  std::uint32_t row_count_ = 0;
  std::uint32_t part_count_ = 0;
  part parts_[vector_run::capacity];
  std::uint16_t rows_[vector_rows + few + sparse_selection_slack];  ///< room for a vector that turns out to be too much
};

}  // namespace PILLAR_NAMESPACE::detail
