// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/real_double.hpp"

#include <cmath>

#include "pillar/conformance/codec.hpp"
#include "support/block_cases.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::codec_real_double {
namespace {

constexpr pillar::block_options real_options{.codec = pillar::codec_id::real_double};
constexpr pillar::data_type real64 = pillar::type_of<double>, real32 = pillar::type_of<float>;

/// Uniform in [20, 30): no decimals, one exponent, a sign.
double reading(pillar::splitmix64& random) { return 20 + static_cast<double>(random() >> 11) * 0x1p-53 * 10; }

std::vector<pillar::scalar> readings(pillar::splitmix64& random, pillar::data_type type, std::size_t count,
                                     bool narrowed) {
  std::vector<pillar::scalar> cells;
  for (std::size_t row = 0; row < count; ++row) {
    const double value = reading(random);
    cells.push_back(type.nullable && random.chance(1, 9)
                        ? pillar::scalar::of_null(type)
                        : pillar::scalar::of_real(type, narrowed || type.physical == pillar::physical_type::float32
                                                            ? static_cast<float>(value)
                                                            : value));
  }
  return cells;
}

double bits_per_value(const std::vector<pillar::scalar>& cells, const pillar::block_options& options) {
  const auto encoded = pillar::encode_block(make_source(cells[0].type, cells).views, options);
  return encoded.ok() ? 8.0 * static_cast<double>(encoded->size()) / static_cast<double>(cells.size()) : 0;
}

TEST(codec_real_double, every_length_and_type) {
  pillar::splitmix64 random(1);
  block_seen seen;
  std::vector<std::uint32_t> lengths = {1023, 1024, 1025, 2500};
  for (std::uint32_t length = 1; length <= 130; length += length < 20 ? 1 : 7) lengths.push_back(length);
  for (const std::uint32_t length : lengths)
    for (const auto type : {real64, real32})
      for (const bool narrowed : {false, true})
        check_source(make_source(type.as_nullable(length % 2 == 0),
                                 readings(random, type.as_nullable(length % 2 == 0), length, narrowed)),
                     real_options, random, 1, seen);
}

TEST(codec_real_double, odd_bits_are_kept) {
  const std::uint64_t odd[] = {0x7ff8000000000001u,
                               0xfff8dead0000beefu,
                               0x7ff0000000000001u,
                               0x8000000000000000u,
                               0,
                               0x7ff0000000000000u,
                               0xfff0000000000000u,
                               1,
                               0x000fffffffffffffu,
                               0x7fefffffffffffffu};
  pillar::splitmix64 random(2);
  std::vector<double> values;
  for (int row = 0; row < 1000; ++row) values.push_back(reading(random));
  for (std::size_t i = 0; i < std::size(odd); ++i) std::memcpy(&values[97 * i], &odd[i], 8);
  pillar::vector one;
  one.type = real64;
  one.size = 1000;
  one.values = values.data();
  const auto encoded = pillar::encode_block({&one, 1}, real_options);
  ASSERT_TRUE(encoded.ok());
  const auto block = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(block.ok());
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  pillar::vector out;
  block->vector_at(0).operations->decode(block->vector_at(0).block, 0, *scratch, out);
  EXPECT_EQ(std::memcmp(out.values, values.data(), sizeof(double) * values.size()), 0);
}

TEST(codec_real_double, saves_where_there_is_something_to_save) {
  pillar::splitmix64 random(3);
  EXPECT_LE(bits_per_value(readings(random, real64, 8192, false), real_options), 53.5);  // sign and exponent are one
  EXPECT_LE(bits_per_value(readings(random, real64, 8192, true), real_options), 24.5);   // and floats end in zeros
  EXPECT_LE(bits_per_value(readings(random, real32, 8192, false), real_options), 24.5);
  std::vector<pillar::scalar> noise;
  for (int row = 0; row < 8192; ++row) {
    const std::uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, 8);
    noise.push_back(pillar::scalar::of_real(real64, value));
  }
  EXPECT_EQ(bits_per_value(noise, real_options), 0) << "nothing to save: not taken";
  EXPECT_LE(bits_per_value(noise, {}), 64.5);
}

TEST(codec_real_double, conforms) {
  if (sanitized) GTEST_SKIP() << "random trees and hostile blocks meet it under sanitizers";
  const auto found = pillar::conformance::check_codec<pillar::real_double_codec>();
  EXPECT_TRUE(found.ok()) << found;
}

}  // namespace
}  // namespace pillar_test::codec_real_double
