// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/scalar.hpp"  // to_string
#include "pillar/interop/arrow_import.hpp"
#include "pillar/status.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

using arrow_array_owner = std::shared_ptr<arrow_owner<ArrowArray>>;
using mutable_column = std::shared_ptr<column_storage>;

/// The part of an array that is imported, counted from the start of its buffers.
struct arrow_rows {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// `count` ≤ 64 bits from bit `first` on; reads no byte that holds none of them.
inline std::uint64_t arrow_bits(const void* bitmap, std::uint64_t first, unsigned count) noexcept {
  std::uint64_t words[2] = {};
  if (count == 0) return 0;
  const unsigned shift = first % 8;
  std::memcpy(words, static_cast<const std::byte*>(bitmap) + first / 8, (shift + count + 7) / 8);
  return extract_bits(words, shift, count);
}
inline unsigned word_rows(std::uint64_t row_count, std::uint64_t word) noexcept {
  return row_count - word * 64 < 64 ? static_cast<unsigned>(row_count - word * 64) : 64;
}
inline std::uint32_t view_size(std::uint64_t row_count) noexcept {
  constexpr std::uint64_t largest = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(row_count < largest ? row_count : largest);
}
template <class T>
T arrow_value(const void* values, std::uint64_t index) noexcept {
  return load_unaligned<T>(static_cast<const std::byte*>(values) + index * sizeof(T));
}

/// A column's type by its schema: what the format says, the value type of a dictionary, of runs.
inline absl::StatusOr<data_type> arrow_type_of(const ArrowSchema& schema) {
  if (schema.release == nullptr || schema.format == nullptr)
    return make_status(absl::StatusCode::kInvalidArgument, "the schema was released");
  const ArrowSchema* values = &schema;
  if (std::string_view(schema.format) == "+r") {
    if (schema.n_children != 2 || schema.children == nullptr || schema.children[1] == nullptr ||
        schema.children[0] == nullptr || schema.children[0]->format == nullptr)
      return make_status(absl::StatusCode::kInvalidArgument, "a run-end encoded type has two children");
    values = schema.children[1];
  } else if (schema.dictionary != nullptr) {
    values = schema.dictionary;
  }
  if (values->format == nullptr) return make_status(absl::StatusCode::kInvalidArgument, "a type has no format");
  if (values != &schema && (values->dictionary != nullptr || std::string_view(values->format) == "+r"))
    return make_status(absl::StatusCode::kUnimplemented, "an encoding within an encoding is not imported");
  const absl::StatusOr<arrow_format> format = parse_arrow_format(values->format);
  if (!format.ok()) return format.status();
  return format->type.as_nullable((schema.flags & ARROW_FLAG_NULLABLE) != 0);
}

/// Imports one column.
class arrow_importer {
 public:
  arrow_importer(const arrow_import_options& options, std::string name, const ArrowSchema& schema,
                 arrow_array_owner owner)
      : options_(options), name_(std::move(name)), schema_(schema), owner_(std::move(owner)) {}

  /// The column, of the schema's type.
  absl::StatusOr<mutable_column> import(const ArrowArray& array, arrow_rows rows) {
    const absl::StatusOr<data_type> type = arrow_type_of(schema_);
    if (!type.ok()) return fail(type.status().code(), std::string(type.status().message()));
    absl::StatusOr<mutable_column> made;
    if (std::string_view(schema_.format) == "+r") made = runs(array, rows);
    else if (schema_.dictionary != nullptr) made = dictionary(array, rows);
    else made = flat(array, schema_, rows);
    if (!made.ok()) return made;
    if (!type->nullable && (*made)->null_count != 0)
      return invalid("the schema says that it has no NULLs, but " + std::to_string((*made)->null_count) + " are there");
    retype(**made, *type);
    if (options_.flatten && (*made)->whole.kind != vector_kind::flat) return decode(*made);
    return made;
  }
  /// Allows or forbids NULL, where the rows permit it.
  absl::Status expect(column_storage& made, const data_type& type) const {
    if (!same_values(made.type, type))
      return invalid("it holds values of type " + to_string(made.type.as_nullable(false)) + ", expected " +
                     to_string(type));
    if (!type.nullable && made.null_count != 0)
      return invalid("it holds " + std::to_string(made.null_count) + " NULLs, expected " + to_string(type));
    retype(made, type);
    return absl::OkStatus();
  }

  [[nodiscard]] absl::Status fail(absl::StatusCode code, const std::string& what) const {
    return make_status(code,
                       "column '" + name_ + "' ('" + (schema_.format == nullptr ? "" : schema_.format) + "'): " + what);
  }
  [[nodiscard]] absl::Status invalid(const std::string& what) const {
    return fail(absl::StatusCode::kInvalidArgument, what);
  }

 private:
  static void retype(column_storage& made, const data_type& type) { made.type = made.whole.type = type; }

