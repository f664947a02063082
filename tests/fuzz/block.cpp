// SPDX-License-Identifier: Apache-2.0
// The fuzz target of blocks whose root is one codec: open, decode, match, sum, fetch, and encode what was decoded.
// Whatever is accepted must answer consistently; everything else must be an error.
//
// An input is a block. Mutations begin with blocks that encode_block made, change few of their bytes, and repair what a
// reader would see first (magic, version, length), so that most executions get past the header.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "pillar/codec/match_scratch.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/expr/domain.hpp"
#include "pillar/storage/block.hpp"
#include "support/owned_vector.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

/// What this program fuzzes: its name and the codec of its first blocks.
extern const pillar::codec_id fuzzed_codec;
extern const pillar::transform_choice fuzzed_transform;

namespace {

using namespace pillar_test;

struct counters {
  std::uint64_t executions = 0, accepted = 0, seeds = 0;
  ~counters() {
    std::printf("fuzz: %llu executions, %llu accepted (%.2f %%), %llu blocks to begin with\n",
                static_cast<unsigned long long>(executions), static_cast<unsigned long long>(accepted),
                100.0 * static_cast<double>(accepted) / static_cast<double>(executions ? executions : 1),
                static_cast<unsigned long long>(seeds));
  }
} counts;

[[noreturn]] void fail(const char* what, std::uint32_t vector, std::uint32_t row) {
  std::fprintf(stderr, "fuzz: %s, vector %u row %u\n", what, vector, row);
  std::abort();
}

// ---- blocks to begin with -------------------------------------------------------------------------------------------

std::vector<std::vector<std::byte>> make_seeds() {
  using pillar::type_of;
  std::vector<pillar::data_type> types = {type_of<bool>,
                                          type_of<std::int8_t>,
                                          type_of<std::uint16_t>,
                                          type_of<std::int32_t>,
                                          type_of<std::uint32_t>,
                                          type_of<std::int64_t>,
                                          type_of<std::uint64_t>,
                                          type_of<float>,
                                          type_of<double>,
                                          type_of<pillar::text>,
                                          pillar::decimal_type(30, 2, false)};
  std::vector<std::vector<std::byte>> seeds;
  pillar::splitmix64 random(1);
  const auto add = [&](pillar::data_type type, const std::vector<pillar::scalar>& cells) {
    std::vector<owned_vector> owned;
    std::vector<pillar::vector> views;
    for (std::size_t at = 0; at < cells.size(); at += pillar::vector_rows) {
      const auto end = std::min(cells.size(), at + pillar::vector_rows);
      owned.push_back(make_vector(
          type, {cells.begin() + static_cast<std::ptrdiff_t>(at), cells.begin() + static_cast<std::ptrdiff_t>(end)}));
    }
    for (const auto& one : owned) views.push_back(one.view);
    pillar::block_options options;
    options.codec = fuzzed_codec;
    options.transform = fuzzed_transform;
    const auto made = pillar::encode_block(views, options);
    if (made.ok()) seeds.emplace_back(made->bytes().begin(), made->bytes().end());
  };
  for (const pillar::data_type base : types) {
    for (const bool nullable : {false, true}) {
      const pillar::data_type type = base.as_nullable(nullable);
      for (const std::size_t count : {std::size_t{1}, std::size_t{7}, std::size_t{40}, std::size_t{1030}}) {
        for (const std::uint64_t distinct : {std::uint64_t{1}, std::uint64_t{5}, std::uint64_t{10000}}) {
          if (count > 1000 && (distinct != 5 || nullable)) continue;  // long blocks take long
          std::vector<pillar::scalar> cells, runs, steps, prices;
          for (std::size_t i = 0; i < count; ++i) cells.push_back(random_scalar(random, type, distinct, nullable));
          for (std::size_t i = 0; i < count; ++i) runs.push_back(cells[i / 9 * 9]);
          add(type, cells);
          add(type, runs);
          for (std::size_t i = 0; i < count; ++i) {
            const auto step = static_cast<pillar::int128>(3 * i + random.below(distinct < 6 ? distinct : 3));
            if (pillar::is_float(type.physical)) {
              prices.push_back(pillar::scalar::of_real(type, static_cast<double>(random.below(9000)) / 100));
            } else if (type.physical != pillar::physical_type::text && step <= pillar::highest_of(type.physical)) {
              steps.push_back(pillar::scalar::of_integer(type, step));
            }
          }
          if (!steps.empty()) add(type, steps);
          if (!prices.empty()) add(type, prices);
        }
      }
    }
  }
  counts.seeds = seeds.size();
  if (seeds.empty()) fail("no block to begin with", 0, 0);
  return seeds;
}

const std::vector<std::vector<std::byte>>& seeds() {
  static const auto made = make_seeds();
  return made;
}

// ---- one execution --------------------------------------------------------------------------------------------------

pillar::scalar cell_of(const pillar::vector& from, std::uint32_t row) { return pillar::get(from, row); }

bool same_cell(const pillar::scalar& a, const pillar::scalar& b) {
  if (a.null || b.null) return a.null == b.null;
  if (pillar::is_float(a.type.physical)) return std::memcmp(&a.real, &b.real, sizeof(double)) == 0;
  return a == b;
}

/// A domain whose constants are cells or their neighbours.
pillar::domain domain_of(pillar::splitmix64& random, pillar::data_type type, const std::vector<pillar::scalar>& cells) {
  const auto pick = [&]() -> const pillar::scalar& { return cells[random.below(cells.size())]; };
  const bool negated = random.chance(1, 3), points = random.chance(1, 3);
  pillar::domain made;
  made.physical = type.physical;
  if (type.physical == pillar::physical_type::text) {
    if (!points) return pillar::text_range(pick().text, random.chance(3, 4), pick().text + '\0', negated);
    for (int i = 0; i < 5; ++i) made.texts.push_back(pick().text);
    std::sort(made.texts.begin(), made.texts.end());
    made.texts.erase(std::unique(made.texts.begin(), made.texts.end()), made.texts.end());
  } else if (pillar::is_float(type.physical)) {
    const auto number = [&] { return pick().null || pick().real != pick().real ? 1.0 : 0.0; };
    double lo = number(), hi = number();
    if (const auto& cell = pick(); !cell.null && cell.real == cell.real) lo = cell.real + 0.0;
    if (const auto& cell = pick(); !cell.null && cell.real == cell.real) hi = cell.real + 0.0;
    return pillar::real_range(type.physical, lo, hi, random.chance(1, 2), negated);
  } else {
    const auto near = [&] {
      const pillar::int128 value = pick().integer;
      switch (random.below(3)) {
        case 0: return value == pillar::lowest_of(type.physical) ? value : value - 1;
        case 1: return value == pillar::highest_of(type.physical) ? value : value + 1;
        default: return value;
      }
    };
    if (!points) return pillar::integer_range(type.physical, near(), near(), negated);
    for (std::uint64_t i = 0; i < 3 + random.below(12); ++i) made.integers.push_back(near());
    std::sort(made.integers.begin(), made.integers.end());
    made.integers.erase(std::unique(made.integers.begin(), made.integers.end()), made.integers.end());
  }
  made.kind = pillar::domain_kind::points;
  made.negated = negated;
  return made;
}

void check_match(const pillar::encoded_vector& source, const pillar::vector& decoded, const pillar::domain& test,
                 const std::vector<pillar::scalar>& cells, pillar::match_scratch& scratch) {
  alignas(64) std::uint64_t mask[pillar::vector_words];
  std::memset(mask, 0x5a, sizeof(mask));
  scratch.begin_block();
  const auto answer = source.operations->match(source.block, source.index, test, &scratch, mask);
  if (answer.what == pillar::verdict::unknown) return;
  for (std::uint32_t row = 0; row < decoded.size; ++row) {
    if (cells[row].null) continue;
    const bool got =
        answer.what == pillar::verdict::some ? pillar::get_bit(mask, row) : answer.what == pillar::verdict::all;
    const bool wanted =
        pillar::is_float(test.physical) ? test.contains_real(cells[row].real) : test.contains(cells[row]);
    if (got != wanted) fail("match disagrees with decode", source.index, row);
  }
}

void check_sums(const pillar::encoded_vector& source, const std::vector<pillar::scalar>& cells, bool has_nulls,
                pillar::splitmix64& random) {
  for (const bool all : {true, false}) {
    pillar::selection_mask rows = pillar::selection_mask::none();
    pillar::int128 expected = 0;
    bool fits = true;
    for (std::uint32_t row = 0; row < cells.size(); ++row) {
      if (cells[row].null || (!all && random.chance(1, 2))) continue;
      pillar::set_bit(rows.words, row);
      fits = fits && !__builtin_add_overflow(expected, cells[row].integer, &expected);
    }
    pillar::int128 sum = 0;
    if (source.operations->sum(source.block, source.index, rows.words, all && !has_nulls, sum) &&
        !(fits && sum == expected)) {
      fail("sum disagrees with decode", source.index, 0);
    }
  }
}

void check_fetch(const pillar::encoded_vector& source, const pillar::vector& decoded,
                 const std::vector<pillar::scalar>& cells, pillar::splitmix64& random) {
  if (source.operations->decode_rows == nullptr || decoded.type.physical == pillar::physical_type::text) return;
  std::uint16_t rows[pillar::vector_rows];
  std::uint32_t count = 0;
  for (std::uint32_t row = 0; row < decoded.size && count < 20; ++row)
    if (random.chance(1, 3)) rows[count++] = static_cast<std::uint16_t>(row);
  alignas(64) std::byte values[pillar::vector_rows * 16];
  std::uint64_t validity[pillar::vector_words];
  bool has_validity = false;
  if (source.operations->prefetch_rows != nullptr)
    source.operations->prefetch_rows(source.block, source.index, rows, count);
  if (!source.operations->decode_rows(source.block, source.index, rows, count, values, validity, has_validity)) return;
  pillar::vector fetched;
  fetched.type = decoded.type;
  fetched.size = count;
  fetched.values = values;
  fetched.validity = has_validity ? validity : nullptr;
  for (std::uint32_t i = 0; i < count; ++i)
    if (!same_cell(cell_of(fetched, i), cells[rows[i]])) fail("fetch disagrees with decode", source.index, rows[i]);
}

/// What was decoded, encoded again and opened, is the same.
void check_again(const std::vector<pillar::vector>& vectors, const std::vector<std::vector<pillar::scalar>>& cells,
                 const pillar::block_options& options) {
  const auto encoded = pillar::encode_block(vectors, options);
  if (!encoded.ok()) {
    if (encoded.error().code == pillar::errc::invalid_argument && options.codec.has_value()) return;
    fail("decoded values cannot be encoded", 0, 0);
  }
  const auto opened = pillar::open_block(encoded->bytes());
  if (!opened.ok()) fail("what was encoded cannot be opened", 0, 0);
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  for (std::uint32_t i = 0; i < opened->vector_count(); ++i) {
    pillar::vector out;
    const auto source = opened->vector_at(i);
    if (!source.decode(*scratch, out).ok()) fail("no memory", i, 0);
    for (std::uint32_t row = 0; row < out.size; ++row)
      if (!same_cell(cell_of(out, row), cells[i][row])) fail("encoded again it is another value", i, row);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ++counts.executions;
  pillar::block_limits limits;
  limits.max_decoded_bytes = 4 << 20;
  const auto opened = pillar::open_block({reinterpret_cast<const std::byte*>(data), size}, limits, false);
  if (!opened.ok()) return 0;
  ++counts.accepted;
  const pillar::block_view& block = *opened;
  pillar::splitmix64 random(block.block_bytes() * 31 + data[size / 2]);
  static std::vector<std::unique_ptr<pillar::vector_scratch>> scratches;
  std::vector<std::vector<pillar::scalar>> cells;
  std::vector<pillar::vector> vectors;
  pillar::match_scratch match_scratch;
  for (std::uint32_t i = 0; i < block.vector_count(); ++i) {
    if (scratches.size() == i) scratches.push_back(std::make_unique<pillar::vector_scratch>());
    const pillar::encoded_vector source = block.vector_at(i);
    vectors.emplace_back();
    pillar::vector& decoded = vectors.back();
    if (!source.decode(*scratches[i], decoded).ok()) fail("no memory", i, 0);
    cells.emplace_back();
    for (std::uint32_t row = 0; row < decoded.size; ++row) cells.back().push_back(cell_of(decoded, row));
    if (decoded.type.physical == pillar::physical_type::boolean)
      for (const auto& cell : cells.back())
        if (!cell.null && cell.integer != 0 && cell.integer != 1) fail("a boolean of neither value", i, 0);
    std::uint64_t words[pillar::vector_words];
    const bool has_nulls = source.operations->validity(source.block, i, words);
    for (int round = 0; round < 3; ++round)
      check_match(source, decoded, domain_of(random, decoded.type, cells.back()), cells.back(), match_scratch);
    if (pillar::is_integer(decoded.type.physical)) check_sums(source, cells.back(), has_nulls, random);
    check_fetch(source, decoded, cells.back(), random);
  }
  pillar::block_options again;
  again.codec = block.codec();
  if (random.chance(1, 4)) check_again(vectors, cells, again);
  if (random.chance(1, 32)) check_again(vectors, cells, {});
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  constexpr std::size_t header_bytes = 64;
  pillar::splitmix64 random(seed);
  if (size < header_bytes || random.chance(1, 8)) {
    const auto& from = seeds()[random.below(seeds().size())];
    if (from.size() > max_size) return size;
    std::memcpy(data, from.data(), from.size());
    size = from.size();
  }
  if (random.chance(1, 16)) size = LLVMFuzzerMutate(data, size, max_size);
  if (size < header_bytes) return size;
  // Few bytes anywhere, more often behind the header, as interesting numbers of 1 to 8 bytes.
  for (std::uint64_t change = 0; change <= random.below(3); ++change) {
    const std::size_t begin = random.chance(1, 6) ? 0 : header_bytes;
    const std::size_t at = begin + random.below(size - begin + (size == begin));
    const std::size_t bytes = std::min<std::size_t>(std::size_t{1} << random.below(4), size - std::min(at, size));
    std::uint64_t value = random();
    switch (random.below(5)) {
      case 0: value &= 0xff; break;
      case 1: value = random.below(20); break;
      case 2: value = ~std::uint64_t{0} << random.below(64); break;
      case 3: {
        std::uint64_t old = 0;
        std::memcpy(&old, data + at, bytes);
        value = old + random.below(5) - 2;
        break;
      }
      default: break;
    }
    std::memcpy(data + at, &value, bytes);
  }
  std::memcpy(data, "PLRB", 4);
  const std::uint64_t whole = size;
  std::memcpy(data + 40, &whole, sizeof(whole));
  return size;
}
