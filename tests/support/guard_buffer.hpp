// SPDX-License-Identifier: Apache-2.0
/// The installed kit's guard pages, under the tests' own names.
#pragma once
#include "pillar/conformance/guard_buffer.hpp"

namespace pillar_test {
using pillar::conformance::guard;
using pillar::conformance::guard_array;
using pillar::conformance::guard_buffer;
}  // namespace pillar_test
