// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "pillar/base/bits.hpp"
#include "pillar/conformance/sample.hpp"

namespace PILLAR_NAMESPACE::conformance {

PILLAR_API const char* to_string(sample_shape shape) noexcept {
  constexpr const char* names[sample_shape_count] = {
      "few values", "many values", "one value", "all NULL", "one valid",       "one NULL", "ascending",
      "narrow",     "whole range", "all NaN",   "zeros",    "common prefixes", "runs",     "steps"};
  return names[static_cast<unsigned>(shape)];
}

PILLAR_API std::vector<data_type> every_type() {
  std::vector<data_type> types = {type_of<bool>,           type_of<std::int8_t>,   type_of<std::int16_t>,
                                  type_of<std::int32_t>,   type_of<std::int64_t>,  type_of<std::uint8_t>,
                                  type_of<std::uint16_t>,  type_of<std::uint32_t>, type_of<std::uint64_t>,
                                  type_of<float>,          type_of<double>,        type_of<decimal<15, 2>>,
                                  type_of<decimal<38, 4>>, type_of<date>,          type_of<timestamp<>>,
                                  type_of<text>,           type_of<bytes>};
  const std::size_t count = types.size();
  for (std::size_t i = 0; i < count; ++i) types.push_back(types[i].as_nullable());
  return types;
}

namespace detail {
inline constexpr std::uint32_t sample_lengths[] = {1,   2,    63,   64,   65,   127,  128, 500,
                                                   900, 1000, 1023, 1024, 1025, 2048, 3000};

inline scalar text_cell(splitmix64& random, data_type type, std::uint64_t pick, bool prefixed) {
  std::string value = prefixed ? "the same forty bytes before what differs" : pick % 3 == 0 ? "ab" : "";
  if (pick % 7 != 0) value += std::to_string(pick);
  if (pick % 11 == 0) value += '\0';
  if (pick % 13 == 0) value += "\xff\xff";
  if (!prefixed && pick % 17 == 0) value.assign(random.below(200), 'x');
  return scalar::of_text(type, value);
}

inline scalar real_cell(splitmix64& random, data_type type, std::uint64_t pick) {
  const double infinity = std::numeric_limits<double>::infinity();
  switch (pick % 16) {
    case 0: return scalar::of_real(type, 0.0);
    case 1: return scalar::of_real(type, -0.0);
    case 2: return scalar::of_real(type, std::numeric_limits<double>::quiet_NaN());
    case 3: return scalar::of_real(type, random.chance(1, 2) ? infinity : -infinity);
    case 4: return scalar::of_real(type, static_cast<double>(std::numeric_limits<float>::max()));
    default: return scalar::of_real(type, (static_cast<double>(pick) - 40) / 8);
  }
}

/// Finite: eighths around zero, or numbers whose sums cancel.
inline scalar finite_cell(splitmix64& random, data_type type, bool wide) {
  const auto most = static_cast<double>(std::numeric_limits<float>::max());
  const double big = type.physical == physical_type::float64 ? 1e300 : most;
  const double picks[] = {big, -big, most, -most, 1, -1, 0.125, static_cast<double>(std::numeric_limits<float>::min())};
  return scalar::of_real(type, wide ? picks[random.below(8)] : (static_cast<double>(random.below(4000)) - 2000) / 8);
}

inline scalar integer_cell(data_type type, int128 value) {
  const int128 low = lowest_of(type.physical), high = highest_of(type.physical);
  return scalar::of_integer(type, value < low ? low : value > high ? high : value);
}

/// One of about `distinct` values.
inline scalar any_cell(splitmix64& random, data_type type, std::uint64_t distinct, bool prefixed) {
  const std::uint64_t pick = random.below(distinct);
  if (type.physical == physical_type::text) return text_cell(random, type, pick, prefixed);
  if (is_float(type.physical)) return real_cell(random, type, pick);
  if (pick == 0) return integer_cell(type, lowest_of(type.physical));
  if (pick == 1) return integer_cell(type, highest_of(type.physical));
  return integer_cell(type, static_cast<int128>(pick) * 37 - (lowest_of(type.physical) < 0 ? 300 : 0));
}

inline bool has_shape(data_type type, sample_shape shape) noexcept {
  switch (shape) {
    case sample_shape::all_nan:
    case sample_shape::zeros: return is_float(type.physical);
    case sample_shape::common_prefixes: return type.physical == physical_type::text;
    case sample_shape::narrow:
    case sample_shape::whole_range: return type.physical != physical_type::text;
    case sample_shape::steps: return is_integer(type.physical);
    case sample_shape::all_null:
    case sample_shape::one_valid:
    case sample_shape::one_null: return type.nullable;
    default: return true;
  }
}
}  // namespace detail

PILLAR_API std::span<const std::uint32_t> every_length() noexcept { return detail::sample_lengths; }

PILLAR_API std::vector<scalar> make_cells(splitmix64& random, data_type type, sample_shape shape, std::size_t count) {
  if (!detail::has_shape(type, shape))
    shape = shape == sample_shape::all_null ? sample_shape::one_value : sample_shape::many_values;
  const bool prefixed = shape == sample_shape::common_prefixes;
  const std::uint64_t distinct = shape == sample_shape::few_values || shape == sample_shape::runs ? 12 : 5000;
  const bool some_null = type.nullable && shape != sample_shape::one_null && shape != sample_shape::one_valid;
  const scalar constant = detail::any_cell(random, type, 60, false);
  const auto special = static_cast<std::size_t>(random.below(count));
  const bool negative = random.chance(1, 2);
  const int128 base =
      detail::integer_cell(type, negative ? lowest_of(type.physical) / 3 : highest_of(type.physical) / 3).integer;
  const int128 step = static_cast<int>(random.below(7)) - 3;
  std::vector<scalar> cells;
  for (std::size_t i = 0; i < count; ++i) {
    scalar cell = constant;
    switch (shape) {
      case sample_shape::all_null: cell = scalar::of_null(type); break;
      case sample_shape::one_value: break;
      case sample_shape::runs:
        cell = i == 0 || random.chance(1, 50) ? detail::any_cell(random, type, distinct, false) : cells.back();
        break;
      case sample_shape::narrow:
      case sample_shape::whole_range: {
        const bool wide = shape == sample_shape::whole_range;
        if (is_float(type.physical)) cell = detail::finite_cell(random, type, wide);
        else if (!wide) cell = detail::integer_cell(type, base + static_cast<int>(random.below(6)));
        else
          cell = detail::integer_cell(type, random.chance(1, 2) ? lowest_of(type.physical) : highest_of(type.physical));
        break;
      }
      case sample_shape::steps: cell = detail::integer_cell(type, base + step * static_cast<int>(i)); break;
      case sample_shape::all_nan: cell = scalar::of_real(type, std::numeric_limits<double>::quiet_NaN()); break;
      case sample_shape::zeros: cell = scalar::of_real(type, random.chance(1, 2) ? 0.0 : -0.0); break;
      default: cell = detail::any_cell(random, type, distinct, prefixed);
    }
    if (some_null && shape != sample_shape::runs && shape != sample_shape::steps && random.chance(1, 9))
      cell = scalar::of_null(type);
    if (shape == sample_shape::one_null && i == special) cell = scalar::of_null(type);
    if (shape == sample_shape::one_valid && i != special) cell = scalar::of_null(type);
    cells.push_back(std::move(cell));
  }
  if (shape == sample_shape::ascending)
    std::stable_sort(cells.begin(), cells.end(), [](const scalar& a, const scalar& b) {
      return a.null || b.null ? b.null && !a.null : compare(a, b) < 0;
    });
  return cells;
}

namespace detail {

/// Writes cells (NULL: zero bytes) as flat values behind a guard, long texts into a buffer behind another.
inline void put_values(sample& into, const std::vector<const scalar*>& stored, vector& view) {
  const physical_type physical = into.type.physical;
  const std::size_t width = byte_width(physical);
  guard_buffer& values = into.memory.emplace_back(stored.size() * width);
  std::memset(values.data(), 0, values.size());
  view.values = values.data();
  std::string characters;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const scalar& cell = *stored[i];
    std::byte* const at = values.data() + i * width;
    if (cell.null) continue;
    if (physical == physical_type::text) {
      const auto offset = static_cast<std::uint32_t>(characters.size());
      if (cell.text.size() > text_slot::inline_capacity) characters += cell.text;
      store_unaligned(at, text_slot::make(cell.text, 0, offset));
    } else if (physical == physical_type::float32) {
      store_unaligned(at, static_cast<float>(cell.real));
    } else if (physical == physical_type::float64) {
      store_unaligned(at, cell.real);
    } else {
      std::memcpy(at, &cell.integer, width);  // little endian
    }
  }
  if (physical != physical_type::text) return;
  into.buffers.push_back(into.memory.emplace_back(std::as_bytes(std::span(characters))).data());
  view.buffers = &into.buffers.back();
}

inline bool same_cell_bits(const scalar& a, const scalar& b) noexcept {
  return a.null == b.null && a.integer == b.integer && std::memcmp(&a.real, &b.real, sizeof(double)) == 0 &&
         a.text == b.text;
}

inline vector make_one(sample& into, std::span<const scalar> cells, vector_kind kind, std::uint32_t offset) {
  vector view;
  view.type = into.type;
  view.kind = kind;
  view.size = static_cast<std::uint32_t>(cells.size());
  // The values that are kept, and per validity bit its cell.
  std::vector<const scalar*> stored, bits;
  const scalar none = scalar::of_null(into.type);
  if (kind == vector_kind::dictionary) {
    auto* codes = into.memory.emplace_back(cells.size() * 4).as<std::uint32_t>();
    for (std::size_t i = 0; i < cells.size(); ++i) {
      std::size_t code = 0;
      while (code < stored.size() && !same_cell_bits(*stored[code], cells[i])) ++code;
      if (cells[i].null) code = 0;  // an entry all the same
      else if (code == stored.size()) stored.push_back(&cells[i]);
      codes[i] = static_cast<std::uint32_t>(code);
      bits.push_back(&cells[i]);
    }
    if (stored.empty()) stored.push_back(&none);
    view.codes = codes;
  } else if (kind == vector_kind::run_end) {
    // A slice: one run ends before it, its first began there, and its last goes on.
    std::vector<std::uint32_t> ends = {2};
    stored = {&cells[0], &cells[0]};
    view.run_offset = 3;
    view.first_run = 1;
    for (std::uint32_t i = 1; i < cells.size(); ++i)
      if (!same_cell_bits(cells[i], cells[i - 1])) ends.push_back(3 + i), stored.push_back(&cells[i]);
    ends.push_back(3 + view.size + 5);
    view.run_count = static_cast<std::uint32_t>(stored.size()) - 1;
    view.run_ends = into.memory.emplace_back(std::as_bytes(std::span(ends))).as<std::uint32_t>();
    bits = stored;
  } else {
    for (std::size_t i = 0; i < (kind == vector_kind::constant ? 1 : cells.size()); ++i) stored.push_back(&cells[i]);
    bits = stored;
  }
  if (offset != 0 || std::any_of(bits.begin(), bits.end(), [](const scalar* cell) { return cell->null; })) {
    auto* words = into.memory.emplace_back(words_for(bits.size() + offset) * 8).as<std::uint64_t>();
    for (std::size_t i = 0; i < bits.size(); ++i) assign_bit(words, offset + i, !bits[i]->null);  // the rest is garbage
    view.validity = words;
    view.validity_offset = offset;
  }
  if (kind == vector_kind::flat || kind == vector_kind::constant) {
    put_values(into, stored, view);
    return view;
  }
  vector entries;
  entries.type = into.type.as_nullable(false);
  entries.size = static_cast<std::uint32_t>(stored.size());
  put_values(into, stored, entries);
  into.dictionaries.push_back(entries);
  view.dictionary = &into.dictionaries.back();
  return view;
}

}  // namespace detail

