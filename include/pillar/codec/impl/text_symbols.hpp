// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::fill, std::find, std::is_sorted, std::lower_bound, std::max, std::merge, std::min, std::sort
#include <bit>        // std::countr_zero
#include <cstring>    // std::memcpy, std::memset
#include <new>        // placement new
#include <string_view>

#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/child.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/detail/symbol_reader.hpp"
#include "pillar/codec/detail/symbol_table.hpp"
#include "pillar/codec/detail/text_slots.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/codec/text_symbols.hpp"
#include "pillar/expr/domain.hpp"  // domain

namespace PILLAR_NAMESPACE {

namespace detail {

/// What analyze leaves for encode, in encode_plan::work: this, the table as it is stored, then the encoder's number of
/// each symbol of all rows.
struct symbol_work {
  std::uint32_t table_bytes;
  std::uint32_t code_width;
  std::uint64_t codes_at;
  std::uint64_t code_counts[block_max_vectors];
  std::uint16_t code_of[symbol_index::max_count];
};

/// Lengths of a vector's rows: NULL rows are empty.
struct text_lengths {
  std::uint32_t rows[vector_rows];
  std::uint32_t base = ~std::uint32_t{0};
  std::uint8_t width = 0;
  std::uint64_t total = 0;
  std::uint32_t text_count = 0;  ///< that are not empty

  explicit text_lengths(const vector& values) noexcept {
    std::uint32_t most = 0;
    for (std::uint32_t row = 0; row < values.size; ++row) {
      const std::uint32_t size =
          values.valid(row) ? values.holder().values_as<text_slot>()[values.index_of(row)].size : 0;
      rows[row] = size;
      base = std::min(base, size);
      most = std::max(most, size);
      total += size;
      text_count += size != 0;
    }
    width = static_cast<std::uint8_t>(std::bit_width(most - base));
  }

