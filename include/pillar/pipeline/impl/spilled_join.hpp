// SPDX-License-Identifier: Apache-2.0
/// A join between two segments whose other side does not fit into memory.
#pragma once
#include "pillar/pipeline/join.hpp"  // first: its definitions include it again

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "pillar/base/mutant.hpp"
#include "pillar/column/batch.hpp"
#include "pillar/filter/evaluate.hpp"
#include "pillar/filter/predicate.hpp"
#include "pillar/join/spilling_join.hpp"
#include "pillar/pipeline/impl/bound_join.hpp"
#include "pillar/pipeline/impl/join_probe.hpp"  // constant NULLs
#include "pillar/pipeline/impl/segment_runner.hpp"

namespace PILLAR_NAMESPACE::detail {

/// A spilling_join. Of the left side it gets the keys, the source's columns of which others are computed, and the rows'
/// numbers: what a row cannot fail at before it has a partner is computed when it has.
class spilled_join_link final : public spilled_link {
 public:
  static result<std::unique_ptr<spilled_link>> make(const join_request& what, const spill_target& spill) {
    join_side build{what.build, {what.build_keys.begin(), what.build_keys.end()}}, probe{what.probe, {}};
    const bool is_numbered = gives_pairs(what.kind) && (keeps_build_rows(what.kind) || !what.in_order);
    if (is_numbered) build.types.push_back(type_of<std::uint64_t>);
    for (std::uint32_t k = 0; k < what.build_keys.size(); ++k) probe.keys.push_back(k);
    probe.types.push_back(type_of<std::uint64_t>);
    std::unique_ptr<spilled_join_link> made(new spilled_join_link(what, spill.keeps, is_numbered));
    spilling_join_options options;
    options.store = spill.stores[what.number % spill.stores.size()];
    options.state_bytes = what.state_bytes;
    options.worker_count = what.worker_count;
    if (what.has_condition) options.condition = &made->condition_;
    options.may_go_on = &made->may_go_on_;
    PILLAR_ASSIGN_OR_RETURN(spilling_join rows, spilling_join::make(build, probe, what.kind, what.budget, options));
    made->rows_.emplace(std::move(rows));
    return std::unique_ptr<spilled_link>(std::move(made));
  }

  result<void> append(std::span<const vector* const> columns, const selection_mask& rows, std::uint32_t row_count,
                      const row_numbers& numbers) override {
    if (!is_numbered_) return rows_->append(columns, rows, row_count);
    build_numbers_.resize(vector_rows);
    for (std::uint32_t i = 0; i < row_count; ++i) {
      if (!rows.test(i)) continue;
      build_numbers_[i] = in_order_ ? number_limit_++ : numbers.of(i);
    }
    const vector numbered = numbers_vector(build_numbers_.data(), row_count);
    build_columns_.assign(columns.begin(), columns.end());
    build_columns_.push_back(&numbered);
    return rows_->append(build_columns_, rows, row_count);
  }
  result<void> seal(std::uint64_t number_limit) override {
    if (!in_order_) number_limit_ = number_limit;
    return rows_->seal();
  }
  [[nodiscard]] std::uint64_t most_of_one(bool exactly) const noexcept override {
    if (!gives_pairs(join_->kind)) return 1;
    return in_order_ ? rows_->most_partners(exactly) : number_limit_;
  }
  [[nodiscard]] std::uint64_t most_unmatched() const noexcept override {
    return keeps_build_rows(join_->kind) ? number_limit_ : 0;
  }
  [[nodiscard]] bool keeps_order() const noexcept override { return false; }
  void adopt(std::unique_ptr<sealed_join> join) noexcept override { join_ = std::move(join); }

  void begin(std::uint32_t worker_count) override {
    workers_.clear();
    workers_.resize(worker_count);
  }
  result<void> prepare(std::uint32_t worker, memory_budget*) override {
    if (workers_[worker] == nullptr) workers_[worker] = std::make_unique<worker_part>(*join_);
    return {};
  }
  [[nodiscard]] join_account account() const override {
    join_account made = join_->account;
    made.spilled_rows = rows_->spilled_rows();
    made.spilled_bytes = rows_->spilled_bytes();
    for (const auto& one : workers_) {
      if (one == nullptr) continue;
      made.rows_probed += one->rows_probed;
      made.rows_out += one->rows_out;
    }
    return made;
  }
  [[nodiscard]] const std::vector<std::vector<scalar>>& keys() const noexcept override { return join_->keys; }

