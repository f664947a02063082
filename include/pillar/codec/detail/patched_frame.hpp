// SPDX-License-Identifier: Apache-2.0
/// Chooses the frame of a vector that leaves the cheapest exceptions: the encoding side of codec/patched.hpp.
#pragma once
#include <algorithm>  // std::nth_element
#include <bit>        // std::bit_width
#include <cstdint>
#include <cstring>  // std::memset
#include <limits>   // std::numeric_limits
#include <type_traits>

#include "pillar/base/bits.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE::detail {

/// A frame and the exceptions to it.
struct patched_frame {
  std::uint64_t base = 0;
  std::uint8_t width = 0;
  std::uint8_t exception_bytes = 0;
  std::uint16_t exception_count = 0;
};

constexpr std::uint32_t patched_bytes(std::uint32_t width, std::uint32_t count,
                                      std::uint32_t exception_bytes) noexcept {
  return static_cast<std::uint32_t>(packed_bytes(width)) + count * (2 + exception_bytes);
}

/// Bytes of the distances up to `below` under a base and up to `above` over it, as two's complement: 1, 2, 4 or 8, and
/// no more than a value has, since base + distance wraps.
template <class T>
std::uint32_t distance_bytes(std::uint64_t below, std::uint64_t above) noexcept {
  const std::uint64_t magnitude = below > above ? below - 1 : above;
  const auto bits = static_cast<unsigned>(std::bit_width(magnitude)) + 1;
  const std::uint32_t bytes = bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8;
  return bytes < sizeof(T) ? bytes : static_cast<std::uint32_t>(sizeof(T));
}

/// The distance between two values of T, modulo T's size, as a signed number.
template <class T>
std::int64_t distance_of(T value, T base) noexcept {
  return static_cast<std::make_signed_t<T>>(static_cast<std::make_unsigned_t<T>>(
      static_cast<std::make_unsigned_t<T>>(value) - static_cast<std::make_unsigned_t<T>>(base)));
}

/// Chooses base and width for the fewest bytes.
template <class T>
class frame_chooser {
 public:
  frame_chooser(const T* values, std::uint32_t count, std::uint8_t forced_width) noexcept
      : values_(values), count_(count), forced_(forced_width) {}

  patched_frame choose() {
    if (count_ == 0) return {0, forced_, 0, 0};
    least_ = greatest_ = values_[0];
    for (std::uint32_t i = 0; i < count_; ++i) {
      least_ = values_[i] < least_ ? values_[i] : least_;
      greatest_ = greatest_ < values_[i] ? values_[i] : greatest_;
    }
    if (forced_ == 0 && !outliers_likely()) {
      const auto width = static_cast<std::uint8_t>(std::bit_width(distance(least_, greatest_)));
      return {static_cast<std::uint64_t>(least_), width, 0, 0};
    }
    if (least_ != greatest_ && low_outliers_likely()) try_base_above_low_outliers();
    try_base(least_);
    if (forced_ != 0) {  // Redshift's window, where it lies within the type
      const int128 window = std::is_signed_v<T> ? -(int128{1} << (forced_ - 1)) : 0;
      if (window >= std::numeric_limits<T>::lowest()) try_base(static_cast<T>(window));
    }
    return {static_cast<std::uint64_t>(best_base_), best_width_, best_count_ == 0 ? std::uint8_t{0} : best_bytes_,
            best_count_};
  }

 private:
  static std::uint64_t distance(T from, T to) noexcept {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  }

  /// Values spread over the vector, ascending: each goes where as many are less, or equal and before it.
  static constexpr std::uint32_t sampled = 32;
  void take_sample() noexcept {
    using count = std::make_unsigned_t<T>;
    T taken[sampled];
    count rank[sampled] = {};
    for (std::uint32_t i = 0; i < sampled; ++i) taken[i] = values_[std::uint64_t{count_} * (2 * i + 1) / (2 * sampled)];
    for (std::uint32_t k = 0; k < sampled; ++k) {
      const T other = taken[k];
      for (std::uint32_t i = 0; i < k; ++i) rank[i] = static_cast<count>(rank[i] + (other < taken[i]));
      for (std::uint32_t i = k + 1; i < sampled; ++i) rank[i] = static_cast<count>(rank[i] + (other <= taken[i]));
    }
    for (std::uint32_t i = 0; i < sampled; ++i) sample_[rank[i]] = taken[i];
  }

  /// Exceptions pay only where leaving few values out narrows the rest: not where the middle of a sample, 20 of 32, and
  /// half as much again take the width of all. Looking closer costs several times as much.
  bool outliers_likely() noexcept {
    take_sample();
    const std::uint64_t all = distance(least_, greatest_), middle = distance(sample_[6], sample_[sampled - 7]);
    return middle < all - all / 3 && std::bit_width(middle + middle / 2) < std::bit_width(all);
  }

  /// A base above the least value may pay where a tail leads down to it, or a gap: not where values lie about as close
  /// there as in the middle of the sample.
  bool low_outliers_likely() const noexcept {
    if (forced_ != 0) return true;
    return distance(least_, sample_[6]) > distance(sample_[6], sample_[sampled - 7]) / 2;
  }

  /// Calls f(i, i mod 4) for all values: counters in four copies, since one that is written waits before it is read.
  template <class F>
  PILLAR_ALWAYS_INLINE void for_each_value(F&& f) const noexcept {
    std::uint32_t i = 0;
    for (; i + 4 <= count_; i += 4) f(i, 0), f(i + 1, 1), f(i + 2, 2), f(i + 3, 3);
    for (; i < count_; ++i) f(i, 0);
  }