  void pack(const packed_table& kernels, std::uint32_t row_count, std::byte* out) const noexcept {
    if (width == 0) return;
    const auto as = [&]<class Lane>(Lane* lanes) {
      for (std::uint32_t row = 0; row < row_count; ++row) lanes[row] = static_cast<Lane>(rows[row] - base);
      std::memset(lanes + row_count, 0, sizeof(Lane) * (packed_values - row_count));
      kernels.pack[width](lanes, out);
    };
    alignas(64) std::uint32_t lanes[packed_values];
    if (width <= 8) as(reinterpret_cast<std::uint8_t*>(lanes));
    else if (width <= 16) as(reinterpret_cast<std::uint16_t*>(lanes));
    else as(lanes);
  }
};

/// Texts of 256 MiB and more in a vector would take slots beyond 32-bit offsets.
inline constexpr std::uint64_t symbols_max_characters = (std::uint64_t{1} << 28) - 1;

/// Calls f(text) for each row that is not NULL and not empty.
template <class F>
void for_each_text(const vector& values, F&& f) {
  for_each_valid_row(values, [&](std::uint32_t row) {
    if (const std::string_view text = values.text_value(row); !text.empty()) f(text);
  });
}

constexpr std::uint64_t code_bytes(std::uint64_t count, std::uint32_t width) noexcept {
  return (count * width + 7) / 8;
}

/// The table as it is stored; returns its bytes.
inline std::uint32_t store_symbols(std::span<const symbol> symbols, std::byte* out) noexcept {
  std::byte* at = out;
  symbol before;
  for (const symbol& one : symbols) {
    std::uint32_t common = 0;
    while (common < before.size && common + 1 < one.size && before.byte(common) == one.byte(common)) ++common;
    *at++ = static_cast<std::byte>(common | (one.size - common - 1) << 4);
    for (std::uint32_t i = common; i < one.size; ++i) *at++ = one.byte(i);
    before = one;
  }
  return static_cast<std::uint32_t>(at - out);
}

/// The next of stored symbols: after `before`, from `at` on, which it moves. Size 0: none, or not one.
inline symbol next_symbol(const symbol& before, const std::byte*& at, const std::byte* end) noexcept {
  const auto head = at == end ? 0u : static_cast<std::uint32_t>(*at++);
  const std::uint32_t common = head & 15, further = (head >> 4) + 1;
  if (common > before.size || common + further > text_symbols_codec::max_symbol_bytes ||
      static_cast<std::size_t>(end - at) < further) {
    return {};
  }
  alignas(16) std::byte bytes[16] = {};
  std::memcpy(bytes, &before.low, common);
  std::memcpy(bytes + common, at, further);
  at += further;
  return symbol_at(bytes, common + further);
}

/// The symbols that an earlier block was written with; false: they are not any.
inline bool load_symbols(std::span<const std::byte> stored, symbol_index& table) noexcept {
  bool taken[256] = {};  // bytes of symbols of more than one
  const std::byte *at = stored.data(), *const end = at + stored.size();
  for (symbol one; at != end;) {
    one = next_symbol(one, at, end);
    if (one.size == 0 || table.count == symbol_index::max_count) return false;
    if (one.size == 1) continue;
    for (std::uint32_t i = 0; i < one.size; ++i) taken[static_cast<std::uint8_t>(one.byte(i))] = true;
    table.set(table.count++, one);
  }
  const bool* const separator = std::find(taken, taken + 256, false);
  if (separator == taken + 256) return false;
  table.separator = static_cast<std::byte>(separator - taken);
  table.build();
  return true;
}

/// The bytes that are symbols of a stored table by themselves.
inline void mark_bytes(std::span<const std::byte> stored, bool* used) noexcept {
  const std::byte *at = stored.data(), *const end = at + stored.size();
  for (symbol one; at != end;) {
    one = next_symbol(one, at, end);
    if (one.size == 0) return;
    if (one.size == 1) used[one.low] = true;
  }
}

/// Cuts all rows into symbols; what the plan says of the codes afterwards is exact. False: no gain to be had.
inline result<bool> analyze_symbols(const encode_input& input, std::uint64_t character_count, std::uint32_t text_count,
                                    std::uint64_t most_characters, std::uint64_t length_bytes, std::uint64_t most_bytes,
                                    encode_plan& plan) {
  PILLAR_ASSIGN_OR_RETURN(buffer index, buffer::allocate(sizeof(symbol_index), input.budget));
  auto* table = ::new (static_cast<void*>(index.data())) symbol_index;
  const bool loaded = !input.kept.empty() && load_symbols(input.kept, *table);
  if (!loaded) {
    ::new (static_cast<void*>(table)) symbol_index;
    std::uint64_t cost = 0;
    PILLAR_TRY(symbol_builder::build(input, character_count, text_count, *table, cost));
    // The estimate is good to a few per cent.
    if (length_bytes + (cost * character_count >> 13) > most_bytes + most_bytes / 16) return false;
  }

  constexpr std::uint32_t max_count = symbol_index::max_count;
  const std::size_t codes_at = round_up(sizeof(symbol_work) + 17 * std::size_t{max_count}, 64);
  PILLAR_ASSIGN_OR_RETURN(
      plan.work, buffer::allocate(codes_at + sizeof(std::uint16_t) * (character_count + vector_rows), input.budget));
  PILLAR_ASSIGN_OR_RETURN(buffer copy, buffer::allocate(most_characters + vector_rows, input.budget));
  auto* work = ::new (static_cast<void*>(plan.work.data())) symbol_work{};
  auto* const numbers = reinterpret_cast<std::uint16_t*>(plan.work.data() + codes_at);
  std::uint16_t* next = numbers;
  for (std::size_t i = 0; i < input.vectors.size(); ++i) {
    std::uint32_t ends[vector_rows + 1];
    std::uint32_t end = 0, row_count = 0;
    for_each_text(input.vectors[i], [&](std::string_view text) {
      std::memcpy(copy.data() + end, text.data(), text.size());
      ends[row_count++] = end += static_cast<std::uint32_t>(text.size());
      copy.data()[end++] = table->separator;
    });
    ends[row_count] = end;
    std::uint16_t* const first = next;
    next = table->cut({copy.data(), ends, row_count}, 0, row_count, next);
    work->code_counts[i] = static_cast<std::uint64_t>(next - first);
  }

  // Only what was used is stored, in the order of the bytes; or all, where the table serves many blocks.
  bool used[max_count] = {};
  for (const std::uint16_t* number = numbers; number != next; ++number) used[*number] = true;
  if (PILLAR_MUTATE(symbols_leave_the_kept_out, input.keeps_table, false)) {
    std::fill(used + symbol_index::single_count, used + table->count, true);
    if (loaded) mark_bytes(input.kept, used);
  }
  std::uint16_t found[max_count], order[max_count];
  symbol sorted[symbol_index::capacity];
  std::uint32_t count = 0, single_count = 0;
  for (std::uint32_t i = 0; i < table->count; ++i) {
    if (used[i]) found[count++] = static_cast<std::uint16_t>(i);
    if (i + 1 == symbol_index::single_count) single_count = count;
  }
  if (count > symbol_index::capacity) return false;
  // Bytes are in order, and so are the others if they were loaded.
  const auto less = [table](std::uint16_t a, std::uint16_t b) { return table->at(a) < table->at(b); };
  if (!std::is_sorted(found + single_count, found + count, less)) std::sort(found + single_count, found + count, less);
  std::merge(found, found + single_count, found + single_count, found + count, order, less);
  for (std::uint32_t i = 0; i < count; ++i)
    work->code_of[order[i]] = static_cast<std::uint16_t>(i), sorted[i] = table->at(order[i]);
  work->table_bytes = store_symbols({sorted, count}, plan.work.data() + sizeof(symbol_work));
  work->code_width = symbol_width_of(count);
  work->codes_at = codes_at;
  plan.kept = plan.work.bytes().subspan(sizeof(symbol_work), work->table_bytes);
  plan.entry_count = count;
  plan.data_bytes = length_bytes + work->table_bytes;
  plan.bytes_once = input.keeps_table ? work->table_bytes : 0;
  for (std::size_t i = 0; i < input.vectors.size(); ++i)
    plan.data_bytes += code_bytes(work->code_counts[i], work->code_width);
  return plan.data_bytes - plan.bytes_once < most_bytes;
}

/// Appends the codes of `count` numbers, of `width` ≤ 16 bits; returns the end.
inline std::byte* pack_codes(const std::uint16_t* numbers, const std::uint16_t* code_of, std::uint64_t count,
                             std::uint32_t width, std::byte* out) noexcept {
  std::uint64_t pending = 0;
  std::uint32_t bits = 0;
  std::uint64_t i = 0;
  // Four codes at a time, then the whole bytes there are: fewer than 7 bits wait, so 8 bytes are written of which up to
  // 6 stay. The last 8 bytes' worth of codes go one by one, so that nothing is written beyond the end.
  for (; i + 8 + 64 / width <= count; i += 4) {
    const std::uint64_t four = std::uint64_t{code_of[numbers[i]]} | std::uint64_t{code_of[numbers[i + 1]]} << width |
                               std::uint64_t{code_of[numbers[i + 2]]} << 2 * width |
                               std::uint64_t{code_of[numbers[i + 3]]} << 3 * width;
    pending |= four << bits;
    store_unaligned(out, pending);
    bits += 4 * width;
    out += bits / 8;
    pending >>= bits & ~7u;
    bits %= 8;
  }
  for (; i < count; ++i) {
    pending |= std::uint64_t{code_of[numbers[i]]} << bits;
    for (bits += width; bits >= 8; bits -= 8, pending >>= 8) *out++ = static_cast<std::byte>(pending);
  }
  if (bits != 0) *out++ = static_cast<std::byte>(pending);
  return out;
}

}  // namespace detail

PILLAR_API result<encode_plan> text_symbols_codec::analyze(const encode_input& input) {
  encode_plan plan;
  if (input.type.physical != physical_type::text) return plan;
  std::uint64_t character_count = 0, most_characters = 0, length_bytes = 0;
  std::uint32_t text_count = 0;
  for (const vector& values : input.vectors) {
    const detail::text_lengths lengths(values);
    character_count += lengths.total;
    text_count += lengths.text_count;
    most_characters = std::max(most_characters, lengths.total);
    length_bytes += packed_bytes(lengths.width);
    if (lengths.total > detail::symbols_max_characters) return plan;
  }
  if (character_count >= ~std::uint32_t{0} - (1u << 16)) return plan;
  const std::uint64_t plain_bytes = length_bytes + character_count;
  // A code of eight bits cannot stand for more than 16 characters.
  if (length_bytes + character_count / max_symbol_bytes >= input.give_up_bytes) return plan;
  if (character_count >= 64) {
    PILLAR_ASSIGN_OR_RETURN(plan.possible,
                            detail::analyze_symbols(input, character_count, text_count, most_characters, length_bytes,
                                                    std::min(plain_bytes, input.give_up_bytes), plan));
    if (plan.possible) return plan;
  }
  plan = encode_plan{};
  plan.possible = true;
  plan.data_bytes = plain_bytes;
  return plan;
}

PILLAR_API result<void> text_symbols_codec::encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                                   data_section& section) {
  const auto* work = plan.entry_count == 0 ? nullptr : reinterpret_cast<const detail::symbol_work*>(plan.work.data());
  const std::uint16_t* codes = nullptr;
  std::byte* at = out;
  if (work != nullptr) {
    section.entry_count = plan.entry_count;
    section.code_width = static_cast<std::uint8_t>(work->code_width);
    section.shared_bytes = work->table_bytes;
    std::memcpy(at, plan.work.data() + sizeof(detail::symbol_work), work->table_bytes);
    at += work->table_bytes;
    codes = reinterpret_cast<const std::uint16_t*>(plan.work.data() + work->codes_at);
  }
  for (std::size_t i = 0; i < input.vectors.size(); ++i) {
    const vector& values = input.vectors[i];
    vector_entry& entry = section.entries[i];
    const detail::text_lengths lengths(values);
    entry.base = lengths.base;
    entry.width = lengths.width;
    entry.offset = static_cast<std::uint32_t>(at - out);
    lengths.pack(*input.kernels, values.size, at);
    at += packed_bytes(lengths.width);
    if (work == nullptr) {
      detail::for_each_text(values, [&](std::string_view text) {
        std::memcpy(at, text.data(), text.size());
        at += text.size();
      });
    } else {
      at = detail::pack_codes(codes, work->code_of, work->code_counts[i], work->code_width, at);
      codes += work->code_counts[i];
    }
    entry.bytes = static_cast<std::uint32_t>(at - out) - entry.offset;
  }
  return {};
}

