// SPDX-License-Identifier: Apache-2.0
/// A plan against its source's schema, cut into segments: everything between two sinks is one pass over one source.
///
/// Projections do not run: names are replaced by what they stand for, so that a segment's predicate and outputs speak
/// of the source's own columns, and a `where` behind a `project` still reaches zones and codecs.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pillar/expr/bind.hpp"
#include "pillar/expr/check.hpp"
#include "pillar/pipeline/plan.hpp"
#include "pillar/pipeline/run_options.hpp"
#include "pillar/pipeline/stages.hpp"  // aggregate_fault
#include "pillar/schedule/executor.hpp"
#include "pillar/schedule/query_context.hpp"
#include "pillar/sort/key.hpp"
#include "pillar/status.hpp"

// Queries need no definitions that fill tables: they would cost every header-only program their compilation.
#define PILLAR_STORAGE_READ_ONLY
#include "pillar/storage/table.hpp"
#undef PILLAR_STORAGE_READ_ONLY

namespace PILLAR_NAMESPACE::detail {

/// Where a segment's rows go; those of a probe go through a join to the next segment of the same pass.
enum class sink_kind : std::uint8_t { collect, group, order, top, probe };

struct segment_join;  // impl/bound_join.hpp

/// One pass: source columns → predicate → outputs → sink.
struct segment {
  bool has_predicate = false;
  expression predicate;  ///< over source columns
  sink_kind sink = sink_kind::collect;
  std::vector<named_value> outputs;  ///< collect, order, top: the result's columns; group: the keys; probe: the left
                                     ///< side's columns
  std::vector<named_aggregate> aggregates;
  bool counts_groups = false;  ///< group: the answer is how many there are; NULL is none
  std::vector<sort_key> order;
  std::uint64_t limit = 0;
  bool is_cut = false;                         ///< order: only the first `limit` rows are asked for
  std::shared_ptr<const segment_join> join{};  ///< probe
  const join_operations* joins = nullptr;      ///< probe
  bool keeps_other_rows = false;               ///< probe: the result has rows without a left side
  dynamic_schema source;
  dynamic_schema result;

  /// One more condition on its rows.
  void add_condition(const expression& condition) {
    predicate.append(condition);
    if (has_predicate) predicate.push(expression_kind::both);
    has_predicate = true;
  }
};

inline expression column_expression(std::string_view name) {
  expression made;
  made.push_column(name);
  return made;
}

/// Replaces names by the expressions they stand for.
inline expression substitute(const expression& what, const std::vector<named_value>& names) {
  expression out;
  for (const auto& node : what.nodes) {
    if (node.kind == expression_kind::column) {
      for (const auto& name : names)
        if (name.name == node.name) {
          out.append(name.value);
          break;
        }
    } else {
      out.nodes.push_back(node);
    }
  }
  return out;
}

/// What a pass runs with.
struct pass_environment {
  executor_ref runner;
  query_context& context;
  const run_options& options;
};

class plan_binder;
struct bound_pass;  // impl/bound_segment.hpp
/// Runs a plan's joins; made by who knows them, so that queries without joins are compiled without.
struct join_operations {
  /// Adds the join to the plan that is being bound.
  absl::Status (*add)(plan_binder& to, const plan_stage& stage);
  /// Binds segments of which one hands its rows to the next.
  absl::StatusOr<bound_pass> (*bind)(std::vector<segment> parts, const table* scanned, const pass_environment& with,
                                     bool for_audit);
  /// Puts a condition where it is cheapest: in front of joins, if it only tests what they pass on.
  void (*place)(std::vector<segment>& before, segment& current, const expression& condition);
};

/// A plan's segments, or what is wrong with it.
inline absl::StatusOr<std::vector<segment>> bind_plan(const query_plan& plan);

/// Cuts a plan into segments while following names and types from stage to stage.
class plan_binder {
 public:
  /// Of an expression after names were replaced: a projection may name a computed column twice, and so may the next.
  static constexpr std::size_t max_nodes = 4096;

  explicit plan_binder(const dynamic_schema& source) { start(source); }

