// SPDX-License-Identifier: Apache-2.0
/// The account as one page that needs nothing else: page.html with the JSON inside, drawn by its own script.
#pragma once
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace demo {

std::string to_html(const nlohmann::json& account);

}  // namespace demo
