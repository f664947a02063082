// SPDX-License-Identifier: Apache-2.0
/// Sums per group in single words: what most batches need, several times faster than exact states of 128 bits.
///
/// Whoever owns them sees to it that no sum leaves its word: it says how large a batch's values are, and empties the
/// words into exact states when that was too much since the last time.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>  // std::memset

#include "pillar/base/bits.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/vector.hpp"  // vector_rows

namespace PILLAR_NAMESPACE::detail {

/// Room for `wanted` values, which is likely to be needed soon, if it is little of what the budget has.
template <class T>
void reserve_likely(growable<T>& values, std::size_t wanted, const memory_budget* budget) noexcept {
  if (wanted <= values.size() || (budget != nullptr && wanted * sizeof(T) > budget->available() / 8)) return;
  static_cast<void>(values.reserve(wanted - values.size()).ok());
}

/// One batch for narrow_sums: a slot per row (0 = takes no part), and a value per row for each sum.
///
/// Requires: sums: as many as set_shape said; bits[i]: −2^bits ≤ value < 2^bits for all values of sum i; values[i], or
///           values_32[i] instead
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

  friend bool operator==(const shared_word&, const shared_word&) noexcept = default;
  [[nodiscard]] std::int64_t low_sum(std::int64_t word) const noexcept {
    if (high == nothing) return word;
    const std::uint64_t top = static_cast<std::uint64_t>(word) << (64 - shift);
    return PILLAR_MUTATE(narrow_words_unsigned, static_cast<std::int64_t>(top) >> (64 - shift),
                         static_cast<std::int64_t>(top >> (64 - shift)));
  }
  [[nodiscard]] std::int64_t part(std::uint64_t word, bool is_high) const noexcept {
    const auto both = static_cast<std::int64_t>(word);
    return is_high ? high_sum(both) : low_sum(both);
  }
  [[nodiscard]] std::int64_t high_sum(std::int64_t word) const noexcept {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(word) - static_cast<std::uint64_t>(low_sum(word))) >>
           shift;
  }
};

/// A row of words per slot: of the number of rows if wanted, and the sums. Two of them share a word where the values
/// are small enough for that to last: fewer additions, less memory. Few groups are kept four times, since a word that was
/// just written is slow to read again.
///
/// Shape:    slots 1 … last slot; slot 0 takes what is not wanted
/// Errors:   reserve, move, prepare_merge → out_of_memory; no sum is changed
class narrow_sums {
 public:
  explicit narrow_sums(memory_budget* budget = nullptr) noexcept : words_(budget), budget_(budget) {}

  void set_shape(bool rows, std::uint32_t sum_count) noexcept {
    rows_ = rows ? 1 : 0;
    sum_count_ = sum_count;
  }
  [[nodiscard]] std::uint32_t sum_count() const noexcept { return sum_count_; }
  [[nodiscard]] bool counts_rows() const noexcept { return rows_ != 0; }
  [[nodiscard]] bool used() const noexcept { return rows_ + sum_count_ != 0; }
  [[nodiscard]] bool empty() const noexcept { return pending_rows_ == 0; }
  /// What so many slots would take.
  [[nodiscard]] std::size_t byte_count(std::size_t slots) const noexcept {
    return slots * (stride_ == 0 ? rows_ + sum_count_ : stride_) * sizeof(std::uint64_t);
  }
  /// Rows since the words were empty.
  [[nodiscard]] std::uint64_t pending_rows() const noexcept { return pending_rows_; }

  /// Room for slots up to `last_slot`; what was added stays. Empty words are shared as suits `batch`.
  /// `likely`: so many will be there soon.
  result<void> reserve(std::uint32_t last_slot, const narrow_batch& batch, std::size_t likely = 0) noexcept {
    const std::size_t slots = std::size_t{last_slot} + 1;
    last_slot_ = last_slot;
    if (empty()) {
      lay_out(batch, slots);
      return reserve_first(slots);
    }
    return reserve_more(slots, likely);
  }