  [[nodiscard]] absl::Status failed(const failure& why) const {
    return fail(status_code_of(why.code), std::string(to_string(why.code)));
  }
  [[nodiscard]] absl::Status at_row(absl::StatusCode code, std::uint64_t row, const std::string& what) const {
    return fail(code, "row " + std::to_string(row) + ": " + what);
  }
  /// Notes a copy, before it is made.
  absl::Status copies(std::uint64_t byte_count, const char* reason) const {
    if (options_.refuse_copies)
      return fail(absl::StatusCode::kFailedPrecondition, std::string("it would have to be copied: ") + reason);
    if (options_.report != nullptr) options_.report->copies.push_back({name_, schema_.format, byte_count, reason});
    return absl::OkStatus();
  }
  absl::StatusOr<buffer> allocate(std::uint64_t byte_count) const {
    result<buffer> made = buffer::allocate(byte_count, options_.budget);
    if (!made.ok()) return failed(made.error());
    return std::move(*made);
  }

  /// Whether an array has the parts that its format asks for.
  absl::Status check_shape(const ArrowArray& array, std::int64_t least_buffers, bool more_buffers) const {
    constexpr std::int64_t largest = std::int64_t{1} << 60;
    if (array.length < 0 || array.offset < 0 || array.length > largest || array.offset > largest)
      return invalid("a negative length or offset");
    if (array.n_buffers < least_buffers || (array.n_buffers != least_buffers && !more_buffers) ||
        (array.n_buffers > 0 && array.buffers == nullptr))
      return invalid(std::to_string(array.n_buffers) + " buffers where " + std::to_string(least_buffers) +
                     " are expected");
    return absl::OkStatus();
  }

  /// Null count and validity of the rows, shared where whole words may be read.
  absl::Status validity(const ArrowArray& array, arrow_rows rows, column_storage& made) const {
    if (array.null_count == 0 || rows.count == 0) return absl::OkStatus();
    if (array.null_count < -1 || array.null_count > array.length) return invalid("a null count that cannot be");
    const void* bitmap = array.buffers[0];
    if (bitmap == nullptr) {
      if (array.null_count > 0) return invalid("NULLs are counted, but there is no bitmap of them");
      return absl::OkStatus();
    }
    const std::uint64_t first = PILLAR_MUTATE(arrow_validity_ignores_offset, rows.first, 0);
    const std::uint64_t word_count = words_for(rows.count);
    std::uint64_t valid_count = 0;
    for (std::uint64_t word = 0; word < word_count; ++word)
      valid_count +=
          static_cast<unsigned>(std::popcount(arrow_bits(bitmap, first + word * 64, word_rows(rows.count, word))));
    made.null_count = rows.count - valid_count;
    if (made.null_count == 0) return absl::OkStatus();
    if (reinterpret_cast<std::uintptr_t>(bitmap) % 8 == 0 &&
        (options_.padded_bitmaps || (first + rows.count) % 64 == 0)) {
      made.whole.validity = static_cast<const std::uint64_t*>(bitmap) + first / 64;
      made.whole.validity_offset = static_cast<std::uint32_t>(first % 64);
      return absl::OkStatus();
    }
    if (auto told = copies(word_count * 8, "the last 8 bytes of the bitmap may lie beyond its buffer"); !told.ok())
      return told;
    auto words = allocate(word_count * 8);
    if (!words.ok()) return words.status();
    for (std::uint64_t word = 0; word < word_count; ++word)
      words->as<std::uint64_t>()[word] = arrow_bits(bitmap, first + word * 64, word_rows(rows.count, word));
    made.validity = *std::move(words);
    made.whole.validity = made.validity.as<std::uint64_t>();
    return absl::OkStatus();
  }
  static bool valid(const column_storage& made, std::uint64_t row) noexcept {
    return made.whole.validity == nullptr || get_bit(made.whole.validity, made.whole.validity_offset + row);
  }

  [[nodiscard]] mutable_column start(const data_type& type, std::uint64_t row_count) const {
    auto made = std::make_shared<column_storage>();
    made->row_count = row_count;
    made->whole.size = view_size(row_count);
    made->owner = owner_;
    retype(*made, type);
    return made;
  }
  /// Own memory for the values.
  absl::StatusOr<std::byte*> room(column_storage& made, std::uint64_t byte_count, const char* reason) const {
    if (auto told = copies(byte_count, reason); !told.ok()) return told;
    auto memory = allocate(byte_count);
    if (!memory.ok()) return memory.status();
    made.values = *std::move(memory);
    made.whole.values = made.values.data();
    return made.values.data();
  }

