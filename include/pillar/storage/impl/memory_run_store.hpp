// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "pillar/storage/memory_run_store.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API memory_run_store::memory_run_store(const run_store_options& options) : block_run_store(options) {}
PILLAR_API memory_run_store::~memory_run_store() {
  if (budget() != nullptr) budget()->release(list_bytes_);
}

PILLAR_API result<std::uint64_t> memory_run_store::put(buffer block) {
  if (!free_.empty()) {
    const std::uint64_t place = free_.back();
    free_.pop_back();
    blocks_[place] = std::move(block);
    return place;
  }
  if (blocks_.size() == blocks_.capacity()) {
    const std::size_t more = blocks_.size() < 16 ? 16 : blocks_.size();
    const std::uint64_t bytes = more * (sizeof(buffer) + sizeof(std::uint64_t));
    if (budget() != nullptr) PILLAR_TRY(budget()->reserve(bytes));
    list_bytes_ += bytes;
    blocks_.reserve(blocks_.size() + more);
    free_.reserve(blocks_.capacity());
  }
  blocks_.push_back(std::move(block));
  return std::uint64_t{blocks_.size() - 1};
}

PILLAR_API result<std::span<const std::byte>> memory_run_store::get(std::uint64_t place, std::size_t /*bytes*/,
                                                                    buffer& /*room*/) {
  return std::as_const(blocks_[place]).bytes();
}

PILLAR_API void memory_run_store::forget(std::uint64_t place) noexcept {
  blocks_[place] = buffer{};
  free_.push_back(place);  // has room
  if (free_.size() != blocks_.size()) return;
  blocks_ = std::vector<buffer>();
  free_ = std::vector<std::uint64_t>();
  if (budget() != nullptr) budget()->release(list_bytes_);
  list_bytes_ = 0;
}

}  // namespace PILLAR_NAMESPACE
