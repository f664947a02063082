// SPDX-License-Identifier: Apache-2.0
/// Joins bound and built: the other side's query has run, its keys are in a table, and what they say of the left side
/// is in the predicate of the scan. Then a pass: segments, one handing its rows to the next through a join.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "pillar/base/mutant.hpp"
#include "pillar/expr/explain.hpp"  // describe
#include "pillar/join/join_builder.hpp"
#include "pillar/join/join_cursor.hpp"
#include "pillar/join/join_table.hpp"
#include "pillar/join/key_domains.hpp"
#include "pillar/pipeline/impl/arranged_rows.hpp"
#include "pillar/pipeline/impl/bound_segment.hpp"
#include "pillar/pipeline/join.hpp"  // check_join, joined_columns
#include "pillar/pipeline/run_options.hpp"
#include "pillar/pipeline/statistics.hpp"
#include "pillar/schedule/executor.hpp"
#include "pillar/schedule/query_context.hpp"
#include "pillar/zone/zone_map.hpp"  // interval_of

namespace PILLAR_NAMESPACE::detail {

/// What the rows of a probing segment are joined with.
struct segment_join {
  std::shared_ptr<const plan_join> what;
  std::vector<expression> keys;              ///< over the segment's source
  dynamic_schema left;                       ///< names and types that reach the join: the segment's outputs
  dynamic_schema other;                      ///< those of the build side's rows
  std::vector<std::uint32_t> other_keys;     ///< columns of `other`
  std::vector<std::uint32_t> other_columns;  ///< columns of `other` that are result columns behind the left side's

  [[nodiscard]] join_kind kind() const noexcept { return what->kind; }
  /// The columns that a condition on pairs may name.
  [[nodiscard]] dynamic_schema both_sides() const {
    dynamic_schema made = left;
    made.columns.insert(made.columns.end(), other.columns.begin(), other.columns.end());
    return made;
  }
};

/// Runs a plan (impl/run_passes.hpp).
inline absl::StatusOr<column_set> run_passes(const query_plan& plan, executor_ref runner, query_context& context,
                                             const run_options& options, scan_statistics& stats, row_outlet* outlet);

class spilled_link;

/// A join whose other side has run. Const while rows go through it.
struct sealed_join {
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  /// A column of the other side's rows, and what it becomes.
  struct other_column {
    std::uint32_t from = 0;           ///< in `rows`
    std::uint32_t to = none;          ///< in the joined rows, or in the pairs of a condition
    std::uint32_t instead_of = none;  ///< right, full: the left column that has it where there is no left row
  };

  join_kind kind = join_kind::inner;
  std::uint32_t key_count = 0;
  std::unique_ptr<memory_budget> share{};  ///< of the other side's rows and their table, where they may spill
  std::unique_ptr<spilled_link> spilled;   ///< if they do: then there is neither a table nor are there rows here
  std::optional<join_table> table;
  column_set rows{};                    ///< of the other side: the columns that somebody needs
  std::vector<std::uint8_t> halved{};   ///< of them: whether int64 values lie there as int32; empty: none
  std::vector<std::uint32_t> passed{};  ///< output key_count + i of the probing segment is this joined column, or none
  std::vector<other_column> others{};   ///< that become joined columns
  std::uint32_t mark = none;            ///< the joined column, if somebody reads it
  dynamic_schema result{};              ///< of the joined rows
  bool has_condition = false;
  bound_predicate condition{};          ///< over left columns, then the other side's
  std::uint32_t pair_columns = 0;       ///< how many these are
  std::vector<std::uint32_t> paired{};  ///< per output behind the keys: its column in a pair, or none
  std::vector<other_column> paired_others{};
  std::vector<std::vector<scalar>> keys{};  ///< of the other side, for audits: sorted rows without NULLs
  buffer arrival{};  ///< right, full, where `rows` lie in the order of positions: the number in the order of the other
                     ///< side, by position; empty: ids say it
  join_account account{};

