// SPDX-License-Identifier: Apache-2.0
#include "pillar/filter/match.hpp"

#include <gtest/gtest.h>

#include "support/arch_levels.hpp"
#include "support/bound_reference.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::filter_match {
namespace {

using pillar::scalar;
using pillar::type_of;
using pillar::vector_kind;

std::uint64_t spoiled_mask[pillar::vector_words];

/// The mask of a vector, after it was filled with ones to show what is not written.
std::uint64_t* mask_of(const pillar::vector& values, const pillar::domain& test,
                       const pillar::flat_match_table& table) {
  for (auto& word : spoiled_mask) word = ~std::uint64_t{0};
  pillar::match(values, test, table, spoiled_mask);
  return spoiled_mask;
}

TEST(filter_match, every_type_kind_and_length_agrees_with_contains) {
  pillar::splitmix64 random(3);
  const std::uint32_t sizes[] = {1, 2, 63, 64, 65, 200, 1000, 1024};
  std::size_t matched = 0, rows = 0;
  for (const auto level : levels_to_test(pillar::flat_match_kernels_for)) {
    const auto& table = pillar::flat_match_kernels_for(level);
    for (const auto& type : every_type(true))
      for (int round = 0; round < (sanitized ? 15 : 60); ++round) {
        const std::uint32_t size = sizes[random.below(std::size(sizes))];
        const std::uint64_t distinct = random.chance(1, 2) ? 7 : 3000;
        std::vector<scalar> cells = random_cells(random, type, size, distinct);
        const auto kind = static_cast<vector_kind>(round % 4);
        if (kind == vector_kind::constant) cells.assign(size, cells[0]);
        if (kind == vector_kind::run_end && random.chance(1, 2))
          for (std::uint32_t row = size; row-- > 0;) cells[row] = cells[row / 9];
        const owned_vector made = make_vector(type, cells, kind, static_cast<std::uint32_t>(random.below(65)));
        const pillar::domain test = random_domain(random, type, cells, distinct);
        const std::uint64_t* mask = mask_of(made.view, test, table);
        for (std::uint32_t row = 0; row < size; ++row) {
          if (cells[row].null) continue;
          const bool expected = test.kind == pillar::domain_kind::null_test ? test.negated : test.contains(cells[row]);
          ASSERT_EQ(pillar::get_bit(mask, row), expected)
              << to_string(type) << " " << to_string(cells[row]) << " row " << row << " of " << size;
          matched += expected;
          ++rows;
        }
        if (size % 64 != 0) {
          ASSERT_EQ(mask[size / 64] & ~pillar::low_bits(size % 64), 0u);
        }
      }
  }
  EXPECT_GT(matched * 10, rows);
  EXPECT_LT(matched * 10, rows * 9);
}

TEST(filter_match, dictionaries_larger_than_the_vector_are_read_by_row) {
  const auto type = type_of<pillar::text>;
  std::vector<scalar> entries;
  for (int i = 0; i < 3000; ++i) entries.push_back(scalar::of_text(type, "entry number " + std::to_string(i)));
  const owned_vector dictionary = make_vector(type, entries);
  std::vector<std::uint32_t> codes;
  for (std::uint32_t i = 0; i < 500; ++i) codes.push_back((i * 7) % 3000);
  pillar::vector values = dictionary.view;
  values.kind = vector_kind::dictionary;
  values.size = 500;
  values.codes = codes.data();
  values.dictionary = &dictionary.view;
  const pillar::domain test = pillar::text_range("entry number 1", true, "entry number 2");
  const auto& table = pillar::flat_match_kernels_for(pillar::best_arch_level());
  const std::uint64_t* mask = mask_of(values, test, table);
  for (std::uint32_t i = 0; i < 500; ++i) ASSERT_EQ(pillar::get_bit(mask, i), test.contains(entries[codes[i]])) << i;
}

TEST(filter_match, wide_integers_need_no_more_than_eight_byte_alignment) {
  const auto type = type_of<pillar::decimal<38, 4>>;
  std::vector<scalar> cells;
  for (int i = 0; i < 100; ++i) cells.push_back(scalar::of_integer(type, pillar::power_of_ten(30) * (i - 50)));
  owned_vector made = make_vector(type, cells);
  std::vector<std::uint64_t> moved(202 + 2);
  auto* odd = reinterpret_cast<std::byte*>(moved.data());
  if (reinterpret_cast<std::uintptr_t>(odd) % 16 == 0) odd += 8;
  std::memcpy(odd, made.view.values, 1600);
  made.view.values = odd;
  const pillar::domain test = pillar::integer_range(type.physical, 0, pillar::power_of_ten(32));
  for (const auto level : levels_to_test(pillar::flat_match_kernels_for)) {
    const std::uint64_t* mask = mask_of(made.view, test, pillar::flat_match_kernels_for(level));
    for (std::uint32_t i = 0; i < 100; ++i) ASSERT_EQ(pillar::get_bit(mask, i), test.contains(cells[i]));
  }
}

TEST(filter_match, opaque_tests_see_the_vector_and_may_be_negated) {
  const auto type = type_of<std::int32_t>;
  const owned_vector made = make_vector(type, std::vector<scalar>(70, scalar::of_integer(type, 1)));
  pillar::domain test;
  test.kind = pillar::domain_kind::opaque;
  test.physical = type.physical;
  const std::uint64_t answer = 5;
  test.state = &answer;
  test.test = [](const void* state, const pillar::vector& values, std::uint64_t* mask) noexcept {
    mask[0] = *static_cast<const std::uint64_t*>(state);
    mask[1] = values.size == 70 ? ~std::uint64_t{0} : 0;
  };
  const auto& table = pillar::flat_match_kernels_for(pillar::best_arch_level());
  const std::uint64_t* mask = mask_of(made.view, test, table);
  EXPECT_EQ(mask[0], 5u);
  EXPECT_EQ(mask[1], 63u);
  test.negated = true;
  mask = mask_of(made.view, test, table);
  EXPECT_EQ(mask[0], ~std::uint64_t{5});
  EXPECT_EQ(mask[1], 0u);
}

/// A block of three numbers whose codec answers `== 2` and nothing else.
struct three_numbers {
  static constexpr std::int64_t values[3] = {1, 2, 3};

