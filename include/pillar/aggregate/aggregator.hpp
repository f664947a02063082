// SPDX-License-Identifier: Apache-2.0
/// Grouped and ungrouped aggregation bound at run time: a group table and a state row per group.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "pillar/aggregate/detail/distinct_rows.hpp"
#include "pillar/aggregate/detail/fixed_point.hpp"
#include "pillar/aggregate/detail/narrow_sums.hpp"
#include "pillar/aggregate/group_table.hpp"
#include "pillar/aggregate/grouped_state.hpp"  // row_numbers
#include "pillar/aggregate/spec.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/column.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE {

struct scalar;  // column/scalar.hpp

/// Update with batches, merge the aggregators of several threads, finish into columns.
///
/// Sums of integers and decimals are exact in 128 or 192 bits, whatever the order, so an overflow is reported only if
/// the whole sum leaves decimal<38, s>. Deterministic float sums are exact and rounded once. Counts, sums, averages and
/// extremes have their states in one row per group; every other aggregate has a grouped_state of its own.
///
/// Shape:    batches of row_count ≤ 1,024 rows; key and input columns of the types it was made with (a nullable
///           column where a NULL may come); what is only counted, summed or averaged as 64-bit integers may come in
///           int32, as 128-bit integers in int32 or int64
/// Errors:   update, merge → out_of_memory, limit_exceeded: the aggregator is then as before. merge → type_mismatch:
///           aggregators made otherwise. finish → out_of_memory; overflow: a sum beyond 38 digits, position = group.
///           make → type_mismatch: no such aggregate of that type (position = the aggregate); no_such_column: input
///           out of range; invalid_argument: an option out of range, or distinct rows of two inputs. A hot-path object:
///           it keeps result<> above rank 5, the pipeline words its errors
/// Cost:     the group table's, and for sums, averages and counts of integers 0.3–1 ns a row and input in cache; equal
///           inputs are summed once. Other aggregates take a pass each
/// Threads:  one at a time; const members concurrently
class aggregator {
 public:
  /// `ranges` (none, or one per key column) and `expected_rows` are group_table::make's; all memory counts against
  /// `budget`. `input_ranges`, if known, one per input, are to the values of distinct aggregates what `ranges` are to the
  /// keys.
  PILLAR_API static result<aggregator> make(std::span<const data_type> key_types,
                                            std::span<const data_type> input_types,
                                            std::span<const aggregate_spec> aggregates, memory_budget* budget = nullptr,
                                            std::span<const key_range> ranges = {}, std::uint64_t expected_rows = 0,
                                            std::span<const key_range> input_ranges = {});

  /// Adds the selected rows. `inputs[i]` may be nullptr if only count_rows refers to it. `where[a]`, if given and not
  /// nullptr, restricts aggregate a to the rows that it also selects. `input_bits[i]`, if given and below 64, promises
  /// −2^bits ≤ value < 2^bits for all values of input i, selected or not, which are then not looked at for that.
  /// `numbers` matter if needs_row_numbers().
  PILLAR_API result<void> update(std::span<const vector* const> keys, std::span<const vector* const> inputs,
                                 const selection_mask& selection, std::uint32_t row_count,
                                 std::span<const selection_mask* const> where = {},
                                 std::span<const std::uint8_t> input_bits = {}, const row_numbers& numbers = {});

  /// The same for rows whose groups are there: `slot_of_row` as groups().find() gave it, not 0 for the selected rows.
  PILLAR_API result<void> update_found(const std::uint32_t* slot_of_row, std::span<const vector* const> inputs,
                                       const selection_mask& selection, std::uint32_t row_count,
                                       std::span<const selection_mask* const> where = {},
                                       std::span<const std::uint8_t> input_bits = {}, const row_numbers& numbers = {});

  /// Whether some aggregate depends on the order of rows.
  [[nodiscard]] bool needs_row_numbers() const noexcept {
    for (const bound_aggregate& of : aggregates_)
      if (takes_row_numbers(of.spec.kind)) return true;
    return false;
  }

  /// group_table's promise: until the next call a dictionary at the same address holds the same entries.
  void begin_block() noexcept {
    table_.begin_block();
    for (detail::distinct_rows& of : distinct_) of.begin_block();
  }

