// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "pillar/base/mutant.hpp"
#include "pillar/expr/type_rules.hpp"
#include "pillar/filter/evaluate.hpp"
#include "pillar/simd/selection.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// The machine types in which values are computed and compared.
enum class lane : std::uint8_t { signed64, unsigned64, wide, real };

inline bool is_unsigned(physical_type type) noexcept {
  return type == physical_type::boolean || (type >= physical_type::uint8 && type <= physical_type::uint64);
}
/// The narrowest lane that holds the values of all three types.
inline lane common_lane(physical_type a, physical_type b, physical_type c) noexcept {
  const physical_type types[] = {a, b, c};
  bool wide = false, uint64 = false, all_unsigned = true;
  for (const physical_type type : types) {
    if (is_float(type)) return lane::real;
    wide = wide || type == physical_type::integer128;
    uint64 = uint64 || type == physical_type::uint64;
    all_unsigned = all_unsigned && is_unsigned(type);
  }
  if (wide) return lane::wide;
  if (!uint64) return lane::signed64;
  return all_unsigned ? lane::unsigned64 : lane::wide;
}

template <class F>
PILLAR_ALWAYS_INLINE decltype(auto) visit_lane(lane which, F&& f) {
  switch (which) {
    case lane::signed64: return f.template operator()<std::int64_t>();
    case lane::unsigned64: return f.template operator()<std::uint64_t>();
    case lane::wide: return f.template operator()<int128>();
    case lane::real: break;
  }
  return f.template operator()<double>();
}

/// Whether values of T come into lanes L; common_lane gives no others.
template <class L, class T>
inline constexpr bool lane_takes = std::is_same_v<L, double> ||
                                   (!std::is_floating_point_v<T> &&
                                    (std::is_same_v<L, int128> ||
                                     (std::is_same_v<L, std::int64_t>
                                          ? sizeof(T) <= 8 && !std::is_same_v<T, std::uint64_t>
                                          : std::is_unsigned_v<T> && sizeof(T) <= 8)));

/// `count` values of a vector as lanes: in place when they lie so already.
template <class L>
const L* load_lanes(const vector& from, std::uint32_t count, std::byte* room) noexcept {
  auto* out = reinterpret_cast<L*>(room);
  std::uint32_t runs[vector_rows];
  const std::uint32_t* indices = from.codes;
  if (from.kind == vector_kind::run_end && from.dictionary->size != 0) {
    from.for_each_run(0, count, [&](std::uint32_t run, std::uint32_t begin, std::uint32_t end) {
      for (std::uint32_t i = begin; i < end; ++i) runs[i] = run;
    });
    indices = runs;
  }
  return visit_fixed_width(from.type.physical, [&]<class T>() -> const L* {
    if constexpr (!lane_takes<L, T>) return out;
    if constexpr (std::is_same_v<T, L>) {
      if (from.kind == vector_kind::flat &&
          reinterpret_cast<std::uintptr_t>(from.values) % alignof(L) == 0)  // int128 may be aligned to 8 only
        return from.values_as<L>();
    }
    const auto* values = static_cast<const std::byte*>(from.holder().values);
    const auto at = [values](std::size_t i) { return static_cast<L>(load_unaligned<T>(values + i * sizeof(T))); };
    if (from.kind == vector_kind::constant) {
      const L value = at(0);
      for (std::uint32_t i = 0; i < count; ++i) out[i] = value;
    } else if (from.kind == vector_kind::flat) {
      for (std::uint32_t i = 0; i < count; ++i) out[i] = at(i);
    } else if (from.dictionary->size == 0) {
      for (std::uint32_t i = 0; i < count; ++i) out[i] = L{};  // all rows are NULL
    } else {
      for (std::uint32_t i = 0; i < count; ++i) out[i] = at(indices[i]);
    }
    return out;
  });
}