  absl::StatusOr<mutable_column> flat(const ArrowArray& array, const ArrowSchema& schema, arrow_rows rows) const {
    const absl::StatusOr<arrow_format> parsed = parse_arrow_format(schema.format);
    if (!parsed.ok()) return fail(parsed.status().code(), std::string(parsed.status().message()));
    const arrow_format& format = *parsed;
    const bool by_offsets = format.layout == arrow_layout::offsets32 || format.layout == arrow_layout::offsets64;
    const bool by_views = format.layout == arrow_layout::views;
    const std::int64_t buffers = format.layout == arrow_layout::nothing ? 0 : by_offsets || by_views ? 3 : 2;
    if (auto shaped = check_shape(array, buffers, by_views || buffers == 0); !shaped.ok()) return shaped;
    if (format.layout == arrow_layout::nothing) return only_nulls(rows);
    if (!format.time_zone.empty() && format.time_zone != "UTC" && options_.report != nullptr)
      options_.report->notes.push_back("column '" + name_ + "': the zone '" + std::string(format.time_zone) +
                                       "' is left behind, the instants are the same in UTC");
    mutable_column made = start(format.type, rows.count);
    if (auto found = validity(array, rows, *made); !found.ok()) return found;
    if (rows.count == 0) return made;
    const void* values = array.buffers[1];
    if (values == nullptr) return invalid("rows without a buffer of values");
    absl::Status done = absl::OkStatus();
    switch (format.layout) {
      case arrow_layout::nothing: break;
      case arrow_layout::bits: done = bits(values, rows, *made); break;
      case arrow_layout::fixed: done = shared(values, rows, *made); break;
      case arrow_layout::decimals: done = decimals(values, rows, format.value_bytes, *made); break;
      case arrow_layout::days_ms: done = milliseconds(values, rows, *made); break;
      case arrow_layout::offsets32: done = offsets<std::int32_t>(array, rows, *made); break;
      case arrow_layout::offsets64: done = offsets<std::int64_t>(array, rows, *made); break;
      case arrow_layout::views: done = views(array, rows, *made); break;
    }
    if (!done.ok()) return done;
    return made;
  }

  /// The null type: one run of NULL.
  [[nodiscard]] absl::StatusOr<mutable_column> only_nulls(arrow_rows rows) const {
    if (rows.count > std::numeric_limits<std::uint32_t>::max()) return too_long();
    auto entry = start(type_of<bool>.as_nullable(), 1);
    auto memory = allocate(24);
    if (!memory.ok()) return memory.status();
    entry->values = *std::move(memory);
    std::memset(entry->values.data(), 0, 24);  // a value, a validity word and, behind them, the end of the run
    entry->null_count = 1;
    entry->whole.values = entry->values.data();
    entry->whole.validity = entry->values.as<std::uint64_t>() + 1;
    const auto end = static_cast<std::uint32_t>(rows.count);
    store_unaligned(entry->values.data() + 16, end);
    mutable_column made = start(entry->type, rows.count);
    made->null_count = rows.count;
    made->whole.kind = vector_kind::run_end;
    made->whole.run_ends = entry->values.as<std::uint32_t>() + 4;
    made->whole.run_count = rows.count == 0 ? 0 : 1;
    take_runs(*made, std::move(entry));
    return made;
  }
  static void take_runs(column_storage& made, mutable_column values) {
    made.whole.dictionary = &values->whole;
    made.whole.validity = made.null_count == 0 ? nullptr : values->whole.validity;
    made.whole.validity_offset = values->whole.validity_offset;
    made.entries = std::move(values);
  }
  [[nodiscard]] absl::Status too_long() const {
    return fail(absl::StatusCode::kResourceExhausted, "more than 2^32 - 1 rows in one column of runs");
  }

  absl::Status bits(const void* values, arrow_rows rows, column_storage& made) const {
    const auto out = room(made, rows.count, "booleans are bits there and bytes here");
    if (!out.ok()) return out.status();
    for (std::uint64_t word = 0; word < words_for(rows.count); ++word) {
      const unsigned count = word_rows(rows.count, word);
      const std::uint64_t set = arrow_bits(values, rows.first + word * 64, count);
      for (unsigned i = 0; i < count; ++i) (*out)[word * 64 + i] = static_cast<std::byte>(set >> i & 1);
    }
    return absl::OkStatus();
  }

  absl::Status shared(const void* values, arrow_rows rows, column_storage& made) const {
    const std::size_t width = byte_width(made.type.physical);
    const auto* first = static_cast<const std::byte*>(values) + rows.first * width;
    if (reinterpret_cast<std::uintptr_t>(first) % (width < 8 ? width : 8) == 0) {
      made.whole.values = first;
      return absl::OkStatus();
    }
    const auto out = room(made, rows.count * width, "the values are not aligned to their size");
    if (!out.ok()) return out.status();
    std::memcpy(*out, first, rows.count * width);
    return absl::OkStatus();
  }

  template <class From, class To>
  absl::Status decimals_of(const void* values, arrow_rows rows, column_storage& made) const {
    const int128 limit = power_of_ten(made.type.precision);
    std::byte* out = nullptr;
    if constexpr (sizeof(From) != sizeof(To)) {
      const auto memory = room(made, rows.count * sizeof(To), "decimals of this precision have another width here");
      if (!memory.ok()) return memory.status();
      out = *memory;
    }
    for (std::uint64_t row = 0; row < rows.count; ++row) {
      auto value = static_cast<int128>(arrow_value<From>(values, rows.first + row));
      if (value <= -limit || value >= limit) {
        if (valid(made, row))
          return at_row(absl::StatusCode::kOutOfRange, row,
                        "a decimal of more than " + std::to_string(made.type.precision) + " digits");
        value = 0;
      }
      if (out != nullptr) store_unaligned(out + row * sizeof(To), static_cast<To>(value));
    }
    if (out == nullptr) return shared(values, rows, made);
    return absl::OkStatus();
  }
  absl::Status decimals(const void* values, arrow_rows rows, std::uint8_t bytes, column_storage& made) const {
    const bool wide = made.type.physical == physical_type::integer128;
    switch (bytes) {
      case 4:
        return wide ? decimals_of<std::int32_t, int128>(values, rows, made)
                    : decimals_of<std::int32_t, std::int64_t>(values, rows, made);
      case 8:
        return wide ? decimals_of<std::int64_t, int128>(values, rows, made)
                    : decimals_of<std::int64_t, std::int64_t>(values, rows, made);
      default:
        return wide ? decimals_of<int128, int128>(values, rows, made)
                    : decimals_of<int128, std::int64_t>(values, rows, made);
    }
  }