PILLAR_API std::size_t text_symbols_codec::view_bytes(const data_section& section) noexcept {
  return section.type.physical == physical_type::text && section.entry_count <= detail::symbol_index::capacity
             ? detail::symbol_view::bytes(section)
             : 0;
}

namespace detail {

/// The stored table → symbols and sizes in `memory`; false if it is not one.
inline bool read_symbols(const data_section& section, std::byte* memory, std::uint32_t& longest) noexcept {
  const std::uint32_t capacity = 1u << section.code_width;
  std::memset(memory, 0, std::size_t{17} * capacity);
  auto* sizes = reinterpret_cast<std::uint8_t*>(memory + std::size_t{16} * capacity);
  const std::byte *at = section.data, *const end = at + section.shared_bytes;
  symbol before;
  for (std::uint32_t i = 0; i < section.entry_count; ++i) {
    const symbol one = next_symbol(before, at, end);
    if (one.size == 0 || PILLAR_MUTATE(symbols_any_order, i != 0 && !(before < one), false)) return false;
    std::memcpy(memory + std::size_t{16} * i, &one.low, 16);
    sizes[i] = static_cast<std::uint8_t>(one.size);
    longest = std::max(longest, one.size);
    before = one;
  }
  return at == end;
}

/// The sum of a vector's lengths.
inline std::uint64_t sum_lengths(const data_section& section, const vector_entry& entry) noexcept {
  const std::byte* packed = section.data + entry.offset;
  const std::uint64_t base = entry.base * entry.row_count;
  if (entry.row_count == vector_rows)
    return base + static_cast<std::uint64_t>(section.kernels->sum[entry.width](packed));
  std::uint64_t mask[vector_words];
  std::memset(mask, 0xff, sizeof(mask));
  clear_tail(mask, entry.row_count);
  return base + static_cast<std::uint64_t>(section.kernels->sum_masked[entry.width](packed, mask));
}

}  // namespace detail

