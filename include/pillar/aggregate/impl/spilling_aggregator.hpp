// SPDX-License-Identifier: Apache-2.0
/// Groups within a budget: rows are added to those in memory, or written.
#pragma once
#include <cstring>
#include <utility>

#include "pillar/aggregate/detail/run_order.hpp"
#include "pillar/aggregate/impl/spill_order.hpp"
#include "pillar/aggregate/impl/spilled_groups.hpp"
#include "pillar/aggregate/spilling_aggregator.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/detail/gather.hpp"
#include "pillar/hash/column.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API spilling_aggregator::~spilling_aggregator() {
  for (const std::uint32_t run : runs_) options_.store->drop(run);
}

PILLAR_API result<spilling_aggregator> spilling_aggregator::make(
    std::span<const data_type> key_types, std::span<const data_type> input_types,
    std::span<const aggregate_spec> aggregates, memory_budget* budget, const spilling_aggregator_options& options,
    std::span<const key_range> ranges, std::uint64_t expected_rows, std::span<const key_range> input_ranges) {
  PILLAR_ASSERT(options.partition_bits >= 1 && options.partition_bits <= 10 && options.delivered_groups > 0);
  spilling_aggregator made;
  made.options_ = options;
  made.budget_ = budget;
  made.key_types_.assign(key_types.begin(), key_types.end());
  made.input_types_.assign(input_types.begin(), input_types.end());
  made.aggregates_.assign(aggregates.begin(), aggregates.end());
  made.ranges_.assign(ranges.begin(), ranges.end());
  made.input_ranges_.assign(input_ranges.begin(), input_ranges.end());
  made.expected_rows_ = expected_rows;
  made.state_bytes_ = options.state_bytes;
  if (made.state_bytes_ == 0) {
    const std::uint64_t limit = detail::most_bytes_of(budget);
    made.state_bytes_ = limit == memory_budget::unlimited ? limit : limit - limit / 4;
  }
  made.state_budget_ = std::make_unique<memory_budget>(made.state_bytes_, budget);
  PILLAR_ASSIGN_OR_RETURN(aggregator in_memory, made.make_aggregator(made.state_budget_.get(), expected_rows));
  made.in_memory_.emplace(std::move(in_memory));
  const auto types = made.in_memory_->result_types();
  made.result_types_.assign(types.begin(), types.end());

  made.run_types_ = made.key_types_;
  for (std::uint32_t input = 0; input < input_types.size(); ++input) {
    bool is_read = false;
    for (const aggregate_spec& of : aggregates)
      is_read = is_read || (of.kind != aggregate_kind::count_rows && of.input == input) ||
                (takes_second(of.kind) && of.second == input);
    if (!is_read) continue;
    made.run_inputs_.push_back(input);
    made.run_types_.push_back(input_types[input]);
  }
  made.numbers_rows_ = made.in_memory_->needs_row_numbers();
  if (made.numbers_rows_) made.run_types_.push_back(type_of<std::uint64_t>);
  if (options.restricts)
    for (std::size_t i = 0; i < aggregates.size(); i += detail::restrictions_in_a_word)
      made.run_types_.push_back(type_of<std::uint64_t>);
  made.agreement_ = std::make_shared<detail::shared_run_order>();
  if (made.keeps_states_small()) made.next_look_ = detail::spill_first_look;
  made.converted_.resize(made.run_types_.size());
  made.scattered_.resize(made.run_types_.size());
  return made;
}

inline result<aggregator> spilling_aggregator::make_aggregator(memory_budget* budget,
                                                               std::uint64_t expected_rows) const {
  return aggregator::make(key_types_, input_types_, aggregates_, budget, ranges_, expected_rows, input_ranges_);
}

inline result<void> spilling_aggregator::remember(result<void> done) noexcept {
  if (!done.ok()) failed_ = done.error();
  return done;
}

PILLAR_API result<void> spilling_aggregator::update(std::span<const vector* const> keys,
                                                    std::span<const vector* const> inputs,
                                                    const selection_mask& selection, std::uint32_t row_count,
                                                    std::span<const selection_mask* const> where,
                                                    std::span<const std::uint8_t> input_bits,
                                                    const row_numbers& numbers) {
  if (failed_.code != errc::ok) return failed_;
  if (!options_.restricts)
    for (const selection_mask* restriction : where)
      if (restriction != nullptr) return errc::invalid_argument;
  if (runs_.empty()) {
    auto done = in_memory_->update(keys, inputs, selection, row_count, where, input_bits, numbers);
    if (done.ok() && next_look_ != ~0u) {
      for (std::uint32_t word = 0; word < vector_words; ++word)
        rows_so_far_ += static_cast<unsigned>(std::popcount(selection.words[word] & keys[0]->validity_word(word)));
      if (in_memory_->group_count() >= next_look_) look_ahead();
    }
    if (done.ok() || done.error().code != errc::out_of_memory || options_.store == nullptr || key_types_.empty())
      return done;
    PILLAR_TRY(begin_spilling());
  }
  return remember(divide(keys, inputs, selection, row_count, where, input_bits, numbers));
}

