// SPDX-License-Identifier: Apache-2.0
// Hostile blocks: every byte of a small block set to each other value, every truncation, and bytes that change after
// validation. With the checksum every change is an error. Without it a change is an error, or gives values of the type,
// from within the block, for which match and sum agree with decode.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>  // std::getenv

#include "support/allocation_meter.hpp"
#include "support/block_cases.hpp"
#include "support/guard_buffer.hpp"
#include "support/planned_trees.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::storage_hostile {
namespace {

struct hostile_case {
  std::string name;
  pillar::data_type type;
  std::vector<pillar::scalar> cells;
  pillar::block_options options;
  std::string tree{};  ///< instead of the one that the chooser takes
};

pillar::result<pillar::buffer> encode(const hostile_case& of, const block_source& source) {
  if (of.tree.empty()) return pillar::encode_block(source.views, of.options);
  std::string made;
  auto encoded = encode_planned(source.views, tree_planner(of.tree), made);
  EXPECT_EQ(made, of.tree);
  if (!encoded.has_value()) return pillar::errc::invalid_argument;
  return *std::move(encoded);
}

pillar::block_options with(pillar::codec_id codec,
                           pillar::transform_choice transform = pillar::transform_choice::none) {
  pillar::block_options options;
  options.codec = codec;
  options.transform = transform;
  return options;
}

std::vector<pillar::scalar> integers(pillar::data_type type, std::initializer_list<int> values) {
  std::vector<pillar::scalar> cells;
  for (const int value : values) cells.push_back(pillar::scalar::of_integer(type, value));
  if (type.nullable) cells.push_back(pillar::scalar::of_null(type));
  return cells;
}

std::vector<hostile_case> every_case() {
  using pillar::codec_id;
  using pillar::type_of;
  const auto int32 = type_of<std::int32_t>, nullable32 = int32.as_nullable(), flag = type_of<bool>,
             word = type_of<pillar::text>.as_nullable(), real = type_of<double>;
  const auto text_cells = [&](std::initializer_list<const char*> texts) {
    std::vector<pillar::scalar> cells;
    for (const char* text : texts) cells.push_back(pillar::scalar::of_text(word, text));
    cells.push_back(pillar::scalar::of_null(word));
    return cells;
  };
  std::vector<pillar::scalar> reals, repeated;
  for (const double value : {1.5, -0.0, 1e300}) reals.push_back(pillar::scalar::of_real(real, value));
  for (int i = 0; i < 40; ++i) repeated.push_back(pillar::scalar::of_text(word, i % 3 == 0 ? "aaaaaaaaaaaaaaaa" : "b"));
  std::vector<pillar::scalar> mostly_null(9, pillar::scalar::of_null(nullable32));
  mostly_null[3] = mostly_null[8] = pillar::scalar::of_integer(nullable32, 5);
  std::vector<pillar::scalar> few_true(70, pillar::scalar::of_integer(flag, 0));
  few_true[7] = few_true[69] = pillar::scalar::of_integer(flag, 1);
  const auto wide = pillar::decimal_type(38, 2);
  std::vector<pillar::scalar> prices, narrowed, wides;
  for (const double value : {1.25, 7.5, 1e300, 3.75, 2.25}) prices.push_back(pillar::scalar::of_real(real, value));
  for (const float value : {20.1f, 20.2f, 29.9f}) narrowed.push_back(pillar::scalar::of_real(real, value));
  for (const int value : {1, -1, 100}) wides.push_back(pillar::scalar::of_integer(wide, pillar::int128{value} << 62));
  return {
      {"bitmap", flag.as_nullable(), integers(flag.as_nullable(), {0, 1, 1, 0}), with(codec_id::bitmap)},
      {"bitmap, few true", flag, std::move(few_true), with(codec_id::bitmap)},
      {"decimal_double", real, std::move(prices), with(codec_id::decimal_double)},
      {"real_double", real, std::move(narrowed), with(codec_id::real_double)},
      {"split_int128", wide, std::move(wides), with(codec_id::split_int128)},
      {"raw int32", nullable32, integers(nullable32, {1, -2, 300000}), with(codec_id::raw)},
      {"raw int32, mostly NULL", nullable32, mostly_null, with(codec_id::raw)},
      {"raw boolean", flag, integers(flag, {0, 1, 1, 0}), with(codec_id::raw)},
      {"raw float64", real, reals, with(codec_id::raw)},
      {"raw text", word, text_cells({"", "twelve bytes", "thirteen bytes", "a long text of thirty-one bytes"}),
       with(codec_id::raw)},
      {"constant int32", nullable32, integers(nullable32, {7, 7, 7}), with(codec_id::constant)},
      {"constant text", word, text_cells({"a text longer than twelve", "a text longer than twelve"}),
       with(codec_id::constant)},
      {"constant boolean", flag, integers(flag, {1, 1}), with(codec_id::constant)},
      {"frame_of_reference int32", int32, integers(int32, {100, 101, 100}), with(codec_id::frame_of_reference)},
      {"frame_of_reference int8", type_of<std::int8_t>, integers(type_of<std::int8_t>, {126, 127, 126}),
       with(codec_id::frame_of_reference)},
      {"frame_of_reference boolean", flag.as_nullable(), integers(flag.as_nullable(), {1, 0, 1}),
       with(codec_id::frame_of_reference)},
      {"sequence int32", nullable32, integers(nullable32, {100, 103, 106, 109}), with(codec_id::sequence)},
      {"sequence boolean", flag, integers(flag, {0, 1}), with(codec_id::sequence)},
      {"patched int32", int32, integers(int32, {3, 2, 1, 700, 3, 0, -90000, 1, 2, 3, 1, 2}), with(codec_id::patched)},
      {"patched boolean", flag, integers(flag, {0, 0, 1, 0}), with(codec_id::patched)},
      {"delta int64", type_of<std::int64_t>, integers(type_of<std::int64_t>, {100, 101, 102, 104, 105}),
       with(codec_id::delta)},
      {"run_end int32", nullable32, integers(nullable32, {7, 7, 7, 900, 900, 7, 7}), with(codec_id::run_end)},
      {"run_end boolean", flag, integers(flag, {1, 1, 1, 0, 0, 0}), with(codec_id::run_end)},
      {"run_end text", word, text_cells({"run", "run", "a text longer than twelve", "a text longer than twelve"}),
       with(codec_id::run_end)},
      {"dictionary int32", int32, integers(int32, {1000, -5, 1000}), with(codec_id::dictionary)},
      {"dictionary text", word, text_cells({"delta", "a text longer than twelve", "", "delta"}),
       with(codec_id::dictionary)},
      {"text_symbols plain", word, text_cells({"delta", "a text longer than twelve", "", "delta"}),
       with(codec_id::text_symbols)},
      {"text_symbols", word, repeated, with(codec_id::text_symbols)},
      {"zstd raw text", word, repeated, with(codec_id::raw, pillar::transform_choice::zstd)},
      {"lz4 raw text", word, repeated, with(codec_id::raw, pillar::transform_choice::lz4)},
      {"lz4 dictionary text", word, repeated, with(codec_id::dictionary, pillar::transform_choice::lz4)},
  };
}

/// Trees: what a parent believes of its children must hold whatever they say.
std::vector<hostile_case> every_tree() {
  using pillar::scalar;
  const auto int32 = pillar::type_of<std::int32_t>.as_nullable(), int64 = pillar::type_of<std::int64_t>;
  const auto word = pillar::type_of<pillar::text>.as_nullable(), real = pillar::type_of<double>;
  const auto wide = pillar::decimal_type(38, 2, true);
  std::vector<scalar> runs, keys, titles, prices, stairs, wides, halves;
  for (int row = 0; row < 60; ++row) {
    runs.push_back(row == 17 ? scalar::of_null(int32) : scalar::of_integer(int32, 100 + 7 * (row / 5) + row / 20));
    prices.push_back(scalar::of_real(real, row == 40 ? 1e300 : (row % 7 == 3 ? 900000 : 100 + row) / 100.0));
    stairs.push_back(scalar::of_real(real, row / 10 * 0.25));
    wides.push_back(row == 9 ? scalar::of_null(wide)
                             : scalar::of_integer(wide, (pillar::int128{row / 20} << 64) + row - 9));
    halves.push_back(scalar::of_real(real, 1 + row / 1024.0));
  }
  for (int row = 0; row < 280; ++row) keys.push_back(scalar::of_integer(int64, row / 2 * 1000));
  for (int row = 0; row < 20; ++row)
    titles.push_back(row == 3 ? scalar::of_null(word)
                              : scalar::of_text(word, std::string(70, 'a') + " title " + std::to_string(row % 16)));
  return {
      {"", int32, runs, {}, "run_end(delta, raw)"},
      {"", int32, runs, {}, "run_end(patched, patched)"},
      {"", int32, runs, {}, "run_end(frame_of_reference, delta)"},
      {"", int64, keys, {}, "dictionary(sequence)"},
      {"", int64, keys, {}, "run_end(dictionary(sequence), constant)"},
      {"", word, titles, {}, "dictionary(text_symbols)"},
      {"", word, titles, {}, "dictionary(raw)"},
      {"", real, prices, {}, "decimal_double(patched)"},
      {"", real, stairs, {}, "decimal_double(run_end(sequence, constant))"},
      {"", real, stairs, {}, "run_end(decimal_double(delta), frame_of_reference)"},
      {"", real, halves, {}, "real_double(constant, frame_of_reference)"},
      {"", wide, wides, {}, "split_int128(delta, frame_of_reference)"},
      {"", wide, wides, {}, "split_int128(run_end(raw, raw), patched)"},
  };
}

/// Outputs behind guards, and a few domains per physical type.
class exerciser {
 public:
  explicit exerciser(const hostile_case& of) {
    pillar::splitmix64 random(5);
    for (int i = 0; i < 3; ++i) tests_.push_back(random_domain(random, of.type, of.cells));
    ::new (static_cast<void*>(scratch_.data())) pillar::vector_scratch;
  }
  exerciser(const exerciser&) = delete;
  exerciser& operator=(const exerciser&) = delete;
  ~exerciser() { scratch_.as<pillar::vector_scratch>()->~vector_scratch(); }

