// SPDX-License-Identifier: Apache-2.0
/// Finding the symbols of a text, and cutting it into them: the encoder's half of codec/text_symbols.hpp.
#pragma once
#include <algorithm>  // std::clamp, std::lower_bound, std::max, std::min
#include <bit>        // std::bit_width, std::countr_zero
#include <cstdint>
#include <cstring>  // std::memcpy, std::memset
#include <new>      // placement new
#include <string_view>

#include "pillar/base/bits.hpp"    // load_unaligned
#include "pillar/base/buffer.hpp"  // buffer
#include "pillar/base/result.hpp"
#include "pillar/codec/codec.hpp"  // encode_input
#include "pillar/codec/detail/gather.hpp"

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

/// By the size of a prefix: low_bytes of its first and second eight bytes, and a factor that tells sizes apart.
struct prefix_sizes {
  std::uint64_t low[17] = {}, high[17] = {}, factor[17] = {};
  constexpr prefix_sizes() noexcept {
    for (std::uint32_t size = 0; size <= 16; ++size) {
      low[size] = low_bytes(size);
      high[size] = size < 8 ? 0 : low_bytes(size - 8);
      factor[size] = 0x9e3779b97f4a7c15u + (std::uint64_t{size} << 33);
    }
  }
};
inline constexpr prefix_sizes by_prefix_size{};

/// Texts, none of them empty, each followed by a byte that occurs in no symbol of more than a byte; then 16 readable
/// bytes.
struct symbol_text {
  const std::byte* characters = nullptr;
  const std::uint32_t* ends = nullptr;  ///< where rows end: the places of those bytes; one more number is readable
  std::uint32_t row_count = 0;
  [[nodiscard]] std::uint32_t begin(std::uint32_t row) const noexcept { return row == 0 ? 0 : ends[row - 1] + 1; }
};

/// A set of symbols that finds the longest one a text begins with, and cuts texts into them.
///
/// The longest match is a binary search over lengths: 2 to 16 are the nodes of a tree with the root 9, and prefixes of
/// these lengths are looked up. Of each symbol, those of its prefixes lie in the set as well that lead the search to
/// it; each says which symbol is the longest so far. So each match takes four look-ups and no branch, and four places
/// of a text are searched at a time.
///
/// Layout: sets of two entries. An entry: 15 bits of the prefix' hash, (size − 1) in 4 bits, the symbol's number in 13.
///         A symbol whose set is full is never found
/// Source: Waldvogel, Varghese, Turner, Plattner: Scalable High Speed IP Routing Lookups (SIGCOMM 1997,
///         doi:10.1145/263105.263136)
struct symbol_index {
  static constexpr std::uint32_t capacity = 4096;     ///< symbols of a block at most
  static constexpr std::uint32_t single_count = 256;  ///< number b below it is the byte b
  static constexpr std::uint32_t max_count = single_count + capacity;
  static constexpr int set_bits = 14, size_shift = 13, tag_shift = 17;
  static constexpr std::uint32_t number_mask = (1u << size_shift) - 1, what_mask = (1u << tag_shift) - 1;
  static constexpr std::uint32_t streams = 4;

  std::uint64_t bytes[max_count][2];
  std::uint8_t sizes[max_count];
  std::uint32_t count = single_count;
  std::byte separator{};  ///< in no symbol of more than a byte
  std::uint32_t sets[1 << set_bits][2];

  symbol_index() noexcept {
    for (std::uint32_t value = 0; value < single_count; ++value) set(value, {value, 0, 1});
  }

  [[nodiscard]] symbol at(std::uint32_t number) const noexcept {
    return {bytes[number][0], bytes[number][1], sizes[number]};
  }
  void set(std::uint32_t number, const symbol& one) noexcept {
    bytes[number][0] = one.low;
    bytes[number][1] = one.high;
    sizes[number] = static_cast<std::uint8_t>(one.size);
  }

