// SPDX-License-Identifier: Apache-2.0
// A query points to its table, which must outlive it.
// expect: deleted
#include "pillar/pipeline.hpp"

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"order_date", pillar::date>,
                               pillar::field<"status", pillar::text>, pillar::field<"total", pillar::decimal<15, 2>>> {
};

auto question(const pillar::typed_table<orders>& table) {
#ifdef CORRECTED
  return scan(table);
#else
  static_cast<void>(table);
  return scan(pillar::typed_table<orders>());
#endif
}
