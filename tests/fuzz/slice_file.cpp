// SPDX-License-Identifier: Apache-2.0
// The slice file: open it with and without its checksums, read zone maps and blocks through a source, write it again.
//
// Mutations begin with files that slice_writer made, change few bytes of header, blocks, footer or trailer, and make
// the file look whole again: magic, ids, and mostly the checksums of blocks and footer, so that what stands behind them
// is reached.
#include <algorithm>
#include <deque>
#include <memory>

#include "fuzz/fuzz.hpp"
#include "pillar/codec/checksum.hpp"
#include "pillar/hash/value.hpp"
#include "pillar/simd/dispatch.hpp"
#include "pillar/storage/slice_file.hpp"
#include "support/owned_vector.hpp"

namespace pillar_fuzz {
namespace {

using file_bytes = std::vector<std::byte>;

/// A file in memory to write to.
struct growing_file {
  file_bytes bytes;
  [[nodiscard]] pillar::result<void> append(std::span<const std::byte> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  }
  [[nodiscard]] pillar::result<void> sync() noexcept { return {}; }
};

// ---- files to begin with --------------------------------------------------------------------------------------------

/// A row group of these columns.
std::shared_ptr<const pillar::row_group> make_group(const pillar::dynamic_schema& schema, std::uint64_t id,
                                                    std::uint32_t row_count, pillar::splitmix64& random) {
  auto made = std::make_shared<pillar::row_group>();
  made->id = id;
  made->row_count = row_count;
  for (const auto& column : schema.columns) {
    std::deque<pillar_test::owned_vector> owned;
    std::vector<pillar::vector> views;
    for (std::uint32_t at = 0; at < row_count; at += pillar::vector_rows) {
      owned.push_back(pillar_test::make_vector(
          column.type, pillar_test::random_cells(random, column.type, std::min(pillar::vector_rows, row_count - at),
                                                 column.type.physical == pillar::physical_type::text ? 12 : 300)));
      views.push_back(owned.back().view);
    }
    auto block = pillar::make_stored_block(views, {}, nullptr);
    if (!block.ok()) fail("no block to begin with", 0, 0);
    made->blocks.push_back(*std::move(block));
  }
  return made;
}

/// A row group in memory, which no source has anything to do with.
const pillar::row_group& resident() {
  static const auto made = [] {
    pillar::splitmix64 random(4);
    return make_group({{{"n", pillar::type_of<std::int32_t>}}}, 1, 10, random);
  }();
  return *made;
}

std::vector<file_bytes> make_seeds() {
  using pillar::type_of;
  const pillar::dynamic_schema schemas[] = {{{{"n", type_of<std::int32_t>.as_nullable()}}},
                                            {{{"flag", type_of<bool>},
                                              {"word", type_of<pillar::text>.as_nullable()},
                                              {"price", type_of<double>.as_nullable()}}},
                                            {{{"day", type_of<pillar::date>},
                                              {"amount", pillar::decimal_type(30, 2, true)},
                                              {"", type_of<std::uint64_t>},
                                              {"a longer name than most columns have", type_of<float>},
                                              {"b", type_of<pillar::bytes>}}}};
  std::vector<file_bytes> out;
  pillar::splitmix64 random(3);
  for (const auto& schema : schemas)
    for (const std::uint32_t rows : {1u, 90u, 1100u}) {
      pillar::slice_identity identity;
      identity.file_id = random();
      identity.slice = rows % 3;
      identity.slice_count = 3;
      identity.version = 5;
      growing_file file;
      pillar::slice_writer writer(file, schema, identity, rows == 90 ? 256 : 1 << 16);
      out.push_back(file.bytes);
      for (std::uint64_t group = 1; group <= 3; ++group) {
        if (group > 1 && rows > 1000) break;
        if (!writer.append(make_group(schema, group * 2, rows, random)).ok() || (group != 2 && !writer.finish().ok()))
          fail("no file to begin with", 0, 0);
        out.push_back(file.bytes);
      }
    }
  std::erase_if(out, [](const file_bytes& file) { return file.size() < 128; });
  counts.seeds = out.size();
  return out;
}
const std::vector<file_bytes>& seeds() {
  static const auto made = make_seeds();
  return made;
}

// ---- where things stand (docs/formats/slice_file.md) ----------------------------------------------------------------

constexpr std::size_t frame_bytes = 64, frame_checksum_at = 56, file_id_at = 8;
constexpr std::size_t footer_offset_at = 16, footer_bytes_at = 24, footer_checksum_at = 32;

template <class T>
T load(std::span<const std::byte> bytes, std::size_t at) {
  return pillar::load_unaligned<T>(bytes.data() + at);
}
void store(std::span<std::byte> bytes, std::size_t at, std::uint64_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}
std::uint64_t checksum_of(std::span<const std::byte> bytes) {
  return pillar::hash_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// The footer that the trailer names, where it lies in the file.
bool find_footer(std::span<const std::byte> file, std::size_t& begin, std::size_t& end) {
  if (file.size() < 2 * frame_bytes || file.size() % 64 != 0) return false;
  const auto trailer = file.last(frame_bytes);
  const auto offset = load<std::uint64_t>(trailer, footer_offset_at),
             bytes = load<std::uint64_t>(trailer, footer_bytes_at);
  if (offset > file.size() || bytes > file.size() - offset) return false;
  begin = offset;
  end = offset + bytes;
  return true;
}

/// Gives each block the checksum that its bytes have, in its own header and in the footer.
void repair_blocks(std::span<std::byte> file) {
  constexpr std::size_t footer_fixed = 64, extent_bytes = 16, group_bytes = 16, place_bytes = 40;
  constexpr std::size_t place_checksum_at = 24, block_checksum_at = 32, block_header = 64;
  const auto contents = pillar::open_slice_file(file, {}, false);
  if (!contents.ok()) return;
  const std::size_t footer = contents->footer_offset;
  std::size_t place = footer + footer_fixed + load<std::uint32_t>(file, footer + 12) +
                      extent_bytes * contents->places->extents.size() + group_bytes * contents->groups.size();
  for (const auto& group : contents->groups)
    for (const auto& block : group.blocks) {
      if (block.where.bytes >= block_header) {
        const auto bytes = file.subspan(block.where.offset, block.where.bytes);
        const std::uint64_t sum = pillar::checksum_kernels_for(pillar::best_arch_level())
                                      .with_hole(bytes.data(), bytes.size(), block_checksum_at);
        store(bytes, block_checksum_at, sum);
        store(file, place + place_checksum_at, sum);
      }
      place += place_bytes;
    }
}

void repair_frames(std::span<std::byte> file) {
  std::size_t begin = 0, end = 0;
  if (!find_footer(file, begin, end)) return;
  const auto trailer = file.last(frame_bytes);
  store(trailer, footer_checksum_at, checksum_of(file.subspan(begin, end - begin)));
  store(file, frame_checksum_at, checksum_of(file.first(frame_checksum_at)));
  store(trailer, frame_checksum_at, checksum_of(trailer.first(frame_checksum_at)));
}

// ---- one execution --------------------------------------------------------------------------------------------------

/// A source that errs now and then: no block, part of it, another one's bytes.
struct careless_source {
  pillar::memory_source inner;
  std::shared_ptr<const pillar::block_places> places;
  pillar::splitmix64 random;
  [[nodiscard]] pillar::result<pillar::block_pin> pin(pillar::block_id id) {
    if (random.chance(1, 3)) return {pillar::errc::io_error, id};
    if (random.chance(1, 3)) id = places->blocks[random.below(places->blocks.size())].id;
    PILLAR_ASSIGN_OR_RETURN(pillar::block_pin pinned, inner.pin(id));
    const auto bytes = pinned.bytes();
    return pillar::block_pin(random.chance(1, 2) ? bytes : bytes.first(random.below(bytes.size() + 1)));
  }
  void announce(std::span<const pillar::block_id>) noexcept {}
};

bool same_zone(const pillar::zone_map& a, const pillar::zone_map& b) {
  if (a.physical != b.physical || a.row_count != b.row_count || a.null_count != b.null_count ||
      a.null_count_known != b.null_count_known || a.has_nan != b.has_nan || a.only_nan != b.only_nan ||
      a.has_min != b.has_min || a.has_max != b.has_max || a.min_exact != b.min_exact || a.max_exact != b.max_exact)
    return false;
  if (a.physical == pillar::physical_type::text)
    return (!a.has_min || a.text_min() == b.text_min()) && (!a.has_max || a.text_max() == b.text_max());
  if (pillar::is_float(a.physical))
    return (!a.has_min || a.reals.min == b.reals.min) && (!a.has_max || a.reals.max == b.reals.max);
  return (!a.has_min || a.integers.min == b.integers.min) && (!a.has_max || a.integers.max == b.integers.max);
}

/// The same row groups, written to another file and opened.
void check_written_again(const pillar::slice_contents& contents,
                         const std::vector<std::shared_ptr<const pillar::row_group>>& groups) {
  growing_file file;
  pillar::slice_writer writer(file, contents.schema, contents.identity, 4096);
  for (const auto& group : groups)
    if (!writer.append(group).ok()) fail("what was opened cannot be written", 0, 0);
  if (!writer.finish().ok()) fail("what was opened cannot be written", 0, 0);
  const auto again = pillar::open_slice_file(file.bytes);
  if (!again.ok()) fail("what was written cannot be opened", 0, 0);
  if (!(again->schema == contents.schema) || again->groups.size() != contents.groups.size())
    fail("written again it has another shape", 0, 0);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const auto &was = contents.groups[g], &is = again->groups[g];
    if (was.id != is.id || was.row_count != is.row_count) fail("written again it has other groups", 0, 0);
    for (std::size_t c = 0; c < was.blocks.size(); ++c) {
      if (was.blocks[c].where.checksum != is.blocks[c].where.checksum ||
          was.blocks[c].where.bytes != is.blocks[c].where.bytes)
        fail("written again it has other blocks", 0, 0);
      for (std::size_t v = 0; v < was.blocks[c].zones.size(); ++v)
        if (!same_zone(was.blocks[c].zones[v], is.blocks[c].zones[v]))
          fail("written again it has other zone maps", static_cast<std::uint32_t>(v), 0);
    }
  }
}

}  // namespace

void execute_file(std::span<const std::byte> bytes) {
  pillar::splitmix64 random(bytes.empty() ? 0 : bytes.size() * 31 + static_cast<unsigned>(bytes[bytes.size() / 2]));
  pillar::slice_limits limits;
  limits.max_torn_bytes = random.chance(1, 2) ? 0 : 512;
  if (random.chance(1, 16)) limits.max_footer_bytes = random.below(2048);
  if (random.chance(1, 16)) limits.max_extent_bytes = random.below(4096);
  const auto contents = pillar::open_slice_file(bytes, limits, false);
  const auto checked = pillar::open_slice_file(bytes, limits, true);
  if (limits.max_torn_bytes == 0) {  // else the two may settle on different trailers
    if (checked.ok() && !contents.ok()) fail("checksums make it sound", 0, 0);
    if (contents.ok() && !checked.ok() && checked.error().code != pillar::errc::checksum_mismatch)
      fail("another error than the checksum's", 0, 0);
  }
  if (checked.ok() && checksum_of(bytes.subspan(checked->footer_offset, checked->footer_bytes)) !=
                          load<std::uint64_t>(bytes, checked->end - frame_bytes + footer_checksum_at))
    fail("a footer of another checksum", 0, 0);
  if (!contents.ok()) return;
  ++counts.accepted;
  const pillar::block_limits block_limits = limits_for(random(), 1 << 20);
  const pillar::memory_source memory(bytes, contents->places);
  const bool careless = random.chance(1, 4);
  const auto source =
      careless ? pillar::any_block_source(std::make_shared<careless_source>(memory, contents->places, random))
               : pillar::any_block_source(std::make_shared<pillar::memory_source>(memory));
  const auto groups = pillar::row_groups_of(*contents, source, block_limits);
  pillar::open_blocks opened;
  const std::uint32_t first_column = 0;
  opened.begin(resident());
  opened.announce({&first_column, 1});
  for (const auto& group : groups) {
    opened.begin(*group);
    opened.announce({&first_column, group->blocks.empty() ? 0u : 1u});
    for (std::uint32_t c = 0; c < group->blocks.size(); ++c) {
      for (const auto& zone : group->blocks[c].vector_zones) (void)pillar::interval_of(zone);
      const auto& place = group->blocks[c].stored;
      const auto block = pillar::open_block(bytes.subspan(place.offset, place.bytes), block_limits, false);
      const auto meant = opened.open(c);
      if (meant.ok()) {
        const auto again = opened.open(c);
        if (!again.ok() || *again != *meant) fail("another view of the same block", c, 0);
      }
      if (meant.ok() && !block.ok() && !careless) fail("a source's block is sound, its bytes are not", c, 0);
      if (meant.ok() && ((*meant)->checksum() != place.checksum || !((*meant)->type() == place.type) ||
                         (*meant)->row_count() != group->row_count))
        fail("a block that is not the one meant", c, 0);
      if (block.ok() && random.chance(1, 4)) check_block(*block, random);
    }
  }
  if (!careless && random.chance(1, 8)) check_written_again(*contents, groups);
}

std::size_t mutate_file(std::span<std::byte> room, std::size_t size, pillar::splitmix64& random) {
  if (size < 2 * frame_bytes || random.chance(1, 8)) {
    const file_bytes& from = seeds()[random.below(seeds().size())];
    if (from.size() > room.size()) return size;
    std::memcpy(room.data(), from.data(), from.size());
    size = from.size();
  }
  if (random.chance(1, 32)) size = mutate_anyhow(room, size);
  if (size < 2 * frame_bytes) return size;
  const auto file = room.first(size);
  std::size_t begin = 0, end = 0;
  const bool found = find_footer(file, begin, end);
  const std::uint64_t where = random.below(16);
  if (where == 0) change_numbers(random, file, 0, frame_bytes);
  else if (where == 1 || !found) change_numbers(random, file, size - frame_bytes, size);
  else if (where < 6) change_numbers(random, file, frame_bytes, begin);
  else if (where < 8) change_numbers(random, file, begin, std::min(end, begin + 64));
  else change_numbers(random, file, begin, end);
  if (random.chance(1, 32)) return size;
  std::memcpy(file.data(), "PLRS\1\0\0\0", 8);
  if (size % 64 == 0) {
    std::memcpy(file.last(frame_bytes).data(), "PLRE\1\0\0\0", 8);
    std::memcpy(file.last(frame_bytes).data() + file_id_at, file.data() + file_id_at, sizeof(std::uint64_t));
  }
  if (random.chance(3, 4)) {
    repair_blocks(file);
    repair_frames(file);
  }
  return size;
}

}  // namespace pillar_fuzz
