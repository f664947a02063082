// SPDX-License-Identifier: Apache-2.0
/// Values that interval analysis proves to be small in a row group are computed in fewer bits there.
#pragma once
#include <algorithm>
#include <bit>

#include "pillar/pipeline/impl/worker_local.hpp"

namespace PILLAR_NAMESPACE::detail {

/// How large the aggregates' inputs are in these rows, as zone maps prove it.
inline void find_input_bits(const bound_segment& shared, worker_local& local) {
  const auto bits_of = [](int128 value) {
    const int128 size = value < 0 ? ~value : value;
    return static_cast<std::uint8_t>(size >> 63 != 0 ? 64 : std::bit_width(static_cast<std::uint64_t>(size)));
  };
  local.input_bits.clear();
  for (std::size_t root = shared.what.outputs.size(); root < shared.values.roots.size(); ++root) {
    const value_interval& at = local.proof[shared.values.roots[root]];
    const bool known = at.may_be_value && !at.may_fail && is_integer(shared.values.type(root).physical);
    local.input_bits.push_back(known ? std::max(bits_of(at.lo), bits_of(at.hi)) : std::uint8_t{64});
  }
}

/// The operand of a conversion that only changes the width, if its own values are 64 bits or narrower.
[[nodiscard]] inline std::uint32_t without_conversion(const worker_local& local, std::uint32_t index) {
  const bound_value& node = local.nodes[index];
  const bool made_narrow = node.type.physical == physical_type::int64 || node.type.physical == physical_type::int32;
  if (node.kind != bound_value::kind_type::convert || !made_narrow) return index;
  const data_type& from = local.nodes[node.left].type;
  const bool narrow =
      is_integer(from.physical) && from.physical != physical_type::uint64 && from.physical != physical_type::integer128;
  return narrow && scale_of(from) == scale_of(node.type) ? node.left : index;
}

/// Interval analysis often proves that values fit into 64 or 32 bits in these rows: wide decimals are then computed
/// in int64, grouped sums and what they read in int32, which is several times faster, and conversions to wider types
/// fall away.
inline void narrow(const bound_segment& shared, worker_local& local) {
  const auto fits = [&]<class T>(std::size_t i, T lowest, T highest) {
    const value_interval& at = local.proof[i];
    return shared.may_narrow[i] && at.may_be_value && !at.may_fail && at.lo >= lowest && at.hi <= highest;
  };
  const auto halves = [&](std::size_t i) {
    return shared.may_halve && fits(i, lowest_of<std::int32_t>(), highest_of<std::int32_t>());
  };
  const std::size_t count = local.nodes.size();
  for (std::size_t i = 0; i < count; ++i) {
    bound_value& node = local.nodes[i];
    const bound_value& declared = shared.values.nodes[i];
    const bool wide = declared.type.physical == physical_type::integer128;
    if (declared.kind == bound_value::kind_type::column || (!wide && declared.type.physical != physical_type::int64))
      continue;
    const bool narrowed = wide && fits(i, lowest_of<std::int64_t>(), highest_of<std::int64_t>());
    node.type.physical = halves(i) ? physical_type::int32 : narrowed ? physical_type::int64 : declared.type.physical;
    node.left = declared.left;
    node.right = declared.right;
    if (declared.kind != bound_value::kind_type::arithmetic || node.type.physical == declared.type.physical) continue;
    node.left = without_conversion(local, declared.left);
    node.right = without_conversion(local, declared.right);
  }
  for (const auto& column : shared.halves) local.columns[column.column].narrow = halves(column.node);
}

}  // namespace PILLAR_NAMESPACE::detail
