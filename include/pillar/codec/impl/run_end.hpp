// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>      // std::countr_zero
#include <cstring>  // std::memcpy, std::memmove
#include <type_traits>

#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/child.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/detail/run_finder.hpp"
#include "pillar/codec/packed.hpp"  // the level of the kernels
#include "pillar/codec/run_end.hpp"
#include "pillar/expr/domain.hpp"  // domain

namespace PILLAR_NAMESPACE {

PILLAR_API const run_end_table& run_end_kernels_for(arch_level level) noexcept {
  return detail::kernel_table<run_end_kernels>(level);
}

PILLAR_API result<encode_plan> run_end_codec::analyze(const encode_input& input) {
  switch (input.type.physical == physical_type::text ? 0 : byte_width(input.type.physical)) {
    case 0: return detail::run_finder<std::string_view>(input).find();
    case 1: return detail::run_finder<std::uint8_t>(input).find();
    case 2: return detail::run_finder<std::uint16_t>(input).find();
    case 4: return detail::run_finder<std::uint32_t>(input).find();
    case 8: return detail::run_finder<std::uint64_t>(input).find();
    default: return detail::run_finder<detail::wide_bits>(input).find();
  }
}

PILLAR_API result<void> run_end_codec::encode(const encode_input& input, const encode_plan& plan, std::byte*,
                                              data_section& section) {
  const auto* places = plan.work.as<detail::run_place>();
  for (std::size_t i = 0; i < input.vectors.size(); ++i) section.entries[i].base = places[i].bits();
  return {};
}

namespace detail {
/// Vectors of so many runs and more are spread by their marks.
inline constexpr std::uint32_t run_marks_worth_it = 32;

/// Are there values of a size that can be spread by marks?
constexpr bool takes_run_marks(physical_type type) noexcept {
  return type != physical_type::text && (byte_width(type) == 4 || byte_width(type) == 8);
}

/// What a block keeps: where each vector's runs begin; marks (for some types: a bit per row of a vector, set in the
/// last row of every run but the last one); the ends of all runs; and their values unless they are text.
struct run_memory {
  std::size_t marks;
  std::size_t ends;
  std::size_t values;
  std::size_t end;
  run_memory(physical_type type, std::uint32_t vector_count, std::uint32_t run_count) noexcept
      : marks(round_up(sizeof(std::uint32_t) * vector_count, 16)),
        ends(marks + (takes_run_marks(type) ? sizeof(std::uint64_t) * vector_words * vector_count : 0)),
        values(round_up(ends + sizeof(std::uint16_t) * run_count, 16)),
        end(type == physical_type::text
                ? values
                : values + byte_width(type) * std::size_t{run_count} + (takes_run_marks(type) ? 32 : 0)) {
  }  // read, not used
};

/// The values of a child vector, of any kind but text, as an array.
inline void copy_run_values(const vector& child, std::byte* out) noexcept {
  const std::size_t width = byte_width(child.type.physical);
  if (child.kind == vector_kind::flat) {
    std::memcpy(out, child.values, width * child.size);
    return;
  }
  const auto* const from = child.holder().values_as<std::byte>();
  for (std::uint32_t run = 0; run < child.size; ++run)
    std::memcpy(out + width * run, from + width * child.index_of(run), width);
}
}  // namespace detail

PILLAR_API std::size_t run_end_codec::view_bytes(const data_section& section) noexcept {
  if (section.child_count != 2) return 0;
  const std::uint32_t runs = section.children[1].row_count;
  const std::uint32_t most = runs < section.row_count ? runs : section.row_count;
  return detail::run_memory(section.type.physical, section.vector_count, most).end;
}

PILLAR_API result<void> run_end_codec::validate(data_section& section, std::byte* memory) noexcept {
  if (section.shared_bytes != 0 || section.entry_count != 0 || section.code_width != 0 || section.child_count != 2)
    return {errc::corrupt, 0};
  const data_section& values = section.children[0];
  const data_section& lengths = section.children[1];
  if (values.type.physical != section.type.physical || lengths.type.physical != physical_type::uint16 ||
      values.vector_count != lengths.vector_count || values.row_count != lengths.row_count ||
      lengths.row_count > section.row_count) {
    return {errc::corrupt, 0};
  }
  const detail::run_memory at(section.type.physical, section.vector_count, lengths.row_count);
  auto* const starts = reinterpret_cast<std::uint32_t*>(memory);
  auto* const marks = reinterpret_cast<std::uint64_t*>(memory + at.marks);
  auto* const ends = reinterpret_cast<std::uint16_t*>(memory + at.ends);
  const bool takes_marks = detail::takes_run_marks(section.type.physical);
  std::memset(marks, 0, at.ends - at.marks);
  vector_scratch scratch;
  vector child;
  std::uint16_t gathered[vector_rows];
  const std::uint16_t* child_lengths = gathered;
  std::uint32_t child_index = 0, run = 0, total = 0;  // the next run in the child, and in the block
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    if (entry.bytes != 0 || entry.width != 0 || entry.mode != 0 || entry.exception_count != 0)
      return {errc::corrupt, i};
    if (i != 0 && run == child.size) ++child_index, run = 0;
    if (run == 0) {
      if (child_index >= lengths.vector_count ||
          values.entries[child_index].row_count != lengths.entries[child_index].row_count) {
        return {errc::corrupt, i};
      }
      if (section.type.physical != physical_type::text) {
        detail::decode_child(values, child_index, scratch, child);
        detail::copy_run_values(child, memory + at.values + byte_width(section.type.physical) * std::size_t{total});
      }
      detail::decode_child(lengths, child_index, scratch, child);
      child_lengths = detail::gather<std::uint16_t>(child, gathered, std::uint16_t{0});
    }
    const detail::run_place place = detail::run_place::of(entry.base);
    if (place.child != child_index || place.first != run || place.count == 0 || place.count > child.size - run)
      return {errc::corrupt, i};
    starts[i] = total;
    std::uint32_t end = 0, empty = 0;
    std::uint64_t* const own_marks = marks + std::size_t{vector_words} * i;
    std::uint64_t marked = 0;  // of the word that is being written
    std::uint32_t marked_word = 0;
    for (std::uint32_t k = 0; k < place.count; ++k) {
      const std::uint32_t length = child_lengths[run + k];
      empty += length == 0;
      end += length;
      ends[total + k] = static_cast<std::uint16_t>(end);
      if (!takes_marks) continue;
      const std::uint32_t row = PILLAR_MUTATE(run_end_mark_late, end - 1, end);
      const std::uint32_t word = row / 64 % vector_words;
      marked = (word == marked_word ? marked : 0) | std::uint64_t{1} << row % 64;
      marked_word = word;
      own_marks[word] = marked;
    }
    // No end wraps where the last is right: 1,024 lengths are less than 2^26.
    if (empty != 0 || PILLAR_MUTATE(run_end_last_unchecked, end != entry.row_count, false)) return {errc::corrupt, i};
    if (takes_marks) own_marks[marked_word] = marked & ~(std::uint64_t{1} << (end - 1) % 64);
    run += place.count;
    total += place.count;
  }
  if (run != child.size || child_index + 1 != lengths.vector_count) return {errc::corrupt, 0};
  // What the view is found by, and what others may look at: the values, or the ends.
  const bool is_text = section.type.physical == physical_type::text;
  section.shared.type = is_text ? type_of<std::uint16_t> : values.type;
  section.shared.size = total;
  section.shared.values = memory + (is_text ? at.ends : at.values);
  if (is_text) section.character_bytes = values.character_bytes;
  return {};
}

