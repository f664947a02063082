// SPDX-License-Identifier: Apache-2.0
/// A segment bound to its source: predicate and values by column number, and which aggregates may be fed without
/// decoding.
#pragma once
#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <unordered_map>

#include "pillar/aggregate/grouped_state.hpp"  // row_numbers
#include "pillar/base/detail/heap_sort.hpp"
#include "pillar/expr/interval.hpp"  // value_interval
#include "pillar/hash/value.hpp"     // hash_combine
#include "pillar/pipeline/impl/bound_plan.hpp"
#include "pillar/pipeline/statistics.hpp"  // join_account

namespace PILLAR_NAMESPACE::detail {

/// A segment bound to its source: what all workers share.
struct bound_segment {
  segment what;
  bound_predicate predicate;
  bound_values values;                            ///< outputs, then the aggregates' inputs
  std::vector<std::uint32_t> inputs;              ///< per aggregate: its root in `values`, or none
  std::vector<std::uint32_t> seconds;             ///< the same for second inputs
  std::vector<bound_predicate> restrictions;      ///< of aggregates with a predicate
  std::vector<std::uint32_t> restricted;          ///< per aggregate: its predicate in `restrictions`, or none
  std::vector<std::uint32_t> named;               ///< source columns that the segment names, ascending
  std::vector<std::uint32_t> read;                ///< those whose values it computes with, ascending
  std::vector<std::vector<std::uint32_t>> asked;  ///< per conjunct of the predicate: the columns it names
  std::uint32_t own_conjuncts = 0;   ///< the first of the predicate's; the others are what joins say of their keys
  std::vector<std::uint8_t> summed;  ///< per aggregate: may be fed from encoded sums
  std::vector<std::uint8_t> sums_computed;  ///< per aggregate: an ungrouped exact sum of computed wide decimals
  std::vector<std::uint8_t> may_narrow;     ///< per value node: only sums that take either width read it
  /// Values and columns of 64 bits may be computed with in 32 where they fit: grouped sums take any width.
  bool may_halve = false;
  struct halved {
    std::uint32_t column;
    std::uint32_t node;
  };
  std::vector<halved> halves{};  ///< columns that only such values and sums read
  /// Columns to fetch when the selected rows of several vectors are aggregated together; empty: they are not. Where no
  /// codec can sum the column itself.
  std::vector<std::uint32_t> gathered;
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  [[nodiscard]] bool narrow_sum_of(std::uint32_t root) const {
    for (std::size_t a = 0; a < inputs.size(); ++a)
      if (inputs[a] == root) return sums_computed[a];
    return false;
  }
  /// The source column that a root is, or none when it is computed.
  [[nodiscard]] std::uint32_t plain(std::uint32_t root) const {
    const bound_value& value = values.nodes[values.roots[root]];
    return value.kind == bound_value::kind_type::column ? value.column : none;
  }
};

/// Equal values are computed once: equal nodes become one, and the roots follow.
inline void share_equal_nodes(bound_values& values) {
  using kind_type = bound_value::kind_type;
  std::vector<bound_value> kept;
  std::vector<std::uint32_t> became;
  std::unordered_multimap<std::uint64_t, std::uint32_t> known;
  for (bound_value& node : values.nodes) {
    if (node.kind == kind_type::arithmetic || node.kind == kind_type::convert) node.left = became[node.left];
    if (node.kind == kind_type::arithmetic) node.right = became[node.right];
    std::uint64_t hash = hash_combine(static_cast<std::uint64_t>(node.kind), static_cast<std::uint64_t>(node.op));
    hash = hash_combine(hash, std::uint64_t{node.left} << 32 | node.right);
    hash = hash_combine(hash, node.column ^ static_cast<std::uint64_t>(node.constant.integer));
    const auto [begin, end] = known.equal_range(hash);
    const auto same = std::find_if(begin, end, [&](const auto& entry) {
      const bound_value& other = kept[entry.second];
      return other.kind == node.kind && other.op == node.op && other.type == node.type && other.column == node.column &&
             other.left == node.left && other.right == node.right && other.constant.type == node.constant.type &&
             other.constant == node.constant;
    });
    if (same != end) {
      became.push_back(same->second);
      continue;
    }
    became.push_back(static_cast<std::uint32_t>(kept.size()));
    known.emplace(hash, became.back());
    kept.push_back(std::move(node));
  }
  values.nodes = std::move(kept);
  for (std::uint32_t& root : values.roots) root = became[root];
}

/// Aggregates of equal inputs share a root; keys keep theirs.
inline void share_equal_inputs(bound_segment& segment, std::size_t key_count) {
  bound_values& values = segment.values;
  std::vector<std::uint32_t> roots(values.roots.begin(), values.roots.begin() + static_cast<std::ptrdiff_t>(key_count));
  for (auto* inputs : {&segment.inputs, &segment.seconds})
    for (std::uint32_t& input : *inputs) {
      if (input == bound_segment::none) continue;
      const auto first = roots.begin() + static_cast<std::ptrdiff_t>(key_count);
      const auto found = std::find(first, roots.end(), values.roots[input]);
      const auto at = static_cast<std::uint32_t>(found - roots.begin());
      if (found == roots.end()) roots.push_back(values.roots[input]);
      input = at;
    }
  values.roots = std::move(roots);
}

/// The columns below a value, appended.
inline void columns_of_value(const bound_predicate& predicate, std::uint32_t index, std::vector<std::uint32_t>& out) {
  const bound_value& value = predicate.values[index];
  if (value.kind == bound_value::kind_type::column) out.push_back(value.column);
  if (value.kind == bound_value::kind_type::arithmetic || value.kind == bound_value::kind_type::convert)
    columns_of_value(predicate, value.left, out);
  if (value.kind == bound_value::kind_type::arithmetic) columns_of_value(predicate, value.right, out);
}

/// The columns below a node of a predicate, appended.
inline void columns_of_node(const bound_predicate& predicate, std::uint32_t index, std::vector<std::uint32_t>& out) {
  using kind_type = bound_node::kind_type;
  const bound_node& node = predicate.nodes[index];
  switch (node.kind) {
    case kind_type::constant: return;
    case kind_type::test: return columns_of_value(predicate, node.left, out);
    case kind_type::compare:
      columns_of_value(predicate, node.left, out);
      return columns_of_value(predicate, node.right, out);
    case kind_type::negation: return columns_of_node(predicate, node.left, out);
    case kind_type::both:
    case kind_type::either:
      columns_of_node(predicate, node.left, out);
      return columns_of_node(predicate, node.right, out);
  }
}

/// What a join says of a column of a segment's source.
struct pushed_domain {
  std::uint32_t column = 0;
  domain test{};
};

/// One more conjunct: the column must satisfy the domain.
inline void add_domain(bound_predicate& to, const dynamic_schema& source, pushed_domain what) {
  bound_value value;
  value.type = source[what.column].type;
  value.column = what.column;
  bound_node test;
  test.kind = bound_node::kind_type::test;
  test.left = static_cast<std::uint32_t>(to.values.size());
  test.test = std::move(what.test);
  to.values.push_back(std::move(value));
  to.conjuncts.push_back(static_cast<std::uint32_t>(to.nodes.size()));
  to.nodes.push_back(std::move(test));
  const auto at = std::lower_bound(to.columns.begin(), to.columns.end(), what.column);
  if (at == to.columns.end() || *at != what.column) to.columns.insert(at, what.column);
}

/// `of_joins`: what the keys of joins say of this segment's rows; they join its predicate.
inline absl::StatusOr<bound_segment> bind_segment(segment what, std::vector<pushed_domain> of_joins = {}) {
  bound_segment out;
  if (what.has_predicate) {
    auto predicate = bind_predicate(what.predicate, what.source);
    if (!predicate.ok()) return to_status(predicate.error(), "where");
    out.predicate = *std::move(predicate);
  }
  out.own_conjuncts = static_cast<std::uint32_t>(out.predicate.conjuncts.size());
  for (pushed_domain& one : of_joins) add_domain(out.predicate, what.source, std::move(one));
  what.has_predicate = what.has_predicate || !of_joins.empty();
  std::vector<expression> values;
  for (const auto& output : what.outputs) values.push_back(output.value);
  for (const auto& aggregate : what.aggregates) {
    for (const bool second : {false, true}) {
      const expression& value = second ? aggregate.second : aggregate.input;
      (second ? out.seconds : out.inputs)
          .push_back(value.nodes.empty() ? bound_segment::none : static_cast<std::uint32_t>(values.size()));
      if (!value.nodes.empty()) values.push_back(value);
    }
    out.restricted.push_back(bound_segment::none);
    if (aggregate.predicate.nodes.empty()) continue;
    auto predicate = bind_predicate(aggregate.predicate, what.source);
    if (!predicate.ok()) return to_status(predicate.error(), "where of an aggregate");
    out.restricted.back() = static_cast<std::uint32_t>(out.restrictions.size());
    out.restrictions.push_back(*std::move(predicate));
  }
  auto bound = bind_values(values, what.source);
  if (!bound.ok()) return to_status(bound.error(), "computed columns");
  out.values = *std::move(bound);
  share_equal_nodes(out.values);
  const bool grouped = what.sink == sink_kind::group && !what.outputs.empty();
  if (grouped) share_equal_inputs(out, what.outputs.size());
  const auto settle = [](std::vector<std::uint32_t>& columns) {
    heap_sort(columns);
    columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  };
  for (const auto& node : out.values.nodes)
    if (node.kind == bound_value::kind_type::column) out.read.push_back(node.column);
  for (const auto& restriction : out.restrictions)
    out.read.insert(out.read.end(), restriction.columns.begin(), restriction.columns.end());
  settle(out.read);
  out.named = out.predicate.columns;
  out.named.insert(out.named.end(), out.read.begin(), out.read.end());
  settle(out.named);
  for (const std::uint32_t conjunct : out.predicate.conjuncts) {
    out.asked.emplace_back();
    columns_of_node(out.predicate, conjunct, out.asked.back());
    settle(out.asked.back());
  }
  // An ungrouped exact sum of a plain column can be answered by its codec if nothing else needs the column's values.
  for (std::size_t a = 0; a < what.aggregates.size(); ++a) {
    bool fits = what.outputs.empty() && what.aggregates[a].kind == aggregate_kind::sum &&
                !what.aggregates[a].options.distinct && out.restrictions.empty() &&
                out.plain(out.inputs[a]) != bound_segment::none && is_integer(out.values.type(out.inputs[a]).physical);
    out.summed.push_back(fits);
  }
  for (std::size_t a = 0; a < what.aggregates.size(); ++a) {
    for (const std::uint32_t input : {out.inputs[a], out.seconds[a]}) {
      if (input == bound_segment::none || out.summed[a]) continue;
      const std::uint32_t decoded = out.plain(input);  // none: a computed input, which may read any column
      for (std::size_t b = 0; b < what.aggregates.size(); ++b)
        if (out.summed[b] && (decoded == bound_segment::none || decoded == out.plain(out.inputs[b])))
          out.summed[b] = false;
    }
  }
  out.may_narrow.assign(out.values.nodes.size(), true);
  for (std::uint32_t root = 0; root < out.values.roots.size(); ++root) {
    const physical_type type = out.values.type(root).physical;
    bool narrow =
        root >= what.outputs.size() && (type == physical_type::integer128 || (grouped && type == physical_type::int64));
    for (std::size_t a = 0; a < what.aggregates.size(); ++a) {
      const aggregate_kind kind = what.aggregates[a].kind;
      if (out.inputs[a] == root)
        narrow = narrow && !what.aggregates[a].options.distinct &&
                 (kind == aggregate_kind::sum ||
                  (grouped && (kind == aggregate_kind::avg || kind == aggregate_kind::count)));
      if (out.seconds[a] == root) narrow = false;
    }
    if (!narrow) out.may_narrow[out.values.roots[root]] = false;
  }
  out.may_halve = grouped;
  for (std::uint32_t i = 0; i < out.values.nodes.size() && grouped; ++i) {
    const bound_value& node = out.values.nodes[i];
    std::vector<std::uint32_t> tested = out.predicate.columns;
    for (const auto& restriction : out.restrictions)
      tested.insert(tested.end(), restriction.columns.begin(), restriction.columns.end());
    if (node.kind == bound_value::kind_type::column && node.type.physical == physical_type::int64 &&
        out.may_narrow[i] && std::find(tested.begin(), tested.end(), node.column) == tested.end())
      out.halves.push_back({node.column, i});
  }
  for (std::size_t a = 0; a < what.aggregates.size(); ++a)
    out.sums_computed.push_back(!grouped && out.restrictions.empty() && out.inputs[a] != bound_segment::none &&
                                out.plain(out.inputs[a]) == bound_segment::none &&
                                out.values.type(out.inputs[a]).physical == physical_type::integer128 &&
                                out.may_narrow[out.values.roots[out.inputs[a]]]);
  const bool numbered = std::any_of(what.aggregates.begin(), what.aggregates.end(),
                                    [](const named_aggregate& of) { return takes_row_numbers(of.kind); });
  const bool gathers = what.sink == sink_kind::group && (!grouped || what.has_predicate) && out.restrictions.empty() &&
                       !numbered && std::find(out.summed.begin(), out.summed.end(), true) == out.summed.end();
  for (const auto& node : out.values.nodes)
    if (gathers && node.kind == bound_value::kind_type::column) out.gathered.push_back(node.column);
  heap_sort(out.gathered);
  out.gathered.erase(std::unique(out.gathered.begin(), out.gathered.end()), out.gathered.end());
  for (const std::uint32_t c : out.gathered)
    if (what.source[c].type.physical == physical_type::text) {
      out.gathered.clear();
      break;
    }
  out.what = std::move(what);
  return out;
}

/// Takes the rows of a plan's last pass: collected, if they fit into a budget, else row by row. What a join's other side
/// goes through if it may spill.
///
/// Threads: `is_full` concurrently, the others alone
class row_outlet {
 public:
  explicit row_outlet(memory_budget* budget) noexcept : budget_(budget) {}
  row_outlet(const row_outlet&) = delete;
  row_outlet& operator=(const row_outlet&) = delete;
  virtual ~row_outlet() = default;

