// SPDX-License-Identifier: Apache-2.0
/// The groups at the end of a segment: by a table, which may spill, by runs of a sort key's prefix, or by encoded sums.
#pragma once
#include <algorithm>
#include <bit>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "pillar/aggregate/parallel_group.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/pipeline/impl/joined_parts.hpp"
#include "pillar/pipeline/impl/sorted_rows.hpp"
#include "pillar/pipeline/impl/worker_local.hpp"
#include "pillar/pipeline/run_options.hpp"
#include "pillar/schedule/query_context.hpp"

// Queries need no definitions that fill tables: they would cost every header-only program their compilation.
#define PILLAR_STORAGE_READ_ONLY
#include "pillar/storage/table.hpp"
#undef PILLAR_STORAGE_READ_ONLY

namespace PILLAR_NAMESPACE::detail {

/// The groups of one segment, fed by all workers.
///
/// Threads: update() one for each worker_local, the others alone
class group_sink {
 public:
  using worker_locals = std::span<const std::unique_ptr<worker_local>>;

  group_sink(const bound_segment& shared, executor_ref runner, query_context& context, const run_options& options,
             memory_budget* result_budget)
      : shared_(shared), runner_(runner), context_(context), options_(options), result_budget_(result_budget) {}

  /// Rows that may come at most, as far as known.
  void expect(std::uint64_t rows) noexcept { expected_rows_ = rows; }

  /// Small key ranges let the group table use arrays: the zone maps of all row groups know them, for computed keys by
  /// interval analysis.
  void find_key_ranges(const table_version& version, worker_local& local) {
    const std::size_t root_count = shared_.values.roots.size(), key_count = shared_.what.outputs.size();
    std::vector<key_range> ranges(root_count);
    std::vector<std::uint8_t> known(root_count);
    bool has_computed = false;
    for (std::uint32_t k = 0; k < root_count; ++k) {
      const bool is_plain = shared_.plain(k) != bound_segment::none;
      const physical_type physical = shared_.values.type(k).physical;
      known[k] = is_integer(physical) && (k < key_count || of_distinct_rows(k)) &&
                 (is_plain || (PILLAR_MUTATE(pipeline_computed_range_unknown, k < key_count, false) &&
                               physical != physical_type::integer128));
      has_computed = has_computed || (known[k] && !is_plain);
    }
    for (const auto& slice : version.slices)
      for (const auto& group : slice.groups) {
        if (has_computed) {
          for (const std::uint32_t c : shared_.named) local.zones[c] = &group->blocks[c].zone;
          analyze(shared_.values.nodes, local.zones, local.proof);
        }
        for (std::uint32_t k = 0; k < root_count; ++k) {
          if (!known[k]) continue;
          const std::uint32_t column = shared_.plain(k);
          const value_interval values = column != bound_segment::none ? interval_of(group->blocks[column].zone)
                                                                      : local.proof[shared_.values.roots[k]];
          key_range& range = ranges[k];
          if (values.may_fail) known[k] = false;
          if (!values.may_be_value) continue;
          range = range.known() ? key_range{std::min(range.lowest, values.lo), std::max(range.highest, values.hi)}
                                : key_range{values.lo, values.hi};
        }
      }
    for (std::size_t k = 0; k < root_count; ++k)
      (k < key_count ? key_ranges_ : input_ranges_).push_back(known[k] ? ranges[k] : key_range{});
  }

  /// Whether the keys begin the table's sort key, so that runs of rows are groups.
  result<void> look_for_order(const table_version& version, worker_local& local) {
    if (options_.find_groups == group_search::by_table || key_ranges_.empty()) return {};
    if (options_.find_groups == group_search::automatic && key_ranges_.size() == 1 && key_ranges_[0].known() &&
        static_cast<uint128>(key_ranges_[0].highest) - static_cast<uint128>(key_ranges_[0].lowest) < small_array)
      return {};
    if (may_spill_groups() && !has_room_for_runs(version)) return {};
    const auto is_read = [&](const row_group& group) -> result<bool> {
      if (context_.check_deadline()) return context_.error();
      return answer_of(shared_, group, local).what != zone_verdict::none;
    };
    auto made = sorted_rows::make(shared_, version, is_read, context_.budget());
    if (!made.ok() && made.error().code != errc::out_of_memory) return made.error();
    if (!made.ok() || !*made) return {};  // a table may do with less, or spill
    sorted_ = *std::move(made);
    if (!by_runs()) return {};
    // The table is for what row groups have in common.
    std::uint64_t row_groups = 0;
    for (const auto& slice : version.slices) row_groups += slice.groups.size();
    expected_rows_ = sorted_->rows_in_table() + 2 * row_groups;
    return {};
  }