  /// What was computed elsewhere (from encoded vectors or zone maps) for an aggregator without keys.
  ///
  /// Requires: no key columns; add_count: count or count_rows; add_sum: sum or avg of integers or decimals, `sum` over
  ///           `count` values that are not NULL; add_extreme: min or max, a value of the input's type that is not NULL
  PILLAR_API void add_count(std::uint32_t aggregate, std::uint64_t count) noexcept;
  PILLAR_API void add_sum(std::uint32_t aggregate, int128 sum, std::uint64_t count) noexcept;
  PILLAR_API result<void> add_extreme(std::uint32_t aggregate, const scalar& value);

  /// Adds the groups of another aggregator that was made with the same types and aggregates.
  PILLAR_API result<void> merge(const aggregator& other);
  /// Adds those of its groups that `groups` names. Requires: they ascend
  PILLAR_API result<void> merge(const aggregator& other, std::span<const std::uint32_t> groups);
  /// The same of an aggregator with other keys: words[i] is the key of groups[i] here. Requires: the only key here is of
  /// uint64
  PILLAR_API result<void> merge_words(const aggregator& other, std::span<const std::uint32_t> groups,
                                      const std::uint64_t* words);
  /// Groups are about to be merged into others, or finished, in pieces: brings what is kept by row (medians, texts) or
  /// by value (distinct ones) into the order of groups. Then a piece costs no more than its groups; else all is looked
  /// through for each piece. Medians and texts take no memory for it; where others find none, they stay slow. A median whose
  /// values lie in several pieces of its log, as those of one large group, is still copied when it is finished.
  PILLAR_API void arrange() noexcept;
  /// The same for groups that are only finished in pieces: lists of distinct values, which nobody then reads, are not
  /// made, so that it takes no memory.
  PILLAR_API void arrange_results() noexcept;

  [[nodiscard]] std::uint32_t group_count() const noexcept { return table_.group_count(); }
  /// group_table's: so many groups are likely.
  void expect_groups(std::uint32_t count) noexcept { table_.expect_groups(count); }
  /// What a group's counts, sums and extremes take at the moment.
  [[nodiscard]] std::size_t group_bytes() const noexcept {
    return narrow_.byte_count(1) + (all_narrow_ && states_.empty() ? 0 : stride_);
  }
  [[nodiscard]] const group_table& groups() const noexcept { return table_; }
  /// Where keys index an array, of which most will have groups: room for all of them at once, with sums by the keys'
  /// codes. Else nothing changes. Without memory for all of it groups and sums are as before; but where the array itself
  /// finds none, keys are hashed from then on, and what room there was for codes stays taken.
  PILLAR_API void expect_all_codes() noexcept;
  /// The same, where the number of rows shows which keys have groups: these get numbers by number_groups(), or where it
  /// takes that to go on. Until then nobody may ask for groups, nor merge them into others; merging others adds them at
  /// once. False: room would be much of what the budget has, or rows are not counted in words; nothing changes.
  PILLAR_API bool put_off_groups() noexcept;
  PILLAR_API void number_groups() noexcept;
  /// Whether all aggregates are counts and sums of words, as long as their inputs are small.
  [[nodiscard]] bool sums_in_words() const noexcept { return all_narrow_; }
  /// Whether sums stand by the keys' codes (group_table::find_codes), so that rows take no look-up of their groups.
  [[nodiscard]] bool sums_by_codes() const noexcept { return by_codes_; }
  /// Keys, then aggregates: the types of finish()'s columns.
  [[nodiscard]] std::span<const data_type> result_types() const noexcept { return result_types_; }

  /// A column per key and per aggregate, a row per group in the order in which groups were first seen (which depends on
  /// how rows were split among threads: sort where an order is wanted); those that were put off in that of their keys.
  /// Without keys: one row, also of no input.
  /// `budget` is of the columns and of what it takes to make them.
  PILLAR_API result<std::vector<column>> finish(memory_budget* budget = nullptr) const;
  /// The same of groups [first, first + count).
  result<std::vector<column>> finish(std::uint32_t first, std::uint32_t count, memory_budget* budget = nullptr) const {
    return finish(first, count, budget, budget);
  }
  /// `scratch` is of what it takes to make them.
  PILLAR_API result<std::vector<column>> finish(std::uint32_t first, std::uint32_t count, memory_budget* budget,
                                                memory_budget* scratch) const;