  /// Whether a probe row becomes at most one row: then batches keep their rows, and only the other side's are moved.
  [[nodiscard]] bool in_place() const noexcept { return table && (!gives_pairs(kind) || table->keys_are_unique()); }
};

/// What a join whose other side does not fit is made from.
struct join_request {
  join_kind kind = join_kind::inner;
  bool has_condition = false;
  std::vector<data_type> build{};  ///< of the other side's columns
  std::span<const std::uint32_t> build_keys{};
  std::vector<data_type> probe{};        ///< the left side's keys, then columns of its source
  std::vector<std::uint32_t> sources{};  ///< which these are
  /// Columns of its source that are keys as they are: a column, and which key.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> keys_of_source{};
  std::uint32_t worker_count = 1;
  query_context* context = nullptr;
  memory_budget* budget = nullptr;
  std::uint64_t state_bytes = 0;
  std::size_t number = 0;  ///< of the join in its pass
  bool in_order = true;    ///< whether the other side's rows come in that of their numbers
};

/// A join whose other side is in memory as far as it fits; the rest, and what it has to be joined with, is in run
/// stores. Header-only programs that do not spill compile none.
class spilled_link : public pass_link {
 public:
  /// Rows of the other side, in the request's columns.
  virtual result<void> append(std::span<const vector* const> columns, const selection_mask& rows,
                              std::uint32_t row_count, const row_numbers& numbers) = 0;
  /// `number_limit`: above all numbers of rows that did not come in their order.
  virtual result<void> seal(std::uint64_t number_limit) = 0;
  /// What its rows become. Called last, before rows come.
  virtual void adopt(std::unique_ptr<sealed_join> join) noexcept = 0;
  [[nodiscard]] bool comes_once() const noexcept final {
    return PILLAR_MUTATE(pipeline_spilled_join_twice, true, false);
  }
};

constexpr std::string_view to_string(join_mode mode) noexcept {
  constexpr std::string_view names[] = {"array", "keys of 8 bytes", "keys of 16 bytes", "generic"};
  return names[static_cast<unsigned>(mode)];
}

inline absl::Status add_join(plan_binder& to, const plan_stage& stage) {
  const plan_join& what = *stage.join;
  const auto other = bind_plan(what.other);
  if (!other.ok()) return other.status();
  auto join = std::make_shared<segment_join>();
  join->what = stage.join;
  join->left = to.schema();
  join->other = other->back().result;
  std::vector<joined_names> names;
  for (const auto& key : what.keys) names.push_back({key.column, key.other});
  const auto left = columns_of(to.schema()), right = columns_of(join->other);
  const bool has_condition = !what.condition.nodes.empty();
  if (has_condition && is_null_aware(what.kind))
    return make_status(absl::StatusCode::kInvalidArgument, "a null-aware join takes no condition on pairs");
  if (const join_fault found = check_join(what.kind, left, right, names, what.mark, has_condition); found.problem)
    return plan_binder::refuse(found.problem, found.side == join_fault::side_type::other ? join->other : to.schema());
  if (has_condition) {
    const dynamic_schema both = join->both_sides();
    if (const std::string sentence = explain_fault(what.condition, both, true); !sentence.empty())
      return make_status(
          sentence.rfind("no column", 0) == 0 ? absl::StatusCode::kNotFound : absl::StatusCode::kInvalidArgument,
          sentence);
  }
  for (const auto& key : what.keys) {
    join->keys.push_back(substitute(column_expression(key.column), to.names()));
    join->other_keys.push_back(*join->other.find(key.other));
  }
  std::vector<joined_column> columns(left.size() + right.size() + 1);
  columns.resize(joined_columns(what.kind, left, right, names, what.mark, columns.data()));
  dynamic_schema made;
  for (const joined_column& column : columns) {
    made.columns.push_back({std::string(column.name), column.type});
    if (column.of_other && !gives_mark(what.kind)) join->other_columns.push_back(column.index);
  }
  to.probe(std::move(join), stage.joins, keeps_build_rows(what.kind), made);
  return absl::OkStatus();
}

/// Whether a condition behind a join says the same before it: it names columns of the left side, none of them computed,
/// and tests them against literals, which cannot fail for rows that the join would drop.
inline bool moves_before(const expression& condition, const segment& probe) {
  if (keeps_build_rows(probe.join->kind())) return false;
  const std::vector<expression_node>& nodes = condition.nodes;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const expression_node& node = nodes[i];
    if (node.kind == expression_kind::arithmetic) return false;
    if (node.kind == expression_kind::compare || node.kind == expression_kind::between) {
      unsigned columns = 0;
      for (unsigned child = 1; child <= child_count(node.kind); ++child)
        columns += nodes[i - child].kind == expression_kind::column ? 1 : 0;
      if (columns > 1) return false;
    }
    if (node.kind != expression_kind::column) continue;
    const auto same = [&](const named_value& output) { return output.name == node.name; };
    const auto from = std::find_if(probe.outputs.begin(), probe.outputs.end(), same);
    if (from == probe.outputs.end() || from->value.nodes.back().kind != expression_kind::column) return false;
  }
  return true;
}

