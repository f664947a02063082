// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstring>  // std::memcmp, std::memcpy

#include "pillar/base/byte_reader.hpp"
#include "pillar/base/checked.hpp"  // uint128
#include "pillar/base/mutant.hpp"
#include "pillar/hash/value.hpp"          // hash_text: XXH3
#include "pillar/storage/impl/block.hpp"  // is_known_type
#include "pillar/storage/slice_file.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

// The fixed parts as they are stored: docs/formats/slice_file.md. Little endian, no padding between fields.

struct slice_header {
  char magic[4];
  std::uint16_t version;
  std::uint16_t reserved;
  std::uint64_t file_id;
  std::uint64_t zero[5];
  std::uint64_t checksum;
};
struct slice_trailer {
  char magic[4];
  std::uint16_t version;
  std::uint16_t reserved;
  std::uint64_t file_id;
  std::uint64_t footer_offset;
  std::uint64_t footer_bytes;
  std::uint64_t footer_checksum;
  std::uint64_t footer_number;
  std::uint64_t previous_end;
  std::uint64_t checksum;
};
struct slice_footer {
  std::uint32_t column_count;
  std::uint32_t group_count;
  std::uint32_t extent_count;
  std::uint32_t schema_bytes;
  std::uint32_t slice;
  std::uint32_t slice_count;
  std::uint64_t version;
  std::uint64_t next_group_id;
  std::uint64_t next_block_id;
  std::uint64_t row_count;
  std::uint64_t zone_bytes;
};
struct stored_group {
  std::uint64_t id;
  std::uint32_t row_count;
  std::uint32_t reserved;
};
struct stored_place {
  std::uint64_t id;
  std::uint64_t offset;
  std::uint64_t bytes;
  std::uint64_t checksum;
  std::uint32_t extent;
  std::uint32_t zone_bytes;
};
static_assert(sizeof(slice_header) == 64 && sizeof(slice_trailer) == 64 && sizeof(slice_footer) == 64);
static_assert(sizeof(stored_group) == 16 && sizeof(stored_place) == 40 && sizeof(extent_place) == 16);

inline constexpr char slice_magic[4] = {'P', 'L', 'R', 'S'};
inline constexpr char trailer_magic[4] = {'P', 'L', 'R', 'E'};
inline constexpr std::uint16_t slice_version = 1;
inline constexpr std::size_t slice_alignment = 64;