  /// The groups of all workers: inside the memory budget if there is one and rows may be spilled.
  result<void> make() {
    const std::size_t key_count = shared_.what.outputs.size();
    auto &keys = key_types_, &inputs = input_types_;
    auto& specs = specs_;
    for (std::size_t root = 0; root < shared_.values.roots.size(); ++root)
      (root < key_count ? keys : inputs).push_back(shared_.values.type(root));
    for (std::size_t a = 0; a < shared_.what.aggregates.size(); ++a) {
      const auto input_of = [&](std::uint32_t root) {
        return root == bound_segment::none ? 0 : root - static_cast<std::uint32_t>(key_count);
      };
      specs.emplace_back(shared_.what.aggregates[a].kind, input_of(shared_.inputs[a]), input_of(shared_.seconds[a]),
                         shared_.what.aggregates[a].options);
    }
    memory_budget* const budget = context_.budget();
    const spill_target& spill = options_.spill;
    if (may_spill_groups() && key_count != 0) {
      const group_request what{keys,
                               inputs,
                               specs,
                               key_ranges_,
                               input_ranges_,
                               expected_rows_,
                               runner_.concurrency(),
                               budget,
                               !shared_.restrictions.empty()};
      PILLAR_ASSIGN_OR_RETURN(spilling_, spill.make_groups(what, spill.stores));
    } else {
      PILLAR_ASSIGN_OR_RETURN(auto made, parallel_group::make(keys, inputs, specs, runner_.concurrency(), budget,
                                                              key_ranges_, expected_rows_, input_ranges_));
      groups_.emplace(std::move(made));
      mode_at_first_ = mode_of(groups_->worker(0).groups());
    }
    return {};
  }

  /// What a worker updates: groups_, spilling_, and runs.
  void prepare(worker_local& local) {
    if (spilling_) local.spilling = spilling_.get();
    else if (groups_) local.groups = &groups_->worker(local.number);
    if (by_runs() && !local.runs)
      local.runs = std::make_unique<run_groups>(
          run_group_request{key_types_, input_types_, specs_, input_ranges_, context_.budget(),
                            counts() ? context_.budget() : result_budget_, counts()});
  }

  /// Updates the aggregates with the selected rows. Where an aggregate's column can be summed encoded it is, and takes
  /// no part in the update.
  result<void> update(worker_local& local, std::uint32_t selected, const row_numbers& numbers) {
    const segment& what = shared_.what;
    const std::size_t key_count = what.outputs.size();
    batch& rows = local.rows;
    local.keys.clear();
    local.inputs.assign(shared_.values.roots.size() - key_count, nullptr);
    local.where.assign(what.aggregates.size(), nullptr);
    for (std::size_t k = 0; k < key_count; ++k) local.keys.push_back(&local.values[k]);
    bool all_elsewhere = key_count == 0 && shared_.restrictions.empty();
    PILLAR_TRY(find_masks(local));
    for (std::uint32_t a = 0; a < what.aggregates.size(); ++a) {
      if (shared_.restricted[a] != bound_segment::none) local.where[a] = &local.masks[shared_.restricted[a]];
      if (const std::uint32_t second = shared_.seconds[a]; second != bound_segment::none)
        local.inputs[second - key_count] = &local.values[second];
      const std::uint32_t root = shared_.inputs[a];
      if (root == bound_segment::none) continue;
      const bool computed = shared_.sums_computed[a];
      if (computed) sum_selected(local, a, root);
      if (computed || (shared_.summed[a] && sum_encoded(local, a, root))) {
        local.where[a] = &local.nothing;
        local.values[root] = local.stand_in(shared_.values.type(root), rows.row_count);
      } else {
        if (shared_.summed[a]) local.values[root] = rows.column(shared_.plain(root));
        all_elsewhere = false;
      }
      local.inputs[root - key_count] = &local.values[root];
    }
    if (all_elsewhere) {
      for (std::uint32_t a = 0; a < what.aggregates.size(); ++a)
        if (shared_.inputs[a] == bound_segment::none) local.groups->add_count(a, selected);
      return {};
    }
    const selection_mask taken =
        PILLAR_MUTATE(null_is_a_value, counts(), false) ? with_value(rows.selection, *local.keys[0]) : rows.selection;
    if (!taken.any()) return {};
    if (!local.runs) return update_table(local, taken, numbers);
    selection_mask shared;
    PILLAR_TRY(local.keys_of_others.find(local.keys, taken, shared));
    if (shared.any()) PILLAR_TRY(update_table(local, shared, numbers));
    selection_mask own = taken;
    for (std::uint32_t word = 0; word < vector_words; ++word) own.words[word] &= ~shared.words[word];
    if (!own.any()) return {};
    return local.runs->update(local.keys, local.inputs, own, rows.row_count, local.where, local.input_bits, numbers);
  }

