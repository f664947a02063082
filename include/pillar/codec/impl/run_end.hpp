// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>      // std::countr_zero
#include <cstring>  // std::memcpy, std::memmove
#include <type_traits>

#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/child.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/run_end.hpp"
#include "pillar/expr/domain.hpp"  // domain

namespace PILLAR_NAMESPACE {

namespace detail {

/// Where a vector's runs are: the directory's base.
struct run_place {
  std::uint32_t child = 0;  ///< vector of the children
  std::uint32_t first = 0;  ///< run of it
  std::uint32_t count = 0;

  [[nodiscard]] std::uint64_t bits() const noexcept {
    return child | std::uint64_t{first} << 16 | std::uint64_t{count} << 32;
  }
  static run_place of(std::uint64_t bits) noexcept {
    return {static_cast<std::uint32_t>(bits & 0xffff), static_cast<std::uint32_t>(bits >> 16 & 0xffff),
            static_cast<std::uint32_t>(bits >> 32)};
  }
};

/// The bits of 16-byte values, which are aligned to 8.
struct wide_bits {
  std::uint64_t low, high;
  friend bool operator==(const wide_bits&, const wide_bits&) = default;
};
/// Bits that are equal where values are.
template <class T>
using value_bits = std::conditional_t<
    sizeof(T) == 1, std::uint8_t,
    std::conditional_t<sizeof(T) == 2, std::uint16_t,
                       std::conditional_t<sizeof(T) == 4, std::uint32_t,
                                          std::conditional_t<sizeof(T) == 8, std::uint64_t, wide_bits>>>>;

/// The rows of a vector whose NULL rows have the value before them, those at its beginning the first one that is valid,
/// or `value` where none is.
template <class U>
const U* filled_rows(const vector& from, U* scratch, U value) {
  if (from.validity == nullptr && from.kind == vector_kind::flat) return from.values_as<U>();
  std::uint32_t next = 0;
  bool any = false;
  for_each_valid_row(from, [&](std::uint32_t row) {
    const U here = from.value<U>(row);
    for (; next < row; ++next) scratch[next] = any ? value : here;
    scratch[next++] = value = here;
    any = true;
  });
  for (; next < from.size; ++next) scratch[next] = value;
  return scratch;
}
inline const std::string_view* filled_rows(const vector& from, std::string_view* scratch, std::string_view value) {
  std::uint32_t next = 0;
  bool any = false;
  for_each_valid_row(from, [&](std::uint32_t row) {
    const std::string_view here = from.text_value(row);
    for (; next < row; ++next) scratch[next] = any ? value : here;
    scratch[next++] = value = here;
    any = true;
  });
  for (; next < from.size; ++next) scratch[next] = value;
  return scratch;
}

template <class V>
std::uint32_t count_runs(const V* rows, std::uint32_t row_count) noexcept {
  std::uint32_t changes = 0;
  for (std::uint32_t row = 1; row < row_count; ++row) changes += !(rows[row] == rows[row - 1]);
  return changes + 1;
}

/// Finds the runs of a column and lays them out as the two children. V: the values' bits, or string_view.
template <class V>
class run_finder {
 public:
  static constexpr bool is_text = std::is_same_v<V, std::string_view>;
  using stored = std::conditional_t<is_text, text_slot, V>;

  explicit run_finder(const encode_input& input) noexcept : input_(input) {}

  result<encode_plan> find() {
    encode_plan plan;
    PILLAR_ASSIGN_OR_RETURN(plan.work, buffer::allocate(sizeof(run_place) * input_.vectors.size(), input_.budget));
    places_ = plan.work.as<run_place>();
    if (!place()) return plan;
    PILLAR_TRY(allocate(plan));
    write();
    plan.possible = true;
    plan.child_count = 2;
    return plan;
  }

 private:
  /// Gives each vector its place; false where runs are too short to be worth it.
  bool place() {
    V scratch[vector_rows];
    V last{};
    const std::uint32_t most = input_.row_count / 2 + 64;
    run_place next{0, 0, 0};
    for (std::size_t i = 0; i < input_.vectors.size(); ++i) {
      const vector& from = input_.vectors[i];
      const V* rows = filled_rows(from, scratch, last);
      const std::uint32_t count = count_runs(rows, from.size);
      if constexpr (is_text) {
        for (std::uint32_t row = 0; row < from.size; ++row)
          if (row == 0 || rows[row] != rows[row - 1])
            character_bytes_ += rows[row].size() > text_slot::inline_capacity ? rows[row].size() : 0;
      }
      last = rows[from.size - 1];
      run_count_ += count;
      if (run_count_ > most || character_bytes_ > 0xffffffff) return false;
      if (next.first + count > vector_rows) next = {next.child + 1, 0, 0};
      places_[i] = {next.child, next.first, count};
      next.first += count;
    }
    return true;
  }

