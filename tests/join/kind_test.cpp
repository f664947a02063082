// SPDX-License-Identifier: Apache-2.0
#include "pillar/join/kind.hpp"

#include <gtest/gtest.h>

namespace pillar_test::join_kinds {
namespace {

using pillar::join_kind;

TEST(join_kind, who_keeps_what) {
  static_assert(keeps_probe_rows(join_kind::full) && keeps_build_rows(join_kind::full));
  static_assert(keeps_probe_rows(join_kind::left) && !keeps_build_rows(join_kind::left));
  static_assert(needs_partner(join_kind::semi) && needs_partner(join_kind::right) && needs_partner(join_kind::inner));
  static_assert(!needs_partner(join_kind::left) && !needs_partner(join_kind::anti) && !needs_partner(join_kind::mark));
  static_assert(gives_mark(join_kind::null_aware_mark) && is_null_aware(join_kind::null_aware_mark));
  EXPECT_STREQ(to_string(join_kind::null_aware_anti), "null-aware anti");
}

}  // namespace
}  // namespace pillar_test::join_kinds
