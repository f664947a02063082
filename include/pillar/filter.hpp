// SPDX-License-Identifier: Apache-2.0
/// For those who filter vectors without a pipeline: a domain against a vector, computed values, whole predicates over
/// batches. docs/filter.md says how they fit.
#pragma once
#include "pillar/filter/bloom.hpp"
#include "pillar/filter/evaluate.hpp"
#include "pillar/filter/explain.hpp"
#include "pillar/filter/flat_match.hpp"
#include "pillar/filter/match.hpp"
#include "pillar/filter/predicate.hpp"
#include "pillar/filter/vector_run.hpp"
