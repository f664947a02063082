// SPDX-License-Identifier: Apache-2.0
/// Sums per group in single words: what most batches need, several times faster than exact states of 128 bits.
///
/// Whoever owns them sees to it that no sum leaves its word: it says how large a batch's values are, and empties the
/// words into exact states when that was too much since the last time.
#pragma once
#include <cstdint>
#include <cstring>  // std::memset

#include "pillar/base/bits.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/vector.hpp"  // vector_rows

namespace PILLAR_NAMESPACE::detail {

/// One batch for narrow_sums: a slot per row (0 = takes no part), and a value per row for each sum.
///
/// Requires: sums: as many as set_shape said; bits[i]: −2^bits ≤ value < 2^bits for all values of sum i; values[i], or
///           where takes_32() says so values_32[i] instead
struct narrow_batch {
  static constexpr std::uint32_t most_sums = 12;
  const std::uint32_t* slots = nullptr;
  std::uint32_t row_count = 0;
  const std::int64_t* values[most_sums] = {};
  const std::int32_t* values_32[most_sums] = {};
  std::uint8_t bits[most_sums] = {};
};

/// Sums of values of few bits side by side in one word: Σ low + 2^shift · Σ high, whose parts come out exactly as long
/// as 2^(shift − 1) bounds the lower one's size.
struct shared_word {
  static constexpr std::uint32_t nothing = ~std::uint32_t{0}, rows = nothing - 1;
  std::uint32_t low = nothing;   ///< a sum
  std::uint32_t high = nothing;  ///< a sum, the number of rows, or nothing
  std::uint8_t shift = 0;

  [[nodiscard]] std::int64_t low_sum(std::int64_t word) const noexcept {
    if (high == nothing) return word;
    const std::uint64_t top = static_cast<std::uint64_t>(word) << (64 - shift);
    return PILLAR_MUTATE(narrow_words_unsigned, static_cast<std::int64_t>(top) >> (64 - shift),
                         static_cast<std::int64_t>(top >> (64 - shift)));
  }
  [[nodiscard]] std::int64_t high_sum(std::int64_t word) const noexcept {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(word) - static_cast<std::uint64_t>(low_sum(word))) >>
           shift;
  }
};

/// A row of words per slot: the number of rows if wanted, then the sums. Where one sum is all there is besides, both
/// share a word (count · 2^shift + sum): one addition a row, and half the memory. Few groups are kept four times, since
/// a word that was just written is slow to read again.
///
/// Shape:    slots 1 … group count; slot 0 takes what is not wanted
/// Errors:   reserve → out_of_memory; nothing is changed
class narrow_sums {
 public:
  explicit narrow_sums(memory_budget* budget = nullptr) noexcept : words_(budget), budget_(budget) {}

  void set_shape(bool rows, std::uint32_t sum_count) noexcept {
    rows_ = rows ? 1 : 0;
    sum_count_ = sum_count;
  }
  [[nodiscard]] std::uint32_t sum_count() const noexcept { return sum_count_; }
  [[nodiscard]] bool used() const noexcept { return rows_ + sum_count_ != 0; }
  [[nodiscard]] bool empty() const noexcept { return pending_rows_ == 0; }
  /// May the next batch hold values of 32 bits? To be asked after reserve().
  [[nodiscard]] bool takes_32() const noexcept { return sum_count_ == 1 || group_count_ <= most_masked; }

  /// Room for the slots of so many groups; what was added stays.
  result<void> reserve(std::uint32_t group_count) noexcept {
    group_count_ = group_count;
    const std::size_t slots = std::size_t{group_count} + 1;
    if (slots <= slot_count_) return {};
    if (slots <= few_slots()) {
      PILLAR_TRY(words_.append_zeros(copies * few_slots() * width()));
      slot_count_ = few_slots();
      copy_count_ = copies;
      return {};
    }
    if (copy_count_ == 1) {
      PILLAR_TRY(words_.append_zeros((slots - slot_count_) * width()));
      slot_count_ = slots;
      return {};
    }
    growable<std::uint64_t> made(budget_);
    PILLAR_TRY(made.append_zeros(slots * width()));
    for (std::size_t i = 0; i < slot_count_ * stride_; ++i) made[i] = word(i);
    words_.swap(made);
    slot_count_ = slots;
    copy_count_ = 1;
    return {};
  }

