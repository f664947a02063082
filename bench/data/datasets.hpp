// SPDX-License-Identifier: Apache-2.0
/// The generated data sets of the benchmarks, chunk by chunk: our programs make them in memory, bench/data/write.cpp
/// puts the same values into files for the peers.
///
/// A chunk depends on its number only, so a prefix of a longer table is the shorter table.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <pillar/base/env.hpp>      // splitmix64
#include <pillar/column/types.hpp>  // date
#include <pillar/hash/value.hpp>    // hash_word

namespace pillar_bench {

inline constexpr std::uint64_t chunk_rows = 65536;
/// In the manifests: a set written by another revision is written again.
inline constexpr int datasets_revision = 1;

/// Appends the lowest digits of a number, zeros in front.
inline void append_digits(auto& to, std::uint64_t number, unsigned digits, unsigned base) {
  char text[16];
  for (unsigned i = digits; i-- > 0; number /= base) text[i] = "0123456789abcdef"[number % base];
  to.insert(to.end(), text, text + digits);
}

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

/// The table of h2o.ai's group-by questions: id1, id2 and id4, id5 of 100 values, id3 and id6 of one for each hundred
/// rows, v1 of 1 to 5, v2 of 1 to 15, v3 below 100 with six digits.
struct h2o_chunk {
  std::vector<std::uint8_t> id1, id2;  ///< places in words(): id001 to id100
  std::vector<char> id3;               ///< 12 characters a row: id0000000001 and so on
  std::vector<std::int32_t> id4, id5, id6, v1, v2;
  std::vector<double> v3;

  /// `table_rows`: of the whole table, which say how many values id3 and id6 have.
  explicit h2o_chunk(std::uint64_t number, std::uint64_t table_rows, std::uint64_t row_count = chunk_rows) {
    pillar::splitmix64 random(0x68326f00'67726f75 + number);
    const std::uint64_t many = std::max<std::uint64_t>(table_rows / 100, 1);
    const auto from_one = [&](std::uint64_t count) { return static_cast<std::int32_t>(1 + random.below(count)); };
    for (std::uint64_t row = 0; row < row_count; ++row) {
      id1.push_back(static_cast<std::uint8_t>(random.below(100)));
      id2.push_back(static_cast<std::uint8_t>(random.below(100)));
      id3.insert(id3.end(), {'i', 'd'});
      append_digits(id3, 1 + random.below(many), 10, 10);
      id4.push_back(from_one(100));
      id5.push_back(from_one(100));
      id6.push_back(from_one(many));
      v1.push_back(from_one(5));
      v2.push_back(from_one(15));
      v3.push_back(static_cast<double>(random.below(100'000'000)) / 1e6);
    }
  }
  static std::array<std::string, 100> words() {
    std::array<std::string, 100> made;
    for (std::size_t i = 0; i < made.size(); ++i) {
      made[i] = "id";
      append_digits(made[i], i + 1, 3, 10);
    }
    return made;
  }
};

/// The keys of the join rows: whole numbers in [0, build rows), or spread over all 64 bits, or as texts of 12
/// characters.
struct join_keys {
  static constexpr std::uint64_t copies = 4;  ///< build rows of one key of `duplicates`
  std::vector<std::int64_t> dense, sparse, duplicates;
  std::vector<char> text;  ///< 12 characters a row
  void add(std::uint64_t number, std::uint64_t of_duplicates) {
    dense.push_back(static_cast<std::int64_t>(number));
    sparse.push_back(static_cast<std::int64_t>(pillar::hash_word(number)));
    duplicates.push_back(static_cast<std::int64_t>(pillar::hash_word(of_duplicates)));
    append_digits(text, pillar::hash_word(number), 12, 16);
  }
};

/// A row for each of the keys, in no order, with a payload; `duplicates` has a quarter of the keys, four times each.
struct join_build_chunk : join_keys {
  std::vector<std::int64_t> payload;
  join_build_chunk(std::uint64_t number, std::uint64_t table_rows, std::uint64_t row_count = chunk_rows) {
    pillar::splitmix64 random(0x6a6f696e'62756c64 + number);
    for (std::uint64_t row = 0; row < row_count; ++row) {
      const std::uint64_t key = shuffled(number * chunk_rows + row, table_rows);
      add(key, key / copies);
      payload.push_back(static_cast<std::int64_t>(random.below(1 << 24)));
    }
  }
  /// Another number below `count` for each: rounds of a mixing that is one to one, until it falls below.
  static std::uint64_t shuffled(std::uint64_t number, std::uint64_t count) {
    const int bits = std::max(static_cast<int>(std::bit_width(count - 1)), 2);
    const std::uint64_t all = (std::uint64_t{1} << bits) - 1;
    do {
      for (int turn = 0; turn < 3; ++turn) {
        number = (number ^ number >> (bits / 2)) * 0x9e3779b97f4a7c15u & all;
      }
    } while (number >= count);
    return number;
  }
};

/// Rows that probe: each key has a partner, but for `ten_percent`, where one in ten has, and `duplicates`, where one in
/// four has four.
struct join_probe_chunk : join_keys {
  std::vector<std::int64_t> ten_percent;
  join_probe_chunk(std::uint64_t number, std::uint64_t build_rows, std::uint64_t row_count = chunk_rows) {
    pillar::splitmix64 random(0x6a6f696e'70726f62 + number);
    for (std::uint64_t row = 0; row < row_count; ++row) {
      const std::uint64_t key = random.below(build_rows);
      add(key, key);
      ten_percent.push_back(static_cast<std::int64_t>(pillar::hash_word(random.below(10 * build_rows))));
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
