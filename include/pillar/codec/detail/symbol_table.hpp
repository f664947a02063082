// SPDX-License-Identifier: Apache-2.0
/// Finding the symbols of a text, and cutting it into them: the encoder's half of codec/text_symbols.hpp.
#pragma once
#include <algorithm>  // std::nth_element, std::sort
#include <bit>        // std::bit_width
#include <cstdint>
#include <cstring>  // std::memcpy, std::memset
#include <span>

#include "pillar/base/bits.hpp"    // load_unaligned
#include "pillar/base/buffer.hpp"  // buffer
#include "pillar/base/result.hpp"

namespace PILLAR_NAMESPACE::detail {

/// 1 to 16 bytes, zero-padded.
struct symbol {
  std::uint64_t low = 0;   ///< bytes 0 to 7
  std::uint64_t high = 0;  ///< bytes 8 to 15
  std::uint32_t size = 0;

  [[nodiscard]] std::byte byte(std::uint32_t i) const noexcept {
    return static_cast<std::byte>(i < 8 ? low >> (8 * i) : high >> (8 * (i - 8)));
  }
  friend bool operator==(const symbol&, const symbol&) = default;
  /// In the order of their bytes.
  friend bool operator<(const symbol& a, const symbol& b) noexcept {
    const std::uint64_t x = a.low != b.low ? a.low : a.high, y = a.low != b.low ? b.low : b.high;
    if (x != y) return __builtin_bswap64(x) < __builtin_bswap64(y);
    return a.size < b.size;
  }
};

/// The lowest `count` bytes of a word, 0 ≤ count.
constexpr std::uint64_t low_bytes(std::uint32_t count) noexcept {
  return count >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * count)) - 1;
}

/// The first `size` ≤ 16 bytes at `from`, of which 16 are readable.
inline symbol symbol_at(const std::byte* from, std::uint32_t size) noexcept {
  return {load_unaligned<std::uint64_t>(from) & low_bytes(size),
          size <= 8 ? 0 : load_unaligned<std::uint64_t>(from + 8) & low_bytes(size - 8), size};
}

/// a, then as much of b as there is room for.
inline symbol joined(const symbol& a, const symbol& b) noexcept {
  alignas(16) std::byte bytes[48] = {};
  std::memcpy(bytes, &a.low, 16);
  std::memcpy(bytes + a.size, &b.low, 16);
  return symbol_at(bytes, std::min(a.size + b.size, std::uint32_t{16}));
}

/// A set of symbols that finds the longest one a text begins with.
///
/// Layout:   hash tables keyed by the first 8, 4, 3 and 2 bytes, of the symbols of 8–16, 4–7, 3 and 2 bytes. Those of
///           one key lie side by side, longest first; beyond `most_of_key` they are never found
/// Requires: each byte of the text is a symbol
struct symbol_index {
  static constexpr std::uint32_t capacity = 4096;
  static constexpr std::uint32_t none = 0xffff;
  static constexpr int hash_bits = 12;
  static constexpr std::uint32_t tiers = 4;
  static constexpr std::uint32_t most_of_key = 1024;

  /// A symbol of a hash table.
  struct place {
    std::uint64_t low, high;
    std::uint64_t mask;  ///< of low for up to 7 bytes, of high for more
    std::uint32_t size;
    std::uint32_t what;  ///< size << 16 | number
  };

  symbol symbols[capacity];
  std::uint32_t count;
  place places[capacity];
  std::uint16_t single[256];
  std::uint16_t begins[tiers][(1 << hash_bits) + 1];  ///< of a key's places

  static std::uint32_t hash(std::uint64_t key) noexcept {
    return static_cast<std::uint32_t>((key * 0x9e3779b97f4a7c15u) >> (64 - hash_bits));
  }
  static std::uint32_t tier_of(std::uint32_t size) noexcept { return size < 4 ? size - 2 : size < 8 ? 2 : 3; }
  static std::uint32_t hash(const symbol& one) noexcept {
    return hash(one.low & low_bytes(one.size < 4 ? one.size : one.size < 8 ? 4 : 8));
  }

