// SPDX-License-Identifier: Apache-2.0
/// For those who spread rows over slices, files or machines: by key, in turn, by range; and who ask how even that came
/// out. docs/partition.md says which to choose.
#pragma once
#include "pillar/partition/bucket_map.hpp"
#include "pillar/partition/distribution.hpp"
#include "pillar/partition/even.hpp"
#include "pillar/partition/key.hpp"
#include "pillar/partition/partitioner.hpp"
#include "pillar/partition/radix_scatter.hpp"
#include "pillar/partition/range.hpp"
#include "pillar/partition/scatter.hpp"
#include "pillar/partition/skew.hpp"
