// SPDX-License-Identifier: Apache-2.0
/// The groups of one aggregator into another.
#pragma once
#include <cstring>
#include <utility>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/aggregate/detail/states.hpp"
#include "pillar/aggregate/impl/aggregator_narrow.hpp"
#include "pillar/aggregate/impl/aggregator_rows.hpp"
#include "pillar/base/mutant.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {
/// Whether two float sums can only meet in a wide accumulator.
inline bool needs_wide(const exact_real_state& to, const exact_real_state& from) noexcept {
  if (to.wide_plus_1 != 0) return false;
  return from.wide_plus_1 != 0 || (from.base_plus_1 != 0 && to.base_plus_1 != 0 && from.base_plus_1 != to.base_plus_1);
}
}  // namespace detail

/// Groups of another aggregator, all or those of a list, and their numbers here.
struct aggregator::other_groups {
  const aggregator& other;
  const std::uint32_t* groups;  ///< nullptr: all
  std::uint32_t count;
  const std::uint32_t* group_of;
  bool in_words = false;  ///< what narrow_ holds of them is merged apart
  [[nodiscard]] std::uint32_t group(std::uint32_t i) const noexcept { return groups == nullptr ? i : groups[i]; }
};

inline void aggregator::count_room(const bound_aggregate& of, const other_groups& all,
                                   needed_room& room) const noexcept {
  if (of.form != state_form::extreme_text && of.form != state_form::exact_real) return;
  for (std::uint32_t i = 0; i < all.count; ++i) {
    const std::byte* from = all.other.state_or_null(of, all.group(i));
    if (of.form == state_form::extreme_text) {
      if (from != nullptr)
        room.text_bytes += std::size_t{2} * reinterpret_cast<const detail::extreme_text_state*>(from)->size;
      continue;
    }
    // A copy goes the way of the sum: its window is chosen by what comes first.
    auto to = *reinterpret_cast<const detail::exact_real_state*>(state(of, all.group_of[i]));
    bool wide = to.wide_plus_1 != 0;
    if (from != nullptr && !wide) {
      const auto& theirs = *reinterpret_cast<const detail::exact_real_state*>(from);
      wide = detail::needs_wide(to, theirs);
      if (to.base_plus_1 == 0) to.base_plus_1 = theirs.base_plus_1;
    }
    if (!wide && !all.in_words) wide = to.outside(all.other.narrow_total(of, all.group(i)));
    room.exact_sums += wide && to.wide_plus_1 == 0 ? 1 : 0;
  }
}

inline void aggregator::merge_exact(std::byte* into, const std::byte* other_state, const aggregator& other) noexcept {
  auto* to = reinterpret_cast<detail::exact_real_state*>(into);
  const auto* from = reinterpret_cast<const detail::exact_real_state*>(other_state);
  if (detail::needs_wide(*to, *from)) promote(into);
  to->count += from->count;
  to->flags |= from->flags;
  if (from->base_plus_1 == 0 && from->wide_plus_1 == 0) return;  // no finite value
  std::int64_t limbs[detail::exact_limbs];
  std::uint32_t base = from->base_plus_1 - 1u, count = detail::exact_real_state::window;
  if (from->wide_plus_1 != 0) {
    base = 0;
    count = detail::exact_limbs;
    std::memcpy(limbs, other.exact_.data() + std::size_t{from->wide_plus_1 - 1} * count, sizeof limbs);
  } else {
    std::memcpy(limbs, from->limbs, sizeof from->limbs);
  }
  detail::exact_normalise(limbs, count);
  std::int64_t* target = to->limbs;
  if (to->wide_plus_1 != 0) {
    target = exact_.data() + std::size_t{to->wide_plus_1 - 1} * detail::exact_limbs;
    detail::exact_normalise(target, detail::exact_limbs);
    target += base;
  } else {
    to->base_plus_1 = from->base_plus_1;
    detail::exact_normalise(target, detail::exact_real_state::window);
  }
  for (std::uint32_t i = 0; i < count; ++i) target[i] += limbs[i];
}