  /// Reads every value of an opened block; true when the answers fit together (`quiet`: bytes change meanwhile, so that
  /// only staying within bounds counts).
  bool run(const pillar::block_view& block, bool quiet) {
    bool good = true;
    for (std::uint32_t i = 0; i < block.vector_count(); ++i) {
      const pillar::encoded_vector source = block.vector_at(i);
      auto& scratch = *scratch_.as<pillar::vector_scratch>();
      pillar::vector out;
      if (source.operations->decode_narrow != nullptr) source.operations->decode_narrow(source.block, i, scratch, out);
      EXPECT_TRUE(source.decode(scratch, out).ok());
      pillar::int128 total = 0;
      std::uint64_t touched = 0;
      if (out.kind == pillar::vector_kind::dictionary) {
        for (std::uint32_t row = 0; row < out.size; ++row)
          if (out.codes[row] >= out.dictionary->size) return false;
      }
      for (std::uint32_t row = 0; row < out.size; ++row) {
        if (out.type.physical == pillar::physical_type::text) {
          const std::string_view text = out.text_value(row);
          for (const char letter : text) touched += static_cast<unsigned char>(letter);
          if (!quiet) cells_[row].text = text;
        } else if (pillar::is_integer(out.type.physical)) {
          cells_[row] = get(out, row);
          // 128-bit values may wrap; a sum that does is not offered.
          total = static_cast<pillar::int128>(static_cast<pillar::uint128>(total) +
                                              static_cast<pillar::uint128>(cells_[row].integer));
          if (out.type.physical == pillar::physical_type::boolean) good = good && out.value<std::uint8_t>(row) <= 1;
        } else {
          cells_[row] = get(out, row);
        }
      }
      touched_ = touched_ + touched;
      const bool has_nulls = source.operations->validity(source.block, i, valid_.data());
      pillar::selection_mask rows = pillar::selection_mask::first(out.size);
      for (std::uint32_t w = 0; has_nulls && w < pillar::vector_words; ++w) rows.words[w] &= valid_[w];
      if (!quiet && has_nulls)
        good = good && pillar::count_bits(valid_.data(), out.size) == out.size - block.entry(i).null_count;
      pillar::int128 sum = 0;
      if (source.operations->sum(source.block, i, rows.words, !has_nulls, sum)) good = good && (quiet || sum == total);
      for (const auto& test : tests_) {
        scratch_of_matches_.begin_block();
        const auto answer = source.operations->match(source.block, i, test, &scratch_of_matches_, mask_.data());
        if (quiet || answer.what == pillar::verdict::unknown) continue;
        for (std::uint32_t row = 0; row < out.size; ++row) {
          if (!out.valid(row)) continue;
          const bool got = answer.what == pillar::verdict::some ? pillar::get_bit(mask_.data(), row)
                                                                : answer.what == pillar::verdict::all;
          if (block.type().physical == test.physical) good = good && got == test.contains(cells_[row]);
        }
      }
    }
    return good && mask_.slack_untouched() && scratch_.slack_untouched();
  }