/// Each part of a conjunction where it is cheapest: in front of joins, if it only tests what they pass on.
inline void place_condition(std::vector<segment>& before, segment& current, const expression& condition) {
  const std::size_t last = condition.nodes.size() - 1;
  if (condition.nodes[last].kind == expression_kind::both) {
    const std::size_t right = condition.first_of(last - 1);
    const auto part = [&](std::size_t first, std::size_t end) {
      expression made;
      const auto begin = condition.nodes.begin();
      made.nodes.assign(begin + static_cast<std::ptrdiff_t>(first), begin + static_cast<std::ptrdiff_t>(end));
      return made;
    };
    place_condition(before, current, part(0, right));
    return place_condition(before, current, part(right, last));
  }
  expression moved = condition;
  std::size_t at = before.size();
  while (at > 0 && before[at - 1].sink == sink_kind::probe && moves_before(moved, before[at - 1])) {
    moved = substitute(moved, before[at - 1].outputs);
    --at;
  }
  (at == before.size() ? current : before[at]).add_condition(moved);
}

/// Fewer columns come out of a query.
inline query_plan restricted(const query_plan& from, const dynamic_schema& schema,
                             std::span<const std::uint32_t> columns) {
  query_plan made = from;
  plan_stage stage;
  stage.kind = stage_kind::project;
  for (const std::uint32_t c : columns) stage.values.push_back({schema[c].name, column_expression(schema[c].name)});
  made.stages.push_back(std::move(stage));
  return made;
}

/// The keys of all rows, in a table.
inline result<join_table> build_table(const column_set& rows, std::span<const std::uint32_t> keys,
                                      const pass_environment& with, memory_budget* budget) {
  std::vector<data_type> types;
  for (const std::uint32_t k : keys) types.push_back(rows.columns[k].type());
  PILLAR_ASSIGN_OR_RETURN(join_builder builder, join_builder::make(types, budget));
  const std::uint64_t row_count = rows.row_count();
  std::vector<vector> views(keys.size());
  bool is_plain = true;  // and so taken by all workers
  for (const std::uint32_t k : keys) {
    const vector& whole = rows.columns[k].storage()->whole;
    is_plain = is_plain && whole.kind == vector_kind::flat && whole.validity == nullptr &&
               whole.type.physical != physical_type::text;
  }
  constexpr std::uint64_t most_at_once = 1 << 22;
  if (is_plain && row_count <= join_builder::most_rows)
    PILLAR_TRY(builder.reserve(static_cast<std::uint32_t>(row_count)));
  for (std::uint64_t at = 0; is_plain && at < row_count; at += most_at_once) {
    if (with.context.check_deadline()) return with.context.error();
    const auto count = static_cast<std::uint32_t>(std::min(most_at_once, row_count - at));
    for (std::size_t k = 0; k < keys.size(); ++k) views[k] = rows.columns[keys[k]].slice(at, count);
    PILLAR_TRY(builder.append_whole(views, with.runner));
  }
  if (is_plain) return builder.seal(with.runner);
  std::vector<const vector*> pointers;
  for (const vector& view : views) pointers.push_back(&view);
  for (std::uint64_t at = 0; at < row_count; at += vector_rows) {
    if (at % (64 * vector_rows) == 0 && with.context.check_deadline()) return with.context.error();
    const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(vector_rows, row_count - at));
    for (std::size_t k = 0; k < keys.size(); ++k) views[k] = rows.columns[keys[k]].slice(at, count);
    PILLAR_TRY(builder.append(pointers, selection_mask::first(count), count));
  }
  return builder.seal(with.runner);
}

