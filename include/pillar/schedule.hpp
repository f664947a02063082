// SPDX-License-Identifier: Apache-2.0
/// All of schedule/: for those who run work on Pillar's threads or lend it theirs. docs/schedule.md says how the parts
/// fit; nothing here knows columns, so the pool and the cursors serve any rows.
#pragma once
#include "pillar/schedule/available_concurrency.hpp"
#include "pillar/schedule/executor.hpp"
#include "pillar/schedule/for_each_morsel.hpp"
#include "pillar/schedule/futex.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/schedule/query_context.hpp"
#include "pillar/schedule/slice_cursor.hpp"
#include "pillar/schedule/worker_pool.hpp"
