// SPDX-License-Identifier: Apache-2.0
// A name that the schema does not have: the candidates, and the nearest of them.
// expect: no column 'ordr_date' among: order_id, order_date, status, total; did you mean 'order_date'?
#include "pillar/pipeline/query.hpp"

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"order_date", pillar::date>,
                               pillar::field<"status", pillar::text>, pillar::field<"total", pillar::decimal<15, 2>>> {
};

auto question(const pillar::query_of<orders>& rows) {
#ifdef CORRECTED
  return rows | where("order_date"_col >= date{2026, 1, 1});
#else
  return rows | where("ordr_date"_col >= date{2026, 1, 1});
#endif
}