  absl::Status milliseconds(const void* values, arrow_rows rows, column_storage& made) const {
    constexpr std::int64_t day = 86'400'000;
    const auto out = room(made, rows.count * 4, "dates are counted in milliseconds there and in days here");
    if (!out.ok()) return out.status();
    for (std::uint64_t row = 0; row < rows.count; ++row) {
      const auto value = arrow_value<std::int64_t>(values, rows.first + row);
      const std::int64_t days = value / day;
      const bool fits = value % day == 0 && days >= std::numeric_limits<std::int32_t>::min() &&
                        days <= std::numeric_limits<std::int32_t>::max();
      if (!fits && valid(made, row))
        return at_row(absl::StatusCode::kOutOfRange, row, "a date that is no whole day, or far away");
      store_unaligned(*out + row * 4, static_cast<std::int32_t>(fits ? days : 0));
    }
    return absl::OkStatus();
  }

  template <class Offset>
  absl::Status offsets(const ArrowArray& array, arrow_rows rows, column_storage& made) const {
    constexpr std::uint64_t buffer_bytes = std::uint64_t{1} << 31;  // a slot's buffer: where its offsets start anew
    const auto* data = static_cast<const std::byte*>(array.buffers[2]);
    const auto out = room(made, rows.count * 16,
                          "texts are reached by offsets there and by views here; the characters "
                          "are shared");
    if (!out.ok()) return out.status();
    auto* slots = reinterpret_cast<text_slot*>(*out);
    auto begin = static_cast<std::int64_t>(arrow_value<Offset>(array.buffers[1], rows.first));
    if (begin < 0) return at_row(absl::StatusCode::kInvalidArgument, 0, "a negative offset");
    for (std::uint64_t row = 0; row < rows.count; ++row) {
      const auto end = static_cast<std::int64_t>(arrow_value<Offset>(array.buffers[1], rows.first + row + 1));
      if (PILLAR_MUTATE(arrow_offsets_unchecked, end < begin, false))
        return at_row(absl::StatusCode::kInvalidArgument, row, "offsets that decrease");
      const auto size = static_cast<std::uint64_t>(end - begin);
      if (size > std::numeric_limits<std::uint32_t>::max())
        return at_row(absl::StatusCode::kResourceExhausted, row, "a text of 2^32 bytes or more");
      if (size != 0 && data == nullptr) return at_row(absl::StatusCode::kInvalidArgument, row, "texts without bytes");
      const auto at = static_cast<std::uint64_t>(begin);
      ::new (static_cast<void*>(slots + row)) text_slot();
      if (size != 0 && valid(made, row))
        slots[row] = text_slot::make({reinterpret_cast<const char*>(data) + at, size},
                                     static_cast<std::uint32_t>(at / buffer_bytes),
                                     static_cast<std::uint32_t>(at % buffer_bytes));
      begin = end;
    }
    const auto total = static_cast<std::uint64_t>(begin);
    for (std::uint64_t at = 0; at < total; at += buffer_bytes) {
      made.text_pointers.push_back(data + at);
      made.text_bytes.push_back(total - at);
    }
    made.whole.buffers = made.text_pointers.data();
    return absl::OkStatus();
  }

