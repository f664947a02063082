// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>      // std::bit_cast, std::bit_width
#include <cstring>  // std::memcpy, std::memset
#include <new>      // placement new
#include <type_traits>

#include "pillar/base/bits.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/codec/decimal_double.hpp"
#include "pillar/codec/detail/child.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/packed.hpp"  // packed_table's level
#include "pillar/expr/domain.hpp"   // domain

namespace PILLAR_NAMESPACE {

PILLAR_API const decimal_table& decimal_kernels_for(arch_level level) noexcept {
  return detail::kernel_table<decimal_kernels>(level);
}

namespace detail {

inline constexpr double exact_powers_of_ten[decimal_max_exponent + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                                         1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                                         1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
inline constexpr double inverse_powers_of_ten[decimal_max_exponent + 1] = {
    1e-0,  1e-1,  1e-2,  1e-3,  1e-4,  1e-5,  1e-6,  1e-7,  1e-8,  1e-9,  1e-10, 1e-11,
    1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17, 1e-18, 1e-19, 1e-20, 1e-21, 1e-22};

/// A scale with its numbers at hand: how an integer becomes a value, one at a time. What a block keeps of it.
struct decimal_rule {
  decimal_scale scale{};
  double up;    ///< of the integer: the divisor, or 10^factor
  double down;  ///< multiplied: 10^−exponent

  explicit decimal_rule(const decimal_scale& of) noexcept
      : scale(of),
        up(exact_powers_of_ten[of.mode == decimal_mode::divided ? of.exponent : of.factor]),
        down(inverse_powers_of_ten[of.exponent]) {}

  [[nodiscard]] double value(std::int64_t integer) const noexcept {
    const auto whole = static_cast<double>(integer);
    return scale.mode == decimal_mode::divided ? whole / up : whole * up * down;
  }
  template <class Real>
  [[nodiscard]] Real value_as(std::int64_t integer) const noexcept {
    return static_cast<Real>(value(integer));
  }
  /// About the integer of a value.
  [[nodiscard]] double integer_near(double value) const noexcept {
    if (scale.mode == decimal_mode::divided) return value * up;
    return value * exact_powers_of_ten[scale.exponent] * inverse_powers_of_ten[scale.factor];
  }
};

// ---- encoding -------------------------------------------------------------------------------------------------------

/// The integers nearest to some values, and where they do not give the value back: `misfits` is 0 where they do. Plain
/// loops without branches, which compilers turn into vectors.
template <bool Divided, class Real, class Bits>
void fit_values(const decimal_rule& rule, const Real* values, std::uint32_t count, std::int64_t* integers,
                Bits* misfits) {
  constexpr double magic = 0x1.8p52, limit = static_cast<double>(decimal_integer_limit);
  const double up = Divided ? rule.up : exact_powers_of_ten[rule.scale.exponent];
  const double down = inverse_powers_of_ten[rule.scale.factor];
  for (std::uint32_t i = 0; i < count; ++i) {
    const double near = Divided ? static_cast<double>(values[i]) * up : static_cast<double>(values[i]) * up * down;
    const double rounded = near + magic;  // its low bits are the integer
    const double whole = rounded - magic;
    integers[i] =
        static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(rounded) - std::bit_cast<std::uint64_t>(magic));
    const auto back = static_cast<Real>(Divided ? whole / rule.up : whole * rule.up * rule.down);
    const Bits inside = (whole < 0 ? -whole : whole) < limit ? 0 : 1;
    misfits[i] = (std::bit_cast<Bits>(back) ^ std::bit_cast<Bits>(values[i])) | inside;
  }
}
template <class Real, class Bits>
void fit_values(const decimal_rule& rule, const Real* values, std::uint32_t count, std::int64_t* integers,
                Bits* misfits) {
  if (rule.scale.mode == decimal_mode::divided) fit_values<true>(rule, values, count, integers, misfits);
  else fit_values<false>(rule, values, count, integers, misfits);
}
template <class Real>
using bits_of_real = std::conditional_t<sizeof(Real) == 8, std::uint64_t, std::uint32_t>;

/// Values from all vectors, from which the scale is chosen.
template <class Real>
struct decimal_sample {
  static constexpr std::uint32_t capacity = 256;
  Real values[capacity];
  std::uint32_t count = 0;

