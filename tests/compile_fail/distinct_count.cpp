// SPDX-License-Identifier: Apache-2.0
// Rows have no values that could be distinct.
// expect: count() takes no input whose values could be distinct
#include "pillar/pipeline/query.hpp"

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"status", pillar::text>> {};

auto question(const pillar::query_of<orders>& rows) {
#ifdef CORRECTED
  return rows | aggregate(count("status"_col).distinct());
#else
  return rows | aggregate(count().distinct());
#endif
}
