// SPDX-License-Identifier: Apache-2.0
/// An immutable column of any length that owns its values; copies share them.
#pragma once
#include <cstdint>
#include <memory>  // std::shared_ptr
#include <utility>
#include <vector>

#include "pillar/base/buffer.hpp"    // buffer
#include "pillar/base/mutant.hpp"    // PILLAR_MUTATE
#include "pillar/column/vector.hpp"  // vector

namespace PILLAR_NAMESPACE {

/// What a column owns. Made by column_builder, or by a source that already has the bytes in this layout.
///
/// Layout: `whole` is a view of all rows, whatever their number, over the memory that the other members own or keep
///         alive. column_builder makes flat ones: `values` and `validity` as in a flat vector, from bit 0, and
///         data buffer i of the text slots at `text_pointers[i]` with `text_bytes[i]` bytes in use
struct column_storage {
  data_type type{};
  std::uint64_t row_count = 0;
  std::uint64_t null_count = 0;
  vector whole{};
  buffer values{};    ///< codes of a dictionary column, run ends of a run-end column
  buffer validity{};  ///< empty if there are no NULLs
  std::vector<buffer> text_data{};
  std::vector<const std::byte*> text_pointers{};
  std::vector<std::uint64_t> text_bytes{};
  std::shared_ptr<const column_storage> entries{};  ///< of a dictionary or of runs: a flat column
  std::shared_ptr<const void> owner{};              ///< keeps memory alive that nobody here counts or frees

  /// Bytes of memory that are held, unused capacity included, others' memory not.
  [[nodiscard]] std::uint64_t byte_count() const noexcept {
    std::uint64_t total = values.size() + validity.size() + (entries == nullptr ? 0 : entries->byte_count());
    for (const buffer& data : text_data) total += data.size();
    return total;
  }
};

/// One column: a shared pointer to storage that nobody changes any more.
///
/// Requires: a memory budget that the storage counts against outlives every copy
/// Threads:  all const members may be called concurrently
/// Cost:     a copy is one atomic increment; a slice touches no values
class column {
 public:
  column() noexcept = default;
  explicit column(std::shared_ptr<const column_storage> storage) noexcept : storage_(std::move(storage)) {}

  /// Requires: not default-constructed, for type() and slice()
  [[nodiscard]] const data_type& type() const noexcept {
    PILLAR_ASSERT(storage_ != nullptr);
    return storage_->type;
  }
  [[nodiscard]] std::uint64_t size() const noexcept { return storage_ == nullptr ? 0 : storage_->row_count; }
  [[nodiscard]] std::uint64_t null_count() const noexcept { return storage_ == nullptr ? 0 : storage_->null_count; }
  /// Bytes of memory that the column holds, unused capacity included; memory that it shares with others is not counted.
  [[nodiscard]] std::uint64_t byte_count() const noexcept { return storage_ == nullptr ? 0 : storage_->byte_count(); }
  [[nodiscard]] const std::shared_ptr<const column_storage>& storage() const noexcept { return storage_; }

  /// Rows [first, first + count) as a view of the column's kind, valid while the column or a copy lives. A column that
  /// a column_builder made is flat.
  ///
  /// Requires: first + count ≤ size(); a view longer than vector_rows is for code that says it takes one
  /// Cost:     O(1); two searches in the run ends of a run-end column
  [[nodiscard]] vector slice(std::uint64_t first, std::uint32_t count) const noexcept {
    PILLAR_ASSERT(storage_ != nullptr && first <= storage_->row_count && count <= storage_->row_count - first);
    vector view = storage_->whole;
    view.size = count;
    if (view.kind == vector_kind::run_end) {
      view.run_offset += static_cast<std::uint32_t>(first);
      if (count == 0) return view;
      view.first_run = storage_->whole.run_of(static_cast<std::uint32_t>(first));
      view.run_count = storage_->whole.run_of(static_cast<std::uint32_t>(first + count - 1)) - view.first_run + 1;
      return view;
    }
    if (view.kind == vector_kind::flat)
      view.values = static_cast<const std::byte*>(view.values) + first * byte_width(view.type.physical);
    else view.codes += first;
    if (view.validity != nullptr) {
      const std::uint64_t bit = first + view.validity_offset;
      view.validity += bit / 64;
      view.validity_offset = static_cast<std::uint32_t>(PILLAR_MUTATE(column_slice_drops_offset, bit % 64, 0));
    }
    return view;
  }

 private:
  std::shared_ptr<const column_storage> storage_{};
};

}  // namespace PILLAR_NAMESPACE
