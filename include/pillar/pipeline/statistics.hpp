// SPDX-License-Identifier: Apache-2.0
/// The account of a query: what every vector of every named column cost, and why the rest was not read.
#pragma once
#include <array>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pillar/join/kind.hpp"  // join_kind

namespace PILLAR_NAMESPACE {

/// What became of a vector, cheapest first. Each vector of a column that the query names counts once, under the dearest
/// that applies.
enum class scan_cause : std::uint8_t {
  skipped_by_zone,       ///< a zone map proved that no row qualifies, or that all do and the values are not needed
  skipped_by_selection,  ///< no row was left when its turn came
  settled,               ///< the block's directory answered: base and width, constant, dictionary
  encoded,               ///< matched or summed in encoded form
  decoded,               ///< decoded
};
/// How many causes there are.
inline constexpr std::size_t scan_cause_count = 5;
/// Numbers of vectors, indexed by scan_cause.
using vectors_by_cause = std::array<std::uint64_t, scan_cause_count>;

/// The cause in words, as accounts print it.
constexpr const char* to_string(scan_cause cause) noexcept {
  constexpr const char* names[] = {"skipped by zone", "skipped by selection", "settled by directory", "matched encoded",
                                   "decoded"};
  return names[static_cast<unsigned>(cause)];
}

/// One block of one named column.
struct block_account {
  std::uint32_t slice = 0;
  std::uint32_t group = 0;   ///< position of the row group in its slice
  std::uint32_t column = 0;  ///< position in the table's schema
  vectors_by_cause vectors{};
  std::uint64_t bytes_read = 0;
  std::uint64_t block_bytes = 0;
};

/// One named column over all its blocks.
struct column_account {
  std::string name;
  std::uint32_t column = 0;
  vectors_by_cause vectors{};
  std::uint64_t blocks = 0;
  std::uint64_t blocks_untouched = 0;  ///< no vector of it was even settled
  std::uint64_t bytes_read = 0;  ///< payload of encoded and decoded vectors; header and directory once one is consulted
  std::uint64_t bytes_unread = 0;
};

/// What became of one join of a query.
struct join_account {
  std::string keys;  ///< "l_orderkey = o_orderkey"
  join_kind kind = join_kind::inner;
  std::string_view mode;              ///< how the table looks keys up; empty where the join may spill
  std::uint64_t build_rows = 0;       ///< of the other side
  std::uint64_t table_bytes = 0;      ///< of the join table; the other side's columns are not in it
  std::uint64_t rows_probed = 0;      ///< of the left side, behind its predicates and what joins' keys said of it
  std::uint64_t rows_out = 0;         ///< before later predicates
  bool may_spill = false;             ///< the other side did not fit, or comes from such a join: its keys say nothing
  std::uint64_t spilled_rows = 0;     ///< then, of both sides, perhaps none; depends on threads
  std::uint64_t spilled_bytes = 0;    ///< as the stores encoded them, if they count by run
  std::vector<std::string> pushed{};  ///< what its keys said of the scanned table's columns
};

/// How the groups were found of a group_by that ends the scan's pass.
struct group_account {
  std::uint64_t rows_by_runs = 0;    ///< that follow a row of their group, or begin it: no table was asked
  std::uint64_t groups_by_runs = 0;  ///< complete with their row group
  std::uint64_t rows_by_table = 0;
  std::uint64_t groups_in_tables = 0;  ///< of all workers together, so that a group may count for each; depends on them
  std::uint64_t rows_waiting = 0;      ///< of rows_by_table: by parts, until all had come; depends on threads
  bool may_spill = false;              ///< then nothing is known of the tables
  std::string_view mode_at_first;      ///< how a table looked keys up, bound from their types and zone maps
  std::string_view mode;               ///< in the end, for the worker of most groups: constant, array, packed, generic
};

/// All numbers of one query's scan of a table. Invariants, per column and in total:
///   Σ vectors = vectors of the column's blocks;  bytes_read + bytes_unread = encoded bytes of the column's blocks.
struct scan_statistics {
  std::uint64_t rows_in_table = 0;
  std::uint64_t rows_selected = 0;  ///< passed the predicate
  std::uint64_t row_groups = 0;
  std::uint64_t row_groups_skipped = 0;  ///< by the block-level zone maps
  std::uint64_t morsels = 0;
  std::uint64_t morsels_stolen = 0;
  std::uint64_t spilled_rows = 0;   ///< that went to run stores, in all stages; depends on threads
  std::uint64_t spilled_bytes = 0;  ///< as the stores encoded them
  std::uint32_t threads = 1;
  std::uint64_t elapsed_ns = 0;
  std::vector<column_account> columns;
  std::vector<block_account> blocks;      ///< ordered by slice, group, column
  std::vector<join_account> joins;        ///< that the scan's rows went through, in their order
  std::optional<group_account> groups{};  ///< of a group_by with keys or a lone count_distinct

  [[nodiscard]] PILLAR_API vectors_by_cause vectors() const noexcept;
  [[nodiscard]] std::uint64_t vectors(scan_cause cause) const noexcept {
    return vectors()[static_cast<std::size_t>(cause)];
  }
  [[nodiscard]] PILLAR_API std::uint64_t vector_count() const noexcept;
  /// Vectors whose payload was read: encoded and decoded.
  [[nodiscard]] PILLAR_API std::uint64_t vectors_read() const noexcept;
  [[nodiscard]] PILLAR_API std::uint64_t bytes_read() const noexcept;
  [[nodiscard]] PILLAR_API std::uint64_t bytes_unread() const noexcept;
};

/// A few lines of text.
PILLAR_API std::ostream& operator<<(std::ostream& out, const scan_statistics& stats);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/pipeline/impl/statistics.hpp"
#endif
