// SPDX-License-Identifier: Apache-2.0
/// The analyst's questions, as queries.
#pragma once
#include <vector>

#include "account.hpp"
#include "flights.hpp"
#include "orders.hpp"
#include "pillar/storage/table.hpp"

namespace demo {

/// Those of tests/golden/flights/, with the same names, columns and order of rows.
std::vector<question> flight_questions(const pillar::typed_table<flights>& flights_table);

/// Similar ones of the generated orders.
std::vector<question> order_questions(const pillar::typed_table<orders>& orders_table);

}  // namespace demo