  enum class room : std::uint8_t { yes, after_clear, never };
  /// Whether a batch can be added so that no word overflows. Slots may be many more than groups.
  /// Requires: reserved for it
  [[nodiscard]] room room_for(const narrow_batch& batch, std::uint32_t group_count) const noexcept {
    for (std::uint32_t i = 0; i < sum_count_; ++i) {
      const unsigned bits = batch.bits[i];
      // Words that are full before they may be looked at would be emptied again and again.
      const bool lasts = bits <= lasting_bits || (std::uint64_t{1} << (63 - bits)) / rows_per_look >= group_count;
      if (bits > most_bits || !lasts) return room::never;
    }
    bool now = true;
    const auto bound = [&](std::uint32_t of) {
      return of == shared_word::rows ? most_rows_ + batch.row_count : pending_[of] + growth(batch, of);
    };
    for (std::uint32_t i = 0; i < stride_; ++i) now = now && lasts(layout_[i], bound);
    return PILLAR_MUTATE(narrow_sums_never_full, now || empty(), true) ? room::yes : room::after_clear;
  }

  /// Requires: room_for(batch) = yes, slots reserved
  void add(const narrow_batch& batch) noexcept {
    pending_rows_ += batch.row_count;
    most_rows_ += batch.row_count;
    rows_since_look_ += batch.row_count;
    for (std::uint32_t i = 0; i < sum_count_; ++i) pending_[i] += growth(batch, i);
    if (last_slot_ <= most_masked) add_masked(batch);
    else if (stride_ == 1 && layout_[0].low == 0 && layout_[0].high == shared_word::rows) add_shared(batch);
    else if (is_counted() && batch.values[0] != nullptr) add_counted(batch);
    else add_parts(batch);
  }

  [[nodiscard]] std::uint64_t rows(std::uint32_t slot) const noexcept {
    return static_cast<std::uint64_t>(part(sum_count_, slot));
  }
  [[nodiscard]] std::int64_t sum(std::uint32_t index, std::uint32_t slot) const noexcept { return part(index, slot); }
  /// The same of many slots.
  void copy_rows(const std::uint32_t* slots, std::uint32_t count, std::int64_t* PILLAR_RESTRICT out) const noexcept {
    copy_part(sum_count_, slots, count, out);
  }
  void copy_sums(std::uint32_t index, const std::uint32_t* slots, std::uint32_t count,
                 std::int64_t* PILLAR_RESTRICT out) const noexcept {
    copy_part(index, slots, count, out);
  }

  /// Looks how large the sums are: till then a slot's is known to be at most that of all values together, which is far
  /// too much where slots are many. False: it was done a short while ago.
  bool measure() noexcept {
    if (rows_since_look_ < rows_per_look * (std::uint64_t{last_slot_} + 1)) return false;
    rows_since_look_ = 0;
    for (std::uint32_t at = 0; at < stride_; ++at) {
      const shared_word of = layout_[at];
      std::uint64_t low = 0, high = 0;  // bits that some sum has
      if (copy_count_ == 1) see_sizes<false>(of, at, low, high);
      else see_sizes<true>(of, at, low, high);
      const auto lower = [this](std::uint32_t sum, std::uint64_t bits) {
        const std::uint64_t most = std::uint64_t{1} << std::bit_width(bits);
        std::uint64_t& bound = sum == shared_word::rows ? most_rows_ : pending_[sum];
        bound = most < bound ? most : bound;
      };
      lower(of.low, low);
      if (of.high != shared_word::nothing) lower(of.high, high);
    }
    return true;
  }

