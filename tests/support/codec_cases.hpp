// SPDX-License-Identifier: Apache-2.0
/// One codec alone, through its verbs: a column encoded on guard pages, its children by codecs of the test's choice,
/// and everything that it answers compared with the cells.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "pillar/codec/codec_set.hpp"
#include "pillar/codec/match_scratch.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/codec/raw.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/conformance/guard_buffer.hpp"
#include "pillar/conformance/sample.hpp"
#include "pillar/simd/dispatch.hpp"

namespace pillar_test {

/// A node and its children, encoded and validated. Not movable: sections point into it.
struct encoded_node {
  static constexpr std::size_t slack = 64;
  pillar::encode_plan plan{};
  pillar::data_section section{};
  std::vector<pillar::vector_entry> entries{};
  std::vector<std::uint64_t> validity{};
  std::unique_ptr<pillar::conformance::guard_buffer> data{};
  std::vector<std::unique_ptr<encoded_node>> nodes{};
  std::vector<pillar::data_section> children{};
  std::vector<std::max_align_t> memory{};

  encoded_node() = default;
  encoded_node(const encoded_node&) = delete;
  encoded_node& operator=(const encoded_node&) = delete;

  /// Bytes of the node and its children, entries aside.
  [[nodiscard]] std::uint64_t total_bytes() const {
    std::uint64_t total = plan.data_bytes;
    for (const auto& node : nodes) total += node->total_bytes();
    return total;
  }

  [[nodiscard]] pillar::result<void> validate() {
    for (auto& node : nodes)
      if (auto valid = node->validate(); !valid.ok()) return valid;
    for (std::size_t i = 0; i < nodes.size(); ++i) children[i] = nodes[i]->section;
    section.children = children.data();
    section.memory_bytes = section.codec->view_bytes(section);
    memory.assign(section.memory_bytes / sizeof(std::max_align_t) + 1, {});
    return section.codec->validate(section, reinterpret_cast<std::byte*>(memory.data()));
  }

