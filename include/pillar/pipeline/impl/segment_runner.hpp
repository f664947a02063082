// SPDX-License-Identifier: Apache-2.0
/// One pass over a source: zones, then vector by vector predicate, values and sink, on all workers of an executor.
#pragma once
#include <algorithm>
#include <bit>
#include <memory>
#include <optional>

#include "pillar/aggregate/parallel_group.hpp"
#include "pillar/base/detail/heap_sort.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/codec/match_scratch.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/run_store.hpp"
#include "pillar/filter/evaluate.hpp"
#include "pillar/filter/predicate.hpp"
#include "pillar/filter/vector_run.hpp"
#include "pillar/pipeline/detail/spilled_groups.hpp"
#include "pillar/pipeline/impl/bound_segment.hpp"
#include "pillar/pipeline/impl/gathered_rows.hpp"
#include "pillar/pipeline/impl/run_groups.hpp"
#include "pillar/pipeline/impl/shared_keys.hpp"
#include "pillar/pipeline/impl/sorted_rows.hpp"
#include "pillar/pipeline/run_options.hpp"
#include "pillar/pipeline/statistics.hpp"
#include "pillar/schedule/for_each_morsel.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/schedule/slice_cursor.hpp"
#include "pillar/sort/permutation.hpp"
#include "pillar/sort/top_n.hpp"
#include "pillar/zone/vector_zones.hpp"
#include "pillar/zone/zone_map.hpp"

// Queries need no definitions that fill tables: they would cost every header-only program their compilation.
#define PILLAR_STORAGE_READ_ONLY
#include "pillar/storage/table.hpp"
#undef PILLAR_STORAGE_READ_ONLY

namespace PILLAR_NAMESPACE::detail {

/// What one worker owns while it runs a segment.
struct worker_local {
  worker_local(const bound_segment& shared, memory_budget* memory, memory_budget* results)
      : budget(memory),
        keys_of_others(memory),
        dictionary_answers(memory),
        columns(shared.what.source.size()),
        zones(shared.what.source.size()),
        vector_zones(shared.what.source.size()),
        nodes(shared.values.nodes) {
    if (shared.what.has_predicate) {
      predicate.emplace(shared.predicate);
      predicate->codec_scratch = &dictionary_answers;
    }
    for (const bound_predicate& restriction : shared.restrictions) {
      restrictions.emplace_back(restriction);
      restrictions.back().codec_scratch = &dictionary_answers;
    }
    masks.resize(restrictions.size());
    rows.columns = columns;
    run.columns.resize(columns.size());
    run.touched.resize(columns.size());
    gathered.prepare(shared.gathered, shared.what.source);
    if (shared.what.sink != sink_kind::collect && shared.what.sink != sink_kind::order) return;
    dynamic_schema kept = shared.what.result;
    kept.columns.push_back({std::string(), type_of<std::uint64_t>});  // row ids: the order of the scan
    collected.emplace(std::move(kept), results);
  }

  memory_budget* budget;
  std::uint32_t number = 0;  ///< of the worker
  shared_keys keys_of_others;
  match_scratch dictionary_answers;
  std::vector<batch_column> columns;
  std::vector<const zone_map*> zones;
  std::vector<block_zones> vector_zones;
  open_blocks blocks;                 ///< of the row group at work
  std::vector<std::uint32_t> wanted;  ///< columns to open
  vector_answers verdicts;
  vector_run run;
  gathered_rows gathered;
  batch rows;
  std::vector<bound_value> nodes;  ///< of computed values, narrowed for the row group at work
  std::optional<predicate_state> predicate;
  std::vector<predicate_state> restrictions;  ///< of aggregates
  std::vector<selection_mask> masks;          ///< the rows of the batch that they keep
  value_state computed;
  zone_scratch block_scratch;
  zone_scratch vector_scratch;
  std::vector<value_interval> proof;
  std::vector<vector> values;
  std::vector<const vector*> keys;
  std::vector<const vector*> inputs;
  std::vector<const selection_mask*> where;
  std::vector<std::uint8_t> input_bits;  ///< of the row group's aggregate inputs
  selection_mask nothing = selection_mask::none();

  /// A vector for an aggregate that takes no part in an update: of the right type and size, its values are not read.
  [[nodiscard]] static vector stand_in(const data_type& type, std::uint32_t size) {
    static constexpr std::uint64_t zero[2] = {0, 0};
    vector made;
    made.type = type;
    made.kind = vector_kind::constant;
    made.size = size;
    made.values = zero;
    return made;
  }

  aggregator* groups = nullptr;        ///< this worker's of all groups, or
  spilled_groups* spilling = nullptr;  ///< everybody's, where there is a memory budget and a place to spill to
  std::unique_ptr<run_groups> runs;    ///< beside them, where rows are sorted by the keys
  std::optional<top_n> best;
  std::optional<column_set_builder> collected;

  std::uint64_t rows_selected = 0;
  std::uint64_t rows_to_table = 0;  ///< of rows that are grouped
  std::uint64_t groups_skipped = 0;
  std::uint64_t morsels = 0;
  std::vector<block_account> accounts;
};

/// Runs one bound segment over one source.
class segment_runner {
 public:
  segment_runner(const bound_segment& shared, executor_ref runner, query_context& context,
                 const run_options& options = {}, row_outlet* outlet = nullptr)
      : shared_(shared),
        runner_(runner),
        context_(context),
        options_(options),
        outlet_(outlet),
        result_budget_(options.result_budget != nullptr ? options.result_budget : context.budget()),
        locals_(runner.concurrency()) {}

  /// The rows of this segment go through a join to another: the last of such a chain has the result.
  ///
  /// Requires: both outlive the run
  void feed(pass_link& link, segment_runner& next) {
    link_ = &link;
    next_ = &next;
    link.begin(runner_.concurrency());
  }