/// Sorted keys without NULLs, by the scalar rules.
inline std::vector<std::vector<scalar>> reference_keys(const column_set& rows, std::span<const std::uint32_t> keys) {
  std::vector<std::vector<scalar>> out;
  for (std::uint64_t row = 0; row < rows.row_count(); ++row) {
    std::vector<scalar> made;
    bool has_null = false;
    for (const std::uint32_t k : keys) {
      made.push_back(rows.at(row, k));
      has_null = has_null || made.back().null;
    }
    if (!has_null) out.push_back(std::move(made));
  }
  sort_keys(out);
  return out;
}

/// Takes the other side of a join that may spill: into memory, with its table, if both fit into the join's share.
class other_side final : public row_outlet {
 public:
  other_side(sealed_join& join, join_request& what, const pass_environment& with)
      : row_outlet(join.share.get()), join_(join), what_(what), with_(with) {}

  result<void> keep(column_set rows) override {
    PILLAR_ASSIGN_OR_RETURN(join_table table, build_table(rows, what_.build_keys, with_, budget()));
    join_.table.emplace(std::move(table));
    join_.rows = std::move(rows);
    return {};
  }
  result<void> open(bool in_order) override {
    what_.in_order = in_order;
    PILLAR_ASSIGN_OR_RETURN(join_.spilled, with_.options.spill.make_link(what_, with_.options.spill));
    is_open = true;
    return {};
  }
  result<void> take(std::span<const vector> columns, const selection_mask& rows, std::uint32_t row_count,
                    const row_numbers& numbers) override {
    pointers_.clear();
    for (const vector& column : columns) pointers_.push_back(&column);
    join_.account.build_rows += rows.count();
    return join_.spilled->append(pointers_, rows, row_count, numbers);
  }
  /// The same of rows in memory.
  result<void> take_all(const column_set& rows) {
    std::vector<vector> views(rows.columns.size());
    const std::uint64_t row_count = rows.row_count();
    for (std::uint64_t at = 0; at < row_count; at += vector_rows) {
      if (at % (64 * vector_rows) == 0 && with_.context.check_deadline()) return with_.context.error();
      const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(vector_rows, row_count - at));
      for (std::size_t c = 0; c < views.size(); ++c) views[c] = rows.columns[c].slice(at, count);
      PILLAR_TRY(take(views, selection_mask::first(count), count, {at, nullptr}));
    }
    return {};
  }

 private:
  sealed_join& join_;
  join_request& what_;
  const pass_environment& with_;
  std::vector<const vector*> pointers_;
};

/// Makes a pass of segments, the last of which is no probe: runs the other sides of its joins, last join first, since
/// what is read behind a join says which columns are needed before it.
class pass_binder {
 public:
  /// `scanned`: the table that the pass goes over, if it is one. `for_audit`: keeps the other sides' keys as scalars.
  pass_binder(std::vector<segment> parts, const table* scanned, const pass_environment& with, bool for_audit)
      : parts_(std::move(parts)), with_(with), for_audit_(for_audit), domains_(parts_.size()) {
    if (scanned != nullptr) scanned_ = scanned->version();
  }

  absl::StatusOr<bound_pass> bind() {
    made_.segments.resize(parts_.size());
    joins_.resize(parts_.size() - 1);
    for (std::size_t i = parts_.size(); i-- > 0;) {
      if (i + 1 < parts_.size())
        if (auto done = build(i); !done.ok()) return done;
      auto bound = bind_segment(std::move(parts_[i]), std::move(domains_[i]));
      if (!bound.ok()) return bound.status();
      made_.segments[i] = std::make_unique<bound_segment>(*std::move(bound));
    }
    // Numbers of rows that a join multiplies do not follow one another, so the best of them are found by sorting.
    segment& last = made_.segments.back()->what;
    for (const auto& join : joins_)
      if (last.sink == sink_kind::top && (!join->in_place() || keeps_build_rows(join->kind)))
        last.sink = sink_kind::order, last.is_cut = true;
    describe_pushed();
    return std::move(made_);
  }
  /// Of the pass that bind() made.
  [[nodiscard]] std::vector<std::unique_ptr<sealed_join>> joins() && { return std::move(joins_); }

