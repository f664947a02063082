// SPDX-License-Identifier: Apache-2.0
// A key must be a column of what reaches group_by; an earlier project may have left it out.
// expect: no column 'status' among: order_date, total
#include "pillar/pipeline/query.hpp"

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"order_date", pillar::date>,
                               pillar::field<"status", pillar::text>, pillar::field<"total", pillar::decimal<15, 2>>> {
};

auto question(const pillar::query_of<orders>& rows) {
#ifdef CORRECTED
  return rows | project("status"_col, "total"_col) | group_by("status"_col)(count());
#else
  return rows | project("order_date"_col, "total"_col) | group_by("status"_col)(count());
#endif
}
