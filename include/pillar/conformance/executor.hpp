// SPDX-License-Identifier: Apache-2.0
/// The laws of an executor, as schedule/executor.hpp states them.
///
/// Laws:
///   bulk runs every index exactly once, and none beyond the count; nothing for a count of 0
///   worker numbers are below concurrency(), and no two calls of a bulk run at once with the same one
///   what the bodies wrote is visible after bulk, and no body runs after it has returned
///   a bulk inside a body, and bulks from several threads at once, keep all of this
///   a failure or a cancel stops for_each_morsel: the first error comes back, no morsel is run twice
#pragma once
#include "pillar/conformance/report.hpp"
#include "pillar/schedule/executor.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// Checks an executor in this process; starts two threads of its own to call it from. A bulk that never returns is the
/// caller's time limit's to notice.
///
/// Cost: half a second for two workers
[[nodiscard]] PILLAR_API report check_executor(executor_ref runner, const settings& how = {});

}  // namespace PILLAR_NAMESPACE::conformance

#ifdef PILLAR_HEADER_ONLY
#include "pillar/conformance/impl/executor.hpp"
#endif