  /// Takes over the symbols [single_count, count), of 2 to 16 bytes.
  void build() noexcept {
    std::memset(sets, 0, sizeof(sets));
    std::uint16_t order[capacity];  // shortest first
    std::uint32_t first[18] = {};
    for (std::uint32_t i = single_count; i < count; ++i) ++first[sizes[i] + 1];
    for (std::uint32_t i = 1; i < 18; ++i) first[i] += first[i - 1];
    for (std::uint32_t i = single_count; i < count; ++i) order[first[sizes[i]]++] = static_cast<std::uint16_t>(i);
    for (std::uint32_t i = 0; i < count - single_count; ++i) {
      const std::uint32_t number = order[i];
      std::uint32_t size = 9;
      bool reached = true;
      for (std::uint32_t step = 4; reached && size != sizes[number]; step /= 2) {
        if (size < sizes[number]) reached = add_prefix(number, size), size += step;
        else size -= step;
      }
      if (!reached) continue;
      if (std::uint32_t* const to = place(hash(bytes[number][0], bytes[number][1], size)); to != nullptr && *to == 0)
        *to = tag(hash(bytes[number][0], bytes[number][1], size)) | (size - 1) << size_shift | number;
    }
  }

  /// Cuts rows [first, last) into the longest symbols there are and writes their numbers; returns the end.
  ///
  /// Requires: room for a number per character
  std::uint16_t* cut(const symbol_text& text, std::uint32_t first, std::uint32_t last,
                     std::uint16_t* out) const noexcept {
    const std::uint32_t begin = text.begin(first), end = text.begin(last);
    stream all[streams];
    for (std::uint32_t k = 0; k < streams; ++k) {
      const auto wanted = static_cast<std::uint32_t>(begin + std::uint64_t{end - begin} * k / streams);
      all[k].end = std::lower_bound(text.ends + first, text.ends + last, wanted);
      all[k].at = text.begin(static_cast<std::uint32_t>(all[k].end - text.ends));
      all[k].begin = all[k].out = out + (all[k].at - begin);
      if (k != 0) all[k - 1].stop = all[k].at;
    }
    all[streams - 1].stop = end;
    bool running = true;
    for (const stream& one : all) running &= one.at != one.stop;
    while (running) {
      search each[streams];
#pragma GCC unroll 8
      for (std::uint32_t k = 0; k < streams; ++k) each[k] = search(text.characters + all[k].at);
#pragma GCC unroll 8
      for (std::uint32_t k = 0; k < streams; ++k) each[k].look(*this, 4);
#pragma GCC unroll 8
      for (std::uint32_t k = 0; k < streams; ++k) each[k].look(*this, 2);
#pragma GCC unroll 8
      for (std::uint32_t k = 0; k < streams; ++k) each[k].look(*this, 1);
#pragma GCC unroll 8
      for (std::uint32_t k = 0; k < streams; ++k) each[k].look(*this, 0);
#pragma GCC unroll 8
      for (std::uint32_t k = 0; k < streams; ++k) {
        all[k].take(each[k].checked(*this));
        running &= all[k].at != all[k].stop;
      }
    }
    for (stream rest : all) {
      while (rest.at != rest.stop) rest.take(find(text.characters + rest.at));
      const auto written = static_cast<std::size_t>(rest.out - rest.begin);
      std::memmove(out, rest.begin, sizeof(std::uint16_t) * written);
      out += written;
    }
    return out;
  }

 private:
  static PILLAR_ALWAYS_INLINE std::uint32_t hash(std::uint64_t low, std::uint64_t high, std::uint64_t size) noexcept {
    return static_cast<std::uint32_t>(((low & by_prefix_size.low[size]) * by_prefix_size.factor[size] +
                                       (high & by_prefix_size.high[size]) * 0xbf58476d1ce4e5b9u) >>
                                      32);
  }
  /// The upper bits of an entry. The set takes the highest 14 of the hash.
  static PILLAR_ALWAYS_INLINE std::uint32_t tag(std::uint32_t key) noexcept { return key << set_bits & ~what_mask; }

