// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <ostream>

#include "pillar/base/mutant.hpp"
#include "pillar/pipeline/explain.hpp"
#include "pillar/pipeline/impl/run_passes.hpp"
#include "pillar/pipeline/impl/statistics.hpp"  // describe_join
#include "pillar/pipeline/impl/table_walk.hpp"
#include "pillar/pipeline/run.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/storage/explain.hpp"
#include "pillar/zone/explain.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// The dearest evidence among a step's columns, as a layer; for conditions that no codec answers as a whole.
inline answer_layer layer_of_step(const conjunct_step& step) noexcept {
  evidence dearest = evidence::skipped;
  for (const evidence how : step.touched) dearest = std::max(dearest, how);
  return dearest == evidence::encoded   ? answer_layer::packed
         : dearest == evidence::settled ? answer_layer::directory
                                        : answer_layer::decoded;
}

/// The scan's questions about a predicate, row group after row group.
class explaining_walk {
 public:
  explaining_walk(std::shared_ptr<const explained_predicate> predicate, memory_budget* budget)
      : predicate_(std::move(predicate)), work_(predicate_->bound, predicate_->schema.size(), budget) {}

  group_explanation explain_group(const row_group& group, std::uint32_t slice, std::uint32_t number) {
    const bound_predicate& bound = predicate_->bound;
    group_explanation out;
    out.slice = slice;
    out.group = number;
    out.row_count = group.row_count;
    out.predicate = predicate_;
    work_.dictionary_answers.begin_block();
    work_.blocks.begin(group);
    for (const std::uint32_t c : bound.columns) work_.zones[c] = &group.blocks[c].zone;
    const zone_answer block = explain(bound, work_.zones, predicate_->schema, work_.block_scratch, out.by_zone);
    out.what = block.what;
    for (std::uint32_t v = 0; v < group.vector_count(); ++v) {
      vector_explanation made;
      made.vector = v;
      made.row_count = group.rows_of(v);
      made.touched.assign(predicate_->schema.size(), evidence::skipped);
      zone_answer at = block;
      if (block.what == zone_verdict::some && group.vector_count() > 1) {
        for (const std::uint32_t c : bound.columns) work_.zones[c] = &group.blocks[c].vector_zones[v];
        at = explain(bound, work_.zones, predicate_->schema, work_.vector_scratch, made.by_zone);
        if (at.what != zone_verdict::none) at.known_true |= block.known_true;
        std::erase_if(made.by_zone, [&](const witness& why) {  // the block had settled these
          return why.conjunct < 64 && ((block.known_true >> why.conjunct) & 1) != 0 && at.what != zone_verdict::none;
        });
      }
      made.what = at.what;
      if (at.what == zone_verdict::all) made.rows_selected = made.row_count;
      if (at.what == zone_verdict::some) ask_rows(v, at.known_true, made);
      out.rows_selected += made.rows_selected;
      const bool failed = made.error != errc::ok;
      out.vectors.push_back(std::move(made));
      if (failed) break;
    }
    return out;
  }

 private:
  void ask_rows(std::uint32_t v, std::uint64_t known_true, vector_explanation& out) {
    const bound_predicate& bound = predicate_->bound;
    for (const std::uint32_t c : bound.columns) {
      const auto view = work_.blocks.open(c);
      if (!view.ok()) {
        out.error = view.error().code;
        return;
      }
      work_.columns[c].source = (*view)->vector_at(v);
      work_.columns[c].has_decoded = false;
      work_.columns[c].touched = evidence::skipped;
    }
    work_.rows.row_count = out.row_count;
    work_.rows.selection = selection_mask::first(out.row_count);
    std::vector<conjunct_step> steps;
    const auto done = explain(work_.state, work_.rows, known_true, work_.block_scratch.values, steps);
    if (!done.ok()) out.error = done.error().code;
    else out.rows_selected = work_.rows.selection.count();
    for (std::size_t c = 0; c < out.touched.size(); ++c) out.touched[c] = work_.columns[c].touched;
    for (conjunct_step& step : steps) {
      step_explanation made;
      if (step.kind == conjunct_step::kind_type::asked) {
        made.layer = layer_of_step(step);
        if (step.codec.what != verdict::unknown) {
          const bound_node& node = bound.nodes[bound.conjuncts[step.conjunct]];
          const std::uint32_t column = *bound.plain_column(node);
          made.why = explain(step.conjunct, column, node.test, work_.blocks[column], v, step.codec);
          made.layer = made.why->layer;
        }
      }
      made.step = std::move(step);
      out.steps.push_back(std::move(made));
    }
  }