  explicit decimal_sample(std::span<const vector> vectors) {
    const auto per_vector = static_cast<std::uint32_t>(capacity / vectors.size());
    std::uint32_t start = 0;
    for (const vector& from : vectors) {
      const std::uint32_t taken = from.size < per_vector ? from.size : per_vector;
      for (std::uint32_t i = 0; i < taken; ++i) {
        const std::uint32_t row = (start + from.size * i / taken) % from.size;
        if (from.valid(row)) values[count++] = from.value<Real>(row);
      }
      start += 7;  // not the same rows of every vector
    }
  }

  /// Bits that the sample takes at a scale, and how many of its values are exceptions there.
  [[nodiscard]] std::uint64_t bits_at(const decimal_scale& scale, std::uint32_t& misses) const {
    std::int64_t integers[capacity];
    bits_of_real<Real> misfits[capacity];
    fit_values(decimal_rule(scale), values, count, integers, misfits);
    std::int64_t least = decimal_integer_limit, most = -decimal_integer_limit;
    misses = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (misfits[i] != 0) {
        ++misses;
        continue;
      }
      least = integers[i] < least ? integers[i] : least;
      most = integers[i] > most ? integers[i] : most;
    }
    if (misses == count) least = most;
    const auto width = static_cast<std::uint64_t>(std::bit_width(static_cast<std::uint64_t>(most - least)));
    return width * count + std::uint64_t{misses} * (16 + 8 * sizeof(Real));
  }

