// SPDX-License-Identifier: Apache-2.0
/// Texts in symbols as they are read: decoded, found and tested without decoding all of them. Of codec/text_symbols.hpp.
#pragma once
#include <algorithm>  // std::lower_bound, std::min
#include <cstdint>
#include <cstring>  // std::memcpy, std::memmove, std::memset
#include <string>
#include <string_view>

#include "pillar/base/bits.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/symbol_table.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/codec/text_symbols.hpp"
#include "pillar/expr/domain.hpp"  // domain

namespace PILLAR_NAMESPACE::detail {

constexpr std::uint8_t symbol_width_of(std::uint32_t symbol_count) noexcept {
  return symbol_count <= 2 ? 1 : static_cast<std::uint8_t>(std::bit_width(symbol_count - 1));
}

/// Symbols as decoding reads them: 16 bytes each, 2^code_width of them, then their sizes. Codes that stand for nothing
/// have the size 0, so that every code can be decoded.
struct symbol_view {
  const std::byte* symbols;
  const std::uint8_t* sizes;
  std::uint32_t* totals;  ///< characters of each vector

  static std::size_t bytes(const data_section& section) noexcept {
    const std::size_t count = section.entry_count == 0 ? 0 : std::size_t{1} << symbol_width_of(section.entry_count);
    return 17 * count + sizeof(std::uint32_t) * section.vector_count + 16;
  }
  symbol_view(std::byte* memory, std::uint32_t code_width, bool any) noexcept {
    const std::size_t count = any ? std::size_t{1} << code_width : 0;
    symbols = memory;
    sizes = reinterpret_cast<const std::uint8_t*>(memory + 16 * count);
    totals = reinterpret_cast<std::uint32_t*>(memory + round_up(17 * count, 4));
  }
  static symbol_view of(const data_section& section) noexcept {
    return {const_cast<std::byte*>(section.shared.values_as<std::byte>()), section.code_width,
            section.entry_count != 0};
  }
};

/// Writes the symbols of `count` codes one after the other and returns the end; 16 bytes more are overwritten.
///
/// Requires: 8 readable bytes behind the codes; width ≤ 14; room for 16 · count + 16 bytes
inline std::byte* decode_symbols(const symbol_view& view, const std::byte* codes, std::uint64_t count,
                                 std::uint32_t width, std::byte* out) noexcept {
  const std::byte* const symbols = view.symbols;
  const std::uint8_t* const sizes = view.sizes;
  const std::uint64_t mask = low_bits(width);
  const auto put = [&out, symbols, sizes ](std::uint64_t code) __attribute__((always_inline)) {
    std::memcpy(out, symbols + 16 * code, 16);
    out += sizes[code];
  };
  const std::uint32_t half_bits = 4 * (width & 1);
  for (; count >= 8; count -= 8, codes += width) {
    std::uint64_t first = load_unaligned<std::uint64_t>(codes);
    std::uint64_t second = load_unaligned<std::uint64_t>(codes + width / 2) >> half_bits;
    put(first & mask), first >>= width;
    put(first & mask), first >>= width;
    put(first & mask), first >>= width;
    put(first & mask);
    put(second & mask), second >>= width;
    put(second & mask), second >>= width;
    put(second & mask), second >>= width;
    put(second & mask);
  }
  for (std::uint32_t bit = 0; count != 0; --count, bit += width)
    put(load_unaligned<std::uint32_t>(codes + bit / 8) >> bit % 8 & mask);
  return out;
}

/// The characters that eight codes stand for together; readable like those of decode_symbols.
inline std::uint32_t size_of_eight(const symbol_view& view, const std::byte* codes, std::uint32_t width) noexcept {
  const std::uint64_t mask = low_bits(width);
  const std::uint64_t first = load_unaligned<std::uint64_t>(codes);
  const std::uint64_t second = load_unaligned<std::uint64_t>(codes + width / 2) >> 4 * (width & 1);
  std::uint32_t total = 0;
  for (std::uint32_t i = 0; i < 4; ++i)
    total += std::uint32_t{view.sizes[first >> i * width & mask]} + view.sizes[second >> i * width & mask];
  return total;
}

/// Codes of a payload: the bits that no code fills are fewer than a code has.
inline std::uint64_t code_count_of(const data_section& section, const vector_entry& entry) noexcept {
  return (entry.bytes - packed_bytes(entry.width)) * 8 / section.code_width;
}

/// Bytes of a text at most that is matched in symbols.
inline constexpr std::uint32_t most_text_bytes = 1024;

/// A range or points of text, tested on characters that need not be followed by anything but 8 readable bytes.
struct text_test {
  const domain& test;
  std::uint64_t lo, hi;  ///< range: the ends' first eight bytes
  bool is_point;         ///< range: of one text

  explicit text_test(const domain& what) noexcept
      : test(what),
        lo(key(what.text_lo.data(), what.text_lo.size())),
        hi(what.has_hi ? key(what.text_hi.data(), what.text_hi.size()) : ~std::uint64_t{0}),
        is_point(what.kind == domain_kind::range && what.has_hi && what.text_hi.size() == what.text_lo.size() + 1 &&
                 what.text_hi.back() == '\0' && what.text_hi.compare(0, what.text_lo.size(), what.text_lo) == 0) {}

  /// Zero-padded. Where keys differ, they order like the texts.
  static std::uint64_t key(const char* text, std::size_t size) noexcept {
    std::uint64_t first = 0;
    std::memcpy(&first, text, std::min(size, sizeof(first)));
    return __builtin_bswap64(first);
  }