 private:
  std::vector<pillar::domain> tests_;
  std::vector<pillar::scalar> cells_ = std::vector<pillar::scalar>(pillar::vector_rows);
  guard_buffer scratch_{sizeof(pillar::vector_scratch)};
  guard_array<std::uint64_t> mask_{pillar::vector_words};
  guard_array<std::uint64_t> valid_{pillar::vector_words};
  pillar::match_scratch scratch_of_matches_;
  volatile std::uint64_t touched_ = 0;
};

/// `stride`: of the 255 other values of a byte, each so many-th; another one at each byte.
void check_every_byte(const hostile_case& of, unsigned stride) {
  const std::string& name = of.tree.empty() ? of.name : of.tree;
  SCOPED_TRACE(name);
  const auto source = make_source(of.type, of.cells);
  const auto encoded = encode(of, source);
  ASSERT_TRUE(encoded.ok());
  ASSERT_EQ(pillar::open_block(encoded->bytes())->transform() == pillar::transform_id::none,
            of.options.transform == pillar::transform_choice::none);
  exerciser exercise(of);
  const guard_buffer bytes(encoded->bytes());
  std::uint64_t changes = 0, accepted = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const std::byte original = bytes.data()[at];
    for (auto change = static_cast<unsigned>(1 + at % stride); change < 256; change += stride) {
      bytes.data()[at] = original ^ static_cast<std::byte>(change);
      ++changes;
      ASSERT_FALSE(pillar::open_block(bytes.bytes()).ok()) << "byte " << at << " change " << change;
      const auto block = pillar::open_block(bytes.bytes(), {}, false);
      if (!block.ok()) continue;
      ++accepted;
      ASSERT_TRUE(exercise.run(*block, false)) << "byte " << at << " change " << change;
    }
    bytes.data()[at] = original;
  }
  for (std::size_t size = 0; size < encoded->size(); ++size) {
    const guard_buffer part(encoded->bytes().first(size));
    ASSERT_FALSE(pillar::open_block(part.bytes()).ok());
    ASSERT_FALSE(pillar::open_block(part.bytes(), {}, false).ok());
  }
  std::printf("[ HOSTILE  ] %-28s %4zu bytes, %6llu changes, accepted without checksum: %5.2f %%\n", name.c_str(),
              bytes.size(), static_cast<unsigned long long>(changes),
              100.0 * static_cast<double>(accepted) / static_cast<double>(changes));
  EXPECT_GT(accepted, 0u);
}