/// Lanes as values of a narrower type.
template <class L>
void store_lanes(const L* from, std::uint32_t count, physical_type type, std::byte* to) noexcept {
  visit_fixed_width(type, [&]<class T>() {
    if constexpr (std::is_floating_point_v<T> == std::is_same_v<L, double>) {
      auto* out = reinterpret_cast<T*>(to);
      for (std::uint32_t i = 0; i < count; ++i) out[i] = static_cast<T>(from[i]);
    }
  });
}

template <class L>
PILLAR_ALWAYS_INLINE bool compute(arithmetic_operator op, L a, L b, L& out) noexcept {
  switch (op) {
    case arithmetic_operator::add: return checked_add(a, b, out);
    case arithmetic_operator::subtract: return checked_subtract(a, b, out);
    case arithmetic_operator::multiply: return checked_multiply(a, b, out);
  }
  return false;
}

template <arithmetic_operator Op, class L>
PILLAR_ALWAYS_INLINE L compute_wrapping(L a, L b) noexcept {
  if constexpr (std::is_same_v<L, double>) {
    if constexpr (Op == arithmetic_operator::add) return a + b;
    else if constexpr (Op == arithmetic_operator::subtract) return a - b;
    else return a * b;
  } else {
    using U = std::conditional_t<std::is_same_v<L, int128>, uint128,
                                 std::conditional_t<sizeof(L) == 4, std::uint32_t, std::uint64_t>>;
    const U x = static_cast<U>(a), y = static_cast<U>(b);
    if constexpr (Op == arithmetic_operator::add) return static_cast<L>(x + y);
    else if constexpr (Op == arithmetic_operator::subtract) return static_cast<L>(x - y);
    else return static_cast<L>(x * y);
  }
}

template <arithmetic_operator Op, class L>
void compute_unchecked(const L* a, const L* b, L* out, std::uint32_t count) noexcept {
  for (std::uint32_t i = 0; i < count; ++i) out[i] = compute_wrapping<Op>(a[i], b[i]);
}

template <arithmetic_operator Op, class L>
void compute_constant(const L* a, L b, bool swapped, L* PILLAR_RESTRICT out, std::uint32_t count) noexcept {
  if (swapped)
    for (std::uint32_t i = 0; i < count; ++i) out[i] = compute_wrapping<Op>(b, a[i]);
  else
    for (std::uint32_t i = 0; i < count; ++i) out[i] = compute_wrapping<Op>(a[i], b);
}
/// One operand is the same in all rows.
template <class L>
void compute_with_constant(arithmetic_operator op, const L* a, L b, bool swapped, L* out,
                           std::uint32_t count) noexcept {
  using enum arithmetic_operator;
  if (op == add) compute_constant<add>(a, b, swapped, out, count);
  else if (op == subtract) compute_constant<subtract>(a, b, swapped, out, count);
  else compute_constant<multiply>(a, b, swapped, out, count);
}

/// Computes all rows and returns whether any, selected or not, left the lane or [lo, hi]: the sticky word.
template <arithmetic_operator Op, class L>
bool compute_checked(const L* a, const L* b, L* out, std::uint32_t count, L lo, L hi) noexcept {
  std::uint64_t sticky = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    L value;
    bool fits;
    if constexpr (std::is_same_v<L, std::int64_t> && Op != arithmetic_operator::multiply) {
      value = compute_wrapping<Op>(a[i], b[i]);  // by sign bits, which vectorises
      const std::int64_t flipped =
          Op == arithmetic_operator::add ? (a[i] ^ value) & (b[i] ^ value) : (a[i] ^ b[i]) & (a[i] ^ value);
      fits = flipped >= 0;
    } else {
      fits = compute(Op, a[i], b[i], value);
    }
    out[i] = value;
    sticky |= static_cast<std::uint64_t>(!fits) | static_cast<std::uint64_t>(value < lo) |
              static_cast<std::uint64_t>(value > hi);
  }
  return sticky != 0;
}

