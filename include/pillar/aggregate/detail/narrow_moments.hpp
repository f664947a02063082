// SPDX-License-Identifier: Apache-2.0
/// Counts, sums and sums of products of small integers: two of them in a word while 31 bits are enough for what any group
/// can have come to, then one in a word, and then none: moment_states.hpp keeps what is larger.
#pragma once
#include <cstdint>
#include <cstring>  // std::memset
#include <utility>  // std::swap

#include "pillar/aggregate/detail/product_sums.hpp"
#include "pillar/aggregate/grouped_state.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/simd/dispatch.hpp"  // best_arch_level

namespace PILLAR_NAMESPACE::detail {

/// Fields of a group by number: its count, then sums of x; or of x, y; each with the products that are asked for: x²; xy;
/// or x², y², xy. The latter lie as in product_sums.hpp.
///
/// Numerics: `load` is the sum over all rows of the largest product that their batch can have, so no field of any group is
///           beyond it. What a batch brings is asked for before it is added, and the fields are emptied when it would
///           pass the limit.
class narrow_moments {
 public:
  narrow_moments(bool two, bool squares, memory_budget* budget) noexcept
      : fields_(!two      ? 3
                : squares ? 6
                          : 4),
        budget_(budget),
        words_(budget),
        kernels_(&product_sums_kernels_for(best_arch_level())) {}

  /// Whether anything is, or may be, here.
  [[nodiscard]] bool in_use() const noexcept { return form_ != form::none; }
  [[nodiscard]] std::uint32_t group_count() const noexcept {
    return in_use() ? static_cast<std::uint32_t>(words_.size() / stride()) : 0;
  }
  result<void> grow(std::uint32_t groups) noexcept {
    if (groups <= group_count()) return {};
    return words_.append_zeros(std::size_t{groups - group_count()} * stride());
  }
  void truncate(std::uint32_t groups) noexcept {
    if (groups < group_count()) words_.truncate(std::size_t{groups} * stride());
  }

  /// What rows of values of such sizes may add to a field; ~0 where that is beyond what is kept here.
  [[nodiscard]] static std::uint64_t load_of(std::uint64_t size_x, std::uint64_t size_y, std::uint32_t count) noexcept {
    const std::uint64_t size = size_x > size_y ? size_x : size_y;
    return size >> 26 != 0 ? ~std::uint64_t{0} : (size + 1) * (size + 1) * count;
  }
  /// Whether the fields can be that much larger without being emptied.
  [[nodiscard]] bool has_room(std::uint64_t load) const noexcept {
    return load <= limit(form_) && load_ <= limit(form_) - load;
  }
  /// Whether emptying all groups' fields before such batches pays for itself.
  [[nodiscard]] bool pays(std::uint64_t load, std::uint32_t count, std::uint32_t groups) const noexcept {
    return pays(form_, load, count, groups);
  }
  /// The same one step further.
  [[nodiscard]] bool wider_pays(std::uint64_t load, std::uint32_t count, std::uint32_t groups) const noexcept {
    return form_ == form::halves && pays(form::whole, load, count, groups);
  }
  /// Takes a load that there is room for.
  void take(std::uint64_t load) noexcept { load_ += load; }
  [[nodiscard]] std::uint64_t load() const noexcept { return load_; }

  /// All fields are zero again.
  void clear() noexcept {
    if (!words_.empty()) std::memset(words_.data(), 0, words_.size() * sizeof(std::uint64_t));
    load_ = 0;
  }
  /// One field in a word from now on. Requires: all fields are zero
  result<void> widen(std::uint32_t groups) noexcept {
    growable<std::uint64_t> made(budget_);
    PILLAR_TRY(made.append_zeros(std::size_t{groups} * fields_));
    words_.swap(made);
    form_ = form::whole;
    return {};
  }
  /// Nothing more comes here. Requires: all fields are zero
  void stop() noexcept {
    growable<std::uint64_t> none(budget_);
    words_.swap(none);
    form_ = form::none;
  }