inline result<void> spilling_aggregator::open_runs() {
  const std::size_t count = std::size_t{1} << options_.partition_bits;
  rows_of_runs_.assign(count, 0);
  runs_.reserve(count);
  while (runs_.size() < count) {
    const auto opened = options_.store->open(run_types_);
    if (!opened.ok()) {
      for (const std::uint32_t run : runs_) options_.store->drop(run);
      runs_.clear();
      return opened.error();
    }
    runs_.push_back(*opened);
  }
  return {};
}

inline result<void> spilling_aggregator::begin_spilling() {
  PILLAR_TRY(open_runs());
  order_ = &agreement_->agree([this] { return propose_order(); });
  note_groups();
  return {};
}

/// A vector as column `number` of the runs: of its type, integers widened where they came narrower.
inline result<vector> spilling_aggregator::run_column(const vector& from, std::size_t number) {
  const data_type& type = run_types_[number];
  vector made = from;
  made.type = type;
  if (from.type.physical == type.physical) return made;
  PILLAR_ASSERT(is_integer(from.type.physical) && is_integer(type.physical));
  buffer& memory = converted_[number];
  constexpr std::size_t value_bytes = vector_rows * sizeof(int128);
  if (memory.empty()) {
    PILLAR_ASSIGN_OR_RETURN(memory, buffer::allocate(value_bytes + vector_words * sizeof(std::uint64_t), budget_));
  }
  if (type.physical == physical_type::integer128) detail::widen_integers(from, memory.as<int128>());
  else detail::widen_integers(from, memory.as<std::int64_t>());
  made = vector{};
  made.type = type;
  made.size = from.size;
  made.values = memory.data();
  if (PILLAR_MUTATE(spill_widens_nulls, from.validity != nullptr, false)) {
    auto* validity = reinterpret_cast<std::uint64_t*>(memory.data() + value_bytes);
    for (std::uint32_t word = 0; word < vector_words; ++word) validity[word] = from.validity_word(word);
    made.validity = validity;
  }
  return made;
}

/// Writes the selected rows to the runs of their partitions.
inline result<void> spilling_aggregator::spill(std::span<const vector* const> keys,
                                               std::span<const vector* const> inputs, const selection_mask& selection,
                                               std::uint32_t row_count, const std::uint64_t* hashes,
                                               std::span<const selection_mask* const> where,
                                               std::span<const std::uint8_t> input_bits, const row_numbers& numbers) {
  std::vector<vector> columns;
  columns.reserve(run_types_.size());
  for (const vector* key : keys) {
    PILLAR_ASSIGN_OR_RETURN(vector made, run_column(*key, columns.size()));
    columns.push_back(made);
  }
  for (const std::uint32_t input : run_inputs_) {
    PILLAR_ASSIGN_OR_RETURN(vector made, run_column(*inputs[input], columns.size()));
    columns.push_back(made);
  }
  // What is a word for each row: its number, and which aggregates take it.
  const auto add_words = [&](const auto& word_of) -> result<void> {
    buffer& memory = converted_[columns.size()];
    if (memory.empty()) {
      PILLAR_ASSIGN_OR_RETURN(memory, buffer::allocate(vector_rows * sizeof(std::uint64_t), budget_));
    }
    auto* words = memory.as<std::uint64_t>();
    for (std::uint32_t row = 0; row < row_count; ++row) words[row] = word_of(row);
    vector made;
    made.type = run_types_[columns.size()];
    made.size = row_count;
    made.values = words;
    columns.push_back(made);
    return {};
  };
  if (PILLAR_MUTATE(spill_forgets_numbers, numbers_rows_, false)) {
    PILLAR_TRY(add_words([&](std::uint32_t row) { return numbers.of(row); }));
  } else if (numbers_rows_) {
    PILLAR_TRY(add_words([](std::uint32_t row) { return std::uint64_t{row}; }));
  }
  const bool restricted = PILLAR_MUTATE(spill_forgets_restrictions, !where.empty(), false);
  for (std::size_t first = 0; columns.size() < run_types_.size(); first += detail::restrictions_in_a_word)
    PILLAR_TRY(add_words([&](std::uint32_t row) {
      std::uint64_t word = ~std::uint64_t{0};
      for (std::size_t i = first; restricted && i < aggregates_.size() && i < first + detail::restrictions_in_a_word;
           ++i)
        if (where[i] != nullptr && !where[i]->test(row)) word &= ~(std::uint64_t{1} << (i - first));
      return word;
    }));
  std::uint16_t rows[vector_rows], ends[1 << 10];
  const std::uint32_t count = detail::order_by_place(selection, hashes, options_.partition_bits, rows, ends);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    PILLAR_ASSIGN_OR_RETURN(columns[i], gather_column(columns[i], i, rows, count));
  }

  std::vector<vector> views = columns;
  std::vector<const vector*> pointers;
  pointers.reserve(views.size());
  for (const vector& of : views) pointers.push_back(&of);
  std::uint32_t first = 0;
  selection_mask refused = selection_mask::none();
  for (std::size_t partition = 0; partition < runs_.size(); first = ends[partition++]) {
    const std::uint32_t rows_here = ends[partition] - first;
    if (rows_here == 0) continue;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      views[i].size = rows_here;
      views[i].validity_offset = first;
      views[i].values =
          static_cast<const std::byte*>(columns[i].values) + std::size_t{first} * byte_width(columns[i].type.physical);
    }
    if (keeps_values_ && partition == order_->kept_run) {
      const auto kept = keep(pointers, rows_here, input_bits);
      if (kept.ok()) continue;
      if (kept.error().code != errc::out_of_memory) return kept;
      for (std::uint32_t i = first; i < ends[partition]; ++i) set_bit(refused.words, rows[i]);
      continue;
    }
    PILLAR_TRY(options_.store->append(runs_[partition], pointers, nullptr, rows_here));
    rows_of_runs_[partition] += rows_here;
    spilled_rows_ += rows_here;
  }
  if (!refused.any()) return {};
  // From now on they have a run like all others, and only groups that are in memory stay there.
  keeps_values_ = false;
  beyond_order_ = true;
  note_groups();
  return divide(keys, inputs, refused, row_count, where, input_bits, numbers);
}

