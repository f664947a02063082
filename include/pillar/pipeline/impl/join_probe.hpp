// SPDX-License-Identifier: Apache-2.0
/// One worker's part of a join in a pass: batches of the left side in, joined batches out.
#pragma once
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "pillar/base/mutant.hpp"
#include "pillar/column/batch.hpp"
#include "pillar/filter/evaluate.hpp"   // value_slot
#include "pillar/filter/predicate.hpp"  // predicate_state
#include "pillar/join/join_cursor.hpp"
#include "pillar/pipeline/impl/bound_join.hpp"

namespace PILLAR_NAMESPACE::detail {

/// to[at(i)] = from[rows[i]] for the rows that are there; `at` = nullptr: to[i].
template <class From, class To = From>
void copy_rows(const void* from, const std::uint32_t* rows, const std::uint32_t* at, std::uint32_t count, void* to) {
  const auto* const values = static_cast<const std::byte*>(from);
  auto* const out = static_cast<std::byte*>(to);
  const auto value = [&](std::uint32_t i) {
    return static_cast<To>(load_unaligned<From>(values + std::size_t{rows[i]} * sizeof(From)));
  };
  if (at == nullptr) {
    for (std::uint32_t i = 0; i < count; ++i) store_unaligned(out + i * sizeof(To), value(i));
  } else {
    for (std::uint32_t i = 0; i < count; ++i) store_unaligned(out + at[i] * sizeof(To), value(i));
  }
}
inline void copy_rows(std::size_t width, const void* from, const std::uint32_t* rows, const std::uint32_t* at,
                      std::uint32_t count, void* to) {
  struct sixteen {
    std::uint64_t words[2];
  };
  switch (width) {
    case 1: return copy_rows<std::uint8_t>(from, rows, at, count, to);
    case 2: return copy_rows<std::uint16_t>(from, rows, at, count, to);
    case 4: return copy_rows<std::uint32_t>(from, rows, at, count, to);
    case 8: return copy_rows<std::uint64_t>(from, rows, at, count, to);
    default: return copy_rows<sixteen>(from, rows, at, count, to);
  }
}

/// Pairs of rows, by number: `left` of the batch, `other` of the build side or no_row.
struct row_pairs {
  std::uint32_t count = 0;
  std::uint32_t with_other = 0;  ///< the first ones; the others have no partner
  std::uint32_t left[vector_rows];
  std::uint32_t other[vector_rows];
};

/// Rows of a vector, in any order and repeated, as a vector of the same values over memory of `slot`'s.
inline vector gather_rows(const vector& from, const std::uint32_t* rows, std::uint32_t count, value_slot& slot) {
  vector made = from;
  made.size = count;
  if (from.kind == vector_kind::constant) return made;
  std::uint32_t holders[vector_rows];
  if (from.kind == vector_kind::dictionary) {
    copy_rows(sizeof(std::uint32_t), from.codes, rows, nullptr, count, slot.values);
    made.codes = reinterpret_cast<const std::uint32_t*>(slot.values);
  } else {
    const std::uint32_t* at = rows;
    if (from.kind == vector_kind::run_end) {
      for (std::uint32_t i = 0; i < count; ++i) holders[i] = from.index_of(rows[i]);
      at = holders;
      made.kind = vector_kind::flat;
      made.dictionary = nullptr;
      made.run_ends = nullptr;
    }
    copy_rows(byte_width(from.type.physical), from.holder().values, at, nullptr, count, slot.values);
    made.values = slot.values;
    made.buffers = from.holder().buffers;
  }
  if (from.validity == nullptr) return made;
  for (std::uint32_t i = 0; i < count; ++i) assign_bit(slot.validity, i, from.valid(rows[i]));
  made.validity = slot.validity;
  made.validity_offset = 0;
  return made;
}

/// The worker's cursor, and memory for the columns of joined batches.
class join_probe {
 public:
  static result<std::unique_ptr<join_probe>> make(const sealed_join& join, memory_budget* budget) {
    auto made = std::unique_ptr<join_probe>(new join_probe(join));
    if (keeps_build_rows(join.kind)) {
      PILLAR_ASSIGN_OR_RETURN(join_matches matches, join_matches::make(*join.table, budget));
      made->matches_.emplace(std::move(matches));
    }
    PILLAR_ASSIGN_OR_RETURN(join_cursor cursor, join_cursor::make(*join.table, join.kind,
                                                                  made->matches_ ? &*made->matches_ : nullptr, budget));
    made->cursor_.emplace(std::move(cursor));
    return made;
  }
  join_probe(const join_probe&) = delete;
  join_probe& operator=(const join_probe&) = delete;