// All 255 other values of a byte; under sanitizers, which see the same code, some of them.
TEST(storage_hostile, every_byte_and_every_truncation) {
  for (const hostile_case& of : every_case()) {
    check_every_byte(of, sanitized ? 31 : 1);
    if (HasFatalFailure()) return;
  }
}

// Each fifth of the other values; all of them in ./dev test --long.
TEST(storage_hostile, every_byte_and_every_truncation_of_trees) {
  const bool all = std::getenv("PILLAR_TEST_LONG") != nullptr;
  for (const hostile_case& of : every_tree()) {
    check_every_byte(of, sanitized ? 127 : all ? 1 : 5);
    if (HasFatalFailure()) return;
  }
}

TEST(storage_hostile, bytes_that_change_after_validation) {
  pillar::splitmix64 random(9);
  auto cases = every_case();
  for (hostile_case& of : every_tree()) cases.push_back(std::move(of));
  for (const hostile_case& of : cases) {
    SCOPED_TRACE(of.name + of.tree);
    const auto source = make_source(of.type, of.cells);
    const auto encoded = encode(of, source);
    ASSERT_TRUE(encoded.ok());
    exerciser exercise(of);
    const guard_buffer bytes(encoded->bytes());
    const auto block = pillar::open_block(bytes.bytes());
    ASSERT_TRUE(block.ok());
    for (int round = 0; round < turns(300); ++round) {
      std::memcpy(bytes.data(), encoded->data(), encoded->size());
      for (std::uint64_t i = 0; i <= random.below(40); ++i)
        bytes.data()[random.below(bytes.size())] = static_cast<std::byte>(random());
      ASSERT_TRUE(exercise.run(*block, true));
    }
    for (const int fill : {0xff, 0x00, 0x7f}) {
      std::memset(bytes.data(), fill, bytes.size());
      ASSERT_TRUE(exercise.run(*block, true));
    }
  }
}