PILLAR_API sample make_sample(splitmix64& random, data_type type, sample_shape shape, std::vector<scalar> cells,
                              bool flat_only) {
  sample made;
  made.type = type;
  made.shape = shape;
  made.cells = std::move(cells);
  for (std::size_t at = 0; at < made.cells.size(); at += vector_rows) {
    const auto part = std::span(made.cells).subspan(at, std::min<std::size_t>(vector_rows, made.cells.size() - at));
    auto kind = vector_kind::flat;
    if (!flat_only && random.chance(2, 5)) kind = random.chance(1, 2) ? vector_kind::dictionary : vector_kind::run_end;
    const auto is_first = [&](const scalar& cell) { return detail::same_cell_bits(cell, part[0]); };
    if (!flat_only && random.chance(1, 2) && std::all_of(part.begin(), part.end(), is_first))
      kind = vector_kind::constant;
    const auto offset = !flat_only && random.chance(1, 3) ? static_cast<std::uint32_t>(random.below(70)) : 0;
    made.vectors.push_back(detail::make_one(made, part, kind, type.nullable ? offset : 0));
  }
  return made;
}

PILLAR_API sample make_sample(std::uint64_t seed) {
  const std::vector<data_type> types = every_type();
  splitmix64 random(seed);
  const data_type type = types[seed % types.size()];
  const auto shape = static_cast<sample_shape>(seed / types.size() % sample_shape_count);
  const std::uint32_t count = every_length()[random.below(every_length().size())];
  return make_sample(random, type, shape, make_cells(random, type, shape, count));
}

