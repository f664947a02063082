// SPDX-License-Identifier: Apache-2.0
/// Aggregates that estimate: how many values are different, and quantiles. Both are made of numbers that only grow, so
/// the estimate is the same for any order and split.
#pragma once
#include <algorithm>  // std::sort
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "pillar/aggregate/detail/array_pool.hpp"
#include "pillar/aggregate/detail/group_order.hpp"  // group_index
#include "pillar/aggregate/detail/word_table.hpp"
#include "pillar/aggregate/grouped_state.hpp"
#include "pillar/base/bits.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/hash/column.hpp"
#include "pillar/sort/key.hpp"  // ordered_word

namespace PILLAR_NAMESPACE::detail {

/// The estimate of a HyperLogLog sketch: `counts[k]` of its 2^bits registers hold k, for k in [0, 65 − bits].
///
/// Source: O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017, arXiv:1702.01284),
///         algorithm 6: without bias from none to all of 2^64, and no tables
inline double estimate_distinct(const std::uint32_t* counts, unsigned bits) noexcept {
  const double registers = static_cast<double>(std::uint64_t{1} << bits);
  const auto sigma = [](double x) {
    double y = 1, z = x, before = -1;
    while (z != before) {
      x *= x;
      before = z;
      z += x * y;
      y += y;
    }
    return z;
  };
  const auto tau = [](double x) {
    if (x == 0 || x == 1) return 0.0;
    double y = 1, z = 1 - x, before = -1;
    while (z != before) {
      x = std::sqrt(x);
      before = z;
      y *= 0.5;
      z -= (1 - x) * (1 - x) * y;
    }
    return z / 3;
  };
  const unsigned most = 65 - bits;
  if (counts[0] == registers) return 0;
  double z = registers * tau(1 - counts[most] / registers);
  for (unsigned k = most - 1; k >= 1; --k) z = 0.5 * (z + counts[k]);
  z += registers * sigma(counts[0] / registers);
  constexpr double two_log_2 = 1.3862943611198906;
  return registers * registers / (two_log_2 * z);
}

/// approximate_count_distinct: HyperLogLog over hash_column. A group begins with a sorted list of its registers that
/// are not 0, and goes over to all of them, a byte each, when the list would be a quarter of that.
///
/// Source: P. Flajolet, É. Fusy, O. Gandouet, F. Meunier, "HyperLogLog: the analysis of a near-optimal cardinality
///         estimation algorithm" (2007); lists and 64-bit hashes as in S. Heule, M. Nunkesser, A. Hall, "HyperLogLog in
///         practice" (2013, doi:10.1145/2452376.2452456)
class distinct_states final : public grouped_state {
 public:
  distinct_states(unsigned bits, memory_budget* budget) noexcept : bits_(bits), sketches_(budget), words_(budget) {}

