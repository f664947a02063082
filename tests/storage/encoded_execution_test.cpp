// SPDX-License-Identifier: Apache-2.0
// What each codec answers without decoding, found by asking blocks: docs/encoded-execution.md is written here.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "support/block_cases.hpp"

namespace pillar_test::storage_encoded_execution {
namespace {

using pillar::codec_id;
using pillar::scalar;

/// Values that a codec is made for; `row` counts from 0.
struct column_kind {
  codec_id codec;
  const char* what;  ///< where one codec has several rows in the table
  std::int64_t (*value)(std::uint32_t row);
};

std::uint32_t scattered(std::uint32_t row) { return row * 2654435761u >> 8; }

// All values lie in 0 … 120, so that each type has them; text and floats are made of them.
const column_kind kinds[] = {
    {codec_id::raw, "", [](std::uint32_t row) -> std::int64_t { return scattered(row) % 100; }},
    {codec_id::constant, "", [](std::uint32_t) -> std::int64_t { return 1; }},
    {codec_id::frame_of_reference, "", [](std::uint32_t row) -> std::int64_t { return scattered(row) % 100; }},
    {codec_id::patched, "", [](std::uint32_t row) -> std::int64_t { return row % 30 == 7 ? 110 : scattered(row) % 8; }},
    {codec_id::sequence, "", [](std::uint32_t row) -> std::int64_t { return row; }},
    {codec_id::delta, "ascending", [](std::uint32_t row) -> std::int64_t { return row / 9; }},
    {codec_id::delta, "other", [](std::uint32_t row) -> std::int64_t { return 50 + scattered(row) % 3 + row % 7; }},
    {codec_id::run_end, "", [](std::uint32_t row) -> std::int64_t { return scattered(row / 6) % 100; }},
    {codec_id::dictionary, "", [](std::uint32_t row) -> std::int64_t { return scattered(row) % 12 * 7; }},
    {codec_id::text_symbols, "", [](std::uint32_t row) -> std::int64_t { return scattered(row) % 100; }},
    {codec_id::bitmap, "", [](std::uint32_t row) -> std::int64_t { return scattered(row) % 2; }},
    {codec_id::decimal_double, "", [](std::uint32_t row) -> std::int64_t { return scattered(row) % 100; }},
    {codec_id::real_double, "", [](std::uint32_t row) -> std::int64_t { return scattered(row) % 100; }},
    {codec_id::split_int128, "", [](std::uint32_t row) -> std::int64_t { return scattered(row) % 100; }},
};

/// A full vector; of a sequence, as many rows as 8 bits can number.
std::uint32_t rows_of(const column_kind& kind) { return kind.codec == codec_id::sequence ? 120 : 1024; }

scalar cell_of(const column_kind& kind, pillar::data_type type, std::uint32_t row) {
  const std::int64_t value = type.physical == pillar::physical_type::boolean ? kind.value(row) % 2 : kind.value(row);
  if (type.physical == pillar::physical_type::text) {
    const char digits[] = {static_cast<char>('0' + value / 100), static_cast<char>('0' + value / 10 % 10),
                           static_cast<char>('0' + value % 10)};
    return scalar::of_text(type, "number " + std::string(digits, 3));
  }
  if (!pillar::is_float(type.physical)) return scalar::of_integer(type, value);
  // Decimals, or anything but: thirds.
  return scalar::of_real(type, static_cast<double>(value) / (kind.codec == codec_id::real_double ? 3 : 4));
}

bool is_less(const scalar& a, const scalar& b) {
  if (a.text != b.text) return a.text < b.text;
  return a.integer != b.integer ? a.integer < b.integer : a.real < b.real;
}

/// lo ≤ x < hi, or ≤ hi of numbers.
pillar::domain between(const scalar& lo, const scalar& hi) {
  const pillar::physical_type physical = lo.type.physical;
  if (physical == pillar::physical_type::text) return pillar::text_range(lo.text, true, hi.text);
  if (pillar::is_float(physical)) return pillar::real_range(physical, lo.real, hi.real, false);
  return pillar::integer_range(physical, lo.integer, hi.integer);
}

/// Ascending, each once.
pillar::domain one_of(const std::vector<scalar>& values) {
  pillar::domain made;
  made.kind = pillar::domain_kind::points;
  made.physical = values[0].type.physical;
  for (const scalar& value : values) {
    if (made.physical == pillar::physical_type::text) made.texts.push_back(value.text);
    else if (pillar::is_float(made.physical)) made.reals.push_back(value.real);
    else made.integers.push_back(value.integer);
  }
  return made;
}

/// The columns of the table.
enum question { range, prefix, few_points, many_points, sum, bounds, fetch, keys, question_count };
using answers = std::array<std::string, question_count>;

/// Asks vector 0 of a block.
class interview {
 public:
  interview(const pillar::block_view& block, const std::vector<scalar>& cells)
      : block_(block), source_(block.vector_at(0)) {
    for (const scalar& cell : cells)
      if (!cell.null) values_.push_back(cell);
    std::sort(values_.begin(), values_.end(), is_less);
    values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
  }

