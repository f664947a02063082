// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/batch.hpp"

#include <gtest/gtest.h>

namespace pillar_test::column_batch {
namespace {

/// A block whose vector i holds i, i + 1, …: counts how often it is decoded.
struct counting_block {
  mutable int decodes = 0;
};
void decode(const void* block, std::uint32_t index, pillar::vector_scratch& scratch, pillar::vector& out) noexcept {
  ++static_cast<const counting_block*>(block)->decodes;
  auto* values = reinterpret_cast<std::int32_t*>(scratch.values);
  for (std::int32_t i = 0; i < 1024; ++i) values[i] = static_cast<std::int32_t>(index) + i;
  out = {};
  out.type = pillar::type_of<std::int32_t>;
  out.size = 1024;
  out.values = values;
}
constexpr pillar::encoded_operations operations{&decode, nullptr, nullptr, nullptr, nullptr};

TEST(column_batch, a_column_is_decoded_once_and_counted_as_decoded) {
  counting_block block;
  pillar::batch_column columns[2];
  columns[0].source = {&operations, &block, 7};
  const std::int64_t flat[1] = {5};
  columns[1].decoded.type = pillar::type_of<std::int64_t>;
  columns[1].decoded.values = flat;
  columns[1].has_decoded = true;
  pillar::batch rows;
  rows.row_count = 1024;
  rows.columns = columns;
  EXPECT_EQ(rows.column(0).value<std::int32_t>(3), 10);
  EXPECT_EQ(rows.column(0).value<std::int32_t>(0), 7);
  EXPECT_EQ(block.decodes, 1);
  EXPECT_EQ(columns[0].touched, pillar::evidence::decoded);
  EXPECT_EQ(rows.column(1).value<std::int64_t>(0), 5);
  EXPECT_EQ(columns[1].touched, pillar::evidence::skipped);
}

TEST(column_batch, the_dearest_evidence_stays) {
  pillar::batch_column columns[1];
  pillar::batch rows;
  rows.columns = columns;
  rows.touch(0, pillar::evidence::encoded);
  rows.touch(0, pillar::evidence::settled);
  EXPECT_EQ(columns[0].touched, pillar::evidence::encoded);
}

}  // namespace
}  // namespace pillar_test::column_batch
