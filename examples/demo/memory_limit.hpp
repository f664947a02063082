// SPDX-License-Identifier: Apache-2.0
/// How fast this machine's memory can be read by the threads that the questions run on.
#pragma once
#include "account.hpp"
#include "pillar/schedule/executor.hpp"

namespace demo {

/// Sums 256 MiB, each worker its own part, again and again for about 0.3 s; the best pass counts.
memory_limit measure_memory_limit(pillar::executor_ref runner);

}  // namespace demo
