// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/redshift.hpp"

#include "support/block_cases.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::codec_redshift {
namespace {

using pillar::codec_id;
using pillar::redshift_encoding;
using pillar::scalar;
using pillar::type_of;
const auto int32 = type_of<std::int32_t>;
const auto int64 = type_of<std::int64_t>;
const auto varchar = type_of<pillar::text>;

/// A block that was made with a preset, opened.
struct encoded {
  block_source source;
  pillar::buffer bytes{};
  pillar::block_view view{};

  [[nodiscard]] const pillar::vector_entry& entry(std::uint32_t vector = 0) const {
    return view.node(0).entries[vector];
  }
};

encoded encode(redshift_encoding encoding, pillar::data_type type, std::vector<scalar> cells) {
  encoded made{make_source(type, std::move(cells))};
  const auto preset = pillar::preset_of(encoding, type);
  EXPECT_TRUE(preset.ok()) << pillar::redshift_refusal(encoding, type);
  auto bytes = pillar::encode_block(made.source.views, pillar::with_preset(*preset));
  EXPECT_TRUE(bytes.ok());
  made.bytes = *std::move(bytes);
  made.view = *pillar::open_block(made.bytes.bytes());
  expect_holds(made.view, made.source.cells);
  return made;
}
template <class Value>
encoded encode_integers(redshift_encoding encoding, std::uint32_t row_count, Value&& value,
                        pillar::data_type type = int64) {
  std::vector<scalar> cells;
  for (std::uint32_t row = 0; row < row_count; ++row)
    cells.push_back(scalar::of_integer(type, static_cast<pillar::int128>(value(row))));
  return encode(encoding, type, std::move(cells));
}
template <class Value>
encoded encode_texts(redshift_encoding encoding, std::uint32_t row_count, Value&& value) {
  std::vector<scalar> cells;
  for (std::uint32_t row = 0; row < row_count; ++row) cells.push_back(scalar::of_text(varchar, value(row)));
  return encode(encoding, varchar, std::move(cells));
}

TEST(codec_redshift, each_encoding_takes_the_types_of_the_guide) {
  // Columns: SMALLINT, INTEGER, BIGINT, DECIMAL(15), DECIMAL(38), DATE, TIMESTAMP, REAL, DOUBLE, BOOLEAN, VARCHAR; then
  // 8 bits, which Redshift has not.
  const pillar::data_type types[] = {type_of<std::int16_t>,
                                     int32,
                                     int64,
                                     pillar::decimal_type(15, 2),
                                     pillar::decimal_type(38, 2),
                                     type_of<pillar::date>,
                                     type_of<pillar::timestamp<>>,
                                     type_of<float>,
                                     type_of<double>,
                                     type_of<bool>,
                                     varchar,
                                     type_of<std::int8_t>};
  const std::pair<const char*, const char*> table[] = {
      {"AUTO", "111111111111"},     {"RAW", "111111111111"},       {"AZ64", "111111100001"},
      {"BYTEDICT", "111111111011"}, {"DELTA", "111111100001"},     {"DELTA32K", "011111100000"},
      {"LZO", "111111100011"},      {"MOSTLY8", "111110000000"},   {"MOSTLY16", "011110000000"},
      {"MOSTLY32", "001110000000"}, {"RUNLENGTH", "111111111111"}, {"TEXT255", "000000000010"},
      {"TEXT32K", "000000000010"},  {"ZSTD", "111111111111"}};
  ASSERT_EQ(std::size(table), pillar::redshift_encoding_count);
  for (unsigned number = 0; number < pillar::redshift_encoding_count; ++number) {
    const auto encoding = static_cast<redshift_encoding>(number);
    EXPECT_STREQ(to_string(encoding), table[number].first);
    EXPECT_EQ(*pillar::parse_redshift_encoding(table[number].first), encoding);
    for (std::size_t t = 0; t < std::size(types); ++t) {
      const auto preset = pillar::preset_of(encoding, types[t].as_nullable());
      EXPECT_EQ(preset.ok(), table[number].second[t] == '1') << table[number].first << " of " << to_string(types[t]);
      EXPECT_EQ(pillar::redshift_refusal(encoding, types[t]).empty(), preset.ok());
      EXPECT_TRUE(preset.ok() || preset.error().code == pillar::errc::type_mismatch);
    }
  }
  EXPECT_EQ(pillar::redshift_refusal(redshift_encoding::mostly32, int32.as_nullable()),
            "MOSTLY32 is for BIGINT and DECIMAL, not for int32");
  EXPECT_EQ(*pillar::parse_redshift_encoding("text32k"), redshift_encoding::text32k);
  for (const char* wrong : {"", "TEXT", "TEXT32KB", "az 64"})
    EXPECT_EQ(pillar::parse_redshift_encoding(wrong).error().code, pillar::errc::invalid_argument) << wrong;
  const auto none = static_cast<redshift_encoding>(pillar::redshift_encoding_count);
  EXPECT_EQ(pillar::preset_of(none, int64).error().code, pillar::errc::invalid_argument);
}

TEST(codec_redshift, automatic_changes_nothing) {
  pillar::block_options options;
  options.codec = codec_id::delta;
  options.policy = pillar::encoding_policy::memory();
  options.transform = pillar::transform_choice::zstd;
  const auto same = pillar::with_preset(*pillar::preset_of(redshift_encoding::automatic, varchar), options);
  EXPECT_EQ(same.codec, options.codec);
  EXPECT_TRUE(same.among.empty());
  EXPECT_EQ(same.policy.byte_cost, options.policy.byte_cost);
  EXPECT_EQ(same.transform, options.transform);
  EXPECT_EQ(encode_integers(redshift_encoding::automatic, 5000, [](auto) { return 4; }).view.codec(),
            codec_id::constant);
}

TEST(codec_redshift, a_dictionary_of_256_takes_a_byte_and_the_257th_value_a_bit_more) {
  const auto distinct = [](std::uint32_t count) {
    return encode_integers(redshift_encoding::bytedict, 8192,
                           [=](auto row) { return std::int64_t{row % count} * 1'000'000'007; });
  };
  const auto full = distinct(256), over = distinct(257);
  EXPECT_EQ(full.view.codec(), codec_id::dictionary);
  EXPECT_EQ(full.view.dictionary_entries(), 256u);
  EXPECT_EQ(full.view.node(0).code_width, 8);
  EXPECT_EQ(full.entry().bytes, 1024u);
  // Redshift stores the 257th raw, row by row; here all codes of the block get wider.
  EXPECT_EQ(over.view.codec(), codec_id::dictionary);
  EXPECT_EQ(over.view.dictionary_entries(), 257u);
  EXPECT_EQ(over.view.node(0).code_width, 9);
  EXPECT_EQ(over.entry().bytes, 1152u);
  // Each block has its own 256.
  const auto next = encode_texts(redshift_encoding::bytedict, 8192,
                                 [](auto row) { return "the value numbered " + std::to_string(256 + row % 256); });
  EXPECT_EQ(next.view.codec(), codec_id::dictionary);
  EXPECT_EQ(next.view.node(0).code_width, 8);
  // As many values as rows, and no two alike in more than their first bits: raw.
  pillar::splitmix64 random(4);
  EXPECT_EQ(encode_integers(redshift_encoding::bytedict, 8192, [&](auto) { return random() >> 1; }).view.codec(),
            codec_id::raw);
}

/// Bits per difference where they are `low` and `high` in turn.
std::uint32_t width_of_steps(redshift_encoding encoding, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  const auto block = encode_integers(encoding, 1024, [&](auto row) { return value += row % 2 == 0 ? low : high; });
  EXPECT_EQ(block.view.codec(), codec_id::delta);
  return block.entry().width;
}

TEST(codec_redshift, differences_of_127_fit_a_byte_and_the_window_moves_with_them) {
  const auto delta = redshift_encoding::delta;
  EXPECT_EQ(width_of_steps(delta, -127, 127), 8u);
  // Redshift escapes these: a flag and the whole value for each.
  EXPECT_EQ(width_of_steps(delta, -128, 127), 8u);
  EXPECT_EQ(width_of_steps(delta, -127, 128), 8u);
  EXPECT_EQ(width_of_steps(delta, 1'000'000, 1'000'255), 8u);
  // And this is one bit more for the 1,024 rows.
  EXPECT_EQ(width_of_steps(delta, -128, 128), 9u);

  const auto delta32k = redshift_encoding::delta32k;
  EXPECT_EQ(width_of_steps(delta32k, -32'767, 32'767), 16u);
  EXPECT_EQ(width_of_steps(delta32k, -32'768, 32'767), 16u);
  EXPECT_EQ(width_of_steps(delta32k, -32'768, 32'768), 17u);
  // Both names are one codec: DELTA goes on where Redshift's would escape, DELTA32K takes no more than it needs.
  EXPECT_EQ(width_of_steps(delta, -32'768, 32'768), 17u);
  EXPECT_EQ(width_of_steps(delta32k, -127, 127), 8u);

  // A jump widens the vector that it is in, and no other; at row 512, where the second chain begins, it is free.
  const auto jump_at = [&](std::uint32_t where) {
    return encode_integers(delta, 3072, [=](auto row) { return row % 100 + (row >= where ? 1'000'000'000 : 0); });
  };
  const auto inside = jump_at(1024 + 511), between = jump_at(1024 + 512);
  EXPECT_EQ(inside.entry(0).width, 7u);
  EXPECT_EQ(inside.entry(1).width, 30u);
  EXPECT_EQ(inside.entry(2).width, 7u);
  EXPECT_EQ(between.entry(1).width, 7u);
  // Differences as wide as values: raw.
  pillar::splitmix64 random(1);
  EXPECT_EQ(encode_integers(delta, 4096, [&](auto) { return random() >> 1; }).view.codec(), codec_id::raw);
}

TEST(codec_redshift, mostly_windows_hold_their_bounds_and_outliers_lie_aside) {
  const std::pair<redshift_encoding, unsigned> presets[] = {
      {redshift_encoding::mostly8, 8}, {redshift_encoding::mostly16, 16}, {redshift_encoding::mostly32, 32}};
  for (const auto& [encoding, width] : presets)
    for (const auto type : {int64, pillar::decimal_type(15, 2)}) {
      const std::int64_t edge = std::int64_t{1} << (width - 1);
      const auto with = [&, encoding = encoding](std::int64_t first, std::int64_t second) {
        // Both ends of the window, then what is to be tested.
        return encode_integers(
            encoding, 1024,
            [=](auto row) { return row == 7       ? first
                                   : row == 900   ? second
                                   : row % 2 == 0 ? -edge
                                                  : edge - 1; }, type);
      };
      const auto inside = with(0, 1), below = with(-edge - 1, 1), both = with(-edge - 1, edge);
      for (const auto* block : {&inside, &below, &both}) {
        EXPECT_EQ(block->view.codec(), codec_id::patched);
        EXPECT_EQ(block->entry().width, width);
      }
      EXPECT_EQ(inside.entry().exception_count, 0u);
      EXPECT_EQ(below.entry().exception_count, 1u);
      EXPECT_EQ(both.entry().exception_count, 2u);
    }
  // Redshift's window is fixed; ours moves, so these are no outliers.
  const auto moved = encode_integers(redshift_encoding::mostly8, 1024, [](auto row) { return 70'000 + row % 256; });
  EXPECT_EQ(moved.entry().width, 8u);
  EXPECT_EQ(moved.entry().exception_count, 0u);
  // Mostly outliers: raw.
  pillar::splitmix64 random(2);
  EXPECT_EQ(encode_integers(redshift_encoding::mostly8, 4096, [&](auto) { return random() >> 1; }).view.codec(),
            codec_id::raw);
}

TEST(codec_redshift, runs_are_counted_per_vector) {
  const auto runs = [](std::uint32_t length) {
    return encode_integers(redshift_encoding::runlength, 65536, [=](auto row) { return row / length % 7 * 1'000'003; });
  };
  const auto long_ones = runs(5000), pairs = runs(2), none = runs(1);
  EXPECT_EQ(long_ones.view.codec(), codec_id::run_end);
  EXPECT_LT(long_ones.view.block_bytes(), 2500u);
  std::uint32_t run_count = 0;
  for (std::uint32_t v = 0; v < 64; ++v) run_count += static_cast<std::uint32_t>(long_ones.entry(v).base >> 32);
  EXPECT_EQ(run_count, 13u + 64u) << "14 runs, 13 of which begin inside a vector";
  EXPECT_EQ(pairs.view.codec(), codec_id::run_end);
  EXPECT_EQ(none.view.codec(), codec_id::raw) << "no two rows alike";
  // NULLs do not end a run.
  const auto nullable = int32.as_nullable();
  std::vector<scalar> cells;
  for (int row = 0; row < 4096; ++row)
    cells.push_back(row % 3 == 0 ? scalar::of_null(nullable) : scalar::of_integer(nullable, row / 2048));
  const auto nulls = encode(redshift_encoding::runlength, nullable, std::move(cells));
  EXPECT_EQ(nulls.view.codec(), codec_id::run_end);
  EXPECT_EQ(nulls.view.node(1).row_count, 4u);
}

TEST(codec_redshift, words_beyond_the_245th_and_beyond_32_kilobytes_still_shrink) {
  const auto word = [](std::uint64_t number) {
    pillar::splitmix64 letters(number);
    std::string text;
    for (std::uint64_t length = 4 + letters.below(8); text.size() < length;)
      text += static_cast<char>('a' + letters.below(26));
    return text;
  };
  const auto sentences = [&](redshift_encoding encoding, std::uint64_t vocabulary) {
    pillar::splitmix64 random(vocabulary);
    return encode_texts(encoding, 8192, [&](auto) {
      std::string text = word(random.below(vocabulary));
      for (int more = 0; more < 5; ++more) text += ' ' + word(random.below(vocabulary));
      return text;
    });
  };
  const auto share = [](const encoded& block) {
    std::uint64_t characters = 0;
    for (const auto& cell : block.source.cells) characters += cell.text.size();
    EXPECT_EQ(block.view.codec(), codec_id::text_symbols);
    return static_cast<double>(block.view.block_bytes()) / static_cast<double>(characters);
  };
  // Redshift stores the 246th word of a TEXT255 block raw. Here symbols are pieces of words: there is no step.
  const double full = share(sentences(redshift_encoding::text255, 245));
  const double over = share(sentences(redshift_encoding::text255, 246));
  EXPECT_LT(full, 0.3);
  EXPECT_LT(over, full * 1.2);
  // 4,000 words of random letters, nearly the 32 KB of TEXT32K: more than symbols can hold, and smaller all the same.
  EXPECT_LT(share(sentences(redshift_encoding::text32k, 4000)), 0.7);
}

TEST(codec_redshift, no_preset_makes_a_block_larger_than_raw_and_its_header) {
  pillar::splitmix64 random(3);
  std::uint64_t largest = 0;
  for (const pillar::data_type& type : every_type(true))
    for (const std::uint64_t distinct : {~std::uint64_t{0}, std::uint64_t{600}})
      for (const std::uint32_t row_count : {1u, 100u, sanitized ? 1100u : 2500u}) {
        auto cells = random_cells(random, type, row_count, distinct);
        const auto raw = encode(redshift_encoding::raw, type, cells);
        for (unsigned number = 0; number < pillar::redshift_encoding_count; ++number) {
          const auto encoding = static_cast<redshift_encoding>(number);
          if (encoding == redshift_encoding::automatic || !pillar::preset_of(encoding, type).ok()) continue;
          const auto block = encode(encoding, type, cells);
          EXPECT_LE(block.view.block_bytes(), raw.view.block_bytes() + 64)
              << to_string(encoding) << " of " << to_string(type) << ", " << row_count << " rows";
          largest =
              std::max(largest, block.view.block_bytes() - std::min(block.view.block_bytes(), raw.view.block_bytes()));
          if (HasFailure()) return;
        }
      }
  RecordProperty("largest_excess", static_cast<int>(largest));
}

TEST(codec_redshift, the_last_stages_compress_raw_values) {
  for (const auto encoding : {redshift_encoding::lzo, redshift_encoding::zstd}) {
    const auto block = encode_texts(encoding, 4000, [](auto row) { return "customer number " + std::to_string(row); });
    EXPECT_EQ(block.view.codec(), codec_id::raw);
    EXPECT_EQ(block.view.transform(),
              encoding == redshift_encoding::lzo ? pillar::transform_id::lz4 : pillar::transform_id::zstd);
  }
  const auto packed = encode_integers(redshift_encoding::az64, 4096, [](auto row) { return row * 7919 % 1000; });
  EXPECT_EQ(packed.view.codec(), codec_id::frame_of_reference);
  const auto wide = pillar::decimal_type(38, 2);
  for (const auto encoding : {redshift_encoding::az64, redshift_encoding::mostly32, redshift_encoding::delta}) {
    const auto block = encode_integers(
        encoding, 2048, [](auto row) { return row * 31 % 500; }, wide);
    EXPECT_EQ(block.view.codec(), codec_id::split_int128) << to_string(encoding);
  }
}

}  // namespace
}  // namespace pillar_test::codec_redshift
