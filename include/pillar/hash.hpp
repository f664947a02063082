// SPDX-License-Identifier: Apache-2.0
/// For those who place or group rows by hash as Pillar does: values and columns, version 1, published in docs/hash.md.
#pragma once
#include "pillar/hash/column.hpp"
#include "pillar/hash/value.hpp"
