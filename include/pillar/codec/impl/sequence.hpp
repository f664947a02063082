// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::lower_bound
#include <bit>        // std::countr_zero
#include <cstring>    // std::memset

#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/sequence.hpp"
#include "pillar/expr/domain.hpp"  // domain

namespace PILLAR_NAMESPACE {

namespace detail {

/// The line that a vector's values lie on.
struct value_line {
  bool exists = false;
  bool any_step = false;  ///< one valid row or none: every step fits that keeps the rows within the type
  std::uint32_t row = 0;  ///< of the first valid value
  int128 value = 0;
  int128 step = 0;
};

/// Are the first and the last of these values within the type?
inline bool line_within(physical_type type, int128 base, int128 step, std::uint32_t row_count) noexcept {
  const int128 last = base + step * static_cast<int128>(row_count - 1);
  const int128 least = step < 0 ? last : base, greatest = step < 0 ? base : last;
  return least >= lowest_of(type) && greatest <= highest_of(type);
}

template <class T>
value_line line_of(physical_type type, const vector& values) {
  value_line line;
  std::uint32_t rows[2] = {}, found = 0;
  for (std::uint32_t word = 0; word * 64 < values.size && found < 2; ++word)
    for (std::uint64_t bits = values.validity_word(word); bits != 0 && found < 2; bits &= bits - 1)
      rows[found++] = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
  line.exists = true;
  line.any_step = found < 2;
  line.row = rows[0];
  if (found > 0) line.value = values.value<T>(rows[0]);
  if (line.any_step) return line;
  const int128 rise = int128{values.value<T>(rows[1])} - line.value;
  const auto distance = static_cast<int128>(rows[1] - rows[0]);
  line.step = rise / distance;
  const int128 base = line.value - line.step * static_cast<int128>(line.row);
  line.exists = line.step * distance == rise && line.step == static_cast<std::int64_t>(line.step) &&
                line_within(type, base, line.step, values.size);
  if (!line.exists) return line;
  const auto start = static_cast<std::uint64_t>(base), step = static_cast<std::uint64_t>(line.step);
  const bool flat = values.kind == vector_kind::flat;
  std::uint64_t wrong = 0;  // compared in blocks: a column that is no sequence is noticed after the first
  for (std::uint32_t word = 0; word * 64 < values.size && wrong == 0; ++word) {
    const std::uint64_t valid = values.validity_word(word);
    const std::uint32_t first = word * 64, end = values.size - first < 64 ? values.size - first : 64;
    const T* from = flat ? values.values_as<T>() + first : nullptr;
    for (std::uint32_t i = 0; i < end; ++i) {
      const T value = flat ? from[i] : values.value<T>(first + i);
      wrong |= std::uint64_t{value != static_cast<T>(start + step * (first + i))} << i & valid;
    }
  }
  line.exists = wrong == 0;
  return line;
}

/// How a block of sequences is written: one step for all vectors but those in `own`.
struct sequence_vector {
  std::uint64_t base = 0;
  std::uint64_t step = 0;
  bool own_step = false;
};

/// False: some vector is no sequence.
inline bool plan_sequence(const encode_input& input, sequence_vector* out) {
  bool possible = true, has_step = false;
  int128 block_step = 0;
  visit_narrow_integer(input.type.physical, [&]<class T>() {
    value_line undecided[block_max_vectors];
    for (std::size_t i = 0; i < input.vectors.size() && possible; ++i) {
      const value_line line = line_of<T>(input.type.physical, input.vectors[i]);
      possible = line.exists;
      undecided[i] = line;
      if (possible && !line.any_step && !has_step) {
        has_step = true;
        block_step = line.step;
      }
    }
    for (std::size_t i = 0; i < input.vectors.size() && possible; ++i) {
      value_line& line = undecided[i];
      if (line.any_step) {
        const int128 base = line.value - block_step * static_cast<int128>(line.row);
        line.step = line_within(input.type.physical, base, block_step, input.vectors[i].size) ? block_step : 0;
      }
      out[i].base = static_cast<std::uint64_t>(line.value - line.step * static_cast<int128>(line.row));
      out[i].step = static_cast<std::uint64_t>(line.step);
      out[i].own_step = line.step != block_step;
    }
  });
  return possible;
}

}  // namespace detail

PILLAR_API result<encode_plan> sequence_codec::analyze(const encode_input& input) {
  encode_plan plan;
  if (!detail::is_narrow_integer(input.type.physical)) return plan;
  PILLAR_ASSIGN_OR_RETURN(plan.work,
                          buffer::allocate(sizeof(detail::sequence_vector) * input.vectors.size(), input.budget));
  auto* vectors = plan.work.as<detail::sequence_vector>();
  plan.possible = detail::plan_sequence(input, vectors);
  if (!plan.possible) return plan;
  plan.data_bytes = sizeof(std::uint64_t);
  for (std::size_t i = 0; i < input.vectors.size(); ++i)
    plan.data_bytes += vectors[i].own_step ? sizeof(std::uint64_t) : 0;
  return plan;
}

PILLAR_API result<void> sequence_codec::encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                               data_section& section) {
  const auto* vectors = plan.work.as<detail::sequence_vector>();
  section.shared_bytes = sizeof(std::uint64_t);
  std::uint64_t block_step = 0;
  for (std::size_t i = input.vectors.size(); i-- > 0;)
    if (!vectors[i].own_step) block_step = vectors[i].step;
  store_unaligned(out, block_step);
  std::uint32_t offset = section.shared_bytes;
  for (std::size_t i = 0; i < input.vectors.size(); ++i) {
    vector_entry& entry = section.entries[i];
    entry.base = vectors[i].base;
    entry.mode = vectors[i].own_step;
    entry.offset = offset;
    entry.bytes = vectors[i].own_step ? sizeof(std::uint64_t) : 0;
    if (vectors[i].own_step) store_unaligned(out + offset, vectors[i].step);
    offset += entry.bytes;
  }
  return {};
}