inline std::uint64_t checksum_of(std::span<const std::byte> bytes) noexcept {
  return hash_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
/// Of a header or trailer, whose checksum stands last.
template <class T>
std::uint64_t checksum_of_frame(const T& frame) noexcept {
  return checksum_of(std::as_bytes(std::span(&frame, 1)).first(sizeof(T) - sizeof(std::uint64_t)));
}

// ---- zone maps ------------------------------------------------------------------------------------------------------

/// Bits of a stored zone map's first byte.
struct zone_bit {
  static constexpr std::uint8_t null_count_known = 1, null_count_stored = 2, has_nan = 4, only_nan = 8, has_min = 16,
                                has_max = 32, min_exact = 64, max_exact = 128;
};

template <class T>
void put_value(std::vector<std::byte>& out, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Seven bits a byte, the lowest first; the top bit says that more follow.
inline void put_varint(std::vector<std::byte>& out, uint128 value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::byte>(0x80u | static_cast<unsigned>(value & 0x7f)));
  out.push_back(static_cast<std::byte>(value));
}

inline result<uint128> read_varint(byte_reader& from) {
  const std::size_t at = from.offset();
  uint128 value = 0;
  for (unsigned shift = 0; shift < 128; shift += 7) {
    PILLAR_ASSIGN_OR_RETURN(const std::uint8_t byte, from.read<std::uint8_t>());
    value |= static_cast<uint128>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return {errc::corrupt, at};
}

/// Small numbers of either sign as small ones without.
constexpr uint128 zigzag(uint128 value) noexcept { return (value << 1) ^ (value >> 127 != 0 ? ~uint128{0} : 0); }
constexpr uint128 unzigzag(uint128 value) noexcept { return (value >> 1) ^ ((value & 1) != 0 ? ~uint128{0} : 0); }

/// Integers as distances: a minimum from the one before in the block, a maximum from its minimum. Floats take 8 bytes;
/// text a length and at most 24.
inline void put_bound(std::vector<std::byte>& out, const zone_map& zone, bool maximum, uint128& before) {
  if (zone.physical == physical_type::text) {
    const std::string_view text = maximum ? zone.text_max() : zone.text_min();
    put_value(out, static_cast<std::uint8_t>(text.size()));
    const auto bytes = std::as_bytes(std::span(text));
    out.insert(out.end(), bytes.begin(), bytes.end());
  } else if (is_float(zone.physical)) {
    put_value(out, maximum ? zone.reals.max : zone.reals.min);
  } else {
    const auto value = static_cast<uint128>(maximum ? zone.integers.max : zone.integers.min);
    put_varint(out, maximum && zone.has_min ? value - before : zigzag(value - before));
    if (!maximum) before = value;
  }
}

inline void put_zone(std::vector<std::byte>& out, const zone_map& zone, uint128& before) {
  const bool counted = zone.null_count_known && zone.null_count != 0;
  put_value(out,
            static_cast<std::uint8_t>(
                (zone.null_count_known ? zone_bit::null_count_known : 0) | (counted ? zone_bit::null_count_stored : 0) |
                (zone.has_nan ? zone_bit::has_nan : 0) | (zone.only_nan ? zone_bit::only_nan : 0) |
                (zone.has_min ? zone_bit::has_min : 0) | (zone.has_max ? zone_bit::has_max : 0) |
                (zone.min_exact ? zone_bit::min_exact : 0) | (zone.max_exact ? zone_bit::max_exact : 0)));
  if (counted) put_value(out, static_cast<std::uint16_t>(zone.null_count));
  if (zone.has_min) put_bound(out, zone, false, before);
  if (zone.has_max) put_bound(out, zone, true, before);
}

inline result<void> read_bound(byte_reader& from, zone_map& zone, bool maximum, uint128& before) {
  const std::size_t at = from.offset();
  if (zone.physical == physical_type::text) {
    PILLAR_ASSIGN_OR_RETURN(const std::uint8_t size, from.read<std::uint8_t>());
    if (size > zone_text::capacity) return {errc::corrupt, at};
    PILLAR_ASSIGN_OR_RETURN(const std::span<const std::byte> text, from.take(size));
    if (size != 0) std::memcpy((maximum ? zone.texts.max : zone.texts.min).bytes, text.data(), size);
    (maximum ? zone.text_max_size : zone.text_min_size) = size;
    return {};
  }
  if (is_float(zone.physical)) {
    PILLAR_ASSIGN_OR_RETURN(const double value, from.read<double>());
    if (value != value) return {errc::corrupt, at};
    (maximum ? zone.reals.max : zone.reals.min) = value;
    return {};
  }
  PILLAR_ASSIGN_OR_RETURN(const uint128 distance, read_varint(from));
  const uint128 wrapped = before + (maximum && zone.has_min ? distance : unzigzag(distance));
  const auto value = static_cast<int128>(wrapped);
  if (value < lowest_of(zone.physical) || value > highest_of(zone.physical)) return {errc::corrupt, at};
  (maximum ? zone.integers.max : zone.integers.min) = value;
  if (!maximum) before = wrapped;
  return {};
}

/// One vector's zone map. What it claims is believed, as the checksum vouches for it; that it is one is checked.
inline result<zone_map> read_zone(byte_reader& from, physical_type physical, std::uint32_t row_count, uint128& before) {
  const std::size_t at = from.offset();
  PILLAR_ASSIGN_OR_RETURN(const std::uint8_t bits, from.read<std::uint8_t>());
  zone_map zone;
  zone.physical = physical;
  zone.row_count = row_count;
  if (physical == physical_type::text) zone.texts = {};
  zone.null_count_known = (bits & zone_bit::null_count_known) != 0;
  zone.has_nan = (bits & zone_bit::has_nan) != 0;
  zone.only_nan = (bits & zone_bit::only_nan) != 0;
  zone.has_min = (bits & zone_bit::has_min) != 0;
  zone.has_max = (bits & zone_bit::has_max) != 0;
  zone.min_exact = (bits & zone_bit::min_exact) != 0;
  zone.max_exact = (bits & zone_bit::max_exact) != 0;
  if ((bits & zone_bit::null_count_stored) != 0) {
    PILLAR_ASSIGN_OR_RETURN(const std::uint16_t nulls, from.read<std::uint16_t>());
    if (!zone.null_count_known || nulls == 0 || nulls > row_count) return {errc::corrupt, at};
    zone.null_count = nulls;
  }
  const bool bounded = zone.has_min || zone.has_max;
  if ((zone.min_exact && !zone.has_min) || (zone.max_exact && !zone.has_max) ||
      (bounded && (zone.only_nan || !zone.may_have_values())) ||
      (zone.only_nan && (!zone.has_nan || !is_float(physical))))
    return {errc::corrupt, at};
  if (zone.has_min) PILLAR_TRY(read_bound(from, zone, false, before));
  if (zone.has_max) PILLAR_TRY(read_bound(from, zone, true, before));
  if (zone.has_min && zone.has_max) {
    const bool ordered = physical == physical_type::text ? zone.text_min() <= zone.text_max()
                         : is_float(physical)            ? zone.reals.min <= zone.reals.max
                                                         : zone.integers.min <= zone.integers.max;
    if (!ordered) return {errc::corrupt, at};
  }
  return zone;
}

// ---- the footer -----------------------------------------------------------------------------------------------------

inline void put_schema(std::vector<std::byte>& out, const dynamic_schema& schema) {
  for (const auto& column : schema.columns) {
    put_value(out, static_cast<std::uint16_t>(column.name.size()));
    const auto name = std::as_bytes(std::span(column.name));
    out.insert(out.end(), name.begin(), name.end());
    put_value(out, column.type.physical);
    put_value(out, column.type.logical);
    put_value(out, column.type.precision);
    put_value(out, column.type.scale);
    put_value(out, static_cast<std::uint8_t>(column.type.nullable));
  }
}

inline result<dynamic_schema> read_schema(byte_reader from, std::uint32_t column_count) {
  dynamic_schema out;
  for (std::uint32_t c = 0; c < column_count; ++c) {
    PILLAR_ASSIGN_OR_RETURN(const std::uint16_t size, from.read<std::uint16_t>());
    PILLAR_ASSIGN_OR_RETURN(const std::span<const std::byte> name, from.take(size));
    const std::size_t at = from.offset();
    PILLAR_ASSIGN_OR_RETURN(const std::span<const std::byte> fields, from.take(5));
    const auto field = [&](std::size_t i) { return static_cast<std::uint8_t>(fields[i]); };
    column_description column;
    column.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
    column.type = {static_cast<logical_type>(field(1)), static_cast<physical_type>(field(0)), field(2), field(3),
                   field(4) != 0};
    if (field(4) > 1) return {errc::corrupt, at};
    if (!is_known_type(column.type)) return {errc::unsupported, at};
    out.columns.push_back(std::move(column));
  }
  if (from.remaining() != 0) return {errc::corrupt, from.offset()};
  return out;
}

/// Reads a footer's parts, each bounded by what is there.
class footer_reader {
 public:
  footer_reader(std::span<const std::byte> bytes, const slice_limits& limits) noexcept
      : bytes_(bytes), limits_(limits) {}

  result<slice_contents> read() {
    byte_reader from(bytes_);
    PILLAR_ASSIGN_OR_RETURN(const slice_footer fixed, from.read<slice_footer>());
    if (fixed.column_count == 0 || fixed.slice >= fixed.slice_count) return {errc::corrupt, 0};
    if (fixed.column_count > limits_.max_columns) return {errc::limit_exceeded, 0};
    contents_.identity.slice = fixed.slice;
    contents_.identity.slice_count = fixed.slice_count;
    contents_.identity.version = fixed.version;
    contents_.identity.next_group_id = fixed.next_group_id;
    contents_.next_block_id = fixed.next_block_id;
    const std::size_t schema_at = from.offset();
    PILLAR_ASSIGN_OR_RETURN(const std::span<const std::byte> schema, from.take(fixed.schema_bytes));
    auto columns = read_schema(byte_reader(schema), fixed.column_count);
    if (!columns.ok()) return failure{columns.error().code, columns.error().position + schema_at};
    contents_.schema = *std::move(columns);
    PILLAR_TRY(read_extents(from, fixed.extent_count));
    PILLAR_TRY(read_groups(from, fixed));
    if (from.remaining() != 0) return {errc::corrupt, from.offset()};
    if (contents_.row_count() != fixed.row_count) return {errc::corrupt, offsetof(slice_footer, row_count)};
    PILLAR_TRY(settle_places());
    return std::move(contents_);
  }

  std::uint64_t footer_offset = 0;  ///< blocks end before it

 private:
  result<void> read_extents(byte_reader& from, std::uint32_t count) {
    const std::size_t at = from.offset();
    PILLAR_ASSIGN_OR_RETURN(const std::span<const std::byte> table,
                            from.take(std::size_t{count} * sizeof(extent_place)));
    byte_reader entries(table);
    places_.extents.reserve(count);
    std::uint64_t end = sizeof(slice_header);
    for (std::uint32_t e = 0; e < count; ++e) {
      const failure why{errc::corrupt, at + entries.offset()};
      const extent_place extent = *entries.read<extent_place>();
      if (extent.offset % slice_alignment != 0 || extent.offset < end || extent.offset > footer_offset ||
          extent.bytes == 0 || extent.bytes > footer_offset - extent.offset)
        return why;
      if (extent.bytes > limits_.max_extent_bytes) return failure{errc::limit_exceeded, why.position};
      end = extent.offset + extent.bytes;
      places_.extents.push_back(extent);
    }
    return {};
  }

  result<void> read_groups(byte_reader& from, const slice_footer& fixed) {
    const std::size_t groups_at = from.offset();
    PILLAR_ASSIGN_OR_RETURN(const std::span<const std::byte> group_table,
                            from.take(std::size_t{fixed.group_count} * sizeof(stored_group)));
    const std::size_t places_at = from.offset();
    const std::uint64_t block_count = std::uint64_t{fixed.group_count} * fixed.column_count;
    if (block_count > from.remaining() / sizeof(stored_place)) return {errc::truncated, places_at};
    PILLAR_ASSIGN_OR_RETURN(const std::span<const std::byte> place_table,
                            from.take(block_count * sizeof(stored_place)));
    const std::size_t zones_at = from.offset();
    PILLAR_ASSIGN_OR_RETURN(const std::span<const std::byte> zone_bytes, from.take(fixed.zone_bytes));
    byte_reader groups(group_table), places(place_table), zones(zone_bytes);
    contents_.groups.reserve(fixed.group_count);
    places_.blocks.reserve(block_count);
    std::uint64_t last_id = 0;
    for (std::uint32_t g = 0; g < fixed.group_count; ++g) {
      const std::size_t at = groups_at + groups.offset();
      const stored_group stored = *groups.read<stored_group>();
      if (stored.id <= last_id || stored.id >= fixed.next_group_id || stored.row_count == 0 ||
          stored.row_count > block_max_rows || stored.reserved != 0)
        return {errc::corrupt, at};
      last_id = stored.id;
      slice_group group{stored.id, stored.row_count, {}};
      group.blocks.reserve(fixed.column_count);
      for (std::uint32_t c = 0; c < fixed.column_count; ++c) {
        const std::size_t place_at = places_at + places.offset();
        const stored_place place = *places.read<stored_place>();
        PILLAR_TRY(check_place(place, place_at));
        slice_block block{
            {place.id, place.offset, place.bytes, place.checksum, contents_.schema[c].type}, place.extent, {}};
        const std::size_t zone_at = zones_at + zones.offset();
        if (place.zone_bytes > zones.remaining()) return {errc::truncated, zone_at};
        auto read = read_zones(*zones.take(place.zone_bytes), contents_.schema[c].type.physical, stored.row_count);
        if (!read.ok()) return failure{read.error().code, read.error().position + zone_at};
        block.zones = *std::move(read);
        places_.blocks.push_back({place.id, place.offset, place.bytes, place.extent});
        group.blocks.push_back(std::move(block));
      }
      contents_.groups.push_back(std::move(group));
    }
    if (zones.remaining() != 0) return {errc::corrupt, zones_at + zones.offset()};
    return {};
  }

  result<void> check_place(const stored_place& place, std::size_t at) const {
    if (place.id == 0 || place.id >= contents_.next_block_id || place.extent >= places_.extents.size())
      return {errc::corrupt, at};
    const extent_place& extent = places_.extents[place.extent];
    if (place.offset % slice_alignment != 0 || place.offset < extent.offset || place.bytes == 0 ||
        place.offset - extent.offset > extent.bytes || place.bytes > extent.bytes - (place.offset - extent.offset))
      return {errc::corrupt, at};
    return {};
  }

  static result<std::vector<zone_map>> read_zones(std::span<const std::byte> bytes, physical_type physical,
                                                  std::uint32_t row_count) {
    byte_reader from(bytes);
    std::vector<zone_map> out;
    out.reserve((row_count + vector_rows - 1) / vector_rows);
    uint128 before = 0;
    for (std::uint32_t at = 0; at < row_count; at += vector_rows) {
      PILLAR_ASSIGN_OR_RETURN(const zone_map zone,
                              read_zone(from, physical, std::min(vector_rows, row_count - at), before));
      out.push_back(zone);
    }
    if (from.remaining() != 0) return {errc::corrupt, from.offset()};
    return out;
  }

  /// Blocks in the order of their ids: none twice, and in an append-only file none before an older one.
  result<void> settle_places() {
    std::sort(places_.blocks.begin(), places_.blocks.end(),
              [](const block_place& a, const block_place& b) { return a.id < b.id; });
    for (std::size_t i = 1; i < places_.blocks.size(); ++i) {
      const block_place &before = places_.blocks[i - 1], &after = places_.blocks[i];
      if (after.id == before.id || after.offset < before.offset + before.bytes) return {errc::corrupt, 0};
    }
    contents_.places = std::make_shared<const block_places>(std::move(places_));
    return {};
  }

  std::span<const std::byte> bytes_;
  const slice_limits& limits_;
  slice_contents contents_{};
  block_places places_{};
};

// ---- header and trailer ---------------------------------------------------------------------------------------------

template <class T>
result<void> read_frame(readable_file_ref file, std::uint64_t offset, const char (&magic)[4], bool verify, T& out) {
  PILLAR_TRY(file.read_at(offset, std::as_writable_bytes(std::span(&out, 1))));
  if (std::memcmp(out.magic, magic, sizeof(magic)) != 0) return {errc::corrupt, offset};
  if (verify && out.checksum != checksum_of_frame(out)) return {errc::checksum_mismatch, offset};
  if (out.version != slice_version) return {errc::unsupported, offset + offsetof(T, version)};
  if (out.reserved != 0) return {errc::corrupt, offset + offsetof(T, reserved)};
  return {};
}

/// The trailer that ends at `end`, of this file.
inline result<slice_trailer> read_trailer(readable_file_ref file, std::uint64_t file_id, std::uint64_t end,
                                          bool verify) {
  const std::uint64_t at = end - sizeof(slice_trailer);
  slice_trailer out;
  PILLAR_TRY(read_frame(file, at, trailer_magic, verify, out));
  if (out.file_id != file_id || out.footer_number == 0 || out.previous_end > out.footer_offset ||
      (out.footer_number == 1) != (out.previous_end == 0) || out.footer_offset % slice_alignment != 0 ||
      out.footer_offset < sizeof(slice_header) || out.footer_offset > at || out.footer_bytes > at - out.footer_offset ||
      round_up(out.footer_offset + out.footer_bytes, slice_alignment) != at)
    return {errc::corrupt, at};
  return out;
}

}  // namespace detail

PILLAR_API result<slice_contents> open_slice_file(readable_file_ref file, const slice_limits& limits,
                                                  bool verify_checksums) {
  using namespace detail;
  PILLAR_ASSIGN_OR_RETURN(const std::uint64_t size, file.size());
  if (size < sizeof(slice_header) + sizeof(slice_trailer)) return {errc::truncated, size};
  slice_header header;
  PILLAR_TRY(read_frame(file, 0, slice_magic, verify_checksums, header));
  for (const std::uint64_t zero : header.zero)
    if (zero != 0) return {errc::corrupt, offsetof(slice_header, zero)};

  constexpr std::uint64_t first_end = sizeof(slice_header) + sizeof(slice_trailer);
  std::uint64_t end = size / slice_alignment * slice_alignment;
  if (end != size && limits.max_torn_bytes == 0) return {errc::truncated, size};
  auto trailer = read_trailer(file, header.file_id, end, verify_checksums);
  while (!trailer.ok() && trailer.error().code != errc::io_error && end > first_end &&
         size - (end - slice_alignment) <= limits.max_torn_bytes) {
    end -= slice_alignment;
    trailer = read_trailer(file, header.file_id, end, verify_checksums);
  }
  if (!trailer.ok()) return trailer.error();

  const std::uint64_t at = trailer->footer_offset;
  if (trailer->footer_bytes > limits.max_footer_bytes) return {errc::limit_exceeded, at};
  PILLAR_ASSIGN_OR_RETURN(buffer bytes, buffer::allocate(trailer->footer_bytes, limits.budget));
  PILLAR_TRY(file.read_at(at, bytes.bytes()));
  if (PILLAR_MUTATE(slice_footer_checksum_ignored,
                    verify_checksums && checksum_of(bytes.bytes()) != trailer->footer_checksum, false))
    return {errc::checksum_mismatch, at};
  footer_reader reader(bytes.bytes(), limits);
  reader.footer_offset = at;
  auto contents = reader.read();
  if (!contents.ok()) return failure{contents.error().code, contents.error().position + at};
  contents->identity.file_id = header.file_id;
  contents->footer_offset = at;
  contents->footer_bytes = trailer->footer_bytes;
  contents->footer_number = trailer->footer_number;
  contents->end = end;
  contents->previous_end = trailer->previous_end;
  return contents;
}

PILLAR_API result<slice_contents> open_slice_file(std::span<const std::byte> file, const slice_limits& limits,
                                                  bool verify_checksums) {
  struct span_file {
    std::span<const std::byte> bytes;
    [[nodiscard]] result<std::uint64_t> size() const noexcept { return std::uint64_t{bytes.size()}; }
    [[nodiscard]] result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const noexcept {
      if (offset > bytes.size() || bytes.size() - offset < into.size()) return {errc::truncated, offset};
      if (!into.empty()) std::memcpy(into.data(), bytes.data() + offset, into.size());
      return {};
    }
  };
  const span_file whole{file};
  return open_slice_file(readable_file_ref(whole), limits, verify_checksums);
}

PILLAR_API std::vector<std::shared_ptr<const row_group>> row_groups_of(const slice_contents& contents,
                                                                       any_block_source source,
                                                                       const block_limits& limits) {
  block_limits kept = limits;
  if (kept.kernels == nullptr) kept.kernels = &packed_kernels_for(best_arch_level());  // asked once, not at every block
  const auto store = std::make_shared<const block_store>(block_store{std::move(source), kept, open_block});
  std::vector<std::shared_ptr<const row_group>> out;
  out.reserve(contents.groups.size());
  for (const slice_group& from : contents.groups) {
    auto group = std::make_shared<row_group>();
    group->id = from.id;
    group->row_count = from.row_count;
    group->store = store;
    group->blocks.resize(from.blocks.size());
    for (std::size_t c = 0; c < from.blocks.size(); ++c) {
      stored_block& block = group->blocks[c];
      block.stored = from.blocks[c].where;
      block.vector_zones = from.blocks[c].zones;
      block.zone = block.vector_zones[0];
      for (std::size_t v = 1; v < block.vector_zones.size(); ++v) merge(block.zone, block.vector_zones[v]);
      block.bounds = bounds_of(block.vector_zones);
    }
    out.push_back(std::move(group));
  }
  return out;
}

// ---- writing --------------------------------------------------------------------------------------------------------

PILLAR_API slice_writer::slice_writer(writable_file_ref file, dynamic_schema schema, const slice_identity& identity,
                                      std::uint64_t extent_bytes)
    : file_(file), extent_bytes_(extent_bytes), offset_(0) {
  contents_.schema = std::move(schema);
  contents_.identity = identity;
}

PILLAR_API slice_writer::slice_writer(writable_file_ref file, slice_contents so_far, std::uint64_t file_bytes,
                                      std::uint64_t extent_bytes)
    : file_(file),
      contents_(std::move(so_far)),
      extents_(contents_.places->extents),
      extent_bytes_(extent_bytes),
      offset_(file_bytes) {}

inline result<void> slice_writer::remember(result<void> done) noexcept {
  if (!done.ok()) failed_ = done.error();
  return done;
}

inline result<void> slice_writer::put(std::span<const std::byte> bytes) {
  PILLAR_TRY(file_.append(bytes));
  offset_ += bytes.size();
  return {};
}

inline result<void> slice_writer::pad() {
  constexpr std::byte zeros[detail::slice_alignment]{};
  const std::size_t missing = round_up(offset_, detail::slice_alignment) - offset_;
  return missing == 0 ? result<void>{} : put({zeros, missing});
}

PILLAR_API result<void> slice_writer::append(std::shared_ptr<const row_group> group) {
  if (failed_.code != errc::ok) return failed_;
  const std::uint64_t last_id = !stripe_.empty()            ? stripe_.back()->id
                                : !contents_.groups.empty() ? contents_.groups.back().id
                                                            : 0;
  if (group->blocks.size() != contents_.schema.size() || group->id <= last_id)
    return {errc::invalid_argument, group->id};
  stripe_bytes_ += group->encoded_bytes();
  stripe_.push_back(std::move(group));
  if (stripe_bytes_ < extent_bytes_ * contents_.schema.size()) return {};
  return remember(write_stripe());
}

PILLAR_API result<void> slice_writer::finish() {
  if (failed_.code != errc::ok) return failed_;
  if (auto written = remember(write_stripe()); !written.ok()) return written;
  return remember(write_footer());
}

/// Column by column, so that a column's blocks are neighbours.
inline result<void> slice_writer::write_stripe() {
  if (offset_ == 0) {
    detail::slice_header header{};
    std::memcpy(header.magic, detail::slice_magic, sizeof(header.magic));
    header.version = detail::slice_version;
    header.file_id = contents_.identity.file_id;
    header.checksum = detail::checksum_of_frame(header);
    PILLAR_TRY(put(std::as_bytes(std::span(&header, 1))));
  }
  PILLAR_TRY(pad());
  const std::size_t first = contents_.groups.size();
  for (const auto& group : stripe_) {
    contents_.groups.push_back({group->id, group->row_count, {}});
    contents_.groups.back().blocks.resize(contents_.schema.size());
    contents_.identity.next_group_id = std::max(contents_.identity.next_group_id, group->id + 1);
  }
  extent_place extent{offset_, 0};
  for (std::size_t c = 0; c < contents_.schema.size(); ++c)
    for (std::size_t g = 0; g < stripe_.size(); ++g) {
      const row_group& group = *stripe_[g];
      const stored_block& from = group.blocks[c];
      block_pin pin;
      std::span<const std::byte> bytes = from.bytes.bytes();
      slice_block& to = contents_.groups[first + g].blocks[c];
      to.where = from.stored;
      if (group.store != nullptr) {
        PILLAR_ASSIGN_OR_RETURN(pin, group.store->source.pin(from.stored.id));
        bytes = pin.bytes();
      } else {
        to.where.checksum = from.view.checksum();
        to.where.type = from.view.type();
      }
      if (!(to.where.type == contents_.schema[c].type)) return {errc::type_mismatch, c};
      const bool another_column = g == 0 && extent.bytes >= extent_bytes_ / 2;
      if (extent.bytes != 0 && (another_column || extent.bytes + bytes.size() > extent_bytes_)) {
        extents_.push_back(extent);
        extent = {offset_, 0};
      }
      to.where.id = contents_.next_block_id++;
      to.where.offset = offset_;
      to.where.bytes = bytes.size();
      to.extent = static_cast<std::uint32_t>(extents_.size());
      to.zones = from.vector_zones;
      PILLAR_TRY(put(bytes));
      extent.bytes = offset_ - extent.offset;
      PILLAR_TRY(pad());
    }
  if (extent.bytes != 0) extents_.push_back(extent);
  stripe_.clear();
  stripe_bytes_ = 0;
  return {};
}

inline result<void> slice_writer::write_footer() {
  using namespace detail;
  if (contents_.schema.size() == 0) return errc::invalid_argument;
  for (std::size_t c = 0; c < contents_.schema.size(); ++c)
    if (contents_.schema[c].name.size() > 0xffff) return {errc::invalid_argument, c};
  slice_footer fixed{};
  std::vector<std::byte> schema, groups, places, zones;
  block_places all;
  put_schema(schema, contents_.schema);
  for (const slice_group& group : contents_.groups) {
    put_value(groups, stored_group{group.id, group.row_count, 0});
    for (const slice_block& block : group.blocks) {
      const std::size_t before = zones.size();
      uint128 last_minimum = 0;
      for (const zone_map& zone : block.zones) put_zone(zones, zone, last_minimum);
      const block_reference& where = block.where;
      put_value(places, stored_place{where.id, where.offset, where.bytes, where.checksum, block.extent,
                                     static_cast<std::uint32_t>(zones.size() - before)});
      all.blocks.push_back({where.id, where.offset, where.bytes, block.extent});
    }
  }
  fixed.column_count = static_cast<std::uint32_t>(contents_.schema.size());
  fixed.group_count = static_cast<std::uint32_t>(contents_.groups.size());
  fixed.extent_count = static_cast<std::uint32_t>(extents_.size());
  fixed.schema_bytes = static_cast<std::uint32_t>(schema.size());
  fixed.slice = contents_.identity.slice;
  fixed.slice_count = contents_.identity.slice_count;
  fixed.version = contents_.identity.version;
  fixed.next_group_id = contents_.identity.next_group_id;
  fixed.next_block_id = contents_.next_block_id;
  fixed.row_count = contents_.row_count();
  fixed.zone_bytes = zones.size();
  std::vector<std::byte> footer;
  put_value(footer, fixed);
  footer.insert(footer.end(), schema.begin(), schema.end());
  for (const extent_place& extent : extents_) put_value(footer, extent);
  for (const auto* part : {&groups, &places, &zones}) footer.insert(footer.end(), part->begin(), part->end());

  slice_trailer trailer{};
  std::memcpy(trailer.magic, trailer_magic, sizeof(trailer.magic));
  trailer.version = slice_version;
  trailer.file_id = contents_.identity.file_id;
  trailer.footer_offset = offset_;
  trailer.footer_bytes = footer.size();
  trailer.footer_checksum = checksum_of(footer);
  trailer.footer_number = contents_.footer_number + 1;
  trailer.previous_end = contents_.end;
  trailer.checksum = checksum_of_frame(trailer);
  PILLAR_TRY(put(footer));
  PILLAR_TRY(pad());
  PILLAR_TRY(file_.sync());  // blocks and footer are safe before the trailer makes them count
  PILLAR_TRY(put(std::as_bytes(std::span(&trailer, 1))));
  PILLAR_TRY(file_.sync());

  std::sort(all.blocks.begin(), all.blocks.end(),
            [](const block_place& a, const block_place& b) { return a.id < b.id; });
  all.extents = extents_;
  contents_.places = std::make_shared<const block_places>(std::move(all));
  contents_.footer_offset = trailer.footer_offset;
  contents_.footer_bytes = trailer.footer_bytes;
  contents_.footer_number = trailer.footer_number;
  contents_.previous_end = trailer.previous_end;
  contents_.end = offset_;
  return {};
}

}  // namespace PILLAR_NAMESPACE
