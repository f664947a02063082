// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/conformance/aggregate.hpp"
#include "pillar/conformance/recorder.hpp"
#include "pillar/conformance/sample.hpp"

namespace PILLAR_NAMESPACE::conformance {

PILLAR_API report check_aggregate(const aggregate_machine& machine, const aggregate_facts& facts, const settings& how) {
  enum : std::uint32_t { splits, merges, associates, commutes, empty, pure, copies, subtracts, nulls };
  enum : std::uint32_t { batches, all_null, all_nan, no_rows };
  recorder found("aggregate over " + pillar::to_string(facts.input),
                 {{"updating in parts is updating with the whole"},
                  {"merging states of parts gives the whole"},
                  {"merge is associative"},
                  {"merge is commutative", facts.commutative},
                  {"an empty state and an empty batch change nothing"},
                  {"finalize is pure"},
                  {"a copy goes on alone"},
                  {"subtract takes back what merge added", facts.subtracts},
                  {"NULL and unselected rows do not count"}},
                 {"batches", "all NULL", "all NaN", "no rows"});
  found.run(how, [&] {
    const std::uint64_t cases = std::uint64_t{sample_shape_count} * 2 * 6 * how.rounds;
    for (std::uint64_t i = 0; i < cases; ++i) {
      const std::uint64_t seed = how.seed + i;
      splitmix64 random(seed);
      const auto shape = static_cast<sample_shape>(seed % sample_shape_count);
      const data_type type = facts.input.as_nullable(seed / sample_shape_count % 2 == 1);
      const std::size_t lengths[] = {1, 3, 64, 500, 1024};
      const std::size_t rows = lengths[random.below(5)];
      std::vector<scalar> cells = make_cells(random, type, shape, rows);
      if (!facts.whole_range)
        for (scalar& cell : cells)
          if (is_integer(type.physical) && !cell.null) cell.integer %= int128{1} << 31;
      std::vector<scalar> values;  // what counts
      selection_mask selected = selection_mask::none();
      const std::uint64_t share = random.below(3);
      for (std::size_t row = 0; row < rows; ++row) {
        if (random.chance(share, 2)) set_bit(selected.words, row);
        else continue;
        if (!cells[row].null) values.push_back(cells[row]);
      }
      const sample column = make_sample(random, type, shape, cells);
      const vector& whole = column.vectors[0];
      const auto cut = static_cast<std::uint32_t>(random.below(rows + 1));
      const auto second_cut = static_cast<std::uint32_t>(cut + random.below(rows - cut + 1));
      const auto part = [&](std::uint32_t begin, std::uint32_t end) {
        selection_mask mask = selection_mask::first(end);
        const selection_mask before = selection_mask::first(begin);
        for (std::uint32_t word = 0; word < vector_words; ++word) mask.words[word] &= ~before.words[word];
        return mask &= selected;
      };
      const selection_mask a = part(0, cut), b = part(cut, second_cut),
                           c = part(second_cut, static_cast<std::uint32_t>(rows));
      const auto start = [&](int state, const selection_mask& mask) {
        machine.reset(state);
        machine.update(state, whole, mask);
      };
      const auto expect_equal = [&](int got, int expected) {
        found.expect(machine.equal(got, expected),
                     [&] { return machine.describe(got) + " instead of " + machine.describe(expected); });
      };
      found.count(batches);
      found.count(all_null, column.null_count() == rows);
      found.count(all_nan, shape == sample_shape::all_nan && is_float(type.physical));
      found.count(no_rows, !selected.any());
      found.at(splits, seed,
               to_string(column) + ", cut at " + std::to_string(cut) + " and " + std::to_string(second_cut));
      start(0, selected);  // state 0: the whole
      start(1, a);
      machine.update(1, whole, b);
      machine.update(1, whole, c);
      expect_equal(1, 0);

      found.at(merges);
      start(1, a), start(2, b), start(3, c);
      machine.merge(1, 2);
      machine.merge(1, 3);  // (a b) c
      expect_equal(1, 0);
      found.at(associates);
      start(4, a), start(5, b), start(6, c);
      machine.merge(5, 6);
      machine.merge(4, 5);  // a (b c)
      expect_equal(4, 1);
      if (facts.commutative) {
        found.at(commutes);
        start(4, a), start(5, b);
        start(6, a), start(7, b);
        machine.merge(4, 5);
        machine.merge(7, 6);
        expect_equal(7, 4);
      }
      found.at(empty);
      machine.reset(2);
      start(3, selected);
      machine.merge(3, 2);
      expect_equal(3, 0);
      machine.merge(2, 0);
      expect_equal(2, 0);
      machine.update(2, whole, selection_mask::none());
      expect_equal(2, 0);

      found.at(pure);
      start(1, a);
      (void)machine.describe(1);
      expect_equal(1, 1);
      machine.update(1, whole, b);
      expect_equal(1, 1);
      machine.update(1, whole, c);
      expect_equal(1, 0);

      found.at(copies);
      start(1, a);
      machine.copy(2, 1);
      machine.update(1, whole, b);
      machine.update(1, whole, c);
      expect_equal(1, 0);
      start(3, a);
      expect_equal(2, 3);

      if (facts.subtracts) {
        found.at(subtracts);
        start(1, a), start(2, b), start(3, a);
        machine.merge(1, 2);
        machine.subtract(1, 2);
        expect_equal(1, 3);
      }
      found.at(nulls);
      machine.reset(1);
      if (!values.empty()) {
        const auto count = static_cast<std::uint32_t>(values.size());
        const sample kept = make_sample(random, type, shape, std::move(values), true);
        machine.update(1, kept.vectors[0], selection_mask::first(count));
      }
      expect_equal(1, 0);
    }
  });
  return found.finish();
}

}  // namespace PILLAR_NAMESPACE::conformance