  /// What collected rows count against.
  [[nodiscard]] memory_budget* budget() const noexcept { return budget_; }
  /// Nothing more can be collected: the rows will come again.
  std::atomic<bool> is_full{false};
  /// Rows are not collected, but given to take().
  bool is_open = false;
  /// Known before rows come: above all of their numbers, which say their order where it is not that in which they come.
  std::uint64_t number_limit = 0;

  /// All rows. out_of_memory: they are to come again, to take().
  virtual result<void> keep(column_set rows) = 0;
  /// `in_order`: whether rows come in that of their numbers.
  virtual result<void> open(bool in_order) = 0;
  virtual result<void> take(std::span<const vector> columns, const selection_mask& rows, std::uint32_t row_count,
                            const row_numbers& numbers) = 0;

 private:
  memory_budget* budget_;
};

class segment_runner;
struct worker_local;

/// How a link numbers what becomes of the rows of a pass. Numbers ascend in the order of the answer, so that it can be
/// told from rows that come in any other: the k-th row that is made of row n is n * radix + k, and rows of the other
/// side that have no left row come behind all others.
///
/// Numbers that would need more than 62 bits are not told apart from some link on: rows that it makes of one row share
/// the number of that row, and come in their order as far as they come from one thread and one partition.
struct link_numbers {
  std::uint64_t radix = 1;
  bool are_distinct = false;    ///< of the rows that come out; else they keep the left row's
  bool are_read = true;         ///< by anybody: else they may be anything
  std::uint64_t unmatched = 0;  ///< of the first row without a left row
  static constexpr std::uint64_t most = std::uint64_t{1} << 62;

