// SPDX-License-Identifier: Apache-2.0
// A join as an object, on arrays of one's own: the smaller side's keys go into a table, the other side asks it batch by
// batch and gets row numbers. No table of Pillar's, no pipeline, no threads, and payloads never leave their arrays.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "pillar/base/memory.hpp"
#include "pillar/join/join_builder.hpp"
#include "pillar/join/join_cursor.hpp"

// Up to 1,024 keys of an array from `first` on. Vectors are views of anybody's memory.
pillar::vector view_of(const std::vector<std::int64_t>& keys, std::size_t first) {
  pillar::vector view;
  view.type = pillar::type_of<std::int64_t>;
  view.size = static_cast<std::uint32_t>(std::min<std::size_t>(pillar::vector_rows, keys.size() - first));
  view.values = keys.data() + first;
  return view;
}

pillar::result<int> join_readings() {
  // Sensors, which somebody has numbered as he liked, and what they have read. Every fifth reading is of no known one.
  constexpr std::size_t sensor_count = 1'000, reading_count = 100'000;
  std::vector<std::int64_t> sensor_keys, reading_keys;
  std::vector<double> most_allowed, readings;
  for (std::size_t i = 0; i < sensor_count; ++i) {
    sensor_keys.push_back(static_cast<std::int64_t>(i * i + 17));
    most_allowed.push_back(20.0 + static_cast<double>(i % 10));
  }
  for (std::size_t i = 0; i < reading_count; ++i) {
    reading_keys.push_back(i % 5 == 0 ? -1 : sensor_keys[i * 7 % sensor_count]);
    readings.push_back(static_cast<double>(i % 32));
  }

  pillar::memory_budget budget(1 << 20);  // all memory of the join is counted in it
  const pillar::data_type key_type = pillar::type_of<std::int64_t>;
  PILLAR_ASSIGN_OR_RETURN(auto builder, pillar::join_builder::make({&key_type, 1}, &budget));
  for (std::size_t at = 0; at < sensor_count; at += pillar::vector_rows) {
    const pillar::vector keys = view_of(sensor_keys, at);
    const pillar::vector* const columns[] = {&keys};
    PILLAR_TRY(builder.append(columns, pillar::selection_mask::first(keys.size), keys.size));
  }
  PILLAR_ASSIGN_OR_RETURN(const pillar::join_table table, builder.seal());

  // A left join: each pair says the row of the batch and the row of the sensors' arrays, or that there is none.
  PILLAR_ASSIGN_OR_RETURN(auto cursor, pillar::join_cursor::make(table, pillar::join_kind::left, nullptr, &budget));
  std::size_t too_high = 0, unknown = 0;
  for (std::size_t at = 0; at < reading_count; at += pillar::vector_rows) {
    const pillar::vector keys = view_of(reading_keys, at);
    const pillar::vector* const columns[] = {&keys};
    cursor.start(columns, pillar::selection_mask::first(keys.size), keys.size);
    for (;;) {
      std::uint32_t rows[pillar::vector_rows], sensors[pillar::vector_rows];
      PILLAR_ASSIGN_OR_RETURN(const std::uint32_t count, cursor.next(rows, sensors));
      if (count == 0) break;
      for (std::uint32_t i = 0; i < count; ++i) {
        if (sensors[i] == pillar::no_row) ++unknown;
        else if (readings[at + rows[i]] > most_allowed[sensors[i]]) ++too_high;
      }
    }
  }

  std::size_t expected = 0;
  for (std::size_t i = 0; i < reading_count; ++i)
    if (i % 5 != 0 && readings[i] > most_allowed[i * 7 % sensor_count]) ++expected;
  std::printf("%zu of %zu readings are too high, %zu are of unknown sensors; the table takes %llu bytes\n", too_high,
              reading_count, unknown, static_cast<unsigned long long>(table.byte_count()));
  return too_high == expected && unknown == reading_count / 5 && budget.used() != 0 ? 0 : 1;
}

int main() {
  const auto done = join_readings();
  if (!done.ok()) return std::fprintf(stderr, "%s\n", pillar::to_string(done.error().code)), 1;
  return *done;
}
