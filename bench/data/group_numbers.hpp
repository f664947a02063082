// SPDX-License-Identifier: Apache-2.0
/// The keys and values of `aggregate/group_int64`, for our table and for the hash maps that it is compared with.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <pillar/base/env.hpp>  // splitmix64

namespace pillar_bench {

inline constexpr std::size_t group_numbers_rows = 1 << 20;

struct group_numbers {
  std::vector<std::int64_t> keys, values;
  std::vector<double> reals;
  explicit group_numbers(std::uint64_t distinct) {
    pillar::splitmix64 random(1);
    for (std::size_t i = 0; i < group_numbers_rows; ++i) {
      keys.push_back(static_cast<std::int64_t>(random.below(distinct) * 1000003));
      values.push_back(static_cast<std::int64_t>(random() >> 20));
      reals.push_back(static_cast<double>(random() >> 40) / 100);
    }
  }
};

/// What all groups come to, whatever their order.
struct group_digest {
  std::uint64_t groups = 0, mixed = 0;
  void add(std::int64_t key, std::int64_t sum, std::int64_t count) {
    ++groups;
    mixed += (static_cast<std::uint64_t>(key) * 0x9e3779b97f4a7c15u ^ static_cast<std::uint64_t>(sum)) *
             (2 * static_cast<std::uint64_t>(count) + 1);
  }
  [[nodiscard]] std::string text() const { return std::to_string(groups) + "|" + std::to_string(mixed); }
};

}  // namespace pillar_bench
