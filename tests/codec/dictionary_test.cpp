// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/dictionary.hpp"

#include "pillar/codec/run_end.hpp"
#include "support/block_cases.hpp"
#include "support/codec_cases.hpp"

namespace pillar_test::codec_dictionary {
namespace {

constexpr pillar::block_options dictionary_options{.codec = pillar::codec_id::dictionary};

TEST(codec_dictionary, every_code_width) {
  pillar::splitmix64 random(1);
  block_seen seen;
  for (std::uint32_t width = 0; width <= 16; ++width) {
    const std::uint32_t most = 1u << width;
    for (const std::uint32_t entries : {most, most - most / 3}) {
      const auto type = width % 2 == 0 ? pillar::type_of<std::uint32_t> : pillar::type_of<pillar::text>;
      std::vector<pillar::scalar> cells;
      for (std::uint32_t row = 0; row < std::max(entries, 1500u); ++row) {
        const std::uint32_t value = row % entries * 7;
        cells.push_back(width % 2 == 0 ? pillar::scalar::of_integer(type, value)
                                       : pillar::scalar::of_text(type, "common prefix " + std::to_string(value)));
      }
      SCOPED_TRACE(std::to_string(entries) + " entries");
      check_source(make_source(type, cells), dictionary_options, random, width > 12 ? 3 : 12, seen);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(seen.sums, 30u);
  EXPECT_EQ(seen.bounds, seen.sums - seen.sums / 3);
}

TEST(codec_dictionary, sums_of_the_largest_values) {
  pillar::splitmix64 random(7);
  block_seen seen;
  for (const pillar::data_type& type : {pillar::type_of<std::int64_t>, pillar::type_of<std::uint64_t>}) {
    const pillar::int128 most = pillar::highest_of(type.physical);
    std::vector<pillar::scalar> cells;
    for (std::uint32_t row = 0; row < 1100; ++row)
      cells.push_back(pillar::scalar::of_integer(type, most - (random.chance(1, 2) ? 0 : 1 + 2 * random.below(2))));
    check_source(make_source(type, cells), dictionary_options, random, 1, seen);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(seen.sums, 12u);
}

TEST(codec_dictionary, entries_are_sorted_and_unique) {
  pillar::splitmix64 random(2);
  for (const pillar::data_type& type : {pillar::type_of<pillar::text>, pillar::type_of<std::int16_t>}) {
    const auto source = make_source(type, random_cells(random, type, 3000, 300));
    const auto encoded = pillar::encode_block(source.views, dictionary_options);
    ASSERT_TRUE(encoded.ok());
    const auto block = pillar::open_block(encoded->bytes());
    ASSERT_TRUE(block.ok());
    const pillar::vector& entries = block->shared_values();
    ASSERT_EQ(entries.size, block->dictionary_entries());
    for (std::uint32_t i = 1; i < entries.size; ++i)
      ASSERT_LT(pillar::compare(get(entries, i - 1), get(entries, i)), 0);
  }
}

TEST(codec_dictionary, a_long_text_repeated_by_a_child_takes_no_memory) {
  const auto type = pillar::type_of<pillar::text>;
  const auto column =
      make_source(type, std::vector<pillar::scalar>(4096, pillar::scalar::of_text(type, std::string(5000, 'a'))));
  encoded_node runs;
  ASSERT_TRUE(encode_node(pillar::codec_functions_of<pillar::run_end_codec>, type, column.views, {}, runs));
  ASSERT_TRUE(runs.validate().ok());
  pillar::data_section hostile;
  hostile.type = type;
  hostile.entry_count = 4096;
  hostile.children = &runs.section;
  hostile.child_count = 1;
  EXPECT_LE(pillar::dictionary_codec::view_bytes(hostile), 16u * 4096 + 16);
}

TEST(codec_dictionary, many_entries_are_a_child) {
  pillar::splitmix64 random(5);
  block_seen seen;
  for (const pillar::data_type& type :
       {pillar::type_of<pillar::text>.as_nullable(), pillar::type_of<std::int64_t>, pillar::type_of<std::uint16_t>}) {
    std::vector<pillar::scalar> cells;
    for (std::uint32_t row = 0; row < 9000; ++row) {
      const auto value = static_cast<std::uint32_t>(random.below(2500));
      if (type.nullable && random.chance(1, 9)) cells.push_back(pillar::scalar::of_null(type));
      else if (type.physical == pillar::physical_type::text)
        cells.push_back(pillar::scalar::of_text(type, std::string(value % 30, 'c') + std::to_string(value)));
      else cells.push_back(pillar::scalar::of_integer(type, value * 3));
    }
    const auto source = make_source(type, cells);
    check_source(source, dictionary_options, random, 6, seen);
    const auto encoded = pillar::encode_block(source.views, dictionary_options);
    ASSERT_TRUE(encoded.ok());
    const auto block = pillar::open_block(encoded->bytes());
    ASSERT_TRUE(block.ok());
    ASSERT_EQ(block->node_count(), 2u) << pillar::to_string(block->node(0));
    EXPECT_LT(block->node(1).data_bytes, block->dictionary_entries() * (type.nullable ? 8u : 2u));
    const pillar::vector& entries = block->shared_values();
    for (std::uint32_t i = 1; i < entries.size; ++i)
      ASSERT_LT(pillar::compare(get(entries, i - 1), get(entries, i)), 0);
  }
}

/// A dictionary and its entries, made by hand: the entries' order is whatever the texts have.
TEST(codec_dictionary, a_child_that_does_not_ascend_is_refused) {
  const auto type = pillar::type_of<pillar::text>;
  for (const bool sorted : {true, false}) {
    const auto entries = make_source(type, {pillar::scalar::of_text(type, sorted ? "ant" : "bee"),
                                            pillar::scalar::of_text(type, sorted ? "bee" : "ant")});
    encoded_node child;
    ASSERT_TRUE(encode_node(pillar::codec_functions_of<pillar::raw_codec>, type, entries.views, {}, child));
    ASSERT_TRUE(child.validate().ok());
    const auto rows = make_source(type, {pillar::scalar::of_text(type, "x"), pillar::scalar::of_text(type, "y")});
    encoded_node node;
    ASSERT_TRUE(encode_node(pillar::codec_functions_of<pillar::dictionary_codec>, type, rows.views, {}, node));
    pillar::data_section section = node.section;
    section.data += section.shared_bytes;
    section.data_bytes -= section.shared_bytes;
    section.shared_bytes = 0;
    section.child_count = 1;
    section.children = &child.section;
    section.memory_bytes = pillar::dictionary_codec::view_bytes(section);
    std::vector<std::max_align_t> memory(section.memory_bytes / sizeof(std::max_align_t) + 1);
    EXPECT_EQ(pillar::dictionary_codec::validate(section, reinterpret_cast<std::byte*>(memory.data())).ok(), sorted);
    // As if a mapped file's texts had become longer since view_bytes counted them.
    section.memory_bytes -= 1;
    EXPECT_FALSE(pillar::dictionary_codec::validate(section, reinterpret_cast<std::byte*>(memory.data())).ok());
  }
}

TEST(codec_dictionary, scratch_answers_once_per_block_and_domain) {
  pillar::splitmix64 random(3);
  const auto type = pillar::type_of<pillar::text>;
  const auto source = make_source(type, random_cells(random, type, 4096, 40));
  const auto encoded = pillar::encode_block(source.views, dictionary_options);
  ASSERT_TRUE(encoded.ok());
  const auto block = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(block.ok());
  pillar::match_scratch scratch;
  block_seen seen;
  std::vector<pillar::domain> tests;
  for (int i = 0; i < 50; ++i) tests.push_back(random_domain(random, type, source.cells));  // more than the capacity
  for (int round = 0; round < 2; ++round)
    for (const auto& test : tests) expect_matches(*block, source.cells, test, &scratch, seen);
  EXPECT_NE(scratch.find(&block->node(0), &tests[0]), nullptr);
  EXPECT_EQ(scratch.find(block->vector_at(0).block, &tests[49]), nullptr);
  scratch.begin_block();
  EXPECT_EQ(scratch.find(&block->node(0), &tests[0]), nullptr);
}

TEST(codec_dictionary, sets_of_codes_of_eight_bits) {
  const auto type = pillar::type_of<std::int32_t>;
  const auto value_of = [](std::uint32_t code) { return pillar::int128{code} * 1'000'003 - 50'000'000; };
  pillar::splitmix64 random(6);
  block_seen seen;
  for (const std::uint32_t count : {129u, 200u, 256u}) {
    std::vector<pillar::scalar> cells;
    for (std::uint32_t row = 0; row < 2048; ++row)
      cells.push_back(pillar::scalar::of_integer(type, value_of(row % count)));
    const auto source = make_source(type, cells);
    const auto encoded = pillar::encode_block(source.views, dictionary_options);
    ASSERT_TRUE(encoded.ok());
    const auto block = pillar::open_block(encoded->bytes());
    ASSERT_TRUE(block.ok());
    pillar::match_scratch scratch;
    // Regular ones, whose rows of 16 codes are of few kinds; random ones; values between those of the dictionary.
    for (const std::uint32_t step : {2u, 3u, 16u, 17u, 33u, 0u})
      for (const bool negated : {false, true}) {
        pillar::domain test = pillar::integer_range(type.physical, 0, 0, negated);
        test.kind = pillar::domain_kind::points;
        for (std::uint32_t code = 0; code < count; ++code)
          if (step != 0 ? code % step == 1 : random.chance(1, 3)) {
            if (code % 5 == 0) test.integers.push_back(value_of(code) - 1);
            test.integers.push_back(value_of(code));
          }
        expect_matches(*block, source.cells, test, &scratch, seen);
        scratch.begin_block();
      }
  }
  EXPECT_EQ(seen.some, 3u * 6 * 2 * 2);
}

/// Nobody looks at codes when a block is opened: whoever reads them takes those beyond the entries for the last one.
TEST(codec_dictionary, codes_beyond_the_entries_are_the_last_one) {
  pillar::splitmix64 random(8);
  block_seen seen;
  for (const std::uint32_t count : {40u, 200u, 300u})
    for (const std::uint32_t kind : {0u, 1u, 2u}) {
      const auto type = kind == 2 ? pillar::type_of<pillar::text> : pillar::type_of<std::int32_t>;
      std::vector<pillar::scalar> cells;
      for (std::uint32_t row = 0; row < 2500; ++row) {
        const std::uint32_t value = row % count;
        if (kind == 2) cells.push_back(pillar::scalar::of_text(type, "a common beginning " + std::to_string(value)));
        else cells.push_back(pillar::scalar::of_integer(type, value * 7 + (kind == 1 ? value % 3 : 0)));
      }
      auto bytes = pillar::encode_block(make_source(type, cells).views, {.codec = pillar::codec_id::dictionary,
                                                                         .transform = pillar::transform_choice::none});
      ASSERT_TRUE(bytes.ok());
      auto block = pillar::open_block(bytes->bytes());
      ASSERT_TRUE(block.ok());
      const pillar::data_section& before = block->node(0);
      for (std::uint32_t v = 0; v < before.vector_count; ++v) {
        auto* const payload = bytes->data() + (before.data - bytes->data()) + before.entries[v].offset;
        for (int i = 0; i < 60; ++i) payload[random.below(before.entries[v].bytes)] = std::byte{0xff};
      }
      block = pillar::open_block(bytes->bytes(), {}, false);
      ASSERT_TRUE(block.ok());
      const pillar::vector& entries = block->shared_values();
      std::vector<pillar::scalar> now;
      pillar::vector_scratch scratch;
      for (std::uint32_t v = 0; v < block->vector_count(); ++v) {
        pillar::vector out;
        ASSERT_TRUE(block->vector_at(v).decode(scratch, out).ok());
        for (std::uint32_t row = 0; row < out.size; ++row) now.push_back(get(out, row));
      }
      ASSERT_NE(now, cells);
      expect_sums(*block, now, random, seen);
      expect_holds(*block, now);
      // Ranges and sets that end at the last entry, before it, and anywhere.
      std::vector<pillar::domain> tests;
      for (int i = 0; i < 4; ++i) tests.push_back(random_domain(random, type, now));
      for (const bool with_last : {true, false})
        for (const bool negated : {true, false}) {
          pillar::domain set;
          set.physical = type.physical;
          set.kind = pillar::domain_kind::points;
          set.negated = negated;
          for (std::uint32_t code = 0; code < count; ++code)
            if (code + 1 == count ? with_last : code % 3 == 1) {
              if (kind == 2) set.texts.push_back(get(entries, code).text);
              else set.integers.push_back(get(entries, code).integer);
            }
          tests.push_back(std::move(set));
          if (kind == 2)
            tests.push_back(pillar::text_range(get(entries, count / 2).text, with_last, get(entries, count - 1).text));
          else
            tests.push_back(pillar::integer_range(type.physical, get(entries, count / 2).integer,
                                                  get(entries, count - 1).integer - !with_last, negated));
        }
      for (const pillar::domain& test : tests) expect_matches(*block, now, test, nullptr, seen);
      if (HasFatalFailure()) return;
    }
  EXPECT_GT(seen.some, 100u);
}

TEST(codec_dictionary, a_scratch_without_memory_still_answers) {
  pillar::splitmix64 random(4);
  const auto type = pillar::type_of<std::int32_t>;
  const auto source = make_source(type, random_cells(random, type, 1024, 40));
  const auto encoded = pillar::encode_block(source.views, dictionary_options);
  ASSERT_TRUE(encoded.ok());
  const auto block = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(block.ok());
  pillar::memory_budget budget(100);
  pillar::match_scratch scratch(&budget);
  block_seen seen;
  for (int i = 0; i < 20; ++i)
    expect_matches(*block, source.cells, random_domain(random, type, source.cells), &scratch, seen);
  EXPECT_GT(seen.some, 0u);
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace pillar_test::codec_dictionary
