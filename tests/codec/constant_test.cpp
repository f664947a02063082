// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/constant.hpp"

#include "support/block_cases.hpp"

namespace pillar_test::codec_constant {
namespace {

constexpr pillar::block_options constant_options{.codec = pillar::codec_id::constant};

TEST(codec_constant, refuses_two_values_and_zeros_of_both_signs) {
  const auto type = pillar::type_of<double>;
  for (const auto& [a, b] : {std::pair(1.0, 2.0), std::pair(0.0, -0.0)}) {
    const auto source = make_source(type, {pillar::scalar::of_real(type, a), pillar::scalar::of_real(type, b)});
    const auto encoded = pillar::encode_block(source.views, constant_options);
    EXPECT_EQ(encoded.error().code, pillar::errc::invalid_argument);
  }
}

TEST(codec_constant, the_kind_of_a_vector_follows_its_nulls) {
  const auto type = pillar::type_of<pillar::text>.as_nullable();
  const auto value = pillar::scalar::of_text(type, "a text longer than twelve bytes");
  std::vector<pillar::scalar> cells(3 * pillar::vector_rows, value);
  for (std::size_t row = 0; row < pillar::vector_rows; ++row) cells[row] = pillar::scalar::of_null(type);
  cells[pillar::vector_rows + 7] = pillar::scalar::of_null(type);
  const auto source = make_source(type, cells);
  const auto encoded = pillar::encode_block(source.views);
  ASSERT_TRUE(encoded.ok());
  const auto block = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(block->codec(), pillar::codec_id::constant);
  expect_holds(*block, cells);
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  pillar::vector out;
  const auto kind = [&](std::uint32_t index) {
    EXPECT_TRUE(block->vector_at(index).decode(*scratch, out).ok());
    return out.kind;
  };
  EXPECT_EQ(kind(0), pillar::vector_kind::constant);
  EXPECT_EQ(kind(1), pillar::vector_kind::dictionary);
  EXPECT_EQ(kind(2), pillar::vector_kind::constant);
}

TEST(codec_constant, nan_is_one_value) {
  const auto type = pillar::type_of<float>;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto source = make_source(type, std::vector(70, pillar::scalar::of_real(type, nan)));
  pillar::splitmix64 random(3);
  block_seen seen;
  check_source(source, constant_options, random, 40, seen);
  EXPECT_GT(seen.all, 0u);
  EXPECT_GT(seen.none, 0u);
}

}  // namespace
}  // namespace pillar_test::codec_constant