 private:
  absl::Status build(std::size_t i) {
    segment& part = parts_[i];
    const segment_join join = *part.join;
    const std::vector<std::uint32_t>& read = made_.segments[i + 1]->named;  // of the joined rows
    const auto left_count = static_cast<std::uint32_t>(join.left.size());
    auto out = std::make_unique<sealed_join>();
    out->kind = join.kind();
    out->key_count = static_cast<std::uint32_t>(join.keys.size());
    out->result = part.result;
    std::vector<std::uint32_t> paired;  // left columns, then the other side's, that a condition names
    if (!join.what->condition.nodes.empty()) {
      auto condition = bind_predicate(join.what->condition, join.both_sides());
      if (!condition.ok()) return to_status(condition.error(), "condition of a join");
      out->condition = *std::move(condition);
      out->has_condition = true;
      out->pair_columns = left_count + static_cast<std::uint32_t>(join.other.size());
      paired = out->condition.columns;
    }

    // The left side's outputs: the keys, and what is read behind the join or by the condition.
    std::vector<named_value> outputs;
    for (const expression& key : join.keys) outputs.push_back({std::string(), key});
    for (std::uint32_t c = 0; c < left_count; ++c) {
      const bool is_read = std::binary_search(read.begin(), read.end(), c);
      const bool is_paired = std::find(paired.begin(), paired.end(), c) != paired.end();
      if (!is_read && !is_paired) continue;
      outputs.push_back(part.outputs[c]);
      out->passed.push_back(is_read ? c : sealed_join::none);
      out->paired.push_back(is_paired ? c : sealed_join::none);
    }

    // The other side's columns.
    std::vector<std::uint32_t> wanted = join.other_keys;
    const auto want = [&](std::uint32_t column) {
      const auto found = std::find(wanted.begin(), wanted.end(), column);
      const auto at = static_cast<std::uint32_t>(found - wanted.begin());
      if (found == wanted.end()) wanted.push_back(column);
      return at;
    };
    for (std::uint32_t i_other = 0; i_other < join.other_columns.size(); ++i_other)
      if (std::binary_search(read.begin(), read.end(), left_count + i_other))
        out->others.push_back({want(join.other_columns[i_other]), left_count + i_other, sealed_join::none});
    if (gives_mark(out->kind) && std::binary_search(read.begin(), read.end(), left_count)) out->mark = left_count;
    for (const std::uint32_t c : paired)
      if (c >= left_count) out->paired_others.push_back({want(c - left_count), c, sealed_join::none});
    if (keeps_build_rows(out->kind))
      for (std::size_t k = 0; k < join.keys.size(); ++k) {
        const auto& names = join.what->keys[k];
        const std::uint32_t column = *join.left.find(names.column);
        if (names.column == names.other && std::binary_search(read.begin(), read.end(), column))
          out->others.push_back({want(join.other_keys[k]), sealed_join::none, column});
      }
    std::vector<std::uint32_t> distinct;  // a key may stand there twice, a result column may not
    std::vector<std::uint32_t> position(wanted.size());
    for (std::size_t w = 0; w < wanted.size(); ++w) {
      const auto found = std::find(distinct.begin(), distinct.end(), wanted[w]);
      position[w] = static_cast<std::uint32_t>(found - distinct.begin());
      if (found == distinct.end()) distinct.push_back(wanted[w]);
    }
    for (auto* columns : {&out->others, &out->paired_others})
      for (auto& column : *columns) column.from = position[column.from];
    const std::span<const std::uint32_t> keys(position.data(), join.keys.size());
    if (auto done = run_other(i, join, outputs, distinct, keys, *out); !done.ok()) return done;
    if (!out->spilled) {
      if (for_audit_) out->keys = reference_keys(out->rows, keys);
      arrange(*out);
      if (needs_partner(out->kind)) push(i, *out, join);
    }
    account(*out, join);
    part.outputs = std::move(outputs);
    joins_[i] = std::move(out);
    return absl::OkStatus();
  }

