// SPDX-License-Identifier: Apache-2.0
/// The account as JSON: what the page draws and the tests add up. docs/demo-data.md names its fields.
#pragma once
#include <nlohmann/json.hpp>

#include "account.hpp"

namespace demo {

nlohmann::json to_json(const demo_account& account);

}  // namespace demo
