// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/storage/block.hpp"
#include "pillar/storage/row_group.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API result<stored_block> make_stored_block(std::span<const vector> vectors, const block_options& options,
                                                  memory_budget* budget) {
  stored_block made;
  PILLAR_ASSIGN_OR_RETURN(made.bytes, encode_block(vectors, options, budget));
  block_limits limits;
  limits.max_decoded_bytes = ~std::uint64_t{0};  // our own bytes
  limits.budget = budget;
  limits.codecs = options.codecs;
  limits.transforms = options.transforms;
  limits.kernels = options.kernels;
  PILLAR_ASSIGN_OR_RETURN(made.view, open_block(made.bytes.bytes(), limits, true));
  made.vector_zones.reserve(vectors.size());
  made.zone = zone_map{};
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    made.vector_zones.push_back(zone_of(vectors[i]));
    if (i == 0) made.zone = made.vector_zones[0];
    else merge(made.zone, made.vector_zones[i]);
  }
  made.bounds = bounds_of(made.vector_zones);
  return made;
}

}  // namespace PILLAR_NAMESPACE
