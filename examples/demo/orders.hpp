// SPDX-License-Identifier: Apache-2.0
/// The demo's other input: made-up retail orders, skewed and seasonal, the same rows for a seed on every machine.
///
/// Only integers decide what a row holds, and each row depends on the seed and its number alone, so chunks may be made
/// in any order and by several threads.
///   customer_id  of 1 + rows / 20 customers; the k-th is chosen with a weight of about k^(-2/3)
///   order_date   2023 to 2025, growing 20 % a year, half as many on Sundays, thrice as many from mid-November to
///                Christmas; rows come nearly in this order, one in eight up to three days late
///   status       the last two weeks are pending or shipped, all others delivered, returned or cancelled
///   total        NULL for cancelled orders; discount NULL without one (4 of 5); rating NULL if none was given (7 of
///   10)
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "pillar/base/env.hpp"           // splitmix64
#include "pillar/column/column_set.hpp"  // column_set, column_set_builder
#include "pillar/column/schema.hpp"      // schema, field

namespace demo {

struct orders
    : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"customer_id", std::int64_t>,
                     pillar::field<"order_date", pillar::date>,
                     pillar::field<"placed_at", pillar::timestamp<pillar::time_unit::second>>,
                     pillar::field<"status", pillar::text>, pillar::field<"channel", pillar::text>,
                     pillar::field<"country", pillar::text>, pillar::field<"product_id", std::int32_t>,
                     pillar::field<"quantity", std::int16_t>,
                     pillar::field<"total", pillar::nullable<pillar::decimal<15, 2>>>,
                     pillar::field<"discount", pillar::nullable<pillar::decimal<9, 2>>>,
                     pillar::field<"weight_kg", double>, pillar::field<"rating", pillar::nullable<std::int8_t>>> {};

/// A column_set of up to chunk_rows orders at a time.
///
/// Cost:    about 60 ns per row on one core
/// Threads: chunk() may be called concurrently
class order_source {
 public:
  static constexpr std::uint32_t chunk_rows = 256 * 1024;
  static constexpr pillar::date first_day{2023, 1, 1};
  static constexpr std::int32_t day_count = pillar::date(2026, 1, 1).days - first_day.days;
  static constexpr std::uint32_t product_count = 40'000;

  explicit order_source(std::uint64_t row_count, std::uint64_t seed = 1) : row_count_(row_count), seed_(seed) {
    std::vector<std::uint64_t> weights;
    std::uint64_t total = 0;
    for (std::int32_t day = 0; day < day_count; ++day) {
      const auto at = pillar::date::from_days(first_day.days + day);
      const auto civil = at.to_civil();
      const bool sunday = (at.days + 4) % 7 == 0;
      const bool feast = (civil.month == 11 && civil.day >= 15) || (civil.month == 12 && civil.day <= 24);
      total += (10'000 + 2'000 * static_cast<std::uint64_t>(day) / 365) * (feast ? 3 : 1) / (sunday ? 2 : 1);
      weights.push_back(total);
    }
    for (const std::uint64_t until : weights) day_end_.push_back(scale(until, row_count, total));
  }

  [[nodiscard]] std::uint64_t row_count() const noexcept { return row_count_; }
  [[nodiscard]] std::uint64_t customer_count() const noexcept { return 1 + row_count_ / 20; }
  [[nodiscard]] std::uint64_t chunk_count() const noexcept { return (row_count_ + chunk_rows - 1) / chunk_rows; }

  /// Chunk `index` of chunk_count(); all but the last hold chunk_rows orders.
  [[nodiscard]] pillar::result<pillar::column_set> chunk(std::uint64_t index,
                                                         pillar::memory_budget* budget = nullptr) const {
    const std::uint64_t first = index * chunk_rows;
    const auto count = static_cast<std::uint32_t>(row_count_ - first < chunk_rows ? row_count_ - first : chunk_rows);
    columns made(count);
    std::int32_t day = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      while (day + 1 < day_count && first + i >= day_end_[static_cast<std::size_t>(day)]) ++day;
      fill(made, i, first + i, day);
    }
    return finish(made, count, budget);
  }

