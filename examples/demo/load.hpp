// SPDX-License-Identifier: Apache-2.0
/// Fills the demo's two tables and says what came of it.
#pragma once
#include <cstdint>
#include <string>

#include <absl/status/statusor.h>

#include "account.hpp"
#include "flights.hpp"
#include "orders.hpp"
#include "pillar/schedule/worker_pool.hpp"
#include "pillar/storage/table.hpp"

namespace demo {

/// Four slices by tail number, each sorted by time, in row groups that are small so that skipping shows.
pillar::typed_table<flights> make_flights_table();
/// Reads the file, compares its counts with the documented ones, and appends it.
absl::StatusOr<load_account> load_flights(const std::string& path, pillar::typed_table<flights>& into,
                                          pillar::worker_pool& pool);

/// Four slices by customer, each sorted by date.
pillar::typed_table<orders> make_orders_table(std::uint64_t row_count);
/// Makes the orders a few million at a time and appends them, so that few are in memory decoded.
absl::StatusOr<load_account> load_orders(std::uint64_t row_count, std::uint64_t seed, pillar::typed_table<orders>& into,
                                         pillar::worker_pool& pool);

}  // namespace demo
