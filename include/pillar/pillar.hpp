// SPDX-License-Identifier: Apache-2.0
/// All of Pillar, for programs that would rather write one line: tables and queries, and every part that they are made
/// of. `using namespace pillar::query;` then brings the verbs and literals. A program that only asks questions includes
/// pillar/pipeline.hpp, one that wants a single part that part's header; both compile faster.
///
/// Left out: pillar/simd.hpp, for writers of kernels; pillar/interop/, the Arrow interface and the component
/// pillar::csv; pillar/conformance.hpp.
#pragma once
#include "pillar/aggregate.hpp"
#include "pillar/base.hpp"
#include "pillar/codec.hpp"
#include "pillar/column.hpp"
#include "pillar/expr.hpp"
#include "pillar/filter.hpp"
#include "pillar/hash.hpp"
#include "pillar/join.hpp"
#include "pillar/partition.hpp"
#include "pillar/pipeline.hpp"
#include "pillar/pipeline/audit.hpp"
#include "pillar/pipeline/explain.hpp"
#include "pillar/pipeline/join.hpp"
#include "pillar/pipeline/spill.hpp"
#include "pillar/schedule.hpp"
#include "pillar/sort.hpp"
#include "pillar/status.hpp"
#include "pillar/storage.hpp"
#include "pillar/zone.hpp"