TEST(storage_hostile, compressed_bombs_are_refused_before_memory_is_taken) {
  const auto type = pillar::type_of<pillar::text>;
  const auto source = make_source(type, {pillar::scalar::of_text(type, std::string(4 << 20, 'a')),
                                         pillar::scalar::of_text(type, std::string(1 << 20, 'a'))});
  for (const auto choice : {pillar::transform_choice::zstd, pillar::transform_choice::lz4}) {
    const auto encoded = pillar::encode_block(source.views, with(pillar::codec_id::raw, choice));
    ASSERT_TRUE(encoded.ok());
    EXPECT_LT(encoded->size(), std::size_t{64} << 10);
    pillar::memory_budget budget;
    pillar::block_limits limits;
    limits.budget = &budget;
    limits.max_decoded_bytes = 5 << 20;
    EXPECT_EQ(pillar::open_block(encoded->bytes(), limits).error().code, pillar::errc::limit_exceeded);
    EXPECT_EQ(budget.peak(), 0u);
    limits.max_decoded_bytes = 6 << 20;
    EXPECT_TRUE(pillar::open_block(encoded->bytes(), limits).ok());
    EXPECT_GT(budget.peak(), std::uint64_t{5} << 20);
    pillar::memory_budget small(1 << 20);
    limits.budget = &small;
    EXPECT_EQ(pillar::open_block(encoded->bytes(), limits).error().code, pillar::errc::out_of_memory);
    EXPECT_EQ(small.used(), 0u);
  }
}

/// Opens, and decodes what is opened: the most that this allocated.
std::int64_t most_allocated(std::span<const std::byte> bytes, const pillar::block_limits& limits = {}) {
  allocation_meter::begin();
  if (const auto block = pillar::open_block(bytes, limits, false); block.ok()) {
    const auto scratch = std::make_unique<pillar::vector_scratch>();
    pillar::vector out;
    for (std::uint32_t i = 0; i < block->vector_count(); ++i)
      EXPECT_TRUE(block->vector_at(i).decode(*scratch, out).ok());
  }
  return allocation_meter::most;
}

