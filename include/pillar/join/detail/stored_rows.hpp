// SPDX-License-Identifier: Apache-2.0
/// Rows that wait in memory until a join knows where they go: all columns, in pieces of equal length, which can be given
/// up one by one.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "pillar/base/memory.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/column.hpp"
#include "pillar/column/selection.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Row `number` lies in piece number / piece_rows. Pieces are columns, so that NULLs, texts and budgets are theirs.
///
/// Errors: append → out_of_memory; nothing was added
class stored_rows {
 public:
  static constexpr unsigned piece_bits = 12;
  static constexpr std::uint32_t piece_rows = 1u << piece_bits;

  stored_rows() = default;
  stored_rows(std::span<const data_type> types, memory_budget* budget)
      : types_(types.begin(), types.end()), budget_(budget) {}

  [[nodiscard]] std::uint64_t row_count() const noexcept { return row_count_; }
  [[nodiscard]] std::size_t piece_count() const noexcept { return pieces_.size(); }

  /// Requires: close() has not been called
  result<void> append(std::span<const vector* const> columns, const selection_mask& rows) {
    PILLAR_ASSERT(sources_.empty());
    const std::uint32_t count = rows.count();
    if (count == 0) return {};
    if (open_.empty()) open_ = make_builders();
    const auto before = static_cast<std::uint32_t>(open_.front().size()), room = piece_rows - before;
    if (count <= room) {
      PILLAR_TRY(append_to(open_, before, columns, rows));
    } else {  // what goes into the next piece first: then one of the two may fail, and nothing has happened
      selection_mask first = selection_mask::none(), rest = rows;
      std::uint32_t taken = 0;
      for_each_row(rows, [&](std::uint32_t row) {
        if (taken++ < room) set_bit(first.words, row), assign_bit(rest.words, row, false);
      });
      std::vector<column_builder> next = make_builders();
      PILLAR_TRY(append_to(next, 0, columns, rest));
      PILLAR_TRY(append_to(open_, before, columns, first));
      PILLAR_TRY(close_piece());
      open_ = std::move(next);
    }
    row_count_ += count;
    return {};
  }

  /// No more rows come: from here on they may be looked at.
  result<void> close() {
    if (!open_.empty()) PILLAR_TRY(close_piece());
    open_ = std::vector<column_builder>();
    sources_.assign(types_.size(), {});
    for (std::size_t i = 0; i < types_.size(); ++i) {
      source& of = sources_[i];
      for (const auto& piece : pieces_) {
        const vector& whole = piece[i].storage()->whole;
        of.values.push_back(static_cast<const std::byte*>(whole.values));
        of.validity.push_back(whole.validity);
        of.has_nulls = of.has_nulls || whole.validity != nullptr;
        of.first_buffer.push_back(static_cast<std::uint32_t>(of.buffers.size()));
        const auto& buffers = piece[i].storage()->text_pointers;
        of.buffers.insert(of.buffers.end(), buffers.begin(), buffers.end());
      }
    }
    return {};
  }

  /// Calls take(vectors, row_count) for all rows of a piece, at most 1,024 at a time.
  template <class Take>
  result<void> for_each_batch(std::size_t piece, Take&& take) const {
    const auto rows = static_cast<std::uint32_t>(pieces_[piece].front().size());
    std::vector<vector> views(types_.size());
    std::vector<const vector*> pointers(types_.size());
    for (std::uint32_t first = 0; first < rows; first += vector_rows) {
      const std::uint32_t count = rows - first < vector_rows ? rows - first : vector_rows;
      for (std::size_t i = 0; i < views.size(); ++i) {
        views[i] = pieces_[piece][i].slice(first, count);
        pointers[i] = &views[i];
      }
      PILLAR_TRY(take(std::span<const vector* const>(pointers), count));
    }
    return {};
  }
  /// Gives a piece's memory back. Requires: nobody asks for its rows again
  void forget(std::size_t piece) noexcept { pieces_[piece].clear(); }

