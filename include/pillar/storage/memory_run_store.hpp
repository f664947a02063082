// SPDX-License-Identifier: Apache-2.0
/// Runs in memory, encoded: several times smaller than the rows were, and without a file.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/storage/block_run_store.hpp"

namespace PILLAR_NAMESPACE {

/// Keeps encoded blocks, counted against the budget, until their run is dropped.
///
/// Cost: a reader looks at the blocks in place
class memory_run_store final : public block_run_store {
 public:
  PILLAR_API explicit memory_run_store(const run_store_options& options = {});
  PILLAR_API ~memory_run_store() override;

 private:
  PILLAR_API result<std::uint64_t> put(buffer block) override;
  PILLAR_API result<std::span<const std::byte>> get(std::uint64_t place, std::size_t bytes, buffer& room) override;
  PILLAR_API void forget(std::uint64_t place) noexcept override;

  std::vector<buffer> blocks_{};
  std::vector<std::uint64_t> free_{};  ///< places of blocks that were forgotten
  std::uint64_t list_bytes_ = 0;       ///< counted for both
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/storage/impl/memory_run_store.hpp"
#endif
