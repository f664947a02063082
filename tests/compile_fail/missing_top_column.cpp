// SPDX-License-Identifier: Apache-2.0
// After group_by there are its keys and aggregates, and no other columns.
// expect: no column 'total' among: status, sum_total
#include "pillar/pipeline/query.hpp"

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"order_date", pillar::date>,
                               pillar::field<"status", pillar::text>, pillar::field<"total", pillar::decimal<15, 2>>> {
};

auto question(const pillar::query_of<orders>& rows) {
#ifdef CORRECTED
  return rows | group_by("status"_col)(sum("total"_col)) | top(10, descending("sum_total"_col));
#else
  return rows | group_by("status"_col)(sum("total"_col)) | top(10, descending("total"_col));
#endif
}
