// SPDX-License-Identifier: Apache-2.0
#include "pillar/storage/block_run_store.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "pillar/column/builder.hpp"
#include "pillar/conformance/faults.hpp"
#include "pillar/conformance/run_store.hpp"
#include "pillar/hash/value.hpp"  // hash_word
#include "pillar/storage/detail/text_list.hpp"
#include "pillar/storage/detail/value_list.hpp"
#include "pillar/storage/file_run_store.hpp"
#include "pillar/storage/memory_run_store.hpp"
#include "support/encoded_bytes.hpp"
#include "support/owned_vector.hpp"
#include "support/run_store_rows.hpp"

namespace pillar_test::storage_block_run_store {
namespace {

using pillar::column;
using pillar::errc;
using pillar::file_run_store;
using pillar::memory_budget;
using pillar::memory_run_store;
using pillar::run_store_options;
using pillar::type_of;
using pillar::vector;
using pillar::conformance::fault_plan;
using pillar::conformance::faulty_file;
using pillar::conformance::memory_file;

TEST(storage_block_run_store, files_conform) {
  for (const std::uint64_t buffer_bytes : {std::uint64_t{512} << 10, std::uint64_t{64} << 20}) {
    const run_store_options options{.buffer_bytes = buffer_bytes, .block_rows = 2048};
    memory_file file;
    file_run_store in_file(file, options);
    const auto found = pillar::conformance::check_run_store("file_run_store", in_file, {.seed = 21});
    EXPECT_TRUE(found.ok()) << found;
  }
}

TEST(storage_block_run_store, many_runs_share_the_write_buffers) {
  memory_budget budget;
  const rows_of_two rows(100'000);
  std::vector<std::uint32_t> runs;
  {
    memory_file file;
    file_run_store store(file, {.budget = &budget, .buffer_bytes = 1 << 20});
    for (int i = 0; i < 64; ++i) runs.push_back(*store.open(rows.types()));
    ASSERT_EQ(append_all(store, runs, rows, 20), errc::ok);
    EXPECT_GT(store.counts().rows_written, 0u);
    EXPECT_LT(store.counts().rows_written, rows.size());
    for (const std::uint32_t run : runs) ASSERT_TRUE(store.seal(run).ok());
    EXPECT_LT(budget.peak(), std::uint64_t{3} << 20);  // the buffers, and one block of texts in the making
    EXPECT_EQ(store.counts().rows_written, rows.size());
    EXPECT_EQ(store.counts().bytes_written, *file.size());
    EXPECT_LT(*file.size(), rows.size() * 14);  // 8 bytes at random, and one of 1,000 texts
    for (std::size_t i = 0; i < runs.size(); ++i) ASSERT_EQ(expect_run(store, runs[i], i, 64, rows, 20), errc::ok) << i;
    EXPECT_EQ(store.counts().bytes_read, *file.size());
    for (const std::uint32_t run : runs) store.drop(run);
    EXPECT_EQ(budget.used(), 0u);
  }
}

/// Texts, NULL now and then: the same from whichever row they are asked.
std::string short_text(std::uint64_t row) {
  pillar::splitmix64 random(row);
  if (row >= 40'000 && row < 40'040) return "a text of some more characters " + std::to_string(row);
  if (row >= 30'000 && row < 36'000) return "all the same";
  if (row >= 20'000 && row < 30'000) return std::string(random.below(13), 'x');  // other bits than before
  return "id" + std::to_string(100'000 + random.below(900'000));
}

TEST(storage_block_run_store, short_texts_are_written_as_integers) {
  constexpr std::uint32_t row_count = 60'000, step = 500;
  const auto is_null = [](std::uint64_t row) { return row % 37 == 5 || (row >= 50'000 && row < 53'000); };
  memory_budget budget;
  {
    memory_run_store store({.budget = &budget, .buffer_bytes = 8 << 20, .block_rows = 1024});
    const pillar::data_type type = type_of<pillar::text>.as_nullable();
    const std::uint32_t run = *store.open({&type, 1});
    std::uint64_t bytes_before = 0;
    for (std::uint32_t first = 0; first < row_count; first += step) {
      pillar::column_builder made(type);
      for (std::uint64_t row = first; row < first + step; ++row)
        ASSERT_TRUE((is_null(row) ? made.append_null() : made.append_text(short_text(row))).ok());
      const column texts = *made.finish();
      const vector view = texts.slice(0, step);
      const vector* const columns[] = {&view};
      ASSERT_TRUE(store.append(run, columns, nullptr, step).ok());
      if (first == 18'000) bytes_before = store.counts().bytes_written;
    }
    ASSERT_TRUE(store.seal(run).ok());
    EXPECT_LT(bytes_before, 18'000u * 7 / 2);  // six digits of four bits, and bitmaps
    for (int turn = 0; turn < 2; ++turn) {
      auto reader = *store.read(run);
      std::uint64_t at = 0;
      for (;;) {
        vector texts;
        const auto count = reader->next({&texts, 1});
        ASSERT_TRUE(count.ok());
        if (*count == 0) break;
        ASSERT_EQ(texts.type.physical, pillar::physical_type::text);
        for (std::uint32_t row = 0; row < *count; ++row, ++at) {
          ASSERT_EQ(texts.valid(row), !is_null(at)) << at;
          if (!is_null(at)) ASSERT_EQ(texts.text_value(row), short_text(at)) << at;
        }
      }
      EXPECT_EQ(at, row_count);
    }
  }
  EXPECT_EQ(budget.used(), 0u);
}

// Such integers ascend, and a codec that interpolates leaves what is no text's number where rows are NULL.
TEST(storage_block_run_store, null_rows_among_ascending_texts_are_no_texts) {
  constexpr std::uint32_t row_count = 20'000, step = 500;
  pillar::splitmix64 random(7);
  std::vector<std::string> expected;
  std::uint32_t counter = 0;
  for (std::uint32_t row = 0; row < row_count; ++row) {
    counter += static_cast<std::uint32_t>(100 + random.below(4));
    std::string made(4 + random.below(9), '\0');
    for (unsigned byte = 0; byte < 3; ++byte) made[byte] = static_cast<char>(counter >> 8 * byte & 255);
    expected.push_back(made);
  }
  const auto is_null = [](std::uint64_t row) { return row % 10 == 9; };
  memory_budget budget;
  memory_run_store store({.budget = &budget, .buffer_bytes = 8 << 20, .block_rows = 1024});
  const pillar::data_type type = type_of<pillar::text>.as_nullable();
  const std::uint32_t run = *store.open({&type, 1});
  for (std::uint32_t first = 0; first < row_count; first += step) {
    pillar::column_builder made(type);
    for (std::uint64_t row = first; row < first + step; ++row)
      ASSERT_TRUE((is_null(row) ? made.append_null() : made.append_text(expected[row])).ok());
    const column texts = *made.finish();
    const vector view = texts.slice(0, step);
    const vector* const columns[] = {&view};
    ASSERT_TRUE(store.append(run, columns, nullptr, step).ok());
  }
  ASSERT_TRUE(store.seal(run).ok());
  auto reader = *store.read(run);
  std::uint64_t at = 0;
  for (;;) {
    vector texts;
    const auto count = reader->next({&texts, 1});
    ASSERT_TRUE(count.ok()) << to_string(count.error().code);
    if (*count == 0) break;
    for (std::uint32_t row = 0; row < *count; ++row, ++at) {
      ASSERT_EQ(texts.valid(row), !is_null(at)) << at;
      if (!is_null(at)) ASSERT_EQ(texts.text_value(row), expected[at]) << at;
    }
  }
  EXPECT_EQ(at, row_count);
}

/// 64-bit integers, NULL now and then: small, about a large number, far away from row 30,000 on.
std::int64_t far_integer(std::uint64_t row, std::size_t column) {
  pillar::splitmix64 random(row * 8 + column);
  if (column == 3 && row >= 30'000 && row % 1000 == 7) return static_cast<std::int64_t>(random());
  const auto near = static_cast<std::int64_t>(random.below(1u << 31)) - (1 << 30);
  constexpr std::int64_t bases[] = {0, 1'000'000'000'000, std::numeric_limits<std::int64_t>::max() - (1 << 30), -5};
  return bases[column] + near;
}

// What one run makes of its integers holds for others of the same columns, but not for vectors that wait already.
TEST(storage_block_run_store, whole_vectors_that_wait_keep_their_form) {
  memory_run_store store(pillar::run_store_options{});
  const pillar::data_type type = type_of<std::int64_t>;
  const std::uint32_t runs[] = {*store.open({&type, 1}), *store.open({&type, 1})};
  const auto append = [&](std::uint32_t run, std::uint32_t count, std::int64_t first) {
    pillar::column_builder builder(type);
    for (std::uint32_t i = 0; i < count; ++i) EXPECT_TRUE(builder.append_integer(first + i).ok());
    const column made = *builder.finish();
    const vector view = made.slice(0, count);
    const vector* const columns[] = {&view};
    return store.append(run, columns, nullptr, count);
  };
  ASSERT_TRUE(append(runs[0], 1024, 7).ok());
  ASSERT_TRUE(append(runs[1], 1, std::int64_t{1} << 40).ok());
  ASSERT_TRUE(append(runs[0], 1, 2000).ok());
  ASSERT_TRUE(append(runs[0], 1, std::int64_t{1} << 50).ok());
  for (const std::uint32_t run : runs) ASSERT_TRUE(store.seal(run).ok());
  auto reader = *store.read(runs[0]);
  std::vector<std::int64_t> got;
  for (;;) {
    vector read;
    const auto count = reader->next({&read, 1});
    ASSERT_TRUE(count.ok());
    if (*count == 0) break;
    for (std::uint32_t row = 0; row < *count; ++row) got.push_back(read.value<std::int64_t>(row));
  }
  ASSERT_EQ(got.size(), 1026u);
  for (std::uint32_t i = 0; i < 1024; ++i) ASSERT_EQ(got[i], 7 + i);
  EXPECT_EQ(got[1024], 2000);
  EXPECT_EQ(got[1025], std::int64_t{1} << 50);
}

/// Columns of 64 bits, by row and number: the bits of a value, and whether it is NULL.
struct wide_columns {
  std::vector<pillar::data_type> types{};
  std::uint64_t (*value)(std::uint64_t row, std::size_t column);
  bool (*is_null)(std::uint64_t row, std::size_t column);

  column make(std::size_t of, std::uint64_t first, std::uint32_t count) const {
    pillar::column_builder builder(types[of]);
    for (std::uint64_t row = first; row < first + count; ++row) {
      const std::uint64_t bits = value(row, of);
      if (is_null(row, of)) EXPECT_TRUE(builder.append_null().ok());
      else if (types[of] == type_of<double>) EXPECT_TRUE(builder.append_real(std::bit_cast<double>(bits)).ok());
      else if (types[of].physical == pillar::physical_type::uint64) EXPECT_TRUE(builder.append_integer(bits).ok());
      else EXPECT_TRUE(builder.append_integer(static_cast<std::int64_t>(bits)).ok());
    }
    return *builder.finish();
  }

  /// Through three runs, by masks and whole: every bit comes back. Returns the bytes written.
  std::uint64_t check(std::uint32_t row_count, std::uint64_t buffer_bytes) const {
    constexpr std::uint32_t step = 700;
    memory_budget budget;
    std::uint64_t bytes = 0, seen = 0;
    {
      memory_run_store store({.budget = &budget, .buffer_bytes = buffer_bytes});
      const std::uint32_t runs[] = {*store.open(types), *store.open(types), *store.open(types)};
      for (std::uint32_t first = 0; first < row_count; first += step) {
        const std::uint32_t count = std::min(step, row_count - first);
        std::vector<column> made;
        for (std::size_t i = 0; i < types.size(); ++i) made.push_back(make(i, first, count));
        std::vector<vector> views;
        std::vector<const vector*> columns;
        for (const column& of : made) views.push_back(of.slice(0, count));
        for (const vector& view : views) columns.push_back(&view);
        // Row r goes to run r % 3, all rows to the last if r / 700 is odd.
        for (std::uint32_t run = 0; run < 3; ++run) {
          pillar::selection_mask rows = pillar::selection_mask::none();
          const bool whole = first / step % 2 == 1;
          for (std::uint32_t row = 0; row < count; ++row)
            if (whole ? run == 2 : row % 3 == run) pillar::set_bit(rows.words, row);
          if (rows.any()) EXPECT_TRUE(store.append(runs[run], columns, whole ? nullptr : &rows, count).ok());
        }
      }
      for (std::uint32_t run = 0; run < 3; ++run) EXPECT_TRUE(store.seal(runs[run]).ok());
      bytes = store.counts().bytes_written;
      for (std::uint32_t run = 0; run < 3; ++run) {
        std::vector<std::uint64_t> expected;
        for (std::uint64_t row = 0; row < row_count; ++row)
          if (row / step % 2 == 1 ? run == 2 : row % step % 3 == run) expected.push_back(row);
        auto reader = *store.read(runs[run]);
        std::size_t at = 0, wrong = 0;
        for (;;) {
          std::vector<vector> read(types.size());
          const auto count = reader->next(read);
          if (!count.ok() || *count == 0 || at + *count > expected.size()) {
            EXPECT_TRUE(count.ok() && *count == 0);
            break;
          }
          for (std::size_t i = 0; i < types.size(); ++i) {
            EXPECT_TRUE(read[i].type == types[i]);
            for (std::uint32_t row = 0; row < *count; ++row) {
              const std::uint64_t number = expected[at + row];
              wrong += read[i].valid(row) == is_null(number, i) ||
                       (read[i].valid(row) && read[i].value<std::uint64_t>(row) != value(number, i));
            }
          }
          at += *count;
        }
        EXPECT_EQ(wrong, 0u) << run;
        EXPECT_EQ(at, expected.size());
        seen += at;
      }
    }
    EXPECT_EQ(seen, row_count);
    EXPECT_EQ(budget.used(), 0u);
    return bytes;
  }
};

TEST(storage_block_run_store, integers_wait_as_distances) {
  const wide_columns columns{
      {type_of<std::int64_t>, type_of<std::int64_t>.as_nullable(), type_of<std::uint64_t>, type_of<std::int64_t>},
      [](std::uint64_t row, std::size_t column) { return static_cast<std::uint64_t>(far_integer(row, column)); },
      [](std::uint64_t row, std::size_t column) { return column == 1 && row % 11 == 3; }};
  for (const std::uint64_t buffer_bytes : {std::uint64_t{96} << 10, std::uint64_t{8} << 20})
    columns.check(60'000, buffer_bytes);
}

/// 300 values far apart; 1,500, NULL now and then; 40 reals; at first near zero, then 200 values, then all different.
std::uint64_t listed_value(std::uint64_t row, std::size_t column) {
  pillar::splitmix64 random(row * 8 + column);
  if (column == 0) return pillar::hash_word(random.below(300));
  if (column == 1) return pillar::hash_word(random.below(1'500));
  constexpr double odd[] = {-0.0, 0.0, std::numeric_limits<double>::infinity(), 1e-310};
  if (column == 2) return std::bit_cast<std::uint64_t>(row % 10 < 4 ? odd[row % 10] : std::sqrt(row % 40));
  return row < 10'000 ? random.below(1'000) : row < 40'000 ? pillar::hash_word(random.below(200)) : random();
}
bool listed_null(std::uint64_t row, std::size_t column) {
  return column == 1 && (row % 11 == 3 || row < 1'400 || (row > 20'000 && row < 24'000));
}

TEST(storage_block_run_store, few_values_far_apart_wait_as_numbers) {
  const wide_columns columns{
      {type_of<std::int64_t>, type_of<std::uint64_t>.as_nullable(), type_of<double>, type_of<std::int64_t>},
      listed_value,
      listed_null};
  for (const std::uint64_t buffer_bytes : {std::uint64_t{96} << 10, std::uint64_t{8} << 20})
    columns.check(60'000, buffer_bytes);
  // Nine bits, eleven and a bitmap, six, and ten of distances; hardly more for a block of one vector than for one of many.
  wide_columns few = columns;
  few.types.resize(3);
  const std::uint64_t bytes = few.check(60'000, 96 << 10);
  EXPECT_LT(bytes, 60'000u * 30 / 8);
}

// Distances, then numbers, then the values: refused memory costs an error or another form, never a row.
TEST(storage_block_run_store, forms_change_without_memory) {
  constexpr std::uint32_t row_count = 2'400, step = 100;
  const auto value = [](std::uint64_t row) {
    pillar::splitmix64 random(row);
    const std::uint64_t of = row < 500 ? random.below(1'000) : random.below(row < 1'500 ? 90 : 100'000);
    return row < 500 ? of : pillar::hash_word(of);
  };
  pillar::column_builder builder(type_of<std::uint64_t>);
  for (std::uint64_t row = 0; row < row_count; ++row) ASSERT_TRUE(builder.append_integer(value(row)).ok());
  const column rows = *builder.finish();
  const auto found = pillar::conformance::sweep_allocations("forms of vectors that wait", [&](memory_budget& budget) {
    // No room for a vector of each run: what is refused is not asked for a second time.
    memory_run_store store({.budget = &budget, .buffer_bytes = 16 << 10, .block_rows = 1024});
    std::uint32_t runs[2];
    for (auto& run : runs) {
      const auto number = store.open({&rows.type(), 1});
      if (!number.ok()) return number.error().code;
      run = *number;
    }
    for (std::uint64_t at = 0; at < row_count; at += step) {
      const vector view = rows.slice(at, step);
      const vector* const columns[] = {&view};
      if (const auto done = store.append(runs[at / step % 2], columns, nullptr, step); !done.ok())
        return done.error().code;
    }
    for (std::uint32_t run = 0; run < 2; ++run) {
      if (const auto done = store.seal(runs[run]); !done.ok()) return done.error().code;
      auto reader = store.read(runs[run]);
      if (!reader.ok()) return reader.error().code;
      std::uint64_t at = 0;
      for (;;) {
        vector read;
        const auto count = (*reader)->next({&read, 1});
        if (!count.ok()) return count.error().code;
        if (*count == 0) break;
        for (std::uint32_t row = 0; row < *count; ++row, ++at)
          if (read.value<std::uint64_t>(row) != value((at / step * 2 + run) * step + at % step)) return errc::corrupt;
      }
      if (at != row_count / 2) return errc::truncated;
    }
    return errc::ok;
  });
  EXPECT_TRUE(found.ok()) << found;
  EXPECT_GT(found.count("injection points"), 50u);
}

// As many numbers as 16 bits have, then the values themselves.
TEST(storage_block_run_store, a_list_of_values_has_an_end) {
  const wide_columns columns{{type_of<std::int64_t>},
                             [](std::uint64_t row, std::size_t) { return pillar::hash_word(row / 4); },
                             [](std::uint64_t, std::size_t) { return false; }};
  const std::uint64_t bytes = columns.check(280'000, 8 << 20);
  EXPECT_LT(bytes, 280'000u * 6);
}

TEST(storage_block_run_store, write_buffers_leave_what_others_may_need) {
  for (const std::uint64_t limit : {std::uint64_t{320} << 10, memory_budget::unlimited}) {
    memory_budget budget(limit);
    memory_run_store store({.budget = &budget, .buffer_bytes = 512 << 10});
    const pillar::data_type type = pillar::decimal_type(38, 0, false);
    const pillar::int128 value = 1;
    const vector one = view_of(type, &value, 1);
    const vector* const columns[] = {&one};
    std::uint32_t runs[16];
    for (auto& run : runs) run = *store.open({&type, 1});
    for (const std::uint32_t run : runs) ASSERT_TRUE(store.append(run, columns, nullptr, 1).ok());
    // Room for whole vectors at once is taken where it does not matter.
    if (limit == memory_budget::unlimited) EXPECT_GT(budget.used(), 16u * 1024 * sizeof(value));
    else EXPECT_LT(budget.used(), 16u * 256 * sizeof(value));
  }
}

/// A column of texts; an empty optional is NULL.
using text_rows = std::vector<std::optional<std::string>>;
constexpr pillar::data_type of_texts = type_of<pillar::text>.as_nullable();

column column_of(const text_rows& rows) {
  pillar::column_builder made(of_texts);
  for (const auto& row : rows) EXPECT_TRUE((row ? made.append_text(*row) : made.append_null()).ok());
  return *made.finish();
}
errc append_texts(pillar::run_store& store, std::uint32_t run, const text_rows& rows, std::uint32_t step = 500) {
  const column texts = column_of(rows);
  for (std::uint64_t at = 0; at < rows.size(); at += step) {
    const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(step, rows.size() - at));
    const vector view = texts.slice(at, count);
    const vector* const columns[] = {&view};
    if (const auto done = store.append(run, columns, nullptr, count); !done.ok()) return done.error().code;
  }
  return errc::ok;
}
/// corrupt where other rows are read than these.
errc read_texts(pillar::run_store& store, std::uint32_t run, const text_rows& rows) {
  auto reader = store.read(run);
  if (!reader.ok()) return reader.error().code;
  std::size_t at = 0;
  for (;;) {
    vector texts;
    const auto count = (*reader)->next({&texts, 1});
    if (!count.ok()) return count.error().code;
    if (*count == 0) return at == rows.size() ? errc::ok : errc::corrupt;
    for (std::uint32_t row = 0; row < *count; ++row, ++at)
      if (at >= rows.size() || texts.valid(row) != rows[at].has_value() ||
          (rows[at] && texts.text_value(row) != *rows[at]))
        return errc::corrupt;
  }
}
std::string customer(pillar::splitmix64& random) {
  return "customer of the " + std::to_string(random.below(100)) + "th district, number " +
         std::to_string(random.below(1'000'000'000));
}

// A table of symbols in each block of a vector would take half as much again.
TEST(storage_block_run_store, blocks_of_texts_share_their_symbols) {
  pillar::splitmix64 random(3);
  text_rows rows;
  for (std::uint32_t row = 0; row < 30'000; ++row) {
    if (row % 31 == 7) rows.emplace_back();
    else if (row >= 12'000 && row < 12'100) rows.emplace_back(customer(random) + " \xc3\xa9t\xc3\xa9 {new bytes}");
    else if (row < 20'000) rows.emplace_back(customer(random));
    else rows.emplace_back("Lieferschein " + std::to_string(random()) + " vom " + std::to_string(random.below(365)));
  }
  const column texts = column_of(rows);
  memory_budget budget;
  {
    memory_file file;
    file_run_store store(file, {.budget = &budget, .buffer_bytes = 8 << 20, .block_rows = 1024});
    const std::uint32_t runs[] = {*store.open({&of_texts, 1}), *store.open({&of_texts, 1})};
    for (const std::uint32_t run : runs) {
      ASSERT_EQ(append_texts(store, run, rows), errc::ok);
      ASSERT_TRUE(store.seal(run).ok());
    }
    EXPECT_EQ(store.counts().bytes_written, *file.size());
    EXPECT_LE(static_cast<double>(*file.size()), 2 * 1.12 * static_cast<double>(encoded_bytes(texts)));
    for (int turn = 0; turn < 2; ++turn)
      for (const std::uint32_t run : runs) ASSERT_EQ(read_texts(store, run, rows), errc::ok);
    EXPECT_EQ(store.counts().bytes_read, 2 * *file.size());
    store.drop(runs[0]);
    ASSERT_EQ(read_texts(store, runs[1], rows), errc::ok);
  }
  EXPECT_EQ(budget.used(), 0u);
}

/// About 400 characters: words of one of two languages, and numbers.
std::string letter(pillar::splitmix64& random, bool is_german) {
  constexpr const char* words[2][12] = {{"customer", "district", "delivery", "returned", "invoice", "warehouse",
                                         "transport", "carefully", "packages", "furiously", "accounts", "requests"},
                                        {"Kunde", "Bezirk", "Lieferschein", "Bestellung", "Rechnung", "Lagerhaus",
                                         "Spedition", "vorsichtig", "Pakete", "Konten", "ausstehend", "Anfragen"}};
  std::string made;
  while (made.size() < 400) {
    made += words[is_german ? 1 : 0][random.below(12)];
    made += random.chance(1, 3) ? " " + std::to_string(random.below(100'000)) + " " : " ";
  }
  return made;
}

// Of long texts a write buffer has no whole vector: their blocks, too, tell when symbols no longer suit them.
TEST(storage_block_run_store, symbols_of_long_texts_follow_them) {
  pillar::splitmix64 random(8);
  constexpr std::uint32_t row_count = 12'000;
  text_rows rows;
  for (std::uint32_t row = 0; row < row_count; ++row) rows.emplace_back(letter(random, random.below(row_count) < row));
  memory_run_store store({.buffer_bytes = 320 << 10});
  const std::uint32_t run = *store.open({&of_texts, 1});
  ASSERT_EQ(append_texts(store, run, rows, 100), errc::ok);
  ASSERT_TRUE(store.seal(run).ok());
  EXPECT_LE(static_cast<double>(store.counts().bytes_written),
            1.12 * static_cast<double>(encoded_bytes(column_of(rows))));
  ASSERT_EQ(read_texts(store, run, rows), errc::ok);
}

TEST(storage_block_run_store, few_long_texts_are_written_as_numbers) {
  for (const std::uint32_t distinct : {20u, 300u, 1000u}) {
    pillar::splitmix64 random(distinct);
    std::vector<std::string> values;
    for (std::uint32_t i = 0; i < distinct; ++i) {
      values.push_back(customer(random));
      values.back().resize(30 + random.below(71), 'x');
    }
    text_rows rows(2500);  // NULLs first
    for (std::uint32_t row = 0; row < 30'000; ++row) {
      if (row % 31 == 7) rows.emplace_back();
      else rows.emplace_back(values[random.below(distinct)]);
    }
    const column texts = column_of(rows);
    memory_budget budget;
    {
      memory_run_store store({.budget = &budget, .buffer_bytes = 8 << 20, .block_rows = 2048});
      const std::uint32_t runs[] = {*store.open({&of_texts, 1}), *store.open({&of_texts, 1})};
      ASSERT_EQ(append_texts(store, runs[0], rows), errc::ok);
      ASSERT_TRUE(store.seal(runs[0]).ok());
      EXPECT_LE(static_cast<double>(store.counts().bytes_written), 1.2 * static_cast<double>(encoded_bytes(texts)));
      ASSERT_EQ(read_texts(store, runs[0], rows), errc::ok);
      // Then there are many after all, also while the first ones are read.
      auto reader = *store.read(runs[0]);
      vector first;
      do ASSERT_TRUE(reader->next({&first, 1}).ok());
      while (first.validity != nullptr && !first.valid(0));
      const std::string seen(first.text_value(0));
      text_rows others(rows.begin(), rows.begin() + 3000);
      for (std::uint32_t row = 0; row < 5000; ++row) others.emplace_back(customer(random));
      for (std::uint32_t row = 0; row < 3000; ++row) others.push_back(rows[2000 + row]);
      ASSERT_EQ(append_texts(store, runs[1], others), errc::ok);
      ASSERT_TRUE(store.seal(runs[1]).ok());
      EXPECT_EQ(first.text_value(0), seen);
      ASSERT_EQ(read_texts(store, runs[1], others), errc::ok);
      ASSERT_EQ(read_texts(store, runs[0], rows), errc::ok);
    }
    EXPECT_EQ(budget.used(), 0u);
  }
}

TEST(storage_block_run_store, texts_outlast_refused_allocations) {
  pillar::splitmix64 random(9);
  text_rows many, few;
  for (std::uint32_t row = 0; row < 3000; ++row) many.emplace_back(customer(random));
  for (std::uint32_t row = 0; row < 3000; ++row) few.push_back(many[random.below(100)]);
  for (const text_rows* rows : {&many, &few}) {
    const auto found = pillar::conformance::sweep_allocations("texts", [&](memory_budget& budget) {
      memory_run_store store({.budget = &budget, .buffer_bytes = 1 << 20, .block_rows = 1024});
      const auto run = store.open({&of_texts, 1});
      if (!run.ok()) return run.error().code;
      if (const errc said = append_texts(store, *run, *rows); said != errc::ok) return said;
      if (const auto done = store.seal(*run); !done.ok()) return done.error().code;
      return read_texts(store, *run, *rows);
    });
    EXPECT_TRUE(found.ok()) << found;
    EXPECT_GT(found.count("injection points"), 20u);
  }
}

TEST(storage_block_run_store, every_file_operation_may_fail) {
  const rows_of_two rows(swept_row_count);
  const auto in_file = pillar::conformance::sweep_file_operations("file_run_store", [&](fault_plan& plan) {
    memory_budget budget;
    errc said;
    {
      memory_file inner;
      faulty_file<memory_file> file(inner, plan);
      auto options = swept_options();
      options.budget = &budget;
      file_run_store store(file, options);
      said = write_and_read(store, rows);
    }
    EXPECT_EQ(budget.used(), 0u);
    return said;
  });
  EXPECT_TRUE(in_file.ok()) << in_file;
  EXPECT_GT(in_file.count("injection points"), 10u);
  // Blocks whose table of symbols is in memory.
  pillar::splitmix64 random(9);
  text_rows many;
  for (std::uint32_t row = 0; row < (sanitized ? 700 : 3000); ++row) many.emplace_back(customer(random));
  const auto of_symbols = pillar::conformance::sweep_file_operations("texts in symbols", [&](fault_plan& plan) {
    memory_budget budget;
    errc said;
    {
      memory_file inner;
      faulty_file<memory_file> file(inner, plan);
      file_run_store store(file, {.budget = &budget, .buffer_bytes = 64 << 10, .block_rows = 1024});
      const std::uint32_t run = *store.open({&of_texts, 1});
      said = append_texts(store, run, many, 100);
      if (said == errc::ok) said = store.seal(run).error().code;
      if (said == errc::ok) said = read_texts(store, run, many);
    }
    EXPECT_EQ(budget.used(), 0u);
    return said;
  });
  EXPECT_TRUE(of_symbols.ok()) << of_symbols;
  EXPECT_GE(of_symbols.count("injection points"), sanitized ? 2u : 6u);
}

TEST(storage_block_run_store, rows_outlast_a_refused_allocation) {
  const rows_of_two rows(2'500);
  std::uint64_t refused = 0;
  for (std::uint64_t number = 1;; ++number) {
    memory_budget budget;
    {
      memory_run_store store({.budget = &budget, .buffer_bytes = 1 << 20, .block_rows = 1024});
      const std::uint32_t run = *store.open(rows.types());
      budget.refuse(number);
      for (std::uint64_t at = 0; at < rows.size(); at += 500) {
        const vector views[] = {rows.columns[0].slice(at, 500), rows.columns[1].slice(at, 500)};
        const vector* const columns[] = {&views[0], &views[1]};
        auto done = store.append(run, columns, nullptr, 500);
        if (!done.ok()) done = store.append(run, columns, nullptr, 500);
        ASSERT_TRUE(done.ok()) << number;
      }
      if (const auto done = store.seal(run); !done.ok()) {
        EXPECT_EQ(store.read(run).error().code, done.error().code);
        ASSERT_TRUE(store.seal(run).ok());
      }
      refused += budget.refused();
      if (budget.refused() == 0) budget.refuse(0);  // reading is not what this is about
      ASSERT_EQ(expect_run(store, run, 0, 1, rows), errc::ok);
    }
    EXPECT_EQ(budget.used(), 0u);
    if (refused < number) break;
  }
  EXPECT_GT(refused, 20u);
}

TEST(storage_block_run_store, a_failed_write_costs_its_run_and_no_other) {
  const rows_of_two rows(2'500);
  memory_file inner;
  fault_plan plan;
  faulty_file<memory_file> file(inner, plan);
  file_run_store store(file, {.block_rows = 1024});
  std::uint32_t runs[3];
  for (auto& run : runs) run = *store.open(rows.types());
  ASSERT_EQ(append_all(store, {runs, 1}, rows), errc::ok);
  ASSERT_TRUE(store.seal(runs[0]).ok());
  plan.fail_at = plan.operations + 2;
  EXPECT_EQ(append_all(store, {runs + 1, 1}, rows), errc::io_error);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(store.seal(runs[1]).error().code, errc::io_error);
    EXPECT_EQ(store.read(runs[1]).error().code, errc::io_error);
  }
  EXPECT_EQ(append_all(store, {runs + 2, 1}, rows), errc::io_error);  // where the file ends is not known any more
  EXPECT_EQ(expect_run(store, runs[0], 0, 1, rows), errc::ok);
}

/// A file in memory that a test may change.
struct open_file {
  std::vector<std::byte> bytes{};
  pillar::result<std::uint64_t> size() const { return std::uint64_t{bytes.size()}; }
  pillar::result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const {
    if (offset > bytes.size() || bytes.size() - offset < into.size()) return {errc::truncated, offset};
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return {};
  }
  pillar::result<void> append(std::span<const std::byte> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  }
  pillar::result<void> sync() { return {}; }
};

TEST(storage_block_run_store, bytes_that_others_change_never_become_rows) {
  const rows_of_two rows(120);
  open_file file;
  file_run_store store(file);
  const std::uint32_t runs[] = {*store.open(rows.types()), *store.open(rows.types())};
  ASSERT_EQ(append_all(store, runs, rows, 60), errc::ok);
  for (const std::uint32_t run : runs) ASSERT_TRUE(store.seal(run).ok());
  const auto both = [&] {
    const errc first = expect_run(store, runs[0], 0, 2, rows, 60);
    return first != errc::ok ? first : expect_run(store, runs[1], 1, 2, rows, 60);
  };
  ASSERT_EQ(both(), errc::ok);
  const std::vector<std::byte> sound = file.bytes;
  for (std::size_t at = 0; at < sound.size(); at += at % 64 < 48 ? 1 : 5) {
    file.bytes[at] ^= std::byte{static_cast<unsigned char>(1u << at % 8)};
    const errc said = both();
    ASSERT_TRUE(said == errc::checksum_mismatch || said == errc::corrupt || said == errc::unsupported ||
                said == errc::truncated)
        << at;
    file.bytes[at] = sound[at];
  }
  for (std::size_t size = 0; size < sound.size(); size += 7) {
    file.bytes.resize(size);
    ASSERT_EQ(both(), errc::truncated);
    file.bytes = sound;
  }
  // Blocks whose table of symbols stands elsewhere, and blocks of numbers of texts.
  pillar::splitmix64 letters(8);
  text_rows many, few;
  for (std::uint32_t row = 0; row < 720; ++row) many.emplace_back(customer(letters));
  for (std::uint32_t row = 0; row < 300; ++row) few.push_back(many[letters.below(60)]);
  for (const text_rows* texts : {&many, &few}) {
    open_file of_texts_file;
    file_run_store store_of_texts(of_texts_file);
    const std::uint32_t run = *store_of_texts.open({&of_texts, 1});
    ASSERT_EQ(append_texts(store_of_texts, run, *texts), errc::ok);
    ASSERT_TRUE(store_of_texts.seal(run).ok());
    ASSERT_EQ(read_texts(store_of_texts, run, *texts), errc::ok);
    for (std::size_t at = 0; at < of_texts_file.bytes.size(); at += at < 256 ? 1 : 61)
      for (unsigned bit = 0; bit < 8; ++bit) {
        of_texts_file.bytes[at] ^= std::byte{static_cast<unsigned char>(1u << bit)};
        const errc said = read_texts(store_of_texts, run, *texts);
        ASSERT_TRUE(said == errc::checksum_mismatch || said == errc::corrupt || said == errc::unsupported ||
                    said == errc::truncated)
            << at;
        of_texts_file.bytes[at] ^= std::byte{static_cast<unsigned char>(1u << bit)};
      }
    const std::vector<std::byte> whole_file = of_texts_file.bytes;
    std::fill_n(of_texts_file.bytes.begin() + 52, 4, std::byte{0});  // the header's stored_bytes
    const errc without_data = read_texts(store_of_texts, run, *texts);
    ASSERT_TRUE(without_data == errc::corrupt || without_data == errc::checksum_mismatch);
    of_texts_file.bytes = whole_file;
    of_texts_file.bytes.resize(of_texts_file.bytes.size() - 1);
    ASSERT_EQ(read_texts(store_of_texts, run, *texts), errc::truncated);
  }
  // A sound block of the same size in another's place.
  open_file twice;
  file_run_store twins(twice);
  std::vector<std::uint32_t> pair;
  std::vector<std::size_t> ends;
  pillar::splitmix64 random(3);
  for (int i = 0; i < 2; ++i) {
    std::vector<std::uint32_t> values(60);
    for (auto& value : values) value = static_cast<std::uint32_t>(random());
    values[0] = 0, values[1] = ~std::uint32_t{0};
    pillar::column_builder builder(type_of<std::uint32_t>);
    ASSERT_TRUE(builder.append_values<std::uint32_t>(values).ok());
    const column made = *builder.finish();
    pair.push_back(*twins.open({&made.type(), 1}));
    const vector number = made.slice(0, 60);
    const vector* const columns[] = {&number};
    ASSERT_TRUE(twins.append(pair.back(), columns, nullptr, 60).ok() && twins.seal(pair.back()).ok());
    ends.push_back(twice.bytes.size());
  }
  ASSERT_EQ(ends[1], 2 * ends[0]);
  std::swap_ranges(twice.bytes.begin(), twice.bytes.begin() + static_cast<std::ptrdiff_t>(ends[0]),
                   twice.bytes.begin() + static_cast<std::ptrdiff_t>(ends[0]));
  vector read[1];
  EXPECT_EQ((*twins.read(pair[0]))->next(read).error().code, errc::checksum_mismatch);
}

// A list that doubles takes what it says: 12 bytes a value at its largest, and no more values than a power of two.
TEST(storage_block_run_store, a_list_of_values_takes_what_it_says) {
  pillar::memory_budget budget;
  pillar::detail::value_list list(33'333, &budget);
  std::uint64_t values[pillar::vector_rows];
  std::uint16_t numbers[pillar::vector_rows];
  for (std::uint64_t first = 0; list.is_open() && first < 64 * 1024; first += pillar::vector_rows / 2) {
    // Each comes twice, so that the list is worth its memory.
    for (std::uint32_t i = 0; i < pillar::vector_rows; ++i) values[i] = pillar::hash_word(first + i / 2);
    if (!list.find(values, pillar::vector_rows, 0, numbers)) break;
    list.keep_rows();
    EXPECT_EQ(numbers[34], static_cast<std::uint16_t>(first + 17));
    EXPECT_LE(budget.used(), std::uint64_t{32'768} * pillar::detail::value_list::bytes_of_value + (16 << 10));  // pages
  }
  EXPECT_FALSE(list.is_open());
  EXPECT_EQ(list.size(), 32'768u);
}

// What all columns have in lists is no more than the write buffers, however many there are, and a quarter for each.
TEST(storage_block_run_store, lists_of_many_columns_share_what_they_take) {
  constexpr std::uint64_t buffer_bytes = 1 << 20, value_count = 20'000;
  const auto type = type_of<std::uint64_t>;
  for (const std::size_t column_count : {1u, 4u, 24u}) {
    const std::vector<pillar::data_type> types(column_count, type);
    memory_budget budget;
    memory_file file;
    file_run_store store(file, {.budget = &budget, .buffer_bytes = buffer_bytes});
    const std::uint32_t run = *store.open(types);
    std::vector<std::uint64_t> values(pillar::vector_rows);
    const vector view = view_of(type, values);
    const std::vector<const vector*> columns(column_count, &view);
    for (std::uint64_t first = 0; first < value_count; first += pillar::vector_rows / 2) {
      // Each comes twice, so that it is worth its place.
      for (std::uint64_t i = 0; i < pillar::vector_rows; ++i) values[i] = pillar::hash_word(first + i / 2);
      ASSERT_TRUE(store.append(run, columns, nullptr, pillar::vector_rows).ok());
    }
    ASSERT_TRUE(store.seal(run).ok());
    const std::uint64_t most = column_count < 4 ? column_count * buffer_bytes / 4 : buffer_bytes;
    EXPECT_GT(budget.used(), most / 8) << column_count;
    EXPECT_LT(budget.used(), most + (64 << 10)) << column_count;  // and directories
  }
}

// Texts that stay are taken where seven times as much is left for others.
TEST(storage_block_run_store, a_list_of_texts_leaves_what_others_may_need) {
  pillar::splitmix64 random(4);
  text_rows rows;
  for (std::uint32_t row = 0; row < 20; ++row) rows.emplace_back(customer(random));
  const column texts = column_of(rows);
  const vector view = texts.slice(0, 20);
  for (const bool is_little : {false, true}) {
    using pillar::detail::text_list;
    constexpr std::uint64_t wanted = 8 * text_list::chunk_bytes;
    memory_budget budget(wanted + (is_little ? 0 : 64 << 10));
    text_list list;
    pillar::detail::listed_texts listed;
    list.choose(view, nullptr);
    EXPECT_EQ(list.number(view, nullptr, 20, &budget, listed), !is_little);
    EXPECT_EQ(list.form, is_little ? text_list::form_type::refused : text_list::form_type::listed);
    EXPECT_EQ(budget.used() > text_list::chunk_bytes, !is_little);
  }
}

}  // namespace
}  // namespace pillar_test::storage_block_run_store
