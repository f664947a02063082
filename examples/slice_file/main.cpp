// SPDX-License-Identifier: Apache-2.0
// A table written to slice files, opened again and asked: zones answer from the footers, blocks are read on demand.
#include <pillar/pillar.hpp>

#include <cstdio>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <stdlib.h>  // mkdtemp
#include <unistd.h>  // rmdir

using namespace pillar::query;

struct readings : pillar::schema<pillar::field<"day", pillar::date>, pillar::field<"sensor", std::int32_t>,
                                 pillar::field<"value", pillar::decimal<9, 2>>> {};

pillar::result<pillar::column_set> a_year_of_readings() {
  std::vector<pillar::date> day;
  std::vector<std::int32_t> sensor;
  std::vector<decimal<9, 2>> value;
  pillar::splitmix64 random(7);
  for (int i = 0; i < 500'000; ++i) {
    day.push_back(pillar::date::from_days(date{2025, 1, 1}.days + i / 1'370));
    sensor.push_back(static_cast<std::int32_t>(random.below(300)));
    value.push_back({static_cast<std::int64_t>(random.below(10'000))});
  }
  pillar::column_set_builder rows(pillar::describe<readings>());
  PILLAR_TRY(rows.column_at(0).append_values<pillar::date>(day));
  PILLAR_TRY(rows.column_at(1).append_values<std::int32_t>(sensor));
  PILLAR_TRY(rows.column_at(2).append_values<decimal<9, 2>>(value));
  return rows.finish();
}

int main() {
  std::string folder = "pillar_example_XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return 1;

  {
    pillar::typed_table<readings> t(
        {.distribution = pillar::by_key("sensor"_col, pillar::slices{2}), .order = pillar::compound("day"_col)});
    const auto rows = a_year_of_readings();
    if (!rows.ok() || !t.append(*rows).ok()) return 1;
    const auto written = pillar::write_table(*t.version(), t.schema(), folder, std::random_device{}());
    if (!written.ok()) return std::cerr << written << '\n', 1;
  }  // the table in memory is gone

  auto stored = pillar::open_table_folder(folder);
  if (!stored.ok()) return std::cerr << stored.status() << '\n', 1;
  const auto typed = pillar::bind<readings>(*stored);
  if (!typed.ok()) return std::cerr << typed.status() << '\n', 1;

  auto july = scan(*typed) | where("day"_col >= date{2025, 7, 1} && "day"_col <= date{2025, 7, 31}) |
              group_by()(count().as("readings"_col), max("value"_col).as("highest"_col));
  pillar::worker_pool pool(2);
  const auto result = run(july, pool);
  if (!result.ok()) return std::cerr << result.status() << '\n', 1;
  std::cout << *result << result->stats();

  for (std::uint32_t slice = 0; slice < 2; ++slice)
    std::remove((folder + '/' + pillar::slice_file_name(slice)).c_str());
  rmdir(folder.c_str());
}