  /// The scale of the fewest bits; false where none saves anything.
  [[nodiscard]] bool choose(decimal_scale& best) const {
    std::uint64_t best_bits = std::uint64_t{8 * sizeof(Real)} * count;
    if (count == 0) return true;  // nothing but NULL
    std::uint32_t best_misses = count;
    for (const decimal_mode mode : {decimal_mode::divided, decimal_mode::multiplied})
      for (unsigned exponent = mode == decimal_mode::divided ? 0 : 1; exponent <= decimal_max_exponent; ++exponent) {
        if (best_misses == 0) return true;  // more digits only make wider integers
        const decimal_scale scale{mode, static_cast<std::uint8_t>(exponent), 0};
        std::uint32_t misses = 0;
        const std::uint64_t bits = bits_at(scale, misses);
        if (bits >= best_bits || misses * 2 > count) continue;  // analyze refuses more exceptions than integers
        best = scale, best_bits = bits, best_misses = misses;
      }
    return best_misses < count;
  }
};

/// What analyze leaves to encode: the scale, and per vector a bitmap of its exceptions.
struct decimal_work {
  decimal_scale* scale;
  std::uint64_t* misfits;
  explicit decimal_work(const buffer& memory)
      : scale(const_cast<buffer&>(memory).as<decimal_scale>()),
        misfits(reinterpret_cast<std::uint64_t*>(const_cast<std::byte*>(memory.data()) + 8)) {}
  static std::size_t bytes(std::size_t vector_count) { return 8 + vector_count * vector_words * 8; }
};

/// The integers of a vector; those of exceptions are unspecified. Sets the bits of rows that are not reproduced.
template <class Real>
void find_integers(const decimal_rule& rule, const vector& from, std::int64_t* integers, std::uint64_t* misfits) {
  Real scratch[vector_rows];
  bits_of_real<Real> wrong[vector_rows];
  const Real* values = gather<Real>(from, scratch, Real{});
  fit_values(rule, values, from.size, integers, wrong);
  for (std::uint32_t word = 0; word < vector_words; ++word) misfits[word] = 0;
  for (std::uint32_t begin = 0; begin < from.size; begin += 64) {
    const std::uint32_t count = from.size - begin < 64 ? from.size - begin : 64;
    bits_of_real<Real> any = 0;
    for (std::uint32_t i = 0; i < count; ++i) any |= wrong[begin + i];
    if (any == 0) continue;
    for (std::uint32_t i = 0; i < count; ++i) misfits[begin / 64] |= std::uint64_t{wrong[begin + i] != 0} << i;
  }
}

template <class Real>
result<encode_plan> analyze_decimals(const encode_input& input) {
  encode_plan none;
  decimal_scale scale;
  if (!decimal_sample<Real>(input.vectors).choose(scale)) return none;
  const std::size_t vector_count = input.vectors.size();
  encode_plan plan;
  PILLAR_ASSIGN_OR_RETURN(plan.work, buffer::allocate(decimal_work::bytes(vector_count), input.budget));
  child_column& child = plan.children[0];
  const std::size_t values_at = round_up(sizeof(vector) * vector_count, 64);
  PILLAR_ASSIGN_OR_RETURN(child.storage,
                          buffer::allocate(values_at + sizeof(std::int64_t) * input.row_count, input.budget));
  const decimal_work work(plan.work);
  *work.scale = scale;
  const decimal_rule rule(scale);
  auto* views = reinterpret_cast<vector*>(child.storage.data());
  auto* integers = reinterpret_cast<std::int64_t*>(child.storage.data() + values_at);
  child.type = type_of<std::int64_t>;
  child.row_count = input.row_count;
  child.vectors = {views, vector_count};

  std::uint64_t exception_count = 0;
  std::uint32_t first_row = 0;      // of the vector, in the block
  std::uint32_t fitting_row = ~0u;  // the first one that has an integer of its own
  std::int64_t last = 0;
  for (std::size_t v = 0; v < vector_count; ++v) {
    const vector& from = input.vectors[v];
    std::int64_t* const out = integers + first_row;
    std::uint64_t* const misfits = work.misfits + v * vector_words;
    find_integers<Real>(rule, from, out, misfits);
    for (std::uint32_t word = 0; word * 64 < from.size; ++word) {
      const std::uint64_t valid = from.validity_word(word);
      const std::uint64_t all = low_bits(from.size - word * 64 < 64 ? from.size - word * 64 : 64);
      const std::uint64_t own = valid & ~misfits[word];
      misfits[word] &= valid;
      exception_count += static_cast<std::uint64_t>(std::popcount(misfits[word]));
      if (own != 0 && fitting_row == ~0u)
        fitting_row = first_row + word * 64 + static_cast<std::uint32_t>(std::countr_zero(own));
      if (own == all) {
        last = out[word * 64 + (from.size - word * 64 < 64 ? from.size - word * 64 : 64) - 1];
        continue;
      }
      for (std::uint32_t row = word * 64; row < from.size && row < word * 64 + 64; ++row)
        if ((own >> row % 64 & 1) != 0) last = out[row];
        else out[row] = last;  // what no row shows repeats its neighbour
    }
    auto* view = ::new (static_cast<void*>(views + v)) vector;
    view->type = child.type;
    view->size = from.size;
    view->values = out;
    first_row += from.size;
  }
  if (fitting_row != ~0u)
    for (std::uint32_t row = 0; row < fitting_row; ++row) integers[row] = integers[fitting_row];
  plan.data_bytes = 4 + exception_count * (2 + sizeof(Real));
  if (exception_count * 2 > input.row_count || plan.data_bytes >= input.give_up_bytes) return none;
  plan.child_count = 1;
  plan.possible = true;
  return plan;
}

template <class Real>
void encode_decimals(const encode_input& input, const encode_plan& plan, std::byte* out, data_section& section) {
  const decimal_work work(plan.work);
  const decimal_scale scale = *work.scale;
  const std::uint8_t shared[4] = {static_cast<std::uint8_t>(scale.mode), scale.exponent, scale.factor, 0};
  std::memcpy(out, shared, sizeof(shared));
  section.shared_bytes = sizeof(shared);
  std::byte* at = out + sizeof(shared);
  for (std::size_t v = 0; v < input.vectors.size(); ++v) {
    const std::uint64_t* misfits = work.misfits + v * vector_words;
    const auto count = static_cast<std::uint32_t>(count_bits(misfits, vector_rows));
    vector_entry& entry = section.entries[v];
    entry.offset = static_cast<std::uint32_t>(at - out);
    entry.bytes = static_cast<std::uint32_t>(count * (2 + sizeof(Real)));
    entry.exception_count = static_cast<std::uint16_t>(count);
    std::byte* bits_at = at + std::size_t{2} * count;
    for (std::uint32_t word = 0; word < vector_words; ++word)
      for (std::uint64_t bits = misfits[word]; bits != 0; bits &= bits - 1, at += 2, bits_at += sizeof(Real)) {
        const auto row = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
        store_unaligned(at, static_cast<std::uint16_t>(row));
        store_unaligned(bits_at, input.vectors[v].value<Real>(row));
      }
    at = bits_at;
  }
}

}  // namespace detail