// The steps are copied: what matches and sums calculate with is what was checked.
PILLAR_API std::size_t sequence_codec::view_bytes(const data_section& section) noexcept {
  return sizeof(std::uint64_t) * section.vector_count;
}

PILLAR_API result<void> sequence_codec::validate(data_section& section, std::byte* memory) noexcept {
  const physical_type type = section.type.physical;
  if (!detail::is_narrow_integer(type) || section.shared_bytes != sizeof(std::uint64_t) || section.entry_count != 0 ||
      section.code_width != 0 || section.child_count != 0) {
    return {errc::corrupt, 0};
  }
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    if (entry.width != 0 || entry.exception_count != 0 || entry.mode > 1 ||
        entry.bytes != entry.mode * sizeof(std::uint64_t)) {
      return {errc::corrupt, i};
    }
    const auto step = load_unaligned<std::uint64_t>(section.data + (entry.mode != 0 ? entry.offset : 0));
    if (!detail::line_within(type, detail::to_value(type, entry.base), static_cast<std::int64_t>(step),
                             PILLAR_MUTATE(sequence_end_unchecked, entry.row_count, 1))) {
      return {errc::corrupt, i};
    }
    store_unaligned(memory + sizeof(step) * i, step);
  }
  section.shared.type = type_of<std::uint64_t>;
  section.shared.size = section.vector_count;
  section.shared.values = memory;
  return {};
}

namespace detail {
inline std::uint64_t step_of(const data_section& section, std::uint32_t index) noexcept {
  return section.shared.values_as<std::uint64_t>()[index];
}

/// Rows whose value satisfies lo ≤ base + step × row ≤ hi: [first, last), empty if first ≥ last. step ≠ 0.
struct row_span {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};
inline row_span rows_within(int128 base, int128 step, std::uint32_t row_count, int128 lo, int128 hi) noexcept {
  if (step < 0) {  // mirrored: −base, −step
    const int128 low = -hi;
    hi = -lo, lo = low, base = -base, step = -step;
  }
  const auto clamp = [&](int128 row) {
    return row < 0 ? 0 : row > row_count ? row_count : static_cast<std::uint32_t>(row);
  };
  const int128 up = lo - base, down = hi - base;
  return {up <= 0 ? 0 : clamp((up + step - 1) / step), down < 0 ? 0 : clamp(down / step + 1)};
}
}  // namespace detail

PILLAR_API void sequence_codec::decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                       vector& out) noexcept {
  const std::uint64_t base = section.entries[index].base, step = detail::step_of(section, index);
  out.kind = vector_kind::flat;
  out.values = scratch.values;
  const auto to = [&]<class U>(U* values) {
    constexpr std::uint32_t lanes = 64 / sizeof(U);  // a value is the one a cache line before plus `lanes` steps
    for (std::uint32_t i = 0; i < lanes; ++i) values[i] = static_cast<U>(base + step * i);
    const auto stride = static_cast<U>(step * lanes);
    for (std::uint32_t row = lanes; row < vector_rows; row += lanes)
      for (std::uint32_t i = 0; i < lanes; ++i) values[row + i] = static_cast<U>(values[row - lanes + i] + stride);
  };
  switch (byte_width(section.type.physical)) {
    case 1: return to(reinterpret_cast<std::uint8_t*>(scratch.values));
    case 2: return to(reinterpret_cast<std::uint16_t*>(scratch.values));
    case 4: return to(reinterpret_cast<std::uint32_t*>(scratch.values));
    default: return to(reinterpret_cast<std::uint64_t*>(scratch.values));
  }
}