 private:
  static constexpr std::string_view statuses[] = {"delivered", "shipped", "pending", "returned", "cancelled"};
  static constexpr std::string_view channels[] = {"web", "app", "store", "marketplace", "telephone order"};
  static constexpr std::string_view countries[] = {"US", "DE", "GB", "FR", "JP", "BR", "IN", "AU"};
  static constexpr std::uint8_t cancelled = 4;

  /// One chunk's values before they are columns.
  struct columns {
    explicit columns(std::uint32_t count)
        : order_id(count),
          customer_id(count),
          placed_at(count),
          total(count),
          discount(count),
          order_date(count),
          product_id(count),
          status(count),
          channel(count),
          country(count),
          weight_kg(count),
          quantity(count),
          rating(count),
          has_total(pillar::words_for(count)),
          has_discount(pillar::words_for(count)),
          has_rating(pillar::words_for(count)) {}
    std::vector<std::int64_t> order_id, customer_id, placed_at, total, discount;
    std::vector<std::int32_t> order_date, product_id;
    std::vector<std::uint32_t> status, channel, country;
    std::vector<double> weight_kg;
    std::vector<std::int16_t> quantity;
    std::vector<std::int8_t> rating;
    std::vector<std::uint64_t> has_total, has_discount, has_rating;
  };

  /// value × factor / divisor without overflow.
  static std::uint64_t scale(std::uint64_t value, std::uint64_t factor, std::uint64_t divisor) {
    return static_cast<std::uint64_t>(static_cast<pillar::uint128>(value) * factor / divisor);
  }
  /// A number below `count`, small ones far more often: the cube of a uniform number in [0, 1).
  static std::uint64_t skewed(std::uint32_t uniform, std::uint64_t count) {
    const std::uint64_t square = (std::uint64_t{uniform} * uniform) >> 32;
    const std::uint64_t cube = (square * uniform) >> 32;
    return (cube * count) >> 32;
  }

