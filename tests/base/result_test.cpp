// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace pillar_test::base_result {
namespace {

using pillar::errc;
using pillar::failure;
using pillar::result;

result<int> half(int value) {
  if (value % 2 != 0) return {errc::invalid_argument, static_cast<std::uint64_t>(value)};
  return value / 2;
}
result<void> check(int value) {
  PILLAR_TRY(half(value));
  return {};
}
result<int> quarter(int value) {
  PILLAR_ASSIGN_OR_RETURN(const int once, half(value));
  PILLAR_ASSIGN_OR_RETURN(const int twice, half(once));
  return twice;
}

TEST(base_result, holds_a_value_or_why_there_is_none) {
  EXPECT_EQ(*half(8), 4);
  EXPECT_EQ(half(8).error(), failure{});
  EXPECT_EQ(half(7).error(), (failure{errc::invalid_argument, 7}));
  EXPECT_TRUE(check(2).ok());
  EXPECT_EQ(check(3).error().position, 3u);
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).error().position, 3u);
}

TEST(base_result, copies_moves_and_destroys_what_it_holds) {
  auto counted = std::make_shared<int>(1);
  {
    result<std::shared_ptr<int>> first(counted);
    result<std::shared_ptr<int>> second = first;
    EXPECT_EQ(counted.use_count(), 3);
    second = errc::corrupt;
    EXPECT_EQ(counted.use_count(), 2);
    EXPECT_EQ(second.error().code, errc::corrupt);
    second = std::move(first);
    EXPECT_EQ(counted.use_count(), 2);
    EXPECT_EQ(**second, 1);
  }
  EXPECT_EQ(counted.use_count(), 1);
  result<std::unique_ptr<std::string>> only(std::make_unique<std::string>("moved"));
  const std::unique_ptr<std::string> taken = *std::move(only);
  EXPECT_EQ(*taken, "moved");
}

TEST(base_result, every_code_has_words) {
  for (int code = 0; code <= static_cast<int>(errc::parse_error); ++code)
    EXPECT_STRNE(to_string(static_cast<errc>(code)), "unknown error");
}

}  // namespace
}  // namespace pillar_test::base_result