  /// The answer of all workers.
  result<column_set> finish(worker_locals locals, scan_statistics& stats) {
    std::vector<std::vector<column>> parts;
    for (const auto& local : locals)
      if (local && PILLAR_MUTATE(sorted_rows_last_runs_lost, local->runs != nullptr, false))
        PILLAR_TRY(local->runs->flush());
    if (PILLAR_MUTATE(group_account_of_early_groups, groups_.has_value(), false)) groups_->number_groups(runner_);
    if (!shared_.what.outputs.empty()) stats.groups = group_statistics(locals);
    if (counts()) return count_groups(locals);
    if (spilling_) {
      std::vector<std::vector<std::vector<column>>> taken(runner_.concurrency());
      const auto take = [&](std::span<const column> groups, std::uint32_t worker) -> result<void> {
        taken[worker].emplace_back(groups.begin(), groups.end());
        return ask_context();
      };
      PILLAR_TRY(spilling_->finish(runner_, take, result_budget_));
      for (auto& each : taken)
        for (auto& part : each) parts.push_back(std::move(part));
    } else {
      const auto ask = [this] { return ask_context(); };
      const group_permission may_go_on = ask;
      PILLAR_ASSIGN_OR_RETURN(parts, groups_->finish(runner_, result_budget_, &may_go_on));
      groups_.reset();
    }
    take_runs(locals, parts);
    column_set out;
    out.schema = shared_.what.result;
    if (parts.size() == 1) out.columns = std::move(parts[0]);
    else PILLAR_TRY(join_parts(parts, runner_, result_budget_, out));
    return out;
  }

  [[nodiscard]] std::uint64_t spilled_rows() const { return spilling_ ? spilling_->spilled_rows() : 0; }
  /// Where row groups lie among each other, if that was looked for.
  [[nodiscard]] const sorted_rows* ends() const noexcept { return sorted_ ? &*sorted_ : nullptr; }

 private:
  [[nodiscard]] bool by_runs() const noexcept { return sorted_ && sorted_->is_worth_it(); }

