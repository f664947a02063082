// SPDX-License-Identifier: Apache-2.0
/// Dictionary and run-end columns of the rows of flat ones, to the bit: what an import makes.
#pragma once
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "pillar/column/column_set.hpp"

namespace pillar_test {

inline pillar::column encode_column(const pillar::column& from, pillar::vector_kind kind) {
  using pillar::vector_kind;
  if (kind != vector_kind::dictionary && kind != vector_kind::run_end) return from;
  const bool runs = kind == vector_kind::run_end;
  const std::uint64_t count = from.size();
  auto made = std::make_shared<pillar::column_storage>();
  made->values = *pillar::buffer::allocate(count * 4 + 4);
  made->validity = *pillar::buffer::allocate(pillar::words_for(count) * 8 + 8);
  std::memset(made->validity.data(), 0, made->validity.size());
  auto* numbers = made->values.as<std::uint32_t>();
  pillar::column_builder entries(from.type().as_nullable(runs));
  std::map<std::string, std::uint32_t> code_of;
  std::string before;
  std::uint32_t run_count = 0;
  for (std::uint64_t at = 0; at < count; ++at) {
    const pillar::vector view = from.slice(at, 1);
    const bool valid = view.valid(0);
    std::string bytes = valid ? "v" : "n";
    if (valid && view.type.physical == pillar::physical_type::text) bytes += view.text_value(0);
    else if (valid) bytes.append(view.values_as<char>(), pillar::byte_width(view.type.physical));
    if (valid) pillar::set_bit(made->validity.as<std::uint64_t>(), at);
    if (runs) {
      if (at == 0 || bytes != before) run_count += entries.append(view).ok() ? 1 : 0;
      numbers[run_count - 1] = static_cast<std::uint32_t>(at + 1);
    } else {
      numbers[at] = 0;
      if (valid && code_of.emplace(bytes, static_cast<std::uint32_t>(code_of.size())).second &&
          !entries.append(view).ok())
        return from;
      if (valid) numbers[at] = code_of[bytes];
    }
    before = std::move(bytes);
  }
  if (!runs && code_of.empty() && count != 0) return from;  // nothing but NULL: no entry to point to
  made->entries = entries.finish()->storage();
  made->type = made->whole.type = from.type();
  made->row_count = count;
  made->null_count = from.null_count();
  made->whole.size = static_cast<std::uint32_t>(count);
  made->whole.kind = kind;
  made->whole.dictionary = &made->entries->whole;
  (runs ? made->whole.run_ends : made->whole.codes) = numbers;
  made->whole.run_count = run_count;
  if (from.null_count() != 0)
    made->whole.validity = runs ? made->entries->whole.validity : made->validity.as<std::uint64_t>();
  return pillar::column(std::move(made));
}

/// The first column encoded as a dictionary, the next as runs, the next left as it is, and so on.
inline pillar::column_set encode_columns(const pillar::column_set& from) {
  pillar::column_set made = from;
  for (std::size_t i = 0; i < made.columns.size(); ++i)
    made.columns[i] = encode_column(made.columns[i], i % 3 == 0   ? pillar::vector_kind::dictionary
                                                     : i % 3 == 1 ? pillar::vector_kind::run_end
                                                                  : pillar::vector_kind::flat);
  return made;
}

}  // namespace pillar_test