  result<void> take(segment_runner& from, worker_local& local, const row_numbers& numbers,
                    std::span<const value_interval> proof) override {
    worker_part& at = *workers_[local.number];
    at.from = &from;
    batch& rows = local.rows;
    at.rows_probed += rows.selection.count();
    at.probe.clear();
    for (std::uint32_t k = 0; k < join_->key_count; ++k) {
      PILLAR_TRY(from.find_value(local, k, proof));
      at.probe.push_back(&local.values[k]);
    }
    for (const std::uint32_t c : sources_) at.probe.push_back(&rows.column(c));
    const bool are_read = numbers_.are_read;
    for (std::uint32_t i = 0; i < rows.row_count; ++i) at.numbers[i] = are_read ? numbers.of(i) : 0;
    const vector numbered = numbers_vector(at.numbers, rows.row_count);
    at.probe.push_back(&numbered);
    const auto hand_on = [&](const joined_rows& joined) { return deliver(at, joined); };
    at.left_number = ~std::uint64_t{0};
    return rows_->probe(at.probe, rows.selection, rows.row_count, hand_on, local.number);
  }

  /// What was spilled, and rows of the other side that nobody has found: by all workers, since rows know their numbers.
  result<void> flush(segment_runner& from, query_context& context) override {
    for (std::uint32_t worker = 0; worker < workers_.size(); ++worker) {
      PILLAR_TRY(prepare(worker, context.budget()));
      workers_[worker]->from = &from;
    }
    const auto hand_on = [&](const joined_rows& joined) -> result<void> {
      PILLAR_TRY(deadline_());
      return deliver(*workers_[joined.worker], joined);
    };
    return rows_->finish(hand_on, from.runner_);
  }

 private:
  /// What one worker joins with.
  struct worker_part {
    explicit worker_part(const sealed_join& join) : left_columns(join.passed.size()) {
      if (!join.has_condition) return;
      condition.emplace(join.condition);
      pair_columns.resize(join.pair_columns);
      pairs.columns = pair_columns;
    }
    segment_runner* from = nullptr;
    std::vector<const vector*> probe{};
    std::uint64_t numbers[vector_rows];  ///< of the left side's rows
    std::uint64_t joined_numbers[vector_rows];
    std::vector<batch_column> columns{};  ///< of the left side's source, of joined rows
    batch left{};
    value_state computed{};
    std::vector<vector> left_columns{};  ///< the segment's outputs behind the keys, as far as they are asked for
    std::optional<predicate_state> condition{};
    std::vector<batch_column> pair_columns{};
    batch pairs{};
    value_slot mark{};
    std::uint64_t left_number = ~std::uint64_t{0};  ///< of the last joined row
    std::uint64_t which = 0;                        ///< of its left row's
    std::uint64_t rows_probed = 0;
    std::uint64_t rows_out = 0;
  };

  spilled_join_link(const join_request& what, std::shared_ptr<const void> keeps, bool is_numbered)
      : keeps_(std::move(keeps)),
        sources_(what.sources),
        keys_of_source_(what.keys_of_source),
        is_numbered_(is_numbered),
        in_order_(what.in_order) {
    deadline_.context = what.context;
  }

  static vector numbers_vector(const std::uint64_t* numbers, std::uint32_t row_count) {
    vector made;
    made.type = type_of<std::uint64_t>;
    made.size = row_count;
    made.values = numbers;
    return made;
  }

  static void give(batch_column& to, const vector& values) {
    to.decoded = values;
    to.has_decoded = true;
  }