  [[nodiscard]] join_cursor& cursor() noexcept { return *cursor_; }
  [[nodiscard]] join_matches* matches() noexcept { return matches_ ? &*matches_ : nullptr; }

 private:
  /// Calls f with the condition on pairs, or nullptr.
  template <class F>
  auto with_condition(std::span<const vector> left, const F& f) {
    if (!join_.has_condition) return f(nullptr);
    const auto keeps = [&](std::span<const std::uint32_t> probe_rows, std::span<const std::uint32_t> build_rows,
                           selection_mask& kept) -> result<void> { return ask(left, probe_rows, build_rows, kept); };
    const join_residual residual(keeps);
    return f(&residual);
  }

 public:
  /// Up to 1,024 of them; 0 = the batch is done.
  result<void> next_pairs(std::span<const vector> left, row_pairs& pairs) {
    PILLAR_ASSIGN_OR_RETURN(pairs.count, with_condition(left, [&](const join_residual* residual) {
                              return cursor_->next(pairs.left, pairs.other, residual);
                            }));
    pairs.with_other = pairs.count;
    if (keeps_probe_rows(join_.kind))
      while (pairs.with_other != 0 && pairs.other[pairs.with_other - 1] == no_row) --pairs.with_other;
    return {};
  }
  result<void> select(std::span<const vector> left, selection_mask& kept) {
    return with_condition(left, [&](const join_residual* residual) { return cursor_->select(kept, residual); });
  }
  result<void> mark(std::span<const vector> left, selection_mask& is_true, selection_mask& is_null) {
    return with_condition(left,
                          [&](const join_residual* residual) { return cursor_->mark(is_true, is_null, residual); });
  }

  /// The mark as a column.
  [[nodiscard]] vector mark_column(const selection_mask& is_true, const selection_mask& is_null,
                                   std::uint32_t row_count) {
    return mark_column(join_.kind, is_true, is_null, row_count, slot_of(0));
  }
  [[nodiscard]] static vector mark_column(join_kind kind, const selection_mask& is_true, const selection_mask& is_null,
                                          std::uint32_t row_count, value_slot& slot) {
    for (std::uint32_t row = 0; row < row_count; ++row) slot.values[row] = static_cast<std::byte>(is_true.test(row));
    for (std::uint32_t word = 0; word < vector_words; ++word) slot.validity[word] = ~is_null.words[word];
    return flat(type_of<bool>.as_nullable(is_null_aware(kind)), row_count, slot, is_null_aware(kind) && is_null.any());
  }

  /// A column of the other side: row i, or with `scattered` row left[i], is that of pair i.
  [[nodiscard]] vector other_column(std::size_t which, const row_pairs& pairs, bool scattered,
                                    std::uint32_t row_count) {
    return other_column(join_.others[which], slot_of(which), pairs, scattered, row_count);
  }
  /// A column of the left side, gathered.
  [[nodiscard]] vector left_column(std::size_t which, const vector& from, const row_pairs& pairs) {
    return gather_rows(from, pairs.left, pairs.count, slot_of(join_.others.size() + which));
  }
  /// A column of NULLs.
  [[nodiscard]] static vector nulls(const data_type& type, std::uint32_t row_count) {
    static constexpr std::uint64_t nothing[2] = {0, 0};
    vector made;
    made.type = type;
    made.kind = vector_kind::constant;
    made.size = row_count;
    made.values = nothing;
    made.validity = nothing;
    return made;
  }

  /// numbers[i] = that of pair i of `found`, whose left rows have these. `first`: of the batch.
  void number_pairs(const row_numbers& of, const link_numbers& how, bool first) noexcept {
    if (first) left_ = no_row;
    for (std::uint32_t i = 0; i < found.count; ++i) {
      which_ = found.left[i] == left_ ? which_ + 1 : 0;
      left_ = found.left[i];
      numbers[i] = how.of(of.of(left_), which_);
    }
  }

