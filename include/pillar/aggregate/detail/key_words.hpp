// SPDX-License-Identifier: Apache-2.0
/// Keys of several columns as one word of 64 bits, the same for all workers: integers as distances from the lowest,
/// texts of up to 12 bytes by numbers that all workers share. What waits to be grouped is then one word instead of all
/// keys, and the text of a group is looked up when its row is written.
#pragma once
#include <bit>    // std::bit_width
#include <cmath>  // std::expm1
#include <cstdint>
#include <cstring>  // std::memset
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "pillar/aggregate/detail/text_keys.hpp"  // word_table
#include "pillar/aggregate/group_table.hpp"       // key_range
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/base/result.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/detail/gather.hpp"  // gather_rows
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Numbers of texts, from 0 on. A worker asks the others only for texts that are new to it.
class shared_text_numbers {
 public:
  shared_text_numbers(std::uint32_t worker_count, memory_budget* budget) : shared_(budget) {
    for (std::uint32_t i = 0; worker_count > 1 && i < worker_count; ++i) own_.emplace_back(budget);
  }
  /// Once a worker has met more than `most` texts, new ones get key_limit instead of a number.
  ///
  /// Requires: count ≤ 1,024 slots of at most 12 bytes; one thread for each worker
  result<void> find_or_insert(std::uint32_t worker, const wide_key* texts, std::uint32_t count, std::uint64_t most,
                              std::uint32_t* numbers) noexcept {
    if (own_.empty()) {
      if (!is_over(shared_.size(), most)) return shared_.find_or_insert(texts, count, numbers);
      shared_.find(texts, count, numbers);
      return {};
    }
    worker_texts& own = own_[worker];
    if (is_over(own.texts.size(), most) && own.shared.size() == own.texts.size()) {
      own.texts.find(texts, count, numbers);
      for (std::uint32_t i = 0; i < count; ++i)
        if (numbers[i] != key_limit) numbers[i] = own.shared[numbers[i]];
      return {};
    }
    PILLAR_TRY(own.texts.find_or_insert(texts, count, numbers));
    while (own.shared.size() < own.texts.size()) {
      const std::size_t first = own.shared.size(), left = own.texts.size() - first;
      const std::uint32_t added = left < vector_rows ? static_cast<std::uint32_t>(left) : vector_rows;
      PILLAR_TRY(own.shared.reserve(added));
      const std::lock_guard<std::mutex> guard(adding_);
      PILLAR_TRY(shared_.find_or_insert(own.texts.keys() + first, added, own.shared.data() + first));
      own.shared.extend(added);
    }
    const std::uint32_t* const shared = own.shared.data();
    for (std::uint32_t i = 0; i < count; ++i)
      numbers[i] = PILLAR_MUTATE(key_words_own_numbers, shared[numbers[i]], numbers[i]);
    return {};
  }
  /// While nobody adds any: key_limit for texts without a number.
  void find(const wide_key* texts, std::uint32_t count, std::uint32_t* numbers) const noexcept {
    shared_.find(texts, count, numbers);
  }
  [[nodiscard]] const wide_key* texts() const noexcept { return shared_.keys(); }

 private:
  [[nodiscard]] static bool is_over(std::uint64_t texts, std::uint64_t most) noexcept {
    return PILLAR_MUTATE(key_words_texts_without_end, texts > most, false);
  }
  struct worker_texts {
    explicit worker_texts(memory_budget* budget) noexcept : texts(budget), shared(budget) {}
    word_table<wide_key> texts;
    growable<std::uint32_t> shared;  ///< the numbers that all know, by its own
  };
  std::mutex adding_{};
  word_table<wide_key> shared_;
  std::vector<worker_texts> own_{};  ///< none of a single worker
};

class key_words {
 public:
  static constexpr unsigned most_text_bits = 20;

  /// For how many values a column has room that had `distinct` ones in `rows` rows, which took any value of it with the
  /// same probability: bits, or more than most_text_bits.
  [[nodiscard]] static unsigned likely_bits(std::uint64_t distinct, std::uint64_t rows) noexcept {
    unsigned bits = 1;
    for (; bits <= most_text_bits; ++bits) {
      const auto values = static_cast<double>(std::uint64_t{1} << bits);
      if (-values * std::expm1(-static_cast<double>(rows) / values) >= static_cast<double>(distinct)) break;
    }
    return bits;
  }

