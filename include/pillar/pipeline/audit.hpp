// SPDX-License-Identifier: Apache-2.0
/// Audits a table or a query: every shortcut is verified once more by the scalar rules on decoded values, and whoever
/// claimed something that the rows contradict is named, with the place.
///
/// Decoded values are taken for the truth; a codec whose decoding is wrong shows where its matches, sums, fetched rows
/// or its directory disagree with them, and the zone maps, which were made from the values before they were encoded.
/// Nothing is repaired, and nothing that lies can do more than lie: audits are meant for tables in use, bounded by a
/// sample, a limit, and the context's deadline.
///
/// Example: examples/explain/main.cpp
#pragma once
#include <array>
#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "pillar/column/encoded.hpp"  // encoded_vector
#include "pillar/expr/explain.hpp"    // answer_layer
#include "pillar/pipeline/query.hpp"  // query_of, query_plan
#include "pillar/pipeline/run_options.hpp"
#include "pillar/pipeline/statistics.hpp"  // join_account
#include "pillar/schedule/query_context.hpp"
#include "pillar/storage/block.hpp"      // block_view
#include "pillar/zone/vector_zones.hpp"  // vector_bounds
#include "pillar/zone/zone_map.hpp"      // zone_map

namespace PILLAR_NAMESPACE {

/// What kind of claim was checked.
enum class audit_claim : std::uint8_t {
  zone_bounds,  ///< minimum and maximum of a zone map
  zone_exact,   ///< a bound that a row is said to attain
  zone_nulls,   ///< row and NULL counts of a zone map
  zone_nan,     ///< has_nan, only_nan
  zone_answer,  ///< a conjunct that zone maps or interval analysis settled for all rows
  interval,     ///< the values of a computed value, and that it cannot overflow
  directory,    ///< what a block's directory says: base and width, constant, first and last entry, NULLs
  validity,     ///< NULL rows, as the block tells them without decoding
  match,        ///< a codec's answer to a domain
  sum,          ///< a codec's sum
  fetch,        ///< single rows, decoded without the others
  selection,    ///< the rows that zones, codecs and filter together keep
  join_keys,    ///< rows that were left out for what a join's keys say: none has a partner
};
/// How many kinds of claims there are.
inline constexpr std::size_t audit_claim_count = 13;

/// The claim in words.
constexpr const char* to_string(audit_claim claim) noexcept {
  constexpr const char* names[audit_claim_count] = {
      "zone bounds", "exact zone bounds", "zone counts", "zone NaN",     "zone answers", "value intervals", "directory",
      "validity",    "matches",           "sums",        "fetched rows", "selections",   "join keys"};
  return names[static_cast<unsigned>(claim)];
}

/// A claim that a row contradicts.
struct liar {
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  audit_claim what = audit_claim::zone_bounds;
  answer_layer layer = answer_layer::zone;
  std::uint32_t slice = 0;
  std::uint32_t group = 0;
  std::uint32_t vector = none;  ///< `none`: what is known of the whole block
  std::uint32_t column = none;  ///< `none`: a condition that names no column, or a selection as a whole
  std::uint32_t row = none;     ///< in its row group: the first that contradicts; `none`: a count or a sum
  std::string column_name{};
  std::string claim{};  ///< "minimum 2026-03-01"
  std::string truth{};  ///< "the row holds 2026-02-28"
};

/// How much is checked.
struct audit_options {
  double sample = 1;       ///< share of the row groups that is looked at, each as a whole
  std::uint64_t seed = 0;  ///< which ones, and which domains, masks and rows codecs are asked about
  std::uint64_t row_limit = ~std::uint64_t{0};  ///< no new row group is begun beyond
  std::uint32_t liar_limit = 100;               ///< liars that are kept; all are counted
  std::uint32_t questions_per_vector = 3;       ///< seeded domains put to each codec, besides those of the query
  run_options with{};                           ///< what the other sides of joins may use: where to spill
};

/// What an audit found.
struct audit_report {
  std::uint64_t row_groups = 0;
  std::uint64_t row_groups_audited = 0;
  std::uint64_t rows_audited = 0;
  std::array<std::uint64_t, audit_claim_count> checks{};  ///< claims that were verified, by kind
  std::uint64_t liar_count = 0;
  std::vector<liar> liars{};
  std::vector<join_account> joins{};  ///< of the query; those that may spill say nothing of the scan's rows
  absl::Status stopped{};             ///< Cancelled or DeadlineExceeded where the context cut it short

  [[nodiscard]] bool clean() const noexcept { return liar_count == 0; }
};

/// Audits what a query's first pass relies on: the columns that it names, its conditions, its computed values.
///
/// Errors: those of run_plan for a plan that does not fit its source; InvalidArgument without a table
/// Cost:   microseconds per row and column of the sample, on the calling thread; one vector is decoded at a time
PILLAR_API absl::StatusOr<audit_report> audit_plan(const query_plan& plan, const audit_options& options,
                                                   query_context& context);
/// Audits a typed query's scan.
template <class S>
absl::StatusOr<audit_report> audit(const query_of<S>& what, const audit_options& options = {}) {
  query_context context;
  return audit_plan(what.plan, options, context);
}
/// The same under the caller's context: cancellation, deadline, memory.
template <class S>
absl::StatusOr<audit_report> audit(const query_of<S>& what, const audit_options& options, query_context& context) {
  return audit_plan(what.plan, options, context);
}

/// Audits all columns of a table: zone maps, directories, and codecs against seeded questions.
PILLAR_API absl::StatusOr<audit_report> audit(const table& what, const audit_options& options, query_context& context);
/// Audits a table's own claims, without a query.
PILLAR_API absl::StatusOr<audit_report> audit(const table& what, const audit_options& options = {});

/// A column of a row group that is kept elsewhere: any source of encoded vectors, with or without zone maps.
struct audited_block {
  std::span<const encoded_vector> vectors{};
  const zone_map* zone = nullptr;
  std::span<const zone_map> vector_zones{};  ///< empty, or one per vector
  const block_view* view = nullptr;          ///< its directory, where it is one of Pillar's blocks
  const vector_bounds* bounds = nullptr;     ///< of vector_zones, side by side, where a scan uses them
};

/// Audits one row group of the caller's own storage, or a codec of the caller's own: block i is column i of the schema.
///
/// Shape:  every block has the vectors of row_count rows, 1,024 each but the last
/// Errors: InvalidArgument for blocks that do not fit the schema or a predicate that does not
PILLAR_API absl::StatusOr<audit_report> audit_blocks(const dynamic_schema& schema, std::uint32_t row_count,
                                                     std::span<const audited_block> blocks,
                                                     const expression* predicate = nullptr,
                                                     const audit_options& options = {});

/// Counts by kind, then a sentence per liar.
PILLAR_API std::ostream& operator<<(std::ostream& out, const audit_report& report);
/// Who lied, where, about what.
PILLAR_API std::ostream& operator<<(std::ostream& out, const liar& what);

namespace query {
using pillar::audit;
}  // namespace query

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/pipeline/impl/audit.hpp"
#endif
