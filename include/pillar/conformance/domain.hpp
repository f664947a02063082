// SPDX-License-Identifier: Apache-2.0
/// The laws of whoever tests whole vectors against a domain, and of domains themselves.
///
/// Laws:
///   the mask agrees with domain::contains for every row that is not NULL, whatever the vector's kind
///   words up to the last row are written, bits beyond it are zero, nothing else is touched
///   is_everything and is_nothing are never wrong
///   ranges and points are canonical (canonical_fault in sample.hpp, for domains of your own making)
#pragma once
#include <cstdint>

#include "pillar/base/function_ref.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/conformance/report.hpp"
#include "pillar/expr/domain.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// Sets bit i iff row i satisfies the domain, as filter's match() does; NULL rows: either.
using vector_matcher = function_ref<void(const vector& values, const domain& test, std::uint64_t* mask)>;

/// Checks a matcher against the domain itself, value by value.
[[nodiscard]] PILLAR_API report check_match(vector_matcher matcher, const settings& how = {});

}  // namespace PILLAR_NAMESPACE::conformance

#ifdef PILLAR_HEADER_ONLY
#include "pillar/conformance/impl/domain.hpp"
#endif