  /// Not negated.
  [[nodiscard]] bool contains(const std::byte* at, std::uint32_t size) const noexcept {
    const std::string_view text(reinterpret_cast<const char*>(at), size);
    if (test.kind == domain_kind::points) {
      const auto less = [](const std::string& a, std::string_view b) { return std::string_view(a) < b; };
      const auto found = std::lower_bound(test.texts.begin(), test.texts.end(), text, less);
      return found != test.texts.end() && *found == text;
    }
    const std::uint64_t first = __builtin_bswap64(load_unaligned<std::uint64_t>(at) & low_bytes(size));
    // Which side of an end a text is on is no branch: it cannot be foreseen.
    if (((first == lo) | (first == hi)) == 0) [[likely]]
      return ((first > lo) & (first < hi)) != 0;
    return PILLAR_MUTATE(symbols_match_by_prefix, text >= test.text_lo && (!test.has_hi || text < test.text_hi), true);
  }

  /// The rows whose lengths are those of texts that satisfy it; false where any length may be.
  [[nodiscard]] bool rows_by_length(const data_section& section, const vector_entry& entry,
                                    std::uint64_t* rows) const noexcept {
    constexpr std::size_t most_points = 16;
    if (!is_point && (test.kind != domain_kind::points || test.texts.size() > most_points)) return false;
    std::memset(rows, 0, sizeof(std::uint64_t) * vector_words);
    const std::uint64_t most = entry.base + packed_max_field(entry.width);
    const auto add = [&](std::size_t size) {
      if (size < entry.base || size > most) return;
      std::uint64_t of_size[vector_words];
      const std::uint64_t field = size - entry.base;
      section.kernels->match_range[entry.width](section.data + entry.offset, field, field, of_size);
      for (std::uint32_t word = 0; word < vector_words; ++word) rows[word] |= of_size[word];
    };
    if (is_point) add(test.text_lo.size());
    else
      for (const std::string& text : test.texts) add(text.size());
    clear_tail(rows, entry.row_count);
    return true;
  }
};

/// Few of a vector's texts, ascending: of the codes between them only the sizes of their symbols are looked at.
class text_finder {
 public:
  text_finder(const data_section& section, const vector_entry& entry) noexcept
      : view_(symbol_view::of(section)),
        codes_(section.data + entry.offset + packed_bytes(entry.width)),
        width_(section.code_width),
        code_count_(code_count_of(section, entry)) {}

  /// `size` ≤ most_text_bytes characters from `begin` on; 8 more bytes are readable.
  [[nodiscard]] const std::byte* find(std::uint64_t begin, std::uint32_t size) noexcept {
    for (; code_count_ >= 8; code_count_ -= 8, codes_ += width_) {
      const std::uint32_t here = size_of_eight(view_, codes_, width_);
      if (begin_ + here > begin) break;
      begin_ += here;
    }
    // Where codes say less than the lengths, there are zeros.
    const auto skipped = static_cast<std::uint32_t>(std::min<std::uint64_t>(begin - begin_, of_eight));
    std::byte* end = decoded_;
    const std::byte* codes = codes_;
    for (std::uint64_t left = code_count_; left != 0 && end < decoded_ + skipped + size; codes += width_) {
      const std::uint64_t count = std::min<std::uint64_t>(left, 8);
      end = decode_symbols(view_, codes, count, width_, end);
      left -= count;
    }
    if (end < decoded_ + skipped + size) std::memset(end, 0, static_cast<std::size_t>(decoded_ + skipped + size - end));
    return decoded_ + PILLAR_MUTATE(symbols_found_at_the_group, skipped, 0);
  }

 private:
  static constexpr std::uint32_t of_eight = 8 * text_symbols_codec::max_symbol_bytes;
  symbol_view view_;
  const std::byte* codes_;
  std::uint32_t width_;
  std::uint64_t code_count_;
  std::uint64_t begin_ = 0;  ///< characters before codes_
  std::byte decoded_[of_eight + most_text_bytes + of_eight + 16];
};

/// The characters of a vector's rows, one row after the other. What codes say is decoded a few KiB ahead.
class text_reader {
 public:
  text_reader(const data_section& section, const vector_entry& entry) noexcept
      : view_(symbol_view::of(section)),
        at_(section.data + entry.offset + packed_bytes(entry.width)),
        end_(at_ + (entry.bytes - packed_bytes(entry.width))),
        codes_(at_),
        width_(section.code_width),
        code_count_(section.entry_count == 0 ? 0 : code_count_of(section, entry)) {
    if (section.entry_count != 0) at_ = end_ = decoded_;
  }

  /// The next `size` characters, ≤ most_text_bytes where there are codes; 8 more bytes are readable.
  [[nodiscard]] const std::byte* next(std::uint32_t size) noexcept {
    while (static_cast<std::size_t>(end_ - at_) < size) [[unlikely]] more();
    const std::byte* const text = at_;
    at_ += size;
    return text;
  }

 private:
  PILLAR_NOINLINE void more() noexcept {
    const auto left = static_cast<std::size_t>(end_ - at_);
    std::memmove(decoded_, at_, left);
    // Whole groups of eight codes, which end at bytes, but for the last.
    const std::uint64_t count = std::min<std::uint64_t>(code_count_, (room - left) / 128 * 8);
    std::byte* end = decode_symbols(view_, codes_, count, width_, decoded_ + left);
    codes_ += count * width_ / 8;
    code_count_ -= count;
    at_ = decoded_;
    if (code_count_ == 0) {  // codes that say less than the lengths leave zeros
      std::memset(end, 0, most_text_bytes);
      end += most_text_bytes;
    }
    end_ = end;
  }

  static constexpr std::size_t room = 8192;
  symbol_view view_;
  const std::byte *at_, *end_, *codes_;
  std::uint32_t width_;
  std::uint64_t code_count_;
  std::byte decoded_[room + most_text_bytes + 32];
};

}  // namespace PILLAR_NAMESPACE::detail