PILLAR_API result<void> text_symbols_codec::validate(data_section& section, std::byte* memory) noexcept {
  const bool coded = section.entry_count != 0;
  if (!detail::is_plain(section) || section.type.physical != physical_type::text ||
      section.entry_count > detail::symbol_index::capacity ||
      section.code_width != (coded ? detail::symbol_width_of(section.entry_count) : 0)) {
    return {errc::corrupt, 0};
  }
  std::uint32_t longest = 0;
  if (coded ? !detail::read_symbols(section, memory, longest) : section.shared_bytes != 0) return {errc::corrupt, 0};
  const detail::symbol_view view(memory, section.code_width, coded);
  section.shared.values = memory;
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    if (entry.base > detail::symbols_max_characters || entry.width > 28 || entry.bytes < packed_bytes(entry.width))
      return {errc::corrupt, entry.offset};
    const std::uint64_t total = detail::sum_lengths(section, entry);
    const std::uint64_t payload = entry.bytes - packed_bytes(entry.width);
    if (total > detail::symbols_max_characters) return {errc::corrupt, entry.offset};
    if (coded) {
      const std::uint64_t room = detail::code_count_of(section, entry) * longest;
      if (PILLAR_MUTATE(symbols_total_unchecked, total > room, false) || room > ~std::uint32_t{0} - 64)
        return {errc::corrupt, entry.offset};
      section.character_bytes = std::max(section.character_bytes, room + 16);
    } else if (total != payload) {
      return {errc::corrupt, entry.offset};
    }
    view.totals[i] = static_cast<std::uint32_t>(total);
  }
  return {};
}

