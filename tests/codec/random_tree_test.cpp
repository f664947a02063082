// SPDX-License-Identifier: Apache-2.0
// Random trees of codecs, no deeper than three and none below itself, over columns of all types and shapes: what a
// block of them decodes, matches, sums and bounds is what the cells say. A seed names everything: PILLAR_TREE_SEED=17
// runs only that one.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "pillar/codec/cascade.hpp"
#include "pillar/conformance/sample.hpp"
#include "support/block_cases.hpp"
#include "support/guard_buffer.hpp"
#include "support/planned_trees.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::codec_random_tree {
namespace {

namespace kit = pillar::conformance;

/// What the trees of a run showed.
struct trees_seen {
  block_seen answers{};
  std::uint64_t trees = 0, deep = 0, bounds = 0, fetched = 0;
  std::map<std::string, std::uint64_t> names{};
  std::set<pillar::codec_id> below{};  ///< codecs that were somebody's child
};

/// bounds of every vector under masks of all, half and one of the valid rows.
void expect_bounds(const pillar::block_view& block, const kit::sample& from, pillar::splitmix64& random,
                   trees_seen& seen) {
  for (std::uint32_t v = 0; v < block.vector_count(); ++v) {
    const pillar::encoded_vector one = block.vector_at(v);
    if (one.operations->bounds == nullptr) continue;
    for (const std::uint64_t share : {4u, 2u, 0u}) {
      pillar::selection_mask mask = pillar::selection_mask::none();
      pillar::int128 low = pillar::int128_max, high = pillar::int128_min, least = 0, greatest = 0;
      bool every = true;
      for (std::uint32_t row = 0; row < from.vectors[v].size; ++row) {
        const pillar::scalar& cell = from.cells[std::size_t{v} * pillar::vector_rows + row];
        const bool taken = !cell.null && (random.chance(share, 4) || (share == 0 && !mask.any()));
        every = every && taken;
        if (!taken) continue;
        pillar::set_bit(mask.words, row);
        low = std::min(low, cell.integer);
        high = std::max(high, cell.integer);
      }
      if (!mask.any() || !one.operations->bounds(one.block, v, mask.words, every, least, greatest)) continue;
      ++seen.bounds;
      ASSERT_TRUE(least == low && greatest == high) << "bounds of vector " << v << ", share " << share;
    }
  }
}

/// Single values, where they are offered.
void expect_rows(const pillar::block_view& block, const kit::sample& from, pillar::splitmix64& random,
                 trees_seen& seen) {
  if (from.type.physical == pillar::physical_type::text) return;
  for (std::uint32_t v = 0; v < block.vector_count(); ++v) {
    const pillar::encoded_vector one = block.vector_at(v);
    if (one.operations->decode_rows == nullptr) continue;
    const pillar::vector& in = from.vectors[v];
    std::vector<std::uint16_t> rows;
    for (std::uint32_t row = 0; row < in.size; ++row)
      if (random.chance(1, 40) || row + 1 == in.size) rows.push_back(static_cast<std::uint16_t>(row));
    const auto count = static_cast<std::uint32_t>(rows.size());
    guard_buffer values(count * pillar::byte_width(from.type.physical));
    guard_array<std::uint64_t> validity(pillar::vector_words);
    bool has_validity = false;
    if (!one.operations->decode_rows(one.block, v, rows.data(), count, values.data(), validity.data(), has_validity))
      continue;
    seen.fetched += count;
    pillar::vector fetched;
    fetched.type = from.type;
    fetched.size = count;
    fetched.values = values.data();
    for (std::uint32_t i = 0; i < count; ++i) {
      ASSERT_EQ(in.valid(rows[i]), !has_validity || pillar::get_bit(validity.data(), i)) << "row " << rows[i];
      if (in.valid(rows[i])) ASSERT_TRUE(kit::same_bits(in, rows[i], fetched, i)) << "row " << rows[i];
    }
  }
}

void check_tree(std::uint64_t seed, const std::vector<pillar::arch_level>& levels, trees_seen& seen) {
  const kit::sample from = kit::make_sample(seed);
  pillar::splitmix64 random(~seed);
  const pillar::packed_table& kernels = pillar::packed_kernels_for(levels[random.below(levels.size())]);
  std::string name;
  SCOPED_TRACE("PILLAR_TREE_SEED=" + std::to_string(seed) + ": " + to_string(from));
  const auto encoded = encode_planned(from.vectors, tree_planner(random), name, &kernels);
  ASSERT_TRUE(encoded.has_value());
  SCOPED_TRACE(name);
  pillar::block_limits limits;
  limits.kernels = &kernels;
  const guard_buffer bytes(encoded->bytes(), seed % 2 == 0 ? guard::end : guard::begin);
  const auto block = pillar::open_block(bytes.bytes(), limits);
  ASSERT_TRUE(block.ok());
  ++seen.trees;
  ++seen.names[name];
  for (std::uint32_t i = 1; i < block->node_count(); ++i) seen.below.insert(block->node(i).codec->id);
  for (std::uint32_t k = 0; k < block->node(0).child_count; ++k)
    if (block->node(1 + k).child_count != 0) {
      ++seen.deep;
      break;
    }
  expect_holds(*block, from.cells);
  expect_sums(*block, from.cells, random, seen.answers);
  expect_bounds(*block, from, random, seen);
  expect_rows(*block, from, random, seen);
  pillar::match_scratch memory;
  for (std::uint32_t i = 0; i < 6 && !testing::Test::HasFailure(); ++i) {
    const pillar::domain test =
        kit::make_domain(random, from.type, from.cells, static_cast<kit::wanted_verdict>(i % 3));
    memory.begin_block();
    expect_matches(*block, from.cells, test, i == 5 ? nullptr : &memory, seen.answers);
  }
}

TEST(codec_random_tree, answers_as_the_decoded_column_does) {
  const char* const only = std::getenv("PILLAR_TREE_SEED");
  const bool many = std::getenv("PILLAR_TEST_LONG") != nullptr && !sanitized;
  const std::uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 0;
  const std::uint64_t end = only != nullptr ? first + 1 : many ? 200'000 : sanitized ? 150 : 1'500;
  std::vector<pillar::arch_level> levels;
  for (const pillar::arch_level level : pillar::all_arch_levels)
    if (pillar::supports(level) && pillar::packed_kernels_for(level).level == level) levels.push_back(level);
  trees_seen seen;
  for (std::uint64_t seed = first; seed < end && !HasFailure(); ++seed) check_tree(seed, levels, seen);
  if (HasFailure()) return;
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "[  TREES   ] %llu trees, %zu different, %llu of three levels; vectors matched: %llu none, %llu all, "
      "%llu some, %llu not answered; %llu sums, %llu bounds, %llu single values\n",
      number(seen.trees), seen.names.size(), number(seen.deep), number(seen.answers.none), number(seen.answers.all),
      number(seen.answers.some), number(seen.answers.unknown), number(seen.answers.sums), number(seen.bounds),
      number(seen.fetched));
  if (only != nullptr || sanitized) return;
  EXPECT_GT(seen.names.size(), 120u);
  EXPECT_GT(seen.deep * 10, seen.trees);
  EXPECT_EQ(seen.below.size(), pillar::own_codec_count);
  const std::uint64_t verdicts = seen.answers.none + seen.answers.all + seen.answers.some;
  EXPECT_GT(seen.answers.none * 10, verdicts);
  EXPECT_GT(seen.answers.all * 10, verdicts);
  EXPECT_GT(seen.answers.some * 10, verdicts);
  EXPECT_GT(seen.bounds, 0u);
  EXPECT_GT(seen.fetched, 0u);
}

}  // namespace
}  // namespace pillar_test::codec_random_tree