/// What is known to fit: operands of 32 bits to a result of 32 or 64, exactly.
template <arithmetic_operator Op, class R>
void compute_halves(const std::int32_t* a, bool a_is_one, const std::int32_t* b, bool b_is_one, R* PILLAR_RESTRICT out,
                    std::uint32_t count) noexcept {
  if (a_is_one) {
    const R same = *a;
    for (std::uint32_t i = 0; i < count; ++i) out[i] = compute_wrapping<Op>(same, static_cast<R>(b[i]));
  } else if (b_is_one) {
    const R same = *b;
    for (std::uint32_t i = 0; i < count; ++i) out[i] = compute_wrapping<Op>(static_cast<R>(a[i]), same);
  } else {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = compute_wrapping<Op>(static_cast<R>(a[i]), static_cast<R>(b[i]));
  }
}

/// The first row of `rows` that is valid and leaves [lo, hi]; `count` if there is none.
template <class L>
std::uint32_t first_overflow(arithmetic_operator op, const L* a, const L* b, std::uint32_t count, L lo, L hi,
                             const selection_mask& rows, const std::uint64_t* validity) noexcept {
  for (std::uint32_t word = 0; word * 64 < count; ++word) {
    std::uint64_t bits = rows.words[word] & (validity == nullptr ? ~std::uint64_t{0} : validity[word]);
    for (; bits != 0; bits &= bits - 1) {
      const std::uint32_t row = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      L value;
      if (row < count && (!compute(op, a[row], b[row], value) || value < lo || value > hi)) return row;
    }
  }
  return count;
}

template <class L>
result<void> compute_lanes(arithmetic_operator op, const L* a, const L* b, L* out, std::uint32_t count, bool checked,
                           const data_type& type, const selection_mask& rows, const std::uint64_t* validity) noexcept {
  using enum arithmetic_operator;
  if constexpr (std::is_same_v<L, double>) {
    checked = false;
  }
  if (!checked) {
    if (op == add) compute_unchecked<add>(a, b, out, count);
    else if (op == subtract) compute_unchecked<subtract>(a, b, out, count);
    else compute_unchecked<multiply>(a, b, out, count);
    return {};
  }
  if constexpr (!std::is_same_v<L, double>) {
    const integer_limits limits = limits_of(type);
    const L lo = static_cast<L>(std::max(limits.lo, lowest_of<L>()));
    const L hi = static_cast<L>(std::min(limits.hi, highest_of<L>()));
    const bool suspicious = op == add        ? compute_checked<add>(a, b, out, count, lo, hi)
                            : op == subtract ? compute_checked<subtract>(a, b, out, count, lo, hi)
                                             : compute_checked<multiply>(a, b, out, count, lo, hi);
    if (PILLAR_MUTATE(evaluate_overflow_ignored, suspicious, false)) {
      const std::uint32_t row = first_overflow(op, a, b, count, lo, hi, rows, validity);
      if (row != count) return {errc::overflow, row};
    }
  }
  return {};
}

/// Rows that are NULL in neither; nullptr when none are.
inline const std::uint64_t* common_validity(const vector& a, const vector* b, std::uint32_t count,
                                            std::uint64_t* room) noexcept {
  if (a.validity == nullptr && (b == nullptr || b->validity == nullptr)) return nullptr;
  for (std::uint32_t word = 0; word * 64 < count; ++word)
    room[word] = a.validity_word(word) & (b == nullptr ? ~std::uint64_t{0} : b->validity_word(word));
  return room;
}

template <std::size_t Width>
PILLAR_ALWAYS_INLINE void move_values(std::byte* to, const std::byte* from, std::uint32_t to_index,
                                      std::uint32_t from_index) noexcept {
  std::memmove(to + to_index * Width, from + from_index * Width, Width);
}
template <class F>
PILLAR_ALWAYS_INLINE void visit_width(std::size_t width, F&& f) {
  switch (width) {
    case 1: return f.template operator()<1>();
    case 2: return f.template operator()<2>();
    case 4: return f.template operator()<4>();
    case 8: return f.template operator()<8>();
    default: return f.template operator()<16>();
  }
}

