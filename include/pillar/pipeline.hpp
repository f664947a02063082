// SPDX-License-Identifier: Apache-2.0
/// For programs that ask questions of tables: tables, stages, queries, runs and their accounts.
///
/// Joins, spilling, explain and audit have headers of their own: pillar/pipeline/{join,spill,explain,audit}.hpp. A
/// program of header-only mode that also fills tables includes pillar/storage/table.hpp as well; pillar/pillar.hpp has
/// everything.
#pragma once
#include "pillar/pipeline/query.hpp"
#include "pillar/pipeline/run.hpp"
#include "pillar/pipeline/stages.hpp"
#include "pillar/pipeline/statistics.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/schedule/worker_pool.hpp"

// Queries need no definitions that fill tables: they would cost every header-only program their compilation.
#define PILLAR_STORAGE_READ_ONLY
#include "pillar/storage/table.hpp"
#undef PILLAR_STORAGE_READ_ONLY