  [[nodiscard]] bool may_spill_groups() const {
    const memory_budget* const budget = context_.budget();
    return budget != nullptr && budget->available() != memory_budget::unlimited && !options_.spill.stores.empty() &&
           options_.spill.make_groups != nullptr;
  }
  /// Runs cannot be spilled. Their groups are given back every few row groups, but what states take that keep rows, or
  /// sketches of them, is not known beforehand.
  [[nodiscard]] bool has_room_for_runs(const table_version& version) const {
    for (const named_aggregate& of : shared_.what.aggregates)
      if (of.options.distinct || of.kind == aggregate_kind::median || of.kind == aggregate_kind::quantile ||
          of.kind == aggregate_kind::approximate_quantile || of.kind == aggregate_kind::approximate_count_distinct ||
          of.kind == aggregate_kind::string_agg || of.kind == aggregate_kind::own)
        return false;
    std::uint64_t rows = 0;
    for (const auto& slice : version.slices)
      for (const auto& group : slice.groups) rows = std::max<std::uint64_t>(rows, group->row_count);
    const std::uint64_t group_bytes = 8 * shared_.what.outputs.size() + 8 + 24 * shared_.what.aggregates.size();
    return (run_groups::enough_runs + rows) * group_bytes <= context_.budget()->available() / runner_.concurrency();
  }
  /// Whether an aggregate takes distinct values of a root, which are looked up as keys are.
  [[nodiscard]] bool of_distinct_rows(std::uint32_t root) const {
    for (std::size_t a = 0; a < shared_.inputs.size(); ++a)
      if (shared_.inputs[a] == root && shared_.what.aggregates[a].options.distinct) return true;
    return false;
  }
  result<void> update_table(worker_local& local, const selection_mask& selection, const row_numbers& numbers) {
    const std::span<const vector*const> keys(local.keys), inputs(local.inputs);
    const std::span<const selection_mask* const> where(local.where);
    const std::uint32_t row_count = local.rows.row_count;
    local.rows_to_table += selection.count();
    if (local.spilling != nullptr)
      return local.spilling->update(local.number, keys, inputs, selection, row_count, where, local.input_bits, numbers);
    return groups_->update(local.number, keys, inputs, selection, row_count, where, local.input_bits, numbers);
  }

  /// The rows that each aggregate's own predicate keeps.
  static result<void> find_masks(worker_local& local) {
    const selection_mask all = local.rows.selection;
    for (std::size_t i = 0; i < local.restrictions.size(); ++i) {
      const result<void> done = apply(local.restrictions[i], local.rows);
      local.masks[i] = local.rows.selection;
      local.rows.selection = all;
      PILLAR_TRY(done);
    }
    return {};
  }

  /// The sum of computed values of the selected rows, packed together.
  void sum_selected(worker_local& local, std::uint32_t a, std::uint32_t root) {
    const vector& values = local.values[root];
    const bool same = values.kind == vector_kind::constant;
    int128 total = 0;
    std::uint64_t count = 0;
    const auto add = [&]<class T>(const T* from) {
      if (sizeof(T) == 8 && values.validity == nullptr && !same) {  // 1,024 of them stay below 2^73
        for (std::uint32_t i = 0; i < values.size; ++i) total += from[i];
        count = values.size;
        return;
      }
      for (std::uint32_t i = 0; i < values.size; ++i) {
        if (!values.valid(i)) continue;
        const T value = from[same ? 0 : i];
        int128 next = 0;
        if (!checked_add<int128>(total, value, next)) {  // values of 38 digits
          local.groups->add_sum(a, total, count);
          next = value;
          count = 0;
        }
        total = next;
        ++count;
      }
    };
    if (values.type.physical == physical_type::int64) add(values.values_as<std::int64_t>());
    else add(values.values_as<int128>());
    local.groups->add_sum(a, total, count);
  }

  bool sum_encoded(worker_local& local, std::uint32_t a, std::uint32_t root) {
    batch& rows = local.rows;
    const std::uint32_t column = shared_.plain(root);
    if (!rows.columns[column].source || rows.columns[column].has_decoded) return false;
    const encoded_vector& source = rows.columns[column].source;
    selection_mask valid = rows.selection;
    std::uint64_t words[vector_words];
    if (source.operations->validity(source.block, source.index, words))
      for (std::uint32_t i = 0; i < vector_words; ++i) valid.words[i] &= words[i];
    const std::uint32_t count = valid.count();
    int128 total = 0;
    if (!source.operations->sum(source.block, source.index, valid.words, count == rows.row_count, total)) return false;
    rows.touch(column, evidence::encoded);
    local.groups->add_sum(a, total, count);
    return true;
  }

