// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "pillar/storage/memory_run_store.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API memory_run_store::memory_run_store(const run_store_options& options) : block_run_store(options) {}
PILLAR_API memory_run_store::~memory_run_store() = default;

PILLAR_API result<std::uint64_t> memory_run_store::put(buffer block) {
  blocks_.push_back(std::move(block));
  return std::uint64_t{blocks_.size() - 1};
}

PILLAR_API result<std::span<const std::byte>> memory_run_store::get(std::uint64_t place, std::size_t /*bytes*/,
                                                                    buffer& /*room*/) {
  return std::as_const(blocks_[place]).bytes();
}

PILLAR_API void memory_run_store::forget(std::uint64_t place) noexcept { blocks_[place] = buffer{}; }

}  // namespace PILLAR_NAMESPACE
