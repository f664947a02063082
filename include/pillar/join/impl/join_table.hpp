// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>  // std::bit_width
#include <cstring>
#include <limits>
#include <utility>

#include "pillar/base/detail/huge_pages.hpp"  // prefer_huge_pages
#include "pillar/base/mutant.hpp"             // PILLAR_MUTATE
#include "pillar/filter/bloom.hpp"            // bloom_kernels_for
#include "pillar/join/join_table.hpp"
#include "pillar/simd/dispatch.hpp"  // best_arch_level

namespace PILLAR_NAMESPACE {

namespace detail {

inline constexpr std::size_t join_prefetch_bytes = std::size_t{1} << 20;  // about an L2
inline constexpr std::uint32_t join_prefetch_ahead = 16;
inline constexpr std::size_t join_filter_bytes = std::size_t{32} << 10;  // of slots from which a filter pays: an L1

/// Rows of a batch that may have partners, and their keys.
struct join_batch {
  std::uint32_t count = 0;
  std::uint16_t rows[vector_rows];
  std::uint64_t low[vector_rows];
  std::uint64_t high[vector_rows];    ///< packed16 only
  std::uint64_t hashes[vector_rows];  ///< of tables, not of arrays

  /// Keeps the rows whose number in the batch has a bit.
  void keep(const std::uint64_t* kept_bits, bool wide) noexcept {
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      rows[kept] = rows[i];
      low[kept] = low[i];
      if (wide) high[kept] = high[i];
      hashes[kept] = hashes[i];
      kept += get_bit(kept_bits, i) ? 1 : 0;
    }
    count = kept;
  }
};

/// The keys of the batch's rows in packed form. A value that the build side cannot have drops its row: its bits would
/// run into its neighbour's.
inline void pack_join_keys(std::span<const join_part> parts, std::span<const vector* const> keys, bool wide,
                           join_batch& batch) noexcept {
  if (parts.size() == 1 && !wide) {  // no neighbours: the difference is the key, whatever it is
    return gather_join_words(parts[0], *keys[parts[0].column], batch.rows, batch.count, batch.low, parts[0].lowest);
  }
  std::uint64_t words[vector_rows];
  std::uint64_t within[vector_words];
  for (auto& word : within) word = ~std::uint64_t{0};
  bool all = true;
  for (std::uint32_t i = 0; i < batch.count; ++i) batch.low[i] = 0;
  if (wide)
    for (std::uint32_t i = 0; i < batch.count; ++i) batch.high[i] = 0;
  for (const join_part& part : parts) {
    gather_join_words(part, *keys[part.column], batch.rows, batch.count, words);
    std::uint64_t* lane = part.lane == 0 ? batch.low : batch.high;
    for (std::uint32_t i = 0; i < batch.count; ++i) {
      const std::uint64_t distance = words[i] - part.lowest;
      const bool outside = PILLAR_MUTATE(join_key_overflows, distance > part.width, false);
      if (outside) assign_bit(within, i, all = false);
      lane[i] |= distance << part.shift;
    }
  }
  if (!all) batch.keep(within, wide);
}

/// Texts of ≤ 12 bytes are keys of 16 bytes; a longer one is nobody's partner.
inline void pack_join_texts(const vector& key, join_batch& batch) noexcept {
  const auto* slots = static_cast<const std::byte*>(key.holder().values);
  std::uint64_t within[vector_words] = {};
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < batch.count; ++i) {
    const std::byte* slot = slots + std::size_t{key.index_of(batch.rows[i])} * sizeof(text_slot);
    batch.low[i] = load_unaligned<std::uint64_t>(slot);
    batch.high[i] = load_unaligned<std::uint64_t>(slot + 8);
    const bool inlined = static_cast<std::uint32_t>(batch.low[i]) <= text_slot::inline_capacity;
    within[i / 64] |= std::uint64_t{inlined} << (i % 64);
    count += inlined ? 1 : 0;
  }
  if (count != batch.count) batch.keep(within, true);
}

