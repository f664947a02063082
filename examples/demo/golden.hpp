// SPDX-License-Identifier: Apache-2.0
/// Compares answers with golden files that an independent engine made.
#pragma once
#include <cstddef>
#include <iosfwd>
#include <string>

#include "account.hpp"

namespace demo {

/// Compares each answer with folder/<id>.json: names of columns, rows, their order, every cell; doubles by value.
/// Says what differs; returns the number of questions that differ or lack a file.
std::size_t compare_with_golden(std::ostream& out, const demo_account& account, const std::string& folder);

}  // namespace demo