  /// Words go to other slots, up to `last_slot`: those of slot from(i) to slot to(i), for all i below `count`. The rest
  /// becomes 0. Errors: out_of_memory; nothing has moved
  template <class From, class To>
  result<void> move(std::uint32_t last_slot, std::uint32_t count, From from, To to) noexcept {
    const std::size_t slots = std::size_t{last_slot} + 1;
    const bool few = slots <= few_slots();
    growable<std::uint64_t> made(budget_);
    if (!empty()) PILLAR_TRY(made.append_zeros((few ? copies * few_slots() : slots) * stride_));
    last_slot_ = last_slot;
    if (empty()) return {};
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::size_t old = from(i);
      if (old >= slot_count_) continue;
      for (std::uint32_t at = 0; at < stride_; ++at) made[to(i) * stride_ + at] = word(old * stride_ + at);
    }
    words_.swap(made);
    slot_count_ = few ? few_slots() : slots;
    copy_count_ = few ? copies : 1;
    return {};
  }

  /// Room to merge another's sums into slots up to `last_slot`. False: together they may leave their words, and nothing
  /// has changed.
  ///
  /// Requires: the same shape
  result<bool> prepare_merge(const narrow_sums& other, std::uint32_t last_slot) noexcept {
    const std::size_t slots = std::size_t{last_slot} + 1;
    if (other.empty()) return true;
    if (empty()) {
      for (std::uint32_t i = 0; i <= sum_count_; ++i) {
        layout_[i] = other.layout_[i];
        places_[i] = other.places_[i];
      }
      stride_ = other.stride_;
      PILLAR_TRY(reserve_first(slots));
    } else {
      const auto bound = [&](std::uint32_t of) {
        return of == shared_word::rows ? most_rows_ + other.most_rows_ : pending_[of] + other.pending_[of];
      };
      bool last = same_words(other);
      for (std::uint32_t i = 0; i < stride_ && last; ++i) last = lasts(layout_[i], bound);
      if (PILLAR_MUTATE(narrow_merge_overflows, !last, false)) {
        for (std::uint32_t i = 0; i < sum_count_; ++i)
          if (bound(i) >= std::uint64_t{1} << 63) return false;
        if (stride_ != rows_ + sum_count_ && !spread({})) return false;
      }
      PILLAR_TRY(reserve_more(slots, 0));
    }
    last_slot_ = last_slot;
    return true;
  }
  /// Adds another's sums: those of slot from(i) to slot to(i), for all i below `count`.
  ///
  /// Requires: prepare_merge() said true
  template <class From, class To>
  void merge(const narrow_sums& other, std::uint32_t count, From from, To to) noexcept {
    if (other.empty()) return;
    const bool same = same_words(other);
    pending_rows_ += other.pending_rows_;
    most_rows_ += other.most_rows_;
    rows_since_look_ += other.rows_since_look_;
    for (std::uint32_t i = 0; i < sum_count_; ++i) pending_[i] += other.pending_[i];
    const std::size_t stride = stride_, other_stride = other.stride_;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i + ahead < count) {
        __builtin_prefetch(other.words_.data() + std::size_t{from(i + ahead)} * other_stride);
        __builtin_prefetch(words_.data() + std::size_t{to(i + ahead)} * stride, 1);
      }
      const std::size_t slot = from(i);
      if (slot >= other.slot_count_) continue;  // no rows so far
      std::uint64_t* const into = words_.data() + std::size_t{to(i)} * stride;
      for (std::size_t at = 0; at < stride; ++at) {
        const std::uint32_t sum = layout_[at].low == shared_word::rows ? sum_count_ : layout_[at].low;
        into[at] += same ? other.word(slot * stride + at) : static_cast<std::uint64_t>(other.part(sum, slot));
      }
    }
  }

  /// Gives each sum of many groups a word of its own, which is room for `next` without clearing. False: nothing was
  /// changed, for none shares a word, a word of its own would be full too, or there is no memory.
  bool spread(const narrow_batch& next) noexcept {
    const std::uint32_t width = rows_ + sum_count_;
    if (stride_ == width || copy_count_ != 1 || empty()) return false;
    for (std::uint32_t i = 0; i < sum_count_; ++i)
      if (pending_[i] + growth(next, i) >= std::uint64_t{1} << 63) return false;
    const std::size_t used = std::size_t{last_slot_} + 1;  // words of no group yet are not carried along
    const std::size_t slots = PILLAR_MUTATE(narrow_spread_grows, used < slot_count_ ? used : slot_count_, slot_count_);
    growable<std::uint64_t> made(budget_);
    if (!made.append_zeros(slots * width).ok()) return false;
    // A word's number is its sum's; the rows' is the last.
    for (std::uint32_t index = 0; index < width; ++index) {
      const place at = places_[index];
      const shared_word from = layout_[at.word];
      const bool is_high = PILLAR_MUTATE(narrow_spread_low_only, at.is_high, false);
      for (std::size_t slot = 0; slot < slots; ++slot)
        made[slot * width + index] = static_cast<std::uint64_t>(from.part(words_[slot * stride_ + at.word], is_high));
    }
    words_.swap(made);
    stride_ = width;
    slot_count_ = slots;
    for (std::uint32_t index = 0; index < width; ++index) {
      layout_[index] = {};
      layout_[index].low = index == sum_count_ ? shared_word::rows : index;
      places_[index] = {static_cast<std::uint8_t>(index), false};
    }
    return true;
  }
  void clear() noexcept {
    if (!empty()) std::memset(words_.data(), 0, words_.size() * sizeof(std::uint64_t));
    pending_rows_ = most_rows_ = rows_since_look_ = 0;
    for (auto& bound : pending_) bound = 0;
  }

 private:
  static constexpr std::size_t copies = 4;
  static constexpr std::uint32_t chunk = 6;
  static constexpr std::uint32_t most_masked = 6;
  static constexpr unsigned part_bits = 8;  // parts whose words stay in L1, and of whose sums several fit into one
  static constexpr std::uint32_t part_rows = 1u << part_bits;
  static constexpr std::uint32_t word_chunk = 3;
  static constexpr std::uint32_t rows_per_look = 4;  // and slot
  static constexpr unsigned most_bits = 52;          // a batch's 2^10 values stay below 2^62
  static constexpr unsigned lasting_bits = 40;       // words of 2^23 rows; floats never have more with so many groups
  static constexpr std::uint32_t ahead = 24;         // rows whose words are asked for early
  static constexpr std::size_t cache_bytes = std::size_t{1} << 19;

  /// Room for so many slots where all words are 0.
  result<void> reserve_first(std::size_t slots) noexcept {
    const bool few = slots <= few_slots();
    const std::size_t wanted = (few ? copies * few_slots() : slots) * stride_;
    if (words_.size() < wanted) PILLAR_TRY(words_.append_zeros(wanted - words_.size()));
    copy_count_ = few ? copies : 1;
    slot_count_ = few ? few_slots() : words_.size() / stride_;
    return {};
  }
  /// The same where sums stay.
  result<void> reserve_more(std::size_t slots, std::size_t likely) noexcept {
    if (slots <= slot_count_) return {};
    if (copy_count_ == 1) {
      if (slots * stride_ * sizeof(std::uint64_t) > words_.byte_count())
        reserve_likely(words_, (likely + 1) * stride_, budget_);
      PILLAR_TRY(words_.append_zeros(slots * stride_ - words_.size()));
      slot_count_ = slots;
      return {};
    }
    growable<std::uint64_t> made(budget_);
    PILLAR_TRY(made.append_zeros(slots * stride_));
    for (std::size_t i = 0; i < slot_count_ * stride_; ++i) made[i] = word(i);
    words_.swap(made);
    slot_count_ = slots;
    copy_count_ = 1;
    return {};
  }

  [[nodiscard]] std::size_t few_slots() const noexcept { return stride_ <= 2 ? 256 : stride_ <= 4 ? 128 : 32; }
  [[nodiscard]] static std::uint64_t growth(const narrow_batch& batch, std::uint32_t sum) noexcept {
    return std::uint64_t{batch.row_count} << batch.bits[sum];
  }
  /// Whether a word's sums come out exactly when they are bounded so.
  [[nodiscard]] static bool lasts(const shared_word& of, const auto& bound) noexcept {
    if (of.high == shared_word::nothing) return bound(of.low) < std::uint64_t{1} << 63;
    return bound(of.low) < std::uint64_t{1} << (of.shift - 1u) && bound(of.high) < std::uint64_t{1} << (63u - of.shift);
  }
  [[nodiscard]] bool same_words(const narrow_sums& other) const noexcept {
    bool same = stride_ == other.stride_;
    for (std::uint32_t i = 0; i < stride_ && same; ++i) same = layout_[i] == other.layout_[i];
    return same;
  }
  [[nodiscard]] bool beyond_cache() const noexcept {
    return copy_count_ == 1 && slot_count_ * stride_ * sizeof(std::uint64_t) > cache_bytes;
  }
  [[nodiscard]] std::uint64_t word(std::size_t at) const noexcept {
    std::uint64_t total = words_[at];
    for (std::size_t copy = 1; copy < copy_count_; ++copy) total += words_[at + copy * few_slots() * stride_];
    return total;
  }
  template <bool Copies>
  void see_sizes(const shared_word& of, std::uint32_t at, std::uint64_t& low, std::uint64_t& high) const noexcept {
    const std::size_t slots = slot_count_ <= last_slot_ ? slot_count_ : last_slot_ + std::size_t{1}, stride = stride_;
    const std::uint64_t* PILLAR_RESTRICT words = words_.data() + at;
    const auto size = [](std::int64_t sum) {
      return static_cast<std::uint64_t>(PILLAR_MUTATE(narrow_measure_positive, sum ^ (sum >> 63), sum < 0 ? 0 : sum));
    };
    std::uint64_t lows = 0, highs = 0;
    const bool shared = of.high != shared_word::nothing;
    for (std::size_t slot = 1; slot < slots; ++slot) {
      const auto both = static_cast<std::int64_t>(Copies ? word(slot * stride + at) : words[slot * stride]);
      lows |= size(of.low_sum(both));
      if (shared) highs |= size(of.high_sum(both));
    }
    low = lows;
    high = highs;
  }

  /// A sum of a slot; index sum_count_: its rows.
  [[nodiscard]] std::int64_t part(std::uint32_t index, std::size_t slot) const noexcept {
    if (empty() || slot >= slot_count_) return 0;
    const place at = places_[index];
    return layout_[at.word].part(word(slot * stride_ + at.word), at.is_high);
  }
  void copy_part(std::uint32_t index, const std::uint32_t* slots, std::uint32_t count,
                 std::int64_t* PILLAR_RESTRICT out) const noexcept {
    bool all = !empty() && copy_count_ == 1;
    for (std::uint32_t i = 0; i < count; ++i) all = all && slots[i] < slot_count_;
    if (!all) {
      for (std::uint32_t i = 0; i < count; ++i) out[i] = part(index, slots[i]);
      return;
    }
    const place at = places_[index];
    const shared_word of = layout_[at.word];
    const std::size_t stride = stride_;
    const std::uint64_t* PILLAR_RESTRICT words = words_.data() + at.word;
    for (std::uint32_t i = 0; i < count; ++i) out[i] = of.part(words[slots[i] * stride], at.is_high);
  }

  /// How the words of groups are shared: each of the largest sums takes in the largest that it has room for, if then
  /// clearing is rare against the number of groups. What bits are left is divided.
  void lay_out(const narrow_batch& batch, std::size_t slots) noexcept {
    const std::size_t least_rows = std::size_t{1} << 18;  // between two clearings
    const auto row_bits = static_cast<unsigned>(std::bit_width(16 * slots > least_rows ? 16 * slots : least_rows));
    std::uint8_t bits[narrow_batch::most_sums + 1];
    for (std::uint32_t i = 0; i < sum_count_; ++i) bits[i] = static_cast<std::uint8_t>(batch.bits[i] + row_bits + 1);
    bits[sum_count_] = static_cast<std::uint8_t>(row_bits + 1);
    stride_ = pair_up(bits, slots > most_masked + 1u, layout_);
    for (std::uint32_t i = 0; i < stride_; ++i) {
      shared_word& of = layout_[i];
      places_[of.low == shared_word::rows ? sum_count_ : of.low] = {static_cast<std::uint8_t>(i), false};
      if (of.high == shared_word::nothing) continue;
      const std::uint32_t high = of.high == shared_word::rows ? sum_count_ : of.high;
      places_[high] = {static_cast<std::uint8_t>(i), true};
      of.shift = static_cast<std::uint8_t>(of.shift + (64u - of.shift - bits[high]) / 2);
    }
  }

  /// Words for sums of so many bits with their sign; the last is the number of rows. Without `shared`, one each.
  std::uint32_t pair_up(const std::uint8_t* bits, bool shared, shared_word* words) const noexcept {
    bool open[narrow_batch::most_sums + 1];
    for (std::uint32_t i = 0; i <= sum_count_; ++i) open[i] = i != sum_count_ || rows_ != 0;
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
      word.low = take_largest(255);
      if (word.low == shared_word::nothing) return count;
      if (shared && word.low != sum_count_ && bits[word.low] < 64) {
        word.shift = bits[word.low];
        word.high = take_largest(64u - word.shift);
      }
      if (word.low == sum_count_) word.low = shared_word::rows;
      if (word.high == sum_count_) word.high = shared_word::rows;
      words[count++] = word;
    }
  }

  void add_shared(const narrow_batch& batch) noexcept {
    if (batch.values_32[0] != nullptr) add_shared(batch, batch.values_32[0]);
    else add_shared(batch, batch.values[0]);
  }
  template <class T>
  void add_shared(const narrow_batch& batch, const T* PILLAR_RESTRICT values) noexcept {
    const std::uint32_t* PILLAR_RESTRICT slots = batch.slots;
    std::uint64_t* PILLAR_RESTRICT words = words_.data();
    const std::uint64_t one = std::uint64_t{1} << layout_[0].shift;
    const auto with = [one](T value) { return one + static_cast<std::uint64_t>(std::int64_t{value}); };
    // Two rows' slots and values are loaded at once: loads are what adding waits for.
    const auto add_two = [&](std::uint64_t* first, std::uint64_t* second, std::size_t row) {
      const auto pair = load_unaligned<std::uint64_t>(slots + row);
      std::uint64_t &one_word = first[static_cast<std::uint32_t>(pair)], &other = second[pair >> 32];
      if constexpr (sizeof(T) == 4) {
        const auto two = load_unaligned<std::int64_t>(values + row);
        one_word += one + static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(two)});
        other += one + static_cast<std::uint64_t>(two >> 32);
      } else {
        one_word += with(values[row]);
        other += with(values[row + 1]);
      }
    };
    const std::size_t count = batch.row_count;
    std::size_t row = 0;
    if (copy_count_ == 1) {
      if (beyond_cache()) {
        for (; row + 2 + ahead <= count; row += 2) {
          const auto next = load_unaligned<std::uint64_t>(slots + row + ahead);
          __builtin_prefetch(words + static_cast<std::uint32_t>(next), 1);
          __builtin_prefetch(words + (next >> 32), 1);
          add_two(words, words, row);
        }
      }
    } else {
      std::uint64_t *const second = words + few_slots(), *const third = second + few_slots(),
                           *const fourth = third + few_slots();
      for (; row + copies <= count; row += copies) {
        add_two(words, second, row);
        add_two(third, fourth, row + 2);
      }
    }
    for (; row < count; ++row) words[slots[row]] += with(values[row]);
  }

  /// Whether a slot's words are one sum and the number of rows.
  [[nodiscard]] bool is_counted() const noexcept {
    return stride_ == 2 && layout_[0] == shared_word{0} && layout_[1] == shared_word{shared_word::rows};
  }
  void add_counted(const narrow_batch& batch) noexcept {
    const std::uint32_t* PILLAR_RESTRICT slots = batch.slots;
    const std::int64_t* PILLAR_RESTRICT values = batch.values[0];
    std::uint64_t* PILLAR_RESTRICT words = words_.data();
    const auto add = [&](std::uint64_t* to, std::uint32_t row) {
      to += 2 * std::size_t{slots[row]};
      to[0] += static_cast<std::uint64_t>(values[row]);
      ++to[1];
    };
    const std::uint32_t count = batch.row_count;
    std::uint32_t row = 0;
    if (beyond_cache()) {
      for (; row + ahead < count; ++row) {
        __builtin_prefetch(words + 2 * std::size_t{slots[row + ahead]}, 1);
        add(words, row);
      }
    } else if (copy_count_ != 1) {
      std::uint64_t *const second = words + 2 * few_slots(), *const third = second + 2 * few_slots(),
                           *const fourth = third + 2 * few_slots();
      for (; row + copies <= count; row += copies) {
        add(words, row);
        add(second, row + 1);
        add(third, row + 2);
        add(fourth, row + 3);
      }
    }
    for (; row < count; ++row) add(words, row);
  }

  /// A part of the batch after the other: its words, where sums share them, then those of a row into those of its slot.
  void add_parts(const narrow_batch& batch) noexcept {
    std::int64_t memory[chunk][part_rows];
    for (std::uint32_t first = 0; first < stride_; first += chunk) {
      const auto count = static_cast<std::uint32_t>(stride_ - first < chunk ? stride_ - first : chunk);
      for (std::uint32_t begin = 0; begin < batch.row_count; begin += part_rows) {
        const std::uint32_t left = batch.row_count - begin, rows = left < part_rows ? left : part_rows;
        const std::int64_t* values[chunk];
        for (std::uint32_t i = 0; i < count; ++i)
          values[i] = fill_word(batch, layout_[first + i], begin, rows, memory[i]);
        const std::uint32_t* slots = batch.slots + begin;
        switch (count) {
          case 1: add_words<1>(slots, values, rows, left, first); break;
          case 2: add_words<2>(slots, values, rows, left, first); break;
          case 3: add_words<3>(slots, values, rows, left, first); break;
          case 4: add_words<4>(slots, values, rows, left, first); break;
          case 5: add_words<5>(slots, values, rows, left, first); break;
          default: add_words<6>(slots, values, rows, left, first); break;
        }
      }
    }
  }
  /// `left` slots may be read, of which `rows` are to be added.
  template <std::uint32_t Words>
  void add_words(const std::uint32_t* PILLAR_RESTRICT slots, const std::int64_t* const* values, std::uint32_t rows,
                 std::uint32_t left, std::uint32_t first) noexcept {
    if (stride_ == Words) add_strided<Words, Words>(slots, values, rows, left, first);
    else add_strided<Words, 0>(slots, values, rows, left, first);
  }
  /// `Stride`: stride_, or 0 where it is not known.
  template <std::uint32_t Words, std::uint32_t Stride>
  void add_strided(const std::uint32_t* PILLAR_RESTRICT slots, const std::int64_t* const* values, std::uint32_t rows,
                   std::uint32_t left, std::uint32_t first) noexcept {
    const std::int64_t* from[Words];
    for (std::uint32_t i = 0; i < Words; ++i) from[i] = values[i];
    std::uint64_t* PILLAR_RESTRICT words = words_.data() + first;
    const std::size_t stride = Stride == 0 ? stride_ : Stride;
    std::size_t row = 0;
    const auto add_two = [&](std::uint64_t* one, std::uint64_t* other, std::size_t at) {
      const auto pair = load_unaligned<std::uint64_t>(slots + at);
      add_rows<Words>(one + static_cast<std::uint32_t>(pair) * stride, other + (pair >> 32) * stride, from, at);
    };
    if (beyond_cache()) {
      const auto ask_for = [&](std::uint64_t slot) {
        const std::uint64_t* const next = words + slot * stride;
        __builtin_prefetch(next, 1);
        if constexpr ((Words & (Words - 1)) != 0) __builtin_prefetch(next + Words - 1, 1);  // the row may cross a line
      };
      for (; row + 2 <= rows && row + 2 + ahead <= left; row += 2) {
        const auto next = load_unaligned<std::uint64_t>(slots + row + ahead);
        ask_for(static_cast<std::uint32_t>(next));
        ask_for(next >> 32);
        add_two(words, words, row);
      }
    } else if (copy_count_ != 1) {
      const std::size_t copy = few_slots() * stride;
      std::uint64_t *const second = words + copy, *const third = second + copy, *const fourth = third + copy;
      for (; row + copies <= rows; row += copies) {
        add_two(words, second, row);
        add_two(third, fourth, row + 2);
      }
    }
    for (; row < rows; ++row) add_row<Words>(words + slots[row] * stride, from, row);
  }
  /// Two rows of which the first is added before the second, since they may be of one slot; words by twos, in as many
  /// registers as all processors have.
  template <std::uint32_t Words>
  PILLAR_ALWAYS_INLINE static void add_rows(std::uint64_t* first, std::uint64_t* second,
                                            const std::int64_t* const* values, std::size_t row) noexcept {
    using two_words [[gnu::vector_size(16)]] = std::uint64_t;
    const auto add = [](std::uint64_t* to, two_words more) {
      store_unaligned(to, load_unaligned<two_words>(to) + more);
    };
    for (std::uint32_t i = 0; i + 2 <= Words; i += 2) {
      const auto low = load_unaligned<two_words>(values[i] + row),
                 high = load_unaligned<two_words>(values[i + 1] + row);
      add(first + i, two_words{low[0], high[0]});
      add(second + i, two_words{low[1], high[1]});
    }
    if constexpr (Words % 2 != 0) {
      first[Words - 1] += static_cast<std::uint64_t>(values[Words - 1][row]);
      second[Words - 1] += static_cast<std::uint64_t>(values[Words - 1][row + 1]);
    }
  }
  template <std::uint32_t Words>
  PILLAR_ALWAYS_INLINE static void add_row(std::uint64_t* to, const std::int64_t* const* values,
                                           std::size_t row) noexcept {
    for (std::uint32_t i = 0; i < Words; ++i) to[i] += static_cast<std::uint64_t>(values[i][row]);
  }

  /// Which sums of a part of a batch share a word.
  [[nodiscard]] std::uint32_t share_words(const narrow_batch& batch, shared_word* words) const noexcept {
    std::uint8_t bits[narrow_batch::most_sums + 1];
    for (std::uint32_t i = 0; i <= sum_count_; ++i)
      bits[i] = static_cast<std::uint8_t>((i == sum_count_ ? 1 : batch.bits[i]) + part_bits + 1);
    return pair_up(bits, true, words);
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
        for (std::uint32_t slot = 1; slot <= last_slot_; slot += 2) {
          std::int64_t sums[2][word_chunk];
          switch (count) {
            case 1: add_part<1>(slots, values, rows, slot, sums); break;
            case 2: add_part<2>(slots, values, rows, slot, sums); break;
            default: add_part<3>(slots, values, rows, slot, sums); break;
          }
          for (std::uint32_t i = 0; i < count; ++i) {
            add_word(words[first + i], sums[0][i], slot);
            if (slot < last_slot_) add_word(words[first + i], sums[1][i], slot + 1);
          }
        }
      }
    }
  }
  void add_word(const shared_word& word, std::int64_t sum, std::uint32_t slot) noexcept {
    std::uint64_t* const to = words_.data() + slot * stride_;
    const auto add = [&](std::uint32_t of, std::int64_t value) {
      const place at = places_[of == shared_word::rows ? sum_count_ : of];
      to[at.word] += static_cast<std::uint64_t>(value) << (at.is_high ? layout_[at.word].shift : 0);
    };
    add(word.low, word.low_sum(sum));
    if (word.high != shared_word::nothing) add(word.high, word.high_sum(sum));
  }
  /// The sums of the rows of `slot` and of the one after it.
  template <std::uint32_t Words>
  static void add_part(const std::uint64_t* PILLAR_RESTRICT slots, const std::int64_t* const* values,
                       std::uint32_t row_count, std::uint64_t slot, std::int64_t (*out)[word_chunk]) noexcept {
    std::uint64_t first[Words] = {}, second[Words] = {};  // two sums in a word may need its last bit: they wrap
    for (std::uint32_t row = 0; row < row_count; ++row) {
      const std::uint64_t in_first = std::uint64_t{0} - (slots[row] == slot ? 1u : 0u);
      const std::uint64_t in_second = std::uint64_t{0} - (slots[row] == slot + 1 ? 1u : 0u);
      for (std::uint32_t i = 0; i < Words; ++i) {
        first[i] += static_cast<std::uint64_t>(values[i][row]) & in_first;
        second[i] += static_cast<std::uint64_t>(values[i][row]) & in_second;
      }
    }
    for (std::uint32_t i = 0; i < Words; ++i) {
      out[0][i] = static_cast<std::int64_t>(first[i]);
      out[1][i] = static_cast<std::int64_t>(second[i]);
    }
  }

  growable<std::uint64_t> words_;
  memory_budget* budget_;
  std::uint32_t last_slot_ = 0;
  std::size_t slot_count_ = 0;
  std::size_t copy_count_ = 1;
  struct place {
    std::uint8_t word;
    bool is_high;
  };
  std::uint32_t stride_ = 0;                              ///< words of a slot at the moment
  shared_word layout_[narrow_batch::most_sums + 1] = {};  ///< stride_ of them
  place places_[narrow_batch::most_sums + 1] = {};        ///< of the sums, and of the number of rows
  std::uint32_t rows_ = 0;
  std::uint32_t sum_count_ = 0;
  std::uint64_t pending_rows_ = 0;
  std::uint64_t rows_since_look_ = 0;
  std::uint64_t most_rows_ = 0;                          ///< bound of the slots' rows
  std::uint64_t pending_[narrow_batch::most_sums] = {};  ///< bounds of the sums' sizes
};

}  // namespace PILLAR_NAMESPACE::detail