/// The hashes of generic keys, from the words of their fixed columns and then their texts.
inline void hash_join_keys(std::span<const join_part> parts, std::span<const vector* const> keys,
                           join_batch& batch) noexcept {
  std::uint64_t words[vector_rows];
  for (std::uint32_t i = 0; i < batch.count; ++i) batch.hashes[i] = 0;
  for (const join_part& part : parts) {
    gather_join_words(part, *keys[part.column], batch.rows, batch.count, words);
    for (std::uint32_t i = 0; i < batch.count; ++i) batch.hashes[i] = join_hash(batch.hashes[i], words[i]);
  }
  for (const vector* key : keys) {
    if (key->type.physical != physical_type::text) continue;
    if (key->kind == vector_kind::dictionary && key->dictionary->size <= batch.count) {
      for (std::uint32_t i = 0; i < key->dictionary->size; ++i) words[i] = hash_text(key->dictionary->text_value(i));
      for (std::uint32_t i = 0; i < batch.count; ++i)
        batch.hashes[i] = join_hash(batch.hashes[i], words[key->codes[batch.rows[i]]]);
    } else {
      for (std::uint32_t i = 0; i < batch.count; ++i)
        batch.hashes[i] = join_hash(batch.hashes[i], hash_text(key->text_value(batch.rows[i])));
    }
  }
}

/// Whether a row's key is the one whose bytes lie at `entry`: a word for each part, then size and bytes of each text.
inline bool equals_join_entry(const std::byte* entry, std::span<const join_part> parts,
                              std::span<const vector* const> keys, std::uint16_t row) noexcept {
  for (const join_part& part : parts) {
    if (load_unaligned<std::uint64_t>(entry) != join_word_at(part, *keys[part.column], row)) return false;
    entry += sizeof(std::uint64_t);
  }
  for (const vector* key : keys) {
    if (key->type.physical != physical_type::text) continue;
    const std::string_view text = key->text_value(row);
    const auto size = load_unaligned<std::uint32_t>(entry);
    entry += sizeof size;
    if (size != text.size() || (size != 0 && std::memcmp(entry, text.data(), size) != 0)) return false;
    entry += size;
  }
  return true;
}

/// An array of `count` keys where all of them are there, once each, so that a key is its own position, and all rows of a
/// flat vector: in one pass over it. False: some other key is among them, or it is no such case.
inline bool find_whole_in_join_array(const join_part& part, const vector& key, const selection_mask& selection,
                                     std::uint64_t count, join_hits& hits) noexcept {
  if (key.kind != vector_kind::flat || key.validity != nullptr || key.type.physical == physical_type::integer128)
    return false;
  if (selection.count() != key.size) return false;
  if (!find_join_distances(part, key, count, hits.first)) return false;
  std::memcpy(hits.rows, all_rows.at, key.size * sizeof hits.rows[0]);
  hits.count = key.size;
  return true;
}

/// An array of `count` keys, none of which comes twice. Where all of them are there, a key is its own position.
inline void find_in_join_ranks(const join_batch& batch, const join_ranks* ranks, std::uint64_t count, bool all,
                               join_hits& hits) noexcept {
  std::uint32_t found = 0;
  if (all) {
    std::uint32_t beyond = 0;
    for (std::uint32_t i = 0; i < batch.count; ++i) beyond |= batch.low[i] < count ? 0u : 1u;
    if (beyond == 0) {
      std::memcpy(hits.rows, batch.rows, batch.count * sizeof hits.rows[0]);
      for (std::uint32_t i = 0; i < batch.count; ++i) hits.first[i] = static_cast<std::uint32_t>(batch.low[i]);
      hits.count = batch.count;
      return;
    }
  }
  for (std::uint32_t i = 0; i < batch.count; ++i) {
    const std::uint64_t at = batch.low[i] < count ? batch.low[i] : count;
    const join_ranks of = ranks[at / 64];
    hits.rows[found] = batch.rows[i];
    hits.first[found] = of.rank_of(at);
    found += of.has(at) ? 1 : 0;
  }
  hits.count = found;
}