PILLAR_API match_answer sequence_codec::match(const data_section& section, std::uint32_t index, const domain& test,
                                              match_scratch*, std::uint64_t* mask) noexcept {
  const physical_type type = section.type.physical;
  constexpr match_answer unknown{verdict::unknown, evidence::settled};
  if (test.physical != type || (test.kind != domain_kind::range && test.kind != domain_kind::points)) return unknown;
  const vector_entry& entry = section.entries[index];
  const int128 base = detail::to_value(type, entry.base);
  const auto step = int128{static_cast<std::int64_t>(detail::step_of(section, index))};
  const std::uint32_t rows = entry.row_count;
  const auto settled = [](bool all) { return match_answer{all ? verdict::all : verdict::none, evidence::settled}; };
  if (step == 0) return settled(test.contains_integer(base));
  const int128 end = base + step * static_cast<int128>(rows - 1);
  if (test.kind == domain_kind::range) {
    const detail::row_span span = detail::rows_within(base, step, rows, test.lo, test.hi);
    if (test.lo > test.hi || span.first >= span.last) return settled(test.negated);
    if (span.first == 0 && span.last == rows) return settled(!test.negated);
    std::memset(mask, 0, sizeof(std::uint64_t) * vector_words);
    set_bits(mask, span.first, span.last);
    return detail::finish_mask(mask, test.negated, rows);
  }
  const int128 least = step < 0 ? end : base, greatest = step < 0 ? base : end;
  const int128* const all = test.integers.data();
  const int128* point = std::lower_bound(all, all + test.integers.size(), least);
  std::uint32_t found = 0;
  std::memset(mask, 0, sizeof(std::uint64_t) * vector_words);
  for (; point != all + test.integers.size() && *point <= greatest; ++point) {
    const int128 row = (*point - base) / step;
    if (row * step != *point - base) continue;
    set_bit(mask, static_cast<std::size_t>(row));
    ++found;
  }
  if (found == 0 || found == rows) return settled((found == rows) != test.negated);
  return detail::finish_mask(mask, test.negated, rows);
}

PILLAR_API bool sequence_codec::fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                      std::uint32_t count, void* values) noexcept {
  const std::uint64_t base = section.entries[index].base, step = detail::step_of(section, index);
  const auto to = [&]<class U>(U* out) {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = static_cast<U>(base + step * rows[i]);
  };
  switch (byte_width(section.type.physical)) {
    case 1: to(static_cast<std::uint8_t*>(values)); break;
    case 2: to(static_cast<std::uint16_t*>(values)); break;
    case 4: to(static_cast<std::uint32_t*>(values)); break;
    default: to(static_cast<std::uint64_t*>(values)); break;
  }
  return true;
}

PILLAR_API bool sequence_codec::sum(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                    bool mask_is_all, int128& out) noexcept {
  const vector_entry& entry = section.entries[index];
  std::uint64_t rows = entry.row_count, row_sum = rows * (rows - 1) / 2;
  if (!mask_is_all) {
    rows = row_sum = 0;
    for (std::uint32_t word = 0; word < vector_words; ++word) {
      rows += static_cast<std::uint64_t>(std::popcount(mask[word]));
      for (std::uint64_t bits = mask[word]; bits != 0; bits &= bits - 1)
        row_sum += word * 64 + static_cast<std::uint64_t>(std::countr_zero(bits));
    }
  }
  const auto step = int128{static_cast<std::int64_t>(detail::step_of(section, index))};
  out = detail::to_value(section.type.physical, entry.base) * static_cast<int128>(rows) +
        step * static_cast<int128>(row_sum);
  return true;
}

PILLAR_API bool sequence_codec::bounds(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                       bool mask_is_all, int128& least, int128& greatest) noexcept {
  const vector_entry& entry = section.entries[index];
  std::uint32_t first = 0, last = entry.row_count - 1;
  if (!mask_is_all) {
    std::uint32_t word = 0;
    while (word + 1 < vector_words && mask[word] == 0) ++word;
    first = word * 64 + static_cast<std::uint32_t>(std::countr_zero(mask[word])) % 64;
    word = vector_words - 1;
    while (word > 0 && mask[word] == 0) --word;
    last = word * 64 + 63 - static_cast<std::uint32_t>(std::countl_zero(mask[word])) % 64;
  }
  const int128 base = detail::to_value(section.type.physical, entry.base);
  const auto step = int128{static_cast<std::int64_t>(detail::step_of(section, index))};
  const int128 a = base + step * static_cast<int128>(first), b = base + step * static_cast<int128>(last);
  least = step < 0 ? b : a;
  greatest = step < 0 ? a : b;
  return true;
}

}  // namespace PILLAR_NAMESPACE
