// SPDX-License-Identifier: Apache-2.0
#include "pillar/storage/row_group.hpp"

#include <gtest/gtest.h>

#include "pillar/base/env.hpp"
#include "pillar/column/builder.hpp"
#include "support/owned_vector.hpp"

namespace pillar_test::storage_row_group {
namespace {

using pillar::scalar;

pillar::column column_of(pillar::data_type type, const std::vector<scalar>& cells) {
  pillar::column_builder builder(type);
  for (const auto& cell : cells) EXPECT_TRUE(builder.append(cell).ok());
  return *builder.finish();
}

TEST(storage_row_group, counts_vectors_and_their_rows) {
  pillar::row_group group;
  for (const std::uint32_t rows : {1u, 1'023u, 1'024u, 1'025u, 65'536u}) {
    group.row_count = rows;
    std::uint32_t total = 0;
    for (std::uint32_t v = 0; v < group.vector_count(); ++v) {
      EXPECT_GT(group.rows_of(v), 0u);
      EXPECT_LE(group.rows_of(v), 1'024u);
      total += group.rows_of(v);
    }
    EXPECT_EQ(total, rows);
  }
}

/// A stored block decodes to its cells, and its zone maps hold every value of what they stand for.
TEST(storage_row_group, stored_blocks_know_their_cells_and_bounds) {
  pillar::splitmix64 random(5);
  for (const bool nullable : {false, true})
    for (const auto& type : every_type(nullable)) {
      const std::size_t count = 1 + random.below(3'000);
      const auto cells = random_cells(random, type, count, 1 + random.below(40));
      const pillar::column whole = column_of(type, cells);
      std::vector<pillar::vector> vectors;
      for (std::uint32_t at = 0; at < count; at += 1'024)
        vectors.push_back(whole.slice(at, static_cast<std::uint32_t>(count - at < 1'024 ? count - at : 1'024)));
      pillar::memory_budget budget;
      {
        auto made = pillar::make_stored_block(vectors, {}, &budget);
        ASSERT_TRUE(made.ok()) << to_string(type) << ": " << to_string(made.error().code);
        EXPECT_EQ(made->view.row_count(), count);
        EXPECT_EQ(made->bytes.bytes().size(), made->view.block_bytes());
        EXPECT_GE(budget.used(), made->view.block_bytes());
        ASSERT_EQ(made->vector_zones.size(), vectors.size());
        EXPECT_EQ(made->zone.row_count, count);
        const pillar::stored_block block = *std::move(made);  // moves keep the view
        std::size_t nulls = 0;
        for (std::size_t i = 0; i < count; ++i) {
          nulls += cells[i].null ? 1 : 0;
          if (cells[i].null) continue;
          for (const pillar::zone_map* zone : {&block.zone, &block.vector_zones[i / 1'024]}) {
            const scalar least = zone_minimum(*zone, type), greatest = zone_maximum(*zone, type);
            const bool nan = cells[i].real != cells[i].real;
            if (nan) EXPECT_TRUE(zone->has_nan);
            if (!least.null && !nan) EXPECT_LE(compare(least, cells[i]), 0) << to_string(type) << " row " << i;
            if (!greatest.null && !nan) EXPECT_GE(compare(greatest, cells[i]), 0) << to_string(type) << " row " << i;
          }
        }
        EXPECT_EQ(block.view.null_count(), nulls);
        for (std::uint32_t v = 0; v < block.view.vector_count(); ++v) {
          pillar::vector_scratch scratch;
          pillar::vector decoded;
          const auto source = block.view.vector_at(v);
          ASSERT_TRUE(source.decode(scratch, decoded).ok());
          ASSERT_EQ(decoded.size, vectors[v].size);
          for (std::uint32_t r = 0; r < decoded.size; ++r)
            ASSERT_TRUE(get(decoded, r) == cells[v * 1'024 + r]) << to_string(type) << " row " << v * 1'024 + r;
        }
      }
      EXPECT_EQ(budget.used(), 0u);
    }
}

TEST(storage_row_group, refuses_what_does_not_fit) {
  const auto cells = std::vector<scalar>(10, scalar::of_integer(pillar::type_of<std::int32_t>, 4));
  const pillar::column whole = column_of(pillar::type_of<std::int32_t>, cells);
  const pillar::vector vectors[] = {whole.slice(0, 10)};
  EXPECT_EQ(pillar::make_stored_block({}, {}, nullptr).error().code, pillar::errc::invalid_argument);
  pillar::memory_budget small(100);
  EXPECT_EQ(pillar::make_stored_block(vectors, {}, &small).error().code, pillar::errc::out_of_memory);
  EXPECT_EQ(small.used(), 0u);
}

}  // namespace
}  // namespace pillar_test::storage_row_group