/// Entry [0, count) of an array; everything above goes to the one behind the last, which holds nothing. An entry says
/// where its key's positions begin, the next one where they end.
inline void find_in_join_array(const join_batch& batch, const std::uint32_t* entries, std::uint64_t count,
                               join_hits& hits) noexcept {
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < batch.count; ++i) {
    const std::uint64_t at = batch.low[i] < count ? batch.low[i] : count;
    const std::uint32_t first = entries[at], last = entries[at + 1];
    hits.rows[found] = batch.rows[i];
    hits.first[found] = first;
    hits.partner_count[found] = last - first;
    found += first != last ? 1 : 0;
  }
  hits.count = found;
}

/// Linear probing. Requires a free slot.
template <class Slot, class Equal>
PILLAR_ALWAYS_INLINE void find_in_join_slots(const join_batch& batch, const Slot* slots, std::uint64_t slot_count,
                                             Equal equal, join_hits& hits) noexcept {
  std::uint64_t places[vector_rows];
  for (std::uint32_t i = 0; i < batch.count; ++i) places[i] = place_of(batch.hashes[i], slot_count);
  const std::uint32_t ahead = slot_count * sizeof(Slot) > join_prefetch_bytes ? join_prefetch_ahead : 0;
  for (std::uint32_t i = 0; i < batch.count && i < ahead; ++i) __builtin_prefetch(slots + places[i]);
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < batch.count; ++i) {
    if (ahead != 0 && i + ahead < batch.count) __builtin_prefetch(slots + places[i + ahead]);
    std::uint64_t at = places[i];
    while (slots[at].count != 0 && !equal(slots[at], i)) at = at + 1 == slot_count ? 0 : at + 1;
    hits.rows[found] = batch.rows[i];
    hits.first[found] = slots[at].first;
    hits.partner_count[found] = slots[at].count;
    found += slots[at].count != 0 ? 1 : 0;
  }
  hits.count = found;
}

}  // namespace detail

inline join_table::join_table(buffer memory) noexcept
    : memory_(std::move(memory)), bloom_(&bloom_kernels_for(best_arch_level())) {}

/// The rows that may have partners, and their keys as the table has them.
inline void join_table::read_keys(std::span<const vector* const> keys, const selection_mask& selection,
                                  std::uint32_t row_count, detail::join_batch& batch) const noexcept {
  PILLAR_ASSERT(keys.size() == types_.size() && row_count <= vector_rows);
  selection_mask rows = selection;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    PILLAR_ASSERT(detail::join_words_agree(keys[i]->type.physical, types_[i].physical) && keys[i]->size == row_count);
    if (keys[i]->validity == nullptr) continue;
    for (std::uint32_t word = 0; word < vector_words; ++word)
      rows.words[word] &= PILLAR_MUTATE(join_nulls_match, keys[i]->validity_word(word), ~std::uint64_t{0});
  }
  batch.count = header().joinable_count == 0 ? 0 : detail::list_rows(rows.words, batch.rows);
  if (batch.count == 0) return;
  if (mode() == join_mode::generic) return detail::hash_join_keys(parts(), keys, batch);
  if (mode() == join_mode::packed16 && parts().empty()) detail::pack_join_texts(*keys[0], batch);
  else detail::pack_join_keys(parts(), keys, mode() == join_mode::packed16, batch);
  if (mode() == join_mode::packed8)
    for (std::uint32_t i = 0; i < batch.count; ++i) batch.hashes[i] = detail::join_hash(batch.low[i]);
  if (mode() == join_mode::packed16)
    for (std::uint32_t i = 0; i < batch.count; ++i) batch.hashes[i] = detail::join_hash(batch.low[i], batch.high[i]);
}