  /// A longest match under way.
  struct search {
    std::uint64_t low, high, size;
    std::uint32_t found;

    search() noexcept = default;
    explicit search(const std::byte* from) noexcept
        : search(load_unaligned<std::uint64_t>(from), load_unaligned<std::uint64_t>(from + 8)) {}
    search(std::uint64_t first, std::uint64_t second) noexcept
        : low(first), high(second), size(9), found(static_cast<std::uint32_t>(first & 0xff)) {}

    PILLAR_ALWAYS_INLINE void look(const symbol_index& in, std::uint64_t step) noexcept {
      const std::uint32_t key = hash(low, high, size);
      const std::uint32_t* const set = in.sets[key >> (32 - set_bits)];
      const std::uint32_t a = set[0] ^ tag(key), b = set[1] ^ tag(key), nearer = a < b ? a : b;
      const std::uint64_t hit = 0 - std::uint64_t{nearer <= what_mask};  // no branch: nothing foresees it
      found ^= (found ^ nearer) & static_cast<std::uint32_t>(hit);
      size = size - step + (2 * step & hit);
    }
    /// Hashes that are equal by chance are told apart here.
    PILLAR_ALWAYS_INLINE std::uint32_t checked(const symbol_index& in) const noexcept {
      const std::uint64_t* const one = in.bytes[found & number_mask];
      const std::uint32_t size_found = (found >> size_shift) + 1;
      if ((((low ^ one[0]) & by_prefix_size.low[size_found]) | ((high ^ one[1]) & by_prefix_size.high[size_found])) !=
          0) [[unlikely]]
        return static_cast<std::uint32_t>(low & 0xff);
      return found;
    }
  };
  /// The longest symbol at `from`, as (size − 1) << 13 | number.
  [[nodiscard]] PILLAR_ALWAYS_INLINE std::uint32_t find(const std::byte* from) const noexcept {
    search one(from);
    one.look(*this, 4), one.look(*this, 2), one.look(*this, 1), one.look(*this, 0);
    return one.checked(*this);
  }

  /// A part of a text that is being cut.
  struct stream {
    std::uint32_t at, stop;
    const std::uint32_t* end;  ///< of the row
    std::uint16_t *begin, *out;

    PILLAR_ALWAYS_INLINE void take(std::uint32_t found) noexcept {
      *out++ = static_cast<std::uint16_t>(found & number_mask);
      at += (found >> size_shift) + 1;
      const std::uint32_t row_ends = at == *end;
      at += row_ends;
      end += row_ends;
    }
  };

  /// Where an entry of that hash is or may be put; nullptr: no room.
  std::uint32_t* place(std::uint32_t key) noexcept {
    for (std::uint32_t& entry : sets[key >> (32 - set_bits)])
      if (entry == 0 || (entry ^ tag(key)) <= what_mask) return &entry;
    return nullptr;
  }
  /// A prefix on the search's way to a symbol; all symbols of at most its size are there already. False: no room.
  bool add_prefix(std::uint32_t number, std::uint32_t size) noexcept {
    const std::uint32_t key = hash(bytes[number][0], bytes[number][1], size);
    std::uint32_t* const to = place(key);
    if (to == nullptr || *to != 0) return to != nullptr;
    // As if the text ended here.
    const std::uint64_t ends = static_cast<std::uint64_t>(separator) * 0x0101010101010101u;
    const std::uint64_t low = by_prefix_size.low[size], high = by_prefix_size.high[size];
    search one((bytes[number][0] & low) | (ends & ~low), (bytes[number][1] & high) | (ends & ~high));
    one.look(*this, 4), one.look(*this, 2), one.look(*this, 1), one.look(*this, 0);
    *to = tag(key) | one.checked(*this);
    return true;
  }
};