/// Rows of values that are kept in memory, in the columns of runs.
inline result<void> spilling_aggregator::keep(std::span<const vector* const> columns, std::uint32_t row_count,
                                              std::span<const std::uint8_t> input_bits) {
  std::vector<const vector*> inputs(input_types_.size());
  for (std::size_t i = 0; i < run_inputs_.size(); ++i) inputs[run_inputs_[i]] = columns[key_types_.size() + i];
  return in_memory_->update(columns.first(key_types_.size()), inputs, selection_mask::first(row_count), row_count, {},
                            input_bits);
}

/// Rows rows[0], rows[1], … of a column of the runs: those of a partition then follow one another.
inline result<vector> spilling_aggregator::gather_column(const vector& from, std::size_t number,
                                                         const std::uint16_t* rows, std::uint32_t count) {
  buffer& memory = scattered_[number];
  const std::size_t value_bytes = vector_rows * byte_width(from.type.physical);
  if (memory.empty()) {
    PILLAR_ASSIGN_OR_RETURN(memory, buffer::allocate(value_bytes + sizeof(selection_mask), budget_));
  }
  const auto pick = [&]<class T>(T) {
    T* PILLAR_RESTRICT const to = memory.as<T>();
    if (from.kind == vector_kind::flat) {
      const auto* const values = static_cast<const std::byte*>(from.values);
      for (std::uint32_t i = 0; i < count; ++i) to[i] = load_unaligned<T>(values + std::size_t{rows[i]} * sizeof(T));
      return;
    }
    T values[vector_rows];
    detail::gather_rows<T>(from, detail::all_rows.at, from.size, values, [](T value) { return value; });
    for (std::uint32_t i = 0; i < count; ++i) to[i] = values[rows[i]];
  };
  if (from.type.physical == physical_type::text) pick(text_slot{});
  else visit_fixed_width(from.type.physical, [&]<class T>() { pick(T{}); });
  vector made;
  made.type = from.type;
  made.size = count;
  made.values = memory.data();
  made.buffers = from.holder().buffers;
  if (from.validity == nullptr) return made;
  auto* const validity = reinterpret_cast<std::uint64_t*>(memory.data() + value_bytes);
  std::memset(validity, 0, sizeof(selection_mask));
  for (std::uint32_t i = 0; i < count; ++i)
    if (PILLAR_MUTATE(spill_scatters_no_nulls, from.valid(rows[i]), true)) set_bit(validity, i);
  made.validity = validity;
  return made;
}

}  // namespace PILLAR_NAMESPACE