  row_pairs found;
  std::uint64_t numbers[vector_rows];  ///< of joined rows
  std::uint64_t rows_probed = 0;
  std::uint64_t rows_out = 0;

 private:
  explicit join_probe(const sealed_join& join) : join_(join) {
    if (!join.has_condition) return;
    condition_.emplace(join.condition);
    pair_columns_.resize(join.pair_columns);
    pair_batch_.columns = pair_columns_;
  }

  value_slot& slot_of(std::size_t which) {
    if (which >= slots_.size()) slots_.resize(which + 1);
    if (!slots_[which]) slots_[which] = std::make_unique<value_slot>();
    return *slots_[which];
  }
  static vector flat(const data_type& type, std::uint32_t row_count, const value_slot& slot, bool has_nulls) {
    vector made;
    made.type = type;
    made.size = row_count;
    made.values = slot.values;
    if (has_nulls) made.validity = slot.validity;
    return made;
  }

  vector other_column(const sealed_join::other_column& column, value_slot& slot, const row_pairs& pairs, bool scattered,
                      std::uint32_t row_count) const {
    const vector whole = join_.rows.columns[column.from].storage()->whole;
    const std::uint32_t* at = scattered ? pairs.left : nullptr;
    if (!join_.halved.empty() && join_.halved[column.from] != 0)
      copy_rows<std::int32_t, std::int64_t>(whole.values, pairs.other, at, pairs.with_other, slot.values);
    else copy_rows(byte_width(whole.type.physical), whole.values, pairs.other, at, pairs.with_other, slot.values);
    const bool has_nulls = whole.validity != nullptr || pairs.with_other != pairs.count;
    if (has_nulls) {
      std::memset(slot.validity, 0xff, sizeof slot.validity);
      for (std::uint32_t i = 0; i < pairs.count; ++i)
        assign_bit(slot.validity, scattered ? pairs.left[i] : i,
                   PILLAR_MUTATE(join_missing_row_not_null, i < pairs.with_other, true) &&
                       whole.valid(i < pairs.with_other ? pairs.other[i] : 0));
    }
    vector made = flat(whole.type, row_count, slot, has_nulls);
    made.type.nullable = made.type.nullable || has_nulls;
    made.buffers = whole.buffers;
    return made;
  }

  /// Which of these pairs satisfy the condition.
  result<void> ask(std::span<const vector> left, std::span<const std::uint32_t> probe_rows,
                   std::span<const std::uint32_t> build_rows, selection_mask& kept) {
    const auto count = static_cast<std::uint32_t>(probe_rows.size());
    std::size_t used = join_.others.size() + join_.passed.size();
    const auto put = [&](std::uint32_t column, const vector& values) {
      pair_columns_[column].decoded = values;
      pair_columns_[column].has_decoded = true;
    };
    for (std::size_t i = 0; i < join_.paired.size(); ++i)
      if (join_.paired[i] != sealed_join::none)
        put(join_.paired[i], gather_rows(left[join_.key_count + i], probe_rows.data(), count, slot_of(used++)));
    for (const auto& column : join_.paired_others) {
      const vector whole = join_.rows.columns[column.from].storage()->whole;
      put(column.to, gather_rows(whole, build_rows.data(), count, slot_of(used++)));
    }
    pair_batch_.row_count = count;
    pair_batch_.selection = kept;
    PILLAR_TRY(apply(*condition_, pair_batch_));
    kept = pair_batch_.selection;
    return {};
  }

  const sealed_join& join_;
  std::uint32_t left_ = no_row;  ///< of the last pair
  std::uint64_t which_ = 0;      ///< of its left row's
  std::optional<join_matches> matches_;
  std::optional<join_cursor> cursor_;
  std::vector<std::unique_ptr<value_slot>> slots_;  ///< other columns, left columns, columns of pairs
  std::optional<predicate_state> condition_;
  std::vector<batch_column> pair_columns_;
  batch pair_batch_;
};

}  // namespace PILLAR_NAMESPACE::detail