  absl::Status add(const plan_stage& stage) {
    switch (stage.kind) {
      case stage_kind::where: return add_where(stage);
      case stage_kind::project: return add_project(stage);
      case stage_kind::group_by: return add_group(stage);
      case stage_kind::order_by:
      case stage_kind::top: return add_order(stage);
      case stage_kind::join:
        if (stage.joins != nullptr && stage.join != nullptr) return stage.joins->add(*this, stage);
        return make_status(absl::StatusCode::kInvalidArgument, "a join is a stage that stage_of has made");
    }
    return absl::OkStatus();
  }
  /// Ends the segment in a join: its rows go through it to the next.
  void probe(std::shared_ptr<const segment_join> join, const join_operations* joins, bool keeps_other_rows,
             const dynamic_schema& made) {
    current_.sink = sink_kind::probe;
    current_.outputs = names_;
    current_.result = made;
    current_.join = std::move(join);
    current_.joins = joins;
    current_.keeps_other_rows = keeps_other_rows;
    segments_.push_back(std::move(current_));
    start(made);
  }
  [[nodiscard]] const std::vector<named_value>& names() const noexcept { return names_; }
  static absl::Status refuse(const fault& problem, const dynamic_schema& among) {
    return make_status(
        problem.kind == fault_kind::no_such_column ? absl::StatusCode::kNotFound : absl::StatusCode::kInvalidArgument,
        describe(problem, columns_of(among)).view());
  }
  std::vector<segment> finish() && {
    if (!fresh_ || segments_.empty() || segments_.back().sink == sink_kind::probe) close();
    return std::move(segments_);
  }
  [[nodiscard]] const dynamic_schema& schema() const noexcept { return schema_; }

 private:
  void start(const dynamic_schema& source) {
    current_ = segment{};
    current_.source = source;
    schema_ = source;
    names_.clear();
    for (const auto& column : source.columns) names_.push_back({column.name, column_expression(column.name)});
    fresh_ = true;
  }
  void close() {
    current_.outputs = names_;
    current_.result = schema_;
    segments_.push_back(std::move(current_));
  }