PILLAR_API void join_table::find(std::span<const vector* const> keys, const selection_mask& selection,
                                 std::uint32_t row_count, join_hits& hits, bool sieve) const noexcept {
  using namespace detail;
  const join_header& head = header();
  const bool every_key = mode() == join_mode::array && head.unique != 0 && head.joinable_count == head.slot_count;
  if (every_key && head.part_count == 1 &&
      find_whole_in_join_array(parts()[0], *keys[0], selection, head.slot_count, hits))
    return;
  join_batch batch;
  read_keys(keys, selection, row_count, batch);
  if (sieve && head.filter_blocks != 0) {
    std::uint64_t passing[vector_words];
    bloom_->test(at<std::uint64_t>(head.filter_at), head.filter_blocks, batch.hashes, batch.count, passing);
    batch.keep(passing, mode() == join_mode::packed16);
  }
  hits.count = 0;
  if (batch.count == 0) return;
  switch (mode()) {
    case join_mode::array:
      if (head.unique == 0) return find_in_join_array(batch, at<std::uint32_t>(head.slots_at), head.slot_count, hits);
      return find_in_join_ranks(batch, at<join_ranks>(head.slots_at), head.slot_count,
                                head.joinable_count == head.slot_count, hits);
    case join_mode::packed8: {
      const auto equal = [&](const join_slot& slot, std::uint32_t i) { return slot.key == batch.low[i]; };
      return find_in_join_slots(batch, at<join_slot>(head.slots_at), head.slot_count, equal, hits);
    }
    case join_mode::packed16: {
      const auto equal = [&](const wide_join_slot& slot, std::uint32_t i) {
        return slot.low == batch.low[i] && slot.high == batch.high[i];
      };
      return find_in_join_slots(batch, at<wide_join_slot>(head.slots_at), head.slot_count, equal, hits);
    }
    case join_mode::generic: {
      const auto* texts = at<std::byte>(head.texts_at);
      const auto equal = [&](const wide_join_slot& slot, std::uint32_t i) {
        return slot.low == batch.hashes[i] && equals_join_entry(texts + slot.high, parts(), keys, batch.rows[i]);
      };
      return find_in_join_slots(batch, at<wide_join_slot>(head.slots_at), head.slot_count, equal, hits);
    }
  }
}

PILLAR_API void join_table::may_have_partners(const vector& key, std::uint64_t* mask) const noexcept {
  using namespace detail;
  PILLAR_ASSERT(types_.size() == 1);
  const join_header& head = header();
  const vector* pointer = &key;
  const selection_mask all = selection_mask::first(key.size);
  for (std::size_t word = 0; word < words_for(key.size); ++word) mask[word] = 0;
  if (head.filter_blocks == 0) {
    join_hits hits;
    find({&pointer, 1}, all, key.size, hits);
    for (std::uint32_t i = 0; i < hits.count; ++i) set_bit(mask, hits.rows[i]);
    return;
  }
  join_batch batch;
  read_keys({&pointer, 1}, all, key.size, batch);
  std::uint64_t passing[vector_words];
  bloom_->test(at<std::uint64_t>(head.filter_at), head.filter_blocks, batch.hashes, batch.count, passing);
  if (batch.count == key.size) {
    for (std::size_t word = 0; word < words_for(key.size); ++word) mask[word] = passing[word];
  } else {
    for (std::uint32_t i = 0; i < batch.count; ++i)
      if (get_bit(passing, i)) set_bit(mask, batch.rows[i]);
  }
}

PILLAR_API std::uint32_t join_table::most_partners() const noexcept {
  const detail::join_header& head = header();
  std::uint32_t most = head.joinable_count != 0 ? 1 : 0;
  if (head.unique != 0) return most;
  const auto take = [&](std::uint32_t count) { most = count > most ? count : most; };
  for (std::uint64_t i = 0; i < head.slot_count; ++i) {
    if (mode() == join_mode::array) {
      const auto* const entry = at<std::uint32_t>(head.slots_at) + i;
      take(entry[1] - entry[0]);
    } else if (mode() == join_mode::packed8) {
      take(at<detail::join_slot>(head.slots_at)[i].count);
    } else {
      take(at<detail::wide_join_slot>(head.slots_at)[i].count);
    }
  }
  return most;
}

PILLAR_API void join_table::row_ids(const std::uint32_t* positions, std::uint32_t count,
                                    std::uint32_t* ids) const noexcept {
  if (header().has_rows != 0) {
    const auto* rows = at<std::uint32_t>(header().rows_at);
    for (std::uint32_t i = 0; i < count; ++i) ids[i] = rows[positions[i]];
  } else if (ids != positions) {
    for (std::uint32_t i = 0; i < count; ++i) ids[i] = positions[i];
  }
}

