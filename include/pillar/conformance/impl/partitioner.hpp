// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <map>

#include "pillar/conformance/partitioner.hpp"
#include "pillar/conformance/recorder.hpp"
#include "pillar/conformance/sample.hpp"

namespace PILLAR_NAMESPACE::conformance {

PILLAR_API std::shared_ptr<const bucket_map> move_slices(const bucket_map& map) {
  std::vector<std::uint32_t> slices(map.slice_of_bucket().begin(), map.slice_of_bucket().end());
  for (std::uint32_t& slice : slices) slice = (slice + 1) % map.slice_count();
  auto moved = bucket_map::make(slices, map.slice_count());
  return moved.ok() ? *std::move(moved) : nullptr;
}

PILLAR_API report check_partitioner(slice_assigner assign, const moved_assigner* moved, std::uint32_t slice_count,
                                    const partitioner_facts& facts, const settings& how) {
  enum : std::uint32_t { total, stable, batches, meets, widths, keeps_buckets };
  enum : std::uint32_t { rows_seen, null_keys, slices_used };
  recorder found("partitioner over " + std::to_string(slice_count) + " slices",
                 {{"every row gets a slice below slice_count()"},
                  {"equal calls and copies give equal answers"},
                  {"batches do not matter"},
                  {"rows of equal keys meet", facts.keyed},
                  {"integer keys of any width meet", facts.keyed && facts.widths_agree},
                  {"a moved map keeps its buckets", moved != nullptr}},
                 {"rows", "NULL keys", "slices used"});
  found.run(how, [&] {
    std::vector<bool> used(slice_count);
    // Keys as text: floats by what equals what, so that −0.0 is 0 and every NaN is one key.
    std::map<std::vector<std::string>, std::uint32_t> slice_of_key;
    const auto key_text = [](scalar cell) {
      if (!cell.null && is_float(cell.type.physical) && cell.real == 0) cell.real = 0;
      return cell.null ? std::string("N") : "=" + pillar::to_string(cell);
    };
    const std::uint64_t cases = std::uint64_t{sample_shape_count} * 12 * how.rounds;
    for (std::uint64_t i = 0; i < cases; ++i) {
      const std::uint64_t seed = how.seed + i;
      splitmix64 random(seed);
      const auto shape = static_cast<sample_shape>(seed % sample_shape_count);
      const std::size_t lengths[] = {1, 63, 500, 1024};
      const std::size_t rows = lengths[random.below(4)];
      const std::uint64_t first_row = random.below(100000);
      std::vector<sample> columns;
      std::vector<const vector*> keys;
      for (const data_type& type : facts.key_types)
        columns.push_back(make_sample(random, type, shape, make_cells(random, type, shape, rows)));
      for (const sample& column : columns) keys.push_back(column.vectors.data());
      const auto row_count = static_cast<std::uint32_t>(rows);
      found.at(total, seed,
               (columns.empty() ? std::string("no keys") : to_string(columns[0])) + " from row " +
                   std::to_string(first_row));
      guard_array<std::uint32_t> slices(rows);
      const bool assigned = assign(false, keys, row_count, first_row, slices.data()).ok();
      const auto beyond = std::find_if(slices.span().begin(), slices.span().end(),
                                       [&](std::uint32_t slice) { return slice >= slice_count; });
      if (!found.expect(assigned && beyond == slices.span().end() && slices.slack_untouched(), [&] {
            return !assigned                       ? std::string("assign failed")
                   : beyond != slices.span().end() ? "a row goes to slice " + std::to_string(*beyond)
                                                   : std::string("assign wrote before its output");
          }))
        continue;
      found.count(rows_seen, rows);
      for (const std::uint32_t slice : slices.span()) used[slice] = true;

      found.at(stable);
      std::vector<std::uint32_t> again(rows);
      for (const bool copy : {false, true})
        found.expect(assign(copy, keys, row_count, first_row, again.data()).ok() &&
                         std::equal(again.begin(), again.end(), slices.data()),
                     [&] { return std::string(copy ? "a copy" : "a second call") + " gives other slices"; });

      found.at(batches);
      const auto cut = static_cast<std::uint32_t>(random.below(rows));
      std::vector<sample> tails;
      std::vector<const vector*> tail_keys;
      for (const sample& column : columns)
        tails.push_back(make_sample(random, column.type, shape, {column.cells.begin() + cut, column.cells.end()}));
      for (const sample& tail : tails) tail_keys.push_back(tail.vectors.data());
      found.expect(assign(false, tail_keys, row_count - cut, first_row + cut, again.data()).ok() &&
                       std::equal(again.begin(), again.end() - cut, slices.data() + cut),
                   [&] { return "rows from " + std::to_string(cut) + " on go elsewhere in a batch of their own"; });

      if (facts.keyed) {
        found.at(meets);
        for (std::size_t row = 0; row < rows; ++row) {
          std::vector<std::string> key;
          for (const sample& column : columns) {
            key.push_back(key_text(column.cells[row]));
            found.count(null_keys, column.cells[row].null);
          }
          const auto known = slice_of_key.emplace(key, slices[row]).first->second;
          found.expect(known == slices[row], [&] {
            return "key " + key[0] + " goes to slice " + std::to_string(slices[row]) + " and to " +
                   std::to_string(known);
          });
        }
      }
      if (facts.keyed && facts.widths_agree) {
        found.at(widths);
        std::vector<std::uint32_t> first;
        for (const data_type& type :
             {type_of<std::int8_t>, type_of<std::int16_t>, type_of<std::int32_t>, type_of<std::int64_t>}) {
          splitmix64 same(seed);
          std::vector<scalar> cells;
          for (int k = 0; k < 50; ++k) {
            const auto value = static_cast<int>(same.below(256)) - 128;
            cells.push_back(k % 7 == 3 ? scalar::of_null(type) : scalar::of_integer(type.as_nullable(), value));
          }
          const sample column = make_sample(random, type.as_nullable(), shape, std::move(cells));
          const vector* const key[] = {column.vectors.data()};
          std::vector<std::uint32_t> answer(50);
          const bool done = assign(false, key, 50, 0, answer.data()).ok();
          if (first.empty()) first = answer;
          found.expect(done && answer == first,
                       [&] { return pillar::to_string(type) + " keys go elsewhere than int8 keys"; });
        }
      }
      if (moved != nullptr) {
        found.at(keeps_buckets);
        const bool done = (*moved)(keys, row_count, first_row, again.data()).ok();
        std::size_t row = 0;
        while (row < rows && again[row] == (slices[row] + 1) % slice_count) ++row;
        found.expect(done && row == rows, [&] {
          return "row " + std::to_string(row) + " goes from slice " + std::to_string(slices[row]) + " to " +
                 std::to_string(again[row]);
        });
      }
    }
    found.count(slices_used, static_cast<std::uint64_t>(std::count(used.begin(), used.end(), true)));
  });
  return found.finish();
}

}  // namespace PILLAR_NAMESPACE::conformance
