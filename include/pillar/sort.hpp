// SPDX-License-Identifier: Apache-2.0
/// For those who order rows: normalised keys, permutations of whole columns, the first n of a stream.
#pragma once
#include "pillar/sort/key.hpp"
#include "pillar/sort/permutation.hpp"
#include "pillar/sort/top_n.hpp"