PILLAR_API void join_table::name_rows_by_position() noexcept {
  detail::join_header head = header();
  if (head.has_rows == 0) return;
  head.has_rows = 0;
  head.row_limit = head.row_count;
  head.byte_count = head.rows_at;
  std::memcpy(memory_.data(), &head, sizeof head);
}

// ---- bytes ----------------------------------------------------------------------------------------------------------

inline void join_table::read_types() {
  types_.clear();
  const auto* from = at<std::uint8_t>(header().columns_at);
  for (std::uint32_t i = 0; i < header().column_count; ++i, from += 8) {
    data_type type;
    type.logical = static_cast<logical_type>(from[0]);
    type.physical = static_cast<physical_type>(from[1]);
    type.precision = from[2];
    type.scale = from[3];
    type.nullable = from[4] != 0;
    types_.push_back(type);
  }
}

/// The size of an entry of a generic table; 0: it does not lie within the table's texts, or its values not in the ranges
/// that the table names.
inline std::uint64_t join_table::entry_bytes(std::uint64_t offset) const noexcept {
  const detail::join_header& head = header();
  const auto* from = at<std::uint8_t>(head.columns_at);
  const std::uint64_t fixed = std::uint64_t{head.part_count} * sizeof(std::uint64_t);
  const std::uint64_t begin = offset;
  if (offset > head.text_bytes || head.text_bytes - offset < fixed) return 0;
  for (const detail::join_part& part : parts()) {
    const auto word = load_unaligned<std::uint64_t>(at<std::byte>(head.texts_at) + offset);
    if (word - part.lowest > part.width) return 0;
    offset += sizeof word;
  }
  for (std::uint32_t i = 0; i < head.column_count; ++i) {
    if (from[8 * i + 1] != static_cast<std::uint8_t>(physical_type::text)) continue;
    if (head.text_bytes - offset < sizeof(std::uint32_t)) return 0;
    const auto size = load_unaligned<std::uint32_t>(at<std::byte>(head.texts_at) + offset);
    offset += sizeof(std::uint32_t);
    if (head.text_bytes - offset < size) return 0;
    offset += size;
  }
  return offset - begin;
}

namespace detail {
/// Whether a packed key holds a value of each part's range, and nothing else.
inline bool is_packed_join_key(std::span<const join_part> parts, std::uint64_t low, std::uint64_t high) noexcept {
  for (const join_part& part : parts) {
    std::uint64_t& lane = part.lane == 0 ? low : high;
    const std::uint64_t distance = (lane >> part.shift) & low_bits(part.bits);
    if (distance > part.width) return false;
    lane ^= distance << part.shift;
  }
  return low == 0 && high == 0;
}

/// Whether a part's range lies within what values of its type can be.
inline bool is_join_range(const join_part& part, physical_type type) noexcept {
  const std::uint64_t highest = part.lowest + part.width;
  if (highest < part.lowest) return false;
  if (type == physical_type::integer128) return true;
  if (is_float(type))
    return part.lowest >= join_word(-std::numeric_limits<double>::infinity()) &&
           highest <= join_word(std::numeric_limits<double>::quiet_NaN());
  return integer_of_join_word(part.lowest, type) >= lowest_of(type) &&
         integer_of_join_word(highest, type) <= highest_of(type);
}
}  // namespace detail