  absl::StatusOr<column_set> run_table(const table& from, scan_statistics& stats) {
    return run_version(from.version(), stats);
  }
  absl::StatusOr<column_set> run_version(const std::shared_ptr<const table_version>& version, scan_statistics& stats) {
    std::vector<std::uint64_t> groups;
    for (const auto& slice : version->slices) groups.push_back(slice.groups.size());
    stats.rows_in_table = version->row_count();
    if (shared_.what.sink == sink_kind::group) find_key_ranges(*version);
    for (segment_runner* one = this; one != nullptr; one = one->next_) one->expected_rows_ = stats.rows_in_table;
    if (shared_.what.sink == sink_kind::group)
      if (const auto looked = look_for_order(*version); !looked.ok()) return to_status(looked.error(), "group by");
    if (const auto made = make_all_groups(); !made.ok()) return to_status(made.error(), "group by");
    std::uint64_t group_count = 0;
    groups_before_.clear();
    for (const auto count : groups) {
      groups_before_.push_back(group_count);
      group_count += count;
    }
    stats.row_groups += group_count;
    number_rows(group_count);
    announce(*version);
    const auto body = [&](const morsel& part, std::uint32_t worker) -> result<void> {
      if (is_full()) return {};
      worker_local& local = local_of(worker);
      PILLAR_TRY(prepare(local));
      ++local.morsels;
      for (std::uint64_t g = part.begin; g < part.end; ++g)
        PILLAR_TRY(
            scan_group(*version->slices[part.slice].groups[g], part.slice, static_cast<std::uint32_t>(g), local));
      return {};
    };
    if (auto done = drive(groups, body, stats); !done.ok()) return done;
    if (auto done = flush_links(); !done.ok()) return to_status(done.error(), "join");
    account(stats);
    return finish(stats);
  }

  absl::StatusOr<column_set> run_rows(const column_set& from, scan_statistics& stats) {
    constexpr std::uint64_t chunk_rows = std::uint64_t{1} << unit_bits;
    const std::uint64_t row_count = from.row_count();
    const std::vector<std::uint64_t> chunks{(row_count + chunk_rows - 1) / chunk_rows};
    stats.rows_in_table = row_count;
    if (const auto made = make_all_groups(); !made.ok()) return to_status(made.error(), "group by");
    number_rows(chunks[0]);
    const auto body = [&](const morsel& part, std::uint32_t worker) -> result<void> {
      if (is_full()) return {};
      worker_local& local = local_of(worker);
      PILLAR_TRY(prepare(local));
      ++local.morsels;
      const std::uint64_t end = std::min(row_count, part.end * chunk_rows);
      for (std::uint64_t at = part.begin * chunk_rows; at < end; at += vector_rows) {
        const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(vector_rows, end - at));
        for (const std::uint32_t c : shared_.named) {
          local.columns[c].decoded = from.columns[c].slice(at, count);
          local.columns[c].has_decoded = true;
        }
        local.rows.row_count = count;
        local.rows.selection = selection_mask::first(count);
        if (local.predicate) PILLAR_TRY(apply(*local.predicate, local.rows));
        PILLAR_TRY(consume(local, {at, nullptr}, {}));
      }
      return {};
    };
    if (auto done = drive(chunks, body, stats); !done.ok()) return done;
    if (auto done = flush_links(); !done.ok()) return to_status(done.error(), "join");
    account(stats);
    return finish(stats);
  }

 private:
  static constexpr unsigned unit_bits = 16;  ///< of rows of a row group or chunk, which is one worker's

  friend class join_link;          // impl/join.hpp: takes rows and hands them on
  friend class spilled_join_link;  // impl/spilled_join.hpp

  worker_local& local_of(std::uint32_t worker) {
    if (!locals_[worker]) {
      locals_[worker] = std::make_unique<worker_local>(shared_, context_.budget(), result_budget_);
      locals_[worker]->number = worker;
    }
    return *locals_[worker];
  }

  /// Says how the rows of the pass are numbered: in the order of the answer, which is that of the scan, of what a join
  /// makes of a row that of the other side. `units`: row groups or chunks of the scan.
  void number_rows(std::uint64_t units) {
    segment_runner* last = this;
    while (last->next_ != nullptr) last = last->next_;
    link_numbers how;
    how.are_read = last->reads_numbers();
    for (const bool exactly : {false, true}) {
      std::uint64_t limit = std::max<std::uint64_t>(1, units) << unit_bits;
      how.are_distinct = PILLAR_MUTATE(pipeline_rows_of_one_share_number, true, false);
      last->rows_of_one_ = 1;
      for (segment_runner* one = this; one != last; one = one->next_) {
        const std::uint64_t of_one = std::max<std::uint64_t>(1, one->link_->most_of_one(exactly));
        const std::uint64_t unmatched = std::min(link_numbers::most, one->link_->most_unmatched());
        how.are_distinct = how.are_distinct && limit <= (link_numbers::most - unmatched) / of_one;
        how.radix = how.are_distinct ? of_one : 1;
        how.unmatched = limit * how.radix;
        one->link_->number_rows(how);
        limit = std::min(how.unmatched + unmatched, 2 * link_numbers::most);  // beyond that nothing is told apart
        last->rows_of_one_ *= how.radix;
      }
      if (outlet_ != nullptr) outlet_->number_limit = limit;
      if (how.are_distinct) return;
    }
  }
  [[nodiscard]] bool reads_numbers() const {
    const auto& aggregates = shared_.what.aggregates;
    return shared_.what.sink != sink_kind::group ||
           std::any_of(aggregates.begin(), aggregates.end(),
                       [](const named_aggregate& of) { return takes_row_numbers(of.kind); });
  }

  /// Of the segment that ends the pass.
  result<void> make_all_groups() {
    for (segment_runner* one = this; one != nullptr; one = one->next_) PILLAR_TRY(one->make_groups());
    return {};
  }
  result<void> prepare(worker_local& local) {
    if (link_ != nullptr) return link_->prepare(local.number, local.budget);
    if (shared_.what.sink == sink_kind::top && !local.best) {
      std::vector<data_type> types;
      for (const auto& column : shared_.what.result.columns) types.push_back(column.type);
      PILLAR_ASSIGN_OR_RETURN(top_n made, top_n::make(types, shared_.what.order, shared_.what.limit, local.budget));
      local.best.emplace(std::move(made));
    }
    if (spilling_) local.spilling = spilling_.get();
    else if (groups_) local.groups = &groups_->worker(local.number);
    if (by_runs() && !local.runs)
      local.runs = std::make_unique<run_groups>(
          run_group_request{key_types_, input_types_, specs_, input_ranges_, context_.budget(), result_budget_});
    return {};
  }

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