  answers ask() {
    answers made;
    const pillar::data_type type = block_.type();
    const bool is_text = type.physical == pillar::physical_type::text;
    const scalar &least = values_.front(), &middle = values_[(values_.size() - 1) / 2], &greatest = values_.back();
    scalar beyond = greatest, further = greatest;
    beyond.text = "x", further.text = "y";
    if (type.physical != pillar::physical_type::boolean) beyond.integer += 1, further.integer += 2;
    beyond.real += 1, further.real += 2;
    made[range] = matched(between(least, middle), between(beyond, further));
    std::string after;
    EXPECT_TRUE(pillar::prefix_successor("number 01", after));
    made[prefix] =
        is_text ? matched(pillar::text_range("number 01", true, after), pillar::text_range("x", true, "y")) : "";
    made[few_points] = matched(one_of({middle}), one_of({beyond}));
    made[many_points] =
        values_.size() < 12 ? made[few_points] : matched(one_of(every_second()), one_of({beyond, further}));
    made[sum] = over_rows([&](const std::uint64_t* mask, bool all) {
      pillar::int128 out = 0;
      return source_.operations->sum(source_.block, 0, mask, all, out);
    });
    made[bounds] = over_rows([&](const std::uint64_t* mask, bool all) {
      pillar::int128 low = 0, high = 0;
      return source_.operations->bounds != nullptr &&
             source_.operations->bounds(source_.block, 0, mask, all, low, high);
    });
    made[fetch] = is_text ? "" : fetches() ? "yes" : "–";
    made[keys] = keys_are();
    return made;
  }

 private:
  [[nodiscard]] std::vector<scalar> every_second() const {
    std::vector<scalar> made;
    for (std::size_t i = 0; i < values_.size(); i += 2) made.push_back(values_[i]);
    return made;
  }

  [[nodiscard]] pillar::match_answer match(const pillar::domain& test) {
    std::uint64_t mask[pillar::vector_words];
    return source_.operations->match(source_.block, 0, test, &scratch_, mask);
  }
  /// How a domain is answered that some rows satisfy, or else one that none does.
  std::string matched(const pillar::domain& some, const pillar::domain& none) {
    scratch_.begin_block();
    const pillar::match_answer answer = match(some);
    if (answer.what != pillar::verdict::unknown) return answer.how == pillar::evidence::settled ? "directory" : "yes";
    scratch_.begin_block();
    return match(none).what == pillar::verdict::none ? "beyond" : "–";
  }

  template <class Ask>
  std::string over_rows(Ask&& ask_rows) const {
    std::uint64_t valid[pillar::vector_words];
    pillar::selection_mask every = pillar::selection_mask::first(block_.row_count());
    const bool has_nulls = source_.operations->validity(source_.block, 0, valid);
    if (has_nulls) std::copy(valid, valid + pillar::vector_words, every.words);
    pillar::selection_mask some = every;
    some.words[0] &= 0x00ffff0ff0f00f33;
    if (ask_rows(some.words, false)) return "yes";
    return ask_rows(every.words, !has_nulls) ? "all rows" : "–";
  }

  [[nodiscard]] bool fetches() const {
    if (source_.operations->decode_rows == nullptr) return false;
    const std::uint16_t rows[] = {3, 50, 99};
    alignas(16) std::byte values[48];
    std::uint64_t validity[pillar::vector_words];
    bool has_validity = false;
    return source_.operations->decode_rows(source_.block, 0, rows, 3, values, validity, has_validity);
  }

  [[nodiscard]] std::string keys_are() const {
    const auto scratch = std::make_unique<pillar::vector_scratch>();
    pillar::vector out;
    EXPECT_TRUE(source_.decode(*scratch, out).ok());
    switch (out.kind) {
      case pillar::vector_kind::constant: return "one value";
      case pillar::vector_kind::dictionary: return "codes";
      default: return out.values == scratch->values ? "values" : "values in place";
    }
  }