  /// The other side's rows and their table, or a link that keeps them where there is room.
  absl::Status run_other(std::size_t i, const segment_join& join, std::span<const named_value> outputs,
                         std::span<const std::uint32_t> columns, std::span<const std::uint32_t> keys,
                         sealed_join& out) {
    const spill_target& spill = with_.options.spill;
    memory_budget* const budget = with_.context.budget();
    const bool may_spill = budget != nullptr && budget->available() != memory_budget::unlimited &&
                           !spill.stores.empty() && spill.make_link != nullptr;
    auto shared = rows_in_memory(join, columns);
    if (!may_spill) {
      absl::StatusOr<column_set> rows = shared ? *std::move(shared) : run_restricted(join, columns, nullptr);
      if (!rows.ok()) return rows.status();
      auto table = build_table(*rows, keys, with_, budget);
      if (!table.ok()) return to_status(table.error(), "join");
      out.table.emplace(*std::move(table));
      out.rows = *std::move(rows);
      return absl::OkStatus();
    }
    join_request what = request(i, join, outputs, columns, keys, *budget);
    out.share = std::make_unique<memory_budget>(what.state_bytes, budget);
    other_side side(out, what, with_);
    if (shared) {
      auto done = side.keep(*shared);
      if (!done.ok() && done.error().code == errc::out_of_memory) done = side.open(true);
      if (done.ok() && side.is_open) done = side.take_all(*shared);
      if (!done.ok()) return to_status(done.error(), "join");
    } else if (const auto rows = run_restricted(join, columns, &side); !rows.ok()) {
      return rows.status();
    }
    if (!out.spilled) return absl::OkStatus();
    if (const auto sealed = out.spilled->seal(side.number_limit); !sealed.ok())
      return to_status(sealed.error(), "join");
    return absl::OkStatus();
  }

  /// The memory that is left is for the joins that are still to come and for groups behind them, in equal shares; a
  /// quarter of it is for stores and results.
  [[nodiscard]] join_request request(std::size_t i, const segment_join& join, std::span<const named_value> outputs,
                                     std::span<const std::uint32_t> columns, std::span<const std::uint32_t> keys,
                                     const memory_budget& budget) const {
    join_request made;
    made.kind = join.kind();
    made.has_condition = !join.what->condition.nodes.empty();
    for (const std::uint32_t c : columns) made.build.push_back(join.other[c].type);
    made.build_keys = keys;
    const dynamic_schema& source = parts_[i].source;
    for (std::size_t k = 0; k < join.keys.size(); ++k) {
      made.probe.push_back(join.left[*join.left.find(join.what->keys[k].column)].type);
      const auto& nodes = outputs[k].value.nodes;
      if (nodes.size() == 1 && nodes[0].kind == expression_kind::column)
        made.keys_of_source.emplace_back(*source.find(nodes[0].name), static_cast<std::uint32_t>(k));
    }
    for (const named_value& output : outputs.subspan(join.keys.size()))
      for (const expression_node& node : output.value.nodes) {
        if (node.kind != expression_kind::column) continue;
        const std::uint32_t column = *source.find(node.name);
        const auto is_it = [&](const auto& key) { return key.first == column; };
        if (std::any_of(made.keys_of_source.begin(), made.keys_of_source.end(), is_it) ||
            std::find(made.sources.begin(), made.sources.end(), column) != made.sources.end())
          continue;
        made.sources.push_back(column);
        made.probe.push_back(source[column].type);
      }
    made.worker_count = with_.runner.concurrency();
    made.context = &with_.context;
    made.budget = with_.context.budget();
    const std::size_t sharing = i + 1 + (made_.segments.back()->what.sink == sink_kind::group ? 1 : 0);
    const std::uint64_t left = budget.available();
    made.state_bytes = 1 + left / 4 * 3 / sharing;
    made.number = i;
    return made;
  }

  /// These columns of the other side's rows, if they are in memory and flat: then it need not run.
  static std::optional<column_set> rows_in_memory(const segment_join& join, std::span<const std::uint32_t> columns) {
    const query_plan& other = join.what->other;
    column_set shared;
    bool is_flat = other.from_rows != nullptr && other.stages.empty();
    for (const std::uint32_t c : columns) {
      if (!is_flat) break;
      const column& from = other.from_rows->columns[c];
      is_flat = from.size() <= join_builder::most_rows && from.storage()->whole.kind == vector_kind::flat;
      shared.schema.columns.push_back(other.from_rows->schema[c]);
      shared.columns.push_back(from);
    }
    if (!is_flat) return std::nullopt;
    return shared;
  }
  /// These columns of the other side's rows, flat, or to an outlet.
  absl::StatusOr<column_set> run_restricted(const segment_join& join, std::span<const std::uint32_t> columns,
                                            row_outlet* outlet) {
    run_options options = with_.options;
    options.result_budget = nullptr;  // the other side's rows are the join's
    scan_statistics of_other;
    auto rows = run_passes(restricted(join.what->other, join.other, columns), with_.runner, with_.context, options,
                           of_other, outlet);
    made_.spilled_rows += of_other.spilled_rows;
    return rows;
  }