  enum class room : std::uint8_t { yes, after_clear, never };
  /// Whether a batch can be added so that no word overflows.
  [[nodiscard]] room room_for(const narrow_batch& batch) const noexcept {
    bool now = true;
    for (std::uint32_t i = 0; i < sum_count_; ++i) {
      if (batch.bits[i] > most_bits) return room::never;
      now = now && pending_[i] + growth(batch, i) <= limit();
    }
    if (shift_ != 0) now = now && pending_rows_ + batch.row_count < std::uint64_t{1} << (64 - shift_);
    return PILLAR_MUTATE(narrow_sums_never_full, now || empty(), true) ? room::yes : room::after_clear;
  }

  /// Requires: room_for(batch) = yes, slots reserved
  void add(const narrow_batch& batch) noexcept {
    if (empty()) choose_shift(batch);
    pending_rows_ += batch.row_count;
    for (std::uint32_t i = 0; i < sum_count_; ++i) pending_[i] += growth(batch, i);
    if (shift_ != 0) {
      add_shared(batch);
      return;
    }
    if (group_count_ <= most_masked) {
      add_masked(batch);
      return;
    }
    if (rows_ != 0) {
      switch (sum_count_ < chunk ? sum_count_ : chunk) {
        case 0: add_words<1, 0>(batch, 0); break;
        case 1: add_words<1, 1>(batch, 0); break;
        case 2: add_words<1, 2>(batch, 0); break;
        case 3: add_words<1, 3>(batch, 0); break;
        case 4: add_words<1, 4>(batch, 0); break;
        case 5: add_words<1, 5>(batch, 0); break;
        default: add_words<1, 6>(batch, 0); break;
      }
    }
    for (std::uint32_t first = rows_ != 0 ? chunk : 0; first < sum_count_; first += chunk) {
      switch (sum_count_ - first < chunk ? sum_count_ - first : chunk) {
        case 1: add_words<0, 1>(batch, first); break;
        case 2: add_words<0, 2>(batch, first); break;
        case 3: add_words<0, 3>(batch, first); break;
        case 4: add_words<0, 4>(batch, first); break;
        case 5: add_words<0, 5>(batch, first); break;
        default: add_words<0, 6>(batch, first); break;
      }
    }
  }

  [[nodiscard]] std::uint64_t rows(std::uint32_t group) const noexcept {
    const std::size_t at = (std::size_t{group} + 1) * stride_;
    if (empty() || at >= slot_count_ * stride_) return 0;
    if (shift_ == 0) return word(at);
    return (word(at) - static_cast<std::uint64_t>(low_part(word(at)))) >> shift_;
  }
  [[nodiscard]] std::int64_t sum(std::uint32_t index, std::uint32_t group) const noexcept {
    const std::size_t at = (std::size_t{group} + 1) * stride_;
    if (empty() || at >= slot_count_ * stride_) return 0;
    if (shift_ != 0) return low_part(word(at));
    return static_cast<std::int64_t>(word(at + rows_ + index));
  }
  void clear() noexcept {
    if (!empty()) std::memset(words_.data(), 0, words_.size() * sizeof(std::uint64_t));
    pending_rows_ = 0;
    for (auto& bound : pending_) bound = 0;
  }

 private:
  static constexpr std::size_t copies = 4;
  static constexpr std::uint32_t chunk = 6;
  static constexpr std::uint32_t most_masked = 6;
  static constexpr unsigned part_bits = 8;  // parts whose words stay in L1, and of whose sums several fit into one
  static constexpr std::uint32_t part_rows = 1u << part_bits;
  static constexpr std::uint32_t word_chunk = 3;
  static constexpr unsigned most_bits = 52;   // a batch's 2^10 values stay below 2^62
  static constexpr std::uint32_t ahead = 24;  // rows whose words are asked for early
  static constexpr std::size_t cache_bytes = std::size_t{1} << 19;

