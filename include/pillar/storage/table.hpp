// SPDX-License-Identifier: Apache-2.0
/// An in-memory table of encoded row groups, spread over slices, in versions: an append publishes a new version in one
/// step, and a scan keeps the version that it pinned.
#ifndef PILLAR_STORAGE_TABLE_HPP
#define PILLAR_STORAGE_TABLE_HPP
#include <cstdint>
#include <memory>  // std::shared_ptr
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "pillar/base/function_ref.hpp"
#include "pillar/column/column_set.hpp"  // column_set
#include "pillar/column/schema.hpp"      // dynamic_schema
#include "pillar/expr/expression.hpp"    // column_reference
#include "pillar/schedule/executor.hpp"  // executor_ref
#include "pillar/storage/row_group.hpp"

namespace PILLAR_NAMESPACE {

/// A number of slices, spelt out where it stands.
struct slices {
  std::uint32_t count = 1;
};

/// Which slice a row goes to.
struct table_distribution {
  /// How rows are spread.
  enum class kind_type : std::uint8_t { even, key };
  kind_type kind = kind_type::even;
  std::vector<std::string> columns{};
  std::uint32_t slice_count = 1;
};
/// Rows with equal keys share a slice: joins and groupings by the key then stay within slices.
template <fixed_string Name>
table_distribution by_key(column_reference<Name>, slices count) {
  return {table_distribution::kind_type::key, {std::string(Name.view())}, count.count};
}
/// Rows with equal keys in one slice; columns by name.
inline table_distribution by_key(std::vector<std::string> columns, slices count) {
  return {table_distribution::kind_type::key, std::move(columns), count.count};
}
/// Rows go to the slices in turn.
inline table_distribution evenly(slices count) { return {table_distribution::kind_type::even, {}, count.count}; }

/// The order of rows within a slice: by the first column, ties by the next. Each load is sorted by itself.
struct sort_order {
  std::vector<std::string> columns{};
};
/// Sorted by the first column, then the second, and so on.
template <fixed_string... Names>
sort_order compound(column_reference<Names>...) {
  return {{std::string(Names.view())...}};
}
/// The same, columns by name.
inline sort_order compound(std::vector<std::string> columns) { return {std::move(columns)}; }

/// How a table stores its rows.
struct table_options {
  static constexpr std::uint32_t max_slices = 65536;  ///< a bound for mistakes: each append visits them all
  table_distribution distribution{};
  sort_order order{};
  std::uint32_t row_group_rows = 65536;  ///< a multiple of 1,024, at most 65,536
  block_options encoding{};         ///< for every column; `codec` forces one where it fits, else the chooser decides
  memory_budget* budget = nullptr;  ///< charged with encoded blocks; outlives the table
};

/// The row groups of one slice.
struct table_slice {
  std::vector<std::shared_ptr<const row_group>> groups;
  std::uint64_t row_count = 0;
};

/// An immutable snapshot of a table.
struct table_version {
  std::uint64_t number = 0;
  std::uint64_t next_group_id = 1;  ///< no row group of this or an earlier version has it
  std::vector<table_slice> slices;
  [[nodiscard]] std::uint64_t row_count() const noexcept {
    std::uint64_t total = 0;
    for (const auto& slice : slices) total += slice.row_count;
    return total;
  }
  [[nodiscard]] std::uint64_t encoded_bytes() const noexcept {
    std::uint64_t total = 0;
    for (const auto& slice : slices)
      for (const auto& group : slice.groups) total += group->encoded_bytes();
    return total;
  }
};

/// Called with rows encoded so far and rows to encode; may be called from several threads, one at a time.
using load_progress = function_ref<void(std::uint64_t done, std::uint64_t total)>;

/// A schema-erased table.
///
/// Errors:   a bad option (unknown column, zero slices, row_group_rows) is kept and returned by every append
/// Requires: the budget outlives the table and its versions; a table that was moved from is only assigned or destroyed
/// Threads:  version() may be called while one thread appends
class table {
 public:
  PILLAR_API table(dynamic_schema schema, table_options options);
  /// A table that begins with row groups made elsewhere: storage/table_files.hpp.
  ///
  /// Errors: as above, kept; a version of another number of slices likewise
  PILLAR_API table(dynamic_schema schema, table_options options, std::shared_ptr<const table_version> first);
  PILLAR_API ~table();
  PILLAR_API table(table&& other) noexcept;
  PILLAR_API table& operator=(table&& other) noexcept;

