// SPDX-License-Identifier: Apache-2.0
// Only numbers have a sum.
// expect: column 'status' is text, a number is needed
#include "pillar/pipeline/query.hpp"

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"order_date", pillar::date>,
                               pillar::field<"status", pillar::text>, pillar::field<"total", pillar::decimal<15, 2>>> {
};

auto question(const pillar::query_of<orders>& rows) {
#ifdef CORRECTED
  return rows | group_by("status"_col)(sum("total"_col));
#else
  return rows | group_by("order_date"_col)(sum("status"_col));
#endif
}
