// SPDX-License-Identifier: Apache-2.0
/// Explains a query: which layer answered each condition for which rows, from what evidence, and what that saved.
///
/// An explanation is a walk of its own next to the scan, so a query pays nothing for it. It cannot tell another story
/// than the scan: it puts the same questions to the same functions in the same order (zone/explain.hpp calls answer(),
/// filter/explain.hpp calls ask()), it runs the query beside for its account, and a test compares the two.
///
/// Example: examples/explain/main.cpp
#pragma once
#include <array>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "pillar/expr/explain.hpp"    // witness, answer_layer
#include "pillar/filter/explain.hpp"  // conjunct_step
#include "pillar/pipeline/query.hpp"  // query_of, query_plan
#include "pillar/pipeline/run.hpp"    // run_options
#include "pillar/pipeline/statistics.hpp"
#include "pillar/schedule/query_context.hpp"

namespace PILLAR_NAMESPACE {

/// A predicate and the schema it is bound to: what witnesses need to be checked and put into words.
struct explained_predicate {
  dynamic_schema schema;
  bound_predicate bound;
  std::uint32_t own_conjuncts = 0;      ///< the first ones; the others are what the keys of joins say of the rows
  std::shared_ptr<const void> keeps{};  ///< what the conjuncts of joins refer to
  /// Conjunct i in words.
  [[nodiscard]] std::string condition(std::uint32_t i) const { return describe(bound, bound.conjuncts[i], schema); }
};

/// One conjunct of one vector: what it cost and left, and the witness of who answered.
struct step_explanation {
  conjunct_step step{};
  answer_layer layer = answer_layer::decoded;  ///< where it was asked
  std::optional<witness> why{};                ///< a codec's answer
};

/// One vector of a row group whose zone maps did not settle everything.
struct vector_explanation {
  std::uint32_t vector = 0;
  std::uint32_t row_count = 0;
  std::uint32_t rows_selected = 0;
  zone_verdict what = zone_verdict::some;  ///< by the zone maps, block and vector together
  std::vector<witness> by_zone{};          ///< of the vector's own zone maps
  std::vector<step_explanation> steps{};   ///< in the order of asking; empty for none and all
  std::vector<evidence> touched{};         ///< per column of the table: what the predicate had done to it
  errc error = errc::ok;                   ///< overflow: the query ends here
};

/// One row group.
struct group_explanation {
  std::uint32_t slice = 0;
  std::uint32_t group = 0;
  std::uint32_t row_count = 0;
  std::uint64_t rows_selected = 0;
  zone_verdict what = zone_verdict::some;  ///< by the zone maps of the blocks
  std::vector<witness> by_zone{};
  std::vector<vector_explanation> vectors{};
  /// What a run over this row group alone cost, per column that the query names.
  scan_statistics stats{};
  std::shared_ptr<const explained_predicate> predicate{};
};

/// Verdicts by layer: [layer][none, some, all].
using answers_by_layer = std::array<std::array<std::uint64_t, 3>, answer_layer_count>;

/// One conjunct over all row groups.
struct conjunct_account {
  std::string condition;
  bool of_join = false;                    ///< said by the keys of a join, not by the user
  answers_by_layer groups{};               ///< row groups that the block's zone maps settled
  answers_by_layer vectors{};              ///< of the others: settled by the vector's zone maps, or asked of the rows
  std::uint64_t vectors_without_rows = 0;  ///< not asked: other conjuncts had left no row, or a zone map of another
  std::uint64_t rows_before = 0;           ///< of the vectors whose rows were asked
  std::uint64_t rows_after = 0;
};

/// A witness and where it holds.
struct placed_witness {
  static constexpr std::uint32_t whole_group = ~std::uint32_t{0};
  std::uint32_t slice = 0;
  std::uint32_t group = 0;
  std::uint32_t vector = whole_group;
  witness why{};
};

/// A whole query.
struct query_explanation {
  std::shared_ptr<const explained_predicate> predicate{};
  std::vector<conjunct_account> conjuncts{};
  std::vector<join_account> joins{};        ///< that the scan's rows go through; rows are counted if the query was run
  std::vector<placed_witness> witnesses{};  ///< the first of each conjunct, layer and verdict
  /// The account of a run of the whole query; with `run` false or not OK, nothing.
  scan_statistics stats{};
  absl::Status run{};  ///< how that run ended
  /// The same counts for the columns that the predicate names, as the walk saw them: without what outputs read.
  std::vector<block_account> by_predicate{};
};

/// How much an explanation holds.
struct explain_options {
  bool run = true;                  ///< run the query too, for its account
  std::uint32_t witness_limit = 2;  ///< per conjunct, layer and verdict
  run_options with{};  ///< what that run and the other sides of joins may use: stores to spill to, which outlive the
                       ///< explanation
};

/// Explains the scan of a plan's table: the conditions of its first segment.
///
/// Errors: those of run_plan for a plan that does not fit its source; InvalidArgument without a table; the context's.
///         What happens while rows are read is in `run` and `error`
/// Requires: the context's memory budget outlives the explanation: keys of joins that its conditions name count against
///         it
/// Cost:   about the scan once more, on the calling thread; `run` adds the query itself
PILLAR_API absl::StatusOr<query_explanation> explain_plan(const query_plan& plan, const explain_options& options,
                                                          query_context& context);
/// Explains a run-time plan under a context of its own.
PILLAR_API absl::StatusOr<query_explanation> explain_plan(const query_plan& plan, const explain_options& options = {});

/// Every answer about one row group.
///
/// Errors: as above; OutOfRange where there is no such slice or row group
PILLAR_API absl::StatusOr<group_explanation> explain_plan(const query_plan& plan, std::uint32_t slice,
                                                          std::uint32_t group);

/// Explains a query's scan: causes counted, the first witnesses shown.
template <class S>
absl::StatusOr<query_explanation> explain(const query_of<S>& what, const explain_options& options = {}) {
  return explain_plan(what.plan, options);
}
/// The same under the caller's context: cancellation, deadline, memory.
template <class S>
absl::StatusOr<query_explanation> explain(const query_of<S>& what, const explain_options& options,
                                          query_context& context) {
  return explain_plan(what.plan, options, context);
}
/// One row group in detail.
template <class S>
absl::StatusOr<group_explanation> explain(const query_of<S>& what, std::uint32_t slice, std::uint32_t group) {
  return explain_plan(what.plan, slice, group);
}

/// A few lines of text.
PILLAR_API std::ostream& operator<<(std::ostream& out, const query_explanation& what);
/// One row group, vector by vector.
PILLAR_API std::ostream& operator<<(std::ostream& out, const group_explanation& what);

namespace query {
using pillar::explain;
}  // namespace query

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/pipeline/impl/explain.hpp"
#endif
