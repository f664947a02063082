// SPDX-License-Identifier: Apache-2.0
// NULL is asked for by is_null(); a pointer is no literal.
// expect: deleted
#include "pillar/pipeline/query.hpp"

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"order_date", pillar::date>,
                               pillar::field<"status", pillar::text>, pillar::field<"total", pillar::decimal<15, 2>>> {
};

auto question(const pillar::query_of<orders>& rows) {
#ifdef CORRECTED
  return rows | where("status"_col.is_null());
#else
  return rows | where("status"_col == nullptr);
#endif
}