 private:
  enum class state_form : std::uint8_t {
    count,
    sum64,
    sum64_unsigned,
    sum128,
    exact_real,
    fast_real,
    narrow_extreme,
    extreme,
    extreme128,
    extreme_text,
    object  ///< in objects_
  };
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  /// The first limbs (exact_sum.hpp) of finite values that are not zero.
  struct limb_range {
    std::uint32_t least = none;
    std::uint32_t most = 0;
    void include(const limb_range& other) noexcept {
      least = other.least < least ? other.least : least;
      most = other.most > most ? other.most : most;
    }
    /// Whether any group's window holds them all: each reaches from a limb below its first value to one above.
    [[nodiscard]] bool fit_any_window() const noexcept { return most == 0 || most - least <= 1; }
  };
  struct bound_aggregate {
    aggregate_spec spec{};
    data_type input{};
    data_type second{};
    state_form form = state_form::count;
    bool greatest = false;          ///< of the extremes
    std::uint32_t offset = 0;       ///< of its state in the group's row, bytes
    std::uint32_t object = none;    ///< in objects_
    std::uint32_t distinct = none;  ///< in distinct_
    bool is_narrow = false;         ///< may be added up in narrow_: then where its sum and its count stand there
    std::uint32_t narrow_sum = none;
    std::uint32_t narrow_count = none;  ///< none: the rows
    limb_range limbs{};                 ///< of exact sums of floats: all values so far that windows have seen
  };
  /// A sum of narrow_: of an input's values, of 1 for each that is not NULL, or of a word of its floats.
  struct narrow_lane {
    enum class form_type : std::uint8_t { values, counts, low_words, high_words };
    std::uint32_t input = 0;
    form_type form = form_type::values;
    detail::fixed_point point{};  ///< of low_words, which the lane of high_words follows
    std::uintptr_t next = 0;      ///< where the last batch's values ended
  };
  struct narrow_rows;
  struct batch_rows;
  struct needed_room {
    std::size_t exact_sums = 0;
    std::size_t text_bytes = 0;
  };

