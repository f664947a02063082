// SPDX-License-Identifier: Apache-2.0
/// Texts of a column that has few of them, each once: blocks then hold their numbers.
#pragma once
#include <cstdint>
#include <cstring>  // std::memcpy, std::memset
#include <string_view>

#include "pillar/base/bits.hpp"  // set_bit
#include "pillar/base/buffer.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"  // list_rows
#include "pillar/column/selection.hpp"
#include "pillar/column/text.hpp"
#include "pillar/column/types.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/hash/value.hpp"  // hash_text
#include "pillar/storage/detail/narrow_rows.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Up to 1,024 texts as numbers.
using listed_texts = narrow_rows<std::uint16_t>;

/// Texts ↔ numbers in the order in which they were met. It only grows: numbers stay what they are, and characters where
/// they are. Write buffers hold numbers too: so many times more rows become a block.
class text_list {
 public:
  /// Of a column: not seen yet, kept as numbers, or there are too many texts.
  enum class form_type : std::uint8_t { unknown, listed, refused };
  form_type form = form_type::unknown;

  static constexpr std::uint32_t most_texts = 4096;
  static constexpr std::uint32_t chunk_bytes = 15u << 10, most_chunks = 16;

  text_list() noexcept = default;

  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(slots_.size()); }
  [[nodiscard]] static constexpr data_type number_type(const data_type& texts) noexcept {
    return type_of<std::uint16_t>.as_nullable(texts.nullable);
  }

  /// Chooses by the first rows: short texts are packed, which costs less than looking them up.
  void choose(const vector& from, const selection_mask* rows) noexcept {
    if (form != form_type::unknown) return;
    form = form_type::listed;
    for (std::uint32_t row = 0; row < from.size; ++row) {
      if ((rows != nullptr && !rows->test(row)) || !from.valid(row)) continue;
      form = form_type::refused;
      if (from.text_value(row).size() <= text_slot::inline_capacity) continue;
      form = form_type::listed;
      return;
    }
  }

  /// The numbers of the rows, or of the `count` that are selected. False: there are too many texts, or no memory for
  /// another one; from now on they are not to be listed. The rows count once they are kept.
  [[nodiscard]] bool number(const vector& from, const selection_mask* rows, std::uint32_t count, memory_budget* budget,
                            listed_texts& out) noexcept {
    if (form != form_type::listed) return false;
    const auto done = [&] {
      if (places_.empty()) {
        auto made = buffer::allocate(place_count * sizeof(std::uint16_t), budget);
        if (!made.ok()) return false;
        std::memset(made->data(), 0, made->size());
        places_ = *std::move(made);
        slots_ = growable<text_slot>(budget);
      }
      std::uint16_t list[vector_rows];
      if (rows != nullptr) list_rows(rows->words, list);
      const std::uint16_t* const chosen = rows != nullptr ? list : all_rows.at;
      std::memset(out.validity, 0, sizeof(out.validity));
      out.has_nulls = false;
      found_count_ = 0;
      for (std::uint32_t i = 0; i < count; ++i) {
        out.values[i] = 0;
        if (!from.valid(chosen[i])) {
          out.has_nulls = true;
          continue;
        }
        set_bit(out.validity, i);
        ++found_count_;
        if (!find(from.text_value(chosen[i]), budget, out.values[i])) return false;
      }
      return !is_full();
    }();
    if (done) return true;
    form = form_type::refused;
    places_ = buffer{};
    return false;
  }
  /// The rows that were numbered last are kept.
  void keep_rows() noexcept {
    seen_ += found_count_;
    found_count_ = 0;
  }

  /// The slot of each number; their characters are in `chunks`. False: a number is no text's.
  [[nodiscard]] bool texts(const std::uint16_t* numbers, std::uint32_t count,
                           text_slot* PILLAR_RESTRICT out) const noexcept {
    std::uint32_t highest = 0;
    for (std::uint32_t row = 0; row < count; ++row) highest = numbers[row] > highest ? numbers[row] : highest;
    if (slots_.empty()) {  // all were NULL
      for (std::uint32_t row = 0; row < count; ++row) out[row] = text_slot();
      return highest == 0;
    }
    if (highest >= size()) return false;
    const text_slot* const slots = slots_.data();
    for (std::uint32_t row = 0; row < count; ++row) out[row] = slots[numbers[row]];
    return true;
  }
  [[nodiscard]] const std::byte* const* chunks() const noexcept { return begins_; }

 private:
  static constexpr std::uint32_t place_count = 2 * most_texts;

  /// Of a thousand texts in random order 226 are among 256 rows, and 641 among 1,024.
  [[nodiscard]] bool is_full() const noexcept {
    const std::uint64_t seen = seen_ + found_count_;
    return (seen >= 256 && size() > seen - seen / 16) || size() >= 512 + seen / 4;
  }
  bool find(std::string_view text, memory_budget* budget, std::uint16_t& number) noexcept {
    auto* const places = places_.as<std::uint16_t>();  // the number + 1
    auto at = static_cast<std::uint32_t>(hash_text(text)) % place_count;
    for (; places[at] != 0; at = (at + 1) % place_count) {
      if (PILLAR_MUTATE(text_list_by_place, slots_[places[at] - 1u].view(begins_) != text, false)) continue;
      number = static_cast<std::uint16_t>(places[at] - 1u);
      return true;
    }
    if (size() >= most_texts || !add(text, budget)) return false;
    number = static_cast<std::uint16_t>(size() - 1);
    places[at] = static_cast<std::uint16_t>(size());
    return true;
  }
  bool add(std::string_view text, memory_budget* budget) noexcept {
    if (!slots_.reserve(1).ok()) return false;
    if (text.size() > text_slot::inline_capacity && text.size() > room_) {
      if (text.size() > chunk_bytes || chunk_count_ == most_chunks) return false;
      // It stays as long as the runs, and memory may be needed for other things.
      if (budget != nullptr &&
          PILLAR_MUTATE(text_list_takes_what_is_left, chunk_bytes > budget->available() / 8, false))
        return false;
      auto made = buffer::allocate(chunk_bytes, budget);
      if (!made.ok()) return false;
      chunks_[chunk_count_] = *std::move(made);
      begins_[chunk_count_] = chunks_[chunk_count_].data();
      ++chunk_count_;
      room_ = chunk_bytes;
    }
    const std::uint32_t chunk = chunk_count_ == 0 ? 0 : chunk_count_ - 1, offset = chunk_bytes - room_;
    slots_.push(text_slot::make(text, chunk, offset));
    if (text.size() <= text_slot::inline_capacity) return true;
    std::memcpy(chunks_[chunk].data() + offset, text.data(), text.size());
    room_ -= static_cast<std::uint32_t>(text.size());
    return true;
  }

  buffer places_{};
  growable<text_slot> slots_{};
  buffer chunks_[most_chunks]{};
  const std::byte* begins_[most_chunks] = {};
  std::uint32_t chunk_count_ = 0, room_ = 0;  ///< bytes left in the last one
  std::uint64_t seen_ = 0;                    ///< rows that are not NULL
  std::uint32_t found_count_ = 0;             ///< of them those that were numbered last and are not yet kept
};

}  // namespace PILLAR_NAMESPACE::detail
