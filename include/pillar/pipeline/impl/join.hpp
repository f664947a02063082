// SPDX-License-Identifier: Apache-2.0
/// The seam between pipelines and joins: what a plan with a join carries along.
#pragma once
#include "pillar/base/mutant.hpp"
#include "pillar/pipeline/impl/bound_join.hpp"
#include "pillar/pipeline/impl/join_probe.hpp"
#include "pillar/pipeline/impl/segment_runner.hpp"
#include "pillar/pipeline/join.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// Rows of the other side that nobody has found, in its order; where there is no memory to put them in it, in the
/// order of the table. Either way they know their numbers.
class unmatched_rows {
 public:
  unmatched_rows(const sealed_join& join, const join_matches& matches, memory_budget* budget)
      : arrival_(join.arrival.empty() ? nullptr : join.arrival.as<std::uint32_t>()), matches_(matches) {
    if (arrival_ == nullptr && join.table->ids_are_positions()) return;
    limit_ = join.table->row_id_limit();
    auto memory = buffer::allocate(limit_ * sizeof(std::uint32_t), budget);
    if (!memory.ok()) return;
    places_ = *std::move(memory);
    auto* const places = places_.as<std::uint32_t>();
    for (std::uint64_t i = 0; i < limit_; ++i) places[i] = no_row;
    std::uint32_t rows[vector_rows];
    while (const std::uint32_t count = matches_.next(false, position_, rows))
      for (std::uint32_t i = 0; i < count; ++i) places[number_of(rows[i])] = rows[i];
  }
  /// Up to 1,024 of them, with their numbers in the order of the other side; 0 = that was all.
  std::uint32_t next(std::uint32_t* rows, std::uint64_t* numbers) {
    std::uint32_t count = 0;
    if (places_.empty()) {
      count = matches_.next(false, position_, {rows, vector_rows});
      for (std::uint32_t i = 0; i < count; ++i) numbers[i] = number_of(rows[i]);
      return count;
    }
    const auto* const places = places_.as<std::uint32_t>();
    for (; at_ < limit_ && count < vector_rows; ++at_) {
      rows[count] = places[at_];
      numbers[count] = at_;
      count += places[at_] != no_row ? 1 : 0;
    }
    return count;
  }

 private:
  [[nodiscard]] std::uint32_t number_of(std::uint32_t row) const noexcept {
    return PILLAR_MUTATE(join_unmatched_by_position, arrival_ != nullptr ? arrival_[row] : row, row);
  }

  const std::uint32_t* arrival_;
  const join_matches& matches_;
  buffer places_{};  ///< by number: the row, or none
  std::uint64_t limit_ = 0;
  std::uint64_t at_ = 0;
  std::uint32_t position_ = 0;
};

/// A join between two segments.
class join_link final : public pass_link {
 public:
  explicit join_link(std::unique_ptr<sealed_join> join) noexcept : join_(std::move(join)) {}

  [[nodiscard]] std::uint64_t most_of_one(bool exactly) const noexcept override {
    if (!gives_pairs(join_->kind) || join_->in_place()) return 1;
    return exactly ? join_->table->most_partners() : join_->table->row_count();
  }
  [[nodiscard]] std::uint64_t most_unmatched() const noexcept override {
    return keeps_build_rows(join_->kind) ? join_->table->row_id_limit() : 0;
  }
  /// Rows without a partner follow behind a batch's pairs, unless it keeps its rows; those of the other side come last.
  [[nodiscard]] bool keeps_order() const noexcept override {
    return !keeps_build_rows(join_->kind) && (!keeps_probe_rows(join_->kind) || join_->in_place());
  }

  void begin(std::uint32_t worker_count) override {
    probes_.clear();
    probes_.resize(worker_count);
  }
  result<void> prepare(std::uint32_t worker, memory_budget* budget) override {
    if (probes_[worker] != nullptr) return {};
    PILLAR_ASSIGN_OR_RETURN(probes_[worker], join_probe::make(*join_, budget));
    return {};
  }
  [[nodiscard]] join_account account() const override {
    join_account made = join_->account;
    for (const auto& probe : probes_) {
      if (probe == nullptr) continue;
      made.rows_probed += probe->rows_probed;
      made.rows_out += probe->rows_out;
    }
    return made;
  }
  [[nodiscard]] const std::vector<std::vector<scalar>>& keys() const noexcept override { return join_->keys; }

