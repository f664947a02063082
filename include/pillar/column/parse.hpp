// SPDX-License-Identifier: Apache-2.0
/// Text to values: the inverse of to_string(scalar), strict and exact.
///
/// The whole text must be one value, without spaces, signs beyond a leading '-', or digits that the type cannot hold:
///   bool       true, false, 1, 0
///   integers   -12
///   floats     -1.5e3, inf, nan; a number that the type would round to 0 or infinity is an overflow
///   decimals   12, 12.5, .5; a digit other than 0 beyond the scale is an overflow
///   date       2013-07-04, years 0000 to 9999
///   timestamp  2013-07-04, 2013-07-04T10:00, 2013-07-04 10:00:59.25Z; UTC with or without the Z; a digit other than 0
///              beyond the unit is an overflow
#pragma once
#include <string_view>

#include "pillar/base/checked.hpp"  // int128
#include "pillar/base/result.hpp"   // result
#include "pillar/column/types.hpp"  // data_type

namespace PILLAR_NAMESPACE {

struct scalar;  // column/scalar.hpp

/// A value of an integer, boolean, decimal (unscaled), date or timestamp type.
///
/// Errors: parse_error: not of the form above; overflow: of the form, but the type cannot hold it exactly;
///         type_mismatch: the type is none of these
PILLAR_API result<int128> parse_integer(std::string_view text, const data_type& type);

/// A value of a float or double, rounded to it.
///
/// Errors: as parse_integer
PILLAR_API result<double> parse_real(std::string_view text, const data_type& type);

/// A value of any type; text and bytes are taken as they are. Never NULL: what stands for NULL is the caller's
/// business.
PILLAR_API result<scalar> parse(std::string_view text, const data_type& type);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/column/impl/parse.hpp"
#endif