  /// The best width for a base, by the histogram of the distances' widths.
  void try_base(T base) noexcept {
    std::uint16_t copies[4][66] = {};  // the last: below the base
    for_each_value([&](std::uint32_t i, std::uint32_t copy) {
      ++copies[copy][values_[i] < base ? 65 : std::bit_width(distance(base, values_[i]))];
    });
    std::uint32_t of_width[66];
    for (std::uint32_t width = 0; width < 66; ++width)
      of_width[width] = std::uint32_t{copies[0][width]} + copies[1][width] + copies[2][width] + copies[3][width];
    const std::uint32_t below = of_width[65];
    const std::uint64_t reach = greatest_ < base ? 0 : distance(base, greatest_);
    const std::uint64_t depth = below == 0 ? 0 : distance(least_, base);
    const auto top = static_cast<std::uint32_t>(std::bit_width(reach));
    std::uint32_t above = 0;
    for (std::uint32_t width = top;; --width) {  // `above`: values whose distance needs more bits
      if (forced_ == 0 || width <= forced_ || width == top) {
        const std::uint32_t fields = forced_ != 0 ? forced_ : width;
        const std::uint32_t exceptions = below + above;
        const std::uint32_t bytes = distance_bytes<T>(depth, above == 0 ? 0 : reach);
        const std::uint32_t cost = patched_bytes(fields, exceptions, bytes);
        if ((forced_ == 0 || width <= forced_) && cost < best_cost_) {
          best_cost_ = cost;
          best_base_ = base;
          best_width_ = static_cast<std::uint8_t>(fields);
          best_count_ = static_cast<std::uint16_t>(exceptions);
          best_bytes_ = static_cast<std::uint8_t>(bytes);
        }
        if (forced_ != 0 && width <= forced_) break;
      }
      if (width == 0) break;
      above += of_width[width];
    }
  }

  /// The values on one side of the middle, by the width of their distance to it.
  struct side {
    std::uint32_t of_width[65];
    std::uint64_t farthest[65];
    /// What is left of the side when the widths above each of its occupied ones are dropped; the last keeps nothing.
    std::uint64_t kept[66];
    std::uint32_t dropped[66];
    std::uint32_t choices = 0;

    void list_choices() noexcept {
      std::uint32_t gone = 0;
      for (int width = 64; width >= 0; --width) {
        if (of_width[width] == 0) continue;
        kept[choices] = farthest[width];
        dropped[choices++] = gone;
        gone += of_width[width];
      }
      kept[choices] = 0;
      dropped[choices++] = gone;
    }
  };

  /// Outliers lie far from the middle, on either side: weighs dropping each group of them, then tries the base above
  /// those that are best dropped below.
  void try_base_above_low_outliers() noexcept {
    if (forced_ != 0) take_sample();
    const T middle = sample_[sampled / 2];
    std::uint16_t counts[4][2][65] = {};
    std::uint64_t farthest[4][2][65] = {};
    for_each_value([&](std::uint32_t i, std::uint32_t copy) {
      const bool low = values_[i] < middle;
      const std::uint64_t far = low ? distance(values_[i], middle) : distance(middle, values_[i]);
      const auto width = std::bit_width(far);
      ++counts[copy][low][width];
      std::uint64_t& most = farthest[copy][low][width];
      most = far > most ? far : most;
    });
    side sides[2];
    for (std::uint32_t low = 0; low < 2; ++low) {
      for (std::uint32_t width = 0; width < 65; ++width) {
        std::uint32_t count = 0;
        std::uint64_t most = 0;
        for (std::uint32_t copy = 0; copy < 4; ++copy) {
          count += counts[copy][low][width];
          most = farthest[copy][low][width] > most ? farthest[copy][low][width] : most;
        }
        sides[low].of_width[width] = count;
        sides[low].farthest[width] = most;
      }
      sides[low].list_choices();
    }
    const std::uint64_t depth = distance(least_, middle), reach = distance(middle, greatest_);
    std::uint32_t best = ~std::uint32_t{0};
    std::uint64_t best_depth = depth;
    for (std::uint32_t low = 0; low < sides[1].choices; ++low)
      for (std::uint32_t high = 0; high < sides[0].choices; ++high) {
        const auto width = static_cast<std::uint32_t>(std::bit_width(sides[1].kept[low] + sides[0].kept[high]));
        if (forced_ != 0 && width > forced_) continue;
        const std::uint32_t gone = sides[1].dropped[low] + sides[0].dropped[high];
        const std::uint32_t bytes = distance_bytes<T>(low == 0 ? 0 : depth, high == 0 ? 0 : reach);
        const std::uint32_t cost = patched_bytes(forced_ != 0 ? forced_ : width, gone, bytes);
        if (cost >= best) continue;
        best = cost;
        best_depth = sides[1].kept[low];
      }
    if (best_depth != depth) try_base(static_cast<T>(static_cast<std::uint64_t>(middle) - best_depth));
  }

  const T* values_;
  std::uint32_t count_;
  std::uint8_t forced_;
  T least_{}, greatest_{};
  T sample_[sampled];
  std::uint32_t best_cost_ = ~std::uint32_t{0};
  T best_base_{};
  std::uint8_t best_width_ = 0, best_bytes_ = 0;
  std::uint16_t best_count_ = 0;
};

template <class T>
patched_frame patched_frame_of(const vector& values, std::uint8_t forced_width) {
  if (values.kind == vector_kind::flat && values.validity == nullptr)
    return frame_chooser<T>(values.values_as<T>(), values.size, forced_width).choose();
  T valid[vector_rows];
  std::uint32_t count = 0;
  for_each_valid_row(values, [&](std::uint32_t row) { valid[count++] = values.value<T>(row); });
  return frame_chooser<T>(valid, count, forced_width).choose();
}

}  // namespace PILLAR_NAMESPACE::detail