  static pillar::match_answer match(const void*, std::uint32_t, const pillar::domain& test, pillar::match_scratch*,
                                    std::uint64_t* mask) noexcept {
    if (test.lo != 2 || test.hi != 2) return {pillar::verdict::unknown, pillar::evidence::settled};
    mask[0] = 2;
    return {pillar::verdict::some, pillar::evidence::encoded};
  }
  static void decode(const void*, std::uint32_t, pillar::vector_scratch&, pillar::vector& out) noexcept {
    out.type = type_of<std::int64_t>;
    out.size = 3;
    out.values = values;
  }
};

TEST(filter_match, what_a_codec_does_not_know_is_decoded) {
  pillar::encoded_operations operations{};
  operations.match = three_numbers::match;
  operations.decode = three_numbers::decode;
  const pillar::encoded_vector values{&operations, nullptr, 0};
  const auto& table = pillar::flat_match_kernels_for(pillar::best_arch_level());
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  std::uint64_t mask[pillar::vector_words];
  const auto known =
      pillar::match(values, pillar::integer_range(pillar::physical_type::int64, 2, 2), table, nullptr, *scratch, mask);
  ASSERT_TRUE(known.ok());
  EXPECT_EQ(known->how, pillar::evidence::encoded);
  EXPECT_EQ(mask[0], 2u);
  const auto decoded =
      pillar::match(values, pillar::integer_range(pillar::physical_type::int64, 2, 9), table, nullptr, *scratch, mask);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->how, pillar::evidence::decoded);
  EXPECT_EQ(decoded->what, pillar::verdict::some);
  EXPECT_EQ(mask[0], 6u);
}

}  // namespace
}  // namespace pillar_test::filter_match
