// SPDX-License-Identifier: Apache-2.0
/// Columns encoded as blocks by the kernels of a level and read back: widths × lengths × NULLs × values, and types ×
/// codecs × lengths × NULLs × values. Input, block, scratch and characters lie on guard pages.
///
/// | matrix | every push (CI)                                  | ./dev test --long                                    |
/// |--------|--------------------------------------------------|------------------------------------------------------|
/// | fields | all widths of u32 and u64, lengths 0–130 and     | widths 0–64, lengths 0–2,100 and the far ones, all   |
/// |        | around 1,024, 2,048, 65,536; NULLs and values in | NULL patterns; frames of u64: all values, the other  |
/// |        | turn                                             | codecs and types: in turn                            |
/// | types  | all codecs that take a type, the same lengths;   | the same lengths as above, all NULL patterns; values |
/// |        | NULLs and values in turn: every pair of all five | in turn                                              |
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "levels/level_cases.hpp"
#include "pillar/codec/cascade.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/column/scalar.hpp"  // to_string(data_type)
#include "pillar/storage/block.hpp"
#include "support/matrix_column.hpp"
#include "support/sanitized.hpp"

namespace pillar_test {
namespace levels_round_trip {
namespace {

using pillar::codec_id;

constexpr std::uint32_t last_short = 130, last_long = 2100;
constexpr std::uint32_t far_lengths[] = {1023, 1024, 1025, 2047, 2048, 2049, 65535, 65536, 65537};
/// Stands for the codec that the chooser takes.
constexpr std::uint8_t chosen = 255;

std::vector<std::uint32_t> lengths_of(bool every) {
  std::vector<std::uint32_t> lengths;
  const std::uint32_t last = every ? last_long : last_short;
  for (std::uint32_t length = 0; length <= last; length += pillar_test::sanitized && length > 2 ? 17 : 1)
    lengths.push_back(length);
  for (const std::uint32_t length : far_lengths)
    if (length > last && (!sanitized || length < 3000)) lengths.push_back(length);
  return lengths;
}

bool takes(codec_id codec, pillar::physical_type type) {
  using pillar::physical_type;
  const bool narrow = type <= physical_type::uint64;
  switch (codec) {
    case codec_id::raw:
    case codec_id::constant:
    case codec_id::run_end: return true;
    case codec_id::frame_of_reference:
    case codec_id::patched:
    case codec_id::sequence: return narrow;
    case codec_id::delta: return narrow && type != physical_type::boolean;
    case codec_id::dictionary: return narrow || type == physical_type::text;
    case codec_id::bitmap: return type == physical_type::boolean;
    case codec_id::decimal_double:
    case codec_id::real_double: return pillar::is_float(type);
    case codec_id::text_symbols: return type == physical_type::text;
    case codec_id::split_int128: return type == physical_type::integer128;
  }
  return false;
}

/// What one matrix did.
struct tally {
  std::uint64_t columns = 0, blocks = 0, rows = 0, bytes = 0, refused = 0;
  std::set<std::uint32_t> widths{};  ///< of packed fields, as directories have them
};

/// Pairs of two choices that met in a column which was taken; five kinds of choice.
struct met_pairs {
  std::unordered_set<std::uint64_t> seen{};

  static std::uint64_t pair(unsigned a, std::uint32_t of_a, unsigned b, std::uint32_t of_b) {
    return (std::uint64_t{a} << 60 | std::uint64_t{b} << 56) | std::uint64_t{of_a} << 28 | of_b;
  }
  void add(const std::uint32_t (&choice)[5]) {
    for (unsigned a = 0; a < 5; ++a)
      for (unsigned b = a + 1; b < 5; ++b) seen.insert(pair(a, choice[a], b, choice[b]));
  }
};

/// One level's memory and counts.
class workshop {
 public:
  tally fields{}, types{};
  met_pairs met{};
  std::unordered_set<std::uint64_t> refused{};  ///< a codec and values that it did not take

  workshop() { ::new (static_cast<void*>(scratch_.data())) pillar::vector_scratch; }
  workshop(const workshop&) = delete;
  workshop& operator=(const workshop&) = delete;
  ~workshop() { scratch_.as<pillar::vector_scratch>()->~vector_scratch(); }

  matrix_column column{};

