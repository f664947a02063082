// SPDX-License-Identifier: Apache-2.0
/// The two sides of the `join/keys_…` rows, for our table and for the hash maps that it is compared with: ten million
/// rows against a million.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <pillar/base/env.hpp>  // splitmix64
#include <pillar/column/text.hpp>
#include <pillar/hash/value.hpp>  // hash_word

namespace pillar_bench {

inline constexpr const char* join_cases[] = {"dense", "sparse", "ten_percent", "duplicates", "text", "semi"};

struct join_numbers {
  std::vector<std::int64_t> build, probe, payload;
  std::vector<pillar::text_slot> build_texts, probe_texts;  ///< of 12 bytes, where keys are texts

  /// One key in ten has a partner with "ten_percent" and "semi"; with "duplicates" one in four has four.
  explicit join_numbers(std::string_view what, std::size_t most_rows) {
    const std::uint64_t rows = std::min<std::size_t>(10'000'000, most_rows), others = rows / 10;
    const bool selective = what == "ten_percent" || what == "semi";
    const std::uint64_t copies = what == "duplicates" ? 4 : 1, keys = selective ? rows : others;
    const auto key = [&](std::uint64_t number) {
      return static_cast<std::int64_t>(what == "dense" ? number : pillar::hash_word(number));
    };
    const auto text = [](std::int64_t from) {
      char characters[13];
      std::snprintf(characters, sizeof characters, "%012llx",
                    static_cast<unsigned long long>(from) & 0xffff'ffff'ffffu);
      return pillar::text_slot::make_inline({characters, 12});
    };
    pillar::splitmix64 random(7);
    for (std::uint64_t row = 0; row < others; ++row) {
      build.push_back(key(row / copies));
      payload.push_back(static_cast<std::int64_t>(random() >> 40));
    }
    for (std::uint64_t row = others; row > 1; --row) std::swap(build[row - 1], build[random.below(row)]);
    for (std::uint64_t row = 0; row < rows; ++row) probe.push_back(key(random.below(keys)));
    if (what != "text") return;
    for (const std::int64_t from : build) build_texts.push_back(text(from));
    for (const std::int64_t from : probe) probe_texts.push_back(text(from));
  }
};

/// What all pairs come to, whatever their order.
struct join_digest {
  std::uint64_t pairs = 0, sum = 0;
  [[nodiscard]] std::string text() const { return std::to_string(pairs) + "|" + std::to_string(sum); }
};

}  // namespace pillar_bench