TEST(storage_hostile, no_allocation_is_sized_by_a_number_in_the_input) {
  constexpr std::uint64_t numbers[] = {~std::uint64_t{0}, 0x7fff'ffff'7fff'7fff, 0x0010'0000'0010'0000, 0xffff, 0x1000};
  constexpr std::size_t transform_at = 7, data_bytes_at = 48;
  std::int64_t most = 0;
  for (const hostile_case& of : every_case()) {
    SCOPED_TRACE(of.name);
    const auto source = make_source(of.type, of.cells);
    const auto encoded = pillar::encode_block(source.views, of.options);
    ASSERT_TRUE(encoded.ok());
    std::vector<std::byte> bytes(encoded->bytes().begin(), encoded->bytes().end());
    const auto size = static_cast<std::int64_t>(bytes.size());
    for (std::size_t at = 4; at < bytes.size() - 64; at += sanitized ? 3 : 1)
      for (const std::uint64_t number : numbers)
        for (const std::size_t width : {2u, 4u, 8u}) {
          if (at + width > bytes.size()) continue;
          std::memcpy(bytes.data() + at, &number, width);
          // What a compressor's own format allows from so few bytes, and the caller's limit.
          const auto id = static_cast<pillar::transform_id>(bytes[transform_at]);
          const auto announced = std::uint64_t{pillar::load_unaligned<std::uint32_t>(bytes.data() + data_bytes_at)};
          const std::uint64_t restored =
              id == pillar::transform_id::none ? 0 : std::min(announced, pillar::restored_bound(id, bytes.size()));
          const std::int64_t taken = most_allocated(bytes);
          most = std::max(most, taken - static_cast<std::int64_t>(restored));
          ASSERT_LE(taken, (3 << 20) + 64 * size + static_cast<std::int64_t>(restored))
              << "byte " << at << ": " << width << " bytes of " << number;
          std::memcpy(bytes.data() + at, encoded->data() + at, width);
        }
  }
  std::printf("[ HOSTILE  ] at most %lld bytes allocated for a block of at most 1 KiB\n", static_cast<long long>(most));
}

TEST(storage_hostile, few_bytes_of_many_rows_take_no_memory_by_row) {
  const auto number = pillar::type_of<std::int64_t>;
  const auto text = pillar::type_of<pillar::text>;
  constexpr std::uint32_t rows = 16 * 1024;
  std::vector<pillar::scalar> numbers, steps, texts, runs;
  const std::string letters(4000, 'a');
  for (std::uint32_t row = 0; row < rows; ++row) {
    numbers.push_back(pillar::scalar::of_integer(number, 7));
    steps.push_back(pillar::scalar::of_integer(number, 3 * row));
    runs.push_back(pillar::scalar::of_integer(number, row / 1000));
  }
  texts.assign(rows / 4, pillar::scalar::of_text(text, letters));
  const std::vector<hostile_case> cases = {{"constant", number, numbers, with(pillar::codec_id::constant)},
                                           {"sequence", number, steps, with(pillar::codec_id::sequence)},
                                           {"run_end", number, runs, with(pillar::codec_id::run_end)},
                                           {"constant text", text, texts, with(pillar::codec_id::constant)},
                                           {"run_end text", text, texts, with(pillar::codec_id::run_end)}};
  for (const hostile_case& of : cases) {
    SCOPED_TRACE(of.name);
    const auto source = make_source(of.type, of.cells);
    const auto encoded = pillar::encode_block(source.views, of.options);
    ASSERT_TRUE(encoded.ok());
    EXPECT_LE(encoded->size(), std::size_t{2} * letters.size());
    EXPECT_LE(most_allocated(encoded->bytes()), 64 << 10);
  }
}

TEST(storage_hostile, more_than_stored_bytes_can_hold_is_refused_before_memory_is_taken) {
  const auto type = pillar::type_of<pillar::text>;
  const auto source =
      make_source(type, std::vector<pillar::scalar>(40, pillar::scalar::of_text(type, "aaaaaaaaaaaaaaaaa")));
  for (const auto choice : {pillar::transform_choice::zstd, pillar::transform_choice::lz4}) {
    const auto encoded = pillar::encode_block(source.views, with(pillar::codec_id::raw, choice));
    ASSERT_TRUE(encoded.ok());
    std::vector<std::byte> bytes(encoded->bytes().begin(), encoded->bytes().end());
    pillar::store_unaligned(bytes.data() + 48, std::uint32_t{200} << 20);  // data bytes: within the usual limits
    EXPECT_EQ(pillar::open_block(bytes, {}, false).error(), (pillar::failure{pillar::errc::corrupt, 48}));
    EXPECT_LE(most_allocated(bytes), 64 << 10);
  }
}

}  // namespace
}  // namespace pillar_test::storage_hostile
