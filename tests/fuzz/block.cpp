// SPDX-License-Identifier: Apache-2.0
// Blocks: open, decode, match, sum, bounds, fetch, and encode what was decoded. Whatever is accepted must answer
// consistently; everything else must be an error.
//
// An input is a block. Mutations begin with blocks that encode_block made, and those of tests/golden, change few of
// their bytes, and repair what a reader would see first (magic, version, length), so that most executions get past the
// header.
#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>

#include "fuzz/fuzz.hpp"
#include "pillar/codec/cascade.hpp"
#include "pillar/codec/constant.hpp"
#include "pillar/codec/match_scratch.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/expr/domain.hpp"
#include "pillar/simd/dispatch.hpp"
#include "support/owned_vector.hpp"

namespace pillar_fuzz {
namespace {

using namespace pillar_test;

// ---- a user's byte transform ----------------------------------------------------------------------------------------

const pillar::transform_functions exclusive_or = {
    pillar::transform_id::user, nullptr, [](const void*, std::size_t bytes) noexcept { return bytes; },
    [](const void*, std::span<const std::byte> raw, std::span<std::byte> out) noexcept -> pillar::result<std::size_t> {
      for (std::size_t i = 0; i < raw.size(); ++i) out[i] = raw[i] ^ std::byte{0x5a};
      return raw.size();
    },
    [](const void*, std::span<const std::byte> stored, std::span<std::byte> raw) noexcept -> pillar::result<void> {
      if (stored.size() != raw.size()) return pillar::errc::corrupt;
      for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = stored[i] ^ std::byte{0x5a};
      return {};
    }};
const pillar::transform_functions* const users_transforms[] = {&exclusive_or};

// ---- blocks to begin with -------------------------------------------------------------------------------------------

using block_bytes = std::vector<std::byte>;

/// Blocks of one column in the shapes that codecs are made for.
class seed_maker {
 public:
  seed_maker(const target& of, std::vector<block_bytes>& out) : out_(out) {
    options_.codec = of.codec;
    options_.transform = of.transform;
    options_.transforms = pillar::transform_set(users_transforms);
  }