  [[nodiscard]] bool by_runs() const noexcept { return sorted_ && sorted_->is_worth_it(); }
  /// Whether the keys begin the table's sort key, so that runs of rows are groups.
  result<void> look_for_order(const table_version& version) {
    if (options_.find_groups == group_search::by_table || key_ranges_.empty()) return {};
    if (options_.find_groups == group_search::automatic && key_ranges_.size() == 1 && key_ranges_[0].known() &&
        static_cast<uint128>(key_ranges_[0].highest) - static_cast<uint128>(key_ranges_[0].lowest) < small_array)
      return {};
    if (may_spill_groups() && !has_room_for_runs(version)) return {};
    const auto is_read = [&](const row_group& group) -> result<bool> {
      if (context_.check_deadline()) return context_.error();
      return answer_of(group, local_of(0)).what != zone_verdict::none;
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
  result<void> make_groups() {
    if (shared_.what.sink != sink_kind::group) return {};
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

  /// Small key ranges let the group table use arrays: the zone maps of all row groups know them, for computed keys by
  /// interval analysis.
  void find_key_ranges(const table_version& version) {
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
    worker_local& local = local_of(0);
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
  /// Whether an aggregate takes distinct values of a root, which are looked up as keys are.
  [[nodiscard]] bool of_distinct_rows(std::uint32_t root) const {
    for (std::size_t a = 0; a < shared_.inputs.size(); ++a)
      if (shared_.inputs[a] == root && shared_.what.aggregates[a].options.distinct) return true;
    return false;
  }

  /// What a row group's zone maps say of the predicate.
  zone_answer answer_of(const row_group& group, worker_local& local) const {
    zone_answer block;
    block.what = zone_verdict::all;
    for (const std::uint32_t c : shared_.named) local.zones[c] = &group.blocks[c].zone;
    if (shared_.what.has_predicate) block = answer(shared_.predicate, local.zones, local.block_scratch);
    return block;
  }

  /// Tells block sources what the zone maps leave to read, so that they read ahead: the predicate's columns, and all of
  /// them where every row is known to pass.
  void announce(const table_version& version) {
    worker_local& local = local_of(0);
    std::vector<block_id> wanted;
    for (const auto& slice : version.slices) {
      const block_store* store = nullptr;
      const auto tell = [&] {
        if (!wanted.empty()) store->source.announce(wanted);
        wanted.clear();
      };
      for (const auto& group : slice.groups) {
        if (group->store == nullptr) continue;
        if (store != group->store.get()) tell();
        store = group->store.get();
        const zone_answer block = answer_of(*group, local);
        if (block.what == zone_verdict::none) continue;
        for (const std::uint32_t c : block.what == zone_verdict::all ? shared_.read : shared_.predicate.columns)
          wanted.push_back(group->blocks[c].stored.id);
      }
      tell();
    }
  }

  absl::Status drive(const std::vector<std::uint64_t>& units, morsel_body body, scan_statistics& stats) {
    if (outlet_ != nullptr && outlet_->is_open) return drive_in_order(units, body);
    auto cursors = slice_cursors::create(units, runner_.concurrency(), context_.budget());
    if (!cursors.ok()) return to_status(cursors.error(), "scan");
    const auto done = for_each_morsel(runner_, *cursors, context_, 1, body);
    stats.morsels_stolen = cursors->stolen_count();
    if (!done.ok()) return to_status(done.error(), "query");
    return absl::OkStatus();
  }

  /// On the calling thread, slice by slice.
  absl::Status drive_in_order(const std::vector<std::uint64_t>& units, morsel_body body) {
    for (std::uint32_t slice = 0; slice < units.size(); ++slice)
      for (std::uint64_t unit = 0; unit < units[slice]; ++unit) {
        if (context_.check_deadline()) return to_status(context_.error(), "query");
        if (const auto done = body({slice, false, unit, unit + 1}, 0); !done.ok()) {
          context_.fail(done.error());
          return to_status(done.error(), "query");
        }
      }
    return absl::OkStatus();
  }
  [[nodiscard]] bool is_full() const noexcept {
    return outlet_ != nullptr && outlet_->is_full.load(std::memory_order_relaxed);
  }

  /// One row group: zones first, then vector by vector.
  result<void> scan_group(const row_group& group, std::uint32_t slice, std::uint32_t number, worker_local& local) {
    local.dictionary_answers.begin_block();
    begin_block(local);
    local.blocks.begin(group);
    if (local.runs) local.keys_of_others.begin(*sorted_, sorted_->place(slice, number));
    const zone_answer block = answer_of(group, local);
    if (block.what == zone_verdict::none) ++local.groups_skipped;
    begin_run(group, block, local);
    const std::uint64_t reached = local.run.open;
    if (reached != 0) {
      analyze(shared_.values.nodes, local.zones, local.proof);
      narrow(local);
      if (shared_.what.sink == sink_kind::group) find_input_bits(local);
      if (local.predicate && PILLAR_MUTATE(pipeline_some_taken_for_all, block.what != zone_verdict::all, false)) {
        PILLAR_TRY(open_asked(local));
        ask_encoded(*local.predicate, local.run);
      }
      if (local.run.open != 0) PILLAR_TRY(open_columns(shared_.read, local));
      const std::uint64_t first_row = (groups_before_[slice] + number) << unit_bits;
      for (std::uint64_t left = local.run.open; left != 0; left &= left - 1)
        PILLAR_TRY(scan_vector(group, static_cast<std::uint32_t>(std::countr_zero(left)), first_row, local));
      PILLAR_TRY(consume_gathered(local));
    }
    account_group(group, slice, number, reached, local);
    return local.runs ? local.runs->end_group() : result<void>();
  }

  /// Dictionaries at known addresses may hold other entries from now on.
  void begin_block(worker_local& local) {
    if (local.groups != nullptr) local.groups->begin_block();
    if (local.spilling != nullptr) local.spilling->begin_block(local.number);
    if (local.runs) local.runs->begin_block();
    if (next_ != nullptr) next_->begin_block(next_->local_of(local.number));
  }

  /// Opens the vectors of a row group that their zone maps do not reject.
  void begin_run(const row_group& group, const zone_answer& block, worker_local& local) const {
    vector_run& run = local.run;
    run.count = group.vector_count();
    for (const std::uint32_t c : shared_.named) {
      run.columns[c] = {};
      run.touched[c] = {};
      local.vector_zones[c] = {group.blocks[c].vector_zones, &group.blocks[c].bounds};
    }
    answer_vectors(shared_.predicate, local.vector_zones, run.count, block, local.vector_scratch, local.verdicts);
    run.settled = local.verdicts.known_true;
    run.undecided = 0;
    run.open = low_bits(run.count) & ~local.verdicts.none;
    for (std::uint64_t left = run.open; left != 0; left &= left - 1) {
      const auto v = static_cast<std::uint32_t>(std::countr_zero(left));
      run.rows[v] = selection_mask::first(group.rows_of(v));
    }
  }

  /// Opens blocks of the row group at work, those that are not yet.
  static result<void> open_columns(std::span<const std::uint32_t> columns, worker_local& local) {
    local.blocks.announce(columns);
    for (const std::uint32_t c : columns) {
      if (local.run.columns[c]) continue;
      PILLAR_ASSIGN_OR_RETURN(const block_view* const view, local.blocks.open(c));
      local.run.columns[c] = view->vector_at(0);
    }
    return {};
  }

  /// Opens the columns of the conjuncts that zone maps have not settled for every open vector.
  result<void> open_asked(worker_local& local) const {
    const vector_run& run = local.run;
    local.wanted.clear();
    for (std::size_t i = 0; i < shared_.asked.size(); ++i) {
      const bool settled = i < run.settled.size() && i < 64 && (run.open & ~run.settled[i]) == 0;
      if (!settled) local.wanted.insert(local.wanted.end(), shared_.asked[i].begin(), shared_.asked[i].end());
    }
    return open_columns(local.wanted, local);
  }

  /// What is left to ask of one vector, and its rows to the sink, now or together with those of the next.
  result<void> scan_vector(const row_group& group, std::uint32_t v, std::uint64_t first_row, worker_local& local) {
    vector_run& run = local.run;
    const bool undecided = ((run.undecided >> v) & 1) != 0;
    if (!undecided && !shared_.gathered.empty()) {
      auto done = local.gathered.add(v, run.rows[v], run);
      if (done == gathered_rows::outcome::no_room) {
        PILLAR_TRY(consume_gathered(local));
        done = local.gathered.add(v, run.rows[v], run);
      }
      if (done == gathered_rows::outcome::taken) return {};
    }
    PILLAR_TRY(consume_gathered(local));
    for (const std::uint32_t c : shared_.named) {
      batch_column& column = local.columns[c];
      column.source = run.vector_at(c, v);
      column.has_decoded = false;
      column.touched = run.touched[c].dearest(v);
    }
    local.rows.row_count = group.rows_of(v);
    local.rows.selection = run.rows[v];
    if (undecided) PILLAR_TRY(apply(*local.predicate, local.rows, run.settled_of(v), local.block_scratch.values));
    PILLAR_TRY(consume(local, {first_row | (v * vector_rows), nullptr}, local.proof));
    const std::uint64_t bit = std::uint64_t{1} << v;
    for (const std::uint32_t c : shared_.named) run.touched[c].touch(bit, local.columns[c].touched);
    if (!local.rows.selection.any()) run.open &= ~bit;
    return {};
  }

  result<void> consume_gathered(worker_local& local) {
    if (!local.gathered.any()) return {};
    local.gathered.fetch(local.run, local.rows);
    const result<void> done = consume(local, {}, local.proof);
    if (done.ok() || done.error().code != errc::overflow) return done;
    return {errc::overflow, local.gathered.row_of(static_cast<std::uint32_t>(done.error().position))};
  }

  /// Counts what was done to each vector of a row group.
  void account_group(const row_group& group, std::uint32_t slice, std::uint32_t number, std::uint64_t reached,
                     worker_local& local) const {
    const vector_run& run = local.run;
    for (const std::uint32_t c : shared_.named) {
      block_account account;
      account.slice = slice;
      account.group = number;
      account.column = c;
      account.block_bytes = group.blocks[c].block_bytes();
      const touched_vectors& touched = run.touched[c];
      std::uint64_t decoded = touched.decoded;
      if (sorted_)
        decoded |= PILLAR_MUTATE(sorted_rows_ends_uncounted,
                                 sorted_->vectors_read(sorted_->place(slice, number), c, run.count), 0);
      const std::uint64_t read = touched.encoded | decoded, consulted = read | touched.settled;
      const std::uint64_t unselected = reached & ~run.open & ~consulted;
      const auto count = [&account](scan_cause cause, std::uint64_t vectors) {
        account.vectors[static_cast<std::size_t>(cause)] = static_cast<std::uint64_t>(std::popcount(vectors));
      };
      count(scan_cause::skipped_by_zone, low_bits(run.count) & ~consulted & ~unselected);
      count(scan_cause::skipped_by_selection, unselected);
      count(scan_cause::settled, touched.settled & ~read);
      count(scan_cause::encoded, touched.encoded & ~decoded);
      count(scan_cause::decoded, decoded);
      if (consulted != 0) {  // else the block may not even be open
        const block_view& view = local.blocks[c];
        if (read == low_bits(run.count)) {
          account.bytes_read = view.block_bytes() - view.shared_bytes();
        } else {
          for (std::uint64_t left = read; left != 0; left &= left - 1)
            account.bytes_read += view.encoded_bytes(static_cast<std::uint32_t>(std::countr_zero(left)));
        }
        const auto& counts = account.vectors;
        if (PILLAR_MUTATE(pipeline_directory_unread, counts[2] + counts[3] + counts[4], counts[2]) > 0)
          account.bytes_read += view.shared_bytes();
      }
      local.accounts.push_back(account);
    }
  }

  /// How large the aggregates' inputs are in these rows, as zone maps prove it.
  void find_input_bits(worker_local& local) const {
    const auto bits_of = [](int128 value) {
      const int128 size = value < 0 ? ~value : value;
      return static_cast<std::uint8_t>(size >> 63 != 0 ? 64 : std::bit_width(static_cast<std::uint64_t>(size)));
    };
    local.input_bits.clear();
    for (std::size_t root = shared_.what.outputs.size(); root < shared_.values.roots.size(); ++root) {
      const value_interval& at = local.proof[shared_.values.roots[root]];
      const bool known = at.may_be_value && !at.may_fail && is_integer(shared_.values.type(root).physical);
      local.input_bits.push_back(known ? std::max(bits_of(at.lo), bits_of(at.hi)) : std::uint8_t{64});
    }
  }

  /// Interval analysis often proves that values fit into 64 or 32 bits in these rows: wide decimals are then computed
  /// in int64, grouped sums and what they read in int32, which is several times faster, and conversions to wider types
  /// fall away.
  void narrow(worker_local& local) const {
    const auto fits = [&]<class T>(std::size_t i, T lowest, T highest) {
      const value_interval& at = local.proof[i];
      return shared_.may_narrow[i] && at.may_be_value && !at.may_fail && at.lo >= lowest && at.hi <= highest;
    };
    const auto halves = [&](std::size_t i) {
      return shared_.may_halve && fits(i, lowest_of<std::int32_t>(), highest_of<std::int32_t>());
    };
    const std::size_t count = local.nodes.size();
    for (std::size_t i = 0; i < count; ++i) {
      bound_value& node = local.nodes[i];
      const bound_value& declared = shared_.values.nodes[i];
      const bool wide = declared.type.physical == physical_type::integer128;
      if (declared.kind == bound_value::kind_type::column || (!wide && declared.type.physical != physical_type::int64))
        continue;
      const bool narrowed = wide && fits(i, lowest_of<std::int64_t>(), highest_of<std::int64_t>());
      node.type.physical = halves(i) ? physical_type::int32 : narrowed ? physical_type::int64 : declared.type.physical;
      node.left = declared.left;
      node.right = declared.right;
      if (declared.kind != bound_value::kind_type::arithmetic || node.type.physical == declared.type.physical) continue;
      node.left = without_conversion(local, declared.left);
      node.right = without_conversion(local, declared.right);
    }
    for (const auto& column : shared_.halves) local.columns[column.column].narrow = halves(column.node);
  }
  /// The operand of a conversion that only changes the width, if its own values are 64 bits or narrower.
  [[nodiscard]] static std::uint32_t without_conversion(const worker_local& local, std::uint32_t index) {
    const bound_value& node = local.nodes[index];
    const bool made_narrow = node.type.physical == physical_type::int64 || node.type.physical == physical_type::int32;
    if (node.kind != bound_value::kind_type::convert || !made_narrow) return index;
    const data_type& from = local.nodes[node.left].type;
    const bool narrow = is_integer(from.physical) && from.physical != physical_type::uint64 &&
                        from.physical != physical_type::integer128;
    return narrow && scale_of(from) == scale_of(node.type) ? node.left : index;
  }

  /// Hands the selected rows of a batch to the sink.
  result<void> consume(worker_local& local, const row_numbers& numbers, std::span<const value_interval> proof) {
    batch& rows = local.rows;
    if (!rows.selection.any()) return {};
    const std::uint32_t selected = rows.selection.count();
    local.rows_selected += selected;
    const segment& what = shared_.what;
    local.values.resize(shared_.values.roots.size());
    local.computed.begin_batch();
    if (link_ != nullptr) return link_->take(*this, local, numbers, proof);
    for (std::uint32_t root = 0; root < shared_.values.roots.size(); ++root) {
      if (feeds_encoded_sum(root) && rows.columns[shared_.plain(root)].source &&
          !rows.columns[shared_.plain(root)].has_decoded)
        continue;
      PILLAR_TRY(find_value(local, root, proof));
    }
    if (what.sink == sink_kind::group) return aggregate(local, selected, numbers);
    if (what.sink == sink_kind::top) {
      local.keys.clear();
      for (const vector& output : local.values) local.keys.push_back(&output);
      return local.best->update({local.keys.data(), local.keys.size()}, rows.selection, numbers.first);
    }
    if (outlet_ != nullptr && outlet_->is_open)
      return outlet_->take(local.values, rows.selection, rows.row_count, numbers);
    const result<void> kept = collect(local, numbers);
    if (kept.ok() || outlet_ == nullptr || kept.error().code != errc::out_of_memory) return kept;
    outlet_->is_full.store(true, std::memory_order_relaxed);
    return {};
  }
  result<void> collect(worker_local& local, const row_numbers& numbers) const {
    const batch& rows = local.rows;
    const auto width = static_cast<std::uint32_t>(shared_.what.outputs.size());
    for (std::uint32_t i = 0; i < width; ++i)
      PILLAR_TRY(local.collected->column_at(i).append(local.values[i], &rows.selection));
    alignas(64) std::uint64_t ids[vector_rows];
    for (std::uint32_t i = 0; i < rows.row_count; ++i) ids[i] = numbers.of(i);
    vector id_vector;
    id_vector.type = type_of<std::uint64_t>;
    id_vector.size = rows.row_count;
    id_vector.values = ids;
    return local.collected->column_at(width).append(id_vector, &rows.selection);
  }

  /// local.values[root] = the values of the selected rows.
  result<void> find_value(worker_local& local, std::uint32_t root, std::span<const value_interval> proof) {
    batch& rows = local.rows;
    const std::uint32_t column = shared_.plain(root);
    if (column != bound_segment::none) {
      local.values[root] = rows.column(column);
    } else if (shared_.narrow_sum_of(root) && rows.selection.count() < rows.row_count) {
      PILLAR_ASSIGN_OR_RETURN(local.values[root], evaluate_selected(local.nodes, shared_.values.roots[root], rows,
                                                                    rows.selection, local.computed, proof));
    } else {
      PILLAR_ASSIGN_OR_RETURN(local.values[root], evaluate_value(local.nodes, shared_.values.roots[root], rows,
                                                                 rows.selection, local.computed, proof));
    }
    return {};
  }

  /// Takes the rows whose columns were given.
  result<void> accept(worker_local& local, std::uint32_t row_count, const selection_mask& selection,
                      const row_numbers& numbers) {
    PILLAR_TRY(prepare(local));
    local.rows.row_count = row_count;
    local.rows.selection = selection;
    if (local.predicate) PILLAR_TRY(apply(*local.predicate, local.rows));
    return consume(local, numbers, {});
  }

  /// Rows that links still hold, once all others have been through.
  result<void> flush_links() {
    for (segment_runner* one = this; one->next_ != nullptr; one = one->next_)
      PILLAR_TRY(one->link_->flush(*one, context_));
    return {};
  }

  [[nodiscard]] bool feeds_encoded_sum(std::uint32_t root) const {
    for (std::size_t a = 0; a < shared_.inputs.size(); ++a)
      if (shared_.inputs[a] == root) return shared_.summed[a];
    return false;
  }

  /// Updates the aggregates with the selected rows. Where an aggregate's column can be summed encoded it is, and takes
  /// no part in the update.
  result<void> aggregate(worker_local& local, std::uint32_t selected, const row_numbers& numbers) {
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
    if (!local.runs) return aggregate_by_table(local, rows.selection, numbers);
    selection_mask shared;
    PILLAR_TRY(local.keys_of_others.find(local.keys, rows.selection, shared));
    if (shared.any()) PILLAR_TRY(aggregate_by_table(local, shared, numbers));
    selection_mask own = rows.selection;
    for (std::uint32_t word = 0; word < vector_words; ++word) own.words[word] &= ~shared.words[word];
    if (!own.any()) return {};
    return local.runs->update(local.keys, local.inputs, own, rows.row_count, local.where, local.input_bits, numbers);
  }
  result<void> aggregate_by_table(worker_local& local, const selection_mask& selection, const row_numbers& numbers) {
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

  /// The order asked for, ties in the order of the scan.
  result<column_set> in_order(const column_set& rows) {
    const auto row_count = static_cast<std::uint32_t>(rows.row_count());
    const std::uint64_t wanted = shared_.what.is_cut ? shared_.what.limit : row_count;
    if (shared_.what.order.empty() && row_count <= wanted) {  // one worker meets the rows in their order
      const auto* const ids = rows.columns.back().slice(0, row_count).values_as<std::uint64_t>();
      if (std::is_sorted(ids, ids + row_count)) return rows;
    }
    const auto width = static_cast<std::uint32_t>(rows.columns.size());
    std::vector<sort_key> keys = shared_.what.order;
    keys.push_back({width - 1, false, false});
    std::vector<vector> views;
    for (const auto& column : rows.columns) views.push_back(column.slice(0, row_count));
    // The answer's own order, as joins that have spilled lose it, is part of the answer.
    memory_budget* const budget = shared_.what.order.empty() ? result_budget_ : context_.budget();
    PILLAR_ASSIGN_OR_RETURN(const buffer order, sort_permutation(views, keys, row_count, budget));
    const std::span<const std::uint32_t> kept(order.as<std::uint32_t>(),
                                              wanted < row_count ? static_cast<std::size_t>(wanted) : row_count);
    column_set out;
    out.schema = rows.schema;
    for (const auto& column : rows.columns) {
      column_builder builder(column.type(), result_budget_);
      PILLAR_TRY(builder.append_gather(column, kept));
      PILLAR_ASSIGN_OR_RETURN(pillar::column made, builder.finish());
      out.columns.push_back(std::move(made));
    }
    return out;
  }

  void account(scan_statistics& stats) {
    stats.threads = runner_.concurrency();
    for (auto& local : locals_) {
      if (!local) continue;
      stats.rows_selected += local->rows_selected;
      stats.row_groups_skipped += local->groups_skipped;
      stats.morsels += local->morsels;
      stats.blocks.insert(stats.blocks.end(), local->accounts.begin(), local->accounts.end());
    }
    heap_sort(stats.blocks, [](const block_account& a, const block_account& b) {
      return a.slice != b.slice ? a.slice < b.slice : a.group != b.group ? a.group < b.group : a.column < b.column;
    });
    for (const std::uint32_t c : shared_.named) {
      column_account made;
      made.name = shared_.what.source[c].name;
      made.column = c;
      for (const auto& block : stats.blocks) {
        if (block.column != c) continue;
        for (std::size_t i = 0; i < scan_cause_count; ++i) made.vectors[i] += block.vectors[i];
        ++made.blocks;
        if (block.bytes_read == 0) ++made.blocks_untouched;
        made.bytes_read += block.bytes_read;
        made.bytes_unread += block.block_bytes - block.bytes_read;
      }
      stats.columns.push_back(std::move(made));
    }
    for (const segment_runner* one = this; one->next_ != nullptr; one = one->next_) {
      stats.joins.push_back(one->link_->account());
      stats.spilled_rows += stats.joins.back().spilled_rows;
    }
  }

  absl::StatusOr<column_set> finish(scan_statistics& stats) {
    if (next_ != nullptr) return next_->finish(stats);
    auto made = shared_.what.sink == sink_kind::group ? finish_groups(stats)
                : shared_.what.sink == sink_kind::top ? finish_top()
                                                      : finish_rows();
    if (!made.ok()) return to_status(made.error(), "result");
    if (spilling_) stats.spilled_rows += spilling_->spilled_rows();
    return *std::move(made);
  }

  [[nodiscard]] static std::string_view mode_of(const group_table& table) noexcept {
    if (table.mode() == key_mode::array && table.code_count() == 1) return "constant";
    return to_string(table.mode());
  }
  /// Before the groups are finished, but behind those that were runs.
  [[nodiscard]] group_account group_statistics() const {
    group_account out;
    out.may_spill = spilling_ != nullptr;
    for (const auto& local : locals_) {
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

  result<column_set> finish_groups(scan_statistics& stats) {
    std::vector<std::vector<column>> parts;
    for (auto& local : locals_)
      if (local && PILLAR_MUTATE(sorted_rows_last_runs_lost, local->runs != nullptr, false))
        PILLAR_TRY(local->runs->flush());
    if (!shared_.what.outputs.empty()) stats.groups = group_statistics();
    if (spilling_) {
      std::vector<std::vector<std::vector<column>>> taken(runner_.concurrency());
      const auto take = [&](std::span<const column> groups, std::uint32_t worker) -> result<void> {
        taken[worker].emplace_back(groups.begin(), groups.end());
        return context_.check_deadline() ? context_.status() : result<void>();
      };
      PILLAR_TRY(spilling_->finish(runner_, take, result_budget_));
      for (auto& each : taken)
        for (auto& part : each) parts.push_back(std::move(part));
    } else {
      const auto ask = [this]() -> result<void> {
        return context_.check_deadline() ? context_.status() : result<void>();
      };
      const group_permission may_go_on = ask;
      PILLAR_ASSIGN_OR_RETURN(parts, groups_->finish(runner_, result_budget_, &may_go_on));
      groups_.reset();
    }
    take_runs(parts);
    column_set out;
    out.schema = shared_.what.result;
    if (parts.size() == 1) out.columns = std::move(parts[0]);
    else PILLAR_TRY(join_parts(parts, out));
    return out;
  }

  /// Groups that were runs, behind those of the table.
  void take_runs(std::vector<std::vector<column>>& parts) {
    if (!by_runs()) return;
    for (auto& local : locals_) {
      if (!local || !local->runs) continue;
      for (auto& part : local->runs->take()) parts.push_back(std::move(part));
    }
    const auto is_empty = [](const std::vector<column>& part) { return part[0].size() == 0; };
    if (!std::all_of(parts.begin(), parts.end(), is_empty)) std::erase_if(parts, is_empty);
    else if (parts.size() > 1) parts.resize(1);
  }

  /// Parts of an answer, one behind the other, the columns side by side.
  result<void> join_parts(std::vector<std::vector<column>>& parts, column_set& out) {
    const std::size_t column_count = out.schema.size();
    out.columns.resize(column_count);
    std::uint64_t row_count = 0;
    for (const auto& part : parts) row_count += part[0].size();
    std::vector<result<void>> done(column_count);
    const auto join_one = [&](std::uint32_t c, std::uint32_t) {
      done[c] = [&]() -> result<void> {
        column_builder whole(out.schema[c].type, result_budget_);
        PILLAR_TRY(whole.reserve(row_count));
        for (auto& part : parts) {
          const auto rows = static_cast<std::uint32_t>(part[c].size());
          PILLAR_TRY(whole.append(part[c].slice(0, rows)));
          part[c] = column();
        }
        PILLAR_ASSIGN_OR_RETURN(out.columns[c], whole.finish());
        return {};
      }();
    };
    runner_.bulk(static_cast<std::uint32_t>(column_count), join_one);
    for (const auto& each : done) PILLAR_TRY(each);
    return {};
  }

  result<column_set> finish_top() {
    worker_local& first = local_of(0);
    PILLAR_TRY(prepare(first));
    for (std::size_t w = 1; w < locals_.size(); ++w)
      if (locals_[w] && locals_[w]->best) PILLAR_TRY(first.best->merge(*locals_[w]->best));
    column_set out;
    out.schema = shared_.what.result;
    PILLAR_ASSIGN_OR_RETURN(out.columns, first.best->finish());
    return out;
  }

  result<column_set> finish_rows() {
    if (is_full()) return errc::out_of_memory;
    worker_local& first = local_of(0);
    std::vector<column_set> parts;
    std::uint64_t row_count = 0;
    for (const auto& local : locals_) {
      if (!local || local->collected->row_count() == 0) continue;
      row_count += local->collected->row_count();
      PILLAR_ASSIGN_OR_RETURN(column_set part, local->collected->finish());
      parts.push_back(std::move(part));
    }
    if (row_count > 0xffffffffu) return errc::limit_exceeded;
    column_set out;
    const bool in_scan_order = shared_.what.order.empty() && (!shared_.what.is_cut || row_count <= shared_.what.limit);
    if (in_scan_order && parts.size() > 1) {
      const growable<row_run> runs = ordered_runs(parts, rows_of_one_, result_budget_);
      if (!runs.empty()) {
        out.schema = shared_.what.result;
        PILLAR_TRY(join_runs(parts, {runs.data(), runs.size()}, out));
        return out;
      }
    }
    if (parts.size() != 1) {
      for (column_set& part : parts) {
        PILLAR_TRY(first.collected->append(part));
        part = column_set();  // its memory is free for what follows
      }
      PILLAR_ASSIGN_OR_RETURN(column_set all, first.collected->finish());
      parts.assign(1, std::move(all));
    }
    PILLAR_ASSIGN_OR_RETURN(out, in_order(parts[0]));
    out.columns.pop_back();
    out.schema = shared_.what.result;
    return out;
  }

  /// Rows that a worker met one after the other, in the order of the scan.
  struct row_run {
    std::uint64_t first_id, last_id;
    std::size_t part;
    std::uint32_t first, count;
  };
  /// The runs of all parts in the order of the scan; none where they are too many, some lie inside others or there is no
  /// room for their list.
  [[nodiscard]] static growable<row_run> ordered_runs(std::span<const column_set> parts, std::uint64_t rows_of_one,
                                                      memory_budget* budget) {
    constexpr std::uint64_t least_rows = 64;  // of a run in the mean: less is sorted
    growable<row_run> none(budget), runs(budget);
    std::uint64_t row_count = 0;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const auto rows = static_cast<std::uint32_t>(parts[part].row_count());
      row_count += rows;
      const vector numbers = parts[part].columns.back().slice(0, rows);
      const auto* const ids = numbers.values_as<std::uint64_t>();
      for (std::uint32_t first = 0, end = 0; first < rows; first = end) {
        // The next row group may be another worker's.
        const std::uint64_t limit = (((ids[first] / rows_of_one >> unit_bits) + 1) << unit_bits) * rows_of_one;
        const auto goes_on = [&] { return ids[end] >= ids[end - 1] && ids[end] < limit; };
        for (end = first + 1; end < rows && goes_on();) ++end;
        if (runs.size() > 64 + row_count / least_rows ||
            !runs.append({ids[first], ids[end - 1], part, first, end - first}).ok())
          return none;
      }
    }
    std::span<row_run> all(runs.data(), runs.size());
    heap_sort(all, [](const row_run& a, const row_run& b) { return a.first_id < b.first_id; });
    for (std::size_t i = 1; i < runs.size(); ++i)
      if (PILLAR_MUTATE(pipeline_runs_overlap, runs[i].first_id <= runs[i - 1].last_id, false)) return none;
    return runs;
  }
  /// The rows of runs, one behind the other, the columns side by side.
  result<void> join_runs(std::span<column_set> parts, std::span<const row_run> runs, column_set& out) {
    std::uint64_t row_count = 0;
    for (const row_run& run : runs) row_count += run.count;
    const std::size_t column_count = out.schema.size();
    out.columns.resize(column_count);
    std::vector<result<void>> done(column_count);
    const auto join_one = [&](std::uint32_t c, std::uint32_t) {
      done[c] = [&]() -> result<void> {
        column_builder whole(out.schema[c].type, result_budget_);
        PILLAR_TRY(whole.reserve(row_count));
        for (const row_run& run : runs)
          PILLAR_TRY(whole.append(parts[run.part].columns[c].slice(run.first, run.count)));
        for (column_set& part : parts) part.columns[c] = column();
        PILLAR_ASSIGN_OR_RETURN(out.columns[c], whole.finish());
        return {};
      }();
    };
    runner_.bulk(static_cast<std::uint32_t>(column_count), join_one);
    for (const auto& each : done) PILLAR_TRY(each);
    return {};
  }

  const bound_segment& shared_;
  pass_link* link_ = nullptr;       ///< what its rows go through
  segment_runner* next_ = nullptr;  ///< the segment that they go to
  executor_ref runner_;
  query_context& context_;
  run_options options_;
  row_outlet* outlet_;  ///< of the rows of the pass
  memory_budget* result_budget_;
  std::optional<parallel_group> groups_;
  std::unique_ptr<spilled_groups> spilling_;
  std::vector<std::unique_ptr<worker_local>> locals_;
  static constexpr std::uint32_t small_array = 1u << 18;  ///< keys that index it are found at once, in whatever order
  std::optional<sorted_rows> sorted_;                     ///< where the keys begin the table's sort key
  std::vector<data_type> key_types_, input_types_;
  std::vector<aggregate_spec> specs_;
  std::string_view mode_at_first_{};
  std::vector<key_range> key_ranges_;
  std::vector<key_range> input_ranges_;  ///< of the aggregates' inputs: for distinct values only
  std::uint64_t expected_rows_ = 0;
  std::vector<std::uint64_t> groups_before_;  ///< row groups in front of each slice's
  std::uint64_t rows_of_one_ = 1;             ///< that joins may make of one row of the scan
};

/// The segments of a pass, one feeding the next.
class pass_runner {
 public:
  pass_runner(const bound_pass& pass, executor_ref runner, query_context& context, const run_options& options = {},
              row_outlet* outlet = nullptr) {
    for (const auto& segment : pass.segments)
      runners_.push_back(std::make_unique<segment_runner>(*segment, runner, context, options, outlet));
    for (std::size_t i = 0; i < pass.links.size(); ++i) runners_[i]->feed(*pass.links[i], *runners_[i + 1]);
  }
  [[nodiscard]] segment_runner& first() noexcept { return *runners_.front(); }

 private:
  std::vector<std::unique_ptr<segment_runner>> runners_;
};

/// Bytes that were written to the stores that a run spills to.
inline std::uint64_t bytes_in_stores(const run_options& options) noexcept {
  std::uint64_t total = 0;
  for (const run_store* const store : options.spill.stores) total += store->counts().bytes_written;
  return total;
}

/// Runs a pass whose rows go to an outlet: collected, on all workers, or else in their order.
template <class Run>
absl::StatusOr<column_set> run_to_outlet(const bound_pass& pass, const Run& run, executor_ref runner,
                                         const run_options& options, row_outlet& to) {
  bool comes_once = false;  // behind a join that was opened to spill, whether it has or not
  bool in_order = true;
  for (const auto& link : pass.links) {
    comes_once = comes_once || link->comes_once();
    in_order = in_order && link->keeps_order();
  }
  if (!comes_once) {
    run_options collecting = options;
    collecting.result_budget = to.budget();
    auto made = run(runner, collecting, &to);
    if (made.ok()) {
      const result<void> kept = to.keep(*std::move(made));
      if (kept.ok()) return column_set{};
      made = to_status(kept.error(), "join");
    }
    if (made.status().code() != absl::StatusCode::kResourceExhausted) return made.status();
  }
  if (const result<void> opened = to.open(PILLAR_MUTATE(pipeline_other_side_in_order, in_order, true)); !opened.ok())
    return to_status(opened.error(), "join");
  to.is_full = false;
  inline_executor here;
  return run(here, options, &to);
}

/// Runs all passes of a plan. `stats`: the account of the first, and what all have spilled. With an outlet, the rows go
/// there.
inline absl::StatusOr<column_set> run_passes(const query_plan& plan, executor_ref runner, query_context& context,
                                             const run_options& options, scan_statistics& stats, row_outlet* outlet) {
  auto segments = bind_plan(plan);
  if (!segments.ok()) return segments.status();
  column_set rows;
  std::uint64_t spilled_rows = 0;
  const std::uint64_t bytes_before = bytes_in_stores(options);
  for (std::size_t i = 0, end = 0; i < segments->size(); i = end) {
    end = end_of_pass(*segments, i);
    auto bound = bind_pass(*segments, i, end, i == 0 ? plan.from_table : nullptr, {runner, context, options});
    if (!bound.ok()) return bound.status();
    scan_statistics account;
    const auto run = [&](executor_ref with, const run_options& how, row_outlet* to) {
      account = {};
      pass_runner pass(*bound, with, context, how, to);
      return i == 0 && plan.from_table != nullptr ? pass.first().run_table(*plan.from_table, account)
                                                  : pass.first().run_rows(i == 0 ? *plan.from_rows : rows, account);
    };
    auto made = outlet != nullptr && end == segments->size() ? run_to_outlet(*bound, run, runner, options, *outlet)
                                                             : run(runner, options, nullptr);
    if (!made.ok()) return made.status();
    rows = *std::move(made);
    spilled_rows += account.spilled_rows + bound->spilled_rows;
    if (i == 0) stats = std::move(account);  // only the source's scan is accounted for
  }
  stats.spilled_rows = spilled_rows;
  stats.spilled_bytes = bytes_in_stores(options) - bytes_before;
  return rows;
}

}  // namespace PILLAR_NAMESPACE::detail