namespace detail {

/// The runs of a vector: their place, ends and values (not of text), as they were when they were checked.
struct run_view {
  run_place place;
  const std::uint64_t* marks;  ///< where the type has them
  const std::uint16_t* ends;
  const std::byte* bytes;

  run_view(const data_section& section, std::uint32_t index) noexcept
      : place(run_place::of(section.entries[index].base)) {
    const bool is_text = section.type.physical == physical_type::text;
    const run_memory at(section.type.physical, section.vector_count, section.shared.size);
    const auto* memory = section.shared.values_as<std::byte>() - (is_text ? at.ends : at.values);
    const std::uint32_t start = reinterpret_cast<const std::uint32_t*>(memory)[index];
    marks = reinterpret_cast<const std::uint64_t*>(memory + at.marks) + std::size_t{vector_words} * index;
    ends = reinterpret_cast<const std::uint16_t*>(memory + at.ends) + start;
    bytes = is_text ? nullptr : memory + at.values + byte_width(section.type.physical) * std::size_t{start};
  }
  template <class U>
  [[nodiscard]] const U* values() const noexcept {
    return reinterpret_cast<const U*>(bytes);
  }
  [[nodiscard]] std::uint32_t begin_of(std::uint32_t run) const noexcept { return run == 0 ? 0u : ends[run - 1]; }
};

static_assert((vector_rows * sizeof(std::uint64_t)) + 64 <= sizeof(vector_scratch::values));

/// Exactly the rows: values of 16 bytes, of which the scratch holds no more.
inline void expand_wide(const wide_bits* PILLAR_RESTRICT values, const std::uint16_t* PILLAR_RESTRICT ends,
                        std::uint32_t run_count, wide_bits* PILLAR_RESTRICT out) noexcept {
  std::uint32_t row = 0;
  for (std::uint32_t run = 0; run < run_count; ++run)
    for (; row < ends[run]; ++row) out[row] = values[run];
}

/// From the last run to the first, the values at the beginning of the rows: no row lies before its run.
template <class U>
void expand_in_place(U* rows, const run_view& runs) noexcept {
  for (std::uint32_t run = runs.place.count; run-- > 0;) {
    const U value = rows[run];
    for (std::uint32_t row = runs.ends[run]; row-- > runs.begin_of(run);) rows[row] = value;
  }
}

/// Text: slots and characters may lie in the scratch that the values are decoded to, so they are spread there.
inline void decode_text_runs(const data_section& section, std::uint32_t, const run_view& runs, vector_scratch& scratch,
                             vector& out) noexcept {
  vector child;
  decode_child(section.children[0], runs.place.child, scratch, child);
  out.buffers = child.buffers;
  if (child.kind == vector_kind::dictionary) {
    std::memmove(scratch.codes, child.codes + runs.place.first, sizeof(std::uint32_t) * runs.place.count);
    expand_in_place(scratch.codes, runs);
    out.kind = vector_kind::dictionary;
    out.codes = scratch.codes;
    out.dictionary = child.dictionary;
    return;
  }
  auto* const slots = reinterpret_cast<text_slot*>(scratch.values);
  out.kind = vector_kind::flat;
  out.values = slots;
  if (child.kind == vector_kind::constant) {
    const text_slot slot = *child.values_as<text_slot>();
    for (std::uint32_t row = 0; row < out.size; ++row) slots[row] = slot;
    return;
  }
  std::memmove(slots, child.values_as<text_slot>() + runs.place.first, sizeof(text_slot) * runs.place.count);
  expand_in_place(slots, runs);
}

}  // namespace detail