  /// Takes over symbols[0, count).
  void build() noexcept {
    std::memset(single, 0xff, sizeof(single));
    std::memset(begins, 0, sizeof(begins));
    std::uint16_t order[capacity];  // longest first
    std::uint32_t first[18] = {};
    for (std::uint32_t i = 0; i < count; ++i) ++first[17 - symbols[i].size];
    for (std::uint32_t i = 1; i < 18; ++i) first[i] += first[i - 1];
    for (std::uint32_t i = count; i-- > 0;) order[--first[17 - symbols[i].size]] = static_cast<std::uint16_t>(i);
    // Counts, then ends, which filling from the back makes begins.
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const symbol& one = symbols[order[i]];
      if (one.size == 1) {
        single[one.low] = order[i];
        continue;
      }
      std::uint16_t& in_key = begins[tier_of(one.size)][hash(one)];
      if (in_key == most_of_key) continue;
      ++in_key;
      order[kept++] = order[i];
    }
    std::uint32_t sum = 0;
    for (auto& tier : begins)
      for (std::uint16_t& begin : tier) begin = static_cast<std::uint16_t>(sum += begin);
    for (std::uint32_t i = kept; i-- > 0;) {
      const symbol& one = symbols[order[i]];
      places[--begins[tier_of(one.size)][hash(one)]] = {
          one.low, one.high, low_bytes(one.size < 8 ? one.size : one.size - 8), one.size, one.size << 16 | order[i]};
    }
  }
  /// The longest symbol at `from`, `left` ≥ 1 bytes before the end, as size << 16 | number; 16 bytes are readable.
  [[nodiscard]] std::uint32_t find(const std::byte* from, std::size_t left) const noexcept {
    const auto low = load_unaligned<std::uint64_t>(from);
    const auto high = load_unaligned<std::uint64_t>(from + 8);
    const std::uint32_t key = hash(low);
    for (std::uint32_t i = begins[3][key], end = begins[3][key + 1]; i < end; ++i)
      if (((places[i].low ^ low) | ((places[i].high ^ high) & places[i].mask)) == 0 && places[i].size <= left)
        return places[i].what;
    for (std::uint32_t tier = 3; tier-- > 0;) {
      const std::uint32_t below = hash(low & low_bytes(tier + 2));
      for (std::uint32_t i = begins[tier][below], end = begins[tier][below + 1]; i < end; ++i)
        if (((places[i].low ^ low) & places[i].mask) == 0 && places[i].size <= left) return places[i].what;
    }
    return std::uint32_t{1} << 16 | single[low & 0xff];
  }
};

/// The characters of a block's rows one after the other, followed by 16 readable bytes.
struct symbol_text {
  const std::byte* characters = nullptr;
  const std::uint32_t* ends = nullptr;  ///< of rows
  std::uint32_t row_count = 0;
  [[nodiscard]] std::uint32_t begin(std::uint32_t row) const noexcept { return row == 0 ? 0 : ends[row - 1]; }
};

/// Builds a table from a sample, bottom up: the symbols that a parse of the sample uses and the pairs it puts side by
/// side compete by the characters they would cover, and the best of them make the next round's table.
class symbol_builder {
 public:
  /// Rounds of growth: lengths double in each.
  static constexpr int rounds = 6;