  absl::Status refuse(const expression& what, bool predicate) const {
    const std::string sentence = explain_fault(what, schema_, predicate);
    if (sentence.empty()) return absl::OkStatus();
    return make_status(
        sentence.rfind("no column", 0) == 0 ? absl::StatusCode::kNotFound : absl::StatusCode::kInvalidArgument,
        sentence);
  }
  absl::Status refuse(const fault& problem) const { return refuse(problem, schema_); }
  [[nodiscard]] data_type type_of_value(const expression& what) const {
    return check_shape(what.shape(), columns_of(schema_)).type;
  }
  absl::Status check_names(const dynamic_schema& made) const {
    for (std::size_t i = 0; i < made.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (made[i].name == made[j].name) return refuse(fault{fault_kind::duplicate_name, made[i].name, {}, {}});
    return absl::OkStatus();
  }

  absl::Status add_where(const plan_stage& stage) {
    if (auto problem = refuse(stage.predicate, true); !problem.ok()) return problem;
    expression predicate = substitute(stage.predicate, names_);
    if (!segments_.empty() && segments_.back().sink == sink_kind::probe)
      segments_.back().joins->place(segments_, current_, predicate);
    else current_.add_condition(predicate);
    fresh_ = false;
    return absl::OkStatus();
  }

  absl::Status add_project(const plan_stage& stage) {
    dynamic_schema made;
    std::vector<named_value> names;
    for (const auto& value : stage.values) {
      if (auto problem = refuse(value.value, false); !problem.ok()) return problem;
      const data_type type = type_of_value(value.value);
      if (value.value.nodes.back().kind != expression_kind::column &&
          value.value.nodes.back().kind != expression_kind::arithmetic)
        return make_status(
            absl::StatusCode::kUnimplemented,
            "result column '" + value.name + "' is a condition; project computes columns and arithmetic");
      made.columns.push_back({value.name, type});
      names.push_back({value.name, substitute(value.value, names_)});
      const expression& whole = names.back().value;
      if (whole.nodes.size() > max_nodes || check_shape(whole.shape(), columns_of(current_.source)).problem)
        return make_status(absl::StatusCode::kInvalidArgument,
                           "result column '" + value.name + "' is computed from computed columns in too many steps");
    }
    if (auto problem = check_names(made); !problem.ok()) return problem;
    schema_ = std::move(made);
    names_ = std::move(names);
    fresh_ = false;
    return absl::OkStatus();
  }

  absl::Status add_group(const plan_stage& stage) {
    dynamic_schema made;
    current_.sink = sink_kind::group;
    for (const auto& key : stage.values) {
      if (auto problem = refuse(key.value, false); !problem.ok()) return problem;
      made.columns.push_back({key.name, type_of_value(key.value)});
      current_.outputs.push_back({key.name, substitute(key.value, names_)});
    }
    for (const named_aggregate& aggregate : stage.aggregates) {
      named_aggregate bound = aggregate;
      checked_shape input, second;
      input.type = second.type = type_of<double>;
      if (aggregate.input.nodes.empty() != (aggregate.kind == aggregate_kind::count_rows) ||
          aggregate.second.nodes.empty() == takes_second(aggregate.kind) ||
          (aggregate.kind == aggregate_kind::count_rows && aggregate.options.distinct))
        return refuse(fault{fault_kind::needs_input, aggregate.name, {}, {}});
      for (auto [value, checked] : {std::pair(&bound.input, &input), std::pair(&bound.second, &second)}) {
        if (value->nodes.empty()) continue;
        if (auto problem = refuse(*value, false); !problem.ok()) return problem;
        *checked = check_shape(value->shape(), columns_of(schema_));
        *value = substitute(*value, names_);
      }
      if (!bound.predicate.nodes.empty()) {
        if (auto problem = refuse(bound.predicate, true); !problem.ok()) return problem;
        bound.predicate = substitute(bound.predicate, names_);
      }
      if (const fault problem = aggregate_fault(aggregate.kind, input, second, aggregate.options.own))
        return refuse(problem);
      if (const fault problem = options_fault(aggregate, input)) return refuse(problem);
      made.columns.push_back({aggregate.name, aggregate.kind == aggregate_kind::own
                                                  ? aggregate.options.own->result
                                                  : *aggregate_type(aggregate.kind, input.type, second.type)});
      current_.aggregates.push_back(std::move(bound));
    }
    if (auto problem = check_names(made); !problem.ok()) return problem;
    count_as_groups(current_);
    current_.result = made;
    segments_.push_back(std::move(current_));
    start(made);
    return absl::OkStatus();
  }
  /// The distinct values of one input are groups: these wait by parts, come in runs and may be spilled.
  static void count_as_groups(segment& of) {
    if (!of.outputs.empty() || of.aggregates.size() != 1) return;
    named_aggregate& only = of.aggregates[0];
    if (only.kind != aggregate_kind::count || !only.options.distinct || !only.predicate.nodes.empty()) return;
    of.outputs.push_back({std::move(only.name), std::move(only.input)});
    of.aggregates.clear();
    of.counts_groups = true;
  }

  static fault options_fault(const named_aggregate& aggregate, const checked_shape& input) {
    const aggregate_options& how = aggregate.options;
    if (how.distinct && takes_second(aggregate.kind)) return {fault_kind::distinct_pairs, input.column, {}, {}};
    const bool fits = how.quantile >= 0 && how.quantile <= 1 && how.rank >= 1 && how.rank <= 1024 &&
                      how.register_bits >= 4 && how.register_bits <= 16 && how.sketch_bits >= 1 &&
                      how.sketch_bits <= 12;
    return fits ? fault{} : fault{fault_kind::out_of_range, input.column, {}, {}};
  }

  absl::Status add_order(const plan_stage& stage) {
    for (const auto& key : stage.order) {
      const auto found = schema_.find(key.column);
      if (!found.ok()) return refuse(fault{fault_kind::no_such_column, key.column, {}, {}});
      current_.order.push_back({*found, key.descending, key.nulls_first});
    }
    current_.sink = stage.kind == stage_kind::top ? sink_kind::top : sink_kind::order;
    current_.limit = stage.limit;
    current_.outputs = names_;
    current_.result = schema_;
    const dynamic_schema made = schema_;
    segments_.push_back(std::move(current_));
    start(made);
    return absl::OkStatus();
  }

  segment current_;
  dynamic_schema schema_;           ///< names and types that reach the next stage
  std::vector<named_value> names_;  ///< what they stand for, over the segment's source
  std::vector<segment> segments_;
  bool fresh_ = true;  ///< nothing was added since the last sink
};

inline absl::StatusOr<std::vector<segment>> bind_plan(const query_plan& plan) {
  if (plan.from_table == nullptr && plan.from_rows == nullptr)
    return make_status(absl::StatusCode::kInvalidArgument, "the query has no source");
  if (plan.from_table != nullptr && !plan.from_table->status().ok()) return plan.from_table->status();
  plan_binder binder(plan.from_table != nullptr ? plan.from_table->schema() : plan.from_rows->schema);
  for (const auto& stage : plan.stages)
    if (auto added = binder.add(stage); !added.ok()) return added;
  return std::move(binder).finish();
}

}  // namespace PILLAR_NAMESPACE::detail
