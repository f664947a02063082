// SPDX-License-Identifier: Apache-2.0
#include "pillar/conformance/partitioner.hpp"

#include <gtest/gtest.h>

#include "pillar/partition/distribution.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::conformance_partitioner {
namespace {

using pillar::type_of;
using pillar::conformance::check_partitioner;
using pillar::conformance::partitioner_facts;

TEST(conformance_partitioner, pillars_models_conform) {
  const auto keyed = check_partitioner(pillar::key_partitioner(*pillar::bucket_map::make_even(7)), {});
  EXPECT_TRUE(keyed.ok()) << keyed;
  EXPECT_EQ(keyed.count("slices used"), 7u);
  EXPECT_GT(keyed.count("NULL keys"), 0u);
  EXPECT_GT(keyed.find("a moved map keeps its buckets")->cases, 0u);

  const auto even = check_partitioner(pillar::even_partitioner(5), {.key_types = {}, .keyed = false});
  EXPECT_TRUE(even.ok()) << even;

  const auto type = type_of<double>.as_nullable();
  const std::vector<std::vector<pillar::scalar>> bounds = {{pillar::scalar::of_real(type, -3)},
                                                           {pillar::scalar::of_real(type, 10.5)}};
  const pillar::sort_key order[] = {{0, false, false}};
  const auto range =
      check_partitioner(*pillar::range_partitioner::make(bounds, order), {.key_types = {type}, .widths_agree = false});
  EXPECT_TRUE(range.ok()) << range;
  EXPECT_EQ(range.count("slices used"), 3u);

  const auto any = check_partitioner(*pillar::any_partitioner::make(pillar::distribution::by_key({4, 2}, 9)),
                                     {.key_types = {type, type_of<pillar::text>.as_nullable()}, .widths_agree = false});
  EXPECT_TRUE(any.ok()) << any;
}

// Keys by the bits of their values: −0.0 parts from 0.0, and the width of an integer matters.
struct by_bits {
  int variant = 0;
  [[nodiscard]] std::uint32_t slice_count() const { return 4; }
  pillar::result<void> assign(std::span<const pillar::vector* const> keys, std::uint32_t row_count,
                              std::uint64_t first_row, std::uint32_t* slice_of_row) const {
    const pillar::vector& key = *keys[0];
    const std::size_t width = pillar::byte_width(key.type.physical);
    for (std::uint32_t row = 0; row < row_count; ++row) {
      const auto* value = key.holder().values_as<unsigned char>() + width * key.index_of(row);
      std::uint32_t slice = variant == 1 && width == 8 ? 1 : 0;
      if (variant == 0 && key.valid(row)) slice = value[width - 1] >> 6;
      if (variant == 2) slice = row == 700 ? 4 : 0;
      if (variant == 3) slice = static_cast<std::uint32_t>(first_row + row) / 8 % 4;
      slice_of_row[row] = slice;
    }
    return {};
  }
  friend bool operator==(const by_bits&, const by_bits&) = default;
};
static_assert(pillar::partitioner<by_bits>);

TEST(conformance_partitioner, liars_are_reported) {
  if (sanitized) GTEST_SKIP() << "what is reported is the same without sanitizers";
  const partitioner_facts reals{.key_types = {type_of<double>.as_nullable()}, .widths_agree = false};
  EXPECT_FALSE(check_partitioner(by_bits{0}, reals).find("rows of equal keys meet")->holds);
  EXPECT_FALSE(check_partitioner(by_bits{1}, {}).find("integer keys of any width meet")->holds);
  EXPECT_FALSE(check_partitioner(by_bits{2}, {}).find("every row gets a slice below slice_count()")->holds);
  EXPECT_FALSE(check_partitioner(by_bits{3}, {}).find("rows of equal keys meet")->holds);
}

}  // namespace
}  // namespace pillar_test::conformance_partitioner