PILLAR_API void run_end_codec::decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                      vector& out) noexcept {
  const detail::run_view runs(section, index);
  if (section.type.physical == physical_type::text) return detail::decode_text_runs(section, index, runs, scratch, out);
  out.kind = vector_kind::flat;
  out.values = scratch.values;
  const std::uint32_t count = runs.place.count;
  const run_end_table& kernels = run_end_kernels_for(section.kernels->level);
  if (byte_width(section.type.physical) > 8)
    return detail::expand_wide(runs.values<detail::wide_bits>(), runs.ends, count,
                               reinterpret_cast<detail::wide_bits*>(scratch.values));
  const auto size_log2 = static_cast<std::uint32_t>(std::countr_zero(byte_width(section.type.physical)));
  if (count >= detail::run_marks_worth_it && kernels.spread[size_log2] != nullptr)
    return kernels.spread[size_log2](runs.bytes, runs.marks, scratch.values);
  kernels.expand[size_log2](runs.bytes, runs.ends, count, scratch.values);
}

namespace detail {

/// `count` bits from bit `first` on, to the beginning; zero behind them.
inline void shift_down(const std::uint64_t* bits, std::uint32_t first, std::uint32_t count,
                       std::uint64_t* out) noexcept {
  std::memset(out, 0, sizeof(std::uint64_t) * vector_words);
  for (std::uint32_t at = 0; at < count; at += 64)
    out[at / 64] = extract_bits(bits, first + at, count - at < 64 ? count - at : 64);
}

/// The range test, run by run: for values whose codec has no answer.
inline bool match_run_values(const data_section& section, const run_view& runs, const domain& test,
                             std::uint64_t* inside) noexcept {
  if (test.kind != domain_kind::range || !is_narrow_integer(section.type.physical)) return false;
  std::memset(inside, 0, sizeof(std::uint64_t) * vector_words);
  const int128 lowest = lowest_of(section.type.physical), highest = highest_of(section.type.physical);
  const bool empty = test.lo > test.hi || test.hi < lowest || test.lo > highest;
  visit_narrow_integer(section.type.physical, [&]<class T>() {
    const T lo = static_cast<T>(test.lo < lowest ? lowest : test.lo);
    const T hi = static_cast<T>(test.hi > highest ? highest : test.hi);
    const T* const values = runs.values<T>();
    for (std::uint32_t first = 0; first < runs.place.count; first += 64) {
      const std::uint32_t count = runs.place.count - first < 64 ? runs.place.count - first : 64;
      std::uint64_t word = 0;
      for (std::uint32_t i = 0; i < count; ++i) {
        const bool in = lo <= values[first + i] && values[first + i] <= hi;
        word |= std::uint64_t{in} << i;
      }
      word = empty ? 0 : word;
      inside[first / 64] = test.negated ? ~word & low_bits(count) : word;
    }
  });
  return true;
}

}  // namespace detail

