// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/statistics.hpp"

#include "support/block_cases.hpp"

namespace pillar_test::codec_statistics {
namespace {

pillar::column_statistics look(const block_source& source) {
  pillar::encode_input input;
  input.type = source.type;
  input.vectors = source.views;
  input.row_count = static_cast<std::uint32_t>(source.cells.size());
  return pillar::make_statistics(input);
}

TEST(codec_statistics, agree_with_the_cells_row_by_row) {
  pillar::splitmix64 random(3);
  for (const pillar::data_type& type : every_type(true)) {
    if (type.physical > pillar::physical_type::uint64) continue;
    for (const std::uint64_t distinct : {1u, 3u, 100000u}) {
      const auto source = make_source(type, random_cells(random, type, 2500, distinct), true);
      const auto seen = look(source);
      ASSERT_TRUE(seen.exact);
      std::uint32_t run_count = 0;
      for (std::size_t v = 0; v < source.views.size(); ++v) {
        std::vector<pillar::int128> carried;  // NULL rows repeat the value before them, leading ones the first
        std::size_t leading = 0;
        for (std::uint32_t i = 0; i < source.views[v].size; ++i) {
          const pillar::scalar& cell = source.cells[v * pillar::vector_rows + i];
          if (cell.null && carried.empty()) ++leading;
          else carried.push_back(cell.null ? carried.back() : cell.integer);
        }
        const auto& of = seen.vectors[v];
        if (carried.empty()) {
          EXPECT_EQ(of.run_count, 0u);
          continue;
        }
        carried.insert(carried.begin(), leading, carried[0]);
        std::uint32_t runs = 1;
        pillar::int128 least_step = carried.size() < 2 ? 0 : carried[1] - carried[0], greatest_step = least_step;
        for (std::size_t i = 1; i < carried.size(); ++i) {
          runs += carried[i] != carried[i - 1];
          least_step = std::min(least_step, carried[i] - carried[i - 1]);
          greatest_step = std::max(greatest_step, carried[i] - carried[i - 1]);
        }
        EXPECT_EQ(of.run_count, runs) << to_string(type) << " vector " << v;
        EXPECT_TRUE(of.least == *std::min_element(carried.begin(), carried.end())) << to_string(type);
        EXPECT_TRUE(of.greatest == *std::max_element(carried.begin(), carried.end())) << to_string(type);
        EXPECT_TRUE(of.least_step == least_step && of.greatest_step == greatest_step) << to_string(type);
        run_count += runs;
      }
      EXPECT_EQ(seen.run_count, run_count);
    }
  }
}

TEST(codec_statistics, packed_sizes_are_those_of_the_codec) {
  const auto type = pillar::type_of<std::int64_t>;
  std::vector<pillar::scalar> cells;
  for (int i = 0; i < 3000; ++i) cells.push_back(pillar::scalar::of_integer(type, 1000 + i * 5 + i % 2));
  const auto source = make_source(type, cells);
  const auto seen = look(source);
  const auto bytes = *pillar::encode_block(source.views, {.codec = pillar::codec_id::frame_of_reference});
  EXPECT_EQ(seen.packed_value_bytes(3), pillar::open_block(bytes.bytes())->node(0).data_bytes);
  EXPECT_EQ(seen.packed_step_bytes(3), 3u * 128u * 2u);  // steps of 4 and 6
}

TEST(codec_statistics, few_values_and_many_are_told_apart) {
  const auto type = pillar::type_of<pillar::text>;
  pillar::splitmix64 random(5);
  const auto of = [&](std::uint64_t distinct) {
    std::vector<pillar::scalar> cells;
    for (int i = 0; i < 60000; ++i)
      cells.push_back(pillar::scalar::of_text(type, std::to_string(random.below(distinct))));
    return look(make_source(type, cells)).distinct_estimate(60000);
  };
  EXPECT_EQ(of(1), 1u);
  EXPECT_NEAR(static_cast<double>(of(20)), 20, 1);
  EXPECT_GT(of(2000), 500u);
  EXPECT_LT(of(2000), 5000u);
  EXPECT_GT(of(1000000), 30000u);
}

}  // namespace
}  // namespace pillar_test::codec_statistics
