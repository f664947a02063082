// SPDX-License-Identifier: Apache-2.0
/// One pass over a source: zones, then vector by vector predicate, values and sink, on all workers of an executor.
#pragma once
#include <algorithm>
#include <bit>
#include <memory>
#include <optional>

#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/pipeline/impl/bound_segment.hpp"
#include "pillar/pipeline/impl/group_sink.hpp"
#include "pillar/pipeline/impl/joined_parts.hpp"
#include "pillar/pipeline/impl/narrow_values.hpp"
#include "pillar/pipeline/impl/scan_account.hpp"
#include "pillar/pipeline/impl/worker_local.hpp"
#include "pillar/pipeline/run_options.hpp"
#include "pillar/pipeline/statistics.hpp"
#include "pillar/schedule/for_each_morsel.hpp"
#include "pillar/schedule/slice_cursor.hpp"
#include "pillar/sort/permutation.hpp"
#include "pillar/sort/top_n.hpp"

// Queries need no definitions that fill tables: they would cost every header-only program their compilation.
#define PILLAR_STORAGE_READ_ONLY
#include "pillar/storage/table.hpp"
#undef PILLAR_STORAGE_READ_ONLY

namespace PILLAR_NAMESPACE::detail {

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
        locals_(runner.concurrency()),
        groups_(shared, runner, context, options_, result_budget_) {}

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
    if (shared_.what.sink == sink_kind::group) groups_.find_key_ranges(*version, local_of(0));
    for (segment_runner* one = this; one != nullptr; one = one->next_) one->groups_.expect(stats.rows_in_table);
    if (shared_.what.sink == sink_kind::group)
      if (const auto looked = groups_.look_for_order(*version, local_of(0)); !looked.ok())
        return to_status(looked.error(), "group by");
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
    constexpr std::uint64_t chunk_rows = std::uint64_t{1} << scan_unit_bits;
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
      std::uint64_t limit = std::max<std::uint64_t>(1, units) << scan_unit_bits;
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
    for (segment_runner* one = this; one != nullptr; one = one->next_)
      if (one->shared_.what.sink == sink_kind::group) PILLAR_TRY(one->groups_.make());
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
    groups_.prepare(local);
    return {};
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
        const zone_answer block = answer_of(shared_, *group, local);
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
    if (local.runs) local.keys_of_others.begin(*groups_.ends(), groups_.ends()->place(slice, number));
    const zone_answer block = answer_of(shared_, group, local);
    if (block.what == zone_verdict::none) ++local.groups_skipped;
    begin_run(group, block, local);
    const std::uint64_t reached = local.run.open;
    if (reached != 0) {
      analyze(shared_.values.nodes, local.zones, local.proof);
      narrow(shared_, local);
      if (shared_.what.sink == sink_kind::group) find_input_bits(shared_, local);
      if (local.predicate && PILLAR_MUTATE(pipeline_some_taken_for_all, block.what != zone_verdict::all, false)) {
        PILLAR_TRY(open_asked(local));
        ask_encoded(*local.predicate, local.run);
      }
      if (local.run.open != 0) PILLAR_TRY(open_columns(shared_.read, local));
      const std::uint64_t first_row = (groups_before_[slice] + number) << scan_unit_bits;
      for (std::uint64_t left = local.run.open; left != 0; left &= left - 1)
        PILLAR_TRY(scan_vector(group, static_cast<std::uint32_t>(std::countr_zero(left)), first_row, local));
      PILLAR_TRY(consume_gathered(local));
    }
    account_group(shared_, group, slice, number, reached, groups_.ends(), local);
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
    if (what.sink == sink_kind::group) return groups_.update(local, selected, numbers);
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
    add_columns(shared_, stats);
    for (const segment_runner* one = this; one->next_ != nullptr; one = one->next_) {
      stats.joins.push_back(one->link_->account());
      stats.spilled_rows += stats.joins.back().spilled_rows;
    }
  }

  absl::StatusOr<column_set> finish(scan_statistics& stats) {
    if (next_ != nullptr) return next_->finish(stats);
    auto made = shared_.what.sink == sink_kind::group ? groups_.finish(locals_, stats)
                : shared_.what.sink == sink_kind::top ? finish_top()
                                                      : finish_rows();
    if (!made.ok()) return to_status(made.error(), "result");
    stats.spilled_rows += groups_.spilled_rows();
    return *std::move(made);
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
        PILLAR_TRY(join_runs(parts, {runs.data(), runs.size()}, runner_, result_budget_, out));
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

  const bound_segment& shared_;
  pass_link* link_ = nullptr;       ///< what its rows go through
  segment_runner* next_ = nullptr;  ///< the segment that they go to
  executor_ref runner_;
  query_context& context_;
  run_options options_;
  row_outlet* outlet_;  ///< of the rows of the pass
  memory_budget* result_budget_;
  std::vector<std::unique_ptr<worker_local>> locals_;
  group_sink groups_;
  std::vector<std::uint64_t> groups_before_;  ///< row groups in front of each slice's
  std::uint64_t rows_of_one_ = 1;             ///< that joins may make of one row of the scan
};

}  // namespace PILLAR_NAMESPACE::detail