  /// nullptr: there are not several columns, or their values take more than 64 bits. `text_bits` is likely_bits() of each
  /// column of texts.
  static std::unique_ptr<key_words> make(std::span<const data_type> types, std::span<const key_range> ranges,
                                         std::span<const unsigned> text_bits, std::uint32_t worker_count,
                                         memory_budget* budget) {
    if (types.size() < 2) return nullptr;
    auto made = std::make_unique<key_words>();
    made->types_.assign(types.begin(), types.end());
    unsigned used = 0;
    for (std::size_t c = 0; c < types.size(); ++c) {
      field of;
      if (types[c].physical == physical_type::text) {
        if (text_bits[c] > most_text_bits) return nullptr;
        of.bits = text_bits[c];
        made->texts_.push_back(std::make_unique<shared_text_numbers>(worker_count, budget));
        of.texts = made->texts_.back().get();
      } else if (!is_integer(types[c].physical) || byte_width(types[c].physical) > 8) {
        return nullptr;
      } else {
        key_range range = {lowest_of(types[c].physical), highest_of(types[c].physical)};
        if (c < ranges.size() && ranges[c].known() && ranges[c].lowest >= range.lowest &&
            ranges[c].highest <= range.highest)
          range = ranges[c];
        of.lowest = static_cast<std::uint64_t>(range.lowest);
        of.width = static_cast<std::uint64_t>(range.highest - range.lowest);
        of.bits = static_cast<unsigned>(std::bit_width(of.width));
      }
      used += of.bits;
      made->fields_.push_back(of);
    }
    if (used > 64) return nullptr;
    for (unsigned turn = 0; turn < 2; ++turn)  // what was likely may be a little too few
      for (field& of : made->fields_)
        if (of.texts != nullptr && used < 64) ++of.bits, ++used;
    unsigned shift = 0;
    for (field& of : made->fields_) {
      of.shift = of.bits == 0 ? 0 : shift;
      if (of.texts != nullptr) of.width = low_bits(of.bits);
      shift += of.bits;
    }
    return made;
  }

  /// words[i] of rows[i]; false: a key has no word (NULL, beside its range, a text that is long or one too many).
  result<bool> encode(std::uint32_t worker, std::span<const vector* const> keys, const std::uint16_t* rows,
                      std::uint32_t count, std::uint64_t* PILLAR_RESTRICT words) {
    std::memset(words, 0, count * sizeof *words);
    for (std::size_t c = 0; c < fields_.size(); ++c) {
      const field& of = fields_[c];
      const vector& from = *keys[c];
      if (from.kind == vector_kind::dictionary && from.dictionary->size == 0) return false;
      if (from.validity != nullptr)
        for (std::uint32_t i = 0; i < count; ++i)
          if (PILLAR_MUTATE(key_words_take_nulls, !from.valid(rows[i]), false)) return false;
      std::uint64_t beyond = 0;
      if (of.texts == nullptr) {
        std::uint64_t codes[vector_rows];
        distances(of, from, rows, count, codes);
        for (std::uint32_t i = 0; i < count; ++i) {
          beyond |= codes[i] > of.width ? 1 : 0;
          words[i] |= codes[i] << of.shift;
        }
      } else {
        std::uint32_t numbers[vector_rows];
        PILLAR_ASSIGN_OR_RETURN(const bool are_short, number_texts(of, worker, from, rows, count, numbers));
        if (!are_short) return false;
        for (std::uint32_t i = 0; i < count; ++i) {
          beyond |= PILLAR_MUTATE(key_words_one_text_too_many, numbers[i] > of.width, false) ? 1 : 0;
          words[i] |= std::uint64_t{numbers[i]} << of.shift;
        }
      }
      if (beyond != 0) return false;
    }
    return true;
  }

