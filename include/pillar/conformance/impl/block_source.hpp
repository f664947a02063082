// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/conformance/block_source.hpp"
#include "pillar/conformance/recorder.hpp"

namespace PILLAR_NAMESPACE::conformance {

PILLAR_API report check_block_source(const std::string& subject, const any_block_source& source,
                                     const block_places& places, std::span<const std::byte> file) {
  enum : std::uint32_t { gives_bytes, stays, refuses };
  recorder found(subject,
                 {{"a pin holds the block's bytes"},
                  {"the bytes stay while the pin lives"},
                  {"an id that no block has is refused"}},
                 {"blocks", "pins at a time"});
  const auto holds = [&](const block_pin& pin, const block_place& place) {
    const auto expected = file.subspan(place.offset, place.bytes);
    return std::equal(pin.bytes().begin(), pin.bytes().end(), expected.begin(), expected.end());
  };
  std::vector<block_id> ids;
  for (const block_place& place : places.blocks) ids.push_back(place.id);
  found.count(0, ids.size());

  splitmix64 random(1);
  for (std::uint64_t round = 0; round < 6; ++round) {
    if (round % 2 != 0) source.announce(ids);
    if (round == 3) std::reverse(ids.begin(), ids.end());
    std::vector<std::pair<block_pin, const block_place*>> kept;
    for (const block_id id : ids) {
      const block_place* const place = places.find(id);
      auto pin = source.pin(id);
      found.at(gives_bytes, round, "block " + std::to_string(id));
      found.expect(pin.ok() && holds(*pin, *place), [&] {
        return pin.ok() ? std::string("other bytes") : "gave '" + std::string(to_string(pin.error().code)) + "'";
      });
      if (pin.ok()) kept.emplace_back(*std::move(pin), place);
      while (kept.size() > round * 4) {
        const std::size_t which = random.below(kept.size());
        found.at(stays, round, "block " + std::to_string(kept[which].second->id));
        found.count(1, kept.size() > 1);
        found.expect(holds(kept[which].first, *kept[which].second), [] { return std::string("its bytes changed"); });
        std::swap(kept[which], kept.back());
        kept.pop_back();
      }
    }
    for (const auto& [pin, place] : kept) {
      found.at(stays, round, "block " + std::to_string(place->id));
      found.expect(holds(pin, *place), [] { return std::string("its bytes changed"); });
    }
  }

  const block_id last = places.blocks.empty() ? 0 : places.blocks.back().id;
  for (const block_id id : {block_id{0}, last + 1, ~block_id{0}}) {
    if (places.find(id) != nullptr) continue;
    source.announce({&id, 1});
    const auto pin = source.pin(id);
    found.at(refuses, id, "id " + std::to_string(id));
    found.expect(!pin.ok() && pin.error().code == errc::invalid_argument,
                 [&] { return std::string(pin.ok() ? "was pinned" : to_string(pin.error().code)); });
  }
  return found.finish();
}

}  // namespace PILLAR_NAMESPACE::conformance