  /// Of the row that is the `which`-th of what became of the row with this number.
  [[nodiscard]] std::uint64_t of(std::uint64_t number, std::uint64_t which) const noexcept {
    return are_distinct ? number * radix + which : number;
  }
};

/// What stands between two segments of a pass: takes the rows of one and hands what becomes of them to the next.
///
/// Threads: `prepare` and `take` of different workers concurrently, the others alone
class pass_link {
 public:
  pass_link() = default;
  pass_link(const pass_link&) = delete;
  pass_link& operator=(const pass_link&) = delete;
  virtual ~pass_link() = default;

  /// How many rows one left row becomes at most, and rows of the other side there may be without one; known before rows
  /// come. `exactly`: looked up, else as far as it is known.
  [[nodiscard]] virtual std::uint64_t most_of_one(bool exactly) const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t most_unmatched() const noexcept = 0;
  void number_rows(const link_numbers& how) noexcept { numbers_ = how; }

  /// Before rows come.
  virtual void begin(std::uint32_t worker_count) = 0;
  virtual result<void> prepare(std::uint32_t worker, memory_budget* budget) = 0;
  /// Takes the selected rows of the worker's batch.
  virtual result<void> take(segment_runner& from, worker_local& local, const row_numbers& numbers,
                            std::span<const value_interval> proof) = 0;
  /// Once all rows have been through.
  virtual result<void> flush(segment_runner& from, query_context& context) = 0;
  [[nodiscard]] virtual join_account account() const = 0;
  /// Whether rows go through it a single time, also where they are none in the end: flush() leaves nothing behind.
  [[nodiscard]] virtual bool comes_once() const noexcept { return false; }
  /// Whether rows that come in the order of their numbers leave in it.
  [[nodiscard]] virtual bool keeps_order() const noexcept = 0;
  /// For audits: the other side's keys as sorted scalars, without NULLs.
  [[nodiscard]] virtual const std::vector<std::vector<scalar>>& keys() const noexcept = 0;

