// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/conformance/recorder.hpp"
#include "pillar/conformance/run_store.hpp"
#include "pillar/conformance/sample.hpp"

namespace PILLAR_NAMESPACE::conformance {

namespace detail {

/// What was appended to a run: columns, and of which rows.
struct expected_run {
  std::uint32_t number = 0;
  std::vector<sample> columns{};
  std::vector<std::pair<std::uint32_t, std::uint32_t>> rows{};  ///< vector and row in it
  std::uint32_t next_vector = 0;
  std::vector<std::uint32_t> batches{};  ///< of the last reader: how many rows each had
};

inline expected_run make_run(splitmix64& random, std::uint64_t seed) {
  const auto types = every_type();
  expected_run made;
  const std::uint64_t column_count = 1 + random.below(3);
  const std::size_t row_count = every_length()[random.below(every_length().size())];
  for (std::uint64_t i = 0; i < column_count; ++i) {
    const data_type type = types[(seed * 5 + i * 11) % types.size()];
    const auto shape = static_cast<sample_shape>(random.below(sample_shape_count));
    made.columns.push_back(make_sample(random, type, shape, make_cells(random, type, shape, row_count)));
  }
  return made;
}

/// The first difference between a run and what was appended to it; empty if there is none. The rows of its batches are
/// added to `batches`.
inline std::string difference(run_reader& from, const expected_run& to, std::vector<std::uint32_t>& batches) {
  std::vector<vector> columns(to.columns.size());
  std::size_t at = 0;
  for (;;) {
    const auto count = from.next(columns);
    if (!count.ok()) return "gave '" + std::string(to_string(count.error().code)) + "'";
    if (*count == 0) return at == to.rows.size() ? std::string() : "rows are missing";
    if (*count > vector_rows || *count > to.rows.size() - at) return "there are more rows than were appended";
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].size != *count || !same_values(columns[i].type, to.columns[i].type)) return "a vector is another";
      for (std::uint32_t row = 0; row < *count; ++row) {
        const auto [vector_number, expected_row] = to.rows[at + row];
        const vector& expected = to.columns[i].vectors[vector_number];
        const bool valid = expected.valid(expected_row);
        if (columns[i].valid(row) != valid) return "row " + std::to_string(at + row) + ": NULL or not";
        if (valid && !same_bits(columns[i], row, expected, expected_row))
          return "row " + std::to_string(at + row) + " has another value";
      }
    }
    batches.push_back(*count);
    at += *count;
  }
}

}  // namespace detail

PILLAR_API report check_run_store(const std::string& subject, run_store& store, const settings& how) {
  enum : std::uint32_t { takes, gives_back, reads_again, keeps_apart, counts };
  recorder found(subject,
                 {{"runs are opened, appended to and sealed"},
                  {"rows come back in their order with the same bits"},
                  {"any number of readers"},
                  {"dropping a run leaves the others"},
                  {"rows are counted as written, bytes as read"}},
                 {"runs", "rows", "runs without rows", "selections"});
  const auto said = [](const auto& done) { return [&] { return std::string(to_string(done.error().code)); }; };
  const auto reads = [&](detail::expected_run& run, run_reader* beside) {
    const auto reader = store.read(run.number);
    if (!reader.ok()) return std::string("is not read: ") + to_string(reader.error().code);
    std::vector<std::uint32_t> batches;
    std::string what;
    if (beside == nullptr) {
      what = detail::difference(**reader, run, batches);
    } else {
      std::vector<vector> columns(run.columns.size());
      if (!(*reader)->next(columns).ok()) return std::string("a second reader fails beside the first");
      what = detail::difference(*beside, run, batches);
    }
    if (what.empty() && !run.batches.empty() && batches != run.batches) return std::string("gave other batches");
    run.batches = std::move(batches);
    return what;
  };
  found.run(how, [&] {
    for (std::uint64_t round = 0; round < 20 * std::uint64_t{how.rounds}; ++round) {
      const std::uint64_t seed = how.seed + round;
      splitmix64 random(seed);
      found.at(takes, seed, "three runs at a time");
      const run_counts before = store.counts();
      std::uint64_t row_count = 0;
      detail::expected_run runs[3];
      for (auto& run : runs) {
        run = detail::make_run(random, seed);
        std::vector<data_type> types;
        for (const sample& column : run.columns) types.push_back(column.type);
        const auto number = store.open(types);
        if (!found.expect(number.ok(), said(number))) return;
        run.number = *number;
      }
      const bool selects = round % 3 == 1;
      for (bool more = true; more;) {
        more = false;
        for (std::size_t r = 0; r < (round % 5 == 4 ? 2 : 3); ++r) {  // sometimes one stays empty
          auto& run = runs[r];
          if (run.next_vector == run.columns[0].vectors.size()) continue;
          more = true;
          std::vector<const vector*> columns;
          for (const sample& column : run.columns) columns.push_back(&column.vectors[run.next_vector]);
          selection_mask mask = selection_mask::first(columns[0]->size);
          if (selects)
            for (auto& word : mask.words) word &= random() & random();
          const auto done = store.append(run.number, columns, selects ? &mask : nullptr, columns[0]->size);
          if (!found.expect(done.ok(), said(done))) return;
          for_each_row(mask, [&](std::uint32_t row) { run.rows.emplace_back(run.next_vector, row); });
          ++run.next_vector;
          found.count(3, selects);
        }
      }
      for (auto& run : runs) {
        const auto done = store.seal(run.number);
        if (!found.expect(done.ok(), said(done))) return;
        row_count += run.rows.size();
        found.count(0);
        found.count(1, run.rows.size());
        found.count(2, run.rows.empty());
      }
      for (auto& run : runs) {
        found.at(gives_back, seed, std::to_string(run.rows.size()) + " rows of " + to_string(run.columns[0]));
        std::string what = reads(run, nullptr);
        found.expect(what.empty(), [&] { return what; });
        found.at(reads_again);
        const auto first = store.read(run.number);
        what = first.ok() ? reads(run, first->get()) : "is not read a second time";
        found.expect(what.empty(), [&] { return what; });
      }
      found.at(keeps_apart);
      store.drop(runs[round % 3].number);
      for (std::size_t i = 1; i < 3; ++i) {
        const std::string what = reads(runs[(round + i) % 3], nullptr);
        found.expect(what.empty(), [&] { return what; });
        store.drop(runs[(round + i) % 3].number);
      }
      found.at(counts);
      const run_counts after = store.counts();
      found.expect(after.rows_written - before.rows_written == row_count &&
                       after.bytes_written >= before.bytes_written &&
                       (row_count == 0 || after.bytes_read > before.bytes_read),
                   [] { return std::string("other counts"); });
    }
  });
  return found.finish();
}

}  // namespace PILLAR_NAMESPACE::conformance