inline void aggregator::apply(const bound_aggregate& of, const other_groups& all) noexcept {
  const aggregator& other = all.other;
  const bool smallest = !of.greatest;
  alignas(8) std::byte room[sizeof(detail::sum128_state)];
  if (of.form == state_form::exact_real) {
    for (std::uint32_t i = 0; i < all.count; ++i) {
      std::byte* to = state(of, all.group_of[i]);
      const std::byte* from = other.state_or_null(of, all.group(i));
      if (from != nullptr) merge_exact(to, from, other);
      if (!of.is_narrow || all.in_words || other.narrow_.empty()) continue;
      reinterpret_cast<detail::exact_real_state*>(to)->count += other.narrow_count(of, all.group(i));
      add_total(other.narrow_total(of, all.group(i)), to);
    }
    note_additions(2);
    return;
  }
  for (std::uint32_t i = 0; i < all.count; ++i) {
    const bool state_only = all.in_words && of.is_narrow;
    const std::byte* from_bytes =
        state_only ? other.state_or_null(of, all.group(i)) : other.whole_state(of, all.group(i), room);
    if (from_bytes == nullptr) continue;
    std::byte* to_bytes = state(of, all.group_of[i]);
    switch (of.form) {
      case state_form::count:
        *reinterpret_cast<std::uint64_t*>(to_bytes) += *reinterpret_cast<const std::uint64_t*>(from_bytes);
        break;
      case state_form::sum64:
      case state_form::sum64_unsigned: {
        const auto* from = reinterpret_cast<const detail::sum64_state*>(from_bytes);
        auto* to = reinterpret_cast<detail::sum64_state*>(to_bytes);
        to->add(static_cast<int128>(static_cast<uint128>(from->high) << 64 | from->low));
        to->count += from->count;
        break;
      }
      case state_form::sum128: {
        const auto* from = reinterpret_cast<const detail::sum128_state*>(from_bytes);
        auto* to = reinterpret_cast<detail::sum128_state*>(to_bytes);
        to->add(from->words);
        to->count += from->count;
        break;
      }
      case state_form::exact_real: break;  // above
      case state_form::fast_real: {
        const auto* from = reinterpret_cast<const detail::fast_real_state*>(from_bytes);
        auto* to = reinterpret_cast<detail::fast_real_state*>(to_bytes);
        to->sum += from->sum;
        to->count += from->count;
        break;
      }
      case state_form::narrow_extreme: {
        const auto* from = reinterpret_cast<const detail::narrow_extreme_state*>(from_bytes);
        auto* to = reinterpret_cast<detail::narrow_extreme_state*>(to_bytes);
        if (from->rank > to->rank) *to = *from;
        break;
      }
      case state_form::extreme: {
        const auto* from = reinterpret_cast<const detail::extreme_state*>(from_bytes);
        auto* to = reinterpret_cast<detail::extreme_state*>(to_bytes);
        if (from->has_value != 0 && (to->has_value == 0 || from->low < to->low)) *to = *from;
        break;
      }
      case state_form::extreme128: {
        const auto* from = reinterpret_cast<const detail::extreme128_state*>(from_bytes);
        auto* to = reinterpret_cast<detail::extreme128_state*>(to_bytes);
        const auto value = static_cast<int128>(static_cast<uint128>(from->high) << 64 | from->low);
        const auto known = static_cast<int128>(static_cast<uint128>(to->high) << 64 | to->low);
        if (from->has_value != 0 && (to->has_value == 0 || (smallest ? value < known : value > known))) *to = *from;
        break;
      }
      case state_form::extreme_text: {
        const auto* from = reinterpret_cast<const detail::extreme_text_state*>(from_bytes);
        if (from->has_value != 0)
          put_extreme(to_bytes, smallest,
                      {reinterpret_cast<const char*>(other.texts_.data() + from->offset), from->size});
        break;
      }
      case state_form::object: return;
    }
  }
}

