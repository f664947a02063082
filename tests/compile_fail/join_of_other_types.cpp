// SPDX-License-Identifier: Apache-2.0
// Both sides of a join's key have one type, or are signed integers; what else may be wrong is tested as values.
// expect: column 'order_id': a join of int64 with text; both sides' keys need one type
#include "pillar/pipeline/join.hpp"

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"customer_id", std::int32_t>> {};
struct customers : pillar::schema<pillar::field<"customer", std::int32_t>, pillar::field<"name", pillar::text>> {};

auto question(const pillar::query_of<orders>& rows, const pillar::query_of<customers>& people) {
#ifdef CORRECTED
  return rows | join(people, on("customer_id"_col == "customer"_col)) | group_by("name"_col)(count());
#else
  return rows | join(people, on("order_id"_col == "name"_col)) | group_by("name"_col)(count());
#endif
}
