// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/scalar.hpp"  // to_string
#include "pillar/interop/arrow_export.hpp"
#include "pillar/status.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// What an exported schema points to.
struct exported_schema {
  std::string format, name;
  std::vector<arrow_owner<ArrowSchema>> children{};
  std::vector<ArrowSchema*> child_pointers{};
  arrow_owner<ArrowSchema> dictionary{};
};
inline void release_exported_schema(ArrowSchema* schema) noexcept {
  delete static_cast<exported_schema*>(schema->private_data);
  schema->release = nullptr;
}
inline void finish_schema(std::unique_ptr<exported_schema> held, bool nullable, ArrowSchema* out) {
  for (auto& child : held->children) held->child_pointers.push_back(child.get());
  *out = ArrowSchema{};
  out->format = held->format.c_str();
  out->name = held->name.c_str();
  out->flags = nullable ? ARROW_FLAG_NULLABLE : 0;
  out->n_children = static_cast<std::int64_t>(held->children.size());
  out->children = held->child_pointers.empty() ? nullptr : held->child_pointers.data();
  out->dictionary = held->dictionary ? held->dictionary.get() : nullptr;
  out->release = release_exported_schema;
  out->private_data = held.release();
}
inline void simple_schema(std::string format, std::string_view name, bool nullable, ArrowSchema* out) {
  auto held = std::make_unique<exported_schema>();
  held->format = std::move(format);
  held->name = name;
  finish_schema(std::move(held), nullable, out);
}

/// The schema of a column of a kind.
inline absl::Status describe_column(std::string_view name, const data_type& type, vector_kind kind,
                                    const arrow_format_options& how, ArrowSchema* out) {
  std::string format = arrow_format_of(type, how);
  if (format.empty())
    return make_status(
        absl::StatusCode::kUnimplemented,
        "column '" + std::string(name) + "': Arrow has no 128-bit integers, and " + to_string(type) + " is no decimal");
  auto held = std::make_unique<exported_schema>();
  held->name = name;
  held->format = std::move(format);
  if (kind == vector_kind::dictionary) {
    simple_schema(std::exchange(held->format, "i"), "", false, held->dictionary.get());
  } else if (kind == vector_kind::run_end) {
    held->children.resize(2);
    simple_schema("i", "run_ends", false, held->children[0].get());
    simple_schema(std::exchange(held->format, "+r"), "values", type.nullable, held->children[1].get());
  }
  finish_schema(std::move(held), type.nullable, out);
  return absl::OkStatus();
}
/// The kind in which a column leaves.
inline vector_kind kind_of_export(const column& from, bool flatten) noexcept {
  const vector_kind kind = from.storage() == nullptr ? vector_kind::flat : from.storage()->whole.kind;
  return flatten || kind == vector_kind::constant ? vector_kind::flat : kind;
}

/// What an exported array points to and keeps alive. A child or dictionary that a consumer has moved away is marked as
/// released, so that its new place releases it.
struct exported_array {
  column kept{};
  std::vector<const void*> buffers{};
  std::vector<buffer> made{};
  std::vector<std::int64_t> sizes{};
  std::vector<arrow_owner<ArrowArray>> children{};
  std::vector<ArrowArray*> child_pointers{};
  arrow_owner<ArrowArray> dictionary{};
};
inline void release_exported_array(ArrowArray* array) noexcept {
  delete static_cast<exported_array*>(array->private_data);
  array->release = nullptr;
}
inline void finish_array(std::unique_ptr<exported_array> held, std::uint64_t length, std::uint64_t null_count,
                         std::uint64_t offset, ArrowArray* out) {
  for (auto& child : held->children) held->child_pointers.push_back(child.get());
  *out = ArrowArray{};
  out->length = static_cast<std::int64_t>(length);
  out->null_count = static_cast<std::int64_t>(null_count);
  out->offset = static_cast<std::int64_t>(offset);
  out->n_buffers = static_cast<std::int64_t>(held->buffers.size());
  out->n_children = static_cast<std::int64_t>(held->children.size());
  out->buffers = held->buffers.empty() ? nullptr : held->buffers.data();
  out->children = held->child_pointers.empty() ? nullptr : held->child_pointers.data();
  out->dictionary = held->dictionary ? held->dictionary.get() : nullptr;
  out->release = release_exported_array;
  out->private_data = held.release();
}

/// Exports one column.
class arrow_exporter {
 public:
  arrow_exporter(const arrow_export_options& options, std::string_view name) : options_(options), name_(name) {}