/// The selected rows of a batch when they are few: whole trees are then computed over them alone, packed together, and
/// only the root's values go back to their rows.
struct packed_rows {
  std::uint32_t count = 0;
  std::uint16_t index[vector_rows];
};

/// The packed rows of a vector; a constant stays one.
inline vector pack(const vector& from, const packed_rows& rows, value_slot& slot) noexcept {
  vector out = from;
  out.size = rows.count;
  if (from.kind == vector_kind::constant) return out;
  out.kind = vector_kind::flat;
  out.values = slot.values;
  out.codes = nullptr;
  out.dictionary = nullptr;
  out.run_ends = nullptr;
  visit_width(byte_width(from.type.physical), [&]<std::size_t Width>() {
    const auto* values = static_cast<const std::byte*>(from.holder().values);
    if (from.kind == vector_kind::flat) {
      for (std::uint32_t i = 0; i < rows.count; ++i) move_values<Width>(slot.values, values, i, rows.index[i]);
    } else if (from.dictionary->size != 0) {
      for (std::uint32_t i = 0; i < rows.count; ++i)
        move_values<Width>(slot.values, values, i, from.index_of(rows.index[i]));
    }
  });
  if (from.validity != nullptr) {
    std::memset(slot.validity, 0, sizeof slot.validity);
    for (std::uint32_t i = 0; i < rows.count; ++i) assign_bit(slot.validity, i, from.valid(rows.index[i]));
    out.validity = slot.validity;
    out.validity_offset = 0;
  }
  return out;
}

/// The reverse, into another slot: other values may be computed from the packed ones.
inline void unpack(vector& values, const packed_rows& rows, value_slot& to) noexcept {
  visit_width(byte_width(values.type.physical), [&]<std::size_t Width>() {
    const auto* from = static_cast<const std::byte*>(values.values);
    for (std::uint32_t i = 0; i < rows.count; ++i) move_values<Width>(to.values, from, rows.index[i], i);
  });
  values.values = to.values;
  if (values.validity == nullptr) return;
  std::memset(to.validity, 0, sizeof to.validity);
  for (std::uint32_t i = 0; i < rows.count; ++i)
    if (get_bit(values.validity, i)) set_bit(to.validity, rows.index[i]);
  values.validity = to.validity;
}

/// Evaluates one list of nodes for one batch, or for its packed rows.
struct evaluation {
  std::span<const bound_value> nodes;
  batch& from;
  const selection_mask& rows;
  value_state& state;
  std::span<const value_interval> proof;
  std::uint32_t row_count;
  const packed_rows* packed;

  result<vector> value(std::uint32_t index) {
    const bound_value& node = nodes[index];
    switch (node.kind) {
      case bound_value::kind_type::column: {
        if (packed == nullptr) return from.column(node.column);
        return few(index, node);
      }
      case bound_value::kind_type::literal: return literal(index);
      case bound_value::kind_type::arithmetic:
      case bound_value::kind_type::convert: break;
    }
    if (packed != nullptr) return computed(index);
    if (const vector* known = state.known(index)) return *known;
    PILLAR_ASSIGN_OR_RETURN(const vector made, computed(index));
    state.keep(index, made);
    return made;
  }

 private:
  result<vector> computed(std::uint32_t index) {
    const bound_value& node = nodes[index];
    PILLAR_ASSIGN_OR_RETURN(const vector left, value(node.left));
    if (node.kind == bound_value::kind_type::convert) return convert(index, left);
    PILLAR_ASSIGN_OR_RETURN(const vector right, value(node.right));
    return arithmetic(index, node.op, left, right);
  }

  /// The packed rows of a column: fetched one by one from the codec where that is cheaper than decoding them all.
  vector few(std::uint32_t index, const bound_value& node) {
    batch_column& column = from.columns[node.column];
    value_slot& slot = state.slot(index);
    bool has_validity = false;
    if (column.has_decoded || !column.source || column.source.operations->decode_rows == nullptr ||
        !column.source.operations->decode_rows(column.source.block, column.source.index, packed->index, packed->count,
                                               slot.values, slot.validity, has_validity))
      return pack(from.column(node.column), *packed, slot);
    from.touch(node.column, evidence::decoded);
    vector out;
    out.type = node.type;
    out.size = packed->count;
    out.values = slot.values;
    if (has_validity) out.validity = slot.validity;
    return out;
  }

