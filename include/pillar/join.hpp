// SPDX-License-Identifier: Apache-2.0
/// For those who join two sides of their own: a builder takes one side's keys, the table it seals is probed with the
/// other's.
#pragma once
#include "pillar/join/join_builder.hpp"
#include "pillar/join/join_cursor.hpp"
#include "pillar/join/join_table.hpp"
#include "pillar/join/key_domains.hpp"
#include "pillar/join/kind.hpp"
#include "pillar/join/parallel_join_builder.hpp"
#include "pillar/join/spilling_join.hpp"