  /// What is wrong with a view; nullptr if nothing is.
  static const char* fault_of(const text_slot& slot, const column_storage& made) noexcept {
    constexpr std::uint32_t largest = std::numeric_limits<std::int32_t>::max();
    if (slot.size > largest) return "a view of negative length";
    if (slot.size <= text_slot::inline_capacity) {
      for (std::uint32_t i = slot.size; i < text_slot::inline_capacity; ++i)
        if (slot.inlined[i] != '\0') return "a short view whose unused bytes are not zero";
      return nullptr;
    }
    if (slot.reference.buffer >= made.text_pointers.size()) return "a view into a buffer that is not there";
    const std::uint64_t size = made.text_bytes[slot.reference.buffer];
    if (PILLAR_MUTATE(arrow_view_bounds, slot.reference.offset > size || slot.size > size - slot.reference.offset,
                      false))
      return "a view beyond its buffer";
    if (std::memcmp(slot.reference.prefix, made.text_pointers[slot.reference.buffer] + slot.reference.offset, 4) != 0)
      return "a view whose prefix is not that of its text";
    return nullptr;
  }
  absl::Status views(const ArrowArray& array, arrow_rows rows, column_storage& made) const {
    const std::int64_t data_count = array.n_buffers - 3;
    const void* sizes = array.buffers[array.n_buffers - 1];
    if (sizes == nullptr && data_count > 0) return invalid("buffers of unknown size");
    for (std::int64_t i = 0; i < data_count; ++i) {
      const auto size = arrow_value<std::int64_t>(sizes, static_cast<std::uint64_t>(i));
      if (size < 0 || (size > 0 && array.buffers[2 + i] == nullptr)) return invalid("a missing or negative buffer");
      made.text_pointers.push_back(static_cast<const std::byte*>(array.buffers[2 + i]));
      made.text_bytes.push_back(static_cast<std::uint64_t>(size));
    }
    made.whole.buffers = made.text_pointers.data();
    bool dirty = false;  // a view of a NULL row that must not be followed
    for (std::uint64_t row = 0; row < rows.count; ++row) {
      const auto slot = arrow_value<text_slot>(array.buffers[1], rows.first + row);
      const char* fault = fault_of(slot, made);
      if (fault == nullptr) continue;
      if (valid(made, row)) return at_row(absl::StatusCode::kInvalidArgument, row, fault);
      dirty = true;
    }
    if (!dirty) return shared(array.buffers[1], rows, made);
    const auto out = room(made, rows.count * 16, "views of NULL rows that point nowhere");
    if (!out.ok()) return out.status();
    std::memcpy(*out, static_cast<const std::byte*>(array.buffers[1]) + rows.first * 16, rows.count * 16);
    for (std::uint64_t row = 0; row < rows.count; ++row)
      if (!valid(made, row)) std::memset(*out + row * 16, 0, 16);
    return absl::OkStatus();
  }

  absl::StatusOr<mutable_column> dictionary(const ArrowArray& array, arrow_rows rows) const {
    if (auto shaped = check_shape(array, 2, false); !shaped.ok()) return shaped;
    if (array.dictionary == nullptr) return invalid("an array without the dictionary that its schema has");
    const absl::StatusOr<arrow_format> index = parse_arrow_format(schema_.format);
    if (!index.ok() || index->layout != arrow_layout::fixed || !is_integer(index->type.physical) ||
        index->type.logical > logical_type::uint64)
      return invalid("indices of a dictionary are integers");
    const ArrowArray& values = *array.dictionary;
    if (auto shaped = check_shape(values, 0, true); !shaped.ok()) return shaped;
    const absl::StatusOr<arrow_format> value_format = parse_arrow_format(schema_.dictionary->format);
    if (value_format.ok() && value_format->layout == arrow_layout::nothing)
      return fail(absl::StatusCode::kUnimplemented, "a dictionary of the null type");
    auto entries = flat(values, *schema_.dictionary,
                        {static_cast<std::uint64_t>(values.offset), static_cast<std::uint64_t>(values.length)});
    if (!entries.ok()) return entries.status();
    if ((*entries)->row_count > std::numeric_limits<std::uint32_t>::max())
      return fail(absl::StatusCode::kResourceExhausted, "a dictionary of 2^32 entries or more");
    mutable_column made = start((*entries)->type, rows.count);
    made->whole.kind = vector_kind::dictionary;
    if (auto found = validity(array, rows, *made); !found.ok()) return found;
    if (rows.count != 0 && array.buffers[1] == nullptr) return invalid("rows without a buffer of indices");
    absl::Status done = codes(index->type.physical, array.buffers[1], rows, (*entries)->row_count, *made);
    if (done.ok() && (*entries)->null_count != 0) done = forget_null_entries(**entries, *made);
    if (done.ok() && (*entries)->row_count == 0) done = give_an_entry(**entries);
    if (!done.ok()) return done;
    made->whole.dictionary = &(*entries)->whole;
    made->entries = *std::move(entries);
    return made;
  }
  absl::Status codes(physical_type type, const void* indices, arrow_rows rows, std::uint64_t entry_count,
                     column_storage& made) const {
    switch (type) {
      case physical_type::int8: return codes_of<std::int8_t>(indices, rows, entry_count, made);
      case physical_type::int16: return codes_of<std::int16_t>(indices, rows, entry_count, made);
      case physical_type::int32: return codes_of<std::int32_t>(indices, rows, entry_count, made);
      case physical_type::uint8: return codes_of<std::uint8_t>(indices, rows, entry_count, made);
      case physical_type::uint16: return codes_of<std::uint16_t>(indices, rows, entry_count, made);
      case physical_type::uint32: return codes_of<std::uint32_t>(indices, rows, entry_count, made);
      case physical_type::uint64: return codes_of<std::uint64_t>(indices, rows, entry_count, made);
      default: return codes_of<std::int64_t>(indices, rows, entry_count, made);
    }
  }
  /// Indices as codes: each row's is one of the dictionary's, a NULL row's too.
  template <class T>
  absl::Status codes_of(const void* indices, arrow_rows rows, std::uint64_t entry_count, column_storage& made) const {
    bool dirty = false;
    for (std::uint64_t row = 0; row < rows.count; ++row) {
      const T code = arrow_value<T>(indices, rows.first + row);
      const bool inside = code >= 0 && static_cast<std::uint64_t>(code) < entry_count;
      if (PILLAR_MUTATE(arrow_code_unchecked, inside, true)) continue;
      if (valid(made, row))
        return at_row(absl::StatusCode::kInvalidArgument, row,
                      "index " + std::to_string(code) + " into a dictionary of " + std::to_string(entry_count));
      dirty = true;
    }
    const auto* first = static_cast<const std::byte*>(indices) + rows.first * sizeof(T);
    if (sizeof(T) == 4 && !dirty && reinterpret_cast<std::uintptr_t>(first) % 4 == 0) {
      made.whole.codes = reinterpret_cast<const std::uint32_t*>(first);
      return absl::OkStatus();
    }
    const auto out = room(made, rows.count * 4,
                          sizeof(T) != 4 ? "indices are 32 bits wide here"
                          : dirty        ? "indices of NULL rows outside the dictionary"
                                         : "the indices are not aligned to their size");
    if (!out.ok()) return out.status();
    for (std::uint64_t row = 0; row < rows.count; ++row) {
      const T code = arrow_value<T>(first, row);
      const bool inside = code >= 0 && static_cast<std::uint64_t>(code) < entry_count;
      store_unaligned(*out + row * 4, inside ? static_cast<std::uint32_t>(code) : 0u);
    }
    made.whole.values = nullptr;
    made.whole.codes = made.values.as<std::uint32_t>();
    return absl::OkStatus();
  }
  /// NULL is a matter of rows here: rows whose entry is NULL become NULL.
  absl::Status forget_null_entries(column_storage& entries, column_storage& made) const {
    const std::uint64_t bytes = words_for(made.row_count) * 8;
    if (auto told = copies(bytes, "the dictionary holds NULL, which is a matter of rows here"); !told.ok()) return told;
    auto words = allocate(bytes);
    if (!words.ok()) return words.status();
    std::memset(words->data(), 0, bytes);
    std::uint64_t valid_count = 0;
    for (std::uint64_t row = 0; row < made.row_count; ++row)
      if (valid(made, row) && valid(entries, made.whole.codes[row])) {
        set_bit(words->as<std::uint64_t>(), row);
        ++valid_count;
      }
    made.null_count = made.row_count - valid_count;
    made.validity = *std::move(words);
    made.whole.validity = made.null_count == 0 ? nullptr : made.validity.as<std::uint64_t>();
    made.whole.validity_offset = 0;
    entries.null_count = 0;
    entries.whole.validity = nullptr;
    return absl::OkStatus();
  }
  /// An empty dictionary, whose rows are all NULL, gets an entry for their codes.
  absl::Status give_an_entry(column_storage& entries) const {
    auto memory = allocate(16);
    if (!memory.ok()) return memory.status();
    std::memset(memory->data(), 0, 16);
    entries.values = *std::move(memory);
    entries.whole.values = entries.values.data();
    entries.whole.size = 1;
    entries.row_count = 1;
    return absl::OkStatus();
  }

