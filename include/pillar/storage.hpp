// SPDX-License-Identifier: Apache-2.0
/// For those who keep encoded data: blocks that stand alone, row groups, tables in versions over slices.
#pragma once
#include "pillar/status.hpp"
#include "pillar/storage/block.hpp"
#include "pillar/storage/explain.hpp"
#include "pillar/storage/row_group.hpp"
#include "pillar/storage/table.hpp"