  [[nodiscard]] bool checked(std::uint32_t index) const noexcept { return proof.empty() || proof[index].may_overflow; }

  /// An empty flat result of a node over its slot.
  vector flat(std::uint32_t index, const std::uint64_t* validity) {
    vector out;
    out.type = nodes[index].type;
    out.size = row_count;
    out.values = state.slot(index).values;
    out.validity = validity;
    return out;
  }

  vector literal(std::uint32_t index) {
    const scalar& constant = nodes[index].constant;
    value_slot& slot = state.slot(index);
    vector out = flat(index, nullptr);
    out.kind = vector_kind::constant;
    const physical_type type = nodes[index].type.physical;
    std::memset(slot.values, 0, 16);
    if (constant.null) {
      slot.validity[0] = 0;
      out.validity = slot.validity;
    } else if (type == physical_type::text) {
      slot.buffer = reinterpret_cast<const std::byte*>(constant.text.data());
      store_unaligned(slot.values, text_slot::make(constant.text, 0, 0));
      out.buffers = &slot.buffer;
    } else if (is_float(type)) {
      store_lanes(&constant.real, 1, type, slot.values);
    } else {
      store_lanes(&constant.integer, 1, type, slot.values);
    }
    return out;
  }

  /// Lanes go straight to the slot when the type is the lane's own.
  template <class L>
  L* lanes_of_result(std::uint32_t index, const data_type& type) {
    return visit_fixed_width(type.physical, [&]<class T>() -> L* {
      return reinterpret_cast<L*>(std::is_same_v<T, L> ? state.slot(index).values : state.operand(2).values);
    });
  }
  template <class L>
  void finish(std::uint32_t index, const data_type& type, const L* lanes) {
    if (reinterpret_cast<const std::byte*>(lanes) != state.slot(index).values)
      store_lanes(lanes, row_count, type.physical, state.slot(index).values);
  }

  result<vector> arithmetic(std::uint32_t index, arithmetic_operator op, const vector& left, const vector& right) {
    const data_type& type = nodes[index].type;
    const std::uint32_t count = row_count;
    const std::uint64_t* validity = common_validity(left, &right, count, state.slot(index).validity);
    if (computes_halves(left, right, index)) {
      if (type.physical == physical_type::int32) halves<std::int32_t>(op, left, right, index);
      else halves<std::int64_t>(op, left, right, index);
      return flat(index, validity);
    }
    const lane which = common_lane(left.type.physical, right.type.physical, type.physical);
    const bool left_is_one = left.kind == vector_kind::constant, right_is_one = right.kind == vector_kind::constant;
    const bool one = left_is_one != right_is_one && !checked(index);
    const result<void> done = visit_lane(which, [&]<class L>() -> result<void> {
      L* out = lanes_of_result<L>(index, type);
      if (one) {
        const L* many = load_lanes<L>(left_is_one ? right : left, count, state.operand(0).values);
        const L same = *load_lanes<L>(left_is_one ? left : right, 1, state.operand(1).values);
        compute_with_constant(op, many, same, left_is_one, out, count);
        finish(index, type, out);
        return {};
      }
      const L* a = load_lanes<L>(left, count, state.operand(0).values);
      const L* b = load_lanes<L>(right, count, state.operand(1).values);
      PILLAR_TRY(compute_lanes(op, a, b, out, count, checked(index), type, rows, validity));
      finish(index, type, out);
      return {};
    });
    if (!done.ok()) return done.error();
    return flat(index, validity);
  }