inline result<void> join_table::validate_slots() const noexcept {
  const detail::join_header& head = header();
  const auto corrupt = [&](std::uint64_t offset) { return result<void>(errc::corrupt, offset); };
  const auto lies_within = [&](std::uint32_t first, std::uint32_t count) {
    return std::uint64_t{first} + PILLAR_MUTATE(join_slot_unchecked, count, 0u) <= head.joinable_count;
  };
  if (mode() == join_mode::array) {
    if (head.unique != 0) {
      const auto* ranks = at<detail::join_ranks>(head.slots_at);
      std::uint64_t before = 0;
      for (std::uint64_t word = 0; word < detail::join_ranks_for(head.slot_count); ++word) {
        const std::uint64_t left = head.slot_count - 64 * word;
        if (ranks[word].before != before || (left < 64 && ranks[word].keys >> left != 0))
          return corrupt(head.slots_at + 16 * word);
        for (std::uint64_t keys = ranks[word].keys; keys != 0; keys &= keys - 1)
          if (!detail::is_packed_join_key(parts(), 64 * word + static_cast<unsigned>(std::countr_zero(keys)), 0))
            return corrupt(head.slots_at + 16 * word);
        before += static_cast<unsigned>(std::popcount(ranks[word].keys));
      }
      return before == head.joinable_count ? result<void>() : corrupt(head.slots_at);
    }
    const auto* entries = at<std::uint32_t>(head.slots_at);
    for (std::uint64_t i = 0; i <= head.slot_count; ++i) {
      const bool sound = entries[i] <= entries[i + 1] && entries[i + 1] <= head.joinable_count;
      const bool taken = entries[i] != entries[i + 1];
      if (!sound || (taken && i < head.slot_count && !detail::is_packed_join_key(parts(), i, 0)))
        return corrupt(head.slots_at + 4 * i);
    }
    const std::uint32_t* last = entries + head.slot_count;  // of keys that are not there
    if (last[0] != last[1]) return corrupt(head.slots_at);
    return {};
  }
  const std::uint64_t width = mode() == join_mode::packed8 ? sizeof(detail::join_slot) : sizeof(detail::wide_join_slot);
  // Entries stand one behind the other, so they are not looked at more often than their bytes allow.
  std::uint64_t used = 0, text_left = head.text_bytes;
  for (std::uint64_t i = 0; i < head.slot_count; ++i) {
    std::uint32_t first = 0, count = 0;
    bool sound = true;
    if (mode() == join_mode::packed8) {
      const auto& slot = at<detail::join_slot>(head.slots_at)[i];
      first = slot.first, count = slot.count;
      sound = count == 0 || PILLAR_MUTATE(join_key_unchecked, detail::is_packed_join_key(parts(), slot.key, 0), true);
    } else {
      const auto& slot = at<detail::wide_join_slot>(head.slots_at)[i];
      first = slot.first, count = slot.count;
      if (count != 0 && mode() == join_mode::packed16)
        sound = parts().empty() ? static_cast<std::uint32_t>(slot.low) <= text_slot::inline_capacity
                                : detail::is_packed_join_key(parts(), slot.low, slot.high);
      if (count != 0 && mode() == join_mode::generic) {
        const std::uint64_t size = entry_bytes(slot.high);
        sound = PILLAR_MUTATE(join_entry_unchecked, size != 0 && size <= text_left, true);
        text_left -= size <= text_left ? size : 0;
      }
    }
    if (count == 0) continue;
    ++used;
    if (!sound || !lies_within(first, count) || (head.unique != 0 && count != 1))
      return corrupt(head.slots_at + i * width);
  }
  if (used == head.slot_count) return corrupt(head.slots_at);  // a search for a key that is not there would not end
  return {};
}