  absl::StatusOr<mutable_column> runs(const ArrowArray& array, arrow_rows rows) const {
    if (auto shaped = check_shape(array, 0, true); !shaped.ok()) return shaped;
    if (array.n_children != 2 || array.children == nullptr || array.children[0] == nullptr ||
        array.children[1] == nullptr)
      return invalid("a run-end encoded array has two children");
    const ArrowArray& ends = *array.children[0];
    const ArrowArray& values = *array.children[1];
    if (auto shaped = check_shape(ends, 2, false); !shaped.ok()) return shaped;
    if (auto shaped = check_shape(values, 0, true); !shaped.ok()) return shaped;
    if (rows.first + rows.count > std::numeric_limits<std::uint32_t>::max()) return too_long();
    if (ends.length > values.length) return invalid("more run ends than values");
    if (ends.null_count > 0) return invalid("NULL among the run ends");
    if (ends.length > 0 && ends.buffers[1] == nullptr) return invalid("runs without a buffer of their ends");
    if (ends.length == 0 && rows.count != 0) return invalid("rows without runs");
    auto entries = flat(values, *schema_.children[1],
                        {static_cast<std::uint64_t>(values.offset), static_cast<std::uint64_t>(ends.length)});
    if (!entries.ok()) return entries.status();
    if ((*entries)->whole.kind != vector_kind::flat) return only_nulls(rows);
    mutable_column made = start((*entries)->type, rows.count);
    made->whole.kind = vector_kind::run_end;
    const std::string_view width(schema_.children[0]->format);
    absl::Status done = width == "i"   ? run_ends<std::int32_t>(ends, rows, *made)
                        : width == "s" ? run_ends<std::int16_t>(ends, rows, *made)
                        : width == "l" ? run_ends<std::int64_t>(ends, rows, *made)
                                       : invalid("run ends are int16, int32 or int64");
    if (!done.ok()) return done;
    made->whole.dictionary = &(*entries)->whole;
    if ((*entries)->null_count != 0)
      made->whole.for_each_run(0, static_cast<std::uint32_t>(rows.count),
                               [&](std::uint32_t run, std::uint32_t begin, std::uint32_t end) {
                                 if (!valid(**entries, run)) made->null_count += end - begin;
                               });
    take_runs(*made, *std::move(entries));
    return made;
  }
  template <class T>
  absl::Status run_ends(const ArrowArray& ends, arrow_rows rows, column_storage& made) const {
    const auto count = static_cast<std::uint64_t>(ends.length);
    const auto* first =
        static_cast<const std::byte*>(ends.buffers[1]) + static_cast<std::uint64_t>(ends.offset) * sizeof(T);
    std::uint64_t first_run = 0, needed = count;  // the runs of the rows; those behind may reach beyond 32 bits
    std::int64_t before = 0;
    for (std::uint64_t run = 0; run < count; ++run) {
      const auto end = static_cast<std::int64_t>(arrow_value<T>(first, run));
      if (PILLAR_MUTATE(arrow_run_ends_unchecked, end <= before, false))
        return invalid("run " + std::to_string(run) + ": run ends that do not increase");
      if (needed == count && static_cast<std::uint64_t>(end) >= rows.first + rows.count) needed = run + 1;
      if (static_cast<std::uint64_t>(end) <= rows.first) first_run = run + 1;
      before = end;
    }
    if (rows.count != 0 && static_cast<std::uint64_t>(before) < rows.first + rows.count)
      return invalid("rows beyond the last run");
    if (sizeof(T) == 4 && reinterpret_cast<std::uintptr_t>(first) % 4 == 0) {
      made.whole.run_ends = reinterpret_cast<const std::uint32_t*>(first);
    } else {
      const auto out =
          room(made, needed * 4, sizeof(T) != 4 ? "run ends are 32 bits wide here" : "the run ends are not aligned");
      if (!out.ok()) return out.status();
      for (std::uint64_t run = 0; run < needed; ++run) {
        const auto end = static_cast<std::uint64_t>(arrow_value<T>(first, run));
        store_unaligned(*out + run * 4, view_size(end));
      }
      made.whole.values = nullptr;
      made.whole.run_ends = made.values.as<std::uint32_t>();
    }
    made.whole.run_offset = static_cast<std::uint32_t>(rows.first);
    if (rows.count == 0) return absl::OkStatus();
    made.whole.first_run = static_cast<std::uint32_t>(first_run);
    made.whole.run_count = static_cast<std::uint32_t>(needed - first_run);
    return absl::OkStatus();
  }

