// SPDX-License-Identifier: Apache-2.0
/// The account for a terminal.
#pragma once
#include <cstdint>
#include <iosfwd>
#include <string>

#include "account.hpp"

namespace demo {

void print(std::ostream& out, const load_account& load);
void print(std::ostream& out, const memory_limit& memory);
void print(std::ostream& out, const answered_question& answered, const memory_limit& memory);

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t count);
/// A number with so many digits after the point.
std::string fixed(double value, int digits);
/// Why one key is better than the other, in a sentence with their numbers.
std::string compare_keys(const load_account& load);

}  // namespace demo
