// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/chooser.hpp"

#include "pillar/codec/encoding_report.hpp"
#include "support/block_cases.hpp"

namespace pillar_test::codec_chooser {
namespace {

using pillar::scalar;
const auto int32 = pillar::type_of<std::int32_t>;
const auto int64 = pillar::type_of<std::int64_t>;
const auto word = pillar::type_of<pillar::text>;

template <class Cell>
block_source column(pillar::data_type type, std::uint32_t row_count, Cell&& cell) {
  std::vector<scalar> cells;
  for (std::uint32_t n = 0; n < row_count; ++n) cells.push_back(cell(n));
  return make_source(type, std::move(cells));
}
block_source integers(std::uint32_t row_count, auto&& value) {
  return column(int64, row_count,
                [&](std::uint32_t n) { return scalar::of_integer(int64, static_cast<std::int64_t>(value(n))); });
}

std::string tree_of(const block_source& source, const pillar::block_options& options = {}) {
  const auto bytes = pillar::encode_block(source.views, options);
  EXPECT_TRUE(bytes.ok());
  const auto block = pillar::open_block(bytes->bytes());
  EXPECT_TRUE(block.ok());
  expect_holds(*block, source.cells);
  return to_string(block->node(0));
}

TEST(codec_chooser, each_codec_is_chosen_where_it_fits) {
  pillar::splitmix64 random(1);
  constexpr std::uint32_t rows = 20000;
  EXPECT_EQ(tree_of(integers(rows, [](std::uint32_t) { return 5; })), "constant");
  EXPECT_EQ(tree_of(integers(rows, [&](std::uint32_t) { return random.below(1000); })), "frame_of_reference");
  EXPECT_EQ(tree_of(integers(rows, [](std::uint32_t n) { return 7 + 3 * n; })), "sequence");
  EXPECT_EQ(tree_of(integers(rows, [&](std::uint32_t n) { return random.below(n % 100 == 7 ? 1u << 30 : 16u); })),
            "patched");
  std::uint64_t sum = 0;
  EXPECT_EQ(tree_of(integers(rows, [&](std::uint32_t) { return sum += 90 + random.below(16); })), "delta");
  EXPECT_EQ(
      tree_of(integers(rows, [&](std::uint32_t n) { return n / 500 * 123456789u % 1000003u; })).rfind("run_end(", 0),
      0u);
  EXPECT_EQ(tree_of(integers(rows, [&](std::uint32_t) { return random.below(4) * 999999999999u; })), "dictionary");
}

template <class Value>
block_source reals(std::uint32_t row_count, Value&& value) {
  const auto real = pillar::type_of<double>;
  return column(real, row_count, [&](std::uint32_t n) { return scalar::of_real(real, value(n)); });
}
template <class Value>
block_source texts(std::uint32_t row_count, Value&& value) {
  return column(word, row_count, [&](std::uint32_t n) { return scalar::of_text(word, value(n)); });
}
/// Letters that say nothing about one another.
std::string letters(std::uint64_t seed, std::uint64_t count, std::uint64_t alphabet = 26) {
  pillar::splitmix64 random(seed);
  std::string text;
  while (text.size() < count) text += static_cast<char>((alphabet <= 26 ? 'a' : 0) + random.below(alphabet));
  return text;
}
/// Words of a vocabulary of 300.
std::string sentence(pillar::splitmix64& random) {
  std::string text;
  for (std::uint64_t more = 3 + random.below(4); more > 0; --more) {
    const std::uint64_t one = random.below(300);
    text += letters(one, 2 + one % 8) + ' ';
  }
  return text;
}
bool begins_with(const std::string& tree, const char* codec) { return tree.rfind(codec, 0) == 0; }

TEST(codec_chooser, booleans_become_bits_positions_or_a_constant) {
  pillar::splitmix64 random(11);
  const auto flag = pillar::type_of<bool>.as_nullable();
  const auto flags = [&](auto&& value) {
    return column(flag, 20000, [&](std::uint32_t n) {
      return n % 50 == 3 ? scalar::of_null(flag) : scalar::of_integer(flag, value(n) ? 1 : 0);
    });
  };
  EXPECT_EQ(tree_of(flags([&](std::uint32_t) { return random.chance(1, 2); })), "bitmap");
  EXPECT_EQ(tree_of(flags([](std::uint32_t n) { return n % 3000 == 8; })), "bitmap");
  EXPECT_EQ(tree_of(flags([](std::uint32_t) { return true; })), "constant");
}

TEST(codec_chooser, decimals_and_times_are_packed_as_the_integers_that_they_are) {
  pillar::splitmix64 random(12);
  const auto price = pillar::decimal_type(15, 2);
  const auto moment = pillar::type_of<pillar::timestamp<>>;
  const auto of = [&](pillar::data_type type, auto&& value) {
    return column(type, 20000, [&](std::uint32_t n) { return scalar::of_integer(type, value(n)); });
  };
  EXPECT_EQ(tree_of(of(price, [&](std::uint32_t) { return 90000 + static_cast<int>(random.below(10'000'000)); })),
            "frame_of_reference");
  EXPECT_EQ(tree_of(of(price,
                       [&](std::uint32_t) {
                         return random.chance(1, 60) ? 90'000'000'000 : static_cast<std::int64_t>(random.below(500));
                       })),
            "patched");
  std::int64_t now = 1'700'000'000'000'000;
  EXPECT_EQ(tree_of(of(moment, [&](std::uint32_t) { return now += static_cast<std::int64_t>(random.below(1000)); })),
            "delta");
  // 128 bits: two columns, the upper one first, and that is nearly always the same.
  const auto wide = pillar::decimal_type(38, 2);
  EXPECT_EQ(tree_of(of(wide, [&](std::uint32_t) { return static_cast<int>(random.below(100'000)); })),
            "split_int128(constant, frame_of_reference)");
  const std::string steps = tree_of(
      of(wide, [&](std::uint32_t n) { return (pillar::int128{n / 1000} << 70) + static_cast<int>(random.below(9)); }));
  EXPECT_TRUE(begins_with(steps, "split_int128(") && steps.ends_with(", frame_of_reference)")) << steps;
  EXPECT_EQ(tree_of(of(wide,
                       [&](std::uint32_t) {
                         return static_cast<pillar::int128>(pillar::uint128{random()} << 62 | random() >> 2);
                       })),
            "raw");
}

TEST(codec_chooser, reals_become_integers_where_they_are_decimals) {
  pillar::splitmix64 random(13);
  EXPECT_EQ(tree_of(reals(20000, [&](std::uint32_t) { return static_cast<double>(random.below(100'000)) / 100; })),
            "decimal_double(frame_of_reference)");
  EXPECT_TRUE(begins_with(tree_of(reals(20000,
                                        [&](std::uint32_t n) {
                                          return n % 200 == 9 ? 1e300 * static_cast<double>(n)
                                                              : static_cast<double>(random.below(4000)) / 8;
                                        })),
                          "decimal_double("));
  // Readings near one another share their upper bits; any bits at all share nothing.
  EXPECT_TRUE(begins_with(
      tree_of(reals(20000, [&](std::uint32_t) { return 20 + static_cast<double>(random.below(1u << 30)) * 0x1p-30; })),
      "real_double("));
  EXPECT_EQ(tree_of(reals(20000,
                          [&](std::uint32_t) {
                            std::uint64_t bits = random();
                            double value = 0;
                            std::memcpy(&value, &bits, sizeof(value));
                            return value == value ? value : 1.0;
                          })),
            "raw");
  EXPECT_EQ(tree_of(reals(20000, [](std::uint32_t) { return -0.0; })), "constant");
}

TEST(codec_chooser, text_becomes_codes_symbols_or_both) {
  pillar::splitmix64 random(14);
  EXPECT_EQ(tree_of(texts(20000, [&](std::uint32_t) { return "state " + std::to_string(random.below(40)); })),
            "dictionary");
  EXPECT_EQ(tree_of(texts(20000, [&](std::uint32_t) { return sentence(random); })), "text_symbols");
  // Each sentence eight times: codes, and symbols for the entries.
  std::vector<std::string> sentences;
  for (int n = 0; n < 2500; ++n) sentences.push_back(sentence(random));
  EXPECT_EQ(tree_of(texts(20000, [&](std::uint32_t) { return sentences[random.below(2500)]; })),
            "dictionary(text_symbols)");
  EXPECT_TRUE(begins_with(tree_of(texts(20000, [&](std::uint32_t n) { return sentences[n / 400]; })), "run_end("));
  EXPECT_EQ(tree_of(texts(20000, [](std::uint32_t) { return std::string("the same"); })), "constant");
  // Nothing repeats: the characters as they are, with packed lengths rather than ends of 4 bytes.
  const auto noise = texts(3000, [&](std::uint32_t n) { return letters(n, 20 + n % 8, 256); });
  EXPECT_EQ(tree_of(noise), "text_symbols");
}

TEST(codec_chooser, equal_columns_give_equal_bytes_and_choices_of_every_type_are_kept) {
  const auto same = [](const block_source& source, const char* codec) {
    pillar::encoding_choice choice;
    const auto chosen = *pillar::encode_block(source.views);
    const auto first = *pillar::encode_block(source.views, {.previous = &choice});
    const std::uint64_t made_for = choice.data_bytes;
    choice.data_bytes -= made_for / 50;  // not what this block takes, but near: whoever looks again overwrites it
    const auto kept = *pillar::encode_block(source.views, {.previous = &choice});
    EXPECT_EQ(choice.data_bytes, made_for - made_for / 50) << codec << ": looked again";
    EXPECT_STREQ(to_string(choice.codecs[0]), codec);
    for (const pillar::buffer* other : {&first, &kept}) {
      ASSERT_EQ(other->size(), chosen.size()) << codec;
      EXPECT_EQ(std::memcmp(other->data(), chosen.data(), chosen.size()), 0) << codec;
    }
    // Half of it drifts: a look at all codecs again.
    choice.data_bytes = made_for * 2;
    (void)*pillar::encode_block(source.views, {.previous = &choice});
    EXPECT_EQ(choice.data_bytes, made_for) << codec << ": did not look again";
  };
  pillar::splitmix64 random(15);
  const auto flag = pillar::type_of<bool>;
  const auto wide = pillar::decimal_type(38, 2);
  same(column(flag, 9000, [&](std::uint32_t) { return scalar::of_integer(flag, random.chance(1, 2)); }), "bitmap");
  same(column(wide, 9000, [&](std::uint32_t) { return scalar::of_integer(wide, static_cast<int>(random.below(900))); }),
       "split_int128");
  same(reals(9000, [&](std::uint32_t) { return static_cast<double>(random.below(10'000)) / 100; }), "decimal_double");
  same(reals(9000, [&](std::uint32_t) { return 20 + static_cast<double>(random.below(1u << 30)) * 0x1p-30; }),
       "real_double");
  same(texts(9000, [&](std::uint32_t) { return sentence(random); }), "text_symbols");
  same(texts(9000, [&](std::uint32_t) { return "state " + std::to_string(random.below(40)); }), "dictionary");
}

TEST(codec_chooser, children_are_compressed_too) {
  // Sorted keys with runs of different lengths: the values of runs are a column of small steps.
  pillar::splitmix64 random(2);
  std::uint64_t key = 0, left = 0;
  const auto source = integers(65536, [&](std::uint32_t) {
    if (left == 0) key += 1 + random.below(4), left = 1 + random.below(200);
    --left;
    return key * 100;
  });
  const auto tree = tree_of(source);
  EXPECT_EQ(tree.rfind("run_end(", 0), 0u) << tree;
}

TEST(codec_chooser, a_policy_weighs_bytes_against_decoding) {
  // Two bits a code against eleven a distance: a third of a byte more, or a look-up more.
  const auto source = integers(65536, [](std::uint32_t n) { return n * 2654435761u % 4 * 400; });
  EXPECT_EQ(tree_of(source, {.policy = pillar::encoding_policy::memory()}), "frame_of_reference");
  EXPECT_EQ(tree_of(source, {.policy = pillar::encoding_policy::object_store()}), "dictionary");
}

TEST(codec_chooser, the_root_is_one_of_those_that_may_be_it) {
  using pillar::codec_id;
  const auto source = integers(9000, [](std::uint32_t n) { return n * 2654435761u % 500; });
  const codec_id either[] = {codec_id::dictionary, codec_id::raw}, none[] = {codec_id::bitmap, codec_id::text_symbols};
  pillar::encoding_choice choice;  // neither followed nor kept
  choice.node_count = 1;
  choice.codecs[0] = codec_id::frame_of_reference;
  EXPECT_EQ(tree_of(source, {.among = either, .previous = &choice}), "dictionary(sequence)");
  EXPECT_EQ(choice.codecs[0], codec_id::frame_of_reference);
  EXPECT_EQ(pillar::encode_block(source.views, {.among = none}).error().code, pillar::errc::invalid_argument);
  EXPECT_EQ(tree_of(source, {.codec = codec_id::delta, .among = either}), "delta");
  pillar::encoding_report report;
  ASSERT_TRUE(pillar::report_encoding(source.views, {.among = either}, report).ok());
  ASSERT_EQ(report.candidates.size(), 2u);
  EXPECT_EQ(report.chosen()->codec, codec_id::dictionary);
}

TEST(codec_chooser, a_choice_is_kept_until_its_size_drifts) {
  pillar::splitmix64 random(4);
  const auto narrow = integers(30000, [&](std::uint32_t) { return random.below(1000); });
  const auto similar = integers(30000, [&](std::uint32_t) { return 5000 + random.below(1000); });
  const auto runs = integers(30000, [&](std::uint32_t n) { return n / 1000 % 1000; });
  pillar::encoding_choice choice;
  const auto encode = [&](const block_source& source) {
    const auto bytes = pillar::encode_block(source.views, {.previous = &choice});
    EXPECT_TRUE(bytes.ok());
    const auto block = pillar::open_block(bytes->bytes());
    expect_holds(*block, source.cells);
    return block->codec();
  };
  EXPECT_EQ(encode(narrow), pillar::codec_id::frame_of_reference);
  const std::uint64_t made_for = choice.data_bytes;
  EXPECT_EQ(encode(similar), pillar::codec_id::frame_of_reference);
  EXPECT_EQ(choice.data_bytes, made_for) << "looked again";
  EXPECT_NE(encode(runs), pillar::codec_id::frame_of_reference);
  EXPECT_NE(choice.data_bytes, made_for);
  EXPECT_EQ(encode(narrow), pillar::codec_id::frame_of_reference);
}

TEST(codec_chooser, a_vector_that_ends_soon_is_not_packed_whole) {
  pillar::splitmix64 random(5);
  const auto far_apart = [&](std::uint32_t) { return random(); };
  const auto whole = integers(2048, far_apart), short_one = integers(1100, far_apart),
             again = integers(3072, far_apart);
  pillar::encoding_choice choice;
  const auto encode = [&](const block_source& source) {
    const auto bytes = *pillar::encode_block(source.views, {.previous = &choice});
    const auto block = pillar::open_block(bytes.bytes());
    expect_holds(*block, source.cells);
    return std::pair(block->codec(), bytes.size());
  };
  ASSERT_EQ(encode(whole).first, pillar::codec_id::frame_of_reference);
  EXPECT_LT(encode(short_one).second, 1100u * 8 + 256);
  EXPECT_EQ(encode(again).first, pillar::codec_id::frame_of_reference) << "looked again";
}

TEST(codec_chooser, a_choice_for_few_rows_is_made_again_for_many) {
  pillar::splitmix64 random(14);
  pillar::encoding_choice choice;
  const auto encode = [&](std::uint32_t row_count) {
    const auto source = integers(row_count, [&](std::uint32_t) { return random.below(1u << 17); });
    const auto bytes = pillar::encode_block(source.views, {.previous = &choice});
    EXPECT_TRUE(bytes.ok());
    return pillar::open_block(bytes->bytes())->codec();
  };
  EXPECT_EQ(encode(40), pillar::codec_id::raw);  // packed vectors are stored whole
  EXPECT_EQ(encode(60), pillar::codec_id::raw);
  EXPECT_EQ(encode(1000), pillar::codec_id::frame_of_reference);
}

TEST(codec_chooser, a_table_for_many_blocks_stays_the_same_to_the_byte) {
  const auto texts = [](std::uint64_t seed, std::uint32_t row_count, const char* separator, const char* rare = "") {
    pillar::splitmix64 random(seed);
    return column(word, row_count, [&](std::uint32_t row) {
      std::string text = row % 100 == 7 ? rare : "";
      for (int i = 0; i < 6; ++i) text += separator + std::to_string(random.below(300) * 7919);
      return scalar::of_text(word, text);
    });
  };
  pillar::encoding_choice choice;
  choice.keeps_table = true;
  std::uint64_t without = 0;
  const auto table_of = [&](const block_source& source) {
    const auto bytes = pillar::encode_block(source.views, {.previous = &choice});
    EXPECT_TRUE(bytes.ok());
    const auto block = pillar::open_block(bytes->bytes());
    expect_holds(*block, source.cells);
    const auto& node = block->node(0);
    without = block->block_bytes() - node.shared_bytes;
    return std::string(reinterpret_cast<const char*>(node.data), node.shared_bytes);
  };
  const std::string first = table_of(texts(1, 1000, " the number "));
  const std::uint64_t first_bytes = without;
  ASSERT_FALSE(first.empty());
  for (const std::uint32_t row_count : {1024u, 900u, 3000u}) {
    EXPECT_TRUE(table_of(texts(row_count, row_count, " the number ")) == first) << row_count;
    EXPECT_LT(without, first_bytes * (row_count + 300) / 1000) << row_count;
  }
  table_of(texts(5, 3, " the number "));  // without symbols
  EXPECT_TRUE(table_of(texts(4, 1000, " the number ")) == first) << "found anew";
  // Bytes that are new to it make it grow, once.
  const std::string grown = table_of(texts(6, 1000, " the number ", "\x81"));
  EXPECT_GT(grown.size(), first.size());
  EXPECT_TRUE(table_of(texts(7, 1000, " the number ")) == grown);
  // Texts that it does not suit.
  const std::string other = table_of(texts(8, 1024, "; quite another phrase"));
  EXPECT_TRUE(other != grown);
  EXPECT_TRUE(table_of(texts(9, 2000, "; quite another phrase")) == other);
}

TEST(codec_chooser, a_kept_tree_gives_the_bytes_of_a_chosen_one) {
  const auto source = integers(50000, [](std::uint32_t n) { return n / 300 * 7919u % 5000; });
  pillar::encoding_choice choice;
  const auto first = *pillar::encode_block(source.views, {.previous = &choice});
  const auto again = *pillar::encode_block(source.views, {.previous = &choice});
  ASSERT_EQ(first.size(), again.size());
  EXPECT_EQ(std::memcmp(first.data(), again.data(), first.size()), 0);
  EXPECT_GE(pillar::open_block(again.bytes())->node_count(), 2u);
}

TEST(codec_chooser, symbols_of_a_block_serve_the_next_until_they_do_not_fit) {
  const auto texts = [](std::uint64_t seed, const char* separator, std::uint32_t others = 0) {
    pillar::splitmix64 random(seed);
    return column(word, 20000, [&](std::uint32_t row) {
      std::string text;
      for (int i = 0; i < 6; ++i)
        text +=
            (row % 100 < others ? ", or else " : separator) + std::to_string(random.below(300) * 7919 * (seed / 10));
      return scalar::of_text(word, text);
    });
  };
  pillar::encoding_choice choice;
  const auto table_of = [&](const block_source& source) {
    const auto bytes = pillar::encode_block(source.views, {.previous = &choice});
    EXPECT_TRUE(bytes.ok());
    const auto block = pillar::open_block(bytes->bytes());
    expect_holds(*block, source.cells);
    EXPECT_EQ(block->codec(), pillar::codec_id::text_symbols);
    const auto& node = block->node(0);
    return std::string(reinterpret_cast<const char*>(node.data), node.shared_bytes);
  };
  const auto kept = [&] { return std::string(reinterpret_cast<const char*>(choice.kept.data()), choice.kept.size()); };
  const std::string first = table_of(texts(10, " the number "));
  EXPECT_EQ(kept(), first);
  table_of(texts(11, " the number "));
  EXPECT_EQ(kept(), first) << "made anew";
  // A little of something else: the choice stands, the symbols do not.
  const std::uint64_t chosen_for = choice.data_bytes;
  const std::string second = table_of(texts(12, " the number ", 6));
  EXPECT_EQ(choice.data_bytes, chosen_for) << "chosen anew";
  EXPECT_NE(second, first);
  EXPECT_EQ(kept(), second);
  const std::string other = table_of(texts(20, "; another \xff"));
  EXPECT_NE(other, first);
  EXPECT_EQ(kept(), other);
}

TEST(codec_chooser, the_report_says_what_was_tried_and_why) {
  pillar::splitmix64 random(6);
  const auto source = integers(30000, [&](std::uint32_t) { return random.below(1u << 20); });
  pillar::encoding_report report;
  ASSERT_TRUE(pillar::report_encoding(source.views, {}, report).ok());
  EXPECT_EQ(report.row_count, 30000u);
  EXPECT_EQ(report.raw_bytes, 240000u);
  ASSERT_NE(report.chosen(), nullptr);
  EXPECT_EQ(report.chosen()->tree, "frame_of_reference");
  const auto bytes = *pillar::encode_block(source.views);
  EXPECT_EQ(report.chosen()->data_bytes, pillar::open_block(bytes.bytes())->node(0).data_bytes);
  std::size_t chosen = 0;
  for (const auto& candidate : report.candidates) {
    chosen += candidate.verdict == pillar::encoding_verdict::chosen;
    if (candidate.codec == pillar::codec_id::constant) EXPECT_EQ(candidate.reason, "several values");
    if (candidate.codec == pillar::codec_id::dictionary) EXPECT_EQ(candidate.reason, "too many values");
    if (candidate.codec == pillar::codec_id::run_end) EXPECT_EQ(candidate.reason, "hardly any runs");
  }
  EXPECT_EQ(chosen, 1u);
  EXPECT_EQ(report.candidates.size(), pillar::own_codecs().size());
  const std::string text = to_string(report);
  EXPECT_NE(text.find("30000 rows, 0 NULL, 240000 bytes raw"), std::string::npos) << text;
  EXPECT_NE(text.find("  * frame_of_reference"), std::string::npos) << text;
}

}  // namespace
}  // namespace pillar_test::codec_chooser