  absl::StatusOr<mutable_column> decode(const mutable_column& from) const {
    constexpr std::uint64_t step = 1u << 20;
    if (auto told = copies(from->row_count * byte_width(from->type.physical), "decoded, as asked for"); !told.ok())
      return told;
    const column encoded(from);
    column_builder builder(from->type, options_.budget);
    if (auto done = builder.reserve(from->row_count); !done.ok()) return failed(done.error());
    for (std::uint64_t at = 0; at < from->row_count; at += step) {
      const std::uint64_t left = from->row_count - at;
      if (auto done = builder.append(encoded.slice(at, static_cast<std::uint32_t>(left < step ? left : step)));
          !done.ok())
        return failed(done.error());
    }
    result<column> made = builder.finish();
    if (!made.ok()) return failed(made.error());
    return std::const_pointer_cast<column_storage>(made->storage());  // nobody else has it yet
  }

  const arrow_import_options& options_;
  std::string name_;
  const ArrowSchema& schema_;
  arrow_array_owner owner_;
};

inline std::string arrow_name(const ArrowSchema& schema, std::int64_t index) {
  return schema.name == nullptr || *schema.name == '\0' ? "column_" + std::to_string(index) : schema.name;
}
inline absl::Status check_struct(const ArrowSchema& schema) {
  if (schema.release == nullptr || schema.format == nullptr)
    return make_status(absl::StatusCode::kInvalidArgument, "the schema was released");
  if (std::string_view(schema.format) != "+s")
    return make_status(absl::StatusCode::kInvalidArgument,
                       "a record batch is a struct ('+s'), not '" + std::string(schema.format) + "'");
  if (schema.n_children < 0 || (schema.n_children > 0 && schema.children == nullptr))
    return make_status(absl::StatusCode::kInvalidArgument, "the schema's children are missing");
  for (std::int64_t i = 0; i < schema.n_children; ++i)
    if (schema.children[i] == nullptr || schema.children[i]->format == nullptr)
      return make_status(absl::StatusCode::kInvalidArgument, "the schema's children are missing");
  return absl::OkStatus();
}

/// Whether a struct array fits its schema and has no NULL rows.
inline absl::Status check_struct(const ArrowArray& array, const ArrowSchema& schema) {
  const auto invalid = [](const char* what) {
    return make_status(absl::StatusCode::kInvalidArgument, std::string("the record batch has ") + what);
  };
  if (auto fits = check_struct(schema); !fits.ok()) return fits;
  if (array.release == nullptr) return make_status(absl::StatusCode::kInvalidArgument, "the array was released");
  if (array.length < 0 || array.offset < 0 || array.offset > (std::int64_t{1} << 60) ||
      array.length > (std::int64_t{1} << 60))
    return invalid("a negative length or offset");
  if (array.n_children != schema.n_children || (array.n_children > 0 && array.children == nullptr))
    return invalid("another number of columns than its schema");
  if (array.n_children == 0 && array.length != 0) return invalid("rows but no columns");
  if (array.n_buffers > 0 && array.buffers != nullptr && array.buffers[0] != nullptr && array.null_count != 0) {
    const auto count = static_cast<std::uint64_t>(array.length), first = static_cast<std::uint64_t>(array.offset);
    for (std::uint64_t word = 0; word < words_for(count); ++word) {
      const unsigned rows = word_rows(count, word);
      if (arrow_bits(array.buffers[0], first + word * 64, rows) != low_bits(rows)) return invalid("rows that are NULL");
    }
  }
  for (std::int64_t i = 0; i < array.n_children; ++i) {
    const ArrowArray* child = array.children[i];
    if (child == nullptr || child->release == nullptr) return invalid("a column that was released");
    if (child->length < 0 || child->length - array.offset < array.length)
      return invalid("a column that is shorter than it");
    if (child->offset < 0 || child->offset > (std::int64_t{1} << 60)) return invalid("a column of negative offset");
  }
  return absl::OkStatus();
}

}  // namespace detail