  /// The segment's outputs that `wanted` names, of joined rows.
  result<void> compute_left(worker_part& at, const joined_rows& rows, std::span<const std::uint32_t> wanted) const {
    const bound_segment& segment = at.from->shared_;
    at.columns.resize(segment.what.source.size());
    at.left.columns = at.columns;
    at.left.row_count = rows.row_count;
    at.left.selection = rows.rows;
    for (const auto& [column, key] : keys_of_source_) give(at.columns[column], rows.probe[key]);
    for (std::size_t i = 0; i < sources_.size(); ++i) give(at.columns[sources_[i]], rows.probe[join_->key_count + i]);
    at.computed.begin_batch();
    for (std::uint32_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i] == sealed_join::none) continue;
      const std::uint32_t root = join_->key_count + i, column = segment.plain(root);
      if (column != bound_segment::none) {
        at.left_columns[i] = at.left.column(column);
      } else {
        PILLAR_ASSIGN_OR_RETURN(at.left_columns[i], evaluate_value(segment.values.nodes, segment.values.roots[root],
                                                                   at.left, rows.rows, at.computed));
      }
    }
    return {};
  }

  /// Which of these pairs satisfy the join's condition.
  result<void> ask(const joined_rows& rows, selection_mask& kept) const {
    worker_part& at = *workers_[rows.worker];
    // What is passed on, too, before rows are dropped: as in memory, a row fails that has found its key.
    if (gives_pairs(join_->kind) && needs_partner(join_->kind)) PILLAR_TRY(compute_left(at, rows, join_->passed));
    PILLAR_TRY(compute_left(at, rows, join_->paired));
    for (std::size_t i = 0; i < join_->paired.size(); ++i)
      if (join_->paired[i] != sealed_join::none) give(at.pair_columns[join_->paired[i]], at.left_columns[i]);
    for (const auto& column : join_->paired_others) give(at.pair_columns[column.to], rows.build[column.from]);
    at.pairs.row_count = rows.row_count;
    at.pairs.selection = kept;
    PILLAR_TRY(apply(*at.condition, at.pairs));
    kept = at.pairs.selection;
    return {};
  }

  /// Joined rows to the next segment.
  result<void> deliver(worker_part& at, const joined_rows& rows) {
    const sealed_join& join = *join_;
    segment_runner& next = *at.from->next_;
    worker_local& to = next.local_of(rows.worker);
    const vector& numbered = rows.probe.back();
    const bool has_left = !(numbered.kind == vector_kind::constant && !numbered.valid(0));
    if (has_left) {
      PILLAR_TRY(compute_left(at, rows, join.passed));
      for (std::size_t i = 0; i < join.passed.size(); ++i)
        if (join.passed[i] != sealed_join::none) give(to.columns[join.passed[i]], at.left_columns[i]);
    } else {
      const auto left_count = static_cast<std::uint32_t>(at.from->shared_.what.join->left.size());
      for (const std::uint32_t c : next.shared_.named)
        if (c < left_count) give(to.columns[c], join_probe::nulls(join.result[c].type, rows.row_count));
    }
    for (const sealed_join::other_column& column : join.others) {
      if (column.to != sealed_join::none) give(to.columns[column.to], rows.build[column.from]);
      else if (!has_left) give(to.columns[column.instead_of], rows.build[column.from]);
    }
    if (join.mark != sealed_join::none)
      give(to.columns[join.mark],
           join_probe::mark_column(join.kind, rows.is_true, rows.is_null, rows.row_count, at.mark));
    number_joined(at, rows, has_left);
    at.rows_out += rows.rows.count();
    if (PILLAR_MUTATE(pipeline_spilled_dictionaries_kept, true, false)) next.begin_block(to);  // views at old addresses
    return next.accept(to, rows.row_count, rows.rows, {0, at.joined_numbers});
  }

  /// Partners of a row come one after the other, in the order of the other side or else with its numbers.
  void number_joined(worker_part& at, const joined_rows& rows, bool has_left) const {
    const vector& numbered = rows.probe.back();
    const vector* const others = is_numbered_ ? &rows.build.back() : nullptr;
    const auto other_of = [&](std::uint32_t i) { return others->valid(i) ? others->value<std::uint64_t>(i) : 0; };
    for (std::uint32_t i = 0; i < rows.row_count; ++i) {
      if (!has_left) {
        at.joined_numbers[i] = numbers_.unmatched + other_of(i);
        continue;
      }
      if (!rows.rows.test(i)) continue;
      const auto number =
          PILLAR_MUTATE(pipeline_spilled_rows_unnumbered, numbered.value<std::uint64_t>(i), std::uint64_t{0});
      at.which = number == at.left_number ? at.which + 1 : rows.build_rows_before;
      at.left_number = number;
      at.joined_numbers[i] = numbers_.of(number, is_numbered_ && !in_order_ ? other_of(i) : at.which);
    }
  }

  std::shared_ptr<const void> keeps_;  ///< outlives the runs
  std::unique_ptr<sealed_join> join_{};
  std::vector<std::uint32_t> sources_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> keys_of_source_;
  bool is_numbered_;                ///< rows of the other side bring their numbers, in a column behind theirs
  bool in_order_;                   ///< they come in the order of these
  std::uint64_t number_limit_ = 0;  ///< above all of them
  std::vector<std::uint64_t> build_numbers_{};
  std::vector<const vector*> build_columns_{};
  /// What the join asks about pairs.
  struct asker {
    const spilled_join_link* link;
    result<void> operator()(const joined_rows& rows, selection_mask& kept) const { return link->ask(rows, kept); }
  } asker_{this};
  joined_condition condition_{asker_};
  /// What the join asks while it writes out, builds tables and reads back.
  struct deadline {
    query_context* context = nullptr;
    result<void> operator()() const {
      if (context->check_deadline()) return context->error();
      return {};
    }
  } deadline_{};
  join_permission may_go_on_{deadline_};
  std::optional<spilling_join> rows_{};
  std::vector<std::unique_ptr<worker_part>> workers_{};
};

inline result<std::unique_ptr<spilled_link>> make_spilled_link(const join_request& what, const spill_target& spill) {
  return spilled_join_link::make(what, spill);
}

}  // namespace PILLAR_NAMESPACE::detail
