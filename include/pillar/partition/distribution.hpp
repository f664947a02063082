// SPDX-License-Identifier: Apache-2.0
/// How a table's rows are spread, as a value that tables keep; and the partitioner that it stands for.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "pillar/base/result.hpp"
#include "pillar/column/scalar.hpp"
#include "pillar/partition/even.hpp"
#include "pillar/partition/key.hpp"
#include "pillar/partition/range.hpp"

namespace PILLAR_NAMESPACE {

/// How rows are spread over slices.
enum class distribution_kind : std::uint8_t {
  even,   ///< by row number
  key,    ///< by the hash of `columns`
  range,  ///< by where `columns`, ascending and NULLs last, lie between `bounds`
  all,    ///< every slice sees every row: one copy, which all workers read
};

/// Schema-erased; columns are indices into the table's schema.
struct distribution {
  distribution_kind kind = distribution_kind::even;
  std::vector<std::uint32_t> columns{};
  std::uint32_t slice_count = 1;
  std::vector<std::vector<scalar>> bounds{};  ///< range: slice_count − 1 bounds
  std::shared_ptr<const bucket_map> map{};    ///< key: nullptr = bucket_map::make_even(slice_count)

  static distribution even(std::uint32_t slice_count) { return {distribution_kind::even, {}, slice_count, {}, {}}; }
  static distribution all() { return {distribution_kind::all, {}, 1, {}, {}}; }
  static distribution by_key(std::vector<std::uint32_t> columns, std::uint32_t slice_count) {
    return {distribution_kind::key, std::move(columns), slice_count, {}, {}};
  }
  static distribution by_range(std::vector<std::uint32_t> columns, std::vector<std::vector<scalar>> bounds) {
    const auto slices = static_cast<std::uint32_t>(bounds.size()) + 1;
    return {distribution_kind::range, std::move(columns), slices, std::move(bounds), {}};
  }
};

/// Any of the models, chosen at run time; `assign` takes the columns that the distribution names, in their order.
///
/// Errors:  make → invalid_argument: no slices, a key or range without columns, or what the model refuses
/// Threads: const
class any_partitioner {
 public:
  PILLAR_API static result<any_partitioner> make(const distribution& from);
  [[nodiscard]] distribution_kind kind() const noexcept { return kind_; }
  [[nodiscard]] std::uint32_t slice_count() const noexcept { return slice_count_; }
  /// The columns to assign by, as indices into the table's schema.
  [[nodiscard]] std::span<const std::uint32_t> columns() const noexcept { return columns_; }
  /// The key model's map; nullptr for other kinds.
  [[nodiscard]] const bucket_map* map() const noexcept { return key_ ? key_->map().get() : nullptr; }
  PILLAR_API result<void> assign(std::span<const vector* const> key_columns, std::uint32_t row_count,
                                 std::uint64_t first_row, std::uint32_t* slice_of_row) const;
  /// Equal models and maps: rows of equal keys lie in slices of equal number, whatever the columns are called.
  friend bool operator==(const any_partitioner& a, const any_partitioner& b) {
    return a.kind_ == b.kind_ && a.slice_count_ == b.slice_count_ && a.columns_.size() == b.columns_.size() &&
           a.key_ == b.key_ && a.range_ == b.range_;
  }

 private:
  any_partitioner() = default;
  distribution_kind kind_ = distribution_kind::even;
  std::uint32_t slice_count_ = 1;
  std::vector<std::uint32_t> columns_{};
  std::optional<key_partitioner> key_{};
  std::optional<range_partitioner> range_{};
};
static_assert(partitioner<any_partitioner>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/partition/impl/distribution.hpp"
#endif