  /// Encodes the column, block by block, and compares what the blocks decode to. False: the codec does not take it.
  bool check(pillar::block_options options, tally& count) {
    ++count.columns;
    if (column.row_count == 0) {
      ++count.refused;
      EXPECT_EQ(pillar::encode_block({}, options).error().code, pillar::errc::invalid_argument);
      return true;
    }
    if (column.vectors.size() > pillar::block_max_vectors) {
      EXPECT_EQ(pillar::encode_block(column.vectors, options).error().code, pillar::errc::invalid_argument);
    }
    const std::span<const pillar::vector> vectors(column.vectors);
    for (std::uint32_t first = 0; first < vectors.size(); first += pillar::block_max_vectors) {
      const auto part =
          vectors.subspan(first, std::min<std::size_t>(pillar::block_max_vectors, vectors.size() - first));
      const auto encoded = pillar::encode_block(part, options);
      if (!encoded.ok() && encoded.error().code == pillar::errc::invalid_argument && options.codec.has_value()) {
        ++count.refused;
        return false;
      }
      EXPECT_TRUE(encoded.ok()) << to_string(encoded.error().code);
      if (!encoded.ok() || !read(*encoded, first, static_cast<std::uint32_t>(part.size()), options, count)) return true;
    }
    return true;
  }

 private:
  /// The block behind a guard page, or in front of one, in turn.
  std::span<const std::byte> place(const pillar::buffer& encoded) {
    const guard side = ++placed_ % 2 == 0 ? guard::begin : guard::end;
    std::unique_ptr<guard_buffer>& pages = pages_[placed_ % 2];
    if (pages == nullptr || pages->size() < encoded.size())
      pages = std::make_unique<guard_buffer>(std::max<std::size_t>(encoded.size(), 1 << 16), side);
    std::byte* const at = side == guard::begin ? pages->data() : pages->data() + pages->size() - encoded.size();
    std::memcpy(at, encoded.data(), encoded.size());
    return {at, encoded.size()};
  }

  bool read(const pillar::buffer& encoded, std::uint32_t first, std::uint32_t vector_count,
            const pillar::block_options& options, tally& count) {
    pillar::block_limits limits;
    limits.kernels = options.kernels;
    const auto block = pillar::open_block(place(encoded), limits);
    EXPECT_TRUE(block.ok()) << "a block is refused: " << to_string(block.error().code);
    if (!block.ok()) return false;
    EXPECT_EQ(block->vector_count(), vector_count);
    EXPECT_TRUE(!options.codec.has_value() || block->codec() == *options.codec);
    ++count.blocks;
    count.bytes += encoded.size();
    auto& scratch = *scratch_.as<pillar::vector_scratch>();
    for (std::uint32_t v = 0; v < vector_count; ++v) {
      pillar::vector out;
      const bool decoded = block->vector_at(v).decode(scratch, out).ok();
      const bool same = decoded && column.same(first + v, out);
      EXPECT_TRUE(same) << "vector " << first + v << " of " << to_string(block->node(0)) << " came back changed";
      if (!same) return false;
      count.rows += out.size;
      if (options.codec.has_value()) count.widths.insert(block->entry(v).width);
    }
    EXPECT_TRUE(scratch_.slack_untouched());
    return true;
  }

  std::unique_ptr<guard_buffer> pages_[2]{};
  std::uint64_t placed_ = 0;
  guard_buffer scratch_{sizeof(pillar::vector_scratch)};
};

std::unique_ptr<workshop> made;
workshop& shop() {
  if (made == nullptr) made = std::make_unique<workshop>();
  return *made;
}

/// How much of a matrix a case runs; the rest in turn.
enum class depth : std::uint8_t { in_turn, all_nulls, all_nulls_and_values };

/// A case: which column type and codec, and for fields their width.
struct round_trip {
  std::uint32_t type = 0;
  std::uint8_t codec = 0;
  std::uint8_t width = 0;
  depth deep = depth::in_turn;

