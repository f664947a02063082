// SPDX-License-Identifier: Apache-2.0
/// The values of codec/patched, codec/delta and codec/run_end_*: 65,536 of 32 bits, decoded a vector at a time.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <pillar/base/env.hpp>

namespace pillar_bench {

inline constexpr std::size_t integer_rows = 65536;

/// patched: 7 bits, 2 % of 20. delta: sorted, gaps below 128. run_end_N: 20 bits, runs of 1 to 2N - 1.
inline std::vector<std::uint32_t> integer_values(const std::string& name) {
  pillar::splitmix64 random(11);
  std::vector<std::uint32_t> values;
  const std::uint64_t run = name == "run_end_8" ? 8 : name == "run_end_64" ? 64 : 0;
  std::uint32_t total = 0;
  while (values.size() < integer_rows) {
    if (run != 0) {
      const auto value = static_cast<std::uint32_t>(random.below(1 << 20));
      for (std::uint64_t rows = 1 + random.below(2 * run - 1); rows > 0 && values.size() < integer_rows; --rows)
        values.push_back(value);
    } else if (name == "delta") {
      values.push_back(total += static_cast<std::uint32_t>(random.below(128)));
    } else {
      values.push_back(static_cast<std::uint32_t>(random.below(random.chance(1, 50) ? 1 << 20 : 128)));
    }
  }
  return values;
}

/// What was decoded, in one number.
inline std::uint64_t fold(std::uint64_t seen, const std::uint32_t* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) seen = seen * 31 + values[i];
  return seen;
}

}  // namespace pillar_bench