PILLAR_API result<encode_plan> decimal_double_codec::analyze(const encode_input& input) {
  if (input.type.physical == physical_type::float64) return detail::analyze_decimals<double>(input);
  if (input.type.physical == physical_type::float32) return detail::analyze_decimals<float>(input);
  return encode_plan{};
}

PILLAR_API result<void> decimal_double_codec::encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                                     data_section& section) {
  if (input.type.physical == physical_type::float64) detail::encode_decimals<double>(input, plan, out, section);
  else detail::encode_decimals<float>(input, plan, out, section);
  return {};
}

// ---- reading --------------------------------------------------------------------------------------------------------

namespace detail {

/// The exceptions of a vector, whatever the bytes have become: rows below 1,024.
template <class Real>
struct decimal_exceptions {
  const std::byte* rows;
  const std::byte* bits;
  std::uint32_t count;

  decimal_exceptions(const data_section& section, std::uint32_t index) noexcept
      : rows(section.data + section.entries[index].offset),
        bits(rows + std::size_t{2} * section.entries[index].exception_count),
        count(section.entries[index].exception_count) {}
  [[nodiscard]] std::uint32_t row(std::uint32_t i) const noexcept {
    return load_unaligned<std::uint16_t>(rows + std::size_t{2} * i) % vector_rows;
  }
  [[nodiscard]] Real value(std::uint32_t i) const noexcept { return load_unaligned<Real>(bits + sizeof(Real) * i); }
};

inline const decimal_rule& rule_of(const data_section& section) noexcept {
  return *section.shared.values_as<decimal_rule>();
}

/// out[i] = value of integers[i], by the kernels; no integer beyond `count` is read.
inline void make_values(const data_section& section, const std::int64_t* integers, std::uint32_t count,
                        double* out) noexcept {
  const decimal_rule& rule = rule_of(section);
  const decimal_table& kernels = decimal_kernels_for(section.kernels->level);
  const auto convert = [&](const std::int64_t* from, std::uint32_t n, double* to) {
    if (rule.scale.mode == decimal_mode::divided) kernels.divide(from, n, rule.up, to);
    else kernels.multiply(from, n, rule.up, rule.down, to);
  };
  const std::uint32_t whole = count / decimal_step * decimal_step;
  if (whole != 0) convert(integers, whole, out);
  if (whole == count) return;
  std::int64_t rest[decimal_step] = {};
  double made[decimal_step];
  std::memcpy(rest, integers + whole, sizeof(std::int64_t) * (count - whole));
  convert(rest, decimal_step, made);
  std::memcpy(out + whole, made, sizeof(double) * (count - whole));
}

template <class Real>
void decode_decimals(const data_section& section, std::uint32_t index, vector_scratch& scratch, vector& out) noexcept {
  constexpr std::size_t half = sizeof(scratch.values) / 2;
  constexpr bool wide = sizeof(Real) == 8;
  const std::uint32_t row_count = section.entries[index].row_count;
  vector_scratch child_scratch;
  vector child;
  decode_child(section.children[0], index, child_scratch, child);
  auto* room = reinterpret_cast<std::int64_t*>(scratch.values + (wide ? half : 0));
  const std::int64_t* integers = gather<std::int64_t>(child, room, 0);
  auto* doubles = reinterpret_cast<double*>(scratch.values + (wide ? 0 : half));
  make_values(section, integers, row_count, doubles);
  auto* values = reinterpret_cast<Real*>(scratch.values);
  if constexpr (!wide)
    for (std::uint32_t row = 0; row < row_count; ++row) values[row] = static_cast<Real>(doubles[row]);
  const decimal_exceptions<Real> exceptions(section, index);
  for (std::uint32_t i = 0; i < exceptions.count; ++i) values[exceptions.row(i)] = exceptions.value(i);
  out.kind = vector_kind::flat;
  out.values = scratch.values;
}

template <class Real>
bool fetch_decimals(const data_section& section, std::uint32_t index, const std::uint16_t* rows, std::uint32_t count,
                    void* values) noexcept {
  const data_section& child = section.children[0];
  std::int64_t integers[fetch_worth_it];
  double doubles[fetch_worth_it];
  if (count > fetch_worth_it || child.codec->fetch == nullptr ||
      !child.codec->fetch(child, index, rows, count, integers)) {
    return false;
  }
  make_values(section, integers, count, doubles);
  auto* out = static_cast<Real*>(values);
  const decimal_exceptions<Real> exceptions(section, index);
  std::uint32_t next = 0;  // both ascend
  for (std::uint32_t i = 0; i < count; ++i) {
    while (next < exceptions.count && exceptions.row(next) < rows[i]) ++next;
    out[i] = next < exceptions.count && exceptions.row(next) == rows[i] ? exceptions.value(next)
                                                                        : static_cast<Real>(doubles[i]);
  }
  return true;
}

/// Integers [first, last]; none where first > last.
struct integer_interval {
  std::int64_t first;
  std::int64_t last;
};

/// The least integer whose value is at least `bound` (`beyond`: above it), the limit if there is none. Values ascend
/// with integers, roundings included, so the search starts where arithmetic points and steps in doubling strides.
template <class Real>
std::int64_t least_integer(const decimal_rule& rule, double bound, bool beyond) noexcept {
  constexpr std::int64_t limit = decimal_integer_limit;
  const auto reached = [&](std::int64_t integer) {
    const auto value = static_cast<double>(rule.value_as<Real>(integer));
    return PILLAR_MUTATE(decimal_bound_open, beyond ? value > bound : value >= bound, value > bound);
  };
  const double near = rule.integer_near(bound);
  constexpr auto edge = static_cast<double>(limit - 1);
  const std::int64_t start = near >= edge ? limit - 1 : near > -edge ? static_cast<std::int64_t>(near) : -limit;
  std::int64_t below = start, above = start;  // below is not reached (or −limit − 1), above is (or the limit)
  if (reached(start)) {
    for (std::int64_t step = 1; below >= -limit && reached(below); step *= 2) {
      above = below;
      below = below - step < -limit ? -limit - 1 : below - step;
    }
  } else {
    for (std::int64_t step = 1; above < limit && !reached(above); step *= 2) {
      below = above;
      above = above + step > limit ? limit : above + step;
    }
  }
  while (above - below > 1) {
    const std::int64_t middle = below + (above - below) / 2;
    (reached(middle) ? above : below) = middle;
  }
  return above;
}

template <class Real>
integer_interval integers_between(const decimal_rule& rule, double lo, double hi) noexcept {
  if (!(lo <= hi)) return {0, -1};
  return {least_integer<Real>(rule, lo, false), least_integer<Real>(rule, hi, true) - 1};
}

/// The rows whose integers answer the domain; exceptions hold a neighbour's integer, and are corrected afterwards.
template <class Real>
match_answer match_integers(const data_section& section, std::uint32_t index, const domain& test,
                            std::uint64_t* mask) noexcept {
  const data_section& child = section.children[0];
  const decimal_rule& rule = rule_of(section);
  if (test.kind == domain_kind::range) {
    const auto [first, last] = integers_between<Real>(rule, test.real_lo, test.real_hi);
    return match_child(child, index, integer_range(physical_type::int64, first, last, test.negated), mask);
  }
  const match_answer answer = match_any(test.reals.size(), mask, [&](std::size_t i, std::uint64_t* one) {
    const auto [first, last] = integers_between<Real>(rule, test.reals[i], test.reals[i]);
    if (first > last) return match_answer{verdict::none, evidence::settled};
    return match_child(child, index, integer_range(physical_type::int64, first, last), one);
  });
  return test.negated ? match_outside(answer, mask, section.entries[index].row_count) : answer;
}

template <class Real>
match_answer match_decimals(const data_section& section, std::uint32_t index, const domain& test,
                            std::uint64_t* mask) noexcept {
  match_answer answer = match_integers<Real>(section, index, test, mask);
  const decimal_exceptions<Real> exceptions(section, index);
  if (exceptions.count == 0 || answer.what == verdict::unknown ||
      PILLAR_MUTATE(decimal_exceptions_unmatched, false, true)) {
    return answer;
  }
  const std::uint32_t row_count = section.entries[index].row_count;
  for (std::uint32_t i = 0; i < exceptions.count; ++i) {
    const bool inside = test.contains_real(static_cast<double>(exceptions.value(i)));
    if (answer.what != verdict::some) {
      if (inside == (answer.what == verdict::all)) continue;
      std::memset(mask, answer.what == verdict::all ? 0xff : 0, sizeof(std::uint64_t) * vector_words);
      answer = {verdict::some, evidence::encoded};
    }
    assign_bit(mask, exceptions.row(i), inside);
  }
  if (answer.what == verdict::some) clear_tail(mask, row_count);
  return answer;
}

}  // namespace detail

