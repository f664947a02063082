// SPDX-License-Identifier: Apache-2.0
/// For those who group and sum without a pipeline: a group table, the built-in aggregates over it, exact float sums,
/// and the concept for states of one's own.
#pragma once
#include "pillar/aggregate/aggregate.hpp"
#include "pillar/aggregate/aggregator.hpp"
#include "pillar/aggregate/exact_sum.hpp"
#include "pillar/aggregate/group_states.hpp"
#include "pillar/aggregate/group_table.hpp"
#include "pillar/aggregate/grouped_state.hpp"
#include "pillar/aggregate/kind.hpp"
#include "pillar/aggregate/own_state.hpp"
#include "pillar/aggregate/parallel_group.hpp"
#include "pillar/aggregate/parallel_spilling_group.hpp"
#include "pillar/aggregate/sorted_groups.hpp"
#include "pillar/aggregate/spec.hpp"
#include "pillar/aggregate/spilling_aggregator.hpp"
