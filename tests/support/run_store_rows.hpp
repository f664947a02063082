// SPDX-License-Identifier: Apache-2.0
/// Rows for run stores: appended to several runs in turn, and looked for in them.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/column/builder.hpp"
#include "pillar/column/run_store.hpp"
#include "pillar/storage/block_run_store.hpp"  // run_store_options
#include "support/sanitized.hpp"

namespace pillar_test {

/// A number, NULL now and then, and a text that may be long.
struct rows_of_two {
  std::vector<pillar::column> columns{};
  explicit rows_of_two(std::uint32_t count, std::uint64_t seed = 1) {
    pillar::column_builder numbers(pillar::type_of<std::int64_t>.as_nullable()), texts(pillar::type_of<pillar::text>);
    pillar::splitmix64 random(seed);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (random.chance(1, 9)) EXPECT_TRUE(numbers.append_null().ok());
      else EXPECT_TRUE(numbers.append_integer(static_cast<std::int64_t>(random())).ok());
      EXPECT_TRUE(texts.append_text("text number " + std::to_string(random.below(1000))).ok());
    }
    columns.push_back(*numbers.finish());
    columns.push_back(*texts.finish());
  }
  std::vector<pillar::data_type> types() const { return {columns[0].type(), columns[1].type()}; }
  std::uint64_t size() const { return columns[0].size(); }
};

/// Appends all rows in vectors of `step`, one after the other to each run in turn.
inline pillar::errc append_all(pillar::run_store& to, std::span<const std::uint32_t> runs, const rows_of_two& rows,
                               std::uint32_t step = 1000) {
  std::size_t turn = 0;
  for (std::uint64_t at = 0; at < rows.size(); at += step, ++turn) {
    const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(step, rows.size() - at));
    const pillar::vector views[] = {rows.columns[0].slice(at, count), rows.columns[1].slice(at, count)};
    const pillar::vector* const columns[] = {&views[0], &views[1]};
    if (const auto done = to.append(runs[turn % runs.size()], columns, nullptr, count); !done.ok())
      return done.error().code;
  }
  return pillar::errc::ok;
}

/// The rows that a run must hold, by the turn in which they were appended; ok, another error, or a failed test.
inline pillar::errc expect_run(pillar::run_store& store, std::uint32_t run, std::size_t turn, std::size_t turns,
                               const rows_of_two& rows, std::uint32_t step = 1000) {
  auto reader = store.read(run);
  if (!reader.ok()) return reader.error().code;
  std::uint64_t begin = turn * step, at = begin;
  for (;;) {
    pillar::vector columns[2];
    const auto count = (*reader)->next(columns);
    if (!count.ok()) return count.error().code;
    if (*count == 0) break;
    for (std::uint32_t i = 0; i < *count; ++i) {
      if (at >= rows.size()) return pillar::errc::corrupt;
      const pillar::vector number = rows.columns[0].slice(at, 1), text = rows.columns[1].slice(at, 1);
      if (columns[0].valid(i) != number.valid(0) || columns[1].text_value(i) != text.text_value(0) ||
          (number.valid(0) && columns[0].value<std::int64_t>(i) != number.value<std::int64_t>(0)))
        return pillar::errc::corrupt;
      if (++at == begin + step) at = begin = begin + turns * step;
    }
  }
  return at >= rows.size() ? pillar::errc::ok : pillar::errc::truncated;
}

/// What sweeps of failures write and how: 10 bytes a row wait, and the write buffers hold a third of them, so that rows
/// become blocks while others are appended. Under sanitizers there are fewer, since each point is a run of it all.
inline constexpr std::uint32_t swept_row_count = sanitized ? 700 : 3'000;
inline pillar::run_store_options swept_options() {
  return {.buffer_bytes = (sanitized ? 4 : 12) << 10, .block_rows = 1024};
}

/// Three runs written, two read, one dropped.
inline pillar::errc write_and_read(pillar::run_store& store, const rows_of_two& rows) {
  std::uint32_t runs[3];
  for (auto& run : runs) {
    const auto number = store.open(rows.types());
    if (!number.ok()) return number.error().code;
    run = *number;
  }
  pillar::errc said = append_all(store, runs, rows, 100);
  for (const std::uint32_t run : runs)
    if (said == pillar::errc::ok) said = store.seal(run).error().code;
  for (std::size_t i = 0; i < 2 && said == pillar::errc::ok; ++i) said = expect_run(store, runs[i], i, 3, rows, 100);
  store.drop(runs[2]);
  return said;
}

}  // namespace pillar_test