/// The values that the other's groups have had and ours not, of one distinct aggregate.
struct aggregator::new_pairs {
  std::vector<column> columns{};            ///< values; slots, if there are groups
  std::unique_ptr<grouped_state> states{};  ///< of an object: what it is of them alone

  template <class F>
  void for_each_batch(F&& f) const {
    const std::uint64_t size = columns[0].size();
    batch_rows rows;
    for (std::uint64_t first = 0; first < size; first += vector_rows) {
      const auto count = static_cast<std::uint32_t>(size - first < vector_rows ? size - first : vector_rows);
      const vector slots = columns.size() == 1 ? vector{} : columns[1].slice(first, count);
      rows.count = count;
      for (std::uint32_t i = 0; i < count; ++i) {
        rows.row[i] = static_cast<std::uint16_t>(i);
        rows.group[i] = columns.size() == 1 ? 0 : slots.values_as<std::uint32_t>()[i] - 1;
      }
      f(columns[0].slice(first, count), rows);
    }
  }
};

inline result<void> aggregator::find_new_pairs(const bound_aggregate& of, const aggregator& other,
                                               const group_pairs& groups, new_pairs& found) {
  PILLAR_ASSIGN_OR_RETURN(found.columns, distinct_[of.distinct].find_new(other.distinct_[of.distinct], groups));
  if (of.form != state_form::object) return {};
  PILLAR_ASSIGN_OR_RETURN(found.states, make_grouped_state(of.spec, of.input, of.second, budget_));
  result<void> added;
  found.for_each_batch([&](const vector& values, const batch_rows& rows) {
    if (!added.ok()) return;
    const group_rows taken{&values, nullptr, rows.row, rows.group, rows.count, {}};
    added = found.states->reserve(taken, table_.group_count());
    if (added.ok()) found.states->add(taken);
  });
  return added;
}

PILLAR_API void aggregator::arrange_results() noexcept {
  for (const auto& states : objects_) states->arrange();
}
PILLAR_API void aggregator::arrange() noexcept {
  arrange_results();
  for (detail::distinct_rows& of : distinct_) of.arrange();
}

PILLAR_API result<void> aggregator::merge(const aggregator& other) {
  return merge_groups(other, nullptr, other.group_count());
}
PILLAR_API result<void> aggregator::merge(const aggregator& other, std::span<const std::uint32_t> groups) {
  return merge_groups(other, groups.data(), static_cast<std::uint32_t>(groups.size()));
}

/// The groups of keys that are words. On an error there may be new ones.
inline result<void> aggregator::find_words(const std::uint64_t* words, std::uint32_t count, std::uint32_t* group_of) {
  vector view;
  view.type = table_.key_types()[0];
  const vector* const key = &view;
  for (std::uint32_t first = 0; first < count; first += vector_rows) {
    view.size = count - first < vector_rows ? count - first : vector_rows;
    view.values = words + first;
    PILLAR_TRY(table_.find_or_insert({&key, 1}, selection_mask::first(view.size), view.size, group_of + first));
  }
  return {};
}

PILLAR_API result<void> aggregator::merge_words(const aggregator& other, std::span<const std::uint32_t> groups,
                                                const std::uint64_t* words) {
  PILLAR_ASSERT(table_.key_types().size() == 1 && table_.key_types()[0].physical == physical_type::uint64);
  return merge_groups(other, groups.data(), static_cast<std::uint32_t>(groups.size()), words);
}

