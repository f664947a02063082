// SPDX-License-Identifier: Apache-2.0
/// For programs that ask questions of tables: tables, stages, queries, runs and their accounts.
#pragma once
#include "pillar/pipeline/audit.hpp"
#include "pillar/pipeline/explain.hpp"
#include "pillar/pipeline/query.hpp"
#include "pillar/pipeline/run.hpp"
#include "pillar/pipeline/stages.hpp"
#include "pillar/pipeline/statistics.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/schedule/worker_pool.hpp"
#include "pillar/storage/table.hpp"