  [[nodiscard]] pillar::vector decode(std::uint32_t index, pillar::vector_scratch& scratch) const {
    pillar::vector out;
    out.type = section.type;
    out.size = entries[index].row_count;
    EXPECT_TRUE(scratch.reserve_characters(section.character_bytes).ok());
    section.codec->decode(section, index, scratch, out);
    return out;
  }
};

/// How a node is encoded.
struct node_options {
  const pillar::codec_functions* children[pillar::max_codec_children] = {
      &pillar::codec_functions_of<pillar::raw_codec>, &pillar::codec_functions_of<pillar::raw_codec>};
  pillar::arch_level level = pillar::best_arch_level();
  std::uint8_t field_width = 0;
};

/// False: the codec does not take the values.
inline bool encode_node(const pillar::codec_functions& codec, pillar::data_type type,
                        std::span<const pillar::vector> vectors, const node_options& options, encoded_node& made) {
  pillar::encode_input input;
  input.type = type;
  input.vectors = vectors;
  input.kernels = &pillar::packed_kernels_for(options.level);
  input.field_width = options.field_width;
  made.entries.resize(vectors.size());
  made.validity.resize(vectors.size() * pillar::vector_words);
  for (std::size_t v = 0; v < vectors.size(); ++v) {
    std::uint64_t* const words = made.validity.data() + v * pillar::vector_words;
    for (std::uint32_t word = 0; word < pillar::vector_words; ++word) words[word] = vectors[v].validity_word(word);
    pillar::vector_entry& entry = made.entries[v];
    entry.row_count = vectors[v].size;
    entry.null_count = entry.row_count - static_cast<std::uint32_t>(pillar::count_bits(words, pillar::vector_rows));
    if (entry.null_count != 0 && entry.null_count != entry.row_count)
      entry.validity = reinterpret_cast<const std::byte*>(words);
    input.row_count += entry.row_count;
    input.null_count += entry.null_count;
  }
  auto plan = codec.analyze(input);
  EXPECT_TRUE(plan.ok());
  if (!plan.ok() || !plan->possible) return false;
  made.plan = *std::move(plan);
  made.section.type = type;
  made.section.row_count = input.row_count;
  made.section.vector_count = static_cast<std::uint32_t>(vectors.size());
  made.section.entries = made.entries.data();
  made.section.kernels = input.kernels;
  made.section.codec = &codec;
  made.section.data_bytes = made.plan.data_bytes;
  made.section.child_count = made.plan.child_count;
  made.data = std::make_unique<pillar::conformance::guard_buffer>(made.plan.data_bytes + encoded_node::slack);
  std::memset(made.data->data(), 0, made.data->size());
  const auto written = codec.encode(input, made.plan, made.data->data(), made.section);
  EXPECT_TRUE(written.ok());
  made.section.data = made.data->data();
  for (std::size_t i = made.plan.data_bytes; i < made.data->size(); ++i)
    if (made.data->data()[i] != std::byte{0}) ADD_FAILURE() << "encode wrote beyond what analyze announced";
  std::uint64_t end = made.section.shared_bytes;
  for (const auto& entry : made.entries) {
    EXPECT_EQ(entry.offset, end);
    end += entry.bytes;
  }
  EXPECT_EQ(end, made.plan.data_bytes);
  for (std::uint32_t k = 0; k < made.plan.child_count; ++k) {
    const pillar::child_column& column = made.plan.children[k];
    made.nodes.push_back(std::make_unique<encoded_node>());
    node_options below;  // their own children are raw
    below.level = options.level;
    if (!encode_node(*options.children[k], column.type, column.vectors, below, *made.nodes.back())) {
      ADD_FAILURE() << "child " << k << " is not taken";
      return false;
    }
    made.children.push_back(made.nodes.back()->section);
  }
  return written.ok();
}

/// How often each verdict was given and each ability used.
struct node_seen {
  std::uint64_t none = 0, all = 0, some = 0, unknown = 0, sums = 0, bounds = 0, fetches = 0;
};

/// Rows of the vector in a random part of the valid ones; whether that is every row.
inline bool random_rows(pillar::splitmix64& random, const pillar::vector& in, std::uint64_t share,
                        std::uint64_t* mask) {
  bool every = true;
  std::memset(mask, 0, sizeof(std::uint64_t) * pillar::vector_words);
  for (std::uint32_t row = 0; row < in.size; ++row) {
    const bool taken = in.valid(row) && random.chance(share, 4);
    pillar::assign_bit(mask, row, taken);
    every = every && taken;
  }
  return every;
}

/// Everything that a validated node answers, against the vectors it was made of.
inline void check_node(const encoded_node& node, const pillar::conformance::sample& from, pillar::splitmix64& random,
                       std::uint32_t domain_count, node_seen& seen) {
  using namespace pillar;
  const codec_functions& codec = *node.section.codec;
  const auto scratch = std::make_unique<vector_scratch>();
  for (std::uint32_t v = 0; v < from.vectors.size(); ++v) {
    const vector& in = from.vectors[v];
    const auto* const cells = from.cells.data() + std::size_t{v} * vector_rows;
    const vector out = node.decode(v, *scratch);
    ASSERT_EQ(out.size, in.size);
    for (std::uint32_t row = 0; row < in.size; ++row)
      if (in.valid(row) && !conformance::same_bits(in, row, out, row))
        FAIL() << "vector " << v << " row " << row << ": " << to_string(get(out, row)) << " for "
               << to_string(cells[row]);
    const bool any_valid = node.entries[v].null_count < in.size;
    for (std::uint32_t i = 0; codec.match != nullptr && any_valid && i < domain_count; ++i) {
      const domain test =
          conformance::make_domain(random, from.type, from.cells, static_cast<conformance::wanted_verdict>(i % 3));
      conformance::guard_array<std::uint64_t> mask(vector_words);
      const match_answer answer = codec.match(node.section, v, test, nullptr, mask.data());
      switch (answer.what) {
        case verdict::none: ++seen.none; break;
        case verdict::all: ++seen.all; break;
        case verdict::some: ++seen.some; break;
        case verdict::unknown: ++seen.unknown; continue;
      }
      for (std::uint32_t row = 0; row < in.size; ++row) {
        const bool said = answer.what == verdict::some ? get_bit(mask.data(), row) : answer.what == verdict::all;
        if (in.valid(row) && said != conformance::satisfies(test, cells[row]))
          FAIL() << "vector " << v << " row " << row << ": " << to_string(cells[row]) << (said ? " is" : " is not")
                 << " matched by '" << conformance::to_string(test) << "'";
      }
      if (answer.what == verdict::some) {
        ASSERT_EQ(count_bits(mask.data(), vector_rows), count_bits(mask.data(), in.size));
      }
    }
    for (const std::uint64_t share : {4u, 2u, 0u}) {
      selection_mask mask;
      const bool every = random_rows(random, in, share, mask.words);
      uint128 expected = 0;  // wraps for 128-bit types, of which no codec sums
      int128 low = int128_max, high = int128_min, sum = 77, least = 0, greatest = 0;
      for_each_row(mask, [&](std::uint32_t row) {
        expected += static_cast<uint128>(cells[row].integer);
        low = std::min(low, cells[row].integer);
        high = std::max(high, cells[row].integer);
      });
      if (codec.sum != nullptr && codec.sum(node.section, v, mask.words, every, sum)) {
        ++seen.sums;
        ASSERT_TRUE(sum == static_cast<int128>(expected)) << "sum of vector " << v << ", share " << share;
      }
      if (mask.any() && codec.bounds != nullptr && codec.bounds(node.section, v, mask.words, every, least, greatest)) {
        ++seen.bounds;
        ASSERT_TRUE(least == low && greatest == high) << "bounds of vector " << v << ", share " << share;
      }
      std::vector<std::uint16_t> rows;
      for (std::uint32_t row = 0; row < in.size; ++row)
        if (random.chance(share + 1, 40)) rows.push_back(static_cast<std::uint16_t>(row));
      if (codec.fetch == nullptr || rows.empty() || from.type.physical == physical_type::text) continue;
      conformance::guard_buffer values(rows.size() * byte_width(from.type.physical));
      if (!codec.fetch(node.section, v, rows.data(), static_cast<std::uint32_t>(rows.size()), values.data())) continue;
      ++seen.fetches;
      vector fetched;
      fetched.type = from.type;
      fetched.size = static_cast<std::uint32_t>(rows.size());
      fetched.values = values.data();
      for (std::uint32_t i = 0; i < rows.size(); ++i)
        if (in.valid(rows[i])) {
          ASSERT_TRUE(conformance::same_bits(in, rows[i], fetched, i)) << "fetched row " << rows[i];
        }
    }
  }
}

/// Alters bytes of the node and its children, before validation and after it: nothing may lead outside.
inline void check_hostile(encoded_node& node, pillar::splitmix64& random, std::uint32_t rounds) {
  using namespace pillar;
  const codec_functions& codec = *node.section.codec;
  const auto scratch = std::make_unique<vector_scratch>();
  std::vector<encoded_node*> parts{&node};
  for (auto& child : node.nodes) parts.push_back(child.get());
  std::vector<std::vector<std::byte>> kept;
  std::vector<std::vector<vector_entry>> kept_entries;
  for (encoded_node* part : parts) {
    kept.emplace_back(part->data->data(), part->data->data() + part->plan.data_bytes);
    kept_entries.push_back(part->entries);
  }
  const auto use = [&] {
    std::uint64_t seen = 0;
    bool in_range = true;
    for (std::uint32_t v = 0; v < node.section.vector_count; ++v) {
      const vector out = node.decode(v, *scratch);
      for (std::uint32_t row = 0; row < out.size; ++row) {
        const scalar cell = get(out, row);
        seen += cell.text.size() + static_cast<std::uint64_t>(cell.integer);
        in_range =
            in_range && (out.type.physical != physical_type::boolean || (cell.integer >= 0 && cell.integer <= 1));
      }
      conformance::guard_array<std::uint64_t> mask(vector_words);
      const std::vector<scalar> cells{get(out, 0), get(out, out.size - 1)};
      const domain test = conformance::make_domain(random, node.section.type, cells);
      if (codec.match != nullptr)
        seen += static_cast<std::uint64_t>(codec.match(node.section, v, test, nullptr, mask.data()).what);
      selection_mask every = selection_mask::first(out.size);
      int128 low = 0, high = 0;
      if (codec.sum != nullptr) seen += codec.sum(node.section, v, every.words, true, low);
      if (codec.bounds != nullptr) seen += codec.bounds(node.section, v, every.words, true, low, high);
      std::uint16_t row = static_cast<std::uint16_t>(out.size - 1);
      conformance::guard_buffer value(16);
      if (codec.fetch != nullptr && out.type.physical != physical_type::text)
        seen += codec.fetch(node.section, v, &row, 1, value.data());
    }
    EXPECT_TRUE(in_range) << "a boolean beyond 1, " << seen;
  };
  for (std::uint32_t i = 0; i < rounds; ++i) {
    const bool after = i % 2 == 0;  // bytes that change after validation, or before
    if (after) {
      ASSERT_TRUE(node.validate().ok());
    }
    for (int flips = 0; flips < 3; ++flips) {
      encoded_node& part = *parts[random.below(parts.size())];
      if (part.plan.data_bytes != 0 && (after || random.chance(1, 2)))
        part.data->data()[random.below(part.plan.data_bytes)] ^= static_cast<std::byte>(1 + random.below(255));
      if (after) continue;
      vector_entry& entry = part.entries[random.below(part.entries.size())];
      switch (random.below(6)) {
        case 0: entry.width ^= static_cast<std::uint8_t>(1 << random.below(6)); break;
        case 1: entry.mode ^= static_cast<std::uint8_t>(1 << random.below(4)); break;
        case 2: entry.exception_count ^= static_cast<std::uint16_t>(1 << random.below(11)); break;
        case 3: entry.base ^= std::uint64_t{1} << random.below(64); break;
        default: break;
      }
      if (entry.width > packed_max_width) entry.width = 64;  // as the block checks
    }
    if (after || node.validate().ok()) use();
    for (std::size_t p = 0; p < parts.size(); ++p) {
      if (!kept[p].empty()) std::memcpy(parts[p]->data->data(), kept[p].data(), kept[p].size());
      parts[p]->entries = kept_entries[p];
      parts[p]->section.entries = parts[p]->entries.data();
    }
  }
}

/// A column of integers as the conformance kit's samples are.
inline pillar::conformance::sample integer_sample(pillar::data_type type, const std::vector<pillar::int128>& values,
                                                  const std::vector<bool>& nulls = {}, bool flat_only = true) {
  std::vector<pillar::scalar> cells;
  for (std::size_t i = 0; i < values.size(); ++i)
    cells.push_back(!nulls.empty() && nulls[i] ? pillar::scalar::of_null(type)
                                               : pillar::scalar::of_integer(type, values[i]));
  pillar::splitmix64 random(values.size());
  return pillar::conformance::make_sample(random, type, pillar::conformance::sample_shape::many_values,
                                          std::move(cells), flat_only);
}

/// Encodes, checks and alters; false where the codec does not take the values.
inline bool check_column(const pillar::codec_functions& codec, const pillar::conformance::sample& from,
                         pillar::splitmix64& random, node_seen& seen, const node_options& options = {},
                         std::uint32_t domain_count = 6, std::uint32_t hostile_rounds = 6) {
  SCOPED_TRACE(pillar::conformance::to_string(from));
  encoded_node node;
  if (!encode_node(codec, from.type, from.vectors, options, node)) return false;
  const auto valid = node.validate();
  EXPECT_TRUE(valid.ok()) << "validate refuses what encode wrote";
  if (!valid.ok()) return true;
  check_node(node, from, random, domain_count, seen);
  if (!testing::Test::HasFailure()) check_hostile(node, random, hostile_rounds);
  return true;
}

/// The kit's samples of all shapes for the types that a codec of narrow integers takes.
inline void check_samples(const pillar::codec_functions& codec, std::uint32_t count, node_seen& seen) {
  pillar::splitmix64 random(count);
  std::uint32_t taken = 0;
  for (std::uint64_t seed = 0; taken < count && seed < 20 * std::uint64_t{count}; ++seed) {
    const auto from = pillar::conformance::make_sample(seed);
    if (check_column(codec, from, random, seen)) ++taken;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(taken, count);
}

}  // namespace pillar_test