  void make(pillar::data_type type, std::size_t count, std::uint64_t distinct) {
    std::vector<pillar::scalar> cells, runs, steps, prices, rare;
    for (std::size_t i = 0; i < count; ++i) cells.push_back(random_scalar(random_, type, distinct));
    for (std::size_t i = 0; i < count; ++i) runs.push_back(cells[i / 9 * 9]);
    for (std::size_t i = 0; i < count; ++i)
      rare.push_back(type.nullable && i % 16 != 5 ? pillar::scalar::of_null(type) : cells[i % 16 == 5 ? i : 0]);
    add(type, cells);
    add(type, runs);
    if (type.nullable) {
      add(type, rare);
      if (count > pillar::vector_rows) {  // a vector of NULLs alone
        std::fill(rare.begin(), rare.begin() + pillar::vector_rows, pillar::scalar::of_null(type));
        add(type, rare);
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      const auto step = static_cast<pillar::int128>(3 * i + random_.below(distinct < 6 ? distinct : 3));
      if (pillar::is_float(type.physical)) {
        prices.push_back(i % 50 == 7 ? cells[i]
                                     : pillar::scalar::of_real(type, static_cast<double>(random_.below(9000)) / 100));
        if (type.physical == pillar::physical_type::float32 && !prices.back().null)
          prices.back().real = static_cast<float>(prices.back().real);
      } else if (type.physical != pillar::physical_type::text && step <= pillar::highest_of(type.physical)) {
        steps.push_back(pillar::scalar::of_integer(type, step));
      }
    }
    if (!steps.empty()) add(type, steps);
    if (type.physical == pillar::physical_type::integer128) {  // both halves vary
      for (auto& cell : cells)
        if (!cell.null) cell.integer = cell.integer % 10'000 * (pillar::int128{1} << 62) + random_.below(1000);
      add(type, cells);
    }
    if (!prices.empty()) add(type, prices);
  }

 private:
  void add(pillar::data_type type, const std::vector<pillar::scalar>& cells) {
    std::vector<owned_vector> owned;
    std::vector<pillar::vector> views;
    for (std::size_t at = 0; at < cells.size(); at += pillar::vector_rows) {
      const auto end = std::min(cells.size(), at + pillar::vector_rows);
      owned.push_back(make_vector(
          type, {cells.begin() + static_cast<std::ptrdiff_t>(at), cells.begin() + static_cast<std::ptrdiff_t>(end)}));
    }
    for (const auto& one : owned) views.push_back(one.view);
    const auto made = pillar::encode_block(views, options_);
    if (made.ok()) out_.emplace_back(made->bytes().begin(), made->bytes().end());
  }

  std::vector<block_bytes>& out_;
  pillar::block_options options_{};
  pillar::splitmix64 random_{1};
};

/// The golden blocks of the same root and transform: also those of older versions.
void add_golden(const target& of, std::vector<block_bytes>& out) {
  for (const char* const version : {"v1_", "v2_"})
    for (const char* const name :
         {"bitmap", "constant_int32", "decimal_double", "delta_int64", "dictionary_int32", "dictionary_text",
          "frame_of_reference_decimal", "lz4_raw_text", "patched_int64", "raw_float64", "raw_text", "real_double",
          "sequence_int64", "split_int128", "zstd_raw_text"}) {
      const std::string path = std::string(PILLAR_SOURCE_DIR "/tests/golden/blocks/") + version + name + ".block";
      std::FILE* const file = std::fopen(path.c_str(), "rb");
      if (file == nullptr) continue;
      block_bytes bytes(1 << 16);
      bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
      std::fclose(file);
      const auto opened = pillar::open_block(bytes);
      if (!opened.ok()) continue;
      const bool transformed = opened->transform() != pillar::transform_id::none;
      if (opened->codec() == of.codec || (transformed && of.transform != pillar::transform_choice::none))
        out.push_back(std::move(bytes));
    }
}

const std::vector<block_bytes>& seeds(const target& of) {
  static const std::vector<block_bytes> made = [&] {
    using pillar::type_of;
    const pillar::data_type types[] = {type_of<bool>,
                                       type_of<std::int8_t>,
                                       type_of<std::uint16_t>,
                                       type_of<std::int32_t>,
                                       type_of<std::uint32_t>,
                                       type_of<std::int64_t>,
                                       type_of<std::uint64_t>,
                                       type_of<float>,
                                       type_of<double>,
                                       type_of<pillar::text>,
                                       type_of<pillar::timestamp<>>,
                                       pillar::decimal_type(30, 2, false)};
    std::vector<block_bytes> out;
    seed_maker maker(of, out);
    for (const pillar::data_type base : types)
      for (const bool nullable : {false, true}) {
        const pillar::data_type type = base.as_nullable(nullable);
        for (const std::size_t count : {1u, 7u, 40u, 150u})
          for (const std::uint64_t distinct : {1u, 5u, 10000u}) maker.make(type, count, distinct);
        maker.make(type, 1030, nullable ? 2 : 5);
        if (!nullable) maker.make(type, 500, 10000);
        if (!nullable && type.physical == pillar::physical_type::uint16)
          maker.make(type, 2100, 10000);  // long children
      }
    add_golden(of, out);
    counts.seeds = out.size();
    if (out.empty()) fail("no block to begin with", 0, 0);
    return out;
  }();
  return made;
}

// ---- one execution --------------------------------------------------------------------------------------------------

/// A decoded value; texts lie where they were decoded to.
struct cell {
  bool null = true;
  double real = 0;
  pillar::int128 integer = 0;
  std::string_view text{};
};
using cell_list = std::vector<cell>;

cell cell_of(const pillar::vector& from, std::uint32_t row) {
  cell made;
  made.null = !from.valid(row);
  if (made.null) return made;
  using enum pillar::physical_type;
  switch (from.type.physical) {
    case text: made.text = from.text_value(row); break;
    case float32: made.real = static_cast<double>(from.value<float>(row)); break;
    case float64: made.real = from.value<double>(row); break;
    case boolean:
    case uint8: made.integer = from.value<std::uint8_t>(row); break;
    case int8: made.integer = from.value<std::int8_t>(row); break;
    case int16: made.integer = from.value<std::int16_t>(row); break;
    case int32: made.integer = from.value<std::int32_t>(row); break;
    case int64: made.integer = from.value<std::int64_t>(row); break;
    case uint16: made.integer = from.value<std::uint16_t>(row); break;
    case uint32: made.integer = from.value<std::uint32_t>(row); break;
    case uint64: made.integer = from.value<std::uint64_t>(row); break;
    case integer128:
      made.integer = pillar::load_unaligned<pillar::int128>(static_cast<const std::byte*>(from.holder().values) +
                                                            std::size_t{16} * from.index_of(row));
      break;
  }
  return made;
}

bool same_cell(const cell& a, const cell& b) {
  if (a.null || b.null) return a.null == b.null;
  return std::memcmp(&a.real, &b.real, sizeof(double)) == 0 && a.integer == b.integer && a.text == b.text;
}

/// Memory of the executions, kept from one to the next.
struct workspace {
  std::deque<pillar::vector_scratch> scratches;
  std::deque<cell_list> cells;
  std::vector<pillar::vector> vectors;
  pillar::vector_scratch again;
  pillar::match_scratch matches;
};

/// A domain whose constants are cells or their neighbours.
pillar::domain domain_of(pillar::splitmix64& random, pillar::physical_type physical, const cell_list& cells) {
  const auto pick = [&]() -> const cell& { return cells[random.below(cells.size())]; };
  const bool negated = random.chance(1, 3), points = random.chance(1, 3);
  pillar::domain made;
  made.physical = physical;
  made.kind = pillar::domain_kind::points;
  made.negated = negated;
  const auto sort_unique = [](auto& list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  };
  const std::uint64_t point_count = random.chance(1, 8) ? 0 : random.chance(1, 6) ? 80 : 1 + random.below(12);
  if (physical == pillar::physical_type::text) {
    if (!points) {
      std::string high(pick().text);
      if (random.chance(1, 2)) high += '\0';
      return pillar::text_range(pick().text, random.chance(3, 4), high, negated);
    }
    for (std::uint64_t i = 0; i < point_count; ++i) made.texts.emplace_back(pick().text);
    sort_unique(made.texts);
  } else if (pillar::is_float(physical)) {
    const auto number = [&] {
      const cell& one = pick();
      return one.null || one.real != one.real ? 1.0 : one.real + 0.0;
    };
    if (!points) return pillar::real_range(physical, number(), number(), random.chance(1, 2), negated);
    for (std::uint64_t i = 0; i < point_count; ++i) made.reals.push_back(number());
    sort_unique(made.reals);
    made.nan = random.chance(1, 2);
  } else {
    const pillar::int128 low = pillar::lowest_of(physical), high = pillar::highest_of(physical);
    const auto near = [&] {
      const pillar::int128 value = pick().integer;
      switch (random.below(8)) {
        case 0:
        case 1: return value == low ? value : value - 1;
        case 2:
        case 3: return value == high ? value : value + 1;
        case 4: return random.chance(1, 2) ? low : high;
        default: return value;
      }
    };
    if (!points) return pillar::integer_range(physical, near(), near(), negated);
    for (std::uint64_t i = 0; i < point_count; ++i) made.integers.push_back(near());
    sort_unique(made.integers);
  }
  return made;
}

void check_match(const pillar::encoded_vector& source, const pillar::domain& test, const cell_list& cells,
                 pillar::match_scratch* scratch) {
  alignas(64) std::uint64_t mask[pillar::vector_words];
  std::memset(mask, 0x5a, sizeof(mask));
  const auto answer = source.operations->match(source.block, source.index, test, scratch, mask);
  if (answer.what == pillar::verdict::unknown) return;
  const bool listed = answer.what == pillar::verdict::some;
  for (std::uint32_t row = 0; row < cells.size(); ++row) {
    const cell& one = cells[row];
    if (one.null) continue;
    const bool got = listed ? pillar::get_bit(mask, row) : answer.what == pillar::verdict::all;
    const bool wanted = test.physical == pillar::physical_type::text ? test.contains_text(one.text)
                        : pillar::is_float(test.physical)            ? test.contains_real(one.real)
                                                                     : test.contains_integer(one.integer);
    if (got != wanted) fail("match disagrees with decode", source.index, row);
  }
  for (std::uint32_t row = static_cast<std::uint32_t>(cells.size()); listed && row < pillar::vector_rows; ++row)
    if (pillar::get_bit(mask, row)) fail("match sets a bit beyond the rows", source.index, row);
}

/// What is asked of the wrong type, or of nothing that a codec knows, has no answer.
void check_refusals(const pillar::encoded_vector& source, pillar::physical_type physical) {
  using enum pillar::physical_type;
  alignas(64) std::uint64_t mask[pillar::vector_words] = {};
  const auto refuses = [&](const pillar::domain& test) {
    return source.operations->match(source.block, source.index, test, nullptr, mask).what == pillar::verdict::unknown ||
           physical == test.physical;
  };
  if (!refuses(pillar::integer_range(physical == int16 ? int32 : int16, 0, 5)) ||
      !refuses(pillar::real_range(physical == float64 ? float32 : float64, 0, 5, true)) ||
      !refuses(pillar::text_range("a", true, "b")))
    fail("match of another type", source.index, 0);
  (void)source.operations->match(source.block, source.index, pillar::null_test(physical), nullptr, mask);
  if (pillar::is_integer(physical)) return;
  pillar::int128 sum = 0, least = 0, greatest = 0;
  if (source.operations->sum(source.block, source.index, mask, false, sum) ||
      (source.operations->bounds != nullptr &&
       source.operations->bounds(source.block, source.index, mask, true, least, greatest)))
    fail("a sum of what is no integer", source.index, 0);
}

void check_sums(const pillar::encoded_vector& source, const cell_list& cells, bool has_nulls,
                pillar::splitmix64& random) {
  for (const std::uint64_t share : {16u, 8u, 1u}) {
    pillar::selection_mask rows = pillar::selection_mask::none();
    pillar::int128 expected = 0, low = 0, high = -1;
    bool fits = true, any = false;
    for (std::uint32_t row = 0; row < cells.size(); ++row) {
      const cell& one = cells[row];
      if (one.null || !random.chance(share, 16)) continue;
      pillar::set_bit(rows.words, row);
      fits = fits && !__builtin_add_overflow(expected, one.integer, &expected);
      low = any ? std::min(low, one.integer) : one.integer;
      high = any ? std::max(high, one.integer) : one.integer;
      any = true;
    }
    const bool all = share == 16 && !has_nulls;
    pillar::int128 sum = 0, least = 0, greatest = 0;
    if (source.operations->sum(source.block, source.index, rows.words, all, sum) && !(fits && sum == expected))
      fail("sum disagrees with decode", source.index, 0);
    if (any && source.operations->bounds != nullptr &&
        source.operations->bounds(source.block, source.index, rows.words, all, least, greatest) &&
        (least != low || greatest != high))
      fail("bounds disagree with decode", source.index, 0);
  }
}

void check_fetch(const pillar::encoded_vector& source, pillar::data_type type, const cell_list& cells,
                 pillar::splitmix64& random) {
  if (source.operations->decode_rows == nullptr) return;
  std::uint16_t rows[pillar::vector_rows];
  std::uint32_t count = 0;
  const std::uint32_t most = random.chance(1, 8) ? 400 : 20;
  for (std::uint32_t row = 0; row < cells.size() && count < most; ++row)
    if (random.chance(1, 3)) rows[count++] = static_cast<std::uint16_t>(row);
  alignas(64) std::byte values[pillar::vector_rows * 16];
  std::uint64_t validity[pillar::vector_words];
  bool has_validity = false;
  if (source.operations->prefetch_rows != nullptr)
    source.operations->prefetch_rows(source.block, source.index, rows, count);
  if (!source.operations->decode_rows(source.block, source.index, rows, count, values, validity, has_validity)) return;
  if (type.physical == pillar::physical_type::text) return;
  pillar::vector fetched;
  fetched.type = type;
  fetched.size = count;
  fetched.values = values;
  fetched.validity = has_validity ? validity : nullptr;
  for (std::uint32_t i = 0; i < count; ++i)
    if (!same_cell(cell_of(fetched, i), cells[rows[i]])) fail("fetch disagrees with decode", source.index, rows[i]);
}

/// 64-bit integers that fit into 32 bits, decoded as such.
void check_narrow(const pillar::encoded_vector& source, pillar::vector_scratch& scratch, const cell_list& cells) {
  using pillar::physical_type;
  for (const cell& one : cells)
    if (!one.null && static_cast<std::int32_t>(one.integer) != one.integer) return;
  pillar::vector out;
  if (!source.decode_narrow(scratch, out).ok()) fail("no memory", source.index, 0);
  for (std::uint32_t row = 0; row < out.size; ++row)
    if (!same_cell(cell_of(out, row), cells[row])) fail("decoded narrow it is another value", source.index, row);
}

/// What was decoded, encoded again and opened, is the same.
void check_again(workspace& work, std::size_t count, const pillar::block_options& options) {
  const auto encoded = pillar::encode_block(std::span(work.vectors).first(count), options);
  if (!encoded.ok()) {
    if (encoded.error().code == pillar::errc::invalid_argument && options.codec.has_value()) return;
    fail("decoded values cannot be encoded", 0, 0);
  }
  const auto opened = pillar::open_block(encoded->bytes());
  if (!opened.ok()) fail("what was encoded cannot be opened", 0, 0);
  for (std::uint32_t i = 0; i < opened->vector_count(); ++i) {
    pillar::vector out;
    if (!opened->vector_at(i).decode(work.again, out).ok()) fail("no memory", i, 0);
    for (std::uint32_t row = 0; row < out.size; ++row)
      if (!same_cell(cell_of(out, row), work.cells[i][row])) fail("encoded again it is another value", i, row);
  }
}

/// The bytes change after they were checked, as those of a mapped file can: all answers are then worth nothing, but
/// stay within the block and the type.
void check_changing(const pillar::block_view& block, std::span<std::byte> bytes, pillar::splitmix64& random) {
  constexpr std::size_t header_bytes = 64;
  static workspace work;
  if (bytes.empty()) return;
  if (work.scratches.empty()) work.scratches.emplace_back();
  for (int round = 0; round < 3; ++round) {
    if (round == 2)
      std::memset(bytes.data() + header_bytes, random.chance(1, 2) ? 0xff : 0x7f, bytes.size() - header_bytes);
    else change_numbers(random, bytes, header_bytes, bytes.size());
    for (std::uint32_t i = 0; i < block.vector_count(); ++i) {
      const pillar::encoded_vector source = block.vector_at(i);
      pillar::vector out;
      if (!source.decode(work.scratches[0], out).ok()) fail("no memory", i, 0);
      if (out.kind == pillar::vector_kind::dictionary)
        for (std::uint32_t row = 0; row < out.size; ++row)
          if (out.codes[row] >= out.dictionary->size) fail("a code beyond its dictionary", i, row);
      cell_list cells(out.size);
      std::uint64_t read = 0;
      for (std::uint32_t row = 0; row < out.size; ++row) {
        cells[row] = cell_of(out, row);
        for (const char letter : cells[row].text) read += static_cast<unsigned char>(letter);
      }
      counts.read += read;
      work.matches.begin_block();
      alignas(64) std::uint64_t mask[pillar::vector_words];
      const pillar::domain test = domain_of(random, out.type.physical, cells);
      (void)source.operations->match(source.block, i, test, &work.matches, mask);
      pillar::int128 sum = 0, least = 0, greatest = 0;
      const pillar::selection_mask rows = pillar::selection_mask::first(out.size);
      (void)source.operations->sum(source.block, i, rows.words, true, sum);
      if (source.operations->bounds != nullptr)
        (void)source.operations->bounds(source.block, i, rows.words, true, least, greatest);
      if (source.operations->decode_rows == nullptr) continue;
      const std::uint16_t some[] = {0, static_cast<std::uint16_t>(out.size - 1)};
      alignas(64) std::byte values[2 * 16];
      bool has_validity = false;
      (void)source.operations->decode_rows(source.block, i, some, out.size > 1 ? 2 : 1, values, mask, has_validity);
    }
  }
}

/// A field of a node as a header or a directory could have it, changed.
void change_field(std::span<pillar::data_section> nodes, pillar::splitmix64& random) {
  pillar::data_section& node = nodes[random.below(nodes.size())];
  const std::uint64_t at = random.below(node.vector_count);
  pillar::vector_entry& entry = node.entries[at];
  pillar::vector_entry* const next = at + 1 < node.vector_count ? &entry + 1 : nullptr;
  const auto small = [&](std::uint64_t most) { return random.chance(1, 2) ? random.below(3) : random.below(most + 1); };
  switch (random.below(12)) {
    case 0: entry.width = static_cast<std::uint8_t>(small(pillar::packed_max_width)); break;
    case 1: entry.mode = static_cast<std::uint8_t>(small(255)); break;
    case 2: entry.exception_count = static_cast<std::uint16_t>(small(pillar::vector_rows)); break;
    case 3: entry.base ^= std::uint64_t{1} << random.below(64); break;
    case 4: node.code_width = static_cast<std::uint8_t>(small(pillar::packed_max_table_width)); break;
    case 5: node.child_count = static_cast<std::uint32_t>(random.below(pillar::max_codec_children + 2)); break;
    case 6: node.type.physical = static_cast<pillar::physical_type>(random.below(pillar::physical_type_count)); break;
    case 7: {
      const auto count = static_cast<std::uint32_t>(random.chance(1, 2) ? small(pillar::block_max_rows)
                                                                        : node.entry_count + random.below(3) - 1);
      if (count <= (node.child_count == 0 ? node.shared_bytes : pillar::block_max_rows)) node.entry_count = count;
      break;
    }
    case 8: {  // bytes of the shared part go to the first payload, or come from there
      const auto moved = static_cast<std::uint32_t>(random.below(9));
      pillar::vector_entry& first = node.entries[0];
      if (random.chance(1, 2) && moved <= node.shared_bytes)
        node.shared_bytes -= moved, first.offset -= moved, first.bytes += moved;
      else if (moved <= first.bytes) node.shared_bytes += moved, first.offset += moved, first.bytes -= moved;
      break;
    }
    case 9: {  // bytes of a payload go to the next
      const auto moved = static_cast<std::uint32_t>(random.below(9));
      if (next != nullptr && moved <= entry.bytes) entry.bytes -= moved, next->offset -= moved, next->bytes += moved;
      break;
    }
    case 10: {  // a payload, or more of it: bytes of the node that follows
      const auto more = static_cast<std::uint32_t>(1 + random.below(8));
      if (&node == &nodes.back()) break;
      node.entries[node.vector_count - 1].bytes += more;
      node.data_bytes += more;
      break;
    }
    default:  // one row goes to the next vector
      if (next != nullptr && entry.row_count > 1 && next->row_count < pillar::vector_rows)
        --entry.row_count, ++next->row_count;
  }
}

/// Asks everything of a section that its codec has accepted: the answers stay within the section and the type.
void use_section(const pillar::data_section& section, workspace& work, pillar::splitmix64& random) {
  using pillar::physical_type;
  if (work.scratches.empty()) work.scratches.emplace_back();
  pillar::vector_scratch& scratch = work.scratches[0];
  if (!scratch.reserve_characters(section.character_bytes).ok()) fail("no memory", 0, 0);
  const pillar::codec_functions& codec = *section.codec;
  work.matches.begin_block();
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    pillar::vector out;
    out.type = section.type;
    out.size = section.entries[i].row_count;
    codec.decode(section, i, scratch, out);
    cell_list cells(out.size);
    std::uint64_t read = 0;
    for (std::uint32_t row = 0; row < out.size; ++row) {
      cells[row] = cell_of(out, row);
      if (out.type.physical == physical_type::boolean && cells[row].integer >> 1 != 0)
        fail("a boolean of neither value", i, row);
      for (const char letter : cells[row].text) read += static_cast<unsigned char>(letter);
    }
    counts.read += read;
    alignas(64) std::uint64_t mask[pillar::vector_words] = {};
    if (codec.match != nullptr) {
      const physical_type other =
          out.type.physical == physical_type::int16 ? physical_type::int32 : physical_type::int16;
      (void)codec.match(section, i, domain_of(random, out.type.physical, cells),
                        random.chance(1, 2) ? &work.matches : nullptr, mask);
      for (const auto kind : {pillar::domain_kind::null_test, pillar::domain_kind::opaque}) {
        pillar::domain test = pillar::null_test(out.type.physical);
        test.kind = kind;
        (void)codec.match(section, i, test, nullptr, mask);
      }
      if (codec.match(section, i, pillar::integer_range(other, 0, 5), nullptr, mask).what != pillar::verdict::unknown)
        fail("a codec answers what it cannot know", i, 0);
    }
    pillar::int128 sum = 0, least = 0, greatest = 0;
    for (const bool all : {true, false}) {
      const auto rows = pillar::selection_mask::first(all ? out.size : (out.size + 1) / 2);
      if (codec.sum != nullptr) (void)codec.sum(section, i, rows.words, all, sum);
      if (codec.bounds != nullptr) (void)codec.bounds(section, i, rows.words, all, least, greatest);
    }
    if (codec.fetch == nullptr || out.type.physical == physical_type::text) continue;
    const std::uint16_t some[] = {0, static_cast<std::uint16_t>(out.size - 1)};
    alignas(64) std::byte values[2 * 16];
    (void)codec.fetch(section, i, some, out.size > 1 ? 2 : 1, values);
  }
}

/// What headers and directories say of the same data, changed behind the checks of the block: codecs refuse it, or can
/// live with it.
void check_fields(const pillar::block_view& block, pillar::splitmix64& random) {
  static workspace work;
  std::vector<pillar::data_section> nodes;
  std::vector<std::vector<pillar::vector_entry>> entries(block.node_count() + 1);
  for (std::uint32_t i = 0; i < block.node_count(); ++i) {
    const pillar::data_section& from = block.node(i);
    entries[i].assign(from.entries, from.entries + from.vector_count);
    pillar::data_section& node = nodes.emplace_back();
    node.type = from.type;
    node.row_count = from.row_count;
    node.vector_count = from.vector_count;
    node.entry_count = from.entry_count;
    node.shared_bytes = from.shared_bytes;
    node.code_width = from.code_width;
    node.data = from.data;
    node.data_bytes = from.data_bytes;
    node.entries = entries[i].data();
    node.kernels = from.kernels;
    node.codec = from.codec;
    node.child_count = from.child_count;
  }
  if (nodes.size() == 1 && nodes[0].vector_count != 0 && random.chance(1, 16)) {  // a child that nobody expects
    pillar::data_section child = nodes[0];
    entries.back().assign(1, {});
    entries.back()[0].offset = entries.back()[0].row_count = child.row_count = child.vector_count = 1;
    child.type = pillar::type_of<std::uint8_t>;
    child.entries = entries.back().data();
    child.shared_bytes = 1;
    child.data_bytes = 1;
    child.entry_count = 0;
    child.code_width = 0;
    child.codec = &pillar::codec_functions_of<pillar::constant_codec>;
    nodes.push_back(child);
    nodes[0].child_count = 1;
  }
  for (std::uint64_t changes = random.below(3); changes > 0; --changes) change_field(nodes, random);
  if (!pillar::link_tree(nodes).ok()) return;
  pillar::memory_budget budget;
  if (random.chance(1, 4)) budget.refuse(1 + random.below(2));
  pillar::buffer memory[pillar::max_codec_nodes];
  const std::uint64_t most = random.chance(1, 4) ? random.below(4096) : std::uint64_t{16} << 20;
  if (!pillar::validate_tree(nodes, std::span(memory, nodes.size()), most, &budget).ok()) return;
  for (const pillar::data_section& node : nodes) use_section(node, work, random);
}

/// One more byte in the directory: a field that was zero, or the same everywhere, is so no more. The data stays where
/// it is: a byte of the padding goes.
void widen_directory(pillar::splitmix64& random, std::span<std::byte> block) {
  constexpr std::size_t header_bytes = 64, stored_bytes_at = 52, validity_bytes_at = 56;
  const std::uint64_t behind =
      pillar::round_up(std::uint64_t{pillar::load_unaligned<std::uint32_t>(block.data() + stored_bytes_at)}, 8) +
      pillar::load_unaligned<std::uint32_t>(block.data() + validity_bytes_at) + 64;
  if (behind + header_bytes >= block.size()) return;
  const std::size_t data = block.size() - behind;
  const std::size_t at = header_bytes + random.below(std::min<std::size_t>(data - header_bytes, 80));
  if (at + 2 >= data) return;
  block[at] = static_cast<std::byte>(static_cast<unsigned>(block[at]) + (random.chance(3, 4) ? 0x10u : 0x01u));
  std::memmove(block.data() + at + 2, block.data() + at + 1, data - at - 2);
  block[at + 1] = static_cast<std::byte>(random.chance(1, 2) ? random.below(4) : random.below(256));
}

/// Changes numbers of the data behind zstd or lz4: compressed bytes that are changed themselves are mostly no stream any
/// more, so that codecs would never see other data than honest blocks have. Returns the size; the same where the block
/// did not go through one of them.
std::size_t change_restored(pillar::splitmix64& random, std::span<std::byte> room, std::size_t size) {
  constexpr std::size_t header_bytes = 64, transform_at = 7, data_bytes_at = 48, stored_bytes_at = 52,
                        validity_bytes_at = 56, most = std::size_t{1} << 17;
  const auto id = static_cast<pillar::transform_id>(room[transform_at]);
  if (id != pillar::transform_id::zstd && id != pillar::transform_id::lz4) return size;
  const std::size_t raw_bytes = pillar::load_unaligned<std::uint32_t>(room.data() + data_bytes_at);
  const std::size_t stored = pillar::load_unaligned<std::uint32_t>(room.data() + stored_bytes_at);
  const std::size_t validity = pillar::load_unaligned<std::uint32_t>(room.data() + validity_bytes_at);
  const std::size_t behind = pillar::round_up(std::uint64_t{stored}, 8) + validity + 64;
  if (raw_bytes == 0 || raw_bytes > most || behind + header_bytes > size) return size;
  const std::size_t data = size - behind;
  block_bytes raw(raw_bytes), again(pillar::transform_bound(id, raw_bytes));
  if (!pillar::restore(id, std::span<const std::byte>(room).subspan(data, stored), raw).ok()) return size;
  change_numbers(random, raw, 0, raw.size());
  const auto written = pillar::transform(id, 1, raw, again);
  if (!written.ok() || !pillar::transform_pays(raw_bytes, *written)) return size;
  const std::size_t padded = pillar::round_up(std::uint64_t{*written}, 8);
  if (data + padded + validity + 64 > room.size()) return size;
  std::memmove(room.data() + data + padded, room.data() + size - 64 - validity, validity + 64);
  std::memset(room.data() + data, 0, padded);
  std::memcpy(room.data() + data, again.data(), *written);
  const auto now_stored = static_cast<std::uint32_t>(*written);
  std::memcpy(room.data() + stored_bytes_at, &now_stored, sizeof(now_stored));
  return data + padded + validity + 64;
}

}  // namespace

pillar::block_limits limits_for(std::uint64_t choice, std::uint64_t max_decoded_bytes) {
  static const std::vector<const pillar::packed_table*> tables = [] {
    std::vector<const pillar::packed_table*> out;
    for (const auto level : pillar::all_arch_levels)
      if (pillar::supports(level) && level <= pillar::best_arch_level())
        out.push_back(&pillar::packed_kernels_for(level));
    return out;
  }();
  pillar::block_limits limits;
  limits.max_decoded_bytes = max_decoded_bytes;
  // Most often the level that this machine uses.
  limits.kernels = choice % 4 != 0 ? tables.back() : tables[choice / 4 % tables.size()];
  limits.transforms = pillar::transform_set(users_transforms);
  return limits;
}

void check_block(const pillar::block_view& block, pillar::splitmix64& random) {
  static workspace work;
  const std::uint32_t count = block.vector_count();
  while (work.scratches.size() < count) work.scratches.emplace_back(), work.cells.emplace_back();
  work.vectors.assign(count, {});
  std::uint64_t own_bytes = block.shared_bytes();
  for (std::uint32_t i = 0; i < count; ++i) {
    const pillar::encoded_vector source = block.vector_at(i);
    own_bytes += block.encoded_bytes(i);
    pillar::vector& decoded = work.vectors[i];
    if (!source.decode(work.scratches[i], decoded).ok()) fail("no memory", i, 0);
    cell_list& cells = work.cells[i];
    cells.resize(decoded.size);
    std::uint32_t nulls = 0;
    for (std::uint32_t row = 0; row < decoded.size; ++row) {
      cells[row] = cell_of(decoded, row);
      nulls += cells[row].null;
      if (decoded.type.physical == pillar::physical_type::boolean && cells[row].integer >> 1 != 0)
        fail("a boolean of neither value", i, row);
    }
    if (nulls != block.entry(i).null_count) fail("other NULLs than announced", i, 0);
    std::uint64_t words[pillar::vector_words];
    const bool has_nulls = source.operations->validity(source.block, i, words);
    for (int round = 0; round < 3; ++round) {
      work.matches.begin_block();
      check_match(source, domain_of(random, decoded.type.physical, cells), cells, round == 0 ? nullptr : &work.matches);
    }
    if (pillar::is_integer(decoded.type.physical)) check_sums(source, cells, has_nulls, random);
    check_fetch(source, decoded.type, cells, random);
    check_narrow(source, work.again, cells);
    if (nulls != decoded.size && random.chance(1, 8)) check_refusals(source, decoded.type.physical);
  }
  if (own_bytes != block.block_bytes()) fail("bytes that belong to nobody", 0, 0);
  pillar::block_options again;
  again.codec = block.codec();
  if (random.chance(1, 16)) check_again(work, count, again);
  if (random.chance(1, 128)) check_again(work, count, {});
}

void execute_block(const target& of, std::span<const std::byte> bytes) {
  constexpr std::size_t transform_at = 7, data_bytes_at = 48;
  // What opening may take: the directory, 64 Ki entries of 16 bytes, an arrangement of what is there, and restored
  // data, which the limit bounds.
  constexpr std::uint64_t fixed = std::uint64_t{3} << 20, per_byte = 64;
  const bool plain = of.transform == pillar::transform_choice::none;
  pillar::splitmix64 random(bytes.empty() ? 0 : bytes.size() * 31 + static_cast<unsigned>(bytes[bytes.size() / 2]));
  pillar::memory_budget budget;
  if (random.chance(1, 16)) budget.refuse(1 + random.below(4));
  pillar::block_limits limits = limits_for(random(), plain ? 16 << 20 : 2 << 20);
  limits.budget = &budget;
  std::uint32_t data_bytes = 0;
  if (bytes.size() >= 64 && bytes[transform_at] != std::byte{0})
    std::memcpy(&data_bytes, bytes.data() + data_bytes_at, sizeof(data_bytes));
  const auto opened = pillar::open_block(bytes, limits, false);
  counts.most_bytes = std::max(counts.most_bytes, budget.peak());
  if (budget.peak() > fixed + per_byte * bytes.size() + data_bytes) fail("memory by a number in the input", 0, 0);
  if (!opened.ok()) {
    if (budget.used() != 0) fail("an error that keeps memory", 0, 0);
    return;
  }
  ++counts.accepted;
  check_block(*opened, random);
  for (int round = 0; round < 4; ++round) check_fields(*opened, random);
  if (random.chance(1, 4)) check_changing(*opened, changeable(bytes), random);
}

std::size_t mutate_block(const target& of, std::span<std::byte> room, std::size_t size, pillar::splitmix64& random) {
  constexpr std::size_t header_bytes = 64, magic_at = 0, transform_at = 7, block_bytes_at = 40;
  const auto another = [&]() -> const block_bytes& { return seeds(of)[random.below(seeds(of).size())]; };
  if (size < header_bytes || random.chance(1, 8)) {
    const block_bytes& from = another();
    if (from.size() > room.size()) return size;
    std::memcpy(room.data(), from.data(), from.size());
    size = from.size();
  }
  if (random.chance(1, 16)) size = mutate_anyhow(room, size);
  if (size < header_bytes) return size;
  const auto bytes = room.first(size);
  if (bytes[transform_at] != std::byte{0} && random.chance(1, 2)) {
    size = change_restored(random, room, size);
  } else if (random.chance(1, 8)) {  // a piece of another block, where it stood there or elsewhere
    const block_bytes& from = another();
    const std::size_t at = random.below(from.size()), to = random.chance(1, 2) ? at : random.below(size);
    if (to < size)
      std::memcpy(room.data() + to, from.data() + at, std::min({from.size() - at, size - to, random.below(64) + 1}));
  } else if (random.chance(1, 8)) {
    widen_directory(random, bytes);
  } else if (random.chance(1, 4)) {
    change_numbers(random, bytes, 0, header_bytes);
  } else if (random.chance(1, 2)) {
    change_numbers(random, bytes, header_bytes, std::min<std::size_t>(size, 2 * header_bytes));  // the directory
  } else {
    change_numbers(random, bytes, header_bytes, size);
  }
  std::memcpy(room.data() + magic_at, "PLRB", 4);
  const std::uint64_t whole = size;
  std::memcpy(room.data() + block_bytes_at, &whole, sizeof(whole));
  return size;
}

}  // namespace pillar_fuzz
