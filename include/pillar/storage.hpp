// SPDX-License-Identifier: Apache-2.0
/// For those who keep encoded data: blocks that stand alone, row groups, tables in versions over slices, slice files.
#pragma once
#include "pillar/status.hpp"
#include "pillar/storage/block.hpp"
#include "pillar/storage/block_run_store.hpp"
#include "pillar/storage/block_source.hpp"
#include "pillar/storage/explain.hpp"
#include "pillar/storage/file_run_store.hpp"
#include "pillar/storage/file_source.hpp"
#include "pillar/storage/memory_run_store.hpp"
#include "pillar/storage/row_group.hpp"
#include "pillar/storage/slice_file.hpp"
#include "pillar/storage/table.hpp"
#include "pillar/storage/table_files.hpp"