  result<void> reserve(const group_rows& rows, std::uint32_t group_count) override {
    PILLAR_TRY(grow(group_count));
    hash_column(*rows.values, hashes_, false);
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const std::uint32_t group = rows.group[i];
      if (!sketches_[group].all) PILLAR_TRY(make_place(group, register_of(hashes_[rows.row[i]])));
    }
    return {};
  }
  void add(const group_rows& rows) noexcept override {
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const std::uint64_t hash = hashes_[rows.row[i]];
      raise(rows.group[i], register_of(hash), rank_of(hash));
    }
  }
  result<void> reserve_merge(const grouped_state& other, const group_pairs& groups,
                             std::uint32_t group_count) override {
    PILLAR_TRY(grow(group_count));
    const auto& from = static_cast<const distinct_states&>(other);
    for (std::uint32_t pair = 0; pair < groups.count && groups.there(pair) < from.sketches_.size(); ++pair) {
      const std::uint32_t group = groups.there(pair), to = groups.here(pair);
      if (from.sketches_[group].all && !sketches_[to].all) PILLAR_TRY(take_all(to));
      for (std::uint32_t i = 0; i < from.sketches_[group].count && !sketches_[to].all; ++i)
        PILLAR_TRY(make_place(to, from.words_[from.sketches_[group].at][i] >> 8));
    }
    return {};
  }
  void merge(const grouped_state& other, const group_pairs& groups) noexcept override {
    const auto& from = static_cast<const distinct_states&>(other);
    for (std::uint32_t i = 0; i < groups.count && groups.there(i) < from.sketches_.size(); ++i)
      from.for_each_register(groups.there(i),
                             [&](std::uint32_t number, std::uint32_t rank) { raise(groups.here(i), number, rank); });
  }
  void truncate(std::uint32_t group_count) noexcept override {
    for (std::size_t i = group_count; i < sketches_.size(); ++i)
      if (sketches_[i].used) words_.give_back(sketches_[i].at, sketches_[i].size_class);
    if (group_count < sketches_.size()) sketches_.truncate(group_count);
  }
  result<void> append_results(std::uint32_t first, std::uint32_t count, column_builder& out,
                              memory_budget*) const override {
    for (std::uint32_t group = first; group < first + count; ++group) {
      std::uint32_t counts[66] = {};
      std::uint32_t seen = 0;
      if (group < sketches_.size())
        for_each_register(group, [&](std::uint32_t, std::uint32_t rank) {
          ++counts[rank];
          ++seen;
        });
      counts[0] += (std::uint32_t{1} << bits_) - seen;
      PILLAR_TRY(out.append_integer(static_cast<int128>(std::llround(estimate_distinct(counts, bits_)))));
    }
    return {};
  }

 private:
  struct sketch {
    std::uint32_t at;
    std::uint16_t count;  ///< entries of the list: register << 8 | rank, ascending
    std::uint8_t size_class;
    bool all : 1;   ///< the array holds all registers
    bool used : 1;  ///< there is an array
  };

  [[nodiscard]] std::uint32_t register_of(std::uint64_t hash) const noexcept {
    return static_cast<std::uint32_t>(hash >> (64 - bits_));
  }
  [[nodiscard]] std::uint32_t rank_of(std::uint64_t hash) const noexcept {
    const std::uint64_t rest = hash << bits_ | std::uint64_t{1} << (bits_ - 1);
    return PILLAR_MUTATE(hyperloglog_rank_from_0, static_cast<std::uint32_t>(std::countl_zero(rest)) + 1,
                         static_cast<std::uint32_t>(std::countl_zero(rest)));
  }
  [[nodiscard]] static std::uint32_t capacity_of(const sketch& of) noexcept {
    return of.used ? array_pool<std::uint32_t>::unit << of.size_class : 0;
  }
  /// Where a register stands in the list, or where it would.
  [[nodiscard]] std::uint32_t place_of(const sketch& of, std::uint32_t number) const noexcept {
    const std::uint32_t* list = of.used ? words_[of.at] : nullptr;
    std::uint32_t low = 0, high = of.count;
    while (low < high) {
      const std::uint32_t middle = (low + high) / 2;
      if (list[middle] >> 8 < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  /// Puts a register of rank 0 into a group's list, unless it is there; a long list becomes an array of all.
  result<void> make_place(std::uint32_t group, std::uint32_t number) noexcept {
    const std::uint32_t at = place_of(sketches_[group], number);
    if (at < sketches_[group].count && words_[sketches_[group].at][at] >> 8 == number) return {};
    if (sketches_[group].count == capacity_of(sketches_[group])) {
      const sketch before = sketches_[group];
      const unsigned size_class = before.used ? before.size_class + 1u : 0u;
      if ((array_pool<std::uint32_t>::unit << size_class) > (std::uint32_t{1} << bits_) / 16) return take_all(group);
      PILLAR_ASSIGN_OR_RETURN(const std::uint32_t array, words_.take(size_class));
      sketch& made = sketches_[group];
      if (before.used) {
        std::memcpy(words_[array], words_[before.at], before.count * sizeof(std::uint32_t));
        words_.give_back(before.at, before.size_class);
      }
      made.at = array;
      made.size_class = static_cast<std::uint8_t>(size_class);
      made.used = true;
    }
    sketch& of = sketches_[group];
    std::uint32_t* list = words_[of.at];
    std::memmove(list + at + 1, list + at, (of.count - at) * sizeof(std::uint32_t));
    list[at] = number << 8;
    ++of.count;
    return {};
  }
  /// From a list, or nothing, to all registers.
  result<void> take_all(std::uint32_t group) noexcept {
    unsigned size_class = 0;
    while ((array_pool<std::uint32_t>::unit << size_class) * sizeof(std::uint32_t) < (std::size_t{1} << bits_))
      ++size_class;
    PILLAR_ASSIGN_OR_RETURN(const std::uint32_t array, words_.take(size_class));
    sketch& of = sketches_[group];
    auto* registers = reinterpret_cast<std::uint8_t*>(words_[array]);
    for (std::uint32_t i = 0; i < of.count; ++i) {
      const std::uint32_t entry = words_[of.at][i];
      registers[entry >> 8] = static_cast<std::uint8_t>(entry);
    }
    if (of.used) words_.give_back(of.at, of.size_class);
    of = {array, 0, static_cast<std::uint8_t>(size_class), true, true};
    return {};
  }
  void raise(std::uint32_t group, std::uint32_t number, std::uint32_t rank) noexcept {
    const sketch& of = sketches_[group];
    if (of.all) {
      auto& at = reinterpret_cast<std::uint8_t*>(words_[of.at])[number];
      at = at < rank ? static_cast<std::uint8_t>(rank) : at;
      return;
    }
    std::uint32_t& entry = words_[of.at][place_of(of, number)];
    PILLAR_ASSERT(entry >> 8 == number);
    if ((entry & 0xff) < rank) entry = number << 8 | rank;
  }
  template <class F>
  void for_each_register(std::uint32_t group, F&& f) const {
    const sketch& of = sketches_[group];
    if (of.all) {
      const auto* registers = reinterpret_cast<const std::uint8_t*>(words_[of.at]);
      for (std::uint32_t i = 0; i < std::uint32_t{1} << bits_; ++i) f(i, registers[i]);
    } else {
      for (std::uint32_t i = 0; i < of.count; ++i) f(words_[of.at][i] >> 8, words_[of.at][i] & 0xff);
    }
  }
  result<void> grow(std::uint32_t group_count) noexcept {
    return group_count <= sketches_.size() ? result<void>() : sketches_.append_zeros(group_count - sketches_.size());
  }

  unsigned bits_;
  growable<sketch> sketches_;
  array_pool<std::uint32_t> words_;
  std::uint64_t hashes_[vector_rows];
};

/// approximate_quantile: how many values lie in each of the buckets that the double's exponent and the first `bits`
/// bits of its fraction name. A value in the middle of a bucket is within 2^−(bits + 1) of each value in it, relative
/// to that, and buckets lie in the order of values: so the answer for a quantile is within that of the exact one.
/// NaN, infinities and 0 have buckets of their own; numbers below 2^−1022 count as 0.
///
/// Cost:   a table entry per group and bucket in use: about 64 for each doubling between the least and greatest value
/// Source: C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
///         guarantees" (2019, doi:10.14778/3352063.3352135), with buckets equal within a power of two, not logarithmic:
///         the same bits on every machine, and a shift instead of a logarithm
class quantile_sketch_states final : public grouped_state {
 public:
  quantile_sketch_states(double quantile, unsigned bits, const data_type& type, memory_budget* budget) noexcept
      : quantile_(quantile), bits_(bits), type_(type), cells_(budget), counts_(budget), index_(budget) {}

  result<void> reserve(const group_rows& rows, std::uint32_t) override {
    std::uint64_t keys[vector_rows];
    visit_fixed_width(type_.physical, [&]<class T>() {
      const auto* values = static_cast<const std::byte*>(rows.values->holder().values);
      for (std::uint32_t i = 0; i < rows.count; ++i) {
        const std::size_t at = std::size_t{rows.values->index_of(rows.row[i])} * sizeof(T);
        keys[i] = key_of(rows.group[i], static_cast<double>(load_unaligned<T>(values + at)));
      }
    });
    return find(keys, rows.count, numbers_);
  }
  void add(const group_rows& rows) noexcept override {
    for (std::uint32_t i = 0; i < rows.count; ++i) ++counts_[numbers_[i]];
    settled_ = cells_.size();
  }
  result<void> reserve_merge(const grouped_state& other, const group_pairs& groups, std::uint32_t) override {
    const auto& from = static_cast<const quantile_sketch_states&>(other);
    std::uint64_t keys[vector_rows];
    std::uint32_t count = 0;
    result<void> made;
    from.for_each_cell(groups, [&](std::uint32_t, std::uint64_t key) {
      keys[count++] = key;
      if (count < vector_rows) return;
      if (made.ok()) made = find(keys, count, numbers_);
      count = 0;
    });
    return made.ok() ? find(keys, count, numbers_) : made;
  }
  void merge(const grouped_state& other, const group_pairs& groups) noexcept override {
    const auto& from = static_cast<const quantile_sketch_states&>(other);
    from.for_each_cell(groups, [&](std::uint32_t cell, std::uint64_t key) {
      std::uint32_t number = 0;
      cells_.find(&key, 1, &number);  // it is there
      counts_[number] += from.counts_[cell];
    });
    settled_ = cells_.size();
  }
  void truncate(std::uint32_t) noexcept override {
    cells_.truncate(settled_);
    counts_.truncate(settled_);
  }
  void arrange() noexcept override {
    index_.make(settled_, [this](std::uint32_t cell) { return group_of(cell); });
  }
  result<void> append_results(std::uint32_t first, std::uint32_t count, column_builder& out,
                              memory_budget* scratch) const override {
    struct cell {
      std::uint64_t key;
      std::uint64_t count;
    };
    growable<cell> cells(scratch);
    const auto take = [&](std::uint32_t i) { return cells.append({cells_.key(i), counts_[i]}); };
    if (index_.has(settled_)) {
      const std::uint32_t *begin = index_.groups.data(), *const end = begin + settled_;
      for (begin = std::lower_bound(begin, end, first); begin != end && *begin - first < count; ++begin)
        PILLAR_TRY(take(index_.entries[static_cast<std::size_t>(begin - index_.groups.data())]));
    } else {
      for (std::uint32_t i = 0; i < settled_; ++i)
        if (group_of(i) - first < count) PILLAR_TRY(take(i));
    }
    std::sort(cells.data(), cells.data() + cells.size(), [](const cell& a, const cell& b) { return a.key < b.key; });
    std::size_t at = 0;
    for (std::uint32_t group = first; group < first + count; ++group) {
      std::size_t end = at;
      std::uint64_t values = 0;
      for (; end < cells.size() && cells[end].key >> 32 == group; ++end) values += cells[end].count;
      if (values == 0) {
        PILLAR_TRY(out.append_null());
        continue;
      }
      const auto place = static_cast<std::uint64_t>(std::floor(quantile_ * static_cast<double>(values - 1)));
      for (std::uint64_t below = cells[at].count; below <= place && at + 1 < end; below += cells[at].count) ++at;
      PILLAR_TRY(out.append_real(estimate_of(static_cast<std::uint32_t>(cells[at].key))));
      at = end;
    }
    return {};
  }

 private:
  [[nodiscard]] std::uint64_t key_of(std::uint32_t group, double value) const noexcept {
    if (type_.logical == logical_type::decimal) value /= static_cast<double>(power_of_ten(type_.scale));
    if (value < 0x1p-1022 && value > -0x1p-1022) value = 0;
    return std::uint64_t{group} << 32 | ordered_word(value) >> (52 - bits_);
  }
  [[nodiscard]] double estimate_of(std::uint32_t bucket) const noexcept {
    const std::uint32_t sign = std::uint32_t{1} << (11 + bits_);
    const bool negative = (bucket & sign) == 0;
    const std::uint64_t size = (negative ? ~bucket : bucket) & (sign - 1);
    std::uint64_t word = size << (52 - bits_);
    const std::uint64_t exponent = word >> 52;
    if (exponent == 0) return 0;
    if (exponent == 0x7ff && size != std::uint64_t{0x7ff} << bits_) word = 0x7ff8000000000000;
    if (exponent != 0x7ff) word |= std::uint64_t{1} << (51 - bits_);
    return std::bit_cast<double>(word | (negative ? std::uint64_t{1} << 63 : 0));
  }
  result<void> find(const std::uint64_t* keys, std::uint32_t count, std::uint32_t* numbers) noexcept {
    PILLAR_TRY(cells_.find_or_insert(keys, count, numbers));
    return counts_.append_zeros(cells_.size() - counts_.size());
  }

  [[nodiscard]] std::uint32_t group_of(std::uint32_t cell) const noexcept {
    return static_cast<std::uint32_t>(cells_.key(cell) >> 32);
  }
  /// f(cell, its key in other states' cells) for the groups that `pairs` names.
  template <class F>
  void for_each_cell(const group_pairs& pairs, F&& f) const {
    const auto give = [&](std::uint32_t cell, std::uint32_t here) {
      f(cell, std::uint64_t{here} << 32 | (cells_.key(cell) & 0xffffffffu));
    };
    if (index_.has(settled_)) {
      for_each_entry(index_.groups.data(), settled_, true, pairs,
                     [&](std::size_t i, std::uint32_t here) { give(index_.entries[i], here); });
      return;
    }
    for (std::uint32_t cell = 0; cell < settled_; ++cell)
      if (const std::uint32_t pair = pairs.find(group_of(cell)); pair != pairs.count) give(cell, pairs.here(pair));
  }

  double quantile_;
  unsigned bits_;
  data_type type_;
  word_table<std::uint64_t> cells_;  ///< group << 32 | bucket
  growable<std::uint64_t> counts_;   ///< of each cell; those from settled_ on are reserved and still 0
  std::uint32_t settled_ = 0;
  group_index index_;  ///< of the cells, once they were arranged
  std::uint32_t numbers_[vector_rows];
};

}  // namespace PILLAR_NAMESPACE::detail
