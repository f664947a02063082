// SPDX-License-Identifier: Apache-2.0
/// Collects the build side of a join, batch by batch, and seals it into a join table.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/base/growable.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/selection.hpp"  // selection_mask
#include "pillar/column/text.hpp"       // text_slot
#include "pillar/column/vector.hpp"
#include "pillar/join/join_table.hpp"
#include "pillar/schedule/executor.hpp"  // executor_ref

namespace PILLAR_NAMESPACE {

/// Rows in, a table out.
///
/// Shape:    key columns of row_count ≤ 1,024 rows of the types it was made with, signed integers of any width up to 64
///           bits, nullable ones where a NULL may come
/// Requires: the budget outlives the builder and its table
/// Errors:   make: invalid_argument without key columns. append, append_from and seal: out_of_memory, limit_exceeded
///           (more than most_rows): the builder is then as before, and may be asked again
/// Cost:     append copies 8 bytes for each fixed key column and 16 for each text; seal allocates slots and
///           texts for an estimate of how many different keys there are, and fills them in one pass, two or three if keys
///           repeat; what turns out to be too much is given back where there is room to do so
/// Threads:  one at a time: a builder for each worker, joined by append_from
class join_builder {
 public:
  static constexpr std::uint32_t most_rows = no_row - vector_rows;  ///< so that row numbers of a batch do not wrap
  PILLAR_API static result<join_builder> make(std::span<const data_type> key_types, memory_budget* budget = nullptr);

  /// Room for so many further rows, but for long texts: spares memory where their number is known.
  PILLAR_API result<void> reserve(std::uint32_t more);
  /// The selected rows. Row ids: `row_ids`[row] (Requires: below no_row) or, with nullptr, their number in the order of
  /// arrival, counting selected rows only. One or the other way for all rows of a builder.
  PILLAR_API result<void> append(std::span<const vector* const> keys, const selection_mask& selection,
                                 std::uint32_t row_count, const std::uint32_t* row_ids = nullptr);
  /// All rows of flat vectors of one size, which may be more than 1,024, by the workers of an executor. Ids are numbers in
  /// the order of arrival. Requires: no key is a text, and no vector has a validity bitmap
  PILLAR_API result<void> append_whole(std::span<const vector> keys, executor_ref runner);
  /// All rows of another builder of the same types, behind those that are here; ids that `other` numbered go on from
  /// row_count().
  PILLAR_API result<void> append_from(const join_builder& other);

  [[nodiscard]] std::uint32_t row_count() const noexcept {
    return joinable_count_ + static_cast<std::uint32_t>(null_ids_.size());
  }
  [[nodiscard]] std::span<const data_type> key_types() const noexcept { return types_; }

  /// The table; the builder is then empty and may be used again.
  PILLAR_API result<join_table> seal();
  /// The same by the workers of an executor: the same table for any number of them, which may have keys in other places
  /// than seal()'s.
  PILLAR_API result<join_table> seal(executor_ref runner);

 private:
  struct text_column {
    std::uint32_t column = 0;
    growable<text_slot> slots;  ///< of joinable rows; long texts at byte (buffer << 32 | offset) of
    growable<std::byte> characters;
    std::uint32_t longest = 0;
    [[nodiscard]] std::string_view text(std::uint32_t row) const noexcept {
      const text_slot& slot = slots[row];
      if (slot.size <= text_slot::inline_capacity) return {slot.inlined, slot.size};
      const std::uint64_t from = std::uint64_t{slot.reference.buffer} << 32 | slot.reference.offset;
      return {reinterpret_cast<const char*>(characters.data() + from), slot.size};
    }
  };
  friend class parallel_join_builder;
  struct plan;  ///< of a table: impl/join_plan.hpp
  struct crew;  ///< who seals it
  template <class Slot>
  struct slot_filler;  ///< impl/join_slots.hpp
  /// Of the different keys: how many, and the bytes of their entries in a generic table.
  struct key_estimate {
    std::uint64_t key_count = 0;
    std::uint64_t text_bytes = 0;
  };

  explicit join_builder(memory_budget* budget) noexcept : budget_(budget), ids_(budget), null_ids_(budget) {}
  /// Every row is joinable, and its id its number.
  [[nodiscard]] bool is_numbered() const noexcept { return ids_.empty() && null_ids_.empty() && !given_ids_; }
  result<void> make_ids(std::uint32_t more);
  void clear() noexcept;
  [[nodiscard]] std::uint32_t id_of(std::uint32_t row) const noexcept { return ids_.empty() ? row : ids_[row]; }
  [[nodiscard]] plan make_plan(const crew& workers) const;
  void pack(const plan& how, std::uint32_t first, std::uint32_t count, std::uint64_t* low,
            std::uint64_t* high) const noexcept;
  [[nodiscard]] result<key_estimate> estimate_keys(const plan& how, const crew& workers) const noexcept;
  result<join_table> seal_by(const crew& workers);
  [[nodiscard]] result<join_table> fill(const plan& how, const key_estimate& keys, const crew& workers) const;
  [[nodiscard]] result<buffer> rank_keys(const plan& how, const crew& workers) const noexcept;
  template <class Take>
  void each_array_row(const plan& how, std::uint32_t tasks, std::uint32_t task, const Take& take) const noexcept;
  void fill_array(std::byte* memory, detail::join_header& header, const plan& how, const crew& workers) const noexcept;
  [[nodiscard]] std::uint64_t entry_size(std::uint32_t row) const noexcept;
  void write_entry(std::uint32_t row, std::byte* to) const noexcept;
  [[nodiscard]] bool equals_entry(std::uint32_t row, const std::byte* entry) const noexcept;

  memory_budget* budget_;
  std::vector<data_type> types_{};
  std::vector<detail::join_part> parts_{};        ///< of the columns that are not text
  std::vector<growable<std::uint64_t>> words_{};  ///< of joinable rows, by part
  std::vector<text_column> texts_{};
  growable<std::uint32_t> ids_;       ///< of joinable rows; empty while each is its own number
  growable<std::uint32_t> null_ids_;  ///< of rows with a NULL in their key
  std::uint32_t joinable_count_ = 0;
  std::uint32_t row_limit_ = 0;
  bool given_ids_ = false;
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/join/impl/join_builder.hpp"
#endif
