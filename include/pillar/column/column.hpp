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
/// Layout: `values` as in a flat vector; `validity` as 64-bit words from bit 0, empty = no NULLs; `text_data[i]` is
/// data
///         buffer i of the text slots and `text_pointers[i]` its start
struct column_storage {
  data_type type{};
  std::uint64_t row_count = 0;
  std::uint64_t null_count = 0;
  buffer values{};
  buffer validity{};
  std::vector<buffer> text_data{};
  std::vector<const std::byte*> text_pointers{};
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
  /// Bytes of memory that the column holds, unused capacity included.
  [[nodiscard]] std::uint64_t byte_count() const noexcept {
    if (storage_ == nullptr) return 0;
    std::uint64_t total = storage_->values.size() + storage_->validity.size();
    for (const buffer& data : storage_->text_data) total += data.size();
    return total;
  }

  /// Rows [first, first + count) as a flat view, valid while the column or a copy lives.
  ///
  /// Requires: first + count ≤ size(); a view longer than vector_rows is for code that says it takes one
  [[nodiscard]] vector slice(std::uint64_t first, std::uint32_t count) const noexcept {
    PILLAR_ASSERT(storage_ != nullptr && first <= storage_->row_count && count <= storage_->row_count - first);
    vector view;
    view.type = storage_->type;
    view.size = count;
    view.values = storage_->values.data() + first * byte_width(storage_->type.physical);
    if (storage_->null_count != 0) {
      view.validity = storage_->validity.as<std::uint64_t>() + first / 64;
      view.validity_offset = static_cast<std::uint32_t>(PILLAR_MUTATE(column_slice_drops_offset, first % 64, 0));
    }
    view.buffers = storage_->text_pointers.data();
    return view;
  }

 private:
  std::shared_ptr<const column_storage> storage_{};
};

}  // namespace PILLAR_NAMESPACE
