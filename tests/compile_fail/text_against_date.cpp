// SPDX-License-Identifier: Apache-2.0
// A date is compared with dates only.
// expect: column 'order_date': cannot compare date with text
#include "pillar/pipeline/query.hpp"

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"order_date", pillar::date>,
                               pillar::field<"status", pillar::text>, pillar::field<"total", pillar::decimal<15, 2>>> {
};

auto question(const pillar::query_of<orders>& rows) {
#ifdef CORRECTED
  return rows | where("order_date"_col == date{2026, 1, 1});
#else
  return rows | where("order_date"_col == "2026-01-01");
#endif
}
