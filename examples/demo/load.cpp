// SPDX-License-Identifier: Apache-2.0
#include "load.hpp"

#include <algorithm>
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/column/text.hpp"
#include "pillar/interop/csv.hpp"
#include "pillar/status.hpp"
#include "progress.hpp"

namespace demo {
namespace {

using namespace pillar::query;

/// Seconds since it was made.
class stopwatch {
 public:
  [[nodiscard]] double seconds() const { return static_cast<double>(clock_.now_ns() - start_) * 1e-9; }

 private:
  pillar::steady_clock clock_{};
  std::uint64_t start_ = clock_.now_ns();
};

/// Bytes of a column's values in memory: slots or numbers, one validity bit per row, texts too long for their slots.
std::uint64_t decoded_bytes_of(const pillar::column& values) {
  std::uint64_t total = values.size() * pillar::byte_width(values.type().physical);
  if (values.type().nullable) total += (values.size() + 7) / 8;
  if (values.type().physical == pillar::physical_type::text && values.size() > 0) {
    const auto* slots = static_cast<const pillar::text_slot*>(values.slice(0, 0).values);
    for (std::uint64_t row = 0; row < values.size(); ++row)
      if (slots[row].size > pillar::text_slot::inline_capacity) total += slots[row].size;
  }
  return total;
}

/// The spread of rows over the table's slices if they were distributed by another column.
class key_trial {
 public:
  key_trial(const pillar::table& of, std::string name, bool chosen)
      : name_(std::move(name)),
        chosen_(chosen),
        column_(*of.schema().find(name_)),
        spread_(*pillar::any_partitioner::make(
            pillar::distribution::by_key({column_}, of.options().distribution.slice_count))) {}

  absl::Status update(const pillar::column_set& rows) {
    for (std::uint64_t at = 0; at < rows.row_count(); at += pillar::vector_rows) {
      const auto count =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(pillar::vector_rows, rows.row_count() - at));
      const pillar::vector keys = rows.columns[column_].slice(at, count);
      const pillar::vector* const columns[] = {&keys};
      PILLAR_TRY_STATUS("spread of keys", spread_.update(columns, count));
    }
    return absl::OkStatus();
  }
  [[nodiscard]] key_choice choice() const { return {name_, chosen_, spread_.report()}; }

 private:
  std::string name_;
  bool chosen_;
  std::uint32_t column_;
  pillar::skew_estimator spread_;
};

/// Adds what is known of decoded rows.
void account_for_rows(const pillar::column_set& rows, load_account& out) {
  out.columns.resize(rows.columns.size());
  out.row_count += rows.row_count();
  for (std::size_t c = 0; c < rows.columns.size(); ++c) {
    out.columns[c].null_count += rows.columns[c].null_count();
    out.columns[c].decoded_bytes += decoded_bytes_of(rows.columns[c]);
  }
}

/// What the table stores, block by block.
void account_for_table(const pillar::table& from, load_account& out) {
  const auto version = from.version();
  out.row_group_rows = from.options().row_group_rows;
  out.distribution_column = from.options().distribution.columns.front();
  out.sort_column = from.options().order.columns.front();
  const pillar::slice_skew spread = pillar::skew_of(*version);
  out.rows_per_slice = spread.rows;
  out.largest_over_mean = spread.largest_over_mean;
  out.columns.resize(from.schema().size());
  for (std::uint32_t slice = 0; slice < version->slices.size(); ++slice) {
    const auto& groups = version->slices[slice].groups;
    out.row_group_count += groups.size();
    for (std::uint32_t group = 0; group < groups.size(); ++group)
      for (std::uint32_t c = 0; c < groups[group]->blocks.size(); ++c) {
        const pillar::block_view& block = groups[group]->blocks[c].view;
        out.blocks.push_back(
            {slice, group, c, block.row_count(), block.vector_count(), block.block_bytes(), block.codec()});
        out.columns[c].encoded_bytes += block.block_bytes();
        ++out.columns[c].blocks_by_codec[static_cast<std::size_t>(block.codec())];
      }
  }
  for (std::size_t c = 0; c < from.schema().size(); ++c) {
    out.columns[c].name = from.schema()[c].name;
    out.columns[c].type = from.schema()[c].type;
  }
}

}  // namespace

