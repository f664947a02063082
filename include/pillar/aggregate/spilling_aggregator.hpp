// SPDX-License-Identifier: Apache-2.0
/// Grouping inside a memory budget: an aggregator whose groups stop growing when the budget is reached, and a run store
/// that takes the rows which it then cannot.
///
///     auto groups = spilling_aggregator::make(keys, inputs, aggregates, &budget, {.store = &runs});
///     for (each batch) groups->update(…);
///     groups->finish([](std::span<const column> part) { … });   // keys, then aggregates: every group once
///
/// Rows of groups that are in memory keep updating them. The others go, by the uppermost bits of their key's hash, to
/// their partition's run: each row once, its key and inputs. Where the keys are integers that have come dense, partitions
/// are stretches of values instead, and each is an array; where it is clear early that they will not fit, one stretch is kept
/// in memory as such, and all others are written. At the end the groups in memory are delivered, then
/// partition by partition is read back and grouped. A partition whose groups do not fit is read several times, each
/// time for a part of its hashes: nothing is written a second time.
///
/// Where a row of a group in memory finds no room either (texts, distinct values: states that grow with their rows), no
/// state is touched any more: all further rows are written, and the groups in memory are merged in, partition by
/// partition.
#pragma once
#include <cstdint>
#include <memory>  // std::shared_ptr, std::unique_ptr
#include <optional>
#include <span>
#include <vector>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/base/buffer.hpp"
#include "pillar/base/function_ref.hpp"
#include "pillar/base/memory.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/column.hpp"
#include "pillar/column/run_store.hpp"
#include "pillar/filter/bloom.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {
class group_parts;       // detail/group_parts.hpp
struct run_order;        // detail/run_order.hpp
class shared_run_order;  // detail/run_order.hpp
}  // namespace detail

/// What a spilling_aggregator may use.
struct spilling_aggregator_options {
  run_store* store = nullptr;     ///< outlives the aggregator; nullptr: it does not spill
  std::uint64_t state_bytes = 0;  ///< of groups and states at most; 0: three quarters of what the budget and its
      ///< parents allow. The rest is for the store's write buffers, for encoding and reading back
  unsigned partition_bits = 4;  ///< 2^bits runs, 1 to 10 bits: as many times the groups that fit are read once
  bool restricts = false;       ///< update() may be given `where`
  std::uint32_t delivered_groups = 16 * 1024;  ///< handed over at a time, at most
};

/// Shape:    batches as aggregator takes them
/// Errors:   those of aggregator and of the store. Without a store: out_of_memory, and update leaves all as before the
///           call. With one, an error of update before anything was spilled leaves all as it was; a later one is final, and comes
///           back from every later call, and so is one of finish. finish → out_of_memory also where one group does not fit
/// Cost:     the aggregator's until the budget is reached. From then on, for each spilled
///           row what the store costs: encoding, writing, reading, decoding
/// Threads:  one at a time
class spilling_aggregator {
 public:
  using delivery = function_ref<result<void>(std::span<const column> groups)>;

  spilling_aggregator(spilling_aggregator&&) noexcept = default;
  /// Drops what is left of its runs.
  PILLAR_API ~spilling_aggregator();

  /// `ranges`, `expected_rows` and `input_ranges` are aggregator::make's.
  ///
  /// Requires: partition_bits in [1, 10]
  /// Errors:   those of aggregator::make
  PILLAR_API static result<spilling_aggregator> make(std::span<const data_type> key_types,
                                                     std::span<const data_type> input_types,
                                                     std::span<const aggregate_spec> aggregates, memory_budget* budget,
                                                     const spilling_aggregator_options& options,
                                                     std::span<const key_range> ranges = {},
                                                     std::uint64_t expected_rows = 0,
                                                     std::span<const key_range> input_ranges = {});

  /// As aggregator::update. Errors: invalid_argument also for `where` that the options do not announce
  PILLAR_API result<void> update(std::span<const vector* const> keys, std::span<const vector* const> inputs,
                                 const selection_mask& selection, std::uint32_t row_count,
                                 std::span<const selection_mask* const> where = {},
                                 std::span<const std::uint8_t> input_bits = {}, const row_numbers& numbers = {});

  /// As aggregator::begin_block.
  void begin_block() noexcept {
    if (in_memory_) in_memory_->begin_block();
  }

  /// Every group's keys and results, a piece at a time, in no particular order; then there is nothing left here, nor
  /// after an error. What `take` returns as an error ends it. The pieces are counted against `result_budget`.
  PILLAR_API result<void> finish(delivery take, memory_budget* result_budget = nullptr);

  /// Keys, then aggregates: the types of the columns that finish() delivers.
  [[nodiscard]] std::span<const data_type> result_types() const noexcept { return result_types_; }
  /// Rows that went to the store.
  [[nodiscard]] std::uint64_t spilled_rows() const noexcept { return spilled_rows_; }
  /// Times that a partition had to be read again because its groups did not fit.
  [[nodiscard]] std::uint64_t repeated_reads() const noexcept { return repeated_reads_; }

 private:
  friend class parallel_spilling_group;
  /// A part of all hashes: those whose `bits` uppermost bits are `prefix`.
  struct hash_range {
    unsigned bits = 0;
    std::uint64_t prefix = 0;
    [[nodiscard]] bool has(std::uint64_t hash) const noexcept { return bits == 0 || hash >> (64 - bits) == prefix; }
  };