  std::shared_ptr<const explained_predicate> predicate_;
  predicate_walk work_;
};

/// [none, some, all] of a witness's outcome among the rows that hold a value.
inline std::size_t verdict_index(truth_set outcome) noexcept {
  const bool may_be_true = outcome.may_be(truth::is_true), may_be_false = outcome.may_be(truth::is_false);
  return may_be_true == may_be_false ? (may_be_true ? 1 : 0) : may_be_true ? 2 : 0;
}

/// Adds what one row group's explanation says to the query's.
class explanation_counts {
 public:
  explanation_counts(query_explanation& out, std::uint32_t limit) : out_(out), limit_(limit) {
    for (std::uint32_t i = 0; i < out.predicate->bound.conjuncts.size(); ++i) {
      conjunct_account made;
      made.condition = out.predicate->condition(i);
      made.of_join = i >= out.predicate->own_conjuncts;
      out.conjuncts.push_back(std::move(made));
    }
  }

  void add(const group_explanation& group) {
    place_ = {group.slice, group.group, placed_witness::whole_group, {}};
    std::vector<bool> settled(out_.conjuncts.size(), false);
    for (const witness& why : group.by_zone) {
      ++out_.conjuncts[why.conjunct].groups[static_cast<std::size_t>(why.layer)][verdict_index(why.outcome)];
      settled[why.conjunct] = true;
      keep(why, verdict_index(why.outcome));
    }
    for (const std::uint32_t c : out_.predicate->bound.columns) {
      block_account made;
      made.slice = group.slice;
      made.group = group.group;
      made.column = c;
      for (const vector_explanation& at : group.vectors) {
        const bool none_left = at.what == zone_verdict::some && at.rows_selected == 0;
        scan_cause cause = none_left ? scan_cause::skipped_by_selection : scan_cause::skipped_by_zone;
        if (at.touched[c] != evidence::skipped)
          cause = static_cast<scan_cause>(static_cast<unsigned>(at.touched[c]) + 1);
        ++made.vectors[static_cast<std::size_t>(cause)];
      }
      out_.by_predicate.push_back(std::move(made));
    }
    if (group.what != zone_verdict::some) return;
    for (const vector_explanation& at : group.vectors) add(at, settled);
  }

 private:
  void add(const vector_explanation& at, const std::vector<bool>& settled_by_block) {
    place_.vector = at.vector;
    std::vector<bool> settled = settled_by_block;
    for (const witness& why : at.by_zone) {
      ++out_.conjuncts[why.conjunct].vectors[static_cast<std::size_t>(why.layer)][verdict_index(why.outcome)];
      settled[why.conjunct] = true;
      keep(why, verdict_index(why.outcome));
    }
    for (const step_explanation& step : at.steps) {
      if (step.step.kind != conjunct_step::kind_type::asked) continue;
      conjunct_account& account = out_.conjuncts[step.step.conjunct];
      settled[step.step.conjunct] = true;
      account.rows_before += step.step.rows_before;
      account.rows_after += step.step.rows_after;
      const std::size_t verdict = step.why ? verdict_index(step.why->outcome) : 1;
      ++account.vectors[static_cast<std::size_t>(step.layer)][verdict];
      if (step.why) keep(*step.why, verdict);
    }
    for (std::size_t i = 0; i < settled.size(); ++i)
      if (!settled[i]) ++out_.conjuncts[i].vectors_without_rows;
  }

  void keep(const witness& why, std::size_t verdict) {
    const auto same = [&](const placed_witness& other) {
      return other.why.conjunct == why.conjunct && other.why.layer == why.layer &&
             verdict_index(other.why.outcome) == verdict;
    };
    if (std::count_if(out_.witnesses.begin(), out_.witnesses.end(), same) >= static_cast<std::ptrdiff_t>(limit_))
      return;
    place_.why = why;
    out_.witnesses.push_back(place_);
  }