  /// The words of the first `count` rows of columns; known[i] = 0 of those that have none. Nobody may encode meanwhile.
  void find(std::span<const vector* const> keys, std::uint32_t count, std::uint64_t* PILLAR_RESTRICT words,
            std::uint8_t* PILLAR_RESTRICT known) const noexcept {
    std::memset(words, 0, count * sizeof *words);
    std::memset(known, 1, count);
    for (std::size_t c = 0; c < fields_.size(); ++c) {
      const field& of = fields_[c];
      const vector& from = *keys[c];
      std::uint64_t codes[vector_rows];
      if (of.texts == nullptr) {
        distances(of, from, all_rows.at, count, codes);
      } else {
        wide_key slots[vector_rows];
        std::uint32_t numbers[vector_rows];
        static_cast<void>(slots_of(from, all_rows.at, count, slots));  // no number has a slot that is long
        of.texts->find(slots, count, numbers);
        for (std::uint32_t i = 0; i < count; ++i) codes[i] = numbers[i];
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        if (codes[i] > of.width || !from.valid(i)) known[i] = 0;
        words[i] |= codes[i] << of.shift;
      }
    }
  }

  /// Appends the values that words have in column c. Requires: words of encode() or find()
  result<void> append(std::uint32_t c, const std::uint64_t* words, std::uint64_t count, column_builder& out) const {
    const field& of = fields_[c];
    alignas(16) std::byte values[std::size_t{vector_rows} * sizeof(wide_key)];
    vector view;
    view.type = types_[c];
    view.values = values;
    for (std::uint64_t first = 0; first < count; first += vector_rows) {
      const auto rows = static_cast<std::uint32_t>(count - first < vector_rows ? count - first : vector_rows);
      view.size = rows;
      if (of.texts != nullptr) {
        const wide_key* const texts = of.texts->texts();
        for (std::uint32_t i = 0; i < rows; ++i)
          store_unaligned(values + i * sizeof(wide_key), texts[words[first + i] >> of.shift & of.width]);
      } else {
        visit_fixed_width(types_[c].physical, [&]<class T>() {
          if constexpr (std::is_integral_v<T> && sizeof(T) <= 8)
            for (std::uint32_t i = 0; i < rows; ++i)
              store_unaligned(values + i * sizeof(T),
                              static_cast<T>((words[first + i] >> of.shift & low_bits(of.bits)) + of.lowest));
        });
      }
      PILLAR_TRY(out.append(view));
    }
    return {};
  }

 private:
  struct field {
    unsigned bits = 0;
    unsigned shift = 0;
    std::uint64_t lowest = 0;
    std::uint64_t width = 0;  ///< no code is greater
    shared_text_numbers* texts = nullptr;
  };

  static void distances(const field& of, const vector& from, const std::uint16_t* rows, std::uint32_t count,
                        std::uint64_t* codes) noexcept {
    visit_fixed_width(from.type.physical, [&]<class T>() {
      if constexpr (std::is_integral_v<T> && sizeof(T) <= 8)
        gather_rows<T>(from, rows, count, codes,
                       [lowest = of.lowest](T value) { return static_cast<std::uint64_t>(value) - lowest; });
    });
  }
  /// False: there are long ones among them.
  static bool slots_of(const vector& from, const std::uint16_t* rows, std::uint32_t count, wide_key* slots) noexcept {
    const std::uint32_t longest = gather_text_slots(from, rows, count, slots);
    return PILLAR_MUTATE(key_words_long_texts, longest <= text_slot::inline_capacity, true);
  }
  /// False: there are long ones among them. Few entries of a dictionary are looked up instead of rows.
  static result<bool> number_texts(const field& of, std::uint32_t worker, const vector& from, const std::uint16_t* rows,
                                   std::uint32_t count, std::uint32_t* numbers) {
    shared_text_numbers& texts = *of.texts;
    wide_key slots[vector_rows];
    if (from.kind == vector_kind::dictionary && from.dictionary->validity == nullptr &&
        from.dictionary->size <= count / 2 && slots_of(*from.dictionary, all_rows.at, from.dictionary->size, slots)) {
      std::uint32_t of_entry[vector_rows];
      PILLAR_TRY(texts.find_or_insert(worker, slots, from.dictionary->size, of.width, of_entry));
      for (std::uint32_t i = 0; i < count; ++i) numbers[i] = of_entry[from.codes[rows[i]]];
      return true;
    }
    if (!slots_of(from, rows, count, slots)) return false;
    PILLAR_TRY(texts.find_or_insert(worker, slots, count, of.width, numbers));
    return true;
  }

  std::vector<data_type> types_{};
  std::vector<field> fields_{};
  std::vector<std::unique_ptr<shared_text_numbers>> texts_{};
};

}  // namespace PILLAR_NAMESPACE::detail