/// Builds a table from a sample, bottom up: the symbols that a parse of the sample uses and the pairs it puts side by
/// side compete by the characters they would cover, and the best of them make the next round's table.
class symbol_builder {
 public:
  /// Rounds of growth: lengths double in each until they are full; more rounds find what is worth a place.
  static constexpr int rounds = 8;
  static constexpr std::uint32_t least_sample_bytes = 16u << 10, most_sample_bytes = 384u << 10;
  /// A table that is kept for many blocks: how many of the first one's size, and the sample of it.
  static constexpr std::uint64_t blocks_served = 16, most_served_sample_bytes = 128u << 10;

  /// The best table for codes of the width that suits the text; its bits per character on rows that took no part, in
  /// 1/1,024, into `cost`.
  static result<void> build(const encode_input& input, std::uint64_t character_count, std::uint32_t text_count,
                            symbol_index& table, std::uint64_t& cost) {
    PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(sizeof(symbol_builder), input.budget));
    auto* builder = ::new (static_cast<void*>(memory.data())) symbol_builder(table);
    // One table for many blocks is worth more symbols and a larger part of the first one.
    builder->served_ = input.keeps_table ? blocks_served * character_count : character_count;
    const std::uint32_t characters = builder->choose_pieces(input, character_count, text_count);
    const std::size_t room = round_up(characters + builder->piece_count_ + 16, 64);
    PILLAR_ASSIGN_OR_RETURN(buffer sample, buffer::allocate((1 + sizeof(std::uint16_t)) * room, input.budget));
    builder->sample_ = sample.data();
    builder->numbers_ = reinterpret_cast<std::uint16_t*>(sample.data() + room);
    builder->take_sample();
    cost = builder->run();
    return {};
  }

  static constexpr std::uint32_t width_of(std::uint32_t count) noexcept {
    return count <= 2 ? 1 : static_cast<std::uint32_t>(std::bit_width(count - 1));
  }

 private:
  static constexpr std::uint32_t pair_bits = 15, max_pairs = (1u << pair_bits) * 3 / 4;
  static constexpr std::uint32_t max_candidates = 1u << 14, candidate_bits = 15;
  static constexpr std::uint32_t max_pieces = 8192;
  static constexpr std::uint32_t gains = 2048;  ///< those beyond count as equal
  static constexpr std::uint32_t none = 0xffff;

  struct candidate {
    symbol what;
    std::uint32_t gain;
  };
  struct pair {
    std::uint32_t key, count;
  };

  explicit symbol_builder(symbol_index& table) noexcept : table_(table) {}

  std::uint64_t run() noexcept {
    std::uint32_t width = served_ < 100'000 ? 9 : served_ < 600'000 ? 11 : 12;
    width = std::max(width, width_of(byte_count_));
    for (int round = 0; round < rounds; ++round) grow(round, room(width));
    // Fewer symbols cost less per code and less table.
    std::uint64_t cost = cost_per_character();
    while (width > width_of(byte_count_)) {
      wider_ = table_;
      set_table(room(width - 1));
      const std::uint64_t narrower = cost_per_character();
      if (narrower >= cost) {
        table_ = wider_;
        break;
      }
      cost = narrower;
      --width;
    }
    return cost;
  }

  /// Symbols of more than a byte: some room is left for bytes that the sample lacks.
  [[nodiscard]] std::uint32_t room(std::uint32_t width) const noexcept {
    const std::uint32_t spare = std::min(256 - byte_count_, width < 8 ? 0u : 8u);
    const std::uint32_t taken = byte_count_ + spare;
    return 1u << width < taken ? 0 : (1u << width) - taken;
  }

  /// Pieces of rows, evenly spread but for a jitter; returns their characters.
  std::uint32_t choose_pieces(const encode_input& input, std::uint64_t character_count,
                              std::uint32_t text_count) noexcept {
    const std::uint64_t wanted_bytes =
        input.keeps_table ? std::min(character_count, most_served_sample_bytes) : character_count / 10;
    const auto target = static_cast<std::uint32_t>(
        std::clamp(wanted_bytes, std::uint64_t{least_sample_bytes}, std::uint64_t{most_sample_bytes}));
    const auto mean = static_cast<std::uint32_t>(std::min(character_count / text_count + 1, std::uint64_t{1024}));
    const std::uint32_t wanted = std::clamp(target / mean, 16u, max_pieces);
    const std::uint32_t stride = (input.row_count + wanted - 1) / wanted;
    const std::uint32_t most = std::max(target / wanted * 4, 1024u);
    std::uint64_t random = 1;
    std::size_t v = 0;
    std::uint32_t before = 0;  // rows of the vectors before v
    std::uint32_t characters = 0;
    for (std::uint32_t first = 0; first < input.row_count; first += stride) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      const std::uint32_t end = std::min(first + stride, input.row_count);
      for (std::uint32_t row = first + static_cast<std::uint32_t>((random >> 33) % (end - first)); row < end; ++row) {
        while (row - before >= input.vectors[v].size) before += input.vectors[v++].size;
        if (!input.vectors[v].valid(row - before)) continue;
        std::string_view piece = input.vectors[v].text_value(row - before);
        if (piece.empty()) continue;
        if (piece.size() > most)
          piece = piece.substr(static_cast<std::size_t>(random >> 17) % (piece.size() - most + 1), most);
        if (characters + piece.size() > target + target / 4) break;
        characters += static_cast<std::uint32_t>(piece.size());
        pieces_[piece_count_++] = piece;
        break;
      }
    }
    return characters;
  }

  /// Copies the pieces in the order in which rounds want them: the first want fewer, and every eighth is kept for
  /// judging.
  void take_sample() noexcept {
    bool seen[256] = {};
    for (std::uint32_t i = 0; i < piece_count_; ++i)
      for (const char one : pieces_[i]) seen[static_cast<std::uint8_t>(one)] = true;
    separator_ = 255;  // where there are all
    for (std::uint32_t value = 256; value-- > 0;) {
      byte_count_ += seen[value];
      if (!seen[value]) separator_ = value;
    }
    table_.separator = static_cast<std::byte>(separator_);

    std::uint32_t end = 0;
    const auto put = [&](std::uint32_t first, std::uint32_t step, std::uint32_t but) noexcept {
      for (std::uint32_t i = first; i < piece_count_; i += step) {
        if (i % 8 == but) continue;
        std::memcpy(sample_ + end, pieces_[i].data(), pieces_[i].size());
        ends_[text_.row_count++] = end += static_cast<std::uint32_t>(pieces_[i].size());
        sample_[end++] = table_.separator;
      }
    };
    put(0, 4, 7);
    rows_of_round_[0] = text_.row_count;
    put(2, 4, 7);
    rows_of_round_[1] = text_.row_count;
    put(1, 2, 7);
    rows_of_round_[2] = text_.row_count;
    put(7, 8, 8);
    std::memset(sample_ + end, 0, 16);
    ends_[text_.row_count] = end;
    text_.characters = sample_;
    text_.ends = ends_;
  }

  /// The single bytes and the best `kept` candidates.
  void set_table(std::uint32_t kept) noexcept {
    std::uint32_t of_gain[gains] = {};
    for (std::uint32_t i = 0; i < candidate_count_; ++i) ++of_gain[std::min(candidates_[i].gain, gains - 1)];
    std::uint32_t least = gains, above = 0;  // all of more than `least`, and as many of it as there is room for
    while (least != 0 && above + of_gain[least - 1] <= kept) above += of_gain[--least];
    std::uint32_t equal = kept - above;
    table_.count = symbol_index::single_count;
    for (std::uint32_t i = 0; i < candidate_count_; ++i) {
      const std::uint32_t gain = std::min(candidates_[i].gain, gains - 1);
      if (gain + 1 < least || (gain + 1 == least && equal == 0)) continue;
      if (gain + 1 == least) --equal;
      table_.set(table_.count++, candidates_[i].what);
    }
    table_.build();
  }

  void count_pair(std::uint32_t key) noexcept {
    std::uint32_t at = static_cast<std::uint32_t>((key * 0x9e3779b97f4a7c15u) >> (64 - pair_bits));
    while (pairs_[at].count != 0 && pairs_[at].key != key) at = (at + 1) & ((1u << pair_bits) - 1);
    if (pairs_[at].count == 0) {
      if (pair_count_ == max_pairs) return;
      ++pair_count_;
      pairs_[at].key = key;
      filled_[at / 64] |= std::uint64_t{1} << (at % 64);
    }
    ++pairs_[at].count;
  }

  void add_candidate(const symbol& what, std::uint32_t gain) noexcept {
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
    std::memset(filled_, 0, sizeof(filled_));
    pair_count_ = 0;
    // Short symbols are seen often enough in a part of the sample.
    const std::uint32_t rows = rows_of_round_[std::min(round / 2, 2)];
    if (round != 0) table_.cut(text_, 0, rows, numbers_);
    const std::uint16_t* number = numbers_;
    for (std::uint32_t row = 0; row < rows; ++row) {
      std::uint32_t before = none;
      for (std::uint32_t at = text_.begin(row); at < ends_[row]; ++number) {
        const std::uint32_t now = round == 0 ? static_cast<std::uint32_t>(sample_[at]) : *number;
        ++counts_[now];
        if (!last && before != none) count_pair(before << 16 | now);
        before = now;
        at += table_.sizes[now];
      }
    }
    candidate_count_ = 0;
    std::memset(slots_, 0, sizeof(slots_));
    for (std::uint32_t i = symbol_index::single_count; i < table_.count; ++i)
      if (counts_[i] != 0) add_candidate(table_.at(i), counts_[i] * table_.sizes[i]);
    if (!last)
      for (std::uint32_t word = 0; word < std::size(filled_); ++word)  // a short text's pairs are few among many slots
        for (std::uint64_t left = filled_[word]; left != 0; left &= left - 1) {
          const pair& one = pairs_[word * 64 + static_cast<std::uint32_t>(std::countr_zero(left))];
          const std::uint32_t first = one.key >> 16, second = one.key & 0xffff;
          if (one.count < 2 || first == separator_ || second == separator_) continue;
          const symbol both = joined(table_.at(first), table_.at(second));
          add_candidate(both, one.count * both.size);
        }
    set_table(kept);
  }

  /// Table and codes, from the pieces that took no part, in 1/1,024 bits per character.
  [[nodiscard]] std::uint64_t cost_per_character() noexcept {
    const std::uint32_t first = text_.row_count < 16 ? 0 : rows_of_round_[2];
    const std::uint64_t characters = text_.begin(text_.row_count) - text_.begin(first) - (text_.row_count - first);
    if (characters == 0) return 9 << 10;
    const auto codes = static_cast<std::uint64_t>(table_.cut(text_, first, text_.row_count, numbers_) - numbers_);
    const std::uint32_t count = table_.count - symbol_index::single_count + byte_count_;
    return (codes * width_of(count) << 10) / characters +
           (std::uint64_t{count} * 44 << 10) / served_;  // a symbol takes about 5.5 bytes
  }

  symbol_index& table_;
  symbol_index wider_;
  symbol_text text_{};
  std::uint64_t served_ = 0;  ///< characters of all blocks that the table is for
  std::uint32_t piece_count_ = 0, byte_count_ = 0, separator_ = 0, pair_count_ = 0, candidate_count_ = 0;
  std::uint32_t rows_of_round_[3] = {};
  std::string_view pieces_[max_pieces];
  std::byte* sample_ = nullptr;
  std::uint32_t ends_[max_pieces + 1];
  std::uint16_t* numbers_ = nullptr;  ///< of the sample's symbols
  std::uint32_t counts_[symbol_index::max_count];
  pair pairs_[1u << pair_bits];
  std::uint64_t filled_[(1u << pair_bits) / 64];  ///< the pairs that have a count
  candidate candidates_[max_candidates];
  std::uint16_t slots_[1u << candidate_bits];
};

}  // namespace PILLAR_NAMESPACE::detail
