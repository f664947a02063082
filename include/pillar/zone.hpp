// SPDX-License-Identifier: Apache-2.0
/// For those who keep statistics beside data of their own and want predicates answered from them: docs/zone.md.
#pragma once
#include "pillar/zone/explain.hpp"
#include "pillar/zone/vector_zones.hpp"
#include "pillar/zone/zone_map.hpp"