 protected:
  link_numbers numbers_{};
};

/// Segments whose rows go from one to the next: links[i] stands between segments[i] and [i + 1].
struct bound_pass {
  std::vector<std::unique_ptr<bound_segment>> segments{};
  std::vector<std::unique_ptr<pass_link>> links{};
  /// What was pushed into the first segment's predicate: whose keys its conjuncts behind own_conjuncts are.
  struct pushed_key {
    std::uint32_t link = 0;
    std::uint32_t key = 0;
    std::uint32_t column = 0;  ///< of the source
  };
  std::vector<pushed_key> pushed{};
  std::uint64_t spilled_rows = 0;  ///< by the other sides of its joins, which have run
};

/// By the scalar rules.
inline void sort_keys(std::vector<std::vector<scalar>>& keys) {
  heap_sort(keys, [](const std::vector<scalar>& a, const std::vector<scalar>& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
      if (const int order = compare(a[i], b[i]); order != 0) return order < 0;
    return false;
  });
}

/// Where the pass that begins with segment `first` ends.
inline std::size_t end_of_pass(const std::vector<segment>& parts, std::size_t first) {
  while (parts[first].sink == sink_kind::probe) ++first;
  return first + 1;
}
/// Binds the segments [first, end); the other sides of joins run.
inline absl::StatusOr<bound_pass> bind_pass(std::vector<segment>& parts, std::size_t first, std::size_t end,
                                            const table* scanned, const pass_environment& with,
                                            bool for_audit = false) {
  if (end - first > 1) {
    const join_operations* joins = parts[first].joins;
    return joins->bind({std::make_move_iterator(parts.begin() + static_cast<std::ptrdiff_t>(first)),
                        std::make_move_iterator(parts.begin() + static_cast<std::ptrdiff_t>(end))},
                       scanned, with, for_audit);
  }
  auto bound = bind_segment(std::move(parts[first]));
  if (!bound.ok()) return bound.status();
  bound_pass made;
  made.segments.push_back(std::make_unique<bound_segment>(*std::move(bound)));
  return made;
}

}  // namespace PILLAR_NAMESPACE::detail