  /// Puts the other side's columns where the probe finds them soonest, as far as there is memory for it, and drops those
  /// that were read for the table only.
  void arrange(sealed_join& out) const {
    column_set arranged;
    std::vector<std::uint8_t> halved(out.rows.columns.size(), 0);
    arranged.schema = out.rows.schema;
    arranged.columns.resize(out.rows.columns.size());
    if (!out.others.empty() || !out.paired_others.empty()) {
      memory_budget* const budget = out.share != nullptr ? out.share.get() : with_.context.budget();
      const std::uint32_t row_count = out.table->row_count();
      const bool few_ask = scanned_ != nullptr && scanned_->row_count() < row_count;
      const bool moves = !out.table->ids_are_positions() && !few_ask;
      buffer ids;
      if (moves) {
        auto memory = buffer::allocate(row_count * sizeof(std::uint32_t), budget);
        if (!memory.ok()) return;
        ids = *std::move(memory);
        constexpr std::uint32_t rows_of_task = 1 << 16;
        const auto name = [&](std::uint32_t task, std::uint32_t) {
          auto* const id = ids.as<std::uint32_t>();
          const std::uint32_t first = task * rows_of_task, last = std::min(row_count - first, rows_of_task) + first;
          for (std::uint32_t position = first; position < last; ++position) id[position] = position;
          out.table->row_ids(id + first, last - first, id + first);
        };
        with_.runner.bulk(static_cast<std::uint32_t>((std::uint64_t{row_count} + rows_of_task - 1) / rows_of_task),
                          name);
      }
      const auto take = [&](std::uint32_t c, bool may_halve) {
        const bool half = may_halve && fits_half(out.rows.columns[c].storage()->whole);
        if (arranged.columns[c].storage() != nullptr) return true;
        arranged.columns[c] = out.rows.columns[c];
        halved[c] = half ? 1 : 0;
        if (!moves && !half) return true;
        auto made = arrange_rows(out.rows.columns[c],
                                 moves ? PILLAR_MUTATE(join_rows_stay, ids.as<std::uint32_t>(), nullptr) : nullptr,
                                 half, with_.runner, budget);
        if (made.ok()) arranged.columns[c] = *std::move(made);
        return made.ok();
      };
      for (const auto& column : out.paired_others)
        if (!take(column.from, false)) return;
      for (const auto& column : out.others)
        if (!take(column.from, true)) return;
      if (moves) out.table->name_rows_by_position();
      if (moves && keeps_build_rows(out.kind)) out.arrival = std::move(ids);
    }
    out.rows = std::move(arranged);
    out.halved = std::move(halved);
  }

  static void account(sealed_join& out, const segment_join& join) {
    for (const auto& key : join.what->keys) {
      if (!out.account.keys.empty()) out.account.keys += ", ";
      out.account.keys += key.column == key.other ? key.column : key.column + " = " + key.other;
    }
    out.account.kind = out.kind;
    out.account.may_spill = out.spilled != nullptr;
    if (out.spilled) return;
    out.account.mode = to_string(out.table->mode());
    out.account.build_rows = out.table->row_count();
    out.account.table_bytes = out.table->byte_count();
  }

  /// The segment and the column of its source that a key is, as far down as rows are only passed on.
  [[nodiscard]] bool trace(std::size_t& at, const expression& value, std::uint32_t& column) const {
    const expression* key = &value;
    for (;;) {
      if (key->nodes.size() != 1 || key->nodes[0].kind != expression_kind::column) return false;
      column = *parts_[at].source.find(key->nodes[0].name);
      if (at == 0) return true;
      const segment& before = parts_[at - 1];
      if (column >= before.outputs.size() || keeps_build_rows(before.join->kind())) return false;
      key = &before.outputs[column].value;
      --at;
    }
  }