pillar::typed_table<flights> make_flights_table() {
  return pillar::typed_table<flights>({.distribution = pillar::by_key("tailnum"_col, pillar::slices{4}),
                                       .order = pillar::compound("time_hour"_col),
                                       .row_group_rows = 16'384});
}

absl::StatusOr<load_account> load_flights(const std::string& path, pillar::typed_table<flights>& into,
                                          pillar::worker_pool& pool) {
  load_account out;
  out.title = "Flights that left New York City in 2013";
  out.source = "flights.csv of " + std::string(flights_source::package) + ' ' + std::string(flights_source::version) +
               " (" + std::string(flights_source::licence) + ")";

  std::vector<pillar::column_set> rows;
  {
    progress_bar bar("reading");
    const stopwatch time;
    pillar::csv_options how;
    how.schema = into.schema();
    auto errors = pillar::read_csv_file_in_chunks(
        path, how,
        [&](pillar::column_set&& chunk) {
          rows.push_back(std::move(chunk));
          return absl::OkStatus();
        },
        [&](std::uint64_t bytes_read, std::uint64_t byte_count) {
          out.csv_bytes = byte_count;
          bar.show(bytes_read, byte_count);
          return true;
        });
    if (!errors.ok()) return errors.status();
    out.read_seconds = time.seconds();
  }

  key_trial by_tailnum(into, "tailnum", true);
  key_trial by_carrier(into, "carrier", false);
  for (const auto& chunk : rows) {
    account_for_rows(chunk, out);
    for (key_trial* trial : {&by_tailnum, &by_carrier})
      if (auto done = trial->update(chunk); !done.ok()) return done;
  }
  out.keys = {by_tailnum.choice(), by_carrier.choice()};
  const auto nulls_of = [&](std::string_view name) { return out.columns[*into.schema().find(name)].null_count; };
  out.checks = {{"rows", out.row_count, flights_counts::rows},
                {"dep_time is NULL", nulls_of("dep_time"), flights_counts::null_dep_time},
                {"arr_delay is NULL", nulls_of("arr_delay"), flights_counts::null_arr_delay},
                {"tailnum is NULL", nulls_of("tailnum"), flights_counts::null_tailnum}};

  {
    progress_bar bar("encoding");
    const stopwatch time;
    const auto show = [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); };
    const pillar::load_progress progress = show;
    if (auto appended = into.append(rows, pool, &progress); !appended.ok()) return appended;
    out.encode_seconds = time.seconds();
  }
  account_for_table(into, out);
  return out;
}

pillar::typed_table<orders> make_orders_table(std::uint64_t row_count) {
  return pillar::typed_table<orders>({.distribution = pillar::by_key("customer_id"_col, pillar::slices{4}),
                                      .order = pillar::compound("order_date"_col),
                                      .row_group_rows = row_count > 4'000'000 ? 65'536u : 16'384u});
}

absl::StatusOr<load_account> load_orders(std::uint64_t row_count, std::uint64_t seed, pillar::typed_table<orders>& into,
                                         pillar::worker_pool& pool) {
  constexpr std::uint64_t chunks_per_load = 16;
  const order_source source(row_count, seed);
  load_account out;
  out.title = "Generated retail orders of 2023 to 2025";
  out.source = "made with seed " + std::to_string(seed);

  progress_bar bar("loading");
  key_trial by_customer(into, "customer_id", true);
  key_trial by_country(into, "country", false);
  for (std::uint64_t first = 0; first < source.chunk_count(); first += chunks_per_load) {
    const auto count = static_cast<std::uint32_t>(std::min(chunks_per_load, source.chunk_count() - first));
    const stopwatch making;
    std::vector<pillar::column_set> rows(count);
    std::vector<pillar::failure> failures(count);
    pool.bulk(count, [&](std::uint32_t chunk, std::uint32_t) {
      auto made = source.chunk(first + chunk);
      if (made.ok()) rows[chunk] = *std::move(made);
      else failures[chunk] = made.error();
    });
    for (const pillar::failure& why : failures)
      if (why.code != pillar::errc::ok) return pillar::to_status(why, "making orders");
    out.read_seconds += making.seconds();

    for (const auto& chunk : rows) {
      account_for_rows(chunk, out);
      for (key_trial* trial : {&by_customer, &by_country})
        if (auto done = trial->update(chunk); !done.ok()) return done;
    }

    const stopwatch encoding;
    const std::uint64_t loaded_before = first * order_source::chunk_rows;
    const auto show = [&](std::uint64_t done, std::uint64_t) { bar.show(loaded_before + done, row_count); };
    const pillar::load_progress progress = show;
    if (auto appended = into.append(rows, pool, &progress); !appended.ok()) return appended;
    out.encode_seconds += encoding.seconds();
  }
  out.keys = {by_customer.choice(), by_country.choice()};
  account_for_table(into, out);
  return out;
}

}  // namespace demo
