// SPDX-License-Identifier: Apache-2.0
/// Blocks made from scalars, and the oracle for what a block decodes, matches and sums: the cells and domain::contains.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/codec/match_scratch.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/expr/domain.hpp"
#include "pillar/storage/block.hpp"
#include "support/owned_vector.hpp"

namespace pillar_test {

/// Cells cut into vectors of 1,024.
struct block_source {
  pillar::data_type type{};
  std::vector<pillar::scalar> cells{};
  std::vector<owned_vector> owned{};
  std::vector<pillar::vector> views{};
};

/// Mixed kinds: dictionaries and runs (not of floats: make_vector's merge zeros of both signs), constants, odd validity
/// offsets.
inline block_source make_source(pillar::data_type type, std::vector<pillar::scalar> cells, bool mixed_kinds = false) {
  block_source made;
  made.type = type;
  made.cells = std::move(cells);
  for (std::size_t at = 0; at < made.cells.size(); at += pillar::vector_rows) {
    const auto end = std::min(made.cells.size(), at + pillar::vector_rows);
    const std::vector<pillar::scalar> part(made.cells.begin() + static_cast<std::ptrdiff_t>(at),
                                           made.cells.begin() + static_cast<std::ptrdiff_t>(end));
    auto kind = pillar::vector_kind::flat;
    if (mixed_kinds && !pillar::is_float(type.physical) && at / pillar::vector_rows % 2 == 1)
      kind = at / pillar::vector_rows % 4 == 1 ? pillar::vector_kind::dictionary : pillar::vector_kind::run_end;
    if (mixed_kinds && std::all_of(part.begin(), part.end(), [&](const auto& cell) { return cell == part[0]; }))
      kind = pillar::vector_kind::constant;
    made.owned.push_back(make_vector(type, part, kind, mixed_kinds ? 5 : 0));
  }
  for (const auto& vector : made.owned) made.views.push_back(vector.view);
  return made;
}

/// Is row `row` of a decoded vector the cell, bit for bit (validity only, where it is NULL)?
inline bool holds_cell(const pillar::vector& from, std::uint32_t row, const pillar::scalar& cell) {
  if (from.valid(row) == cell.null) return false;
  if (cell.null) return true;
  const auto physical = from.type.physical;
  if (physical == pillar::physical_type::text) return from.text_value(row) == cell.text;
  const std::size_t width = pillar::byte_width(physical);
  const auto* value = from.holder().values_as<std::byte>() + width * from.index_of(row);
  if (physical == pillar::physical_type::float32) {
    const auto expected = static_cast<float>(cell.real);
    return std::memcmp(value, &expected, 4) == 0;
  }
  if (physical == pillar::physical_type::float64) return std::memcmp(value, &cell.real, 8) == 0;
  return std::memcmp(value, &cell.integer, width) == 0;
}

/// What a block showed while it was tested: tests ask that each case was met.
struct block_seen {
  std::uint64_t none = 0, all = 0, some = 0, unknown = 0, sums = 0, bounds = 0, rows = 0;
};

/// Rows, NULLs, sizes and every value.
inline void expect_holds(const pillar::block_view& block, const std::vector<pillar::scalar>& cells) {
  ASSERT_EQ(block.row_count(), cells.size());
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  std::uint64_t own_bytes = 0, null_count = 0;
  for (std::uint32_t i = 0; i < block.vector_count(); ++i) {
    const pillar::encoded_vector source = block.vector_at(i);
    own_bytes += source.operations->encoded_bytes(source.block, i);
    pillar::vector out;
    ASSERT_TRUE(source.decode(*scratch, out).ok());
    std::uint64_t words[pillar::vector_words];
    const bool has_nulls = source.operations->validity(source.block, i, words);
    ASSERT_EQ(out.type, block.type());
    for (std::uint32_t row = 0; row < out.size; ++row) {
      const pillar::scalar& cell = cells[i * pillar::vector_rows + row];
      null_count += cell.null;
      if (!holds_cell(out, row, cell)) {
        FAIL() << "vector " << i << " row " << row << ": " << to_string(get(out, row)) << " instead of "
               << to_string(cell);
      }
      if (cell.null && !has_nulls) FAIL() << "validity: vector " << i << " row " << row;
      if (has_nulls && pillar::get_bit(words, row) == cell.null) FAIL() << "validity: vector " << i << " row " << row;
    }
    if (has_nulls) {
      ASSERT_EQ(pillar::count_bits(words, pillar::vector_rows), out.size - block.entry(i).null_count);
    }
  }
  EXPECT_EQ(null_count, block.null_count());
  EXPECT_EQ(own_bytes + block.shared_bytes(), block.block_bytes());
}

inline bool cell_satisfies(const pillar::domain& test, const pillar::scalar& cell) {
  if (test.physical == pillar::physical_type::float32) return test.contains_real(static_cast<float>(cell.real));
  return test.contains(cell);
}

/// match of every vector against the oracle.
inline void expect_matches(const pillar::block_view& block, const std::vector<pillar::scalar>& cells,
                           const pillar::domain& test, pillar::match_scratch* scratch, block_seen& seen) {
  for (std::uint32_t i = 0; i < block.vector_count(); ++i) {
    const pillar::encoded_vector source = block.vector_at(i);
    alignas(64) std::uint64_t mask[pillar::vector_words];
    std::memset(mask, 0x5a, sizeof(mask));
    const pillar::match_answer answer = source.operations->match(source.block, i, test, scratch, mask);
    const std::uint32_t rows = block.entry(i).row_count;
    switch (answer.what) {
      case pillar::verdict::none: ++seen.none; break;
      case pillar::verdict::all: ++seen.all; break;
      case pillar::verdict::some: ++seen.some; break;
      case pillar::verdict::unknown: ++seen.unknown; continue;
    }
    if (answer.what == pillar::verdict::some) {
      ASSERT_EQ(answer.how, pillar::evidence::encoded);
    } else {  // what was matched encoded may come to all or nothing
      ASSERT_TRUE(answer.how == pillar::evidence::settled || answer.how == pillar::evidence::encoded);
    }
    for (std::uint32_t row = 0; row < rows; ++row) {
      const pillar::scalar& cell = cells[i * pillar::vector_rows + row];
      if (cell.null) continue;
      const bool got =
          answer.what == pillar::verdict::some ? pillar::get_bit(mask, row) : answer.what == pillar::verdict::all;
      ++seen.rows;
      if (got != cell_satisfies(test, cell)) {
        FAIL() << to_string(block.codec()) << ", vector " << i << " row " << row << ": value " << to_string(cell)
               << ", domain kind " << static_cast<int>(test.kind) << " negated " << test.negated << ", verdict "
               << static_cast<int>(answer.what);
      }
    }
    if (answer.what == pillar::verdict::some)
      for (std::uint32_t row = rows; row < pillar::vector_rows; ++row) ASSERT_FALSE(pillar::get_bit(mask, row));
  }
}

/// Sum and bounds of every vector under full and random masks against the oracle.
inline void expect_sums(const pillar::block_view& block, const std::vector<pillar::scalar>& cells,
                        pillar::splitmix64& random, block_seen& seen) {
  for (std::uint32_t i = 0; i < block.vector_count(); ++i) {
    const pillar::encoded_vector source = block.vector_at(i);
    const std::uint32_t rows = block.entry(i).row_count;
    for (const std::uint64_t share : {4u, 2u, 0u}) {
      pillar::selection_mask mask = pillar::selection_mask::none();
      pillar::uint128 expected = 0;  // wraps for 128-bit types, of which no codec sums
      pillar::int128 low = pillar::int128_max, high = pillar::int128_min, least = 77, greatest = 77;
      bool all = true;
      for (std::uint32_t row = 0; row < rows; ++row) {
        const pillar::scalar& cell = cells[i * pillar::vector_rows + row];
        const bool taken = !cell.null && random.chance(share, 4);
        all = all && taken;
        if (!taken) continue;
        pillar::set_bit(mask.words, row);
        expected += static_cast<pillar::uint128>(cell.integer);
        low = std::min(low, cell.integer);
        high = std::max(high, cell.integer);
      }
      if (mask.any() && source.operations->bounds != nullptr &&
          source.operations->bounds(source.block, i, mask.words, all, least, greatest)) {
        ++seen.bounds;
        ASSERT_TRUE(least == low && greatest == high)
            << to_string(block.codec()) << " bounds of vector " << i << " share " << share;
      }
      pillar::int128 sum = 77;
      if (!source.operations->sum(source.block, i, mask.words, all, sum)) continue;
      ++seen.sums;
      ASSERT_TRUE(sum == static_cast<pillar::int128>(expected))
          << to_string(block.codec()) << " vector " << i << " share " << share;
    }
  }
}

/// A domain over a type whose constants are cells, neighbours of cells, extremes and others.
inline pillar::domain random_domain(pillar::splitmix64& random, pillar::data_type type,
                                    const std::vector<pillar::scalar>& cells) {
  const auto cell = [&] {
    const pillar::scalar& picked = cells[random.below(cells.size())];
    return picked.null || random.chance(1, 10) ? random_scalar(random, type, 1000, false) : picked;
  };
  const bool negated = random.chance(1, 3);
  const bool points = random.chance(2, 5);
  const std::uint64_t point_count = random.chance(1, 4) ? random.below(200) : random.below(12);
  pillar::domain made;
  if (type.physical == pillar::physical_type::text) {
    if (!points) {
      std::string lo = cell().text, hi = cell().text;
      if (random.chance(1, 3)) lo = lo.substr(0, random.below(lo.size() + 1));
      if (random.chance(1, 6)) lo.clear();
      if (random.chance(1, 2)) hi += '\0';
      return pillar::text_range(lo, random.chance(4, 5), hi, negated);
    }
    for (std::uint64_t i = 0; i < point_count; ++i) made.texts.push_back(cell().text);
    std::sort(made.texts.begin(), made.texts.end());
    made.texts.erase(std::unique(made.texts.begin(), made.texts.end()), made.texts.end());
  } else if (pillar::is_float(type.physical)) {
    const auto number = [&] {
      const double value = cell().real + 0.0;
      return value != value ? 1.0 : value;
    };
    if (!points) return pillar::real_range(type.physical, number(), number(), random.chance(1, 2), negated);
    for (std::uint64_t i = 0; i < point_count; ++i) made.reals.push_back(number());
    std::sort(made.reals.begin(), made.reals.end());
    made.reals.erase(std::unique(made.reals.begin(), made.reals.end()), made.reals.end());
    made.nan = random.chance(1, 2);
  } else {
    const auto number = [&] {
      if (random.chance(1, 12)) return pillar::lowest_of(type.physical);
      if (random.chance(1, 12)) return pillar::highest_of(type.physical);
      const pillar::int128 value = cell().integer;
      switch (random.below(3)) {
        case 0: return value == pillar::lowest_of(type.physical) ? value : value - 1;
        case 1: return value == pillar::highest_of(type.physical) ? value : value + 1;
        default: return value;
      }
    };
    if (!points && random.chance(1, 10)) {
      return pillar::integer_range(type.physical, pillar::lowest_of(type.physical), pillar::highest_of(type.physical),
                                   negated);
    }
    if (!points) {
      const pillar::int128 a = number(), b = random.chance(1, 4) ? a : number();
      const bool keep_order = a <= b || random.chance(1, 6);
      return pillar::integer_range(type.physical, keep_order ? a : b, keep_order ? b : a, negated);
    }
    for (std::uint64_t i = 0; i < point_count; ++i) made.integers.push_back(number());
    std::sort(made.integers.begin(), made.integers.end());
    made.integers.erase(std::unique(made.integers.begin(), made.integers.end()), made.integers.end());
  }
  made.kind = pillar::domain_kind::points;
  made.physical = type.physical;
  made.negated = negated;
  return made;
}

/// Encodes, opens, and compares all that the block answers with the oracle.
inline void check_source(const block_source& source, const pillar::block_options& options, pillar::splitmix64& random,
                         std::uint32_t domain_count, block_seen& seen) {
  const auto encoded = pillar::encode_block(source.views, options);
  ASSERT_TRUE(encoded.ok()) << to_string(encoded.error().code) << " at " << encoded.error().position;
  auto opened = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(opened.ok()) << to_string(opened.error().code) << " at " << opened.error().position;
  const pillar::block_view block = *std::move(opened);
  if (options.codec.has_value()) {
    ASSERT_EQ(block.codec(), *options.codec);
  }
  expect_holds(block, source.cells);
  expect_sums(block, source.cells, random, seen);
  pillar::match_scratch scratch;
  for (std::uint32_t i = 0; i < domain_count && !testing::Test::HasFatalFailure(); ++i) {
    const pillar::domain test = random_domain(random, source.type, source.cells);
    scratch.begin_block();
    expect_matches(block, source.cells, test, i % 4 == 3 ? nullptr : &scratch, seen);
  }
}

/// Cells of a type that the codec takes: few distinct values for dictionaries, one for constants, sorted ones for
/// delta.
inline std::vector<pillar::scalar> cells_for(pillar::codec_id codec, pillar::splitmix64& random, pillar::data_type type,
                                             std::size_t count, std::uint64_t distinct) {
  if (codec == pillar::codec_id::delta) {  // ascending, NULLs where they fell
    auto cells = random_cells(random, type, count, distinct);
    std::vector<pillar::int128> values;
    for (const auto& cell : cells)
      if (!cell.null) values.push_back(cell.integer);
    std::sort(values.begin(), values.end(), std::greater<>());
    for (auto& cell : cells)
      if (!cell.null) {
        cell.integer = values.back();
        values.pop_back();
      }
    return cells;
  }
  if (codec != pillar::codec_id::constant) return random_cells(random, type, count, distinct);
  const pillar::scalar value = random_scalar(random, type, distinct, false);
  std::vector<pillar::scalar> cells;
  for (std::size_t i = 0; i < count; ++i)
    cells.push_back(type.nullable && random.chance(1, 8) ? pillar::scalar::of_null(type) : value);
  return cells;
}

inline bool takes(pillar::codec_id codec, pillar::physical_type type) {
  const bool narrow = type <= pillar::physical_type::uint64;
  switch (codec) {
    case pillar::codec_id::frame_of_reference:
    case pillar::codec_id::patched: return narrow;
    case pillar::codec_id::delta: return narrow && type != pillar::physical_type::boolean;
    case pillar::codec_id::dictionary: return narrow || type == pillar::physical_type::text;
    case pillar::codec_id::bitmap: return type == pillar::physical_type::boolean;
    case pillar::codec_id::decimal_double:
    case pillar::codec_id::real_double: return pillar::is_float(type);
    case pillar::codec_id::split_int128: return type == pillar::physical_type::integer128;
    default: return true;
  }
}

}  // namespace pillar_test