  [[nodiscard]] std::size_t width() const noexcept { return rows_ + sum_count_; }
  [[nodiscard]] std::size_t few_slots() const noexcept { return width() <= 2 ? 256 : 32; }
  [[nodiscard]] static std::uint64_t growth(const narrow_batch& batch, std::uint32_t sum) noexcept {
    return std::uint64_t{batch.row_count} << batch.bits[sum];
  }
  [[nodiscard]] std::uint64_t limit() const noexcept {
    return (std::uint64_t{1} << (shift_ != 0 ? shift_ - 1u : 63u)) - 1;
  }
  [[nodiscard]] bool beyond_cache() const noexcept {
    return copy_count_ == 1 && slot_count_ * stride_ * sizeof(std::uint64_t) > cache_bytes;
  }
  [[nodiscard]] std::uint64_t word(std::size_t at) const noexcept {
    std::uint64_t total = words_[at];
    for (std::size_t copy = 1; copy < copy_count_; ++copy) total += words_[at + copy * few_slots() * width()];
    return total;
  }
  [[nodiscard]] std::int64_t low_part(std::uint64_t shared) const noexcept {
    return static_cast<std::int64_t>(shared << (64 - shift_)) >> (64 - shift_);
  }

  /// Half of the bits that the values leave go to the count, if then clearing is rare against the number of groups.
  void choose_shift(const narrow_batch& batch) noexcept {
    shift_ = 0;
    stride_ = width();
    if (rows_ == 0 || sum_count_ != 1 || batch.bits[0] > 40 || group_count_ <= most_masked) return;
    const unsigned shift = (64u + batch.bits[0] + 1u) / 2u;
    const std::uint64_t most_rows = std::uint64_t{1} << (shift - 1u - batch.bits[0]);
    if (most_rows < 16 * slot_count_) return;
    shift_ = static_cast<std::uint8_t>(shift);
    stride_ = 1;
  }

  void add_shared(const narrow_batch& batch) noexcept {
    if (batch.values_32[0] != nullptr) add_shared(batch, batch.values_32[0]);
    else add_shared(batch, batch.values[0]);
  }
  template <class T>
  void add_shared(const narrow_batch& batch, const T* PILLAR_RESTRICT values) noexcept {
    const std::uint32_t* PILLAR_RESTRICT slots = batch.slots;
    std::uint64_t* PILLAR_RESTRICT words = words_.data();
    const std::uint64_t one = std::uint64_t{1} << shift_;
    const auto with = [one](T value) { return one + static_cast<std::uint64_t>(std::int64_t{value}); };
    const std::size_t copy = copy_count_ == 1 ? 0 : few_slots() * width();
    std::uint32_t row = 0;
    if (beyond_cache()) {
      for (; row + ahead < batch.row_count; ++row) {
        __builtin_prefetch(words + slots[row + ahead], 1);
        words[slots[row]] += with(values[row]);
      }
    }
    for (; row + copies <= batch.row_count; row += copies)
      for (std::uint32_t i = 0; i < copies; ++i) words[slots[row + i] + i * copy] += with(values[row + i]);
    for (; row < batch.row_count; ++row) words[slots[row]] += with(values[row]);
  }

