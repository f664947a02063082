// SPDX-License-Identifier: Apache-2.0
#include "pillar/sort/key.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "support/owned_vector.hpp"

namespace pillar_test::sort_key {
namespace {

using pillar::scalar;

int order_of_bytes(const pillar::growable<std::byte>& a, const pillar::growable<std::byte>& b) {
  const std::size_t shared = std::min(a.size(), b.size());
  const int order = shared == 0 ? 0 : std::memcmp(a.data(), b.data(), shared);
  if (order != 0) return order < 0 ? -1 : 1;
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}
int order_of_cells(const scalar& a, const scalar& b, const pillar::sort_key& key) {
  if (a.null || b.null) return a.null == b.null ? 0 : (a.null == key.nulls_first ? -1 : 1);
  const int order = pillar::compare(a, b);
  return (order < 0 ? -1 : order > 0 ? 1 : 0) * (key.descending ? -1 : 1);
}

TEST(sort_key, bytes_order_rows_as_compare_does_for_every_type_and_direction) {
  pillar::splitmix64 random(3);
  for (const auto& type : every_type(true)) {
    const auto cells = random_cells(random, type, 40, 60);
    const auto made = make_vector(type, cells, pillar::vector_kind::flat, 5);
    const pillar::vector* columns[] = {&made.view};
    for (unsigned variant = 0; variant < 4; ++variant) {
      const pillar::sort_key key{0, (variant & 1) != 0, (variant & 2) != 0};
      std::vector<pillar::growable<std::byte>> keys(cells.size());
      for (std::uint32_t row = 0; row < cells.size(); ++row) {
        ASSERT_TRUE(pillar::append_key(columns, std::span(&key, 1), row, keys[row]).ok());
        pillar::growable<std::byte> of_scalar;
        ASSERT_TRUE(pillar::append_key(std::span(&cells[row], 1), std::span(&key, 1), of_scalar).ok());
        ASSERT_EQ(order_of_bytes(keys[row], of_scalar), 0);
      }
      for (std::size_t a = 0; a < cells.size(); ++a)
        for (std::size_t b = 0; b < cells.size(); ++b)
          ASSERT_EQ(order_of_bytes(keys[a], keys[b]), order_of_cells(cells[a], cells[b], key))
              << pillar::to_string(cells[a]) << " against " << pillar::to_string(cells[b]);
    }
  }
}

TEST(sort_key, ordered_words_keep_the_order) {
  EXPECT_LT(pillar::ordered_word<std::int64_t>(-1), pillar::ordered_word<std::int64_t>(0));
  EXPECT_EQ(pillar::ordered_word(-0.0), pillar::ordered_word(0.0));
  EXPECT_GT(pillar::ordered_word(std::numeric_limits<double>::quiet_NaN()),
            pillar::ordered_word(std::numeric_limits<double>::infinity()));
  EXPECT_LT(pillar::ordered_word(-2.0f), pillar::ordered_word(-1.0f));
}

TEST(sort_key, out_of_memory_leaves_the_bytes_as_before) {
  pillar::memory_budget budget(200);
  const auto type = pillar::type_of<pillar::text>;
  const auto made = make_vector(type, {scalar::of_text(type, "short"), scalar::of_text(type, std::string(500, 'x'))});
  const pillar::vector* columns[] = {&made.view};
  const pillar::sort_key key{};
  pillar::growable<std::byte> out(&budget);
  ASSERT_TRUE(pillar::append_key(columns, std::span(&key, 1), 0, out).ok());
  const std::size_t before = out.size();
  EXPECT_EQ(pillar::append_key(columns, std::span(&key, 1), 1, out).error().code, pillar::errc::out_of_memory);
  EXPECT_EQ(out.size(), before);
}

}  // namespace
}  // namespace pillar_test::sort_key