PILLAR_API std::string to_string(const sample& of) {
  return pillar::to_string(of.type) + ", " + to_string(of.shape) + ", " + std::to_string(of.cells.size()) + " rows";
}

PILLAR_API bool same_bits(const vector& a, std::uint32_t row_of_a, const vector& b, std::uint32_t row_of_b) noexcept {
  if (a.type.physical == physical_type::text) return a.text_value(row_of_a) == b.text_value(row_of_b);
  const std::size_t width = byte_width(a.type.physical);
  return std::memcmp(a.holder().values_as<std::byte>() + width * a.index_of(row_of_a),
                     b.holder().values_as<std::byte>() + width * b.index_of(row_of_b), width) == 0;
}

PILLAR_API bool satisfies(const domain& test, const scalar& cell) {
  if (test.physical == physical_type::float32) return test.contains_real(static_cast<float>(cell.real));
  return test.contains(cell);
}

// ---- domains --------------------------------------------------------------------------------------------------------

namespace detail {

template <class T>
void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// The range of all cells, or what lies beside all of them.
inline domain steered_domain(splitmix64& random, data_type type, std::span<const scalar> cells, bool all) {
  const scalar *least = nullptr, *most = nullptr;
  const auto number = [](const scalar& cell) { return is_float(cell.type.physical) && cell.real != cell.real; };
  for (const scalar& cell : cells) {
    if (cell.null || number(cell)) continue;
    if (least == nullptr || compare(cell, *least) < 0) least = &cell;
    if (most == nullptr || compare(cell, *most) > 0) most = &cell;
  }
  const bool tight = least != nullptr && random.chance(2, 3);
  if (type.physical == physical_type::text) {
    if (!tight) return text_range("", false, "", !all);
    if (!all && random.chance(1, 2)) return text_range(most->text + '\0', false, "", false);
    return text_range(least->text, random.chance(1, 2), most->text + '\0', !all);
  }
  if (is_float(type.physical)) {
    const double infinity = std::numeric_limits<double>::infinity();
    return real_range(type.physical, tight ? least->real : -infinity, tight ? most->real : infinity, true, !all);
  }
  const int128 low = lowest_of(type.physical), high = highest_of(type.physical);
  if (!tight) return integer_range(type.physical, low, high, !all);
  if (!all && most->integer < high && random.chance(1, 2)) return integer_range(type.physical, most->integer + 1, high);
  if (!all && least->integer > low && random.chance(1, 2)) return integer_range(type.physical, low, least->integer - 1);
  return integer_range(type.physical, least->integer, most->integer, !all);
}

}  // namespace detail

