// SPDX-License-Identifier: Apache-2.0
// A date is compared with dates only.
// expect: column 'order_date': cannot compare date with text
#include "pillar/pipeline.hpp"

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"order_date", pillar::date>,
                               pillar::field<"status", pillar::text>, pillar::field<"total", pillar::decimal<15, 2>>> {};

auto question(const pillar::typed_table<orders>& table) {
#ifdef CORRECTED
  return scan(table) | where("order_date"_col == date{2026, 1, 1});
#else
  return scan(table) | where("order_date"_col == "2026-01-01");
#endif
}