inline result<void> aggregator::merge_groups(const aggregator& other, const std::uint32_t* groups, std::uint32_t count,
                                             const std::uint64_t* words) {
  PILLAR_ASSERT(this != &other);
  if ((words == nullptr && result_types_ != other.result_types_) || input_types_ != other.input_types_ ||
      stride_ != other.stride_ || aggregates_.size() != other.aggregates_.size())
    return errc::type_mismatch;
  for (std::size_t i = 0; i < aggregates_.size(); ++i)
    if (!(aggregates_[i].spec == other.aggregates_[i].spec)) return {errc::type_mismatch, i};
  if (PILLAR_MUTATE(merge_of_nothing_is_all, count == 0, false)) return {};
  PILLAR_TRY(leave_codes());
  const std::uint32_t before = table_.group_count();
  PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(std::size_t{count} * sizeof(std::uint32_t), budget_));
  auto* group_of = memory.as<std::uint32_t>();
  result<void> made = words != nullptr    ? find_words(words, count, group_of)
                      : groups == nullptr ? table_.merge(other.table_, group_of)
                                          : table_.merge(other.table_, std::span(groups, count), group_of);
  other_groups all{other, groups, count, group_of};
  if (made.ok()) {
    const auto prepared = prepare_words(other);
    if (prepared.ok()) all.in_words = *prepared;
    else made = prepared.error();
  }
  // Of what is narrow only states are left to merge, if there are any.
  const auto is_merged = [&](const bound_aggregate& of) {
    return all.in_words && of.is_narrow && other.states_.empty();
  };
  if (made.ok() && !(all.in_words && all_narrow_ && other.states_.empty())) made = make_states(table_.group_count());
  needed_room room;
  const group_pairs named{groups, group_of, count};
  std::vector<new_pairs> pairs(distinct_.size());
  for (std::size_t i = 0; i < aggregates_.size() && made.ok(); ++i) {
    bound_aggregate& of = aggregates_[i];
    const bound_aggregate& theirs = other.aggregates_[i];
    if (PILLAR_MUTATE(exact_ranges_not_merged, true, false))
      of.limbs.include(all.in_words ? theirs.limbs : other.limbs_of(theirs));
    if (is_merged(of)) continue;
    if (of.distinct != none) {
      made = find_new_pairs(of, other, named, pairs[of.distinct]);
      if (!made.ok()) break;
      pairs[of.distinct].for_each_batch([&](const vector& values, const batch_rows& rows) {
        if (of.form != state_form::object) count_room(of, values, rows, room);
      });
    }
    if (of.form != state_form::object) {
      if (of.distinct == none) count_room(of, all, room);
      continue;
    }
    if (of.distinct == none) {
      made = objects_[of.object]->reserve_merge(*other.objects_[of.object], named, table_.group_count());
    } else {
      const group_pairs same{nullptr, nullptr, table_.group_count()};
      made = objects_[of.object]->reserve_merge(*pairs[of.distinct].states, same, table_.group_count());
    }
  }
  if (made.ok()) made = make_room(room);
  if (!made.ok()) {
    forget(before);
    return made;
  }
  if (all.in_words) {
    for (std::size_t i = 0; i < narrow_lanes_.size(); ++i)
      if (!narrow_lanes_[i].point.chosen()) narrow_lanes_[i].point = other.narrow_lanes_[i].point;
    narrow_.merge(
        other.narrow_, count, [&](std::uint32_t i) { return other.narrow_slot(all.group(i)); },
        [group_of](std::uint32_t i) { return group_of[i] + 1; });
  }
  for (const bound_aggregate& of : aggregates_) {
    if (is_merged(of)) continue;
    if (of.form == state_form::object) {
      if (of.distinct == none) objects_[of.object]->merge(*other.objects_[of.object], named);
      else objects_[of.object]->merge(*pairs[of.distinct].states, {nullptr, nullptr, table_.group_count()});
    } else if (of.distinct == none) {
      apply(of, all);
    } else {
      pairs[of.distinct].for_each_batch([&](const vector& values, const batch_rows& rows) { apply(of, values, rows); });
    }
  }
  for (detail::distinct_rows& of : distinct_) of.keep();
  return {};
}

}  // namespace PILLAR_NAMESPACE
