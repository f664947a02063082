// SPDX-License-Identifier: Apache-2.0
/// Joining inside a memory budget: rows of the build side stay in memory while they fit; of what does not, both sides
/// go to a run store, partition by partition.
///
///     auto join = spilling_join::make({build_types, {0}}, {probe_types, {2}}, join_kind::left, &budget, {.store = &runs});
///     for (each batch of one side) join->append(columns, selection, row_count);
///     join->seal();
///     for (each batch of the other) join->probe(columns, selection, row_count, take);
///     join->finish(take);                           // what was spilled, and build rows without partners
///
/// A row belongs to a partition by the uppermost bits of its key's hash. When memory ends, the upper half of the
/// partitions that are still in memory is written out, and from then on their rows as they come: each row of either
/// side once. Rows of the other partitions never leave memory, and are joined as they are probed. At the end each
/// spilled partition is read back and joined. Where its build rows do not fit, as many as do are joined with all of the
/// partition's probe rows, then the next, and a bit for each probe row says whether it has had a partner: a partition
/// of a single key is no special case, and nothing is written a second time.
#pragma once
#include <cstdint>
#include <memory>  // std::unique_ptr
#include <optional>
#include <span>
#include <vector>

#include "pillar/base/buffer.hpp"
#include "pillar/base/function_ref.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/memory.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/run_store.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/join/detail/stored_rows.hpp"
#include "pillar/join/join_builder.hpp"
#include "pillar/join/join_cursor.hpp"
#include "pillar/join/join_table.hpp"
#include "pillar/schedule/executor.hpp"  // executor_ref

namespace PILLAR_NAMESPACE {

/// One side of a join: the types of its columns, and which of them are the key.
struct join_side {
  std::vector<data_type> types{};
  std::vector<std::uint32_t> keys{};
};

/// Up to 1,024 rows of a join, valid while they are being taken.
///
/// Layout: a vector for each column of a side. Where rows have no partner the other side's are constant NULLs. `build`
///         is empty for kinds that give probe rows only: semi, anti, mark. Vectors are of any kind,
///         and their types of the sides', nullable
struct joined_rows {
  std::uint32_t row_count = 0;
  selection_mask rows = selection_mask::none();  ///< which of them are in the answer
  std::span<const vector> probe{};
  std::span<const vector> build{};
  selection_mask is_true = selection_mask::none();  ///< mark kinds: the mark of each row
  selection_mask is_null = selection_mask::none();
  std::uint32_t worker = 0;  ///< who has them; what one thread finishes is the first one's
  /// Build rows that have met these rows of the probe side before: of a partition whose build rows are joined part by
  /// part, those of the parts before this one. So a row's partners are numbered by this and how many came since.
  std::uint64_t build_rows_before = 0;
  /// Where `probe` is nobody: the number of the first of these rows among such rows; numbers ascend, with gaps, and are
  /// the same whoever finishes the join.
  std::uint64_t first_unmatched = 0;
};

/// A further condition on pairs that agree in their keys: removes from `kept` those that do not satisfy it.
using joined_condition = function_ref<result<void>(const joined_rows& pairs, selection_mask& kept)>;

/// Asked whether work that delivers nothing for a while may go on; an error ends it.
using join_permission = function_ref<result<void>()>;

/// What a spilling_join may use.
struct spilling_join_options {
  run_store* store = nullptr;      ///< outlives the join; nullptr: it does not spill
  std::uint64_t state_bytes = 0;   ///< of rows in memory and their table, about; 0: no limit of their own. In any case
                                   ///< at most three quarters of what others leave of the budget's limit (say a number
                                   ///< where only budgets above it have one). The rest is for the store's write
                                   ///< buffers, for encoding and reading back
  unsigned partition_bits = 5;     ///< 2^bits partitions, 1 to 8 bits
  std::uint32_t worker_count = 1;  ///< that probe; more than one need a shared_run_store
  const joined_condition* condition = nullptr;  ///< outlives the join; asked by several workers at a time
  const join_permission* may_go_on = nullptr;   ///< outlives the join; asked before each partition and each batch that
                                                ///< finish reads back, and for each 4,096 rows that are written out or
                                                ///< put into a table
};

/// Shape:    batches of ≤ 1,024 rows, vectors of any kind, of the side's types but for nullability
/// Errors:   make: invalid_argument: no key columns, not as many on both sides or of other physical types (signed
///           integers up to 64 bits may differ in width), a null-aware kind with several key columns or with a
///           condition. Those of the store, of the condition and of `take`. out_of_memory without a store: append, seal
///           and probe leave all as before the call (of probe, pairs may have been taken). With one: where a budget
///           cannot hold 4,096 rows and their table, or where others take what was left free for the store. An error of
///           finish, or of any call after something was spilled, is final, and comes back from every later call (of
///           probe: from that worker's, and from finish)
/// Cost:     in memory a join_table's, and a copy of the build side's rows; 1 ns and more for each column of a pair.
///           For a spilled row the hash of its key and what the store costs. A partition's probe rows are read once for
///           each part of its build rows that fits
/// Threads:  probe of different workers concurrently, each worker's by one thread at a time; all else alone. finish by an
///           executor calls `take`, the condition and may_go_on from several threads
class spilling_join {
 public:
  using delivery = function_ref<result<void>(const joined_rows& rows)>;

