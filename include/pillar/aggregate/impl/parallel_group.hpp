// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cmath>  // std::expm1
#include <mutex>
#include <utility>

#include "pillar/aggregate/detail/group_parts.hpp"
#include "pillar/aggregate/detail/key_words.hpp"
#include "pillar/aggregate/detail/part_rows.hpp"
#include "pillar/aggregate/detail/word_groups.hpp"
#include "pillar/aggregate/parallel_group.hpp"
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE

namespace PILLAR_NAMESPACE {

/// Rows that wait for the end, each worker's its own, by parts that are the same for all.
struct detail::parted_rows {
  struct worker {
    explicit worker(memory_budget* budget) noexcept : rows(budget) {}
    part_rows rows;
    std::vector<std::uint8_t> input_bits{};  ///< of all rows that wait: at most so many
    bool is_full = false;
    bool has_parts = false;
    bool has_columns = false;     ///< rows have come that are no words: chunks are of one kind from then on
    std::uint64_t rows_seen = 0;  ///< that did not wait
    std::uint64_t rows_at_look = 0;
    std::uint32_t groups_at_look = 0;
    std::uint64_t next_look = 0;
    bool groups_late = false;  ///< at the last look
  };
  std::vector<std::unique_ptr<worker>> workers{};
  std::mutex deciding{};
  std::atomic<bool> is_made{false};  ///< then parts and most_bytes stay as they are
  key_parts parts{};
  std::unique_ptr<key_words> words{};  ///< what waits instead of the keys, if they fit
  row_words whole{};                   ///< what waits instead of keys and inputs, if they fit
  std::uint64_t most_bytes = 0;        ///< of a worker's rows
  double groups_of_row = 1;            ///< likely to be there in the end
};

/// What becomes of groups in the end: columns, or a number.
struct parallel_group::finishing {
  memory_budget* budget = nullptr;  ///< of the columns
  const group_permission* may_go_on = nullptr;
  std::atomic<std::uint64_t>* count = nullptr;