  aggregator(group_table table, memory_budget* budget) noexcept
      : table_(std::move(table)), budget_(budget), states_(budget), narrow_(budget), exact_(budget), texts_(budget) {}
  [[nodiscard]] std::byte* state(const bound_aggregate& of, std::uint32_t group) noexcept {
    return states_.data() + std::size_t{group} * stride_ + of.offset;
  }
  [[nodiscard]] const std::byte* state(const bound_aggregate& of, std::uint32_t group) const noexcept {
    return states_.data() + std::size_t{group} * stride_ + of.offset;
  }
  /// nullptr where all is in narrow_ so far.
  [[nodiscard]] const std::byte* state_or_null(const bound_aggregate& of, std::uint32_t group) const noexcept {
    return (std::size_t{group} + 1) * stride_ <= states_.size() ? state(of, group) : nullptr;
  }
  result<void> bind(bound_aggregate& of, std::uint32_t& bytes, const key_range& range, std::uint64_t expected_rows);
  void plan_narrow();
  result<void> find_slots(std::span<const vector* const> keys, const selection_mask& selection, std::uint32_t row_count,
                          std::uint32_t* slots, const detail::next_lines& next, std::uint32_t& before);
  [[nodiscard]] detail::next_lines next_values(std::span<const vector* const> inputs, std::uint32_t row_count) noexcept;
  void try_codes() noexcept;
  void go_by_codes() noexcept;
  result<void> leave_codes() noexcept;
  result<void> add_late_groups(const std::uint32_t* slots, std::uint32_t row_count) noexcept;
  [[nodiscard]] std::uint32_t narrow_lane_of(std::uint32_t input, narrow_lane::form_type form);
  std::int64_t* lane_values(std::uint32_t lane) noexcept;
  result<bool> fill_narrow(std::span<const vector* const> inputs, std::span<const std::uint8_t> input_bits,
                           const selection_mask& selection, std::uint32_t row_count, narrow_rows& rows);
  result<detail::narrow_sums::room> make_narrow(std::span<const vector* const> inputs,
                                                std::span<const std::uint8_t> input_bits,
                                                const selection_mask& selection, std::uint32_t row_count,
                                                narrow_rows& rows);
  [[nodiscard]] std::uint32_t narrow_slot(std::uint32_t group) const noexcept {
    return (by_codes_ ? table_.codes()[group] : group) + 1;
  }
  [[nodiscard]] std::uint64_t narrow_count(const bound_aggregate& of, std::uint32_t group) const noexcept {
    const std::uint32_t slot = narrow_slot(group);
    return of.narrow_count == none ? narrow_.rows(slot)
                                   : static_cast<std::uint64_t>(narrow_.sum(of.narrow_count, slot));
  }
  /// What narrow_ holds of a sum of floats.
  [[nodiscard]] detail::fixed_total narrow_total(const bound_aggregate& of, std::uint32_t group) const noexcept {
    if (of.narrow_sum == none || narrow_.empty()) return {};
    const std::uint32_t slot = narrow_slot(group);
    return narrow_lanes_[of.narrow_sum].point.total(narrow_.sum(of.narrow_sum, slot),
                                                    narrow_.sum(of.narrow_sum + 1, slot));
  }
  void add_narrow(const bound_aggregate& of, std::uint32_t group, std::byte* to) const noexcept;
  [[nodiscard]] limb_range limbs_of(const bound_aggregate& of) const noexcept;
  void add_total(const detail::fixed_total& total, std::byte* exact_state) noexcept;
  [[nodiscard]] bool same_points(const aggregator& other) const noexcept;
  result<bool> prepare_words(const aggregator& other);
  result<void> settle();
  [[nodiscard]] const std::byte* whole_state(const bound_aggregate& of, std::uint32_t group,
                                             std::byte* room) const noexcept;
  struct new_pairs;
  result<void> find_new_pairs(const bound_aggregate& of, const aggregator& other, const group_pairs& groups,
                              new_pairs& found);
  result<void> add_rows(const std::uint32_t* slots, std::uint32_t before, std::span<const vector* const> inputs,
                        const selection_mask& selection, std::uint32_t row_count,
                        std::span<const selection_mask* const> where, std::span<const std::uint8_t> input_bits,
                        const row_numbers& numbers);
  result<void> make_states(std::uint32_t group_count);
  void forget(std::uint32_t group_count) noexcept;
  void count_room(bound_aggregate& of, const vector& from, const batch_rows& rows, needed_room& room) noexcept;
  struct other_groups;  ///< of another aggregator, and what they are here
  void count_room(const bound_aggregate& of, const other_groups& from, needed_room& room) const noexcept;
  result<void> make_room(const needed_room& room);
  void apply(const bound_aggregate& of, const vector& from, const batch_rows& rows) noexcept;
  void add_exact(const bound_aggregate& of, const vector& from, const batch_rows& rows, bool counts) noexcept;
  void note_additions(std::uint64_t count) noexcept;
  void apply(const bound_aggregate& of, const other_groups& from) noexcept;
  result<void> merge_groups(const aggregator& other, const std::uint32_t* groups, std::uint32_t count,
                            const std::uint64_t* words = nullptr);
  result<void> find_words(const std::uint64_t* words, std::uint32_t count, std::uint32_t* group_of);
  void merge_exact(std::byte* into, const std::byte* other_state, const aggregator& other) noexcept;
  void promote(std::byte* exact_state) noexcept;
  void put_extreme(std::byte* at, bool smallest, std::string_view value) noexcept;
  result<void> append_result(const bound_aggregate& of, std::uint32_t group, column_builder& out) const;
  [[nodiscard]] bool is_counted_or_summed(const bound_aggregate& of) const noexcept;
  result<void> append_integers(const bound_aggregate& of, std::uint32_t first, std::uint32_t count,
                               column_builder& out) const;
  result<void> append_reals(const bound_aggregate& of, std::uint32_t first, std::uint32_t count,
                            column_builder& out) const;
  bool round_words(const bound_aggregate& of, std::uint32_t first, std::uint32_t count, bool average, double* values,
                   std::uint64_t* validity) const noexcept;
  [[nodiscard]] double exact_result(const bound_aggregate& of, std::uint32_t group,
                                    const detail::fixed_total& total) const noexcept;

  group_table table_;
  memory_budget* budget_;
  std::vector<data_type> input_types_{};
  std::vector<data_type> result_types_{};
  std::vector<bound_aggregate> aggregates_{};
  std::vector<std::unique_ptr<grouped_state>> objects_{};
  std::vector<detail::distinct_rows> distinct_{};
  std::vector<narrow_lane> narrow_lanes_{};
  buffer lane_values_{};  ///< of a batch; allocated when lanes first are not plain arrays
  std::uint32_t stride_ = 0;
  bool all_narrow_ = false;  ///< then groups have states only once narrow_ was emptied into them
  growable<std::byte> states_;
  detail::narrow_sums narrow_;         ///< on top of the states
  bool by_codes_ = false;              ///< narrow_ has its slots by the keys' codes, not by the groups' numbers
  bool groups_late_ = false;           ///< there may be codes with rows in narrow_, but without a group
  growable<std::int64_t> exact_;       ///< wide accumulators of float sums whose values differ by more than 2^64 or so
  std::uint64_t exact_additions_ = 0;  ///< to limbs of any group since all of them were normalised
  growable<std::byte> texts_;          ///< least and greatest texts
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/aggregate/impl/aggregator.hpp"
#endif
