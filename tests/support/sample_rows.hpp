// SPDX-License-Identifier: Apache-2.0
/// A table's worth of seeded rows with every kind of column that a pipeline meets: nullable and not, few and many
/// distinct values, short and long texts, narrow and wide decimals, NaN and infinities.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/column/column_set.hpp"
#include "support/reference_query.hpp"

namespace pillar_test {

struct sample
    : pillar::schema<pillar::field<"id", std::int64_t>, pillar::field<"few", pillar::nullable<std::int32_t>>,
                     pillar::field<"small", std::uint8_t>, pillar::field<"flag", pillar::nullable<bool>>,
                     pillar::field<"day", pillar::date>, pillar::field<"at", pillar::timestamp<>>,
                     pillar::field<"word", pillar::nullable<pillar::text>>, pillar::field<"long", pillar::text>,
                     pillar::field<"price", pillar::nullable<pillar::decimal<9, 2>>>,
                     pillar::field<"wide", pillar::decimal<30, 4>>, pillar::field<"real", pillar::nullable<double>>,
                     pillar::field<"narrow", float>> {};

inline std::vector<cell_row> sample_rows(std::uint64_t seed, std::uint32_t row_count) {
  using pillar::scalar;
  pillar::splitmix64 random(seed);
  const pillar::dynamic_schema schema = pillar::describe<sample>();
  const auto integer = [&](std::size_t column, pillar::int128 value) {
    return schema[column].type.nullable && random.chance(1, 7) ? scalar::of_null(schema[column].type)
                                                               : scalar::of_integer(schema[column].type, value);
  };
  static constexpr const char* words[] = {"alpha", "beta", "gamma", "a word beyond twelve bytes", "", "beta2"};
  std::vector<cell_row> out;
  for (std::uint32_t i = 0; i < row_count; ++i) {
    cell_row one;
    one.push_back(integer(0, i));
    one.push_back(integer(1, static_cast<int>(random.below(23)) - 11));
    one.push_back(integer(2, static_cast<int>(random.below(200))));
    one.push_back(integer(3, static_cast<int>(random.below(2))));
    one.push_back(integer(4, 18'000 + static_cast<int>(i / 16)));
    one.push_back(integer(5, (1'600'000'000 + std::int64_t{i} * 60) * 1'000'000));
    one.push_back(random.chance(1, 9) ? scalar::of_null(schema[6].type)
                                      : scalar::of_text(schema[6].type, words[random.below(6)]));
    one.push_back(scalar::of_text(schema[7].type, "customer number " + std::to_string(random.below(700))));
    one.push_back(integer(8, static_cast<int>(random.below(100'000)) - 20'000));
    one.push_back(integer(9, (static_cast<pillar::int128>(random()) << (i % 13)) - (pillar::int128{1} << 70)));
    const double real = random.chance(1, 40)   ? std::numeric_limits<double>::quiet_NaN()
                        : random.chance(1, 60) ? -0.0
                                               : (static_cast<double>(random.below(4'000)) - 1'500) / 8;
    one.push_back(random.chance(1, 5) ? scalar::of_null(schema[10].type) : scalar::of_real(schema[10].type, real));
    one.push_back(scalar::of_real(schema[11].type, static_cast<double>(random.below(64)) / 4));
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace pillar_test
