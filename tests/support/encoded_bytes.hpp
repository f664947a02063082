// SPDX-License-Identifier: Apache-2.0
/// What columns take as the blocks of a table, and columns to be spilled.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/column/builder.hpp"
#include "pillar/column/column.hpp"
#include "pillar/hash/value.hpp"  // hash_word
#include "pillar/storage/block.hpp"

namespace pillar_test {

/// In row groups of 65,536, with headers, as encode_block makes them unless it is told otherwise.
inline std::uint64_t encoded_bytes(const pillar::column& of) {
  std::uint64_t bytes = 0;
  for (std::uint64_t first = 0; first < of.size(); first += pillar::block_max_rows) {
    const std::uint64_t end = std::min<std::uint64_t>(of.size(), first + pillar::block_max_rows);
    std::vector<pillar::vector> vectors;
    for (std::uint64_t at = first; at < end; at += pillar::vector_rows)
      vectors.push_back(
          of.slice(at, static_cast<std::uint32_t>(std::min<std::uint64_t>(pillar::vector_rows, end - at))));
    const auto block = pillar::encode_block(vectors);
    EXPECT_TRUE(block.ok());
    bytes += block.ok() ? block->size() : 0;
  }
  return bytes;
}

/// Rows with keys of some kind, `distinct` of them in random order, and a value of 17 bits.
struct spilled_columns {
  enum class kind_type {
    dense,
    spread,
    repeated,
    two_keys,
    few_values,
    short_texts,
    long_texts,
    few_texts,     ///< two columns of 300 long texts each
    text_payload,  ///< a dense key, one of 1,000 long texts and one of many beside the value
    nulls,
    reals
  };
  static constexpr kind_type kinds[] = {kind_type::dense,      kind_type::spread,     kind_type::repeated,
                                        kind_type::two_keys,   kind_type::few_values, kind_type::short_texts,
                                        kind_type::long_texts, kind_type::few_texts,  kind_type::text_payload,
                                        kind_type::nulls,      kind_type::reals};
  std::vector<pillar::column> keys{}, inputs{};

  spilled_columns(kind_type kind, std::uint32_t row_count, std::uint64_t distinct, std::uint64_t seed = 5) {
    using pillar::type_of;
    pillar::splitmix64 random(seed);
    const bool texts = kind == kind_type::short_texts || kind == kind_type::long_texts || kind == kind_type::few_texts;
    const bool two = kind == kind_type::two_keys || kind == kind_type::few_values || kind == kind_type::few_texts;
    const bool nulls = kind == kind_type::nulls;
    pillar::column_builder first((texts                      ? type_of<pillar::text>
                                  : kind == kind_type::reals ? type_of<double>
                                                             : type_of<std::int64_t>)
                                     .as_nullable(nulls));
    pillar::column_builder second(kind == kind_type::few_texts    ? type_of<pillar::text>
                                  : kind == kind_type::few_values ? type_of<std::int64_t>
                                                                  : type_of<std::int32_t>);
    pillar::column_builder name(type_of<pillar::text>), comment(type_of<pillar::text>);
    std::vector<std::string> long_values;
    const auto make_text = [](pillar::splitmix64& from) {
      constexpr const char* words[] = {"carefully",   "the",   "final ",     "Deposits", "of",       "regular-",
                                       "pinto beans", "slyly", "among",      "requests", "blithely", "and",
                                       "packages",    "quick", "asymptotes", "no"};
      std::string made;
      const std::size_t size = 30 + from.below(71);
      while (made.size() < size) made += words[from.below(std::size(words))] + std::string(1, ' ');
      made.resize(size);
      return made;
    };
    if (kind == kind_type::few_texts || kind == kind_type::text_payload) {
      pillar::splitmix64 apart(77);  // the same of any seed
      for (int i = 0; i < 1000; ++i) long_values.push_back(make_text(apart));
    }
    pillar::column_builder value(type_of<std::int64_t>.as_nullable(nulls));
    const auto integer = [](std::uint64_t bits) { return pillar::int128{static_cast<std::int64_t>(bits)}; };
    for (std::uint32_t row = 0; row < row_count; ++row) {
      const std::uint64_t key = random.below(distinct);
      pillar::result<void> done;
      if (nulls && random.chance(1, 10)) done = first.append_null();
      else if (kind == kind_type::short_texts) done = first.append_text("i" + std::to_string(10'000'000'000u + key));
      else if (kind == kind_type::long_texts)
        done = first.append_text("customer of the " + std::to_string(key % 100) + "th district, number " +
                                 std::to_string(pillar::hash_word(key) % 1'000'000'000));
      else if (kind == kind_type::few_texts) done = first.append_text(long_values[key / 300 % 300]);
      else if (kind == kind_type::reals) done = first.append_real(static_cast<double>(key) / 100);
      else if (kind == kind_type::spread || kind == kind_type::repeated)
        done = first.append_integer(integer(pillar::hash_word(key)));
      else if (kind == kind_type::two_keys) done = first.append_integer(1'000'000'000'000 + integer(key / 1000));
      else if (kind == kind_type::few_values) done = first.append_integer(integer(pillar::hash_word(key / 300)));
      else done = first.append_integer(integer(key));
      EXPECT_TRUE(done.ok());
      if (kind == kind_type::two_keys) EXPECT_TRUE(second.append_integer(integer(key % 1000)).ok());
      if (kind == kind_type::few_texts) EXPECT_TRUE(second.append_text(long_values[500 + key % 300]).ok());
      if (kind == kind_type::text_payload) {
        EXPECT_TRUE(name.append_text(long_values[random.below(1000)]).ok());
        EXPECT_TRUE(comment.append_text(make_text(random)).ok());
      }
      if (kind == kind_type::few_values)
        EXPECT_TRUE(second.append_integer(integer(pillar::hash_word(key % 300) >> 3)).ok());
      EXPECT_TRUE(
          (nulls && random.chance(1, 20) ? value.append_null() : value.append_integer(integer(random.below(100'000))))
              .ok());
    }
    keys.push_back(*first.finish());
    if (two) keys.push_back(*second.finish());
    inputs.push_back(*value.finish());
    if (kind != kind_type::text_payload) return;
    inputs.push_back(*name.finish());
    inputs.push_back(*comment.finish());
  }
  std::uint64_t bytes() const {
    std::uint64_t total = 0;
    for (const auto* columns : {&keys, &inputs})
      for (const pillar::column& of : *columns) total += encoded_bytes(of);
    return total;
  }
};

}  // namespace pillar_test