  query_explanation& out_;
  std::uint32_t limit_;
  placed_witness place_{};
};

/// What joins say of rows is part of the predicate, and needs their tables.
inline std::shared_ptr<const explained_predicate> explained(const std::shared_ptr<const bound_pass>& pass) {
  const bound_segment& first = *pass->segments.front();
  return std::make_shared<const explained_predicate>(
      explained_predicate{first.what.source, first.predicate, first.own_conjuncts, pass});
}

inline void print_place(std::ostream& out, std::uint32_t slice, std::uint32_t group, std::uint32_t vector) {
  out << "slice " << slice << ", row group " << group;
  if (vector != placed_witness::whole_group) out << ", vector " << vector;
}

inline void print_counts(std::ostream& out, const char* what, const answers_by_layer& counts) {
  constexpr const char* verdicts[] = {"none", "some", "all"};
  bool first = true;
  for (std::size_t layer = 0; layer < answer_layer_count; ++layer)
    for (std::size_t verdict = 0; verdict < 3; ++verdict) {
      if (counts[layer][verdict] == 0) continue;
      out << (first ? what : ", ") << counts[layer][verdict] << ' ' << verdicts[verdict] << " by "
          << to_string(static_cast<answer_layer>(layer));
      first = false;
    }
  if (!first) out << '\n';
}

inline void print_columns(std::ostream& out, const scan_statistics& stats) {
  for (const column_account& column : stats.columns) {
    out << "  " << column.name << ": ";
    bool first = true;
    for (std::size_t i = 0; i < scan_cause_count; ++i) {
      if (column.vectors[i] == 0) continue;
      out << (first ? "" : " + ") << column.vectors[i] << ' ' << to_string(static_cast<scan_cause>(i));
      first = false;
    }
    out << "; " << column.bytes_read << " of " << column.bytes_read + column.bytes_unread << " bytes read\n";
  }
}

}  // namespace detail

PILLAR_API absl::StatusOr<query_explanation> explain_plan(const query_plan& plan, const explain_options& options,
                                                          query_context& context) {
  const std::uint64_t bytes_before = detail::bytes_in_stores(options.with);
  auto bound = detail::bind_first_pass(plan, context, options.with);
  if (!bound.ok()) return bound.status();
  const auto shared = std::make_shared<const detail::bound_pass>(*std::move(bound));
  query_explanation out;
  out.predicate = detail::explained(shared);
  for (const auto& link : shared->links) out.joins.push_back(link->account());
  const std::shared_ptr<const table_version> version = plan.from_table->version();
  detail::explanation_counts counts(out, options.witness_limit);
  detail::explaining_walk walk(out.predicate, context.budget());
  for (std::uint32_t s = 0; s < version->slices.size(); ++s)
    for (std::uint32_t g = 0; g < version->slices[s].groups.size(); ++g) {
      if (context.check_deadline()) return to_status(context.error(), "explain");
      counts.add(walk.explain_group(*version->slices[s].groups[g], s, g));
    }
  if (!options.run) return out;
  inline_executor here;
  detail::pass_runner pass(*shared, here, context, options.with);
  out.run = pass.first().run_version(version, out.stats).status();
  if (out.run.ok()) {
    out.joins = out.stats.joins;
    out.stats.spilled_rows += shared->spilled_rows;
    out.stats.spilled_bytes = detail::bytes_in_stores(options.with) - bytes_before;
  } else {
    out.stats = {};
  }
  return out;
}

PILLAR_API absl::StatusOr<query_explanation> explain_plan(const query_plan& plan, const explain_options& options) {
  query_context context;
  return explain_plan(plan, options, context);
}