  spilling_join(spilling_join&&) noexcept = default;
  /// Drops what is left of its runs.
  PILLAR_API ~spilling_join();

  /// Requires: partition_bits in [1, 8], worker_count > 0
  PILLAR_API static result<spilling_join> make(const join_side& build, const join_side& probe, join_kind kind,
                                               memory_budget* budget, const spilling_join_options& options);

  /// Rows of the build side. Requires: seal() has not been called
  PILLAR_API result<void> append(std::span<const vector* const> columns, const selection_mask& selection,
                                 std::uint32_t row_count);
  /// All build rows are there. After out_of_memory it may be asked again if nothing was spilled.
  PILLAR_API result<void> seal();
  /// Rows of the probe side: `take` gets what is in memory at once, the rest at the end.
  ///
  /// Requires: seal() succeeded; worker < worker_count
  PILLAR_API result<void> probe(std::span<const vector* const> columns, const selection_mask& selection,
                                std::uint32_t row_count, delivery take, std::uint32_t worker = 0);
  /// What is left; then there is nothing here any more.
  PILLAR_API result<void> finish(delivery take);
  /// The same by the workers of an executor, a partition at a time each: rows of one key come in their order, and one
  /// worker has them; those of different keys come in any order. Partitions of which not all workers' fit into memory
  /// together, each whole, are left to the calling thread, which takes one after the other.
  ///
  /// Requires: for more than one worker as many as worker_count says; a shared_run_store
  PILLAR_API result<void> finish(delivery take, executor_ref runner);

  /// How many partners a row has at most, as far as build rows are known: after seal(). `exactly`: of the rows in
  /// memory looked up, as join_table::most_partners.
  [[nodiscard]] PILLAR_API std::uint64_t most_partners(bool exactly) const noexcept;
  /// Rows of either side that went to the store.
  [[nodiscard]] PILLAR_API std::uint64_t spilled_rows() const noexcept;
  /// Their bytes there, once finish() was called, if the store counts by run.
  [[nodiscard]] std::uint64_t spilled_bytes() const noexcept { return spilled_bytes_; }
  /// Times that a partition's probe rows were read again because its build rows did not fit.
  [[nodiscard]] std::uint64_t repeated_reads() const noexcept { return repeated_reads_; }

 private:
  static constexpr std::uint32_t no_run = ~std::uint32_t{0};

  /// Build rows in memory and the table of their keys. It stays where it is: cursors refer to it.
  struct loaded {
    memory_budget* budget = nullptr;  ///< of them
    detail::stored_rows rows{};
    std::optional<join_table> table{};
    std::uint64_t rows_before = 0;  ///< of the same partition, that were joined before
  };
  /// One side's runs by partition.
  struct spilled_side {
    std::vector<std::uint32_t> runs{};
    std::vector<std::uint64_t> row_counts{};
  };
  /// What one worker probes with.
  struct prober {
    std::uint32_t number = 0;
    std::optional<join_matches> matches{};  ///< of the build rows at hand
    std::optional<join_cursor> cursor{};
    std::vector<const vector*> keys{};  ///< of the batch at hand
    buffer scratch{};                   ///< what joined_rows refer to
    std::vector<vector> probe_views{};
    std::vector<vector> build_views{};
    std::vector<vector> sources{};            ///< what views of the probe side index
    std::vector<std::uint64_t> row_counts{};  ///< that it has written, by partition
    std::uint64_t unmatched = 0;              ///< the number of the next build row without a partner
    failure failed{};
  };