PILLAR_API void text_symbols_codec::decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                           vector& out) noexcept {
  const vector_entry& entry = section.entries[index];
  const detail::symbol_view view = detail::symbol_view::of(section);
  const std::uint32_t total = view.totals[index];
  const std::byte* payload = section.data + entry.offset;
  const std::byte* characters = payload + packed_bytes(entry.width);
  if (section.entry_count != 0) {
    std::byte* const begin = scratch.characters.data();
    if (scratch.characters.size() < section.character_bytes) assertion_failed();  // the caller did not make room
    const std::byte* const end =
        detail::decode_symbols(view, characters, detail::code_count_of(section, entry), section.code_width, begin);
    // Codes that say less than the lengths leave zeros.
    if (const auto written = static_cast<std::uint64_t>(end - begin); written < total)
      std::memset(begin + written, 0, total - written);
    characters = begin;
  }
  auto* const slots = reinterpret_cast<text_slot*>(scratch.values);
  if (entry.width == 0) {  // validation has added up what the directory says
    detail::store_equal_slots(slots, characters, entry.row_count, static_cast<std::uint32_t>(entry.base));
  } else {
    // Lengths are read again, so they are forced into what there is: they may have changed since validation.
    unpack_add<std::uint32_t>(*section.kernels, entry.width, payload, scratch.codes,
                              static_cast<std::uint32_t>(entry.base));
    std::uint32_t at = 0;
    for (std::uint32_t row = 0; row < entry.row_count; ++row) {
      const std::uint32_t size =
          PILLAR_MUTATE(symbols_length_unclamped, std::min(scratch.codes[row], total - at), scratch.codes[row]);
      detail::store_slot(slots + row, characters, at, size);
      at += size;
    }
  }
  scratch.buffers[0] = characters;
  out.kind = vector_kind::flat;
  out.values = slots;
  out.buffers = scratch.buffers;
}

PILLAR_API match_answer text_symbols_codec::match(const data_section& section, std::uint32_t index, const domain& test,
                                                  match_scratch*, std::uint64_t* mask) noexcept {
  constexpr match_answer unknown{verdict::unknown, evidence::settled};
  if (test.physical != section.type.physical || (test.kind != domain_kind::range && test.kind != domain_kind::points)) {
    return unknown;
  }
  const vector_entry& entry = section.entries[index];
  const detail::text_test tested(test);
  if (section.entry_count != 0 && entry.base + packed_max_field(entry.width) > detail::most_text_bytes) return unknown;
  alignas(64) std::uint64_t rows[vector_words];
  const bool by_length = tested.rows_by_length(section, entry, rows);
  const std::uint64_t candidates = by_length ? count_bits(rows, vector_rows) : entry.row_count;
  if (candidates == 0) return {test.negated ? verdict::all : verdict::none, evidence::encoded};

  // Lengths may have changed since validation: they are forced into what was counted, as in decode.
  alignas(64) std::uint32_t lengths[vector_rows];
  unpack_add<std::uint32_t>(*section.kernels, entry.width, section.data + entry.offset, lengths,
                            static_cast<std::uint32_t>(entry.base));
  const std::uint32_t total = detail::symbol_view::of(section).totals[index];
  std::memset(mask, 0, sizeof(std::uint64_t) * vector_words);
  if (section.entry_count != 0 && candidates <= entry.row_count / 8) {
    detail::text_finder finder(section, entry);
    std::uint32_t begin = 0, row = 0;
    for (std::uint32_t word = 0; word < vector_words; ++word)
      for (std::uint64_t left = rows[word]; left != 0; left &= left - 1) {
        const std::uint32_t next = 64 * word + static_cast<std::uint32_t>(std::countr_zero(left));
        for (; row < next; ++row) begin += std::min(lengths[row], total - begin);
        const std::uint32_t size = std::min(lengths[row], total - begin);
        mask[word] |= std::uint64_t{tested.contains(finder.find(begin, size), size)} << row % 64;
      }
    return detail::finish_mask(mask, test.negated, entry.row_count);
  }
  std::uint32_t left = total;
  detail::text_reader reader(section, entry);
  for (std::uint32_t row = 0; row < entry.row_count; ++row) {
    const std::uint32_t size = PILLAR_MUTATE(symbols_match_unclamped, std::min(lengths[row], left), lengths[row]);
    left -= size;
    mask[row / 64] |= std::uint64_t{tested.contains(reader.next(size), size)} << row % 64;
  }
  return detail::finish_mask(mask, test.negated, entry.row_count);
}

}  // namespace PILLAR_NAMESPACE