  [[nodiscard]] const dynamic_schema& schema() const noexcept { return schema_; }
  [[nodiscard]] const table_options& options() const noexcept { return options_; }
  /// Whether the options fit the schema.
  [[nodiscard]] const absl::Status& status() const noexcept { return status_; }

  /// The current version; keeps it alive.
  [[nodiscard]] PILLAR_API std::shared_ptr<const table_version> version() const;

  /// Distributes, sorts, encodes and publishes rows, all of them or none.
  ///
  /// Units:  fewer than 2^32 rows at a time
  /// Errors: InvalidArgument for another schema, ResourceExhausted; the table is then as before
  /// Cost:   the rows are held decoded until they are published, and once more in the order of the slices; they are put
  ///         in it by one task per column, and encoded by one per slice
  PILLAR_API absl::Status append(const std::vector<column_set>& rows, executor_ref runner,
                                 const load_progress* progress = nullptr);
  PILLAR_API absl::Status append(const column_set& rows);

 private:
  struct published;  // the pointer that versions are swapped through
  dynamic_schema schema_;
  table_options options_;
  absl::Status status_;
  std::unique_ptr<published> published_;
  std::shared_ptr<const row_layout> layout_;  ///< of the row groups that it makes
};

/// A table whose schema the compiler knows: a checked view.
template <typed_schema S>
class typed_table : public table {
 public:
  explicit typed_table(table_options options = {}) : table(describe<S>(), std::move(options)) {}
};

/// Why a table's schema is not the expected one: "column 2 is 'total' as double, expected 'total' as decimal<15, 2>";
/// ok if it is.
PILLAR_API absl::Status check_same_schema(const dynamic_schema& actual, const dynamic_schema& expected);

/// A table seen through a typed schema that it was found to have.
template <typed_schema S>
class typed_view {
 public:
  /// What bind<S>(table) calls; a member, since Clang 16 does not match a constrained friend.
  [[nodiscard]] static absl::StatusOr<typed_view> check(const table& from) {
    if (absl::Status same = check_same_schema(from.schema(), describe<S>()); !same.ok()) return same;
    return typed_view(from);
  }
  [[nodiscard]] const table& of() const noexcept { return *table_; }

 private:
  explicit typed_view(const table& from) noexcept : table_(&from) {}
  const table* table_;
};

/// A checked view of a table whose schema was not known to the compiler: `bind<orders>(table)`.
///
/// Requires: the table outlives the view
/// Errors:   InvalidArgument with the first column that differs
template <typed_schema S>
absl::StatusOr<typed_view<S>> bind(const table& from) {
  return typed_view<S>::check(from);
}
template <typed_schema S>
absl::StatusOr<typed_view<S>> bind(const table&& temporary) = delete;
namespace query {
using pillar::bind;
}  // namespace query

/// How evenly the slices are filled: rows per slice, and the largest over the mean (1 is even).
struct slice_skew {
  std::vector<std::uint64_t> rows;
  double largest_over_mean = 1;
};
/// How evenly the rows lie over the slices.
PILLAR_API slice_skew skew_of(const table_version& version);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/storage/impl/table_version.hpp"
#endif
#endif  // PILLAR_STORAGE_TABLE_HPP

// Behind the guard: pipeline/ leaves the definitions that fill tables out, and who includes this header gets them.
#if defined(PILLAR_HEADER_ONLY) && !defined(PILLAR_STORAGE_READ_ONLY)
#include "pillar/storage/impl/table.hpp"
#endif
