// SPDX-License-Identifier: Apache-2.0
/// Which run takes a row that is spilled.
#pragma once
#include <atomic>
#include <bit>
#include <cstdint>
#include <type_traits>  // std::is_floating_point_v

#include "pillar/aggregate/group_table.hpp"  // key_range
#include "pillar/base/bits.hpp"              // load_unaligned
#include "pillar/base/checked.hpp"           // uint128
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE::detail {

/// out[row] = the integer of a narrower vector, widened.
template <class To>
void widen_integers(const vector& from, To* PILLAR_RESTRICT out) noexcept {
  visit_fixed_width(from.type.physical, [&]<class T>() {
    if constexpr (!std::is_floating_point_v<T>) {
      const auto* values = static_cast<const std::byte*>(from.holder().values);
      const auto at = [values](std::uint32_t index) {
        return static_cast<To>(load_unaligned<T>(values + std::size_t{index} * sizeof(T)));
      };
      if (from.kind == vector_kind::flat) {
        for (std::uint32_t row = 0; row < from.size; ++row) out[row] = at(row);
      } else if (from.kind == vector_kind::run_end) {
        from.for_each_run(0, from.size, [&](std::uint32_t run, std::uint32_t begin, std::uint32_t end) {
          for (std::uint32_t row = begin; row < end; ++row) out[row] = at(run);
        });
      } else if (from.kind == vector_kind::dictionary && from.dictionary->size == 0) {
        for (std::uint32_t row = 0; row < from.size; ++row) out[row] = 0;
      } else {
        for (std::uint32_t row = 0; row < from.size; ++row) out[row] = at(from.index_of(row));
      }
    }
  });
}

/// Rows go to runs by the upper bits of their key's hash; or, where one column of integers has come dense so far, by
/// stretches of its values, all equally long: groups that are read back are an array again then, and their keys take
/// fewer bits. Behind the last stretch of the values seen come the runs that have none, then the first one again, so
/// that keys which only ascend fill all runs.
struct run_order {
  unsigned bits = 0;  ///< 2^bits runs
  bool by_values = false;
  bool is_signed = false;
  std::uint64_t first = 0;  ///< where the first stretch begins: a value as in_order() has it
  std::uint64_t span = 0;   ///< of the values seen: codes below it
  std::uint64_t width = 2;  ///< of a stretch: so many units of 2^unit_bits values
  unsigned unit_bits = 0;
  std::uint64_t units = 2;
  std::uint64_t kept_run = 0;  ///< none's, if not 0: the values from there to the end of the span are kept in memory
  std::uint64_t factor = std::uint64_t{1} << 31;  ///< 2^32 / units, rounded up: a product is cheaper than a quotient

  /// A value, widened to 64 bits, as an unsigned number in the same order.
  [[nodiscard]] std::uint64_t in_order(std::uint64_t value) const noexcept {
    return is_signed ? value ^ std::uint64_t{1} << 63 : value;
  }
  /// Codes below it have runs by a product.
  [[nodiscard]] std::uint64_t near_codes() const noexcept { return std::uint64_t{1} << (16 + unit_bits); }
  /// The run, of a value less the first one. Requires: code < near_codes(). The product is exact, since in 16 bits the
  /// factor's error, less than `units` of 2^32, does not come up to a unit.
  [[nodiscard]] std::uint64_t stretch_of_near_code(std::uint64_t code) const noexcept {
    return (code >> unit_bits) * factor >> 32;
  }
  [[nodiscard]] std::uint64_t run_of_near_code(std::uint64_t code) const noexcept {
    return stretch_of_near_code(code) & low_bits(bits);
  }
  [[nodiscard]] std::uint32_t run_of_code(std::uint64_t code) const noexcept {
    if (kept_run != 0) {
      const std::uint64_t stretch = code / width;
      return static_cast<std::uint32_t>(code >= span ? stretch % kept_run : stretch < kept_run ? stretch : kept_run);
    }
    return static_cast<std::uint32_t>(code < near_codes() ? run_of_near_code(code) : code / width & low_bits(bits));
  }
  /// Values less the first one; anything where a row is NULL.
  void codes(const vector& key, std::uint64_t* out) const noexcept {
    if (key.kind == vector_kind::flat && byte_width(key.type.physical) == sizeof(std::uint64_t)) {
      const auto* const values = static_cast<const std::byte*>(key.values);
      for (std::uint32_t row = 0; row < key.size; ++row)
        out[row] = in_order(load_unaligned<std::uint64_t>(values + std::size_t{row} * sizeof(std::uint64_t))) - first;
      return;
    }
    widen_integers(key, reinterpret_cast<std::int64_t*>(out));
    for (std::uint32_t row = 0; row < key.size; ++row) out[row] = in_order(out[row]) - first;
  }
  /// Stretches for `run_count` runs, ≤ 2^bits; the others are for what comes behind. `kept`: at most so many of the
  /// greatest values are kept in memory, as if they were a further run's.
  ///
  /// Requires: numbers as in_order() has them, fewer than 2^40 from least to most; kept < most − least; a number for the
  /// further run
  void look_at(std::uint64_t least, std::uint64_t most, std::uint64_t run_count, std::uint64_t kept = 0) noexcept {
    by_values = true;
    first = least;
    span = most - least + 1;
    // Stretches are multiples of a unit of which the values seen are fewer than 2^16.
    unit_bits = span >> 15 == 0 ? 0 : static_cast<unsigned>(std::bit_width(span >> 15));
    units = ((span - kept) >> unit_bits) / run_count + 1;
    if (units < 2) units = 2;
    width = units << unit_bits;
    factor = ((std::uint64_t{1} << 32) + units - 1) / units;
    kept_run = kept == 0 ? 0 : run_count;
  }
  /// How many of the greatest values seen are kept in memory.
  [[nodiscard]] std::uint64_t kept_values() const noexcept {
    return kept_run == 0 || width * kept_run >= span ? 0 : span - width * kept_run;
  }
  /// A hash whose upper bits are the run: parts of a run go by the bits below.
  [[nodiscard]] std::uint64_t place(std::uint64_t hash, std::uint64_t run) const noexcept {
    return by_values ? run << (64 - bits) | hash >> bits : hash;
  }
  /// The values of a run, of those seen.
  [[nodiscard]] key_range values_of(std::uint32_t run, physical_type type) const noexcept {
    const auto value = [this](uint128 code) {
      const int128 sum = static_cast<int128>(first + code);
      return is_signed ? sum - (int128{1} << 63) : sum;
    };
    key_range range = {value(uint128{width} * run), value(uint128{width} * (run + 1) - 1)};
    if (range.highest > highest_of(type)) range.highest = highest_of(type);
    return range;
  }
};

/// What all workers of a group agree on when the first of them spills.
class shared_run_order {
 public:
  /// The order, which the first to come here proposes; others wait for it.
  template <class Propose>
  const run_order& agree(const Propose& propose) {
    state before = state::open;
    if (state_.compare_exchange_strong(before, state::proposed, std::memory_order_acquire)) {
      order_ = propose();
      state_.store(state::agreed, std::memory_order_release);
      state_.notify_all();
    } else {
      while (state_.load(std::memory_order_acquire) != state::agreed) state_.wait(state::proposed);
    }
    return order_;
  }

 private:
  enum class state : std::uint8_t { open, proposed, agreed };
  std::atomic<state> state_{state::open};
  run_order order_{};
};

}  // namespace PILLAR_NAMESPACE::detail