PILLAR_API absl::StatusOr<group_explanation> explain_plan(const query_plan& plan, std::uint32_t slice,
                                                          std::uint32_t group) {
  query_context context;
  auto bound = detail::bind_first_pass(plan, context, {});
  if (!bound.ok()) return bound.status();
  const auto shared = std::make_shared<const detail::bound_pass>(*std::move(bound));
  const std::shared_ptr<const table_version> version = plan.from_table->version();
  if (slice >= version->slices.size() || group >= version->slices[slice].groups.size())
    return make_status(absl::StatusCode::kOutOfRange, "there is no row group " + std::to_string(group) + " of slice " +
                                                          std::to_string(slice) + " in this table");
  detail::explaining_walk walk(detail::explained(shared), nullptr);
  group_explanation out = walk.explain_group(*version->slices[slice].groups[group], slice, group);
  const auto alone = std::make_shared<table_version>();
  alone->slices.resize(std::size_t{slice} + 1);
  alone->slices[slice].groups.push_back(version->slices[slice].groups[group]);
  alone->slices[slice].row_count = out.row_count;
  inline_executor here;
  detail::pass_runner pass(*shared, here, context);
  if (!pass.first().run_version(alone, out.stats).ok()) out.stats = {};
  for (block_account& block : out.stats.blocks) block.group = group;
  return out;
}

PILLAR_API std::ostream& operator<<(std::ostream& out, const query_explanation& what) {
  if (what.conjuncts.empty()) out << "no condition: every row is kept\n";
  for (const join_account& join : what.joins) out << detail::describe_join(join) << '\n';
  for (std::size_t i = 0; i < what.conjuncts.size(); ++i) {
    const conjunct_account& account = what.conjuncts[i];
    out << account.condition << (account.of_join ? " (said by a join's keys)\n" : "\n");
    detail::print_counts(out, "  row groups: ", account.groups);
    detail::print_counts(out, "  vectors: ", account.vectors);
    if (account.vectors_without_rows != 0)
      out << "  vectors not asked, as no row was left: " << account.vectors_without_rows << '\n';
    if (account.rows_before != 0) out << "  rows: " << account.rows_after << " of " << account.rows_before << " kept\n";
    for (const placed_witness& at : what.witnesses) {
      if (at.why.conjunct != i) continue;
      out << "  ";
      detail::print_place(out, at.slice, at.group, at.vector);
      out << ": " << describe(at.why, what.predicate->bound, what.predicate->schema) << '\n';
    }
  }
  if (!what.run.ok()) out << "the query fails: " << what.run << '\n';
  if (what.stats.groups) out << detail::describe_groups(*what.stats.groups) << '\n';
  if (what.stats.spilled_rows != 0)
    out << "spilled: " << what.stats.spilled_rows << " rows, " << what.stats.spilled_bytes << " bytes\n";
  if (!what.stats.columns.empty()) out << "columns, by vectors\n";
  detail::print_columns(out, what.stats);
  return out;
}

PILLAR_API std::ostream& operator<<(std::ostream& out, const group_explanation& what) {
  const explained_predicate& predicate = *what.predicate;
  detail::print_place(out, what.slice, what.group, placed_witness::whole_group);
  out << ": " << what.rows_selected << " of " << what.row_count << " rows\n";
  const auto print = [&](const witness& why) {
    out << predicate.condition(why.conjunct) << ": " << describe(why, predicate.bound, predicate.schema) << '\n';
  };
  for (const witness& why : what.by_zone) out << "  ", print(why);
  if (what.what == zone_verdict::some)
    for (const vector_explanation& at : what.vectors) {
      out << "  vector " << at.vector << ": ";
      if (at.what == zone_verdict::none && at.by_zone.size() == 1) {
        print(at.by_zone[0]);
        continue;
      }
      out << at.rows_selected << " of " << at.row_count << " rows\n";
      for (const witness& why : at.by_zone) out << "    ", print(why);
      for (const step_explanation& step : at.steps) {
        if (step.step.kind == conjunct_step::kind_type::known_true) continue;
        out << "    " << predicate.condition(step.step.conjunct) << ": ";
        if (step.step.kind == conjunct_step::kind_type::no_rows) {
          out << "not asked, no row was left\n";
          continue;
        }
        if (step.why) out << describe(*step.why, predicate.bound, predicate.schema);
        else out << "some (" << to_string(step.layer) << ')';
        out << ", " << step.step.rows_after << " of " << step.step.rows_before << " rows kept\n";
      }
      if (at.error != errc::ok) out << "    " << to_string(at.error) << ": the query ends here\n";
    }
  if (!what.stats.columns.empty()) out << "columns, by vectors\n";
  detail::print_columns(out, what.stats);
  return out;
}

}  // namespace PILLAR_NAMESPACE