  [[nodiscard]] result<void> ask() const { return may_go_on == nullptr ? result<void>() : (*may_go_on)(); }
  [[nodiscard]] result<std::vector<column>> of(const aggregator& groups) const {
    if (count == nullptr) return groups.finish(budget);
    count->fetch_add(groups.group_count(), std::memory_order_relaxed);
    return std::vector<column>();
  }
};

PILLAR_API result<parallel_group> parallel_group::make(std::span<const data_type> key_types,
                                                       std::span<const data_type> input_types,
                                                       std::span<const aggregate_spec> aggregates,
                                                       std::uint32_t worker_count, memory_budget* budget,
                                                       std::span<const key_range> ranges, std::uint64_t expected_rows,
                                                       std::span<const key_range> input_ranges) {
  if (worker_count == 0) return errc::invalid_argument;
  parallel_group made(budget);
  made.key_types_.assign(key_types.begin(), key_types.end());
  made.input_types_.assign(input_types.begin(), input_types.end());
  made.aggregates_.assign(aggregates.begin(), aggregates.end());
  made.ranges_.assign(ranges.begin(), ranges.end());
  made.input_ranges_.assign(input_ranges.begin(), input_ranges.end());
  made.expected_rows_ = expected_rows;
  for (std::uint32_t i = 0; i < worker_count; ++i) {
    PILLAR_ASSIGN_OR_RETURN(aggregator one, made.make_aggregator(expected_rows / worker_count, ranges));
    made.workers_.push_back(std::move(one));
  }
  bool can_wait = !key_types.empty() && !made.workers_[0].needs_row_numbers();
  for (const data_type& type : input_types) can_wait = can_wait && type.physical != physical_type::text;
  if (can_wait) {
    made.parted_ = std::make_shared<detail::parted_rows>();
    for (std::uint32_t i = 0; i < worker_count; ++i)
      made.parted_->workers.push_back(std::make_unique<detail::parted_rows::worker>(budget));
  }
  return made;
}

inline result<aggregator> parallel_group::make_aggregator(std::uint64_t expected_rows,
                                                          std::span<const key_range> ranges) const {
  return aggregator::make(key_types_, input_types_, aggregates_, budget_, ranges, expected_rows, input_ranges_);
}

PILLAR_API std::uint64_t parallel_group::waiting_rows() const noexcept {
  std::uint64_t rows = 0;
  if (parted_ != nullptr)
    for (const auto& one : parted_->workers) rows += one->rows.row_count();
  return rows;
}

PILLAR_API result<void> parallel_group::update(std::uint32_t number, std::span<const vector* const> keys,
                                               std::span<const vector* const> inputs, const selection_mask& selection,
                                               std::uint32_t row_count, std::span<const selection_mask* const> where,
                                               std::span<const std::uint8_t> input_bits, const row_numbers& numbers) {
  bool can_wait = parted_ != nullptr;
  for (const selection_mask* restriction : where) can_wait = can_wait && restriction == nullptr;
  if (can_wait && parted_->is_made.load(std::memory_order_acquire)) {
    PILLAR_ASSIGN_OR_RETURN(const bool waits, keep(number, keys, inputs, selection, row_count, input_bits));
    if (waits) return {};
  }
  PILLAR_TRY(workers_[number].update(keys, inputs, selection, row_count, where, input_bits, numbers));
  if (!can_wait) return {};
  detail::parted_rows::worker& own = *parted_->workers[number];
  own.rows_seen += selection.count();
  if (own.rows_seen >= own.next_look) look_for_many_groups(number);
  return {};
}

/// False: these rows cannot wait, or there is no room for them.
inline result<bool> parallel_group::keep(std::uint32_t number, std::span<const vector* const> keys,
                                         std::span<const vector* const> inputs, const selection_mask& selection,
                                         std::uint32_t row_count, std::span<const std::uint8_t> input_bits) {
  detail::parted_rows::worker& own = *parted_->workers[number];
  if (own.is_full) return false;
  std::uint16_t rows[vector_rows];
  const std::uint32_t count = detail::list_rows(selection.words, rows);
  if (count == 0) return true;
  detail::key_words* const by_words = parted_->words.get();
  std::uint64_t words[vector_rows];
  std::uint32_t part_of[vector_rows];
  vector word_column;
  std::vector<const vector*> columns;
  if (by_words == nullptr) columns.assign(keys.begin(), keys.end());
  columns.insert(columns.end(), inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(input_types_.size()));
  if (!detail::part_rows::suits(columns, selection, rows, count)) return false;
  if (by_words != nullptr) {
    const auto found = by_words->encode(number, keys, rows, count, words);
    if (!found.ok()) own.is_full = true;
    if (!found.ok() || !*found) return false;
    const std::uint32_t part_count = parted_->parts.count();
    for (std::uint32_t i = 0; i < count; ++i) part_of[i] = detail::part_of_word(words[i], part_count);
    for (std::uint32_t i = count; count != row_count && i-- > 0;) words[rows[i]] = words[i];  // rows ascend
    word_column.type = type_of<std::uint64_t>;
    word_column.size = row_count;
    word_column.values = words;
    columns.insert(columns.begin(), &word_column);
  }
  if (!own.has_parts) {
    own.rows.set_part_count(parted_->parts.count());
    own.input_bits.assign(input_types_.size(), 0);
    own.has_parts = true;
  }
  if (own.rows.byte_count() > parted_->most_bytes) own.is_full = true;
  if (own.is_full) return false;
  const detail::row_words& whole = parted_->whole;
  const unsigned value_bits = input_bits.empty() ? 64u : input_bits[0];
  own.has_columns = own.has_columns || !whole.suits(value_bits) || inputs[0] == nullptr ||
                    !whole.pack(*keys[0], *inputs[0], rows, count, words);
  if (whole.may_be()) columns.insert(columns.begin(), nullptr);
  if (!own.has_columns) {
    word_column.type = type_of<std::uint64_t>;
    word_column.size = count;
    columns.assign({&word_column, nullptr, nullptr});
    own.is_full = !own.rows.add_words(columns, words, count, whole.key_mask(), parted_->parts.shift()).ok();
  } else {
    if (by_words == nullptr) parted_->parts.find(keys, row_count, rows, count, part_of);
    own.is_full = !own.rows.add(columns, rows, count, part_of).ok();
  }
  if (own.is_full) return false;
  for (std::size_t i = 0; i < own.input_bits.size(); ++i) {
    const std::uint8_t bits = i < input_bits.size() && input_bits[i] < 64 ? input_bits[i] : std::uint8_t{64};
    own.input_bits[i] =
        PILLAR_MUTATE(waiting_bits_of_last_batch, own.input_bits[i] < bits, true) ? bits : own.input_bits[i];
  }
  return true;
}

/// Whether most rows bring new keys, and how many there will be: of all keys a row has any with the same probability, so
/// that the share of rows whose key was there is that of the keys that are known.
inline void parallel_group::look_for_many_groups(std::uint32_t number) {
  constexpr std::uint64_t rows_between = 32768;
  constexpr double least_bytes = 16 << 20, part_bytes = 384 << 10;
  detail::parted_rows& all = *parted_;
  detail::parted_rows::worker& own = *all.workers[number];
  const aggregator& groups = workers_[number];
  const std::uint64_t rows = own.rows_seen - own.rows_at_look;
  const std::uint32_t known = groups.group_count(), added = known - own.groups_at_look;
  own.rows_at_look = own.rows_seen;
  own.groups_at_look = known;
  own.next_look = own.rows_seen + rows_between;
  // Where words are by codes, so few that rows need not wait, groups can.
  const bool few = groups.sums_by_codes() && rows >= rows_between / 2 &&
                   static_cast<double>(groups.groups().code_count()) *
                           static_cast<double>(groups.group_bytes() + 2 * sizeof(std::uint32_t)) <
                       least_bytes / 2;
  const bool were_late = own.groups_late;  // then `added` are not only those of the last rows
  own.groups_late = few && workers_[number].put_off_groups();
  if (own.groups_late || were_late) return;
  if (rows < rows_between / 2 || added < rows / 2 || all.is_made.load(std::memory_order_relaxed)) return;
  const double all_rows = expected_rows_ != 0 ? static_cast<double>(expected_rows_)
                                              : 16.0 * static_cast<double>(own.rows_seen) * worker_count();
  const double repeated = 1 - static_cast<double>(added) / static_cast<double>(rows);
  const double keys = (known - added / 2.0) / repeated;  // infinite where all are new
  const double likely = repeated <= 0 ? all_rows : -keys * std::expm1(-all_rows / keys);
  const key_mode mode = groups.groups().mode();
  // By ranges of the keys if the stated range is about as wide as there are groups: one value far away would put all
  // others into one part, and a range that is too narrow all that are beside it.
  const double width = key_types_.size() == 1 && !ranges_.empty() && ranges_[0].known()
                           ? static_cast<double>(ranges_[0].highest) - static_cast<double>(ranges_[0].lowest) + 1
                           : 0;
  const bool by_range = mode == key_mode::array && width >= likely / 2 && width <= 64 * likely;
  if (mode == key_mode::array && !by_range) return;  // one access a row, as far as is known
  // A table is between three and nine tenths full, and has the keys once more.
  const auto key_bytes = []<class Key>(const Key&) {
    return sizeof(Key) + 9.0 / 4 * sizeof(detail::key_bucket<Key>) / detail::key_bucket<Key>::capacity;
  };
  std::unique_ptr<detail::key_words> words = make_words(number, all_rows);
  const double group_bytes = static_cast<double>(groups.group_bytes()) +
                             (by_range                                        ? sizeof(std::uint32_t)
                              : words != nullptr || mode == key_mode::packed8 ? key_bytes(std::uint64_t{})
                                                                              : key_bytes(detail::wide_key{}));
  const double range = by_range ? 4.0 * width : 0;
  const double bytes = likely * group_bytes + range;
  if (bytes < (by_range ? least_bytes / 2 : least_bytes)) return;
  unsigned bits = 4;
  while (bits < 9 && bytes / static_cast<double>(1u << bits) > part_bytes) ++bits;
  // What is wrong here costs speed, and this memory.
  constexpr std::uint64_t much = std::uint64_t{256} << 20;
  std::uint64_t most = 2 * bytes > static_cast<double>(much)
                           ? static_cast<std::uint64_t>(2 * bytes < 0x1p62 ? 2 * bytes : 0x1p62)
                           : much;
  if (budget_ != nullptr && budget_->available() / 8 < most) most = budget_->available() / 8;
  std::size_t row_bytes = 0;
  for (const data_type& type : key_types_) row_bytes += words != nullptr ? 0 : byte_width(type.physical);
  row_bytes += words != nullptr ? sizeof(std::uint64_t) : 0;
  for (const data_type& type : input_types_) row_bytes += byte_width(type.physical);
  most /= worker_count();
  // A chunk for each part is little of that, and rows come by slabs.
  while (bits > 4 && (row_bytes * vector_rows << bits) > most / 4) --bits;
  const std::uint64_t chunks = row_bytes * vector_rows << bits, slab = std::uint64_t{4} << 20;
  const std::uint64_t step = chunks > slab ? chunks : slab;
  if (step > most / 2) return;
  const std::lock_guard<std::mutex> guard(all.deciding);
  if (all.is_made.load(std::memory_order_relaxed)) return;
  all.parts = by_range ? detail::key_parts::by_range(ranges_[0], bits) : detail::key_parts::by_hash(bits);
  all.most_bytes = most - step;
  all.words = std::move(words);
  if (by_range) all.whole = detail::row_words(all.parts, key_types_, input_types_);
  all.groups_of_row = likely / all_rows;
  all.is_made.store(true, std::memory_order_release);
}

/// nullptr: the keys do not fit into words, or there are so many texts that numbering them is as much work as grouping.
inline std::unique_ptr<detail::key_words> parallel_group::make_words(std::uint32_t number, double all_rows) const {
  const group_table& known = workers_[number].groups();
  std::vector<unsigned> text_bits(key_types_.size(), 0);
  for (std::uint32_t c = 0; c < key_types_.size() && key_types_.size() > 1; ++c) {
    if (key_types_[c].physical != physical_type::text) continue;
    text_bits[c] = detail::key_words::likely_bits(known.text_count(c), parted_->workers[number]->rows_seen);
    if (static_cast<double>(std::uint64_t{1} << text_bits[c]) > all_rows / 8) return nullptr;
  }
  return detail::key_words::make(key_types_, ranges_, text_bits, worker_count(), budget_);
}

/// A part of the words and what is computed of them: the workers' groups, and the rows that wait. Parts of keys without
/// words follow; where there is no such key they have no columns.
inline result<std::vector<column>> parallel_group::group_words_of(std::span<const detail::word_groups> groups,
                                                                  std::uint32_t part, const finishing& how) const {
  const detail::parted_rows& all = *parted_;
  PILLAR_TRY(how.ask());
  if (part >= all.parts.count()) {
    bool is_empty = true;
    for (const auto& each : groups) is_empty = is_empty && each.of(part).empty();
    if (is_empty) return std::vector<column>();
    PILLAR_ASSIGN_OR_RETURN(aggregator made, make_aggregator(0, ranges_));
    for (std::size_t w = 0; w < workers_.size(); ++w)
      if (const auto list = groups[w].of(part); !list.empty()) PILLAR_TRY(made.merge(workers_[w], list));
    return how.of(made);
  }
  std::uint64_t rows = 0;
  for (const auto& each : all.workers)
    if (each->has_parts) rows += each->rows.rows_of(part);
  const data_type word = type_of<std::uint64_t>;
  PILLAR_ASSIGN_OR_RETURN(aggregator made,
                          aggregator::make({&word, 1}, input_types_, aggregates_, budget_, {}, rows, input_ranges_));
  std::size_t known = 0;
  for (const auto& each : groups) known = each.of(part).size() > known ? each.of(part).size() : known;
  const double likely = static_cast<double>(rows) * all.groups_of_row * 17 / 16 + static_cast<double>(known);
  made.expect_groups(likely < detail::key_limit ? static_cast<std::uint32_t>(likely) : detail::key_limit);
  for (std::size_t w = 0; w < workers_.size(); ++w)
    if (const auto list = groups[w].of(part); !list.empty())
      PILLAR_TRY(made.merge_words(workers_[w], list, groups[w].words(part)));
  for (const auto& each : all.workers) {
    if (!each->has_parts) continue;
    const auto add = [&](std::span<const vector* const> columns, std::uint32_t count) -> result<void> {
      PILLAR_TRY(how.ask());
      return made.update(columns.first(1), columns.subspan(1), selection_mask::first(count), count, {},
                         each->input_bits);
    };
    PILLAR_TRY(each->rows.for_each_chunk(part, add));
  }
  return how.of(made);
}

/// Parts of words, then whole columns: keys are written once, where they stay.
inline result<std::vector<std::vector<column>>> parallel_group::finish_words(executor_ref runner,
                                                                             const finishing& how) {
  const detail::parted_rows& all = *parted_;
  const std::uint32_t part_count = all.parts.count();
  std::vector<detail::word_groups> groups(workers_.size());
  std::vector<result<void>> done(workers_.size());
  const auto scatter_one = [&](std::uint32_t index, std::uint32_t) {
    workers_[index].arrange();
    auto made = detail::word_groups::make(workers_[index].groups(), *all.words, part_count, budget_);
    if (made.ok()) groups[index] = *std::move(made);
    else done[index] = made.error();
  };
  runner.bulk(worker_count(), scatter_one);
  for (const auto& each : done) PILLAR_TRY(each);
  std::vector<std::vector<column>> parts(2 * part_count);
  done.assign(2 * part_count, {});
  std::atomic<bool> has_failed{false};
  const auto group_one = [&](std::uint32_t part, std::uint32_t) {
    if (has_failed.load(std::memory_order_relaxed)) return;
    auto made = group_words_of(groups, part, how);
    if (made.ok()) parts[part] = *std::move(made);
    else done[part] = made.error(), has_failed.store(true, std::memory_order_relaxed);
  };
  runner.bulk(2 * part_count, group_one);
  for (const auto& each : done) PILLAR_TRY(each);
  groups.clear();
  if (how.count != nullptr) return parts;
  std::uint64_t row_count = 0;
  for (const auto& part : parts) row_count += part.empty() ? 0 : part[0].size();
  const std::size_t key_count = key_types_.size(), column_count = result_types().size();
  std::vector<std::vector<column>> whole(1);
  whole[0].resize(column_count);
  done.assign(column_count, {});
  const auto write_column = [&](std::uint32_t c) -> result<void> {
    column_builder out(result_types()[c], how.budget);
    PILLAR_TRY(out.reserve(row_count));
    for (std::uint32_t part = 0; part < parts.size(); ++part) {
      PILLAR_TRY(how.ask());
      if (parts[part].empty()) continue;
      if (part >= part_count || c >= key_count) {
        column& from = parts[part][part >= part_count ? c : c - key_count + 1];
        PILLAR_TRY(out.append(from.slice(0, static_cast<std::uint32_t>(from.size()))));
        from = column();
      } else {
        const vector from = parts[part][0].slice(0, static_cast<std::uint32_t>(parts[part][0].size()));
        PILLAR_TRY(all.words->append(c, from.values_as<std::uint64_t>(), from.size, out));
      }
    }
    PILLAR_ASSIGN_OR_RETURN(whole[0][c], out.finish());
    return {};
  };
  const auto write_one = [&](std::uint32_t c, std::uint32_t) {
    if (!has_failed.load(std::memory_order_relaxed)) done[c] = write_column(c);
    if (!done[c].ok()) has_failed.store(true, std::memory_order_relaxed);
  };
  runner.bulk(static_cast<std::uint32_t>(column_count), write_one);
  for (const auto& each : done) PILLAR_TRY(each);
  return whole;
}

/// Each part: the workers' groups, and the rows that wait.
inline result<std::vector<std::vector<column>>> parallel_group::finish_parts(executor_ref runner,
                                                                             const finishing& how) {
  const detail::parted_rows& all = *parted_;
  const std::uint32_t part_count = all.parts.count();
  const std::size_t key_count = key_types_.size();
  std::vector<detail::group_parts> groups(workers_.size());
  std::vector<result<void>> done(workers_.size());
  const auto scatter_one = [&](std::uint32_t index, std::uint32_t) {
    workers_[index].arrange();
    auto made = detail::group_parts::make(workers_[index].groups(), all.parts, budget_);
    if (made.ok()) groups[index] = *std::move(made);
    else done[index] = made.error();
  };
  runner.bulk(worker_count(), scatter_one);
  for (const auto& each : done) PILLAR_TRY(each);
  std::vector<std::vector<column>> parts(part_count);
  done.assign(part_count, {});
  const auto group_part = [&](std::uint32_t part) -> result<std::vector<column>> {
    std::uint64_t rows = 0;
    for (const auto& each : all.workers)
      if (each->has_parts) rows += each->rows.rows_of(part);
    const key_range range = all.parts.range(part);
    PILLAR_ASSIGN_OR_RETURN(aggregator made,
                            range.known() ? make_aggregator(rows, {&range, 1}) : make_aggregator(rows, ranges_));
    std::size_t known = 0;
    for (const auto& each : groups) known = each.of(part).size() > known ? each.of(part).size() : known;
    const double likely = static_cast<double>(rows) * all.groups_of_row * 17 / 16 + static_cast<double>(known);
    made.expect_groups(likely < detail::key_limit ? static_cast<std::uint32_t>(likely) : detail::key_limit);
    for (std::size_t w = 0; w < workers_.size(); ++w)
      if (const auto list = groups[w].of(part); !list.empty()) PILLAR_TRY(made.merge(workers_[w], list));
    if (range.known() && likely > static_cast<double>(range.highest - range.lowest) / 4) made.put_off_groups();
    for (const auto& each : all.workers) {
      if (!each->has_parts) continue;
      const auto add = [&](std::span<const vector* const> columns, std::uint32_t count) -> result<void> {
        PILLAR_TRY(how.ask());
        if (!all.whole.may_be())
          return made.update(columns.first(key_count), columns.subspan(key_count), selection_mask::first(count), count,
                             {}, each->input_bits);
        const vector* given[] = {columns[1], columns[2]};
        vector key, value;
        std::uint64_t keys[vector_rows], values[vector_rows];
        if (columns[0] != nullptr) {
          key.type = key_types_[0];
          value.type = input_types_[0];
          all.whole.unpack(columns[0]->values_as<std::uint64_t>(), count, key, value, keys, values);
          given[0] = &key;
          given[1] = &value;
        }
        return made.update({given, 1}, {given + 1, 1}, selection_mask::first(count), count, {}, each->input_bits);
      };
      PILLAR_TRY(each->rows.for_each_chunk(part, add));
    }
    made.number_groups();
    return how.of(made);
  };
  std::atomic<bool> has_failed{false};
  const auto group_one = [&](std::uint32_t part, std::uint32_t) {
    if (has_failed.load(std::memory_order_relaxed)) return;
    auto made = group_part(part);
    if (made.ok()) parts[part] = *std::move(made);
    else done[part] = made.error(), has_failed.store(true, std::memory_order_relaxed);
  };
  runner.bulk(part_count, group_one);
  for (const auto& each : done) PILLAR_TRY(each);
  return parts;
}

inline result<std::vector<column>> parallel_group::merge_part(std::span<const detail::group_parts> groups,
                                                              std::uint32_t part, const finishing& how) const {
  PILLAR_ASSIGN_OR_RETURN(aggregator merged, make_aggregator(0, ranges_));
  for (std::size_t w = 0; w < groups.size(); ++w) {
    const auto list = groups[w].of(part);
    if (!list.empty()) PILLAR_TRY(merged.merge(workers_[w], list));
  }
  return how.of(merged);
}

PILLAR_API result<std::vector<std::vector<column>>> parallel_group::finish(executor_ref runner, memory_budget* budget,
                                                                           const group_permission* may_go_on) {
  return finish_all(runner, {budget, may_go_on});
}

PILLAR_API result<std::uint64_t> parallel_group::count_groups(executor_ref runner, const group_permission* may_go_on) {
  std::atomic<std::uint64_t> count{0};
  PILLAR_TRY(finish_all(runner, {nullptr, may_go_on, &count}));
  return count.load(std::memory_order_relaxed);
}

PILLAR_API void parallel_group::number_groups(executor_ref runner) {
  bool any = false;
  for (const aggregator& one : workers_) any = any || one.sums_by_codes();
  if (!any) return;
  const auto number_one = [&](std::uint32_t index, std::uint32_t) { workers_[index].number_groups(); };
  runner.bulk(worker_count(), number_one);
}

inline result<std::vector<std::vector<column>>> parallel_group::finish_all(executor_ref runner, const finishing& how) {
  constexpr std::uint64_t groups_of_part = 16384;
  if (PILLAR_MUTATE(parallel_group_late_groups_lost, true, false)) number_groups(runner);
  if (waiting_rows() != 0) return parted_->words != nullptr ? finish_words(runner, how) : finish_parts(runner, how);
  std::uint64_t total = 0;
  std::uint32_t in_use = 0;
  const aggregator* last = &workers_[0];
  for (const aggregator& one : workers_) {
    total += one.group_count();
    in_use += one.group_count() != 0 ? 1 : 0;
    if (one.group_count() != 0) last = &one;
  }
  std::vector<std::vector<column>> parts;
  if (in_use <= 1) {
    PILLAR_ASSIGN_OR_RETURN(std::vector<column> only, how.of(*last));
    parts.push_back(std::move(only));
    return parts;
  }
  if (key_types_.empty() || total <= 2 * groups_of_part) {
    PILLAR_ASSIGN_OR_RETURN(aggregator merged, make_aggregator(0, ranges_));
    for (const aggregator& one : workers_) PILLAR_TRY(merged.merge(one));
    PILLAR_ASSIGN_OR_RETURN(std::vector<column> only, how.of(merged));
    parts.push_back(std::move(only));
    return parts;
  }
  unsigned part_bits = 2;
  while (part_bits < 8 && total >> part_bits > groups_of_part) ++part_bits;
  bool by_words = true;
  for (const aggregator& one : workers_)
    by_words = by_words && (one.group_count() == 0 || one.groups().has_words_of(last->groups()));
  std::vector<detail::group_parts> groups(workers_.size());
  std::vector<result<void>> done(workers_.size());
  const auto scatter_one = [&](std::uint32_t index, std::uint32_t) {
    workers_[index].arrange();
    auto made = detail::group_parts::make(workers_[index].groups(), part_bits, budget_, by_words);
    if (made.ok()) groups[index] = *std::move(made);
    else done[index] = made.error();
  };
  runner.bulk(worker_count(), scatter_one);
  for (const auto& each : done) PILLAR_TRY(each);
  const std::uint32_t part_count = std::uint32_t{1} << part_bits;
  parts.resize(part_count);
  done.assign(part_count, {});
  std::atomic<bool> has_failed{false};
  const auto merge_one = [&](std::uint32_t index, std::uint32_t) {
    if (has_failed.load(std::memory_order_relaxed)) return;
    const auto asked = how.ask();
    auto merged = asked.ok() ? merge_part(groups, PILLAR_MUTATE(parallel_group_parts_mixed, index, index & ~1u), how)
                             : result<std::vector<column>>(asked.error());
    if (merged.ok()) parts[index] = *std::move(merged);
    else done[index] = merged.error(), has_failed.store(true, std::memory_order_relaxed);
  };
  runner.bulk(part_count, merge_one);
  for (const auto& each : done) PILLAR_TRY(each);
  return parts;
}

}  // namespace PILLAR_NAMESPACE
