// SPDX-License-Identifier: Apache-2.0
/// For those who write kernels: architecture levels as tags, batches of lanes over xsimd, the choice of a level at run
/// time. Nobody else needs it, and it costs a second to compile, so pillar/pillar.hpp leaves it out.
#pragma once
#include "pillar/simd/arch.hpp"
#include "pillar/simd/batch.hpp"
#include "pillar/simd/dispatch.hpp"
#include "pillar/simd/gather.hpp"
#include "pillar/simd/gather_words.hpp"
#include "pillar/simd/level.hpp"
#include "pillar/simd/permute.hpp"
#include "pillar/simd/prefix_sum.hpp"
#include "pillar/simd/product_row.hpp"
#include "pillar/simd/selection.hpp"
#include "pillar/simd/words.hpp"