  /// The array of a column, in the kind in which it leaves.
  absl::Status run(const column& from, bool flatten, ArrowArray* array) const {
    if (from.storage() == nullptr) return fail(absl::StatusCode::kInvalidArgument, "a column of no type");
    const column_storage& storage = *from.storage();
    if (storage.whole.kind == vector_kind::flat) return flat(from, array);
    switch (kind_of_export(from, flatten)) {
      case vector_kind::dictionary: return dictionary(from, array);
      case vector_kind::run_end: return runs(from, array);
      default: break;
    }
    constexpr std::uint64_t step = 1u << 20;
    if (auto told =
            copies(storage.type, storage.row_count * byte_width(storage.type.physical), "decoded, as asked for");
        !told.ok())
      return told;
    column_builder builder(storage.type, options_.budget);
    if (auto done = builder.reserve(from.size()); !done.ok()) return failed(done.error());
    for (std::uint64_t at = 0; at < from.size(); at += step) {
      const std::uint64_t left = from.size() - at;
      if (auto done = builder.append(from.slice(at, static_cast<std::uint32_t>(left < step ? left : step))); !done.ok())
        return failed(done.error());
    }
    const result<column> decoded = builder.finish();
    if (!decoded.ok()) return failed(decoded.error());
    return flat(*decoded, array);
  }

 private:
  [[nodiscard]] absl::Status fail(absl::StatusCode code, const std::string& what) const {
    return make_status(code, "column '" + std::string(name_) + "': " + what);
  }
  [[nodiscard]] absl::Status failed(const failure& why) const {
    return fail(status_code_of(why.code), std::string(to_string(why.code)));
  }
  /// Notes a copy, before it is made.
  absl::Status copies(const data_type& type, std::uint64_t byte_count, const char* reason) const {
    if (options_.refuse_copies)
      return fail(absl::StatusCode::kFailedPrecondition, std::string("it would have to be copied: ") + reason);
    if (options_.report != nullptr)
      options_.report->copies.push_back(
          {std::string(name_), arrow_format_of(type, options_.format), byte_count, reason});
    return absl::OkStatus();
  }
  absl::StatusOr<std::byte*> room(exported_array& held, const data_type& type, std::uint64_t byte_count,
                                  const char* reason) const {
    if (auto told = copies(type, byte_count, reason); !told.ok()) return told;
    result<buffer> memory = buffer::allocate(byte_count, options_.budget);
    if (!memory.ok()) return failed(memory.error());
    held.made.push_back(*std::move(memory));
    return held.made.back().data();
  }

  static bool valid(const vector& whole, std::uint64_t row) noexcept {
    return whole.validity == nullptr || get_bit(whole.validity, whole.validity_offset + row);
  }
  /// The bitmap from bit 0 on, as the first buffer.
  absl::Status validity(const column_storage& storage, exported_array& held) const {
    const vector& whole = storage.whole;
    if (whole.validity == nullptr || whole.validity_offset % 8 == 0) {
      held.buffers.push_back(whole.validity == nullptr
                                 ? nullptr
                                 : reinterpret_cast<const std::byte*>(whole.validity) + whole.validity_offset / 8);
      return absl::OkStatus();
    }
    const auto words =
        room(held, storage.type, words_for(storage.row_count) * 8, "the bitmap of NULLs does not start at a byte");
    if (!words.ok()) return words.status();
    for (std::uint64_t word = 0; word < words_for(storage.row_count); ++word) {
      const std::uint64_t left = storage.row_count - word * 64;
      store_unaligned(*words + word * 8, extract_bits(whole.validity, whole.validity_offset + word * 64,
                                                      left < 64 ? static_cast<unsigned>(left) : 64));
    }
    held.buffers.push_back(*words);
    return absl::OkStatus();
  }

  absl::Status flat(const column& from, ArrowArray* array) const {
    const column_storage& storage = *from.storage();
    auto held = std::make_unique<exported_array>();
    held->kept = from;
    if (auto done = validity(storage, *held); !done.ok()) return done;
    absl::Status done = absl::OkStatus();
    if (storage.type.physical == physical_type::boolean) done = booleans(storage, *held);
    else if (storage.type.physical == physical_type::text) done = texts(storage, *held);
    else if (storage.type.logical == logical_type::decimal && storage.type.physical == physical_type::int64 &&
             !options_.format.decimal64)
      done = widened(storage, *held);
    else held->buffers.push_back(storage.whole.values);
    if (!done.ok()) return done;
    finish_array(std::move(held), storage.row_count, storage.null_count, 0, array);
    return absl::OkStatus();
  }