  void fill(columns& to, std::uint32_t i, std::uint64_t row, std::int32_t day) const {
    pillar::splitmix64 random(seed_ * 0x9E3779B97F4A7C15u + row * 4);
    const std::uint64_t a = random(), b = random(), c = random(), d = random();

    const bool late = a % 8 == 0;
    std::int32_t ordered = day - (late ? static_cast<std::int32_t>(a / 8 % 4) : 0);
    if (ordered < 0) ordered = 0;
    const auto second = static_cast<std::int64_t>(((a >> 8) & 0xFFFF) * 86'400 >> 16);
    to.order_id[i] = static_cast<std::int64_t>(1'000'000 + row);
    to.customer_id[i] = static_cast<std::int64_t>(skewed(static_cast<std::uint32_t>(a >> 32), customer_count()));
    to.order_date[i] = first_day.days + ordered;
    to.placed_at[i] = std::int64_t{first_day.days + ordered} * 86'400 + second;

    const auto product = static_cast<std::uint32_t>(skewed(static_cast<std::uint32_t>(b >> 32), product_count));
    const std::uint64_t kind = pillar::splitmix64(product)();  // what the product costs and weighs
    const auto price = static_cast<std::int64_t>(199 + skewed(static_cast<std::uint32_t>(kind), 90'000));
    const auto quantity = static_cast<std::int64_t>(1 + (b & 7) * ((b >> 3) & 1) * ((b >> 4) & 1));
    to.product_id[i] = static_cast<std::int32_t>(product);
    to.quantity[i] = static_cast<std::int16_t>(quantity);
    to.weight_kg[i] = static_cast<double>(50 + (kind >> 40) % 8'000) * static_cast<double>(quantity) / 1000.0;

    const auto die = static_cast<std::uint32_t>((b >> 5) & 0xFFFF);
    std::uint8_t status = 0;
    if (ordered >= day_count - 14) status = die < 39'000 ? 1 : 2;
    else status = die < 59'000 ? 0 : die < 63'000 ? 3 : cancelled;
    to.status[i] = status;
    const auto channel_die = static_cast<std::uint32_t>(c & 0xFF);
    to.channel[i] = channel_die < 110 ? 0 : channel_die < 190 ? 1 : channel_die < 225 ? 2 : channel_die < 250 ? 3 : 4;
    to.country[i] = static_cast<std::uint32_t>(skewed(static_cast<std::uint32_t>(c >> 32), 8));

    const bool discounted = (d & 0xFFFF) % 5 == 0;
    const std::int64_t gross = price * quantity;
    const std::int64_t off = discounted ? gross * static_cast<std::int64_t>(5 + (d >> 16 & 0xFF) % 6 * 5) / 100 : 0;
    to.discount[i] = off;
    to.total[i] = gross - off;
    to.rating[i] = static_cast<std::int8_t>(5 - skewed(static_cast<std::uint32_t>(d >> 32), 5));
    if (discounted) pillar::set_bit(to.has_discount.data(), i);
    if (status != cancelled) pillar::set_bit(to.has_total.data(), i);
    if ((c >> 8 & 0xFFFF) % 10 < 3) pillar::set_bit(to.has_rating.data(), i);
  }

  /// Appends values whose bytes are those of the column's type.
  template <class T>
  static pillar::result<void> append(pillar::column_builder& to, const std::vector<T>& values,
                                     const std::vector<std::uint64_t>* validity = nullptr) {
    pillar::vector view;
    view.type = to.type();
    view.size = static_cast<std::uint32_t>(values.size());
    view.values = values.data();
    if (validity != nullptr) view.validity = validity->data();
    return to.append(view);
  }
  static pillar::result<void> append(pillar::column_builder& to, const std::vector<std::uint32_t>& codes,
                                     std::span<const std::string_view> words) {
    pillar::column_builder entries(to.type());
    PILLAR_TRY(entries.append_values(words));
    PILLAR_ASSIGN_OR_RETURN(const pillar::column dictionary, entries.finish());
    const pillar::vector flat = dictionary.slice(0, static_cast<std::uint32_t>(words.size()));
    pillar::vector view;
    view.type = to.type();
    view.kind = pillar::vector_kind::dictionary;
    view.size = static_cast<std::uint32_t>(codes.size());
    view.codes = codes.data();
    view.dictionary = &flat;
    return to.append(view);
  }

  static pillar::result<pillar::column_set> finish(const columns& from, std::uint32_t count,
                                                   pillar::memory_budget* budget) {
    pillar::column_set_builder made(pillar::describe<orders>(), budget);
    PILLAR_TRY(made.reserve(count));
    PILLAR_TRY(append(made.column_at(0), from.order_id));
    PILLAR_TRY(append(made.column_at(1), from.customer_id));
    PILLAR_TRY(append(made.column_at(2), from.order_date));
    PILLAR_TRY(append(made.column_at(3), from.placed_at));
    PILLAR_TRY(append(made.column_at(4), from.status, statuses));
    PILLAR_TRY(append(made.column_at(5), from.channel, channels));
    PILLAR_TRY(append(made.column_at(6), from.country, countries));
    PILLAR_TRY(append(made.column_at(7), from.product_id));
    PILLAR_TRY(append(made.column_at(8), from.quantity));
    PILLAR_TRY(append(made.column_at(9), from.total, &from.has_total));
    PILLAR_TRY(append(made.column_at(10), from.discount, &from.has_discount));
    PILLAR_TRY(append(made.column_at(11), from.weight_kg));
    PILLAR_TRY(append(made.column_at(12), from.rating, &from.has_rating));
    return made.finish();
  }

  std::uint64_t row_count_;
  std::uint64_t seed_;
  std::vector<std::uint64_t> day_end_{};  ///< rows up to the end of each day
};

}  // namespace demo
