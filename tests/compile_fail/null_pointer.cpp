// SPDX-License-Identifier: Apache-2.0
// NULL is asked for by is_null(); a pointer is no literal.
// expect: deleted
#include "pillar/pipeline.hpp"

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"order_date", pillar::date>,
                               pillar::field<"status", pillar::text>, pillar::field<"total", pillar::decimal<15, 2>>> {};

auto question(const pillar::typed_table<orders>& table) {
#ifdef CORRECTED
  return scan(table) | where("status"_col.is_null());
#else
  return scan(table) | where("status"_col == nullptr);
#endif
}
