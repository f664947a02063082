// SPDX-License-Identifier: Apache-2.0
/// What a batch of the probe side comes to with a table: pairs, rows without partners, marks.
#pragma once
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/join/spilling_join.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// What constant NULLs of any type refer to.
inline constexpr std::uint64_t join_zeros[2] = {0, 0};
static_assert(sizeof join_zeros >= sizeof(text_slot));

inline vector constant_null(const data_type& type, std::uint32_t row_count) noexcept {
  vector made;
  made.type = type.as_nullable();
  made.kind = vector_kind::constant;
  made.size = row_count;
  made.values = join_zeros;
  made.validity = join_zeros;
  return made;
}

inline void remove_rows(selection_mask& from, const selection_mask& rows) noexcept {
  for (std::uint32_t word = 0; word < vector_words; ++word) from.words[word] &= ~rows.words[word];
}

/// Codes and validity of a view of the probe side.
inline constexpr std::size_t probe_view_bytes =
    vector_rows * sizeof(std::uint32_t) + vector_words * sizeof(std::uint64_t);

}  // namespace detail

/// by.build_views = copies of these rows, in `memory` of the worker.
inline void spilling_join::gather_build(prober& by, const loaded& of, const std::uint32_t* rows, std::uint32_t count,
                                        std::byte* memory) const {
  for (std::size_t i = 0; i < by.build_views.size(); ++i) {
    by.build_views[i] = of.rows.gather(i, rows, count, memory);
    memory += detail::stored_rows::gather_bytes(build_.types[i]);
  }
}

/// Pairs as views: of the probe side dictionaries over its vectors, of the build side copies.
inline joined_rows spilling_join::pairs(prober& by, const loaded& of, std::span<const vector* const> columns,
                                        std::span<const std::uint32_t> probe_rows,
                                        std::span<const std::uint32_t> build_rows) {
  const auto count = static_cast<std::uint32_t>(probe_rows.size());
  std::byte* memory = by.scratch.data();
  for (std::size_t i = 0; i < columns.size(); ++i, memory += detail::probe_view_bytes) {
    const vector& from = *columns[i];
    vector& made = by.probe_views[i];
    if (from.kind == vector_kind::constant) {
      made = from;
      made.size = count;
      continue;
    }
    made = vector{};
    made.type = from.type;
    made.kind = vector_kind::dictionary;
    made.size = count;
    made.dictionary = &by.sources[i];
    by.sources[i] = from.holder();
    by.sources[i].validity = nullptr;  // NULLs are the rows'
    made.codes = probe_rows.data();
    if (from.kind != vector_kind::flat) {
      auto* codes = reinterpret_cast<std::uint32_t*>(memory);
      for (std::uint32_t pair = 0; pair < count; ++pair) codes[pair] = from.index_of(probe_rows[pair]);
      made.codes = codes;
    }
    if (from.validity == nullptr) continue;
    auto* words = reinterpret_cast<std::uint64_t*>(memory + vector_rows * sizeof(std::uint32_t));
    for (std::uint32_t word = 0; word < vector_words; ++word) words[word] = 0;
    for (std::uint32_t pair = 0; pair < count; ++pair)
      if (from.valid(probe_rows[pair])) set_bit(words, pair);
    made.validity = words;
  }
  gather_build(by, of, build_rows.data(), count, memory);
  joined_rows made;
  made.row_count = count;
  made.rows = selection_mask::first(count);
  made.probe = by.probe_views;
  made.worker = by.number;
  made.build = by.build_views;
  made.build_rows_before = PILLAR_MUTATE(join_spill_parts_begin_anew, of.rows_before, 0);
  return made;
}

/// Rows of a batch of the probe side; of kinds that give pairs, with NULLs beside them.
inline joined_rows spilling_join::without_partners(prober& by, std::span<const vector* const> columns,
                                                   const selection_mask& rows, std::uint32_t row_count) {
  for (std::size_t i = 0; i < columns.size(); ++i) by.probe_views[i] = *columns[i];
  joined_rows made;
  made.row_count = row_count;
  made.rows = rows;
  made.probe = by.probe_views;
  made.worker = by.number;
  if (!gives_pairs(kind_)) return made;
  for (std::size_t i = 0; i < by.build_views.size(); ++i)
    by.build_views[i] = detail::constant_null(build_.types[i], row_count);
  made.build = by.build_views;
  return made;
}

/// Joins a batch with the build rows at hand. `seen` (16 words, or nullptr where these are all): which of its rows have
/// had partners among others. `last`: no others follow.
inline result<void> spilling_join::join_batch(prober& by, const loaded& with, std::span<const vector* const> columns,
                                              const selection_mask& rows, std::uint32_t row_count, std::uint64_t* seen,
                                              bool last, delivery take) {
  list_keys(columns, probe_, by.keys);
  by.cursor->start(by.keys, rows, row_count);
  const auto ask = [&](std::span<const std::uint32_t> probe_rows, std::span<const std::uint32_t> build_rows,
                       selection_mask& kept) {
    return (*options_.condition)(pairs(by, with, columns, probe_rows, build_rows), kept);
  };
  const join_residual residual = ask;
  const join_residual* condition = options_.condition == nullptr ? nullptr : &residual;
  selection_mask partnered = selection_mask::none();
  if (gives_pairs(kind_)) {
    std::uint32_t probe_rows[vector_rows], build_rows[vector_rows];
    for (;;) {
      PILLAR_ASSIGN_OR_RETURN(const std::uint32_t count, by.cursor->next(probe_rows, build_rows, condition));
      if (count == 0) break;
      for (std::uint32_t i = 0; i < count; ++i) set_bit(partnered.words, probe_rows[i]);
      PILLAR_TRY(take(pairs(by, with, columns, {probe_rows, count}, {build_rows, count})));
    }
    if (!keeps_probe_rows(kind_)) return {};
  } else {
    selection_mask is_null;
    PILLAR_TRY(by.cursor->mark(partnered, is_null, condition));
  }
  selection_mask before = selection_mask::none();
  for (std::uint32_t word = 0; seen != nullptr && word < vector_words; ++word) {
    before.words[word] = seen[word];
    seen[word] |= PILLAR_MUTATE(join_spill_forgets_partners, partnered.words[word], std::uint64_t{0});
  }
  if (kind_ == join_kind::semi) {
    detail::remove_rows(partnered, before);
    return partnered.any() ? take(without_partners(by, columns, partnered, row_count)) : result<void>();
  }
  if (!last) return {};
  partnered |= before;
  selection_mask rest = rows, null_keys = rows;
  detail::remove_rows(rest, partnered);
  detail::remove_rows(null_keys, joinable(by.keys, rows));
  if (kind_ >= join_kind::mark) {
    joined_rows marked = without_partners(by, columns, rows, row_count);
    marked.is_true = partnered;
    if (kind_ == join_kind::null_aware_mark && build_has_rows_) marked.is_null = build_has_null_ ? rest : null_keys;
    return rows.any() ? take(marked) : result<void>();
  }
  if (kind_ == join_kind::null_aware_anti && build_has_rows_) detail::remove_rows(rest, null_keys);
  return rest.any() ? take(without_partners(by, columns, rest, row_count)) : result<void>();
}

}  // namespace PILLAR_NAMESPACE