  /// Takes the later half of the pieces away.
  stored_rows split() {
    stored_rows rest(types_, budget_);
    const std::size_t kept = pieces_.size() / 2;
    for (std::size_t i = kept; i < pieces_.size(); ++i) {
      rest.row_count_ += pieces_[i].front().size();
      rest.pieces_.push_back(std::move(pieces_[i]));
    }
    pieces_.resize(kept);
    row_count_ -= rest.row_count_;
    return rest;
  }

  /// Bytes of memory for gather() of a column.
  [[nodiscard]] static std::size_t gather_bytes(const data_type& type) noexcept {
    return vector_rows * byte_width(type.physical) + vector_words * sizeof(std::uint64_t);
  }
  /// The rows `numbers` of a column as a flat vector in `memory`, valid while these rows are. Requires: closed
  [[nodiscard]] vector gather(std::size_t column, const std::uint32_t* numbers, std::uint32_t count,
                              std::byte* memory) const noexcept {
    const source& from = sources_[column];
    vector made;
    made.type = types_[column];
    made.size = count;
    made.values = memory;
    made.buffers = from.buffers.data();
    const auto copy = [&]<class T>() {
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::byte* values = from.values[numbers[i] >> piece_bits];
        T value = load_unaligned<T>(values + std::size_t{numbers[i] & (piece_rows - 1)} * sizeof(T));
        if constexpr (std::is_same_v<T, text_slot>)
          if (value.size > text_slot::inline_capacity)
            value.reference.buffer += from.first_buffer[numbers[i] >> piece_bits];
        store_unaligned(memory + std::size_t{i} * sizeof(T), value);
      }
    };
    if (made.type.physical == physical_type::text) copy.template operator()<text_slot>();
    else visit_fixed_width(made.type.physical, copy);
    if (!from.has_nulls) return made;
    auto* words = reinterpret_cast<std::uint64_t*>(memory + vector_rows * byte_width(made.type.physical));
    for (std::uint32_t word = 0; word < vector_words; ++word) words[word] = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t* validity = from.validity[numbers[i] >> piece_bits];
      if (validity == nullptr || get_bit(validity, numbers[i] & (piece_rows - 1))) set_bit(words, i);
    }
    made.validity = words;
    return made;
  }

 private:
  /// Where a closed column's pieces lie.
  struct source {
    std::vector<const std::byte*> values{};
    std::vector<const std::uint64_t*> validity{};
    std::vector<std::uint32_t> first_buffer{};  ///< of a piece's texts among all buffers
    std::vector<const std::byte*> buffers{};
    bool has_nulls = false;
  };

  [[nodiscard]] std::vector<column_builder> make_builders() const {
    std::vector<column_builder> made;
    made.reserve(types_.size());
    for (const data_type& type : types_) made.emplace_back(type, budget_, static_cast<unsigned>(made.size()));
    return made;
  }
  static result<void> append_to(std::vector<column_builder>& builders, std::uint64_t before,
                                std::span<const vector* const> columns, const selection_mask& rows) {
    for (std::size_t i = 0; i < builders.size(); ++i) {
      const auto done = builders[i].append(*columns[i], &rows);
      if (done.ok()) continue;
      for (std::size_t undone = 0; undone < i; ++undone) builders[undone].truncate(before);
      return done;
    }
    return {};
  }
  result<void> close_piece() {
    std::vector<column> piece;
    for (column_builder& builder : open_) {
      PILLAR_ASSIGN_OR_RETURN(column made, builder.finish());
      piece.push_back(std::move(made));
    }
    pieces_.push_back(std::move(piece));
    return {};
  }

  std::vector<data_type> types_{};
  memory_budget* budget_ = nullptr;
  std::uint64_t row_count_ = 0;
  std::vector<std::vector<column>> pieces_{};  ///< all full but the last
  std::vector<column_builder> open_{};
  std::vector<source> sources_{};
};

}  // namespace PILLAR_NAMESPACE::detail