  /// The best table for codes of the width that suits the text; its bytes per character on rows that took no part, in
  /// 1/1,024 bits, into `cost`.
  static result<void> build(const symbol_text& text, std::uint32_t character_count, symbol_index& table,
                            memory_budget* budget, std::uint64_t& cost) {
    PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(sizeof(symbol_builder), budget));
    auto* builder = ::new (static_cast<void*>(memory.data())) symbol_builder(text, table);
    builder->run(character_count);
    cost = builder->best_cost_;
    return {};
  }

 private:
  static constexpr std::uint32_t pair_bits = 15, max_pairs = (1u << pair_bits) * 3 / 4;
  static constexpr std::uint32_t max_candidates = 1u << 14, candidate_bits = 15;
  static constexpr std::uint32_t max_pieces = 4096;

  struct candidate {
    symbol what;
    std::uint64_t gain;
  };
  struct piece {
    std::uint32_t begin, end;
  };
  struct pair {
    std::uint32_t key, count;
  };

  symbol_builder(const symbol_text& text, symbol_index& table) noexcept : text_(text), table_(table) {}

  void run(std::uint32_t character_count) {
    bool seen[256] = {};
    for (std::uint32_t i = 0; i < character_count; ++i) seen[static_cast<std::uint8_t>(text_.characters[i])] = true;
    for (std::uint32_t value = 0; value < 256; ++value)
      if (seen[value]) singles_[single_count_++] = {value, 0, 1};
    take_sample(character_count);
    std::uint32_t width = character_count < 100'000 ? 9 : character_count < 600'000 ? 11 : 12;
    width = std::max(width, width_of(single_count_));
    set_table(0);
    for (int round = 0; round < rounds; ++round) grow(round, (1u << width) - single_count_);
    // Fewer symbols cost less per code and less table. What was found is in the order of its worth.
    best_cost_ = ~std::uint64_t{0};
    std::uint32_t best = 0;
    for (; width >= width_of(single_count_); --width) {
      const std::uint32_t kept = std::min((1u << width) - single_count_, candidate_count_);
      set_table(kept);
      const std::uint64_t cost = cost_per_character(character_count);
      if (cost >= best_cost_) break;
      best_cost_ = cost;
      best = kept;
    }
    set_table(best);
  }

  static std::uint32_t width_of(std::uint32_t count) noexcept {
    return count <= 2 ? 1 : static_cast<std::uint32_t>(std::bit_width(count - 1));
  }

  /// Pieces of rows, evenly spread but for a jitter; every eighth is kept for judging.
  void take_sample(std::uint32_t character_count) noexcept {
    const std::uint32_t target = std::clamp(character_count / 20, 16u << 10, 192u << 10);
    const std::uint32_t mean = std::min(character_count / text_.row_count + 1, 1024u);
    const std::uint32_t wanted = std::clamp(target / mean, 16u, max_pieces);
    const std::uint32_t stride = std::max(text_.row_count / wanted, 1u);
    const std::uint32_t most = std::max(target / wanted * 4, 1024u);
    std::uint64_t random = 1;
    for (std::uint32_t row = 0; row < text_.row_count && piece_count_ < max_pieces; row += stride) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      const std::uint32_t at = std::min(row + static_cast<std::uint32_t>((random >> 33) % stride), text_.row_count - 1);
      std::uint32_t begin = text_.begin(at), end = text_.ends[at];
      if (begin == end) continue;
      if (end - begin > most) {
        begin += static_cast<std::uint32_t>((random >> 17) % (end - begin - most + 1));
        end = begin + most;
      }
      pieces_[piece_count_++] = {begin, end};
    }
  }

  /// The single bytes and the first `kept` candidates.
  void set_table(std::uint32_t kept) noexcept {
    table_.count = single_count_ + kept;
    std::copy(singles_, singles_ + single_count_, table_.symbols);
    for (std::uint32_t i = 0; i < kept; ++i) table_.symbols[single_count_ + i] = candidates_[i].what;
    table_.build();
  }

  void count_pair(std::uint32_t key) noexcept {
    std::uint32_t at = static_cast<std::uint32_t>((key * 0x9e3779b97f4a7c15u) >> (64 - pair_bits));
    while (pairs_[at].count != 0 && pairs_[at].key != key) at = (at + 1) & ((1u << pair_bits) - 1);
    if (pairs_[at].count == 0) {
      if (pair_count_ == max_pairs) return;
      ++pair_count_;
      pairs_[at].key = key;
    }
    ++pairs_[at].count;
  }

  void add_candidate(const symbol& what, std::uint64_t gain) noexcept {
    std::uint32_t at = static_cast<std::uint32_t>(
        ((what.low ^ what.high * 0xff51afd7ed558ccdu ^ what.size) * 0x9e3779b97f4a7c15u) >> (64 - candidate_bits));
    while (slots_[at] != 0 && candidates_[slots_[at] - 1].what != what) at = (at + 1) & ((1u << candidate_bits) - 1);
    if (slots_[at] != 0) {
      candidates_[slots_[at] - 1].gain += gain;
    } else if (candidate_count_ < max_candidates) {
      candidates_[candidate_count_++] = {what, gain};
      slots_[at] = static_cast<std::uint16_t>(candidate_count_);
    }
  }

  void grow(int round, std::uint32_t kept) noexcept {
    const bool last = round + 1 == rounds;
    std::memset(counts_, 0, sizeof(counts_));
    std::memset(pairs_, 0, sizeof(pairs_));
    pair_count_ = 0;
    const std::uint32_t step = round == 0 ? 4 : round == 1 ? 2 : 1;  // short symbols are seen often enough
    for (std::uint32_t i = 0; i < piece_count_; i += step) {
      if (i % 8 == 7) continue;
      std::uint32_t before = symbol_index::none;
      for (std::uint32_t at = pieces_[i].begin; at < pieces_[i].end;) {
        const std::uint32_t what = table_.find(text_.characters + at, pieces_[i].end - at);
        const std::uint32_t code = what & 0xffff;
        ++counts_[code];
        if (!last && before != symbol_index::none) count_pair(before << 16 | code);
        before = code;
        at += what >> 16;
      }
    }
    candidate_count_ = 0;
    std::memset(slots_, 0, sizeof(slots_));
    for (std::uint32_t i = single_count_; i < table_.count; ++i)
      if (counts_[i] != 0) add_candidate(table_.symbols[i], std::uint64_t{counts_[i]} * table_.symbols[i].size);
    if (!last)
      for (const pair& one : pairs_) {
        if (one.count < 2) continue;
        const symbol both = joined(table_.symbols[one.key >> 16], table_.symbols[one.key & 0xffff]);
        add_candidate(both, std::uint64_t{one.count} * both.size);
      }
    kept = std::min(kept, candidate_count_);
    const auto better = [](const candidate& a, const candidate& b) {
      return a.gain != b.gain ? a.gain > b.gain : a.what < b.what;
    };
    if (kept < candidate_count_)
      std::nth_element(candidates_, candidates_ + kept, candidates_ + candidate_count_, better);
    candidate_count_ = kept;
    if (last) std::sort(candidates_, candidates_ + kept, better);
    set_table(kept);
  }

  /// Table and codes, from the pieces that took no part, in 1/1,024 bits per character.
  [[nodiscard]] std::uint64_t cost_per_character(std::uint32_t character_count) const noexcept {
    std::uint64_t codes = 0, characters = 0;
    const std::uint32_t step = piece_count_ < 16 ? 1 : 8;
    for (std::uint32_t i = step - 1; i < piece_count_; i += step) {
      characters += pieces_[i].end - pieces_[i].begin;
      for (std::uint32_t at = pieces_[i].begin; at < pieces_[i].end; ++codes)
        at += table_.find(text_.characters + at, pieces_[i].end - at) >> 16;
    }
    if (characters == 0) return ~std::uint64_t{0} - 1;
    return (codes * width_of(table_.count) << 10) / characters +
           (std::uint64_t{table_.count} * 44 << 10) / character_count;  // a symbol takes about 5.5 bytes
  }

  const symbol_text& text_;
  symbol_index& table_;
  std::uint64_t best_cost_ = 0;
  std::uint32_t single_count_ = 0, piece_count_ = 0, pair_count_ = 0, candidate_count_ = 0;
  symbol singles_[256];
  piece pieces_[max_pieces];
  std::uint32_t counts_[symbol_index::capacity];
  pair pairs_[1u << pair_bits];
  candidate candidates_[max_candidates];
  std::uint16_t slots_[1u << candidate_bits];
};

}  // namespace PILLAR_NAMESPACE::detail