  result<void> allocate(encode_plan& plan) {
    const std::uint32_t vector_count = places_[input_.vectors.size() - 1].child + 1;
    const std::size_t values_at = round_up(sizeof(vector) * vector_count, 64);
    const std::size_t buffers_at = values_at + round_up(sizeof(stored) * run_count_, 64);
    const std::size_t characters_at = buffers_at + 64;
    child_column& values = plan.children[0];
    child_column& lengths = plan.children[1];
    values.type = input_.type.as_nullable(false);
    lengths.type = type_of<std::uint16_t>;
    PILLAR_ASSIGN_OR_RETURN(values.storage, buffer::allocate(characters_at + character_bytes_, input_.budget));
    PILLAR_ASSIGN_OR_RETURN(lengths.storage,
                            buffer::allocate(values_at + sizeof(std::uint16_t) * run_count_, input_.budget));
    values_ = reinterpret_cast<stored*>(values.storage.data() + values_at);
    lengths_ = reinterpret_cast<std::uint16_t*>(lengths.storage.data() + values_at);
    characters_ = values.storage.data() + characters_at;
    auto** const buffers = reinterpret_cast<const std::byte**>(values.storage.data() + buffers_at);
    *buffers = characters_;
    auto* const value_vectors = values.storage.template as<vector>();
    auto* const length_vectors = lengths.storage.template as<vector>();
    std::uint32_t begin = 0;
    for (std::size_t i = 0; i < input_.vectors.size(); ++i) {
      const run_place& at = places_[i];
      if (at.first != 0) {
        value_vectors[at.child].size += at.count;
        length_vectors[at.child].size += at.count;
      } else {
        vector one;
        one.type = values.type;
        one.size = at.count;
        one.values = values_ + begin;
        if (is_text) one.buffers = buffers;
        value_vectors[at.child] = one;
        one = vector{};
        one.type = lengths.type;
        one.size = at.count;
        one.values = lengths_ + begin;
        length_vectors[at.child] = one;
      }
      begin += at.count;
    }
    values.row_count = lengths.row_count = run_count_;
    values.vectors = {value_vectors, vector_count};
    lengths.vectors = {length_vectors, vector_count};
    return {};
  }

  void write() {
    V scratch[vector_rows];
    V last{};
    std::uint32_t run = 0, offset = 0;
    for (const vector& from : input_.vectors) {
      const V* rows = filled_rows(from, scratch, last);
      last = rows[from.size - 1];
      for (std::uint32_t begin = 0; begin < from.size; ++run) {
        std::uint32_t end = begin + 1;
        while (end < from.size && rows[end] == rows[begin]) ++end;
        if constexpr (is_text) {
          values_[run] = text_slot::make(rows[begin], 0, offset);
          if (rows[begin].size() > text_slot::inline_capacity) {
            std::memcpy(characters_ + offset, rows[begin].data(), rows[begin].size());
            offset += static_cast<std::uint32_t>(rows[begin].size());
          }
        } else {
          values_[run] = rows[begin];
        }
        lengths_[run] = static_cast<std::uint16_t>(end - begin);
        begin = end;
      }
    }
  }

  const encode_input& input_;
  run_place* places_ = nullptr;
  stored* values_ = nullptr;
  std::uint16_t* lengths_ = nullptr;
  std::byte* characters_ = nullptr;
  std::uint32_t run_count_ = 0;
  std::uint64_t character_bytes_ = 0;
};

}  // namespace detail

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

// Where each vector's ends begin, then the ends of all runs.
PILLAR_API std::size_t run_end_codec::view_bytes(const data_section& section) noexcept {
  if (section.child_count != 2) return 0;
  const std::uint32_t runs = section.children[1].row_count;
  return sizeof(std::uint32_t) * section.vector_count +
         sizeof(std::uint16_t) * (runs < section.row_count ? runs : section.row_count);
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
  auto* const starts = reinterpret_cast<std::uint32_t*>(memory);
  auto* const ends = reinterpret_cast<std::uint16_t*>(starts + section.vector_count);
  vector_scratch scratch;
  vector child;
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
      detail::decode_child(lengths, child_index, scratch, child);
    }
    const detail::run_place place = detail::run_place::of(entry.base);
    if (place.child != child_index || place.first != run || place.count == 0 || place.count > child.size - run)
      return {errc::corrupt, i};
    starts[i] = total;
    std::uint32_t end = 0, empty = 0;
    for (std::uint32_t k = 0; k < place.count; ++k) {
      const std::uint32_t length = child.value<std::uint16_t>(run + k);
      empty += length == 0;
      end += length;
      ends[total + k] = static_cast<std::uint16_t>(end);
    }
    // No end wraps where the last is right: 1,024 lengths are less than 2^26.
    if (empty != 0 || PILLAR_MUTATE(run_end_last_unchecked, end != entry.row_count, false)) return {errc::corrupt, i};
    run += place.count;
    total += place.count;
  }
  if (run != child.size || child_index + 1 != lengths.vector_count) return {errc::corrupt, 0};
  section.shared.type = type_of<std::uint16_t>;
  section.shared.size = total;
  section.shared.values = memory;
  return {};
}