  spilling_join() = default;
  [[nodiscard]] std::uint32_t partition_count() const noexcept { return 1u << options_.partition_bits; }
  [[nodiscard]] std::uint32_t partition_of(std::uint64_t hash) const noexcept {
    return static_cast<std::uint32_t>(hash >> (64 - options_.partition_bits));
  }
  [[nodiscard]] bool spills() const noexcept { return resident_ != partition_count(); }
  result<void> remember(result<void> done) noexcept;
  [[nodiscard]] result<void> may_go_on() const;
  result<void> open_runs(spilled_side& side, std::span<const data_type> types, std::uint32_t first);
  void drop(spilled_side& side) noexcept;
  void count_bytes(const spilled_side& side) noexcept;
  static void list_keys(std::span<const vector* const> columns, const join_side& side,
                        std::vector<const vector*>& keys);
  [[nodiscard]] static selection_mask joinable(std::span<const vector* const> keys,
                                               const selection_mask& rows) noexcept;
  result<void> write(const spilled_side& side, std::vector<std::uint64_t>& row_counts,
                     std::span<const vector* const> columns, const selection_mask& rows,
                     const selection_mask& null_keys, const std::uint64_t* hashes, std::uint32_t row_count);
  result<void> add(std::span<const vector* const> columns, const selection_mask& selection,
                   const selection_mask& null_keys, std::uint32_t row_count);
  result<void> give_up(std::uint32_t resident);
  [[nodiscard]] bool fits(std::uint64_t held, std::uint64_t row_count, std::uint32_t sharing) const noexcept;
  [[nodiscard]] std::uint64_t needed_bytes(std::uint64_t held, std::uint64_t row_count) const noexcept;
  result<void> make_table(prober& by, loaded& of);
  result<void> make_ready(prober& by, const loaded& with);
  result<void> load(prober& by, loaded& of);
  void gather_build(prober& by, const loaded& of, const std::uint32_t* rows, std::uint32_t count,
                    std::byte* memory) const;
  [[nodiscard]] joined_rows pairs(prober& by, const loaded& of, std::span<const vector* const> columns,
                                  std::span<const std::uint32_t> probe_rows, std::span<const std::uint32_t> build_rows);
  [[nodiscard]] joined_rows without_partners(prober& by, std::span<const vector* const> columns,
                                             const selection_mask& rows, std::uint32_t row_count);
  result<void> join_batch(prober& by, const loaded& with, std::span<const vector* const> columns,
                          const selection_mask& rows, std::uint32_t row_count, std::uint64_t* seen, bool last,
                          delivery take);
  result<void> deliver_unmatched(prober& by, const loaded& of, delivery take);
  result<void> deliver_run(prober& by, std::uint32_t run, delivery take);
  result<void> finish_partition(prober& by, std::uint32_t partition, delivery take, std::uint32_t sharing);
  [[nodiscard]] bool has_room_for_readers(std::uint32_t worker_count) const noexcept;
  result<void> finish_side_by_side(executor_ref runner, delivery take);
  void drop(std::uint32_t partition) noexcept;
  [[nodiscard]] std::uint64_t number_of(std::uint32_t partition) const noexcept;
  result<void> finish_all(delivery take, const executor_ref* runner);
  result<void> finish_by(delivery take, const executor_ref* runner);

  spilling_join_options options_{};
  join_kind kind_ = join_kind::inner;
  join_side build_{};
  join_side probe_{};
  memory_budget* budget_ = nullptr;
  std::unique_ptr<memory_budget> state_budget_{};  ///< counts rows and tables, and has no limit of its own
  std::unique_ptr<loaded> in_memory_{};
  std::uint32_t resident_ = 0;  ///< partitions below it are in memory
  spilled_side build_runs_{};   ///< and behind all partitions a run of rows whose key holds a NULL
  spilled_side probe_runs_{};
  bool build_has_rows_ = false;
  bool build_has_null_ = false;
  std::vector<const vector*> keys_{};  ///< of the build rows at hand
  std::vector<prober> probers_{};      ///< by worker
  std::uint64_t spilled_bytes_ = 0;
  std::uint64_t repeated_reads_ = 0;
  std::uint64_t resident_rows_ = 0;  ///< of the build side that never left memory
  failure failed_{};
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/join/impl/spilling_join.hpp"
#endif