inline result<void> join_table::validate() const noexcept {
  using namespace detail;
  const join_header& head = header();
  const std::uint64_t size = memory_.size();
  const auto lies_within = [&](std::uint64_t offset, std::uint64_t count, std::uint64_t width,
                               std::uint64_t alignment) {
    return offset % alignment == 0 && offset >= sizeof(join_header) && offset <= size &&
           count <= (size - offset) / width;
  };
  if (head.byte_count != size) return errc::truncated;
  if (head.mode > static_cast<std::uint8_t>(join_mode::generic) || head.unique > 1 || head.has_rows > 1 ||
      head.reserved != 0 || head.column_count == 0 || head.joinable_count > head.row_count || head.row_count == no_row)
    return errc::corrupt;
  if (!lies_within(head.columns_at, head.column_count, 8, 8) ||
      !lies_within(head.parts_at, head.part_count, sizeof(join_part), 8))
    return {errc::corrupt, head.columns_at};
  const auto* column = at<std::uint8_t>(head.columns_at);
  std::uint32_t text_count = 0, part = 0;
  for (std::uint32_t i = 0; i < head.column_count; ++i, column += 8) {
    if (column[1] >= physical_type_count || column[4] > 1) return {errc::corrupt, head.columns_at + 8 * i};
    const auto type = static_cast<physical_type>(column[1]);
    text_count += type == physical_type::text ? 1 : 0;
    const std::uint32_t words = type == physical_type::text ? 0 : type == physical_type::integer128 ? 2 : 1;
    for (std::uint32_t word = 0; word < words; ++word, ++part) {
      if (part == head.part_count) return {errc::corrupt, head.parts_at};
      const join_part& of = parts()[part];
      const bool packed = mode() != join_mode::generic;
      if (of.column != i || of.high_word != word || of.lane > 1 || of.shift > 63 ||
          of.bits != static_cast<unsigned>(std::bit_width(of.width)) || (packed && of.shift + of.bits > 64) ||
          (head.joinable_count != 0 && !is_join_range(of, type)))
        return {errc::corrupt, head.parts_at + part * sizeof(join_part)};
    }
  }
  if (part != head.part_count) return {errc::corrupt, head.parts_at};
  const bool packs_texts = mode() == join_mode::packed16 && text_count == 1 && head.column_count == 1;
  if (text_count != 0 && mode() != join_mode::generic && !packs_texts) return {errc::corrupt, head.columns_at};
  for (const join_part& of : parts())
    if (of.lane == 1 && mode() != join_mode::packed16 && mode() != join_mode::generic)
      return {errc::corrupt, head.parts_at};
  const bool has_ranks = mode() == join_mode::array && head.unique != 0;
  const std::uint64_t width = has_ranks                      ? sizeof(join_ranks)
                              : mode() == join_mode::array   ? sizeof(std::uint32_t)
                              : mode() == join_mode::packed8 ? sizeof(join_slot)
                                                             : sizeof(wide_join_slot);
  const std::uint64_t slots = has_ranks                    ? join_ranks_for(head.slot_count)
                              : mode() == join_mode::array ? head.slot_count + 2
                                                           : head.slot_count;
  if (head.slot_count / 64 > size || !lies_within(head.slots_at, slots, width, 8))
    return {errc::corrupt, head.slots_at};
  if (head.filter_blocks >> 32 != 0 || (head.filter_blocks != 0 && mode() == join_mode::array) ||
      !lies_within(head.filter_at, head.filter_blocks, sizeof(std::uint64_t), 8))
    return {errc::corrupt, head.filter_at};
  if (!lies_within(head.texts_at, head.text_bytes, 1, 1)) return {errc::corrupt, head.texts_at};
  PILLAR_TRY(validate_slots());
  if (head.has_rows == 0) {
    if (head.row_limit < head.row_count) return errc::corrupt;
    return {};
  }
  if (!lies_within(head.rows_at, head.row_count, sizeof(std::uint32_t), 4)) return {errc::corrupt, head.rows_at};
  const auto* rows = at<std::uint32_t>(head.rows_at);
  for (std::uint32_t i = 0; i < head.row_count; ++i)
    if (PILLAR_MUTATE(join_row_unchecked, rows[i] >= head.row_limit, false))
      return {errc::corrupt, head.rows_at + 4 * std::uint64_t{i}};
  return {};
}

PILLAR_API result<join_table> join_table::from_bytes(std::span<const std::byte> bytes, memory_budget* budget) {
  if (bytes.size() < sizeof(detail::join_header)) return {errc::truncated, bytes.size()};
  if (load_unaligned<std::uint64_t>(bytes.data()) != detail::join_header::expected_magic) return errc::unsupported;
  PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(bytes.size(), budget));
  detail::prefer_huge_pages(memory);
  std::memcpy(memory.data(), bytes.data(), bytes.size());
  join_table made(std::move(memory));
  PILLAR_TRY(made.validate());
  made.read_types();
  return made;
}

}  // namespace PILLAR_NAMESPACE