PILLAR_API match_answer run_end_codec::match(const data_section& section, std::uint32_t index, const domain& test,
                                             match_scratch*, std::uint64_t* mask) noexcept {
  constexpr match_answer unknown{verdict::unknown, evidence::settled};
  if (test.physical != section.type.physical) return unknown;
  const detail::run_view runs(section, index);
  alignas(64) std::uint64_t child_bits[vector_words], inside[vector_words];
  const match_answer answer = detail::match_child(section.children[0], runs.place.child, test, child_bits);
  if (answer.what == verdict::some) detail::shift_down(child_bits, runs.place.first, runs.place.count, inside);
  else if (answer.what != verdict::unknown || !detail::match_run_values(section, runs, test, inside)) return answer;
  const std::uint64_t taken = count_bits(inside, vector_rows);
  if (taken == 0) return {verdict::none, evidence::settled};
  if (taken == runs.place.count) return {verdict::all, evidence::settled};
  // A bit where the answer changes from one run to the next, then at the rows where these runs begin; then every bit is
  // the parity of those up to it.
  std::memset(mask, 0, sizeof(std::uint64_t) * vector_words);
  std::uint64_t before = 0;
  for (std::uint32_t word = 0; word * 64 < runs.place.count; ++word) {
    const std::uint32_t count = runs.place.count - word * 64 < 64 ? runs.place.count - word * 64 : 64;
    std::uint64_t changes = (inside[word] ^ (inside[word] << 1 | before)) & low_bits(count);
    before = inside[word] >> 63;
    for (; changes != 0; changes &= changes - 1) {
      const std::uint32_t run = word * 64 + static_cast<std::uint32_t>(std::countr_zero(changes));
      const std::uint32_t row = runs.begin_of(run);
      mask[row / 64] ^= std::uint64_t{1} << row % 64;
    }
  }
  std::uint64_t on = 0;
  for (std::uint32_t word = 0; word < vector_words; ++word) {
    std::uint64_t bits = mask[word];
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^= bits << 32;
    mask[word] = bits ^= on;
    on = PILLAR_MUTATE(run_end_answer_stops_at_words, std::uint64_t{0} - (bits >> 63), 0);
  }
  detail::clear_tail(mask, section.entries[index].row_count);
  return {verdict::some, evidence::encoded};
}