  [[nodiscard]] static std::string_view mode_of(const group_table& table) noexcept {
    if (table.mode() == key_mode::array && table.code_count() == 1) return "constant";
    return to_string(table.mode());
  }
  /// Before the groups are finished, but behind those that were runs.
  [[nodiscard]] group_account group_statistics(worker_locals locals) const {
    group_account out;
    out.may_spill = spilling_ != nullptr;
    for (const auto& local : locals) {
      if (!local) continue;
      out.rows_by_table += local->rows_to_table;
      if (!local->runs) continue;
      out.rows_by_runs += local->runs->row_count();
      out.groups_by_runs += local->runs->group_count();
    }
    if (!groups_) return out;
    out.mode_at_first = mode_at_first_;
    out.rows_waiting = groups_->waiting_rows();
    const group_table* largest = &groups_->worker(0).groups();
    for (std::uint32_t w = 0; w < groups_->worker_count(); ++w) {
      const group_table& table = groups_->worker(w).groups();
      out.groups_in_tables += table.group_count();
      if (table.group_count() > largest->group_count()) largest = &table;
    }
    out.mode = mode_of(*largest);
    return out;
  }

  [[nodiscard]] bool counts() const noexcept { return shared_.what.counts_groups; }
  [[nodiscard]] result<void> ask_context() { return context_.check_deadline() ? context_.status() : result<void>(); }
  [[nodiscard]] static selection_mask with_value(selection_mask rows, const vector& values) noexcept {
    for (std::uint32_t word = 0; values.validity != nullptr && word < vector_words; ++word)
      rows.words[word] &= values.validity_word(word);
    return rows;
  }
  /// How many groups there are; NULLs have not come here.
  result<column_set> count_groups(worker_locals locals) {
    std::uint64_t count = 0;
    for (const auto& local : locals)
      if (local && local->runs) count += local->runs->group_count();
    if (spilling_) {
      std::vector<std::uint64_t> taken(runner_.concurrency(), 0);
      const auto take = [&](std::span<const column> groups, std::uint32_t worker) {
        taken[worker] += groups[0].size();
        return ask_context();
      };
      PILLAR_TRY(spilling_->finish(runner_, take, context_.budget()));
      for (const std::uint64_t some : taken) count += some;
    } else {
      const auto ask = [this] { return ask_context(); };
      const group_permission may_go_on = ask;
      PILLAR_ASSIGN_OR_RETURN(const std::uint64_t in_tables, groups_->count_groups(runner_, &may_go_on));
      count += in_tables;
      groups_.reset();
    }
    column_builder one(type_of<std::int64_t>, result_budget_);
    PILLAR_TRY(one.append_integer(static_cast<std::int64_t>(count)));
    column_set out;
    out.schema = shared_.what.result;
    PILLAR_ASSIGN_OR_RETURN(column made, one.finish());
    out.columns.push_back(std::move(made));
    return out;
  }

  /// Groups that were runs, behind those of the table.
  void take_runs(worker_locals locals, std::vector<std::vector<column>>& parts) {
    if (!by_runs()) return;
    for (const auto& local : locals) {
      if (!local || !local->runs) continue;
      for (auto& part : local->runs->take()) parts.push_back(std::move(part));
    }
    const auto is_empty = [](const std::vector<column>& part) { return part[0].size() == 0; };
    if (!std::all_of(parts.begin(), parts.end(), is_empty)) std::erase_if(parts, is_empty);
    else if (parts.size() > 1) parts.resize(1);
  }

  const bound_segment& shared_;
  executor_ref runner_;
  query_context& context_;
  const run_options& options_;
  memory_budget* result_budget_;
  std::optional<parallel_group> groups_;
  std::unique_ptr<spilled_groups> spilling_;
  static constexpr std::uint32_t small_array = 1u << 18;  ///< keys that index it are found at once, in whatever order
  std::optional<sorted_rows> sorted_;                     ///< where the keys begin the table's sort key
  std::vector<data_type> key_types_, input_types_;
  std::vector<aggregate_spec> specs_;
  std::string_view mode_at_first_{};
  std::vector<key_range> key_ranges_;
  std::vector<key_range> input_ranges_;  ///< of the aggregates' inputs: for distinct values only
  std::uint64_t expected_rows_ = 0;
};

}  // namespace PILLAR_NAMESPACE::detail