  spilling_aggregator() = default;
  [[nodiscard]] result<aggregator> make_aggregator(memory_budget* budget, std::uint64_t expected_rows) const;
  result<void> remember(result<void> done) noexcept;
  result<void> open_runs();
  result<void> begin_spilling();
  template <class F>
  bool for_each_key(const F& f) const;
  [[nodiscard]] std::uint64_t array_group_bytes() const noexcept;
  [[nodiscard]] detail::run_order propose_order() const;
  [[nodiscard]] bool keeps_states_small() const noexcept;
  [[nodiscard]] detail::run_order propose_kept_values() const;
  void look_ahead();
  void note_groups();
  void order_by_values(const vector& key, const selection_mask& selection, selection_mask& known,
                       std::uint64_t* places);
  result<void> divide(std::span<const vector* const> keys, std::span<const vector* const> inputs,
                      const selection_mask& selection, std::uint32_t row_count,
                      std::span<const selection_mask* const> where, std::span<const std::uint8_t> input_bits,
                      const row_numbers& numbers);
  result<void> spill(std::span<const vector* const> keys, std::span<const vector* const> inputs,
                     const selection_mask& selection, std::uint32_t row_count, const std::uint64_t* hashes,
                     std::span<const selection_mask* const> where, std::span<const std::uint8_t> input_bits,
                     const row_numbers& numbers);
  result<void> keep(std::span<const vector* const> columns, std::uint32_t row_count,
                    std::span<const std::uint8_t> input_bits);
  result<vector> run_column(const vector& from, std::size_t number);
  result<vector> gather_column(const vector& from, std::size_t number, const std::uint16_t* rows, std::uint32_t count);
  result<void> deliver(aggregator& groups, delivery take, memory_budget* result_budget, std::uint32_t& delivered) const;
  void end_of_rows() noexcept;
  void give_back_all() noexcept;
  result<void> finish_spilled(delivery take, memory_budget* result_budget);
  [[nodiscard]] std::uint64_t part_limit() const noexcept;
  result<void> finish_partition(std::uint32_t partition, const detail::group_parts& in_memory, delivery take,
                                memory_budget* result_budget);
  [[nodiscard]] result<detail::group_parts> parts_of(const aggregator& groups, const detail::run_order& order) const;
  [[nodiscard]] result<aggregator> make_part(const detail::run_order& order, const hash_range& range,
                                             std::uint64_t rows, bool beyond, memory_budget* budget) const;
  result<bool> add_groups(const aggregator& from, const detail::run_order& order, std::span<const std::uint32_t> list,
                          const hash_range& range, aggregator& groups) const;
  result<bool> add_run(std::uint32_t partition, const hash_range& range, aggregator& groups,
                       std::uint64_t& rows_seen) const;

  struct earlier_groups;

  spilling_aggregator_options options_{};
  memory_budget* budget_ = nullptr;
  std::unique_ptr<memory_budget> state_budget_{};  ///< of in_memory_ and earlier_
  std::optional<aggregator> in_memory_{};
  std::optional<bloom_filter> in_memory_keys_{};  ///< the hashes of its groups, once they stopped growing
  buffer in_memory_values_{};  ///< where runs go by values: bits of those that are groups in memory, one for all others
  std::shared_ptr<detail::shared_run_order> agreement_{};  ///< of all workers
  const detail::run_order* order_ = nullptr;               ///< once rows are spilled
  bool beyond_order_ = false;  ///< rows came whose values were not among those that the order was made for
  std::vector<data_type> key_types_{};
  std::vector<data_type> input_types_{};
  std::vector<data_type> result_types_{};
  std::vector<aggregate_spec> aggregates_{};
  std::vector<key_range> ranges_{};
  std::vector<key_range> input_ranges_{};
  std::uint64_t expected_rows_ = 0;
  std::uint64_t state_bytes_ = 0;
  bool numbers_rows_ = false;
  /// Groups from before a stretch of values was kept in memory: the others of them, which are merged into their runs.
  std::shared_ptr<earlier_groups> earlier_{};
  bool keeps_values_ = false;      ///< in_memory_ takes all rows of order_->kept_run, and no others
  std::uint64_t rows_so_far_ = 0;  ///< until rows are spilled
  std::uint32_t next_look_ = ~0u;  ///< groups at which it is seen whether they will fit
  bool frozen_ = false;            ///< no state is touched any more: also rows of groups in memory are spilled

  std::vector<data_type> run_types_{};       ///< keys, inputs that are read, row number, which aggregates take it
  std::vector<std::uint32_t> run_inputs_{};  ///< behind the keys: which inputs
  std::vector<std::uint32_t> runs_{};        ///< by partition; empty: nothing was spilled
  std::vector<std::uint64_t> rows_of_runs_{};
  std::vector<buffer> converted_{};  ///< by column of a run: values that came in another form
  std::vector<buffer> scattered_{};  ///< by column of a run: a batch's values in the order of their partitions
  std::uint64_t spilled_rows_ = 0;
  std::uint64_t repeated_reads_ = 0;
  failure failed_{};
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/aggregate/impl/spilling_aggregator.hpp"
#endif