  static round_trip of(std::uint32_t bits) {
    return {bits & 255, static_cast<std::uint8_t>(bits >> 8), static_cast<std::uint8_t>(bits >> 16),
            static_cast<depth>(bits >> 24)};
  }
  [[nodiscard]] std::uint32_t bits() const {
    return type | codec << 8u | width << 16u | static_cast<std::uint32_t>(deep) << 24;
  }
};

/// Values that the codec never refuses.
value_set values_for(codec_id codec) {
  switch (codec) {
    case codec_id::run_end: return value_set::runs;
    case codec_id::dictionary: return value_set::few;
    case codec_id::real_double: return value_set::one;
    default: return value_set::narrow;
  }
}

std::string describe(const round_trip& what, std::uint32_t length, null_pattern nulls, unsigned values) {
  return to_string(matrix_types[what.type]) + " " +
         (what.codec == chosen ? "chosen" : pillar::to_string(codec_id{what.codec})) + ", width " +
         std::to_string(what.width) + ", " + std::to_string(length) + " rows, NULLs " +
         std::to_string(static_cast<unsigned>(nulls)) + ", values " + std::to_string(values);
}

std::uint64_t seed_of(std::uint32_t first, std::uint32_t length, std::uint32_t nulls, std::uint32_t values) {
  return pillar::splitmix64(std::uint64_t{first} << 32 | length)() + nulls * 16 + values;
}

void check_fields(pillar::arch_level level, std::uint32_t first, std::uint32_t length) {
  const round_trip what = round_trip::of(first);
  workshop& at = shop();
  pillar::block_options options;
  options.kernels = &pillar::packed_kernels_for(level);
  options.codec = codec_id{what.codec};
  options.field_width = *options.codec == codec_id::patched ? what.width : 0;
  const std::uint32_t turn = length + what.width * 3u;
  for (std::uint32_t n = 0; n < null_pattern_count; ++n) {
    if (what.deep == depth::in_turn && n != turn % null_pattern_count &&
        (length > 130 || n != (turn + 3) % null_pattern_count))
      continue;
    for (std::uint32_t set = 0; set < field_set_count; ++set) {
      if (what.deep != depth::all_nulls_and_values && set != (turn / null_pattern_count + n) % field_set_count)
        continue;
      const auto nulls = static_cast<null_pattern>(n);
      at.column.begin(matrix_types[what.type], length, nulls, seed_of(first & 0xffffff, length, n, set));
      if (*options.codec == codec_id::delta) at.column.fill_steps(what.width);
      else if (*options.codec == codec_id::dictionary) at.column.fill_distinct(what.width);
      else at.column.fill_fields(what.width, static_cast<field_set>(set), *options.codec == codec_id::patched);
      EXPECT_TRUE(at.check(options, at.fields)) << "not taken";
      if (testing::Test::HasFailure()) FAIL() << describe(what, length, nulls, set);
      if (*options.codec == codec_id::delta || *options.codec == codec_id::dictionary) break;  // one set of values
    }
  }
}

void check_types(pillar::arch_level level, std::uint32_t first, std::uint32_t length) {
  const round_trip what = round_trip::of(first);
  workshop& at = shop();
  pillar::block_options options;
  options.kernels = &pillar::packed_kernels_for(level);
  if (what.codec != chosen) options.codec = codec_id{what.codec};
  // Every pattern meets every length with some codec, every set of values every pattern, and so on.
  const std::uint32_t turn = length + what.type * 3 + what.codec * 5u;
  for (std::uint32_t n = 0; n < null_pattern_count; ++n) {
    if (what.deep == depth::in_turn && n != turn % null_pattern_count) continue;
    const std::uint32_t set = (turn / null_pattern_count + n) % value_set_count;
    const auto nulls = static_cast<null_pattern>(n);
    at.column.begin(matrix_types[what.type], length, nulls, seed_of(first & 0xffffff, length, n, set));
    if (length != 0) at.column.fill(codec_id{what.codec}, static_cast<value_set>(set));
    value_set taken = static_cast<value_set>(set);
    if (!at.check(options, at.types) && !testing::Test::HasFailure()) {  // it would save nothing
      at.refused.insert(met_pairs::pair(1, what.codec, 4, set));
      taken = values_for(codec_id{what.codec});
      at.column.fill(codec_id{what.codec}, taken);
      if (!at.check(options, at.types)) continue;
    }
    at.met.add({what.type, what.codec, length, n, static_cast<std::uint32_t>(taken)});
    if (testing::Test::HasFailure()) FAIL() << describe(what, length, nulls, static_cast<unsigned>(taken));
  }
}

void print(const char* name, const tally& count) {
  std::printf("[  MATRIX  ] %-6s %9llu columns, %9llu blocks, %12llu rows, %12llu bytes, %llu refused, %zu widths\n",
              name, static_cast<unsigned long long>(count.columns), static_cast<unsigned long long>(count.blocks),
              static_cast<unsigned long long>(count.rows), static_cast<unsigned long long>(count.bytes),
              static_cast<unsigned long long>(count.refused), count.widths.size());
}

}  // namespace
}  // namespace levels_round_trip

std::vector<level_case> round_trip_cases(bool every) {
  using namespace levels_round_trip;
  std::vector<level_case> cases;
  const auto lengths = lengths_of(every);
  const auto add = [&](auto check, round_trip what) {
    if (!every) what.deep = depth::in_turn;
    for (const std::uint32_t length : lengths) cases.push_back({check, what.bits(), length});
  };
  for (const std::uint32_t type : {7u, 8u}) {  // uint32 and uint64; in the long run also int32 and int64
    const unsigned bits = type == 7 ? 32 : 64;
    for (std::uint8_t width = 0; width <= bits; width += sanitized ? 7 : 1) {
      const bool is_64 = type == 8;
      const auto frame = static_cast<std::uint8_t>(codec_id::frame_of_reference);
      add(check_fields, {type, frame, width, is_64 ? depth::all_nulls_and_values : depth::all_nulls});
      if (every) add(check_fields, {type - 4, frame, width, depth::all_nulls});
      if (width < bits)
        add(check_fields, {type, static_cast<std::uint8_t>(codec_id::patched), width, depth::all_nulls});
      add(check_fields, {type, static_cast<std::uint8_t>(codec_id::delta), width, depth::all_nulls});
      if (width <= 16)
        add(check_fields, {type, static_cast<std::uint8_t>(codec_id::dictionary), width, depth::all_nulls});
    }
  }
  for (std::uint32_t type = 0; type < pillar::physical_type_count; ++type) {
    for (std::uint8_t codec = 0; codec < pillar::own_codec_count; ++codec)
      if (takes(codec_id{codec}, matrix_types[type].physical)) add(check_types, {type, codec, 0, depth::all_nulls});
    add(check_types, {type, chosen, 0, depth::all_nulls});
  }
  return cases;
}

void finish_round_trips(bool every) {
  using namespace levels_round_trip;
  const workshop& at = shop();
  print("fields", at.fields);
  print("types", at.types);
  if (sanitized) return;
  EXPECT_EQ(at.fields.widths.size(), 65u) << "a width was not met";
  EXPECT_LT(at.types.refused * 20, at.types.columns) << "codecs refused too many columns";
  // Which pairs there are: of types and codecs, those that go together.
  std::uint64_t wanted = 0, missing = 0;
  std::vector<std::uint32_t> choices[5];
  for (std::uint32_t type = 0; type < pillar::physical_type_count; ++type) choices[0].push_back(type);
  for (std::uint32_t codec = 0; codec < pillar::own_codec_count; ++codec) choices[1].push_back(codec);
  choices[1].push_back(chosen);
  choices[2] = lengths_of(every);
  for (std::uint32_t n = 0; n < null_pattern_count; ++n) choices[3].push_back(n);
  for (std::uint32_t set = 0; set < value_set_count; ++set) choices[4].push_back(set);
  for (unsigned a = 0; a < 5; ++a)
    for (unsigned b = a + 1; b < 5; ++b)
      for (const std::uint32_t of_a : choices[a])
        for (const std::uint32_t of_b : choices[b]) {
          if (a == 0 && b == 1 && of_b != chosen &&
              !takes(codec_id{static_cast<std::uint8_t>(of_b)}, matrix_types[of_a].physical))
            continue;
          const std::uint64_t pair = met_pairs::pair(a, of_a, b, of_b);
          const bool met = at.met.seen.contains(pair);
          if (!met && at.refused.contains(pair)) continue;  // random bits are no floats that can be cut
          ++wanted;
          if (met) continue;
          if (++missing <= 5) std::printf("not met: choices %u and %u, %u with %u\n", a, b, of_a, of_b);
        }
  std::printf("[  MATRIX  ] pairs of type, codec, length, NULLs, values: %llu of %llu met\n",
              static_cast<unsigned long long>(wanted - missing), static_cast<unsigned long long>(wanted));
  EXPECT_EQ(missing, 0u);
}

}  // namespace pillar_test