  template <std::uint32_t Rows, std::uint32_t Sums>
  void add_words(const narrow_batch& batch, std::uint32_t first) noexcept {
    if constexpr (Sums == 1)
      if (batch.values_32[first] != nullptr) return add_words<Rows, Sums>(batch, batch.values_32, first);
    add_words<Rows, Sums>(batch, batch.values, first);
  }
  template <std::uint32_t Rows, std::uint32_t Sums, class T>
  void add_words(const narrow_batch& batch, const T* const* all, std::uint32_t first) noexcept {
    const std::uint32_t* PILLAR_RESTRICT slots = batch.slots;
    const T* values[Sums + 1];
    for (std::uint32_t i = 0; i < Sums; ++i) values[i] = all[first + i];
    std::uint64_t* PILLAR_RESTRICT words = words_.data() + (Rows != 0 ? 0 : rows_ + first);
    const std::size_t stride = stride_, copy = copy_count_ == 1 ? 0 : few_slots() * width();
    std::uint32_t row = 0;
    if (beyond_cache()) {
      for (; row + ahead < batch.row_count; ++row) {
        __builtin_prefetch(words + slots[row + ahead] * stride, 1);
        add_row<Rows, Sums>(words + slots[row] * stride, values, row);
      }
    }
    for (; row + copies <= batch.row_count; row += copies)
      for (std::uint32_t i = 0; i < copies; ++i)
        add_row<Rows, Sums>(words + i * copy + slots[row + i] * stride, values, row + i);
    for (; row < batch.row_count; ++row) add_row<Rows, Sums>(words + slots[row] * stride, values, row);
  }
  template <std::uint32_t Rows, std::uint32_t Sums, class T>
  PILLAR_ALWAYS_INLINE static void add_row(std::uint64_t* to, const T* const* values, std::uint32_t row) noexcept {
    if constexpr (Rows != 0) ++to[0];
    for (std::uint32_t i = 0; i < Sums; ++i) to[Rows + i] += static_cast<std::uint64_t>(std::int64_t{values[i][row]});
  }

  /// Which sums of a part of a batch share a word: each of the largest takes in the largest that it has room for.
  [[nodiscard]] std::uint32_t share_words(const narrow_batch& batch, shared_word* words) const noexcept {
    std::uint8_t bits[narrow_batch::most_sums + 1];  // of a part's sum with its sign; the last is the number of rows
    bool open[narrow_batch::most_sums + 1];
    for (std::uint32_t i = 0; i <= sum_count_; ++i) {
      bits[i] = static_cast<std::uint8_t>((i == sum_count_ ? 1 : batch.bits[i]) + part_bits + 1);
      open[i] = i != sum_count_ || rows_ != 0;
    }
    const auto take_largest = [&](unsigned most) {
      std::uint32_t best = shared_word::nothing;
      for (std::uint32_t i = 0; i <= sum_count_; ++i)
        if (open[i] && bits[i] <= most && (best == shared_word::nothing || bits[i] > bits[best])) best = i;
      if (best != shared_word::nothing) open[best] = false;
      return best;
    };
    std::uint32_t count = 0;
    for (;;) {
      shared_word word;
      word.low = take_largest(64);
      if (word.low == shared_word::nothing) return count;
      word.shift = bits[word.low];
      word.high = word.low == sum_count_ ? shared_word::nothing : take_largest(64u - word.shift);
      if (word.low == sum_count_) word.low = shared_word::rows;
      if (word.high == sum_count_) word.high = shared_word::rows;
      words[count++] = word;
    }
  }

  template <class Low>
  static void put(const Low* PILLAR_RESTRICT low, std::uint32_t count, std::int64_t more,
                  std::int64_t* PILLAR_RESTRICT out) noexcept {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = low[i] + more;
  }
  template <class Low, class High>
  static void put_both(const Low* PILLAR_RESTRICT low, const High* PILLAR_RESTRICT high, std::uint32_t count,
                       unsigned shift, std::int64_t* PILLAR_RESTRICT out) noexcept {
    for (std::uint32_t i = 0; i < count; ++i)
      out[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(std::int64_t{low[i]}) +
                                         (static_cast<std::uint64_t>(std::int64_t{high[i]}) << shift));
  }
  /// The words of rows [begin, begin + count): where they lie already, or in `memory`.
  static const std::int64_t* fill_word(const narrow_batch& batch, const shared_word& word, std::uint32_t begin,
                                       std::uint32_t count, std::int64_t* memory) noexcept {
    if (word.low == shared_word::rows) {
      for (std::uint32_t i = 0; i < count; ++i) memory[i] = 1;
      return memory;
    }
    const auto with_low = [&](const auto* low) {
      if (word.high == shared_word::nothing) return put(low, count, 0, memory);
      if (word.high == shared_word::rows) return put(low, count, std::int64_t{1} << word.shift, memory);
      const std::int64_t* high = batch.values[word.high];
      if (high != nullptr) put_both(low, high + begin, count, word.shift, memory);
      else put_both(low, batch.values_32[word.high] + begin, count, word.shift, memory);
    };
    const std::int64_t* wide = batch.values[word.low];
    if (wide != nullptr && word.high == shared_word::nothing) return wide + begin;
    if (wide != nullptr) with_low(wide + begin);
    else with_low(batch.values_32[word.low] + begin);
    return memory;
  }

