// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/aggregate/detail/kept_states.hpp"
#include "pillar/aggregate/detail/log_states.hpp"
#include "pillar/aggregate/detail/moment_states.hpp"
#include "pillar/aggregate/detail/sketch_states.hpp"
#include "pillar/aggregate/grouped_state.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API result<std::unique_ptr<grouped_state>> make_grouped_state(const aggregate_spec& spec, const data_type& input,
                                                                     const data_type& second, memory_budget* budget) {
  using made = std::unique_ptr<grouped_state>;
  if (spec.kind == aggregate_kind::own) {
    if (spec.own == nullptr) return errc::invalid_argument;
    if (!spec.own->takes(input)) return errc::type_mismatch;
    return spec.own->make(budget);
  }
  if (!aggregate_type(spec.kind, input, second)) return errc::type_mismatch;
  switch (spec.kind) {
    case aggregate_kind::variance:
    case aggregate_kind::variance_population:
    case aggregate_kind::standard_deviation:
    case aggregate_kind::standard_deviation_population:
    case aggregate_kind::covariance:
    case aggregate_kind::covariance_population:
    case aggregate_kind::correlation:
      return made(std::make_unique<detail::moment_states>(spec.kind, input, second, budget));
    case aggregate_kind::first:
    case aggregate_kind::last:
    case aggregate_kind::any:
    case aggregate_kind::arg_min:
    case aggregate_kind::arg_max:
      if (spec.rank == 0 || spec.rank > 1024) return errc::invalid_argument;
      return made(std::make_unique<detail::kept_states>(spec.kind, spec.rank, input, second, budget));
    case aggregate_kind::approximate_count_distinct:
      if (spec.register_bits < 4 || spec.register_bits > 16) return errc::invalid_argument;
      return made(std::make_unique<detail::distinct_states>(spec.register_bits, budget));
    case aggregate_kind::median:
    case aggregate_kind::quantile: {
      const double part = spec.kind == aggregate_kind::median ? 0.5 : spec.quantile;
      if (!(part >= 0 && part <= 1)) return errc::invalid_argument;
      if (input.physical == physical_type::integer128)
        return made(std::make_unique<detail::list_states<uint128>>(part, input, budget));
      return made(std::make_unique<detail::list_states<std::uint64_t>>(part, input, budget));
    }
    case aggregate_kind::approximate_quantile:
      if (!(spec.quantile >= 0 && spec.quantile <= 1)) return errc::invalid_argument;
      if (spec.sketch_bits < 1 || spec.sketch_bits > 12) return errc::invalid_argument;
      return made(std::make_unique<detail::quantile_sketch_states>(spec.quantile, spec.sketch_bits, input, budget));
    case aggregate_kind::string_agg:
      return made(std::make_unique<detail::text_states>(spec.separator, spec.distinct, budget));
    default: return made();
  }
}

}  // namespace PILLAR_NAMESPACE