  /// Value: std::int32_t or std::int64_t. Requires: the rows' load was taken, and room made for their groups
  template <class Value>
  void add(const std::uint32_t* groups, std::uint32_t count, const Value* x, const Value* y) noexcept {
    if (form_ == form::halves) add_rows<true>(groups, count, x, y);
    else add_rows<false>(groups, count, x, y);
  }
  /// Adds a group of another's. Requires: `same_form(other)`; its load was taken
  void merge(const narrow_moments& other, std::uint32_t from, std::uint32_t to) noexcept {
    for (std::uint32_t i = 0; i < stride(); ++i)
      words_[std::size_t{to} * stride() + i] += other.words_[std::size_t{from} * stride() + i];
  }
  [[nodiscard]] bool same_form(const narrow_moments& other) const noexcept { return form_ == other.form_; }

  [[nodiscard]] std::int64_t field(std::uint32_t group, std::uint32_t number) const noexcept {
    if (group >= group_count()) return 0;
    const std::uint64_t* words = words_.data() + std::size_t{group} * stride();
    // There y comes after x².
    const bool swapped = fields_ == 6 && (number == 2 || number == 3);
    number = PILLAR_MUTATE(moments_fields_in_their_order, swapped, false) ? 5 - number : number;
    if (form_ == form::whole) return static_cast<std::int64_t>(words[number]);
    const std::uint64_t word = words[number / 2];
    const std::int64_t low = static_cast<std::int32_t>(word);
    return number % 2 == 0 ? low : static_cast<std::int64_t>(word - static_cast<std::uint64_t>(low)) >> 32;
  }

 private:
  enum class form : std::uint8_t { halves, whole, none };
  [[nodiscard]] static std::uint64_t limit(form of) noexcept {
    constexpr std::uint64_t most_half = (std::uint64_t{1} << 31) - 1, most_whole = std::uint64_t{1} << 62;
    return of == form::halves  ? PILLAR_MUTATE(moments_half_overflows, most_half, most_whole)
           : of == form::whole ? most_whole
                               : 0;
  }
  /// Eight rows for each group before it is emptied.
  [[nodiscard]] static bool pays(form of, std::uint64_t load, std::uint32_t count, std::uint32_t groups) noexcept {
    return load <= limit(of) / 2 && load / (count + 1) <= limit(of) / (8 * (std::uint64_t{groups} + 1024));
  }
  [[nodiscard]] std::uint32_t stride() const noexcept {
    if (form_ != form::halves) return fields_;
    return fields_ == 6 ? product_sum_words : (fields_ + 1) / 2;
  }

  template <bool Halves, class Value>
  void add_rows(const std::uint32_t* groups, std::uint32_t count, const Value* x, const Value* y) noexcept {
    if (fields_ == 3) add_fields<Halves, 3>(groups, count, x, x);
    else if (fields_ == 4) add_fields<Halves, 4>(groups, count, x, y);
    else if constexpr (Halves && sizeof(Value) == 4) kernels_->add(words_.data(), groups, count, x, y);
    else add_fields<Halves, 6>(groups, count, x, y);
  }
  template <bool Halves, std::uint32_t Fields, class Value>
  void add_fields(const std::uint32_t* PILLAR_RESTRICT groups, std::uint32_t count, const Value* PILLAR_RESTRICT x,
                  const Value* PILLAR_RESTRICT y) noexcept {
    constexpr std::size_t words = Halves ? (Fields + 1) / 2 : Fields;
    constexpr std::size_t row_words = Halves && Fields == 6 ? product_sum_words : words;
    std::uint64_t* const PILLAR_RESTRICT all = words_.data();
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto a = static_cast<std::uint64_t>(std::int64_t{x[i]}), b = static_cast<std::uint64_t>(std::int64_t{y[i]});
      std::uint64_t fields[6] = {1, a, a * a};  // Fields == 3
      if constexpr (Fields == 4) fields[2] = b, fields[3] = a * b;
      if constexpr (Fields == 6) fields[3] = b, fields[4] = b * b, fields[5] = a * b;
      std::uint64_t* const at = all + groups[i] * row_words;
      for (std::size_t word = 0; word < words; ++word)
        at[word] += Halves ? fields[2 * word] + (fields[2 * word + 1] << 32) : fields[word];
    }
  }

  std::uint32_t fields_;
  form form_ = form::halves;
  std::uint64_t load_ = 0;
  memory_budget* budget_;
  growable<std::uint64_t> words_;
  const product_sums_table* kernels_;
};

}  // namespace PILLAR_NAMESPACE::detail
