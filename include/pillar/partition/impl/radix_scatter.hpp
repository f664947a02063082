// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>

#include "pillar/base/mutant.hpp"
#include "pillar/partition/radix_scatter.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API radix_scatter::radix_scatter(unsigned bits, unsigned used_bits)
    : shift_(bits == 0 ? 0 : 64 - used_bits - bits),
      mask_((std::uint32_t{1} << bits) - 1),
      next_(std::size_t{mask_} + 1),
      starts_(std::size_t{mask_} + 2) {
  PILLAR_ASSERT(bits <= most_bits && used_bits + bits <= 64);
}

PILLAR_API void radix_scatter::count(const std::uint64_t* hashes, std::size_t row_count) noexcept {
  std::uint32_t* PILLAR_RESTRICT counts = next_.data();
  for (std::size_t i = 0; i < row_count; ++i) ++counts[partition_of(hashes[i])];
}

PILLAR_API radix_scatter radix_scatter::by_number(std::uint32_t partition_count) {
  radix_scatter made(0);
  made.next_.resize(partition_count);
  made.starts_.resize(std::size_t{partition_count} + 1);
  return made;
}

PILLAR_API void radix_scatter::count_numbers(const std::uint32_t* partitions, std::size_t row_count) noexcept {
  for (std::size_t i = 0; i < row_count; ++i) ++next_[partitions[i]];
}

PILLAR_API void radix_scatter::begin() noexcept {
  std::uint32_t start = 0;
  for (std::size_t partition = 0; partition < next_.size(); ++partition) {
    const std::uint32_t count = next_[partition];
    starts_[partition] = next_[partition] = start;
    start += count;
  }
  starts_.back() = start;
}

PILLAR_API void radix_scatter::positions_of_numbers(const std::uint32_t* partitions, std::uint32_t row_count,
                                                    std::uint32_t* position_of_row) noexcept {
  for (std::uint32_t i = 0; i < row_count; ++i) position_of_row[i] = next_[partitions[i]]++;
}

PILLAR_API void radix_scatter::positions(const std::uint64_t* hashes, std::uint32_t row_count,
                                         std::uint32_t* PILLAR_RESTRICT position_of_row) noexcept {
  std::uint32_t* PILLAR_RESTRICT next = next_.data();
  for (std::uint32_t i = 0; i < row_count; ++i) {
    const std::uint32_t row = PILLAR_MUTATE(radix_scatter_unstable, i, row_count - 1 - i);
    position_of_row[row] = next[partition_of(hashes[row])]++;
  }
}

namespace detail {

/// Values of `width` opaque bytes; 16 as two words, since they need no more alignment than 8.
template <class T, class Index>
PILLAR_ALWAYS_INLINE void scatter_indexed(const void* values, const std::uint32_t* PILLAR_RESTRICT position_of_row,
                                          std::uint32_t row_count, void* out, const Index& index) noexcept {
  const T* PILLAR_RESTRICT from = static_cast<const T*>(values);
  T* PILLAR_RESTRICT to = static_cast<T*>(out);
  for (std::uint32_t i = 0; i < row_count; ++i) {
    __builtin_prefetch(to + position_of_row[i] + 64 / sizeof(T), 1);  // the partition's next line, before it is needed
    to[position_of_row[i]] = from[index(i)];
  }
}

struct two_words {
  std::uint64_t words[2];
};

/// Calls f.operator()<T>() with a type of opaque bytes of that width.
template <class F>
PILLAR_ALWAYS_INLINE void visit_value_width(std::size_t width, const F& f) noexcept {
  switch (width) {
    case 1: return f.template operator()<std::uint8_t>();
    case 2: return f.template operator()<std::uint16_t>();
    case 4: return f.template operator()<std::uint32_t>();
    case 8: return f.template operator()<std::uint64_t>();
    default: return f.template operator()<two_words>();
  }
}

}  // namespace detail

PILLAR_API void scatter_values(const vector& from, const std::uint32_t* position_of_row, void* out) noexcept {
  const void* values = from.holder().values;
  detail::visit_value_width(byte_width(from.type.physical), [&]<class T>() {
    switch (from.kind) {
      case vector_kind::flat:
        detail::scatter_indexed<T>(values, position_of_row, from.size, out, [](std::uint32_t i) { return i; });
        return;
      case vector_kind::constant:
        detail::scatter_indexed<T>(values, position_of_row, from.size, out, [](std::uint32_t) { return 0u; });
        return;
      case vector_kind::dictionary:
        if (from.dictionary->size == 0) {  // every row is NULL
          for (std::uint32_t i = 0; i < from.size; ++i) static_cast<T*>(out)[position_of_row[i]] = T{};
          return;
        }
        detail::scatter_indexed<T>(values, position_of_row, from.size, out,
                                   [&](std::uint32_t i) { return from.codes[i]; });
        return;
      case vector_kind::run_end:
        from.for_each_run(0, from.size, [&](std::uint32_t run, std::uint32_t begin, std::uint32_t end) {
          const T value = static_cast<const T*>(values)[run];
          for (std::uint32_t i = begin; i < end; ++i) static_cast<T*>(out)[position_of_row[i]] = value;
        });
        return;
    }
  });
}

PILLAR_API void scatter_validity(const vector& from, const std::uint32_t* position_of_row,
                                 std::uint64_t* out) noexcept {
  for (std::uint32_t first = 0; first < from.size; first += 64) {
    const std::uint64_t valid = PILLAR_MUTATE(radix_scatter_takes_nulls, from.validity_word(first / 64), low_bits(64));
    const std::uint32_t count = from.size - first < 64 ? from.size - first : 64;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t position = position_of_row[first + i];
      out[position / 64] |= (valid >> i & 1) << (position % 64);
    }
  }
}

PILLAR_API result<void> gather_characters(std::span<text_slot> slots, const std::uint64_t* validity,
                                          const std::byte* const* buffers, growable<std::byte>& characters) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (validity != nullptr && !get_bit(validity, i)) {
      slots[i] = text_slot();
      continue;
    }
    if (slots[i].size <= text_slot::inline_capacity) continue;
    const std::string_view text = slots[i].view(buffers);
    const std::size_t offset = characters.size();
    if (offset + text.size() > 0xffffffffu) return {errc::limit_exceeded, i};
    PILLAR_TRY(characters.append(reinterpret_cast<const std::byte*>(text.data()), text.size()));
    slots[i] = text_slot::make(text, 0, static_cast<std::uint32_t>(offset));
  }
  return {};
}

}  // namespace PILLAR_NAMESPACE
