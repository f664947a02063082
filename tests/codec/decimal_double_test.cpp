// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/decimal_double.hpp"

#include <cmath>

#include "pillar/codec/packed.hpp"
#include "pillar/conformance/codec.hpp"
#include "support/arch_levels.hpp"
#include "support/block_cases.hpp"

namespace pillar_test::codec_decimal_double {
namespace {

constexpr pillar::block_options decimal_options{.codec = pillar::codec_id::decimal_double};
constexpr pillar::data_type real64 = pillar::type_of<double>, real32 = pillar::type_of<float>;
using limits = std::numeric_limits<double>;

pillar::scalar cell(pillar::data_type type, double value) {
  return pillar::scalar::of_real(type,
                                 type.physical == pillar::physical_type::float32 ? static_cast<float>(value) : value);
}

/// k / 10^digits, as a parser of the text makes it; `scaled`: k · 10^−digits, as a program does.
std::vector<pillar::scalar> decimals(pillar::splitmix64& random, pillar::data_type type, std::size_t count,
                                     unsigned digits, bool scaled, std::uint64_t least = 90000,
                                     std::uint64_t range = 10404951) {
  const double power = std::pow(10.0, digits), inverse = std::pow(10.0, -static_cast<double>(digits));
  std::vector<pillar::scalar> cells;
  for (std::size_t row = 0; row < count; ++row) {
    const auto integer = static_cast<double>(least + random.below(range));
    cells.push_back(type.nullable && random.chance(1, 9) ? pillar::scalar::of_null(type)
                                                         : cell(type, scaled ? integer * inverse : integer / power));
  }
  return cells;
}

/// Some cells become what no decimal is.
void strew_exceptions(pillar::splitmix64& random, std::vector<pillar::scalar>& cells, std::uint64_t one_in) {
  const double special[] = {-0.0,
                            limits::quiet_NaN(),
                            -limits::quiet_NaN(),
                            limits::infinity(),
                            -limits::infinity(),
                            limits::denorm_min(),
                            limits::max(),
                            limits::lowest(),
                            0.1234567890123456,
                            1e-300,
                            0.0};
  for (auto& each : cells)
    if (!each.null && random.chance(1, one_in)) each = cell(each.type, special[random.below(std::size(special))]);
}

pillar::decimal_scale scale_of(const std::vector<pillar::scalar>& cells) {
  const auto source = make_source(cells[0].type, cells);
  pillar::encode_input input;
  input.type = source.type;
  input.vectors = source.views;
  input.row_count = static_cast<std::uint32_t>(cells.size());
  const auto plan = pillar::decimal_double_codec::analyze(input);
  EXPECT_TRUE(plan.ok() && plan->possible);
  std::vector<std::byte> out(plan->data_bytes);
  std::vector<pillar::vector_entry> entries(source.views.size());
  pillar::data_section section;
  section.entries = entries.data();
  EXPECT_TRUE(pillar::decimal_double_codec::encode(input, *plan, out.data(), section).ok());
  return {static_cast<pillar::decimal_mode>(out[0]), static_cast<std::uint8_t>(out[1]),
          static_cast<std::uint8_t>(out[2])};
}

TEST(codec_decimal_double, every_length_mode_and_type) {
  pillar::splitmix64 random(1);
  block_seen seen;
  std::vector<std::uint32_t> lengths = {1023, 1024, 1025, 2500};
  for (std::uint32_t length = 1; length <= 130; length += length < 20 ? 1 : 9) lengths.push_back(length);
  for (const std::uint32_t length : lengths)
    for (const bool wide : {true, false})
      for (const bool scaled : {true, false})
        for (const bool exceptions : {true, false}) {
          const auto type = (wide ? real64 : real32).as_nullable(length % 2 == 0);
          auto cells = decimals(random, type, length, 2, scaled);
          if (exceptions && length > 60) strew_exceptions(random, cells, 30);
          check_source(make_source(type, cells), decimal_options, random, 8, seen);
          if (HasFatalFailure()) return;
        }
  for (const std::uint64_t met : {seen.none, seen.all, seen.some}) EXPECT_GT(met, 100u);
}

TEST(codec_decimal_double, exceptions_keep_their_bits) {
  const std::uint64_t bits[] = {0x7ff8000000000001u,
                                0xfff8dead0000beefu,
                                0x7ff0000000000001u,
                                0x8000000000000000u,
                                0x7ff0000000000000u,
                                0xfff0000000000000u,
                                1,
                                0x000fffffffffffffu,
                                0x7fefffffffffffffu,
                                0x3ff0000000000001u,
                                0x4320000000000000u /* 2^51: beyond the integers */,
                                0xc320000000000000u};
  std::vector<double> values(40, 12.5);
  for (std::size_t i = 0; i < std::size(bits); ++i) std::memcpy(&values[3 * i], &bits[i], 8);
  pillar::vector one;
  one.type = real64;
  one.size = 40;
  one.values = values.data();
  const auto encoded = pillar::encode_block({&one, 1}, decimal_options);
  ASSERT_TRUE(encoded.ok());
  const auto block = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(block->entry(0).exception_count, std::size(bits));
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  pillar::vector out;
  block->vector_at(0).operations->decode(block->vector_at(0).block, 0, *scratch, out);
  EXPECT_EQ(std::memcmp(out.values, values.data(), sizeof(double) * values.size()), 0);
}

TEST(codec_decimal_double, the_scale_has_the_digits_and_the_mode_of_the_values) {
  pillar::splitmix64 random(2);
  using pillar::decimal_mode;
  for (std::uint8_t digits = 0; digits <= 6; ++digits)
    EXPECT_EQ(scale_of(decimals(random, real64, 3000, digits, false)),
              (pillar::decimal_scale{decimal_mode::divided, digits, 0}));
  for (const std::uint8_t digits : {1, 2, 3, 6})
    EXPECT_EQ(scale_of(decimals(random, real64, 3000, digits, true)),
              (pillar::decimal_scale{decimal_mode::multiplied, digits, 0}));
  auto cells = decimals(random, real64, 3000, 2, false);  // one in a hundred has more digits: an exception each
  for (std::size_t row = 0; row < cells.size(); row += 100) cells[row] = cell(real64, 1.23456789);
  EXPECT_EQ(scale_of(cells), (pillar::decimal_scale{decimal_mode::divided, 2, 0}));
}

TEST(codec_decimal_double, prices_take_24_and_a_half_bits_and_have_no_exceptions) {
  pillar::splitmix64 random(3);
  const auto source = make_source(real64, decimals(random, real64, 65536, 2, false));
  const auto encoded = pillar::encode_block(source.views, {});
  ASSERT_TRUE(encoded.ok());
  const auto block = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(block->codec(), pillar::codec_id::decimal_double);
  EXPECT_LE(8.0 * static_cast<double>(block->block_bytes()) / 65536, 24.5);
  for (std::uint32_t v = 0; v < block->vector_count(); ++v) EXPECT_EQ(block->entry(v).exception_count, 0);
}

TEST(codec_decimal_double, bounds_between_values_agree_to_the_last_bit) {
  pillar::splitmix64 random(4);
  block_seen seen;
  for (const auto type : {real64, real32})
    for (const bool scaled : {false, true}) {
      auto cells = decimals(random, type, 1024, 3, scaled, 0, 3000);
      strew_exceptions(random, cells, 60);
      const auto source = make_source(type, cells);
      const auto encoded = pillar::encode_block(source.views, decimal_options);
      ASSERT_TRUE(encoded.ok());
      const auto block = pillar::open_block(encoded->bytes());
      ASSERT_TRUE(block.ok());
      const auto near = [&](double value, std::uint64_t pick) {  // the value, and the next floats of its type
        const double away = pick == 0 ? limits::infinity() : -limits::infinity();
        if (pick == 2 || !std::isfinite(value)) return value + 0.0;
        return type == real64 ? std::nextafter(value, away) + 0.0
                              : std::nextafter(static_cast<float>(value), static_cast<float>(away)) + 0.0;
      };
      for (int i = 0; i < 400 && !HasFatalFailure(); ++i) {
        double lo = near(cells[random.below(1024)].real, random.below(3));
        double hi = i % 3 == 0 ? lo : near(cells[random.below(1024)].real, random.below(3));
        if (lo != lo) lo = -limits::infinity();
        if (hi != hi) hi = limits::infinity();
        const auto test = pillar::real_range(type.physical, lo, hi, random.chance(1, 2), random.chance(1, 3));
        expect_matches(*block, cells, test, nullptr, seen);
      }
    }
  EXPECT_EQ(seen.unknown, 0u);
}

TEST(codec_decimal_double, integers_at_the_ends_of_the_range) {
  pillar::splitmix64 random(5);
  block_seen seen;
  constexpr double limit = static_cast<double>(pillar::decimal_integer_limit);
  for (const double power : {1.0, 100.0, 1e6}) {
    std::vector<pillar::scalar> cells;
    for (const double integer : {limit - 1, -limit + 1, limit, -limit, limit - 2, 0.0, 1.0, -1.0, 4503599627370497.0})
      for (int i = 0; i < (std::fabs(integer) < limit ? 16 : 1); ++i) cells.push_back(cell(real64, integer / power));
    check_source(make_source(real64, cells), decimal_options, random, 100, seen);
  }
}

TEST(codec_decimal_double, every_level_reads_the_same) {
  pillar::splitmix64 random(6);
  const auto type = real64.as_nullable();
  for (const bool scaled : {false, true}) {
    auto cells = decimals(random, type, 2500, 4, scaled);
    strew_exceptions(random, cells, 50);
    const auto source = make_source(type, cells);
    const auto encoded = pillar::encode_block(source.views, decimal_options);
    ASSERT_TRUE(encoded.ok());
    for (const pillar::arch_level level : levels_to_test(pillar::packed_kernels_for)) {
      pillar::block_limits accepted;
      accepted.kernels = &pillar::packed_kernels_for(level);
      const auto block = pillar::open_block(encoded->bytes(), accepted);
      ASSERT_TRUE(block.ok());
      expect_holds(*block, cells);
    }
  }
}

TEST(codec_decimal_double, real_numbers_are_left_to_others) {
  pillar::splitmix64 random(7);
  std::vector<pillar::scalar> cells;
  for (int row = 0; row < 3000; ++row) cells.push_back(cell(real64, static_cast<double>(random()) / 3e15));
  EXPECT_FALSE(pillar::encode_block(make_source(real64, cells).views, decimal_options).ok());
}

TEST(codec_decimal_double, conforms) {
  const auto found = pillar::conformance::check_codec<pillar::decimal_double_codec>();
  EXPECT_TRUE(found.ok()) << found;
  EXPECT_GT(found.find("match agrees with the values")->cases, 100u);
}

}  // namespace
}  // namespace pillar_test::codec_decimal_double