PILLAR_API domain make_domain(splitmix64& random, data_type type, std::span<const scalar> cells,
                              wanted_verdict wanted) {
  if (wanted != wanted_verdict::any) return detail::steered_domain(random, type, cells, wanted == wanted_verdict::all);
  const auto cell = [&] {
    const scalar& picked = cells[random.below(cells.size())];
    return picked.null || random.chance(1, 10) ? detail::any_cell(random, type, 1000, false) : picked;
  };
  const bool negated = random.chance(1, 3);
  const bool points = random.chance(2, 5);
  const std::uint64_t point_count = random.chance(1, 4) ? random.below(200) : random.below(12);
  domain made;
  if (type.physical == physical_type::text) {
    if (!points) {
      std::string lo = cell().text, hi = cell().text;
      if (random.chance(1, 3)) lo.resize(random.below(lo.size() + 1));
      if (random.chance(1, 2)) hi += '\0';
      return text_range(lo, random.chance(4, 5), hi, negated);
    }
    for (std::uint64_t i = 0; i < point_count; ++i) made.texts.push_back(cell().text);
    detail::sort_unique(made.texts);
  } else if (is_float(type.physical)) {
    const auto number = [&] {
      const double value = cell().real + 0.0;
      return value != value ? 1.0 : value;
    };
    if (!points) return real_range(type.physical, number(), number(), random.chance(1, 2), negated);
    for (std::uint64_t i = 0; i < point_count; ++i) made.reals.push_back(number());
    detail::sort_unique(made.reals);
    made.nan = random.chance(1, 2);
  } else {
    const int128 low = lowest_of(type.physical), high = highest_of(type.physical);
    const auto number = [&] {
      if (random.chance(1, 12)) return random.chance(1, 2) ? low : high;
      const int128 value = cell().integer;
      switch (random.below(3)) {
        case 0: return value == low ? value : value - 1;
        case 1: return value == high ? value : value + 1;
        default: return value;
      }
    };
    if (!points) {
      const int128 a = number(), b = random.chance(1, 4) ? a : number();
      const bool keep_order = a <= b || random.chance(1, 6);
      return integer_range(type.physical, keep_order ? a : b, keep_order ? b : a, negated);
    }
    for (std::uint64_t i = 0; i < point_count; ++i) made.integers.push_back(number());
    detail::sort_unique(made.integers);
  }
  made.kind = domain_kind::points;
  made.physical = type.physical;
  made.negated = negated;
  return made;
}