PILLAR_API bool run_end_codec::fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                     std::uint32_t count, void* values) noexcept {
  if (count > fetch_worth_it || section.type.physical == physical_type::text) return false;
  const detail::run_view runs(section, index);
  visit_fixed_width(section.type.physical, [&]<class T>() {
    using U = detail::value_bits<T>;
    std::uint32_t run = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      while (run + 1 < runs.place.count && runs.ends[run] <= rows[i]) ++run;
      static_cast<U*>(values)[i] = runs.values<U>()[run];
    }
  });
  return true;
}

namespace detail {

/// Calls f(values, runs) with the values of a vector's runs, narrow integers.
template <class F>
void visit_integer_runs(const data_section& section, std::uint32_t index, F&& f) noexcept {
  const run_view runs(section, index);
  visit_narrow_integer(section.type.physical, [&]<class T>() { f(runs.values<T>(), runs); });
}

/// Bits set among rows [begin, end).
inline std::uint32_t rows_in(const std::uint64_t* mask, std::uint32_t begin, std::uint32_t end) noexcept {
  std::uint32_t total = 0;
  while (begin < end) {
    const std::uint32_t shift = begin % 64, rest = end - begin, here = rest < 64 - shift ? rest : 64 - shift;
    total += static_cast<std::uint32_t>(std::popcount(mask[begin / 64] >> shift & low_bits(here)));
    begin += here;
  }
  return total;
}

}  // namespace detail

PILLAR_API bool run_end_codec::sum(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                   bool mask_is_all, int128& out) noexcept {
  if (!detail::is_narrow_integer(section.type.physical)) return false;
  out = 0;
  detail::visit_integer_runs(section, index, [&](const auto* values, const detail::run_view& runs) {
    using T = std::remove_cvref_t<decltype(*values)>;
    std::conditional_t<(sizeof(T) <= 4), std::int64_t, int128> total = 0;  // 1,024 × 2^32 is far below 2^63
    using sum = decltype(total);
    if (mask_is_all) {  // a loop of its own, which vectorises
      total = static_cast<sum>(values[0]) * static_cast<sum>(runs.ends[0]);
      for (std::uint32_t run = 1; run < runs.place.count; ++run)
        total += static_cast<sum>(values[run]) * static_cast<sum>(runs.ends[run] - runs.ends[run - 1]);
    } else {
      std::uint32_t begin = 0;
      for (std::uint32_t run = 0; run < runs.place.count; ++run) {
        const std::uint32_t end = runs.ends[run];
        total += static_cast<sum>(values[run]) * static_cast<sum>(detail::rows_in(mask, begin, end));
        begin = end;
      }
    }
    out = total;
  });
  return true;
}

PILLAR_API bool run_end_codec::bounds(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                      bool mask_is_all, int128& least, int128& greatest) noexcept {
  if (!detail::is_narrow_integer(section.type.physical)) return false;
  int128 low = highest_of(section.type.physical), high = lowest_of(section.type.physical);
  detail::visit_integer_runs(section, index, [&](const auto* values, const detail::run_view& runs) {
    for (std::uint32_t run = 0; run < runs.place.count; ++run) {
      if (!mask_is_all && detail::rows_in(mask, runs.begin_of(run), runs.ends[run]) == 0) continue;
      const int128 value = values[run];
      low = value < low ? value : low;
      high = high < value ? value : high;
    }
  });
  least = low;
  greatest = high;
  return true;
}

}  // namespace PILLAR_NAMESPACE