  /// Both operands in 32 bits, and a result that is known to fit.
  [[nodiscard]] bool computes_halves(const vector& left, const vector& right, std::uint32_t index) const noexcept {
    const auto plain = [](const vector& operand) {
      return operand.type.physical == physical_type::int32 &&
             (operand.kind == vector_kind::flat || operand.kind == vector_kind::constant);
    };
    const physical_type type = nodes[index].type.physical;
    return (type == physical_type::int32 || type == physical_type::int64) && plain(left) && plain(right) &&
           (left.kind == vector_kind::flat || right.kind == vector_kind::flat) && !checked(index);
  }
  template <class R>
  void halves(arithmetic_operator op, const vector& left, const vector& right, std::uint32_t index) {
    using enum arithmetic_operator;
    const auto compute = op == add        ? &compute_halves<add, R>
                         : op == subtract ? &compute_halves<subtract, R>
                                          : &compute_halves<multiply, R>;
    compute(left.values_as<std::int32_t>(), left.kind == vector_kind::constant, right.values_as<std::int32_t>(),
            right.kind == vector_kind::constant, reinterpret_cast<R*>(state.slot(index).values), row_count);
  }

  result<vector> convert(std::uint32_t index, const vector& source) {
    const data_type& type = nodes[index].type;
    const data_type& old = nodes[nodes[index].left].type;
    if (type.physical == physical_type::text) return source;
    const std::uint32_t count = row_count;
    const std::uint64_t* validity = common_validity(source, nullptr, count, state.slot(index).validity);
    if (is_float(type.physical)) {
      const physical_type given = source.type.physical;  // `old`'s, or narrower
      const lane which = common_lane(given, given, given);
      const auto divisor = static_cast<double>(is_float(old.physical) ? 1 : power_of_ten(scale_of(old)));
      visit_lane(which, [&]<class L>() {
        const L* a = load_lanes<L>(source, count, state.operand(0).values);
        double* out = lanes_of_result<double>(index, type);
        if (divisor == 1)
          for (std::uint32_t i = 0; i < count; ++i) out[i] = static_cast<double>(a[i]);
        else
          for (std::uint32_t i = 0; i < count; ++i) out[i] = static_cast<double>(a[i]) / divisor;
        finish(index, type, out);
      });
      return flat(index, validity);
    }
    PILLAR_ASSERT(!is_float(old.physical) && scale_of(type) >= scale_of(old) && scale_of(type) - scale_of(old) <= 38);
    const unsigned digits = scale_of(type) - scale_of(old);
    lane which = common_lane(source.type.physical, type.physical, type.physical);
    if (digits > 18) which = lane::wide;
    const result<void> done = visit_lane(which, [&]<class L>() -> result<void> {
      if constexpr (!std::is_same_v<L, double>) {
        const L* a = load_lanes<L>(source, count, state.operand(0).values);
        auto* factors = reinterpret_cast<L*>(state.operand(1).values);
        const L factor = static_cast<L>(power_of_ten(digits));
        for (std::uint32_t i = 0; i < count; ++i) factors[i] = factor;
        L* out = lanes_of_result<L>(index, type);
        PILLAR_TRY(
            compute_lanes(arithmetic_operator::multiply, a, factors, out, count, checked(index), type, rows, validity));
        finish(index, type, out);
      }
      return {};
    });
    if (!done.ok()) return done.error();
    return flat(index, validity);
  }
};

template <class F>
PILLAR_ALWAYS_INLINE void mask_of(std::uint64_t* mask, std::uint32_t count, F&& f) noexcept {
  for (std::uint32_t first = 0; first < count; first += 64) {
    const std::uint32_t last = count - first < 64 ? count : first + 64;
    std::uint64_t word = 0;
    for (std::uint32_t i = first; i < last; ++i) word |= static_cast<std::uint64_t>(f(i)) << (i - first);
    mask[first / 64] = word;
  }
}

