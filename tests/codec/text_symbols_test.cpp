// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/text_symbols.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include "pillar/expr/domain.hpp"
#include "support/codec_cases.hpp"

namespace pillar_test::codec_text_symbols {
namespace {

constexpr const pillar::codec_functions& codec = pillar::codec_functions_of<pillar::text_symbols_codec>;
const pillar::data_type nullable_text = pillar::type_of<pillar::text>.as_nullable();

using text_maker = std::function<std::string(pillar::splitmix64&, std::uint32_t row)>;

pillar::conformance::sample texts(std::uint32_t count, std::uint32_t nulls_in_100, const text_maker& make,
                                  bool flat_only = true) {
  pillar::splitmix64 random(count + nulls_in_100);
  std::vector<pillar::scalar> cells;
  for (std::uint32_t row = 0; row < count; ++row) {
    const std::string text = make(random, row);
    cells.push_back(random.chance(nulls_in_100, 100) ? pillar::scalar::of_null(nullable_text)
                                                     : pillar::scalar::of_text(nullable_text, text));
  }
  return pillar::conformance::make_sample(random, nullable_text, pillar::conformance::sample_shape::many_values,
                                          std::move(cells), flat_only);
}

std::string bytes_below(pillar::splitmix64& random, std::uint32_t alphabet, std::uint64_t length) {
  std::string text;
  for (std::uint64_t i = 0; i < length; ++i) text += static_cast<char>(random.below(alphabet));
  return text;
}

/// A sentence of a small vocabulary, cut at both ends, as TPC-H's comments are.
std::string comment(pillar::splitmix64& random, std::uint64_t vocabulary = 200) {
  std::string text;
  const std::uint64_t wanted = 10 + random.below(34);
  while (text.size() < wanted + 8) {
    pillar::splitmix64 word(random.below(vocabulary) * random.below(vocabulary) / vocabulary);
    text += bytes_below(word, 26, 2 + word.below(8)) + ' ';
    for (char& one : text)
      if (one < 26) one = static_cast<char>(one + 'a');
  }
  return text.substr(random.below(8), wanted);
}

const text_maker makers[] = {
    [](auto&, auto) { return std::string(); },
    [](auto&, auto) { return std::string("the same text in all rows"); },
    [](auto& random, auto) { return bytes_below(random, 256, random.below(40)); },
    [](auto& random, auto) { return bytes_below(random, 2, random.below(30)); },
    [](auto& random, auto) { return std::string(random.below(20), '\0') + (random.chance(1, 2) ? "" : "x"); },
    [](auto& random, auto) { return bytes_below(random, 7, 6 + random.below(10)); },
    [](auto& random, auto row) { return std::string(row % 20, 'a') + std::to_string(random.below(9)); },
    [](auto& random, auto) { return comment(random); },
    [](auto& random, auto) { return "id" + std::to_string(1'000'000'000 + random.below(100'000)); },  // of 12 bytes
    [](auto& random, auto) { return std::to_string(100 + random.below(900)); },
    [](auto& random, auto) { return bytes_below(random, 256, 7); },
    [](auto& random, auto) { return "Customer#" + std::to_string(1'000'000 + random.below(1'000'000)); },
    [](auto& random, auto row) { return row % 700 == 3 ? bytes_below(random, 200, 100'000) : comment(random); },
};

TEST(codec_text_symbols, texts_of_every_shape) {
  pillar::splitmix64 random(1);
  node_seen seen;
  std::set<std::uint32_t> widths;
  std::uint32_t number = 0;
  for (const text_maker& make : makers)
    for (const std::uint32_t count : {1u, 2u, 65u, 1023u, 1025u, 2100u}) {
      SCOPED_TRACE("maker " + std::to_string(number++ / 6));
      const auto from = texts(count, count % 3 * 10, make, count % 2 == 0);
      EXPECT_TRUE(check_column(codec, from, random, seen, {}, 4, 6));
      encoded_node node;
      ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
      widths.insert(node.section.code_width);
      if (HasFailure()) return;
    }
  EXPECT_GT(seen.none, 5u);
  EXPECT_GT(seen.all, 0u);
  EXPECT_GE(widths.size(), 5u);
  EXPECT_TRUE(widths.contains(0) && widths.contains(1));
}

TEST(codec_text_symbols, sentences_take_a_quarter) {
  const auto from = texts(65536, 0, [](auto& random, auto) { return comment(random); });
  std::uint64_t characters = 0;
  for (const auto& cell : from.cells) characters += cell.text.size();
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  EXPECT_GT(static_cast<double>(characters), 2.6 * static_cast<double>(node.plan.data_bytes));
  EXPECT_GT(node.section.code_width, 8);
  ASSERT_TRUE(node.validate().ok());
  pillar::splitmix64 random(2);
  node_seen seen;
  check_node(node, from, random, 1, seen);
}

// Symbols of one character, and rows of more of them than are decoded ahead at a time.
TEST(codec_text_symbols, long_rows_of_short_symbols) {
  const auto from = texts(600, 0, [](auto& random, auto row) {
    std::string text = row % 8 == 3 ? bytes_below(random, 256, 850) : comment(random);
    while (text.size() < 400) text += comment(random);
    return text;
  });
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  ASSERT_NE(node.plan.entry_count, 0u);
  ASSERT_TRUE(node.validate().ok());
  pillar::splitmix64 random(3);
  node_seen seen;
  check_node(node, from, random, 8, seen);
  EXPECT_GT(seen.some, 0u);
}

TEST(codec_text_symbols, what_does_not_shrink_is_read_in_place) {
  const auto from = texts(1500, 0, [](auto& random, auto) { return bytes_below(random, 256, 30); });
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  EXPECT_EQ(node.plan.data_bytes, 1500u * 30);
  ASSERT_TRUE(node.validate().ok());
  EXPECT_EQ(node.section.character_bytes, 0u);
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  EXPECT_EQ(node.decode(1, *scratch).buffers[0], node.section.data + 1024 * 30);
}

TEST(codec_text_symbols, lengths_settle_points) {
  const auto from =
      texts(1024, 0, [](auto& random, auto) { return "x" + bytes_below(random, 5, 20 + random.below(9)); });
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  ASSERT_TRUE(node.validate().ok());
  std::uint64_t mask[pillar::vector_words];
  pillar::domain test;
  test.kind = pillar::domain_kind::points;
  test.physical = pillar::physical_type::text;
  test.texts = {"short", std::string(60, 'x')};
  EXPECT_EQ(codec.match(node.section, 0, test, nullptr, mask).what, pillar::verdict::none);
  test.negated = true;
  EXPECT_EQ(codec.match(node.section, 0, test, nullptr, mask).what, pillar::verdict::all);
  test.texts = {from.cells[7].text};
  ASSERT_EQ(codec.match(node.section, 0, test, nullptr, mask).what, pillar::verdict::some);
  EXPECT_FALSE(pillar::get_bit(mask, 7));
}

TEST(codec_text_symbols, texts_and_prefixes_match_encoded) {
  for (const bool plain : {false, true}) {
    const auto from = texts(2048, 10, [&](auto& random, auto) {
      return plain ? bytes_below(random, 256, random.below(30)) : comment(random).substr(random.below(3));
    });
    encoded_node node;
    ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
    ASSERT_EQ(node.plan.entry_count == 0, plain);
    ASSERT_TRUE(node.validate().ok());
    for (const std::uint32_t row : {3u, 1700u, 2047u})
      for (const std::size_t length : {0u, 1u, 3u, 7u, 8u, 9u, 12u, 60u}) {
        const std::string text = from.cells[row].text.substr(0, length);
        std::string above;
        const bool bounded = pillar::prefix_successor(text, above);
        for (const auto& test : {pillar::text_range(text, true, text + '\0'), pillar::text_range(text, bounded, above),
                                 pillar::text_range("", true, text, true), pillar::text_range(text, false, "")}) {
          std::uint64_t mask[pillar::vector_words];
          const auto answer = codec.match(node.section, row / 1024, test, nullptr, mask);
          ASSERT_NE(answer.what, pillar::verdict::unknown);
          for (std::uint32_t i = 0; i < 1024; ++i) {
            const auto& cell = from.cells[row / 1024 * 1024 + i];
            if (cell.null) continue;
            ASSERT_EQ(
                answer.what == pillar::verdict::some ? pillar::get_bit(mask, i) : answer.what == pillar::verdict::all,
                test.contains(cell))
                << i << " " << cell.text << ", " << text;
          }
        }
      }
  }
}

/// Few rows have the lengths asked for: only their texts are decoded.
TEST(codec_text_symbols, whole_texts_are_found_among_codes) {
  for (const std::uint32_t rows : {1024u, 700u}) {
    const auto from = texts(rows, 10, [&](auto& random, auto row) {
      return row % 97 == 5 ? std::string(row % 2 == 0 ? "" : "x") : comment(random).substr(random.below(3));
    });
    encoded_node node;
    ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
    ASSERT_NE(node.plan.entry_count, 0u);
    ASSERT_TRUE(node.validate().ok());
    std::uint64_t mask[pillar::vector_words];
    std::uint32_t found = 0;
    for (std::uint32_t row = 0; row < rows; row += 3) {
      if (from.cells[row].null) continue;
      pillar::domain test = pillar::text_range(from.cells[row].text, true, from.cells[row].text + '\0', row % 4 == 0);
      if (row % 2 == 0) {
        test.kind = pillar::domain_kind::points;
        test.texts = {"", from.cells[row].text + "?", from.cells[row].text};
        std::sort(test.texts.begin(), test.texts.end());
        test.texts.erase(std::unique(test.texts.begin(), test.texts.end()), test.texts.end());
      }
      ASSERT_EQ(codec.match(node.section, 0, test, nullptr, mask).what, pillar::verdict::some);
      for (std::uint32_t i = 0; i < rows; ++i) {
        if (from.cells[i].null) continue;
        ASSERT_EQ(pillar::get_bit(mask, i), test.contains(from.cells[i])) << i << " " << from.cells[i].text;
        found += i != row && pillar::get_bit(mask, i);
      }
    }
    EXPECT_GT(found, 0u);
    // Codes and lengths that change later.
    pillar::splitmix64 random(1);
    for (int i = 0; i < 300; ++i) {
      node.data->data()[random.below(node.section.data_bytes)] = static_cast<std::byte>(random());
      const auto& text = from.cells[random.below(rows)].text;
      static_cast<void>(codec.match(node.section, 0, pillar::text_range(text, true, text + '\0'), nullptr, mask));
    }
  }
}

TEST(codec_text_symbols, lengths_that_change_later_match_within_the_characters) {
  const auto from = texts(
      1024, 0, [](auto& random, auto row) { return bytes_below(random, 256, row == 5 ? 30'000 : random.below(40)); });
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  ASSERT_EQ(node.plan.entry_count, 0u);
  ASSERT_TRUE(node.validate().ok());
  std::memset(node.data->data() + node.entries[0].offset, 0xff, pillar::packed_bytes(node.entries[0].width));
  std::uint64_t mask[pillar::vector_words];
  const auto all = pillar::text_range("", false, "");
  EXPECT_EQ(codec.match(node.section, 0, all, nullptr, mask).what, pillar::verdict::some);
  EXPECT_EQ(pillar::count_bits(mask, pillar::vector_rows), 1024u);
}

TEST(codec_text_symbols, bytes_that_the_sample_lacks_are_written) {
  // Every byte value once, in rows that hardly any sample meets.
  const auto from = texts(20000, 0, [](auto& random, auto row) {
    return comment(random) + (row % 77 == 5 && row / 77 < 256 ? std::string(1, static_cast<char>(row / 77)) : "");
  });
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  EXPECT_GT(node.plan.entry_count, 256u);
  ASSERT_TRUE(node.validate().ok());
  pillar::splitmix64 random(3);
  node_seen seen;
  check_node(node, from, random, 0, seen);
}

TEST(codec_text_symbols, lengths_that_change_later_stay_within_the_characters) {
  const auto from = texts(1024, 0, [](auto& random, auto row) { return comment(random).substr(0, row % 40); });
  std::uint64_t characters = 0, seen = 0;
  for (const auto& cell : from.cells) characters += cell.text.size();
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  ASSERT_TRUE(node.validate().ok());
  ASSERT_EQ(node.entries[0].width, 6);
  std::memset(node.data->data() + node.entries[0].offset, 0xff, pillar::packed_bytes(6));
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  const pillar::vector out = node.decode(0, *scratch);
  for (std::uint32_t row = 0; row < out.size; ++row) seen += out.values_as<pillar::text_slot>()[row].size;
  EXPECT_EQ(seen, characters);
}

/// A section made by hand: two symbols, codes of one bit.
struct small_block {
  std::vector<std::byte> bytes{};
  pillar::vector_entry entry{};
  pillar::data_section section{};
  std::vector<std::max_align_t> memory{};

  small_block(std::initializer_list<int> table, std::uint32_t symbols, std::uint8_t width,
              std::initializer_list<int> codes, std::uint32_t length, std::uint32_t rows) {
    for (const int byte : table) bytes.push_back(static_cast<std::byte>(byte));
    for (const int byte : codes) bytes.push_back(static_cast<std::byte>(byte));
    section.data_bytes = bytes.size();
    bytes.resize(bytes.size() + 64);
    entry.offset = section.shared_bytes = static_cast<std::uint32_t>(table.size());
    entry.bytes = static_cast<std::uint32_t>(codes.size());
    entry.base = length;
    entry.row_count = section.row_count = rows;
    section.type = nullable_text;
    section.vector_count = 1;
    section.entry_count = symbols;
    section.code_width = width;
    section.data = bytes.data();
    section.entries = &entry;
    section.kernels = &pillar::packed_kernels_for(pillar::best_arch_level());
    section.codec = &codec;
    section.memory_bytes = codec.view_bytes(section);
    memory.resize(section.memory_bytes / sizeof(std::max_align_t) + 1);
  }
  small_block(const small_block&) = delete;
  small_block& operator=(const small_block&) = delete;
  bool valid() { return codec.validate(section, reinterpret_cast<std::byte*>(memory.data())).ok(); }
};

TEST(codec_text_symbols, tables_and_lengths_that_lie) {
  const auto valid = [](small_block&& one) { return one.valid(); };
  // "a", "ab"; codes 1 0 1 0 …
  EXPECT_TRUE(valid({{0x00, 'a', 0x01, 'b'}, 2, 1, {0x55}, 3, 4}));
  EXPECT_FALSE(valid({{0x00, 'a', 0x01}, 2, 1, {0x55}, 3, 4})) << "the table ends early";
  EXPECT_FALSE(valid({{0x00, 'a', 0x01, 'b', 0x00}, 2, 1, {0x55}, 3, 4})) << "something behind the table";
  EXPECT_FALSE(valid({{0x00, 'b', 0x00, 'a'}, 2, 1, {0x55}, 1, 4})) << "symbols descend";
  EXPECT_FALSE(valid({{0x00, 'a', 0x00, 'a'}, 2, 1, {0x55}, 1, 4})) << "a symbol twice";
  EXPECT_FALSE(valid({{0x00, 'a', 0x02, 'b'}, 2, 1, {0x55}, 3, 4})) << "more in common than there is";
  EXPECT_FALSE(valid({{0x00, 'a', 0x01, 'b'}, 2, 2, {0x55}, 3, 4})) << "another width";
  EXPECT_FALSE(valid({{0x00, 'a', 0x01, 'b'}, 2, 1, {0x55}, 5, 4})) << "more characters than eight codes can say";
  EXPECT_FALSE(valid({{}, 0, 0, {'a', 'b', 'c'}, 1, 4})) << "plain characters are missing";

  // Codes 0: eight characters for lengths that ask for 16. What is not said is zero, every time.
  small_block less({0x00, 'a', 0x01, 'b'}, 2, 1, {0x00}, 4, 4);
  ASSERT_TRUE(less.valid());
  pillar::vector_scratch scratch;
  ASSERT_TRUE(scratch.reserve_characters(less.section.character_bytes).ok());
  std::memset(scratch.characters.data(), 'z', scratch.characters.size());
  pillar::vector out;
  out.type = less.section.type;
  out.size = 4;
  codec.decode(less.section, 0, scratch, out);
  EXPECT_EQ(out.text_value(1), "aaaa");
  EXPECT_EQ(out.text_value(2), std::string(4, '\0'));
  EXPECT_EQ(out.text_value(3), std::string(4, '\0'));
}

}  // namespace
}  // namespace pillar_test::codec_text_symbols