  absl::Status booleans(const column_storage& storage, exported_array& held) const {
    const auto words =
        room(held, storage.type, words_for(storage.row_count) * 8, "booleans are bytes here and bits there");
    if (!words.ok()) return words.status();
    const auto* values = storage.whole.values_as<std::uint8_t>();
    for (std::uint64_t first = 0; first < storage.row_count; first += 64) {
      std::uint64_t bits = 0;
      for (std::uint64_t i = first; i < first + 64 && i < storage.row_count; ++i)
        bits |= std::uint64_t{values[i] != 0} << (i - first);
      store_unaligned(*words + first / 8, bits);
    }
    held.buffers.push_back(*words);
    return absl::OkStatus();
  }

  absl::Status widened(const column_storage& storage, exported_array& held) const {
    const auto out = room(held, storage.type, storage.row_count * 16,
                          "decimals of up to 18 digits are 64 bits wide here and 128 there");
    if (!out.ok()) return out.status();
    const auto* values = storage.whole.values_as<std::int64_t>();
    for (std::uint64_t row = 0; row < storage.row_count; ++row)
      store_unaligned(*out + row * 16, PILLAR_MUTATE(arrow_decimal_zero_extended, static_cast<int128>(values[row]),
                                                     static_cast<int128>(static_cast<std::uint64_t>(values[row]))));
    held.buffers.push_back(*out);
    return absl::OkStatus();
  }

  absl::Status texts(const column_storage& storage, exported_array& held) const {
    if (options_.format.text == arrow_text::utf8) return by_offsets<std::int32_t>(storage, held);
    if (options_.format.text == arrow_text::large_utf8) return by_offsets<std::int64_t>(storage, held);
    constexpr std::uint64_t largest = std::numeric_limits<std::int32_t>::max();
    bool large = false;
    for (const std::uint64_t size : storage.text_bytes) large = large || size > largest;
    if (large) {
      const auto* slots = storage.whole.values_as<text_slot>();
      for (std::uint64_t row = 0; row < storage.row_count; ++row)
        if (slots[row].size > largest ||
            (slots[row].size > text_slot::inline_capacity && slots[row].reference.offset > largest))
          return fail(absl::StatusCode::kOutOfRange, "row " + std::to_string(row) +
                                                         ": a text of 2^31 bytes or behind as many; large_utf8 has no "
                                                         "such limit");
    }
    held.buffers.push_back(storage.whole.values);
    for (std::size_t i = 0; i < storage.text_pointers.size(); ++i) {
      held.buffers.push_back(storage.text_pointers[i]);
      held.sizes.push_back(static_cast<std::int64_t>(storage.text_bytes[i]));
    }
    held.buffers.push_back(held.sizes.data());
    return absl::OkStatus();
  }
  template <class Offset>
  absl::Status by_offsets(const column_storage& storage, exported_array& held) const {
    const vector& whole = storage.whole;
    const auto* slots = whole.values_as<text_slot>();
    std::uint64_t total = 0;
    for (std::uint64_t row = 0; row < storage.row_count; ++row) total += valid(whole, row) ? slots[row].size : 0;
    if (total > static_cast<std::uint64_t>(std::numeric_limits<Offset>::max()))
      return fail(absl::StatusCode::kOutOfRange, "texts of 2^31 bytes or more together; large_utf8 has no such limit");
    const auto offsets = room(held, storage.type, (storage.row_count + 1) * sizeof(Offset) + total,
                              "texts are reached by views here and by offsets there");
    if (!offsets.ok()) return offsets.status();
    std::byte* const characters = *offsets + (storage.row_count + 1) * sizeof(Offset);
    std::uint64_t end = 0;
    for (std::uint64_t row = 0; row < storage.row_count; ++row) {
      store_unaligned(*offsets + row * sizeof(Offset), static_cast<Offset>(end));
      if (!valid(whole, row) || slots[row].size == 0) continue;
      const std::string_view text = slots[row].view(whole.buffers);
      std::memcpy(characters + end, text.data(), text.size());
      end += text.size();
    }
    store_unaligned(*offsets + storage.row_count * sizeof(Offset), static_cast<Offset>(end));
    held.buffers.push_back(*offsets);
    held.buffers.push_back(characters);
    return absl::OkStatus();
  }