  /// Very few groups: two at a time, their rows are added up by masks, without going through memory.
  void add_masked(const narrow_batch& batch) noexcept {
    shared_word words[narrow_batch::most_sums + 1];
    const std::uint32_t word_count = share_words(batch, words);
    std::int64_t memory[word_chunk][part_rows];
    std::uint64_t slots[part_rows];  // as wide as the words, so that masks need no widening
    for (std::uint32_t first = 0; first < word_count; first += word_chunk) {
      const std::uint32_t count = word_count - first < word_chunk ? word_count - first : word_chunk;
      for (std::uint32_t begin = 0; begin < batch.row_count; begin += part_rows) {
        const std::uint32_t rows = batch.row_count - begin < part_rows ? batch.row_count - begin : part_rows;
        const std::uint32_t* narrow_slots = batch.slots + begin;
        for (std::uint32_t i = 0; i < rows; ++i) slots[i] = narrow_slots[i];
        const std::int64_t* values[word_chunk];
        for (std::uint32_t i = 0; i < count; ++i)
          values[i] = fill_word(batch, words[first + i], begin, rows, memory[i]);
        for (std::uint32_t slot = 1; slot <= group_count_; slot += 2) {
          std::int64_t sums[2][word_chunk];
          switch (count) {
            case 1: add_part<1>(slots, values, rows, slot, sums); break;
            case 2: add_part<2>(slots, values, rows, slot, sums); break;
            default: add_part<3>(slots, values, rows, slot, sums); break;
          }
          for (std::uint32_t i = 0; i < count; ++i) {
            add_word(words[first + i], sums[0][i], slot);
            if (slot < group_count_) add_word(words[first + i], sums[1][i], slot + 1);
          }
        }
      }
    }
  }
  void add_word(const shared_word& word, std::int64_t sum, std::uint32_t slot) noexcept {
    std::uint64_t* const to = words_.data() + slot * stride_;
    const auto add = [&](std::uint32_t of, std::int64_t value) {
      to[of == shared_word::rows ? 0 : rows_ + of] += static_cast<std::uint64_t>(value);
    };
    add(word.low, word.low_sum(sum));
    if (word.high != shared_word::nothing) add(word.high, word.high_sum(sum));
  }
  /// The sums of the rows of `slot` and of the one after it.
  template <std::uint32_t Words>
  static void add_part(const std::uint64_t* PILLAR_RESTRICT slots, const std::int64_t* const* values,
                       std::uint32_t row_count, std::uint64_t slot, std::int64_t (*out)[word_chunk]) noexcept {
    std::int64_t first[Words] = {}, second[Words] = {};
    for (std::uint32_t row = 0; row < row_count; ++row) {
      const std::int64_t in_first = -static_cast<std::int64_t>(slots[row] == slot);
      const std::int64_t in_second = -static_cast<std::int64_t>(slots[row] == slot + 1);
      for (std::uint32_t i = 0; i < Words; ++i) {
        first[i] += values[i][row] & in_first;
        second[i] += values[i][row] & in_second;
      }
    }
    for (std::uint32_t i = 0; i < Words; ++i) out[0][i] = first[i], out[1][i] = second[i];
  }

  growable<std::uint64_t> words_;
  memory_budget* budget_;
  std::uint32_t group_count_ = 0;
  std::size_t slot_count_ = 0;
  std::size_t copy_count_ = 1;
  std::size_t stride_ = 0;  ///< words between slots at the moment
  std::uint32_t rows_ = 0;
  std::uint32_t sum_count_ = 0;
  std::uint8_t shift_ = 0;  ///< 0: the count has a word of its own
  std::uint64_t pending_rows_ = 0;
  std::uint64_t pending_[narrow_batch::most_sums] = {};  ///< bounds of the sums' sizes
};

}  // namespace PILLAR_NAMESPACE::detail
