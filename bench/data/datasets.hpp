// SPDX-License-Identifier: Apache-2.0
/// The generated data sets of the benchmarks, chunk by chunk: our programs make them in memory, bench/data/write.cpp
/// puts the same values into files for the peers.
///
/// A chunk depends on its number only, so a prefix of a longer table is the shorter table.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <pillar/base/env.hpp>      // splitmix64
#include <pillar/column/types.hpp>  // date
#include <pillar/hash/value.hpp>    // hash_word

namespace pillar_bench {

inline constexpr std::uint64_t chunk_rows = 65536;
/// In the manifests: a set written by another revision is written again.
inline constexpr int datasets_revision = 1;

/// The columns of TPC-H's lineitem that Q1 and Q6 name, by the rules of the specification's §4.2.3: prices follow the
/// part, flags follow the dates. Dates are in no order, and rows of an order do not stand together.
struct lineitem_chunk {
  static constexpr std::array<std::string_view, 3> flags{"A", "N", "R"};
  static constexpr std::array<std::string_view, 2> statuses{"F", "O"};

  std::vector<std::int64_t> quantity, price, discount, tax;  ///< hundredths: decimal(15, 2)
  std::vector<std::uint8_t> flag, status;                    ///< places in flags and statuses
  std::vector<std::int32_t> shipdate;                        ///< days since 1970-01-01

  explicit lineitem_chunk(std::uint64_t number, std::uint64_t row_count = chunk_rows) {
    constexpr std::uint64_t seed = 0x6c696e65'6974656d, parts = 200'000;
    const std::int32_t first_order = pillar::date{1992, 1, 1}.days, last_order = pillar::date{1998, 8, 2}.days;
    const std::int32_t today = pillar::date{1995, 6, 17}.days;
    const auto order_days = static_cast<std::uint64_t>(last_order - first_order + 1);
    pillar::splitmix64 random(seed + number);
    for (std::uint64_t row = 0; row < row_count; ++row) {
      const std::uint64_t part = 1 + random.below(parts);
      const auto retail = static_cast<std::int64_t>(90'000 + part / 10 % 20'001 + 100 * (part % 1'000));
      const auto pieces = static_cast<std::int64_t>(1 + random.below(50));
      quantity.push_back(pieces * 100);
      price.push_back(pieces * retail);
      discount.push_back(static_cast<std::int64_t>(random.below(11)));
      tax.push_back(static_cast<std::int64_t>(random.below(9)));
      const std::int32_t shipped =
          first_order + static_cast<std::int32_t>(random.below(order_days) + 1 + random.below(121));
      const std::int32_t received = shipped + 1 + static_cast<std::int32_t>(random.below(30));
      const bool returned = random.below(2) != 0;
      shipdate.push_back(shipped);
      flag.push_back(received > today ? 1 : returned ? 2 : 0);
      status.push_back(shipped > today ? 1 : 0);
    }
  }
};

/// Keys uniform in [0, key_count), values uniform in [0, 1e6).
struct group_chunk {
  std::vector<std::int32_t> k;
  std::vector<std::int64_t> v;

  explicit group_chunk(std::uint64_t number, std::uint64_t key_count, std::uint64_t row_count = chunk_rows) {
    pillar::splitmix64 random(0x67726f75'70736574 + key_count * 0x1'0000'0000 + number);
    for (std::uint64_t row = 0; row < row_count; ++row) {
      k.push_back(static_cast<std::int32_t>(random.below(key_count)));
      v.push_back(static_cast<std::int64_t>(random.below(1'000'000)));
    }
  }
};

/// The same with int64 keys for very many groups: dense ones in [0, key_count), or as many spread over all 64 bits.
struct wide_group_chunk {
  std::vector<std::int64_t> k, v;

  explicit wide_group_chunk(std::uint64_t number, std::uint64_t key_count, bool sparse,
                            std::uint64_t row_count = chunk_rows) {
    pillar::splitmix64 random(0x67726f75'70776964 + key_count * 0x1'0000'0000 + number);
    for (std::uint64_t row = 0; row < row_count; ++row) {
      const std::uint64_t key = random.below(key_count);
      k.push_back(static_cast<std::int64_t>(sparse ? pillar::hash_word(key) : key));
      v.push_back(static_cast<std::int64_t>(random.below(1'000'000)));
    }
  }
};

/// Calls `each(number, row_count)` for the chunks of a table.
template <class Each>
void for_each_chunk(std::uint64_t row_count, Each each) {
  for (std::uint64_t number = 0; number * chunk_rows < row_count; ++number)
    each(number, std::min(chunk_rows, row_count - number * chunk_rows));
}

}  // namespace pillar_bench