  /// What integers of another width must satisfy.
  static domain of_width(domain test, physical_type physical) {
    if (test.physical == physical) return test;
    const int128 lowest = lowest_of(physical), highest = highest_of(physical);
    test.physical = physical;
    if (test.kind == domain_kind::range) {
      const int128 lo = std::max(test.lo, lowest), hi = std::min(test.hi, highest);
      return lo <= hi ? integer_range(physical, lo, hi) : integer_range(physical, 1, 0);
    }
    const auto is_beyond = [&](int128 point) { return point < lowest || point > highest; };
    test.integers.erase(std::remove_if(test.integers.begin(), test.integers.end(), is_beyond), test.integers.end());
    return test;
  }

  /// Tells the scan what the keys say.
  void push(std::size_t i, const sealed_join& join, const segment_join& of) {
    for (std::uint32_t k = 0; k < of.keys.size(); ++k) {
      std::size_t at = i;
      std::uint32_t column = 0;
      if (!trace(at, of.keys[k], column)) continue;
      for (domain& test : key_domains(*join.table, k)) {
        if (test.kind == domain_kind::opaque && !is_worth_asking(i, at, join, column)) continue;
        const physical_type scanned = parts_[at].source[column].type.physical;
        domains_[at].push_back({column, of_width(std::move(test), scanned)});
        if (at == 0) made_.pushed.push_back({static_cast<std::uint32_t>(i), k, column});
      }
    }
  }

  /// Whether to ask the test of whole vectors before the probe, which is exact and asks the same filter for the rows
  /// that are left: where other joins lie between, or all rows come, and a sample of them says that few have partners.
  [[nodiscard]] bool is_worth_asking(std::size_t i, std::size_t at, const sealed_join& join,
                                     std::uint32_t column) const {
    if (at == i && (join.table->mode() == join_mode::array || parts_[at].has_predicate)) return false;
    if (at != 0 || scanned_ == nullptr) return at != i;
    constexpr std::size_t most_vectors = 8;
    std::vector<const row_group*> groups;
    for (const auto& slice : scanned_->slices)
      for (const auto& group : slice.groups)
        if (group->store == nullptr && may_meet(group->blocks[column].zone, column)) groups.push_back(group.get());
    const auto scratch = std::make_unique<vector_scratch>();
    std::uint64_t rows = 0, partners = 0;
    for (std::size_t k = 0; k < most_vectors && k < groups.size(); ++k) {
      const row_group& group = *groups[k * groups.size() / std::min(most_vectors, groups.size())];
      vector keys;
      const std::uint32_t v = group.vector_count() / 2;
      if (!group.blocks[column].view.vector_at(v).decode(*scratch, keys).ok()) return true;
      std::uint64_t mask[vector_words];
      join.table->may_have_partners(keys, mask);
      rows += keys.size;
      partners += count_bits(mask, keys.size);
    }
    return rows == 0 || partners < rows / 2;
  }
  /// Whether the key range that was pushed last leaves anything of a block.
  [[nodiscard]] bool may_meet(const zone_map& zone, std::uint32_t column) const {
    for (const pushed_domain& pushed : domains_[0]) {
      if (pushed.column != column || pushed.test.kind != domain_kind::range || !is_integer(pushed.test.physical))
        continue;
      const value_interval values = interval_of(zone);
      if (values.may_be_value && (values.hi < pushed.test.lo || values.lo > pushed.test.hi)) return false;
    }
    return true;
  }

  void describe_pushed() {
    const bound_segment& first = *made_.segments[0];
    for (std::size_t i = 0; i < made_.pushed.size(); ++i)
      joins_[made_.pushed[i].link]->account.pushed.push_back(
          describe(first.predicate, first.predicate.conjuncts[first.own_conjuncts + i], first.what.source));
  }

  std::vector<segment> parts_;
  std::shared_ptr<const table_version> scanned_{};
  const pass_environment& with_;
  bool for_audit_;
  std::vector<std::vector<pushed_domain>> domains_;  ///< by segment
  bound_pass made_;
  std::vector<std::unique_ptr<sealed_join>> joins_;
};

}  // namespace PILLAR_NAMESPACE::detail