  const pillar::block_view& block_;
  pillar::encoded_vector source_;
  std::vector<scalar> values_;
  pillar::match_scratch scratch_;
};

/// A line of the table: the types that answer alike.
struct line {
  const column_kind* kind;
  std::string tree;
  answers said;
  std::vector<std::string> types, types_with_nulls;
};

std::vector<line> ask_everything() {
  std::vector<line> lines;
  for (const column_kind& kind : kinds)
    for (const bool nullable : {false, true})
      for (const pillar::data_type& type : every_type(nullable)) {
        std::vector<scalar> cells;
        for (std::uint32_t row = 0; row < rows_of(kind); ++row)
          cells.push_back(nullable && row % 9 == 4 ? scalar::of_null(type) : cell_of(kind, type, row));
        const block_source source = make_source(type, cells);
        pillar::block_options options;
        options.codec = kind.codec;
        const auto bytes = pillar::encode_block(source.views, options);
        if (!bytes.ok()) continue;  // not for this type
        const auto block = pillar::open_block(bytes->bytes());
        EXPECT_TRUE(block.ok());
        // What the directory and the validity answer for every codec: how many rows, which are NULL.
        std::uint64_t valid[pillar::vector_words];
        const pillar::encoded_vector first = block->vector_at(0);
        EXPECT_EQ(first.operations->validity(first.block, 0, valid), nullable);
        const auto nulls = std::count_if(cells.begin(), cells.end(), [](const scalar& cell) { return cell.null; });
        EXPECT_EQ(block->entry(0).null_count, nulls);
        const answers said = interview(*block, source.cells).ask();
        const std::string tree = to_string(block->node(0));
        const std::string name = to_string(type.as_nullable(false));
        auto like = std::find_if(lines.begin(), lines.end(), [&](const line& one) {
          return one.kind == &kind && one.tree == tree && one.said == said;
        });
        if (like == lines.end()) like = lines.insert(lines.end(), {&kind, tree, said, {}, {}});
        (nullable ? like->types_with_nulls : like->types).push_back(name);
      }
  return lines;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string page() {
  std::string out =
      R"(<!-- Written by tests/storage/encoded_execution_test.cpp, which asks the codecs. PILLAR_WRITE_GOLDEN=1 writes it anew. -->
# What runs on encoded values

A vector of each codec and type, without NULLs and with some, is asked all that a query may ask (`encoded_operations`).
What children answer for their parent depends on their codecs, which are those that the chooser takes for these values.
An empty cell is a question that the type has not.

| column | asks | answers |
|---|---|---|
| range | =, <, ≤, >, ≥, between | `yes`: a bit per row, without decoding; `directory`: from the block's directory alone; `beyond`: only where no row can be in it; `–`: decode first |
| prefix | starts_with of text | likewise |
| point, points | in: one value, and half of all values that the column has | likewise |
| sum | sum, and avg's | `yes`: of any rows; `all rows`: where no filter has dropped one; `–` |
| min, max | both | likewise |
| rows | few rows of many, after a filter | `yes`: without decoding the others; `–` |
| keys | what grouping gets | `values`; `values in place`, no copy; `codes` into entries, each of which is hashed once per block; `one value` |

IS NULL and COUNT are answered from directory and validity for every codec; COUNT behind a filter counts its bits. Every
block is validated once, when it is opened: no answer can fail afterwards. A byte transform (zstd, lz4) is undone when a
block is opened, and changes nothing here. "With NULLs" stands where it makes a difference.

| codec | types | range | prefix | point | points | sum | min, max | rows | keys |
|---|---|---|---|---|---|---|---|---|---|
)";
  for (const line& one : ask_everything()) {
    out += "| " + one.tree;
    if (*one.kind->what != 0) out += std::string(", ") + one.kind->what;
    out += " | " + (one.types.empty() ? "with NULLs: " + listed(one.types_with_nulls) : listed(one.types));
    // A line that holds the same types with and without NULLs says so by saying nothing.
    if (!one.types.empty() && one.types != one.types_with_nulls)
      out += one.types_with_nulls.empty() ? ", without NULLs" : "; with NULLs: " + listed(one.types_with_nulls);
    for (const std::string& answer : one.said) out += " | " + answer;
    out += " |\n";
  }
  return out;
}

TEST(storage_encoded_execution, the_page_says_what_blocks_answer) {
  const auto path = std::filesystem::path(PILLAR_SOURCE_DIR) / "docs/encoded-execution.md";
  const std::string made = page();
  if (std::getenv("PILLAR_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << made;
  std::ifstream file(path, std::ios::binary);
  const std::string committed((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(committed, made) << "docs/encoded-execution.md is out of date: run this test with PILLAR_WRITE_GOLDEN=1";
}

}  // namespace
}  // namespace pillar_test::storage_encoded_execution