PILLAR_API std::string to_string(const domain& test) {
  std::string out = test.negated ? "not in " : "in ";
  data_type type;
  type.physical = test.physical;
  type.logical = is_float(test.physical) ? logical_type::float64 : logical_type::int64;
  const auto integer = [&](int128 value) { return pillar::to_string(scalar::of_integer(decimal_type(38, 0), value)); };
  const auto real = [&](double value) { return pillar::to_string(scalar::of_real(type_of<double>, value)); };
  const auto quoted = [](const std::string& value) {
    return value.size() <= 40 ? "'" + value + "'" : "'" + value.substr(0, 40) + "…'";
  };
  const bool is_text = test.physical == physical_type::text;
  if (test.kind == domain_kind::range) {
    if (is_text) return out + "[" + quoted(test.text_lo) + ", " + (test.has_hi ? quoted(test.text_hi) : "∞") + ")";
    if (is_float(test.physical))
      return out + "[" + real(test.real_lo) + ", " + real(test.real_hi) + "]" + (test.nan ? " or NaN" : "");
    return out + "[" + integer(test.lo) + ", " + integer(test.hi) + "]";
  }
  if (test.kind != domain_kind::points) return out + "a null test or the caller's own";
  const std::size_t count = test.integers.size() + test.reals.size() + test.texts.size();
  out += "{";
  for (std::size_t i = 0; i < count && i < 6; ++i)
    out += (i == 0 ? "" : ", ") + (is_text                   ? quoted(test.texts[i])
                                   : is_float(test.physical) ? real(test.reals[i])
                                                             : integer(test.integers[i]));
  return out + (count > 6 ? ", …}" : "}") + (test.nan ? " or NaN" : "");
}

PILLAR_API std::string canonical_fault(const domain& test) {
  if (test.kind != domain_kind::range && test.kind != domain_kind::points) return {};
  const bool range = test.kind == domain_kind::range;
  const auto ascends = [](const auto& values) {
    for (std::size_t i = 1; i < values.size(); ++i)
      if (!(values[i - 1] < values[i])) return false;
    return true;
  };
  if (!ascends(test.integers) || !ascends(test.reals) || !ascends(test.texts))
    return "points are not sorted and unique";
  if (test.physical == physical_type::text) return {};
  if (is_float(test.physical)) {
    const auto is_plain = [&](double value) {
      const bool fits =
          test.physical == physical_type::float64 || static_cast<double>(static_cast<float>(value)) == value;
      return value == value && !(value == 0 && std::signbit(value)) && fits;
    };
    if (range && !(is_plain(test.real_lo) && is_plain(test.real_hi))) return "a bound is NaN, −0.0 or no float";
    if (!std::all_of(test.reals.begin(), test.reals.end(), is_plain)) return "a point is NaN, −0.0 or no float";
    return {};
  }
  const int128 low = lowest_of(test.physical), high = highest_of(test.physical);
  const auto inside = [&](int128 value) { return low <= value && value <= high; };
  if (range && test.lo <= test.hi && !(inside(test.lo) && inside(test.hi)))
    return "a bound is beyond the type's limits";
  if (!std::all_of(test.integers.begin(), test.integers.end(), inside)) return "a point is beyond the type's limits";
  return {};
}

}  // namespace PILLAR_NAMESPACE::conformance
