// SPDX-License-Identifier: Apache-2.0
/// For those who build parts of their own on Pillar's ground floor: errors as values, budgets and buffers, checked and
/// 128-bit arithmetic, bounds-checked reading, clocks that tests can move. Depends on the standard library only.
#pragma once
#include "pillar/base/bits.hpp"
#include "pillar/base/buffer.hpp"
#include "pillar/base/byte_reader.hpp"
#include "pillar/base/checked.hpp"
#include "pillar/base/config.hpp"
#include "pillar/base/env.hpp"
#include "pillar/base/file.hpp"
#include "pillar/base/fixed_string.hpp"
#include "pillar/base/function_ref.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/memory.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/base/pieces.hpp"
#include "pillar/base/result.hpp"
