// SPDX-License-Identifier: Apache-2.0
/// Arrow arrays made by hand, value by value, in memory of exactly their size: the test's own producer.
#pragma once
#include <cstring>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/column/scalar.hpp"
#include "pillar/column/text.hpp"
#include "pillar/interop/arrow_abi.hpp"

namespace pillar_test {

/// A description of an array and its schema that tests may spoil before it is produced.
struct arrow_part {
  std::string format{};
  std::string name{};
  bool nullable = true;
  std::int64_t length = 0, null_count = -1, offset = 0;
  std::vector<std::optional<std::vector<std::byte>>> buffers{};  ///< none: a null pointer
  std::vector<arrow_part> children{};
  std::vector<arrow_part> dictionary{};  ///< none or one
  int misalign = 0;                      ///< bytes by which buffers start after an aligned address
};

/// Counts the structs that live; each was released once when none does.
struct arrow_ledger {
  int live = 0;
  int released = 0;
};

namespace arrow_parts_detail {
struct produced {
  arrow_ledger* ledger;
  std::string format{}, name{};
  std::vector<std::unique_ptr<std::byte[]>> memory{};
  std::vector<const void*> buffers{};
  std::list<ArrowArray> arrays{};
  std::list<ArrowSchema> schemas{};
  std::vector<ArrowArray*> array_pointers{};
  std::vector<ArrowSchema*> schema_pointers{};
  ArrowArray dictionary{};
  ArrowSchema dictionary_schema{};
};
template <class T>
void release(T* what) {
  auto* held = static_cast<produced*>(what->private_data);
  for (std::int64_t i = 0; i < what->n_children; ++i)
    if (what->children[i]->release != nullptr) what->children[i]->release(what->children[i]);
  if (what->dictionary != nullptr && what->dictionary->release != nullptr) what->dictionary->release(what->dictionary);
  --held->ledger->live;
  ++held->ledger->released;
  delete held;
  what->release = nullptr;
}
}  // namespace arrow_parts_detail

inline void produce(const arrow_part& part, arrow_ledger& ledger, ArrowArray* out) {
  using namespace arrow_parts_detail;
  auto* held = new produced{&ledger};
  ++ledger.live;
  for (const auto& bytes : part.buffers) {
    if (!bytes) {
      held->buffers.push_back(nullptr);
      continue;
    }
    const std::size_t shift = static_cast<std::size_t>(part.misalign);
    held->memory.push_back(std::make_unique<std::byte[]>(bytes->size() + shift));
    if (!bytes->empty()) std::memcpy(held->memory.back().get() + shift, bytes->data(), bytes->size());
    held->buffers.push_back(held->memory.back().get() + shift);
  }
  for (const auto& child : part.children) {
    held->arrays.emplace_back();
    produce(child, ledger, &held->arrays.back());
    held->array_pointers.push_back(&held->arrays.back());
  }
  if (!part.dictionary.empty()) produce(part.dictionary[0], ledger, &held->dictionary);
  *out = ArrowArray{part.length,
                    part.null_count,
                    part.offset,
                    static_cast<std::int64_t>(held->buffers.size()),
                    static_cast<std::int64_t>(held->array_pointers.size()),
                    held->buffers.data(),
                    held->array_pointers.data(),
                    part.dictionary.empty() ? nullptr : &held->dictionary,
                    release<ArrowArray>,
                    held};
}
inline void produce(const arrow_part& part, arrow_ledger& ledger, ArrowSchema* out) {
  using namespace arrow_parts_detail;
  auto* held = new produced{&ledger, part.format, part.name};
  ++ledger.live;
  for (const auto& child : part.children) {
    held->schemas.emplace_back();
    produce(child, ledger, &held->schemas.back());
    held->schema_pointers.push_back(&held->schemas.back());
  }
  if (!part.dictionary.empty()) produce(part.dictionary[0], ledger, &held->dictionary_schema);
  *out = ArrowSchema{held->format.c_str(),
                     held->name.c_str(),
                     nullptr,
                     part.nullable ? ARROW_FLAG_NULLABLE : 0,
                     static_cast<std::int64_t>(held->schema_pointers.size()),
                     held->schema_pointers.data(),
                     part.dictionary.empty() ? nullptr : &held->dictionary_schema,
                     release<ArrowSchema>,
                     held};
}

template <class T>
void put_value(std::vector<std::byte>& out, const T& value) {
  out.resize(out.size() + sizeof(T));
  std::memcpy(out.data() + out.size() - sizeof(T), &value, sizeof(T));
}
inline void put_integer(std::vector<std::byte>& out, pillar::int128 value, std::size_t width) {
  out.resize(out.size() + width);
  std::memcpy(out.data() + out.size() - width, &value, width);
}

namespace arrow_parts_detail {
inline std::vector<std::byte> bitmap(const std::vector<bool>& bits) {
  std::vector<std::byte> out((bits.size() + 7) / 8);
  for (std::size_t i = 0; i < bits.size(); ++i)
    if (bits[i]) out[i / 8] |= std::byte{1} << (i % 8);
  return out;
}
inline void put_texts(arrow_part& part, const std::vector<pillar::scalar>& cells, pillar::splitmix64& random) {
  std::vector<std::byte> characters;
  const auto add = [&characters](std::string_view text) {
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    characters.insert(characters.end(), bytes, bytes + text.size());
  };
  std::vector<std::byte> values;
  if (part.format[0] != 'v') {
    const std::size_t width = part.format == "u" || part.format == "z" ? 4 : 8;
    add("unused");
    for (const auto& cell : cells) {
      put_integer(values, static_cast<pillar::int128>(characters.size()), width);
      add(cell.text);
    }
    put_integer(values, static_cast<pillar::int128>(characters.size()), width);
    part.buffers.emplace_back(std::move(values));
    part.buffers.emplace_back(std::move(characters));
    return;
  }
  std::vector<std::vector<std::byte>> data;
  for (const auto& cell : cells) {
    if (characters.size() > random.below(2000)) data.push_back(std::exchange(characters, {}));
    pillar::text_slot slot = pillar::text_slot::make(cell.text, static_cast<std::uint32_t>(data.size()),
                                                     static_cast<std::uint32_t>(characters.size()));
    if (cell.null && random.chance(1, 2)) slot.size = slot.reference.buffer = 0x7ffffffa;  // points nowhere
    if (!cell.null && cell.text.size() > pillar::text_slot::inline_capacity) add(cell.text);
    put_value(values, slot);
  }
  data.push_back(std::move(characters));
  part.buffers.emplace_back(std::move(values));
  std::vector<std::byte> sizes;
  for (auto& bytes : data) {
    put_value(sizes, static_cast<std::int64_t>(bytes.size()));
    part.buffers.emplace_back(std::move(bytes));
  }
  part.buffers.emplace_back(std::move(sizes));
}
}  // namespace arrow_parts_detail

/// `cells` in a format: behind `before` rows that do not count, with `after` more rows that do not count either.
inline arrow_part arrow_flat(std::string format, std::vector<pillar::scalar> cells, pillar::splitmix64& random,
                             std::size_t before = 0) {
  using namespace arrow_parts_detail;
  arrow_part part;
  part.format = std::move(format);
  part.length = static_cast<std::int64_t>(cells.size());
  part.offset = static_cast<std::int64_t>(before);
  std::int64_t nulls = 0;
  for (const auto& cell : cells) nulls += cell.null ? 1 : 0;
  const auto first = cells.empty() ? pillar::scalar() : cells[0];
  cells.insert(cells.begin(), before, first);
  if (part.format == "n") return part;
  std::vector<bool> valid, set;
  for (const auto& cell : cells) valid.push_back(!cell.null);
  part.null_count = nulls == 0 ? (random.chance(1, 2) ? 0 : -1) : random.chance(1, 2) ? nulls : -1;
  if (nulls == 0 && random.chance(1, 2)) part.buffers.emplace_back();
  else part.buffers.emplace_back(bitmap(valid));
  const char letter = part.format[0];
  if (letter == 'v' || letter == 'u' || letter == 'U' || letter == 'z' || letter == 'Z') {
    put_texts(part, cells, random);
    return part;
  }
  std::vector<std::byte> values;
  for (const auto& cell : cells) {
    pillar::int128 number = cell.null ? static_cast<pillar::int128>(random()) : cell.integer;
    switch (letter) {
      case 'b': set.push_back(number % 2 != 0); break;
      case 'f': put_value(values, static_cast<float>(cell.real)); break;
      case 'g': put_value(values, cell.real); break;
      case 'c':
      case 'C': put_integer(values, number, 1); break;
      case 's':
      case 'S': put_integer(values, number, 2); break;
      case 'i':
      case 'I': put_integer(values, number, 4); break;
      case 'l':
      case 'L': put_integer(values, number, 8); break;
      case 'd': {
        const bool narrow32 = part.format.ends_with(",32"), narrow64 = part.format.ends_with(",64");
        put_integer(values, number, narrow32 ? 4 : narrow64 ? 8 : 16);
        break;
      }
      default:
        if (part.format == "tdm") put_integer(values, cell.null ? number : number * 86'400'000, 8);
        else put_integer(values, number, part.format == "tdD" ? 4 : 8);
    }
  }
  part.buffers.emplace_back(letter == 'b' ? bitmap(set) : std::move(values));
  return part;
}

/// Dictionary-encoded with indices of a format; NULL in the dictionary or by row.
inline arrow_part arrow_dictionary(const std::string& index, const std::string& format,
                                   const std::vector<pillar::scalar>& cells, pillar::splitmix64& random,
                                   std::size_t before = 0) {
  std::vector<pillar::scalar> entries, indices;
  const auto index_type = pillar::type_of<pillar::nullable<std::int64_t>>;
  for (const auto& cell : cells) {
    if (cell.null && (entries.empty() || random.chance(1, 2))) {
      indices.push_back(pillar::scalar::of_null(index_type));
      continue;
    }
    std::size_t code = 0;
    while (code < entries.size() && !(entries[code].null == cell.null && (cell.null || entries[code] == cell))) ++code;
    if (code == entries.size()) entries.push_back(cell);
    indices.push_back(pillar::scalar::of_integer(index_type, static_cast<int>(code)));
  }
  arrow_part part = arrow_flat(index, indices, random, before);
  part.dictionary.push_back(arrow_flat(format, entries, random, random.below(3)));
  return part;
}

/// Run-end encoded, from the middle of a run.
inline arrow_part arrow_runs(const std::string& ends_format, const std::string& format,
                             const std::vector<pillar::scalar>& cells, pillar::splitmix64& random,
                             std::size_t before = 0) {
  std::vector<pillar::scalar> values, ends;
  const auto end_type = pillar::type_of<std::int64_t>;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i + 1 < cells.size() && cells[i].null == cells[i + 1].null && (cells[i].null || cells[i] == cells[i + 1]))
      continue;
    values.push_back(cells[i]);
    ends.push_back(pillar::scalar::of_integer(end_type, static_cast<int>(before + i + 1)));
  }
  arrow_part part;
  part.format = "+r";
  part.length = static_cast<std::int64_t>(cells.size());
  part.offset = static_cast<std::int64_t>(before);
  part.null_count = 0;
  part.children.push_back(arrow_flat(ends_format, ends, random, random.below(3)));
  part.children.back().nullable = false;
  part.children.push_back(arrow_flat(format, values, random, random.below(3)));
  return part;
}

/// Columns as a struct.
inline arrow_part arrow_struct(std::vector<arrow_part> columns, std::int64_t length, std::int64_t offset = 0) {
  arrow_part part;
  part.format = "+s";
  part.length = length;
  part.offset = offset;
  part.null_count = 0;
  part.buffers.emplace_back();
  part.children = std::move(columns);
  return part;
}

}  // namespace pillar_test