namespace detail {

/// The runs of a vector: their place and their ends, both checked.
struct run_view {
  run_place place;
  const std::uint16_t* ends;

  run_view(const data_section& section, std::uint32_t index) noexcept
      : place(run_place::of(section.entries[index].base)) {
    const auto* starts = section.shared.values_as<std::uint32_t>();
    ends = reinterpret_cast<const std::uint16_t*>(starts + section.vector_count) + starts[index];
  }
  [[nodiscard]] std::uint32_t begin_of(std::uint32_t run) const noexcept { return run == 0 ? 0u : ends[run - 1]; }
};

/// The values of a vector's runs as an array: in place, or in `copy`.
template <class U>
const U* run_values(const vector& child, const run_place& place, U* copy) noexcept {
  if (child.kind == vector_kind::flat) return child.values_as<U>() + place.first;
  for (std::uint32_t run = 0; run < place.count; ++run) copy[run] = child.value<U>(place.first + run);
  return copy;
}

/// Stores a cache line of copies per run, whatever its length, and more where that is not enough: what is too much
/// belongs to the next run, or lies behind the rows in the scratch.
template <class U>
void expand_runs(const U* PILLAR_RESTRICT values, const std::uint16_t* PILLAR_RESTRICT ends, std::uint32_t run_count,
                 U* PILLAR_RESTRICT out) noexcept {
  constexpr std::uint32_t step = 64 / sizeof(U);
  static_assert((vector_rows + step) * sizeof(U) <= sizeof(vector_scratch::values));
  U* at = out;
  for (std::uint32_t run = 0; run < run_count; ++run) {
    const U value = values[run];
    U* const end = out + ends[run];
    do {
      for (std::uint32_t i = 0; i < step; ++i) at[i] = value;
      at += step;
    } while (at < end);
    at = end;
  }
}
/// Exactly the rows: for values of 16 bytes, of which the scratch holds no more.
inline void expand_runs(const wide_bits* PILLAR_RESTRICT values, const std::uint16_t* PILLAR_RESTRICT ends,
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
  vector_scratch own;
  vector child;
  detail::decode_child(section.children[0], runs.place.child, own, child);
  out.kind = vector_kind::flat;
  out.values = scratch.values;
  const auto to = [&]<class U>(U* rows) {
    U copy[vector_rows];
    detail::expand_runs(detail::run_values(child, runs.place, copy), runs.ends, runs.place.count, rows);
  };
  switch (byte_width(section.type.physical)) {
    case 1: return to(reinterpret_cast<std::uint8_t*>(scratch.values));
    case 2: return to(reinterpret_cast<std::uint16_t*>(scratch.values));
    case 4: return to(reinterpret_cast<std::uint32_t*>(scratch.values));
    case 8: return to(reinterpret_cast<std::uint64_t*>(scratch.values));
    default: return to(reinterpret_cast<detail::wide_bits*>(scratch.values));
  }
}

namespace detail {

/// `count` bits from bit `first` on, to the beginning; zero behind them.
inline void shift_down(const std::uint64_t* bits, std::uint32_t first, std::uint32_t count,
                       std::uint64_t* out) noexcept {
  for (std::uint32_t word = 0; word < vector_words; ++word) {
    const std::uint32_t at = word * 64;
    out[word] = at >= count ? 0 : extract_bits(bits, first + at, count - at < 64 ? count - at : 64);
  }
}

}  // namespace detail

PILLAR_API match_answer run_end_codec::match(const data_section& section, std::uint32_t index, const domain& test,
                                             match_scratch*, std::uint64_t* mask) noexcept {
  constexpr match_answer unknown{verdict::unknown, evidence::settled};
  if (test.physical != section.type.physical) return unknown;
  const detail::run_view runs(section, index);
  alignas(64) std::uint64_t child_bits[vector_words], inside[vector_words];
  const match_answer answer = detail::match_child(section.children[0], runs.place.child, test, child_bits);
  if (answer.what != verdict::some) return answer;
  detail::shift_down(child_bits, runs.place.first, runs.place.count, inside);
  const std::uint64_t taken = count_bits(inside, vector_rows);
  if (taken == 0) return {verdict::none, evidence::settled};
  if (taken == runs.place.count) return {verdict::all, evidence::settled};
  // A bit where the answer changes from one run to the next, then at the rows where these runs begin; then every bit is
  // the parity of those up to it.
  std::memset(mask, 0, sizeof(std::uint64_t) * vector_words);
  std::uint64_t before = 0;
  for (std::uint32_t word = 0; word * 64 < runs.place.count; ++word) {
    std::uint64_t changes = inside[word] ^ (inside[word] << 1 | before);
    before = inside[word] >> 63;
    for (; changes != 0; changes &= changes - 1) {
      const std::uint32_t run = word * 64 + static_cast<std::uint32_t>(std::countr_zero(changes));
      if (run >= runs.place.count) break;
      const std::uint32_t row = runs.begin_of(run);
      mask[row / 64] ^= std::uint64_t{1} << row % 64;
    }
  }
  std::uint64_t on = 0;
  for (std::uint32_t word = 0; word < vector_words; ++word) {
    std::uint64_t bits = mask[word];
    for (unsigned shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
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
  // Each run that is asked for, once, and which of them a row is in.
  std::uint16_t wanted[fetch_worth_it];
  std::uint8_t slot[fetch_worth_it];
  std::uint32_t run = 0, used = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    while (run + 1 < runs.place.count && runs.ends[run] <= rows[i]) ++run;
    const auto of_child = static_cast<std::uint16_t>(runs.place.first + run);
    if (used == 0 || wanted[used - 1] != of_child) wanted[used++] = of_child;
    slot[i] = static_cast<std::uint8_t>(used - 1);
  }
  const data_section& child = section.children[0];
  alignas(16) std::byte found[fetch_worth_it * 16];
  vector_scratch own;
  vector decoded;
  const bool fetched =
      child.codec->fetch != nullptr && child.codec->fetch(child, runs.place.child, wanted, used, found);
  if (!fetched) detail::decode_child(child, runs.place.child, own, decoded);
  visit_fixed_width(section.type.physical, [&]<class T>() {
    using U = detail::value_bits<T>;
    const U* const few = reinterpret_cast<const U*>(found);
    for (std::uint32_t i = 0; i < count; ++i)
      static_cast<U*>(values)[i] = fetched ? few[slot[i]] : decoded.value<U>(wanted[slot[i]]);
  });
  return true;
}

namespace detail {

/// Calls f(value, begin, end) for the runs of a vector of narrow integers.
template <class F>
void for_each_integer_run(const data_section& section, std::uint32_t index, F&& f) noexcept {
  const run_view runs(section, index);
  vector_scratch own;
  vector child;
  decode_child(section.children[0], runs.place.child, own, child);
  visit_narrow_integer(section.type.physical, [&]<class T>() {
    T copy[vector_rows];
    const T* const values = run_values(child, runs.place, copy);
    std::uint32_t begin = 0;
    for (std::uint32_t run = 0; run < runs.place.count; ++run) {
      const std::uint32_t end = runs.ends[run];
      f(values[run], begin, end);
      begin = end;
    }
  });
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
  if (mask_is_all && byte_width(section.type.physical) <= 4) {  // 1,024 × 2^32 is far below 2^63
    std::int64_t total = 0;
    detail::for_each_integer_run(section, index, [&](auto value, std::uint32_t begin, std::uint32_t end) {
      total += static_cast<std::int64_t>(value) * static_cast<std::int64_t>(end - begin);
    });
    out = total;
    return true;
  }
  int128 total = 0;
  detail::for_each_integer_run(section, index, [&](auto value, std::uint32_t begin, std::uint32_t end) {
    total += int128{value} * static_cast<int128>(mask_is_all ? end - begin : detail::rows_in(mask, begin, end));
  });
  out = total;
  return true;
}

PILLAR_API bool run_end_codec::bounds(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                      bool mask_is_all, int128& least, int128& greatest) noexcept {
  if (!detail::is_narrow_integer(section.type.physical)) return false;
  int128 low = highest_of(section.type.physical), high = lowest_of(section.type.physical);
  detail::for_each_integer_run(section, index, [&](auto value, std::uint32_t begin, std::uint32_t end) {
    if (!mask_is_all && detail::rows_in(mask, begin, end) == 0) return;
    low = int128{value} < low ? int128{value} : low;
    high = high < int128{value} ? int128{value} : high;
  });
  least = low;
  greatest = high;
  return true;
}

}  // namespace PILLAR_NAMESPACE