/// a = b or a < b, row by row; what else is asked follows by complement and swap.
inline void compare_rows(bool less, const vector& a, const vector& b, value_state& state, std::uint64_t* mask) {
  const std::uint32_t count = a.size;
  if (a.type.physical == physical_type::text) {
    const auto text_of = [](const vector& from, std::uint32_t row) -> std::string_view {
      return from.valid(row) ? from.text_value(row) : std::string_view();
    };
    if (less) mask_of(mask, count, [&](std::uint32_t i) { return text_of(a, i) < text_of(b, i); });
    else mask_of(mask, count, [&](std::uint32_t i) { return text_of(a, i) == text_of(b, i); });
    return;
  }
  visit_lane(common_lane(a.type.physical, b.type.physical, b.type.physical), [&]<class L>() {
    const L* x = load_lanes<L>(a, count, state.operand(0).values);
    const L* y = load_lanes<L>(b, count, state.operand(1).values);
    if constexpr (std::is_same_v<L, double>) {  // NaN is greatest and equals itself
      if (less)
        mask_of(mask, count, [=](std::uint32_t i) { return (x[i] < y[i]) | ((x[i] == x[i]) & (y[i] != y[i])); });
      else mask_of(mask, count, [=](std::uint32_t i) { return (x[i] == y[i]) | ((x[i] != x[i]) & (y[i] != y[i])); });
    } else {
      if (less) mask_of(mask, count, [=](std::uint32_t i) { return x[i] < y[i]; });
      else mask_of(mask, count, [=](std::uint32_t i) { return x[i] == y[i]; });
    }
  });
}

}  // namespace detail

PILLAR_API result<vector> evaluate_value(std::span<const bound_value> nodes, std::uint32_t root, batch& from,
                                         const selection_mask& rows, value_state& state,
                                         std::span<const value_interval> proof) {
  PILLAR_ASSERT(from.row_count <= vector_rows && root < nodes.size());
  PILLAR_ASSERT(proof.empty() || proof.size() == nodes.size());
  const bool computed =
      nodes[root].kind == bound_value::kind_type::arithmetic || nodes[root].kind == bound_value::kind_type::convert;
  if (!computed || nodes[root].type.physical == physical_type::text || rows.count() > from.row_count / 4)
    return detail::evaluation{nodes, from, rows, state, proof, from.row_count, nullptr}.value(root);
  detail::packed_rows packed;
  packed.count = mask_to_selection(rows.words, from.row_count, packed.index);
  const selection_mask all = selection_mask::first(packed.count);
  result<vector> out = detail::evaluation{nodes, from, all, state, proof, packed.count, &packed}.value(root);
  if (!out.ok()) return {out.error().code, packed.index[out.error().position]};
  detail::unpack(*out, packed, state.slot(static_cast<std::uint32_t>(nodes.size()) + root));
  out->size = from.row_count;
  return out;
}

PILLAR_API result<vector> evaluate_selected(std::span<const bound_value> nodes, std::uint32_t root, batch& from,
                                            const selection_mask& rows, value_state& state,
                                            std::span<const value_interval> proof) {
  PILLAR_ASSERT(from.row_count <= vector_rows && root < nodes.size());
  detail::packed_rows packed;
  packed.count = mask_to_selection(rows.words, from.row_count, packed.index);
  const selection_mask all = selection_mask::first(packed.count);
  result<vector> out = detail::evaluation{nodes, from, all, state, proof, packed.count, &packed}.value(root);
  if (!out.ok()) return {out.error().code, packed.index[out.error().position]};
  return out;
}

PILLAR_API void compare_vectors(compare_operator op, const vector& left, const vector& right, value_state& state,
                                std::uint64_t* mask) {
  PILLAR_ASSERT(left.size == right.size && left.size <= vector_rows);
  const bool swapped = op == compare_operator::greater || op == compare_operator::less_equal;
  const bool less = op != compare_operator::equal && op != compare_operator::not_equal;
  detail::compare_rows(less, swapped ? right : left, swapped ? left : right, state, mask);
  if (op == compare_operator::not_equal || op == compare_operator::less_equal || op == compare_operator::greater_equal)
    for (std::uint32_t row = 0; row < left.size; row += 64)
      mask[row / 64] = ~mask[row / 64] & low_bits(left.size - row < 64 ? left.size - row : 64);
}

}  // namespace PILLAR_NAMESPACE