PILLAR_API std::size_t decimal_double_codec::view_bytes(const data_section&) noexcept {
  return sizeof(detail::decimal_rule);
}

PILLAR_API result<void> decimal_double_codec::validate(data_section& section, std::byte* memory) noexcept {
  const physical_type type = section.type.physical;
  if (!is_float(type) || section.shared_bytes != 4 || section.entry_count != 0 || section.code_width != 0 ||
      section.child_count != 1 || !detail::mirrors(section.children[0], section, physical_type::int64)) {
    return {errc::corrupt, 0};
  }
  std::uint8_t shared[4];
  std::memcpy(shared, section.data, sizeof(shared));
  const decimal_scale scale{static_cast<decimal_mode>(shared[0]), shared[1], shared[2]};
  if (shared[0] > 1 || scale.exponent > decimal_max_exponent || scale.factor > decimal_max_exponent || shared[3] != 0 ||
      (scale.mode == decimal_mode::divided && scale.factor != 0)) {
    return {errc::corrupt, 0};
  }
  section.shared.values = ::new (static_cast<void*>(memory)) detail::decimal_rule(scale);
  const std::size_t value_bytes = byte_width(type);
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    if (entry.base != 0 || entry.width != 0 || entry.mode != 0 ||
        entry.bytes != entry.exception_count * (2 + value_bytes)) {
      return {errc::corrupt, i};
    }
    std::uint32_t least = 0;
    for (std::uint32_t k = 0; k < entry.exception_count; ++k) {
      const auto row = load_unaligned<std::uint16_t>(section.data + entry.offset + std::size_t{2} * k);
      if (row < least || row >= entry.row_count) return {errc::corrupt, entry.offset + std::uint64_t{2} * k};
      least = row + 1u;
    }
  }
  // The kernels convert integers within the limit, and match relies on it.
  return detail::require_within(section.children[0], -decimal_integer_limit, decimal_integer_limit - 1);
}

PILLAR_API void decimal_double_codec::decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                             vector& out) noexcept {
  if (section.type.physical == physical_type::float64) detail::decode_decimals<double>(section, index, scratch, out);
  else detail::decode_decimals<float>(section, index, scratch, out);
}

PILLAR_API match_answer decimal_double_codec::match(const data_section& section, std::uint32_t index,
                                                    const domain& test, match_scratch*, std::uint64_t* mask) noexcept {
  if (test.physical != section.type.physical || (test.kind != domain_kind::range && test.kind != domain_kind::points)) {
    return {verdict::unknown, evidence::settled};
  }
  if (section.type.physical == physical_type::float64)
    return detail::match_decimals<double>(section, index, test, mask);
  return detail::match_decimals<float>(section, index, test, mask);
}

PILLAR_API bool decimal_double_codec::fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                            std::uint32_t count, void* values) noexcept {
  if (section.type.physical == physical_type::float64)
    return detail::fetch_decimals<double>(section, index, rows, count, values);
  return detail::fetch_decimals<float>(section, index, rows, count, values);
}

}  // namespace PILLAR_NAMESPACE