  /// Looks the selected rows up in the join table, and hands what comes of them to the next segment. Where a row needs a
  /// partner, its columns are computed if its keys have found one: whether a row fails does not depend on how many.
  result<void> take(segment_runner& from, worker_local& local, const row_numbers& numbers,
                    std::span<const value_interval> proof) override {
    const sealed_join& join = *join_;
    join_probe& at = *probes_[local.number];
    segment_runner& next = *from.next_;
    batch& rows = local.rows;
    const auto root_count = static_cast<std::uint32_t>(from.shared_.values.roots.size());
    const bool has_pairs = gives_pairs(join.kind);
    for (std::uint32_t k = 0; k < join.key_count; ++k) PILLAR_TRY(from.find_value(local, k, proof));
    local.keys.clear();
    for (std::uint32_t k = 0; k < join.key_count; ++k) local.keys.push_back(&local.values[k]);
    at.rows_probed += rows.selection.count();
    at.cursor().start(local.keys, rows.selection, rows.row_count);
    if (needs_partner(join.kind) && (has_pairs || join.has_condition)) {
      rows.selection = at.cursor().found();
      if (!rows.selection.any()) return {};
    }
    const auto is_early = [&](std::uint32_t root) {
      return has_pairs || join.paired[root - join.key_count] != sealed_join::none;
    };
    for (std::uint32_t root = join.key_count; root < root_count; ++root)
      if (is_early(root)) PILLAR_TRY(from.find_value(local, root, proof));
    worker_local& to = next.local_of(local.number);
    const auto pass_left = [&](const row_pairs* pairs) {
      for (std::uint32_t i = 0; i < join.passed.size(); ++i) {
        if (join.passed[i] == sealed_join::none) continue;
        const vector& values = local.values[join.key_count + i];
        give(to, join.passed[i], pairs == nullptr ? values : at.left_column(i, values, *pairs));
      }
    };
    if (!has_pairs) {
      if (gives_mark(join.kind)) {
        selection_mask is_true, is_null;
        PILLAR_TRY(at.mark(local.values, is_true, is_null));
        if (join.mark != sealed_join::none) give(to, join.mark, at.mark_column(is_true, is_null, rows.row_count));
      } else {
        selection_mask kept;
        PILLAR_TRY(at.select(local.values, kept));
        rows.selection = kept;
      }
      at.rows_out += rows.selection.count();
      if (!rows.selection.any()) return {};
      for (std::uint32_t root = join.key_count; root < root_count; ++root)
        if (!is_early(root)) PILLAR_TRY(from.find_value(local, root, proof));
      pass_left(nullptr);
      return next.accept(to, rows.row_count, rows.selection, numbers);
    }
    for (bool first = true;; first = false) {
      PILLAR_TRY(at.next_pairs(local.values, at.found));
      const row_pairs& pairs = at.found;
      if (pairs.count == 0) {
        if (first) rows.selection = selection_mask::none();
        return {};
      }
      at.rows_out += pairs.count;
      if (join.in_place() && join.has_condition && pairs.count < rows.row_count) {
        selection_mask kept = selection_mask::none();
        for (std::uint32_t i = 0; i < pairs.count; ++i) set_bit(kept.words, pairs.left[i]);
        rows.selection = kept;
      }
      if (join.in_place()) {
        const bool scattered = pairs.with_other < rows.row_count;
        for (std::size_t i = 0; i < join.others.size(); ++i)
          if (join.others[i].to != sealed_join::none)
            give(to, join.others[i].to, at.other_column(i, pairs, scattered, rows.row_count));
        pass_left(nullptr);
        return next.accept(to, rows.row_count, rows.selection, numbers);
      }
      for (std::size_t i = 0; i < join.others.size(); ++i)
        if (join.others[i].to != sealed_join::none)
          give(to, join.others[i].to, at.other_column(i, pairs, false, pairs.count));
      pass_left(&pairs);
      if (numbers_.are_read) at.number_pairs(numbers, numbers_, first);
      PILLAR_TRY(next.accept(to, pairs.count, selection_mask::first(pairs.count),
                             {0, numbers_.are_read ? at.numbers : nullptr}));
    }
  }

  /// Right and full joins: rows of the other side that nobody has found.
  result<void> flush(segment_runner& from, query_context& context) override {
    if (!keeps_build_rows(join_->kind)) return {};
    PILLAR_TRY(prepare(0, context.budget()));
    join_probe& at = *probes_[0];
    for (std::size_t w = 1; w < probes_.size(); ++w)
      if (probes_[w] != nullptr) at.matches()->merge(*probes_[w]->matches());
    segment_runner& next = *from.next_;
    worker_local& to = next.local_of(0);
    const auto left_count = static_cast<std::uint32_t>(from.shared_.what.join->left.size());
    row_pairs& pairs = at.found;
    unmatched_rows rows(*join_, *at.matches(), context.budget());
    for (;;) {
      if (context.check_deadline()) return context.error();
      pairs.count = pairs.with_other = rows.next(pairs.other, at.numbers);
      if (pairs.count == 0) return {};
      for (std::uint32_t i = 0; i < pairs.count; ++i) at.numbers[i] += numbers_.unmatched;
      at.rows_out += pairs.count;
      for (const std::uint32_t c : next.shared_.named)
        if (c < left_count) give(to, c, join_probe::nulls(join_->result[c].type, pairs.count));
      for (std::size_t i = 0; i < join_->others.size(); ++i) {
        const sealed_join::other_column& column = join_->others[i];
        give(to, column.to != sealed_join::none ? column.to : column.instead_of,
             at.other_column(i, pairs, false, pairs.count));
      }
      PILLAR_TRY(next.accept(to, pairs.count, selection_mask::first(pairs.count), {0, at.numbers}));
    }
  }

 private:
  /// A column of the batch that the next segment is about to get.
  static void give(worker_local& to, std::uint32_t column, const vector& values) {
    to.columns[column].decoded = values;
    to.columns[column].has_decoded = true;
  }

  std::unique_ptr<sealed_join> join_;
  std::vector<std::unique_ptr<join_probe>> probes_{};  ///< by worker
};

inline absl::StatusOr<bound_pass> bind_joins(std::vector<segment> parts, const table* scanned,
                                             const pass_environment& with, bool for_audit) {
  pass_binder binder(std::move(parts), scanned, with, for_audit);
  auto made = binder.bind();
  if (!made.ok()) return made.status();
  for (auto& join : std::move(binder).joins()) {
    if (join->spilled) {
      auto link = std::move(join->spilled);
      link->adopt(std::move(join));
      made->links.push_back(std::move(link));
    } else {
      made->links.push_back(std::make_unique<join_link>(std::move(join)));
    }
  }
  return made;
}

inline constexpr join_operations pipeline_joins{&add_join, &bind_joins, &place_condition};

PILLAR_API const join_operations* operations_of_joins() noexcept { return &pipeline_joins; }

}  // namespace detail

}  // namespace PILLAR_NAMESPACE
