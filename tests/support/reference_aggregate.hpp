// SPDX-License-Identifier: Apache-2.0
/// Aggregates by the book: one group's rows as scalars, and plain code.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pillar/aggregate/spec.hpp"
#include "pillar/column/scalar.hpp"

namespace pillar_test {

/// A row of a group: its number and the two inputs.
struct aggregate_row {
  std::uint64_t number;
  pillar::scalar value, second;
};

namespace reference_aggregate_detail {
using pillar::aggregate_kind;
using pillar::int128;
using pillar::scalar;
using pillar::type_of;

inline double real_of(const scalar& of) {
  if (pillar::is_float(of.type.physical)) return of.real;
  const unsigned scale = of.type.logical == pillar::logical_type::decimal ? of.type.scale : 0;
  return static_cast<double>(static_cast<long double>(of.integer) /
                             static_cast<long double>(pillar::power_of_ten(scale)));
}

/// Σ(x − mean x)(y − mean y), values taken from the first one so that a large mean does not cancel.
inline long double deviation(const std::vector<aggregate_row>& items, const scalar aggregate_row::*x,
                             const scalar aggregate_row::*y) {
  const auto offset = [&](const aggregate_row& from, const scalar aggregate_row::*which) -> long double {
    const scalar &value = from.*which, &base = items[0].*which;
    if (pillar::is_float(value.type.physical))
      return static_cast<long double>(value.real) - static_cast<long double>(base.real);
    return static_cast<long double>(value.integer - base.integer);
  };
  long double sum_x = 0, sum_y = 0, sum_xy = 0;
  for (const aggregate_row& from : items) {
    const long double dx = offset(from, x), dy = offset(from, y);
    sum_x += dx;
    sum_y += dy;
    sum_xy += dx * dy;
  }
  const auto scale = [&](const scalar aggregate_row::*which) {
    const scalar& value = items[0].*which;
    return value.type.logical == pillar::logical_type::decimal
               ? static_cast<long double>(pillar::power_of_ten(value.type.scale))
               : 1.0L;
  };
  return (sum_xy - sum_x * sum_y / static_cast<long double>(items.size())) / scale(x) / scale(y);
}
}  // namespace reference_aggregate_detail

/// A value and how far another may be from it.
struct reference_value {
  pillar::scalar value{};
  double error = 0;
  [[nodiscard]] bool agrees(const pillar::scalar& got) const {
    if (!pillar::is_float(got.type.physical)) return got.integer == value.integer && got.text == value.text;
    if (std::isnan(value.real)) return std::isnan(got.real);
    return got.real == value.real || std::fabs(got.real - value.real) <= error;
  }
};

/// The answer by the book, for everything but estimates and `any`; nothing: NULL.
inline std::optional<reference_value> reference_aggregate(pillar::aggregate_kind kind,
                                                          const pillar::aggregate_options& how,
                                                          std::vector<aggregate_row> items) {
  using namespace reference_aggregate_detail;
  std::erase_if(items,
                [&](const aggregate_row& of) { return of.value.null || (takes_second(kind) && of.second.null); });
  const auto by_value = [](const aggregate_row& a, const aggregate_row& b) {
    return pillar::compare(a.value, b.value) < 0;
  };
  std::sort(items.begin(), items.end(),
            [](const aggregate_row& a, const aggregate_row& b) { return a.number < b.number; });
  if (how.distinct && kind != aggregate_kind::last) {
    std::stable_sort(items.begin(), items.end(), by_value);
    const auto same = [](const aggregate_row& a, const aggregate_row& b) {
      return pillar::compare(a.value, b.value) == 0;
    };
    items.erase(std::unique(items.begin(), items.end(), same), items.end());
    std::sort(items.begin(), items.end(),
              [](const aggregate_row& a, const aggregate_row& b) { return a.number < b.number; });
  }
  const auto real = [](long double value, long double spread = 0) {
    return std::optional(reference_value{scalar::of_real(type_of<double>, static_cast<double>(value)),
                                         static_cast<double>(std::fabs(value) * 1e-11L + spread * 1e-15L)});
  };
  const auto exactly = [](const scalar& value) {
    return std::optional(reference_value{value, std::fabs(value.real) * 1e-11});
  };
  const auto count = static_cast<long double>(items.size());
  if (kind == aggregate_kind::count)
    return exactly(scalar::of_integer(type_of<std::int64_t>, static_cast<int128>(items.size())));
  if (items.empty()) return std::nullopt;
  bool finite = true;
  for (const aggregate_row& of : items)
    finite = finite && std::isfinite(real_of(of.value)) && (!takes_second(kind) || std::isfinite(real_of(of.second)));
  switch (kind) {
    case aggregate_kind::sum: {
      long double sum = 0;
      int128 whole = 0;
      for (const aggregate_row& of : items) sum += real_of(of.value), whole += of.value.integer;
      if (pillar::is_float(items[0].value.type.physical)) return real(sum);
      return exactly(scalar::of_integer(pillar::decimal_type(38, 0), whole));
    }
    case aggregate_kind::variance:
    case aggregate_kind::variance_population:
    case aggregate_kind::standard_deviation:
    case aggregate_kind::standard_deviation_population:
    case aggregate_kind::covariance:
    case aggregate_kind::covariance_population: {
      const bool sample = kind == aggregate_kind::variance || kind == aggregate_kind::standard_deviation ||
                          kind == aggregate_kind::covariance;
      if (items.size() < (sample ? 2 : 1)) return std::nullopt;
      if (!finite) return real(std::nan(""));
      const auto second = takes_second(kind) ? &aggregate_row::second : &aggregate_row::value;
      const long double spread = std::sqrt(deviation(items, &aggregate_row::value, &aggregate_row::value)) *
                                 std::sqrt(deviation(items, second, second)) / count;
      const long double all = deviation(items, &aggregate_row::value, second) / (sample ? count - 1 : count);
      const bool root =
          kind == aggregate_kind::standard_deviation || kind == aggregate_kind::standard_deviation_population;
      return real(root ? std::sqrt(std::max(all, 0.0L)) : all, root ? 0 : spread);
    }
    case aggregate_kind::correlation: {
      if (items.size() < 2) return std::nullopt;
      if (!finite) return real(std::nan(""));
      const long double xx = deviation(items, &aggregate_row::value, &aggregate_row::value);
      const long double yy = deviation(items, &aggregate_row::second, &aggregate_row::second);
      bool same_x = true, same_y = true;
      for (const aggregate_row& of : items) {
        same_x = same_x && pillar::compare(of.value, items[0].value) == 0;
        same_y = same_y && pillar::compare(of.second, items[0].second) == 0;
      }
      if (same_x || same_y) return std::nullopt;
      return real(deviation(items, &aggregate_row::value, &aggregate_row::second) / std::sqrt(xx) / std::sqrt(yy), 1e4);
    }
    case aggregate_kind::first: return exactly(items.front().value);
    case aggregate_kind::last: return exactly(items.back().value);
    case aggregate_kind::bool_and:
    case aggregate_kind::bool_or: {
      bool all = true, some = false;
      for (const aggregate_row& of : items) all = all && of.value.integer != 0, some = some || of.value.integer != 0;
      return exactly(scalar::of_integer(type_of<bool>, (kind == aggregate_kind::bool_and ? all : some) ? 1 : 0));
    }
    case aggregate_kind::arg_min:
    case aggregate_kind::arg_max:
      std::stable_sort(items.begin(), items.end(), [&](const aggregate_row& a, const aggregate_row& b) {
        const int order = pillar::compare(a.second, b.second);
        return kind == aggregate_kind::arg_min ? order < 0 : order > 0;
      });
      if (items.size() < how.rank) return std::nullopt;
      return exactly(items[how.rank - 1].value);
    case aggregate_kind::median:
    case aggregate_kind::quantile: {
      std::sort(items.begin(), items.end(), by_value);
      const double place =
          (kind == aggregate_kind::median ? 0.5 : how.quantile) * static_cast<double>(items.size() - 1);
      const auto below = static_cast<std::size_t>(place);
      const long double low = real_of(items[below].value), part = place - static_cast<double>(below);
      if (part == 0 || pillar::compare(items[below].value, items[below + 1].value) == 0) return real(low);
      return real(low * (1 - part) + static_cast<long double>(real_of(items[below + 1].value)) * part);
    }
    case aggregate_kind::string_agg: {
      std::string text;
      for (std::size_t i = 0; i < items.size(); ++i) text += (i == 0 ? "" : how.separator) + items[i].value.text;
      return exactly(scalar::of_text(type_of<pillar::text>, text));
    }
    default: return std::nullopt;
  }
}

}  // namespace pillar_test