  absl::Status dictionary(const column& from, ArrowArray* array) const {
    const column_storage& storage = *from.storage();
    if (storage.entries->row_count > std::numeric_limits<std::int32_t>::max())
      return fail(absl::StatusCode::kUnimplemented, "a dictionary of 2^31 entries or more; flatten exports it");
    auto held = std::make_unique<exported_array>();
    held->kept = from;
    if (auto done = validity(storage, *held); !done.ok()) return done;
    held->buffers.push_back(storage.whole.codes);
    if (auto done = flat(column(storage.entries), held->dictionary.get()); !done.ok()) return done;
    finish_array(std::move(held), storage.row_count, storage.null_count, 0, array);
    return absl::OkStatus();
  }

  absl::Status runs(const column& from, ArrowArray* array) const {
    const column_storage& storage = *from.storage();
    const vector& whole = storage.whole;
    const std::uint64_t run_count = whole.first_run + std::uint64_t{whole.run_count};
    if (run_count != 0 && whole.run_ends[run_count - 1] > std::numeric_limits<std::int32_t>::max())
      return fail(absl::StatusCode::kUnimplemented, "runs that end beyond 2^31 - 1 rows; flatten exports them");
    auto ends = std::make_unique<exported_array>();
    ends->kept = from;
    ends->buffers = {nullptr, whole.run_ends};
    auto held = std::make_unique<exported_array>();
    held->kept = from;
    held->children.resize(2);
    finish_array(std::move(ends), run_count, 0, 0, held->children[0].get());
    if (auto done = flat(column(storage.entries), held->children[1].get()); !done.ok()) return done;
    finish_array(std::move(held), storage.row_count, 0, whole.run_offset, array);
    return absl::OkStatus();
  }

  const arrow_export_options& options_;
  std::string_view name_;
};

}  // namespace detail

PILLAR_API absl::Status export_arrow_column(const column& from, std::string_view name, ArrowArray* array,
                                            ArrowSchema* schema, const arrow_export_options& options) {
  array->release = nullptr;
  schema->release = nullptr;
  arrow_owner<ArrowArray> made;
  if (auto done = detail::arrow_exporter(options, name).run(from, options.flatten, made.get()); !done.ok()) return done;
  if (auto done = detail::describe_column(name, from.type(), detail::kind_of_export(from, options.flatten),
                                          options.format, schema);
      !done.ok())
    return done;
  *array = *made.get();
  made->release = nullptr;
  return absl::OkStatus();
}

namespace detail {
/// Columns as a struct array, each in the kind that is given for it.
inline absl::Status export_rows(const column_set& from, std::span<const vector_kind> kinds,
                                const arrow_export_options& options, ArrowArray* array) {
  auto held = std::make_unique<exported_array>();
  held->buffers.push_back(nullptr);  // no row of the struct itself is NULL
  held->children.resize(from.columns.size());
  for (std::size_t i = 0; i < from.columns.size(); ++i)
    if (auto done = arrow_exporter(options, from.schema[i].name)
                        .run(from.columns[i], kinds[i] == vector_kind::flat, held->children[i].get());
        !done.ok())
      return done;
  finish_array(std::move(held), from.row_count(), 0, 0, array);
  return absl::OkStatus();
}
inline absl::Status describe_rows(const dynamic_schema& from, std::span<const vector_kind> kinds,
                                  const arrow_format_options& how, ArrowSchema* schema) {
  auto held = std::make_unique<exported_schema>();
  held->format = "+s";
  held->children.resize(from.size());
  for (std::size_t i = 0; i < from.size(); ++i)
    if (auto done = describe_column(from[i].name, from[i].type, kinds[i], how, held->children[i].get()); !done.ok())
      return done;
  finish_schema(std::move(held), false, schema);
  return absl::OkStatus();
}
}  // namespace detail

PILLAR_API absl::Status export_arrow(const column_set& from, ArrowArray* array, ArrowSchema* schema,
                                     const arrow_export_options& options) {
  PILLAR_ASSERT(from.columns.size() == from.schema.size());
  array->release = nullptr;
  schema->release = nullptr;
  std::vector<vector_kind> kinds;
  for (const column& each : from.columns) kinds.push_back(detail::kind_of_export(each, options.flatten));
  arrow_owner<ArrowArray> made;
  if (auto done = detail::export_rows(from, kinds, options, made.get()); !done.ok()) return done;
  if (auto done = detail::describe_rows(from.schema, kinds, options.format, schema); !done.ok()) return done;
  *array = *made.get();
  made->release = nullptr;
  return absl::OkStatus();
}

PILLAR_API absl::Status export_arrow_schema(const dynamic_schema& from, ArrowSchema* schema,
                                            const arrow_format_options& how) {
  schema->release = nullptr;
  return detail::describe_rows(from, std::vector<vector_kind>(from.size(), vector_kind::flat), how, schema);
}

}  // namespace PILLAR_NAMESPACE
