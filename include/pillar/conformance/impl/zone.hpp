// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "pillar/conformance/recorder.hpp"
#include "pillar/conformance/sample.hpp"
#include "pillar/conformance/zone.hpp"

namespace PILLAR_NAMESPACE::conformance {

namespace detail {

inline truth truth_of(const domain& test, const scalar& cell) {
  if (test.kind == domain_kind::null_test) return cell.null != test.negated ? truth::is_true : truth::is_false;
  if (cell.null) return truth::unknown;
  return satisfies(test, cell) ? truth::is_true : truth::is_false;
}

inline std::string to_string(truth_set set) {
  constexpr const char* names[] = {"false", "true", "unknown", "error"};
  std::string out;
  for (unsigned i = 0; i < 4; ++i)
    if (set.may_be(static_cast<truth>(i))) out += (out.empty() ? "{" : ", ") + std::string(names[i]);
  return out.empty() ? "{}" : out + "}";
}

/// Of the leaves' truths, a tree of and, or, not; the same for single truths and for sets of them.
template <class T, class And, class Or, class Not>
T combine(std::uint64_t seed, std::span<const T> leaves, And both, Or either, Not negate) {
  splitmix64 random(seed);
  std::vector<T> open(leaves.begin(), leaves.end());
  while (true) {
    if (random.chance(1, 3)) open[0] = negate(open[0]);
    if (open.size() == 1) return open[0];
    const T last = open.back();
    open.pop_back();
    T& into = open[static_cast<std::size_t>(random.below(open.size()))];
    into = random.chance(1, 2) ? both(into, last) : either(into, last);
  }
}

}  // namespace detail

PILLAR_API report check_zone(zone_answerer answers, bool merges, const settings& how) {
  enum : std::uint32_t { sound, merged, verdicts, combined, unknown };
  enum : std::uint32_t { vectors, all_null, all_nan, none, all, some, none_possible, all_possible };
  recorder found("zone statistics",
                 {{"the truth set holds what every row gives"},
                  {"the same for merged statistics", false},
                  {"none and all are true of every row"},
                  {"and, or, not over several columns keep it sound"},
                  {"statistics that know nothing are sound for any rows"}},
                 {"vectors", "all NULL", "all NaN", "verdict none", "verdict all", "verdict some",
                  "rows that allow none", "rows that allow all"});
  const auto set_of_rows = [](const domain& test, std::span<const scalar> cells) {
    truth_set seen = truth_set::empty();
    for (const scalar& cell : cells) seen.add(detail::truth_of(test, cell));
    return seen;
  };
  const auto covers = [](truth_set said, truth_set seen) { return (seen.bits & ~said.bits) == 0; };
  const auto misses = [](truth_set said, truth_set seen) {
    return "said " + detail::to_string(said) + ", the rows give " + detail::to_string(seen);
  };
  found.run(how, [&] {
    const std::uint64_t cases = every_type().size() * sample_shape_count * how.rounds;
    for (std::uint64_t i = 0; i < cases; ++i) {
      const std::uint64_t seed = how.seed + i;
      const sample from = make_sample(seed);
      splitmix64 random(seed + 1);
      const std::span<const vector> parts = from.vectors;
      const std::span<const scalar> cells = from.cells;
      found.count(vectors, parts.size());
      found.count(all_null, from.null_count() == cells.size());
      found.count(all_nan, from.shape == sample_shape::all_nan && is_float(from.type.physical));
      for (int k = 0; k < 7; ++k) {
        const domain test = k == 6 ? null_test(from.type.physical, random.chance(1, 2))
                                   : make_domain(random, from.type, cells, static_cast<wanted_verdict>(k % 3));
        const std::string what = to_string(from) + ", '" + to_string(test) + "'";
        const truth_set whole_truth = set_of_rows(test, cells);
        found.at(unknown, seed, what);
        const truth_set unknowing = answers({}, test);
        found.expect(covers(unknowing, whole_truth), [&] { return misses(unknowing, whole_truth); });
        for (std::size_t v = 0; v < parts.size(); ++v) {
          const truth_set truth_here = set_of_rows(test, cells.subspan(v * vector_rows, parts[v].size));
          found.at(sound);
          const truth_set said = answers(parts.subspan(v, 1), test);
          found.expect(covers(said, truth_here), [&] { return misses(said, truth_here); });
          const zone_verdict verdict = said.verdict();
          found.at(verdicts);
          found.expect(!(verdict == zone_verdict::none && truth_here.may_be(truth::is_true)) &&
                           !(verdict == zone_verdict::all && truth_here != truth_set::of(truth::is_true)),
                       [&] { return misses(said, truth_here); });
          found.count(verdict == zone_verdict::none ? none : verdict == zone_verdict::all ? all : some);
          found.count(none_possible, !truth_here.may_be(truth::is_true));
          found.count(all_possible, truth_here == truth_set::of(truth::is_true));
        }
        if (!merges || parts.size() < 2) continue;
        found.at(merged);
        const truth_set said = answers(parts, test);
        found.expect(covers(said, whole_truth), [&] { return misses(said, whole_truth); });
      }
      if (i % 4 != 0) continue;
      // Predicates over three columns of one length.
      const std::size_t rows = std::min<std::size_t>(cells.size(), 300);
      std::vector<sample> columns;
      std::vector<domain> tests;
      std::vector<truth_set> sets;
      const std::vector<data_type> types = every_type();
      for (std::uint64_t c = 0; c < 3; ++c) {
        const data_type type = types[static_cast<std::size_t>(random.below(types.size()))];
        const auto shape = static_cast<sample_shape>(random.below(sample_shape_count));
        columns.push_back(make_sample(random, type, shape, make_cells(random, type, shape, rows)));
        tests.push_back(make_domain(random, type, columns.back().cells, static_cast<wanted_verdict>(random.below(3))));
        sets.push_back(answers(columns.back().vectors, tests.back()));
      }
      found.at(
          combined, seed,
          "a predicate over " + to_string(columns[0]) + "; " + to_string(columns[1]) + "; " + to_string(columns[2]));
      for (std::uint64_t tree = seed; tree < seed + 4; ++tree) {
        const truth_set said = detail::combine<truth_set>(
            tree, sets, [](truth_set a, truth_set b) { return a.both(b); },
            [](truth_set a, truth_set b) { return a.either(b); }, [](truth_set a) { return a.negate(); });
        truth_set seen = truth_set::empty();
        for (std::size_t row = 0; row < rows; ++row) {
          truth leaves[3];
          for (std::size_t c = 0; c < 3; ++c) leaves[c] = detail::truth_of(tests[c], columns[c].cells[row]);
          seen.add(detail::combine<truth>(
              tree, leaves, [](truth a, truth b) { return a && b; }, [](truth a, truth b) { return a || b; },
              [](truth a) { return !a; }));
        }
        found.expect(covers(said, seen), [&] { return misses(said, seen); });
      }
    }
  });
  return found.finish();
}

}  // namespace PILLAR_NAMESPACE::conformance