PILLAR_API absl::StatusOr<column> import_arrow_column(ArrowArray* array, const ArrowSchema& schema,
                                                      const arrow_import_options& options) {
  if (array->release == nullptr) return make_status(absl::StatusCode::kInvalidArgument, "the array was released");
  auto owner = std::make_shared<arrow_owner<ArrowArray>>(array);
  const ArrowArray& held = *owner->get();
  detail::arrow_importer importer(options, detail::arrow_name(schema, 0), schema, owner);
  if (held.offset < 0 || held.length < 0) return importer.invalid("a negative length or offset");
  auto made = importer.import(held, {static_cast<std::uint64_t>(held.offset), static_cast<std::uint64_t>(held.length)});
  if (!made.ok()) return made.status();
  return column(*std::move(made));
}

PILLAR_API absl::StatusOr<column_set> import_arrow(ArrowArray* array, const ArrowSchema& schema,
                                                   const arrow_import_options& options,
                                                   const dynamic_schema* expected) {
  arrow_owner<ArrowArray> batch(array);
  if (auto fits = detail::check_struct(*batch.get(), schema); !fits.ok()) return fits;
  const auto offset = static_cast<std::uint64_t>(batch->offset), count = static_cast<std::uint64_t>(batch->length);
  // Each column takes its own child; the batch, without them, is released at once.
  std::vector<detail::arrow_array_owner> children;
  for (std::int64_t i = 0; i < batch->n_children; ++i)
    children.push_back(std::make_shared<arrow_owner<ArrowArray>>(batch->children[i]));
  batch.reset();

  column_set made;
  const auto take = [&](std::size_t i, const data_type* type) -> absl::Status {
    const ArrowSchema& child = *schema.children[i];
    std::string name = detail::arrow_name(child, static_cast<std::int64_t>(i));
    const ArrowArray& values = *children[i]->get();
    detail::arrow_importer importer(options, name, child, children[i]);
    auto imported = importer.import(values, {static_cast<std::uint64_t>(values.offset) + offset, count});
    if (!imported.ok()) return imported.status();
    if (type != nullptr) {
      if (auto fits = importer.expect(**imported, *type); !fits.ok()) return fits;
    }
    made.schema.columns.push_back({std::move(name), (*imported)->type});
    made.columns.emplace_back(*std::move(imported));
    return absl::OkStatus();
  };
  if (expected == nullptr) {
    for (std::size_t i = 0; i < children.size(); ++i)
      if (auto taken = take(i, nullptr); !taken.ok()) return taken;
    return made;
  }
  for (const column_description& wanted : expected->columns) {
    std::size_t found = children.size();
    for (std::size_t i = 0; i < children.size() && found == children.size(); ++i)
      if (detail::arrow_name(*schema.children[i], static_cast<std::int64_t>(i)) == wanted.name) found = i;
    if (found == children.size())
      return make_status(absl::StatusCode::kNotFound, "the record batch has no column '" + wanted.name + "'");
    if (auto taken = take(found, &wanted.type); !taken.ok()) return taken;
  }
  return made;
}

PILLAR_API absl::StatusOr<dynamic_schema> import_arrow_schema(const ArrowSchema& schema) {
  if (auto fits = detail::check_struct(schema); !fits.ok()) return fits;
  dynamic_schema made;
  for (std::int64_t i = 0; i < schema.n_children; ++i) {
    const absl::StatusOr<data_type> type = detail::arrow_type_of(*schema.children[i]);
    if (!type.ok())
      return make_status(type.status().code(), "column '" + detail::arrow_name(*schema.children[i], i) + "' ('" +
                                                   schema.children[i]->format +
                                                   "'): " + std::string(type.status().message()));
    made.columns.push_back({detail::arrow_name(*schema.children[i], i), *type});
  }
  return made;
}

}  // namespace PILLAR_NAMESPACE
