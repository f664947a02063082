// SPDX-License-Identifier: Apache-2.0
// Text as numbers of symbols, on a block of 65,536 comments of TPC-H.
//
//   codec/text_symbols          decoding, a vector of 1,024 texts at a time: characters and slots
//   codec/match_text_symbols/…  one text, or a prefix, without decoding into slots
//   encode/text                 choosing among all codecs and encoding, as a table does: by the block before
//   encode/text_first           the same of a first block, whose symbols are yet to be found
//
// All in bytes/s of characters.
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "codec/text_values.hpp"
#include "pillar/codec/codec.hpp"
#include "pillar/expr/domain.hpp"
#include "pillar/filter/match.hpp"
#include "pillar/simd/dispatch.hpp"
#include "pillar/storage/block.hpp"
#include "support/bench.hpp"

namespace {

struct column {
  pillar_bench::text_values texts;
  std::vector<pillar::text_slot> slots{};
  std::vector<const std::byte*> buffers = std::vector<const std::byte*>(1);  // vectors point to it, also after a move
  std::vector<pillar::vector> vectors{};

  explicit column(std::size_t block) : texts(pillar_bench::comments_of_block(block)) {
    buffers[0] = reinterpret_cast<const std::byte*>(texts.characters.data());
    for (const std::string_view text : texts.rows)
      slots.push_back(
          pillar::text_slot::make(text, 0, static_cast<std::uint32_t>(text.data() - texts.characters.data())));
    for (std::size_t at = 0; at < slots.size(); at += pillar::vector_rows) {
      pillar::vector one;
      one.type = pillar::type_of<pillar::text>;
      one.size = pillar::vector_rows;
      one.values = slots.data() + at;
      one.buffers = buffers.data();
      vectors.push_back(one);
    }
  }
};

/// nullptr where the data set is not there.
const column* comments(benchmark::State& state) {
  const column& made = pillar_bench::kept<column>("comments", [] { return column(1); });
  if (made.slots.size() == pillar_bench::text_block_rows) return &made;
  state.SkipWithError("no TPC-H: ./dev bench makes it");
  return nullptr;
}

void decode(benchmark::State& state) {
  const column* from = comments(state);
  if (from == nullptr) return;
  const auto bytes = pillar::encode_block(
      from->vectors, {.codec = pillar::codec_id::text_symbols, .transform = pillar::transform_choice::none});
  if (!bytes.ok()) return state.SkipWithError("not encoded");
  const auto block = pillar::open_block(bytes->bytes());
  if (!block.ok()) return state.SkipWithError("not opened");
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  pillar::vector out;
  for (auto _ : pillar_bench::timed(state)) {
    for (std::uint32_t v = 0; v < block->vector_count(); ++v) {
      if (!block->vector_at(v).decode(*scratch, out).ok()) return state.SkipWithError("no memory");
      benchmark::DoNotOptimize(out.values);
      benchmark::ClobberMemory();
    }
  }
  const auto characters = from->texts.characters.size();
  pillar_bench::per_iteration(state, pillar_bench::text_block_rows, characters);
  state.SetLabel(std::to_string(static_cast<double>(characters) / static_cast<double>(block->block_bytes())) +
                 " times smaller than its characters");
  std::size_t last = 0;  // characters of the last vector, which peers have as well
  for (std::uint32_t row = 0; row < out.size; ++row) last += out.text_value(row).size();
  pillar_bench::answer(std::to_string(pillar_bench::fold_characters(out.buffers[0], last)));
}

/// The rows that equal row 100's text or begin like it.
void match(benchmark::State& state, bool whole) {
  const column* from = comments(state);
  if (from == nullptr) return;
  const auto bytes = pillar::encode_block(
      from->vectors, {.codec = pillar::codec_id::text_symbols, .transform = pillar::transform_choice::none});
  if (!bytes.ok()) return state.SkipWithError("not encoded");
  const auto block = pillar::open_block(bytes->bytes());
  if (!block.ok()) return state.SkipWithError("not opened");
  const std::string text(from->texts.rows[100].substr(0, whole ? std::string_view::npos : 6));
  std::string above = text;
  if (whole) above += '\0';
  else if (!pillar::prefix_successor(text, above)) return state.SkipWithError("no successor");
  const pillar::domain test = pillar::text_range(text, true, above);
  const auto& kernels = pillar::flat_match_kernels_for(pillar::best_arch_level());
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  std::uint64_t rows = 0;
  for (auto _ : pillar_bench::timed(state)) {
    rows = 0;
    for (std::uint32_t v = 0; v < block->vector_count(); ++v) {
      alignas(64) std::uint64_t mask[pillar::vector_words];
      const auto answer = pillar::match(block->vector_at(v), test, kernels, nullptr, *scratch, mask);
      if (!answer.ok()) return state.SkipWithError("no memory");
      if (answer->what == pillar::verdict::some) rows += pillar::count_bits(mask, pillar::vector_rows);
      benchmark::DoNotOptimize(rows);
    }
  }
  pillar_bench::per_iteration(state, pillar_bench::text_block_rows, from->texts.characters.size());
  pillar_bench::answer(std::to_string(rows));
}

void encode(benchmark::State& state, bool first) {
  const column* from = comments(state);
  if (from == nullptr) return;
  pillar::encoding_choice choice;
  if (!first) {
    const column before(0);
    if (!pillar::encode_block(before.vectors, {.previous = &choice}).ok()) return state.SkipWithError("not encoded");
  }
  std::uint64_t bytes = 0;
  for (auto _ : pillar_bench::timed(state)) {
    const auto made = pillar::encode_block(
        from->vectors, {.transform = pillar::transform_choice::none, .previous = first ? nullptr : &choice});
    if (!made.ok()) return state.SkipWithError("not encoded");
    benchmark::DoNotOptimize(bytes = made->size());
  }
  pillar_bench::per_iteration(state, pillar_bench::text_block_rows, from->texts.characters.size());
  pillar_bench::answer(std::to_string(bytes));
}

BENCHMARK(decode)->Name("codec/text_symbols");
BENCHMARK_CAPTURE(encode, next, false)->Name("encode/text");
BENCHMARK_CAPTURE(encode, first, true)->Name("encode/text_first");
BENCHMARK_CAPTURE(match, one_text, true)->Name("codec/match_text_symbols/one");
BENCHMARK_CAPTURE(match, prefix, false)->Name("codec/match_text_symbols/prefix");

}  // namespace
