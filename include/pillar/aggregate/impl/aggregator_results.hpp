// SPDX-License-Identifier: Apache-2.0
/// The columns that states come to.
#pragma once
#include <utility>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/aggregate/detail/states.hpp"
#include "pillar/aggregate/impl/aggregator_narrow.hpp"
#include "pillar/base/mutant.hpp"

namespace PILLAR_NAMESPACE {

inline result<void> aggregator::append_result(const bound_aggregate& of, std::uint32_t group,
                                              column_builder& out) const {
  alignas(8) std::byte room[sizeof(detail::sum128_state)];
  const std::byte* at = whole_state(of, group, room);
  const bool average = of.spec.kind == aggregate_kind::avg;
  const auto integer_average = [&](double sum, std::uint64_t count) {
    const unsigned scale = of.input.logical == logical_type::decimal ? of.input.scale : 0;
    return sum / (static_cast<double>(count) * static_cast<double>(power_of_ten(scale)));
  };
  constexpr int128 most = power_of_ten(38) - 1;
  switch (of.form) {
    case state_form::count: return out.append_integer(static_cast<int128>(*reinterpret_cast<const std::uint64_t*>(at)));
    case state_form::sum64:
    case state_form::sum64_unsigned: {
      const auto* from = reinterpret_cast<const detail::sum64_state*>(at);
      if (from->count == 0) return out.append_null();
      const auto sum = static_cast<int128>(static_cast<uint128>(from->high) << 64 | from->low);
      if (average) return out.append_real(integer_average(static_cast<double>(sum), from->count));
      if (sum > most || sum < -most) return {errc::overflow, group};
      return out.append_integer(sum);
    }
    case state_form::sum128: {
      const auto* from = reinterpret_cast<const detail::sum128_state*>(at);
      if (from->count == 0) return out.append_null();
      if (average) return out.append_real(integer_average(detail::to_double(*from), from->count));
      const auto sum = static_cast<int128>(static_cast<uint128>(from->words[1]) << 64 | from->words[0]);
      if (from->words[2] != (sum < 0 ? ~std::uint64_t{0} : 0) || sum > most || sum < -most)
        return {errc::overflow, group};
      return out.append_integer(sum);
    }
    case state_form::exact_real: break;  // by vectors
    case state_form::fast_real: {
      const auto* from = reinterpret_cast<const detail::fast_real_state*>(at);
      if (from->count == 0) return out.append_null();
      return out.append_real(average ? from->sum / static_cast<double>(from->count) : from->sum);
    }
    case state_form::narrow_extreme:
    case state_form::extreme: {
      const auto* from = reinterpret_cast<const detail::extreme_state*>(at);
      const auto* narrow = reinterpret_cast<const detail::narrow_extreme_state*>(at);
      const bool is_narrow = of.form == state_form::narrow_extreme;
      if ((is_narrow ? narrow->rank : from->has_value) == 0) return out.append_null();
      const std::uint64_t word = is_narrow ? narrow->word(of.greatest) : of.greatest ? ~from->low : from->low;
      return visit_fixed_width(of.input.physical, [&]<class T>() -> result<void> {
        if constexpr (sizeof(T) > 8) return errc::unsupported;
        else if constexpr (std::is_floating_point_v<T>)
          return out.append_real(static_cast<double>(detail::from_ordered_word<T>(word)));
        else return out.append_integer(detail::from_ordered_word<T>(word));
      });
    }
    case state_form::extreme128: {
      const auto* from = reinterpret_cast<const detail::extreme128_state*>(at);
      if (from->has_value == 0) return out.append_null();
      return out.append_integer(static_cast<int128>(static_cast<uint128>(from->high) << 64 | from->low));
    }
    case state_form::extreme_text: {
      const auto* from = reinterpret_cast<const detail::extreme_text_state*>(at);
      if (from->has_value == 0) return out.append_null();
      return out.append_text({reinterpret_cast<const char*>(texts_.data() + from->offset), from->size});
    }
    case state_form::object: break;
  }
  return errc::unsupported;
}

/// May the results be taken from narrow_ or from sums of 128 bits, by vectors?
inline bool aggregator::is_counted_or_summed(const bound_aggregate& of) const noexcept {
  return of.form == state_form::count || of.form == state_form::sum64 || of.form == state_form::sum64_unsigned ||
         (of.form == state_form::sum128 && of.is_narrow && states_.empty());
}

/// Counts, sums and averages of groups [first, first + count), at most 1,024 of them.
inline result<void> aggregator::append_integers(const bound_aggregate& of, std::uint32_t first, std::uint32_t count,
                                                column_builder& out) const {
  constexpr int128 most = power_of_ten(38) - 1;
  std::int64_t counts[vector_rows];
  int128 sums[vector_rows];
  double averages[vector_rows];
  std::uint64_t validity[vector_words] = {};
  alignas(8) std::byte room[sizeof(detail::sum128_state)];
  const bool all_narrow = of.is_narrow && states_.empty();
  if (all_narrow) {
    std::uint32_t slots[vector_rows];
    for (std::uint32_t i = 0; i < count; ++i) slots[i] = narrow_slot(first + i);
    if (of.narrow_count == none) narrow_.copy_rows(slots, count, counts);
    else narrow_.copy_sums(of.narrow_count, slots, count, counts);
    if (of.form != state_form::count) {
      std::int64_t words[vector_rows];
      narrow_.copy_sums(of.narrow_sum, slots, count, words);
      for (std::uint32_t i = 0; i < count; ++i) sums[i] = words[i];
    }
    for (std::uint32_t i = 0; i < count; ++i)
      validity[i / 64] |= std::uint64_t{of.form == state_form::count || counts[i] != 0} << (i % 64);
  }
  for (std::uint32_t i = 0; i < count && !all_narrow; ++i) {
    const std::uint32_t group = first + i;
    if (of.form == state_form::count) {
      counts[i] = *reinterpret_cast<const std::int64_t*>(whole_state(of, group, room));
    } else {
      const auto* from = reinterpret_cast<const detail::sum64_state*>(whole_state(of, group, room));
      counts[i] = static_cast<std::int64_t>(from->count);
      sums[i] = static_cast<int128>(static_cast<uint128>(from->high) << 64 | from->low);
      if (of.spec.kind == aggregate_kind::sum && counts[i] != 0 && (sums[i] > most || sums[i] < -most))
        return {errc::overflow, group};
    }
    assign_bit(validity, i, of.form == state_form::count || counts[i] != 0);
  }
  vector view;
  view.type = out.type();
  view.size = count;
  view.values = of.form == state_form::count ? static_cast<const void*>(counts) : sums;
  if (of.spec.kind == aggregate_kind::avg) {
    const unsigned scale = of.input.logical == logical_type::decimal ? of.input.scale : 0;
    const auto unit = static_cast<double>(power_of_ten(scale));
    for (std::uint32_t i = 0; i < count; ++i)
      averages[i] = counts[i] == 0 ? 0 : static_cast<double>(sums[i]) / (static_cast<double>(counts[i]) * unit);
    view.values = averages;
  }
  if (view.type.nullable) view.validity = validity;
  return out.append(view);
}

/// A sum of floats that are not NULL: of a state, if there is one, and of what narrow_ holds.
inline double aggregator::exact_result(const bound_aggregate& of, std::uint32_t group,
                                       const detail::fixed_total& total) const noexcept {
  const auto* from = reinterpret_cast<const detail::exact_real_state*>(state_or_null(of, group));
  if (from != nullptr && from->flags != 0) return detail::exact_special(from->flags);
  if (from == nullptr || (from->wide_plus_1 == 0 && from->base_plus_1 == 0)) return total.rounded();
  std::int64_t limbs[detail::exact_limbs] = {};
  if (from->wide_plus_1 != 0)
    std::memcpy(limbs, exact_.data() + std::size_t{from->wide_plus_1 - 1} * detail::exact_limbs, sizeof limbs);
  else std::memcpy(limbs + (from->base_plus_1 - 1), from->limbs, sizeof from->limbs);
  total.add_to(limbs, 0);
  return detail::exact_round(limbs);
}

/// The same of at most 1,024 groups, where all is in words that doubles hold; else false.
inline bool aggregator::round_words(const bound_aggregate& of, std::uint32_t first, std::uint32_t count, bool average,
                                    double* values, std::uint64_t* validity) const noexcept {
  if (!of.is_narrow || !states_.empty() || narrow_.empty()) return false;
  std::uint32_t slots[vector_rows];
  std::int64_t low[vector_rows], high[vector_rows], counts[vector_rows];
  for (std::uint32_t i = 0; i < count; ++i) slots[i] = narrow_slot(first + i);
  narrow_.copy_sums(of.narrow_sum, slots, count, low);
  narrow_.copy_sums(of.narrow_sum + 1, slots, count, high);
  if (!narrow_lanes_[of.narrow_sum].point.round_all(low, high, count, values)) return false;
  if (of.narrow_count == none) narrow_.copy_rows(slots, count, counts);
  else narrow_.copy_sums(of.narrow_count, slots, count, counts);
  for (std::uint32_t i = 0; i < count; ++i) validity[i / 64] |= std::uint64_t{counts[i] != 0} << (i % 64);
  for (std::uint32_t i = 0; average && i < count; ++i)
    values[i] = counts[i] == 0 ? 0 : values[i] / static_cast<double>(static_cast<std::uint64_t>(counts[i]));
  return true;
}

/// Exact sums and averages of floats, of at most 1,024 groups from `first` on.
inline result<void> aggregator::append_reals(const bound_aggregate& of, std::uint32_t first, std::uint32_t count,
                                             column_builder& out) const {
  double values[vector_rows];
  std::uint64_t validity[vector_words] = {};
  const bool average = of.spec.kind == aggregate_kind::avg;
  const bool in_words = round_words(of, first, count, average, values, validity);
  for (std::uint32_t i = 0; i < count && !in_words; ++i) {
    const auto* from = reinterpret_cast<const detail::exact_real_state*>(state_or_null(of, first + i));
    const std::uint64_t values_seen =
        (from == nullptr ? 0 : from->count) + (of.is_narrow ? narrow_count(of, first + i) : 0);
    values[i] = 0;
    if (values_seen == 0) continue;
    set_bit(validity, i);
    const double sum = exact_result(of, first + i, narrow_total(of, first + i));
    values[i] = average ? sum / static_cast<double>(values_seen) : sum;
  }
  vector view;
  view.type = out.type();
  view.size = count;
  view.values = values;
  if (view.type.nullable) view.validity = validity;
  return out.append(view);
}

PILLAR_API result<std::vector<column>> aggregator::finish(memory_budget* budget) const {
  return finish(0, group_count(), budget);
}

PILLAR_API result<std::vector<column>> aggregator::finish(std::uint32_t first, std::uint32_t count,
                                                          memory_budget* budget, memory_budget* scratch) const {
  PILLAR_ASSERT(first <= group_count() && count <= group_count() - first);
  std::vector<column> made;
  for (std::uint32_t key = 0; key < table_.key_types().size(); ++key) {
    column_builder out(result_types_[key], budget);
    PILLAR_TRY(out.reserve(count));
    PILLAR_TRY(table_.append_keys(key, first, count, out));
    PILLAR_ASSIGN_OR_RETURN(column done, out.finish());
    made.push_back(std::move(done));
  }
  for (std::size_t i = 0; i < aggregates_.size(); ++i) {
    column_builder out(result_types_[made.size()], budget);
    PILLAR_TRY(out.reserve(count));
    const bool real = aggregates_[i].form == state_form::exact_real;
    const bool by_vectors = real || is_counted_or_summed(aggregates_[i]);
    const bool object = aggregates_[i].form == state_form::object;
    if (object) PILLAR_TRY(objects_[aggregates_[i].object]->append_results(first, count, out, scratch));
    for (std::uint32_t at = 0; by_vectors && at < count; at += vector_rows) {
      const std::uint32_t groups = count - at < vector_rows ? count - at : vector_rows;
      PILLAR_TRY(real ? append_reals(aggregates_[i], first + at, groups, out)
                      : append_integers(aggregates_[i], first + at, groups, out));
    }
    for (std::uint32_t at = 0; !by_vectors && !object && at < count; ++at)
      PILLAR_TRY(append_result(aggregates_[i], first + at, out));
    PILLAR_ASSIGN_OR_RETURN(column done, out.finish());
    made.push_back(std::move(done));
  }
  return made;
}

}  // namespace PILLAR_NAMESPACE
