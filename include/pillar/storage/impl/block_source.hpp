// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "pillar/storage/block_source.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API const block_place* block_places::find(block_id id) const noexcept {
  const auto found = std::lower_bound(blocks.begin(), blocks.end(), id,
                                      [](const block_place& place, block_id wanted) { return place.id < wanted; });
  return found != blocks.end() && found->id == id ? &*found : nullptr;
}

namespace detail {

inline result<block_pin> pin_in(std::span<const std::byte> file, const block_places& places, block_id id) {
  const block_place* const place = places.find(id);
  if (place == nullptr) return {errc::invalid_argument, id};
  if (place->offset > file.size() || file.size() - place->offset < place->bytes) return {errc::truncated, file.size()};
  return block_pin(file.subspan(place->offset, place->bytes));
}

}  // namespace detail

PILLAR_API result<block_pin> memory_source::pin(block_id id) const { return detail::pin_in(file_, *places_, id); }

}  // namespace PILLAR_NAMESPACE
