// SPDX-License-Identifier: Apache-2.0
/// For those who write predicates, or answer them in a layer of their own: expressions as values, binding to a schema,
/// domains, truth sets, interval analysis, and the scalar reference that every answer is compared with.
#pragma once
#include "pillar/expr/bind.hpp"
#include "pillar/expr/bound.hpp"
#include "pillar/expr/check.hpp"
#include "pillar/expr/domain.hpp"
#include "pillar/expr/explain.hpp"
#include "pillar/expr/expression.hpp"
#include "pillar/expr/interval.hpp"
#include "pillar/expr/literal.hpp"
#include "pillar/expr/operators.hpp"
#include "pillar/expr/reference.hpp"
#include "pillar/expr/shape.hpp"
#include "pillar/expr/tree.hpp"
#include "pillar/expr/truth.hpp"
#include "pillar/expr/type_rules.hpp"
