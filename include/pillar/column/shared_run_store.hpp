// SPDX-License-Identifier: Apache-2.0
/// One run store for several threads.
#pragma once
#include <cstdint>
#include <memory>  // std::unique_ptr
#include <span>

#include "pillar/column/run_store.hpp"

namespace PILLAR_NAMESPACE {

/// Lets threads use a run store, and readers of it, at the same time: each call waits for the one before it. What a
/// reader shows stays valid until its own next call, whatever others do meanwhile.
///
/// Requires: the store outlives this object and is used through it alone; what a reader shows stays valid while
///           other runs are written, read or dropped (the block stores keep that)
/// Errors:   the store's
/// Cost:     a lock per call: rows are encoded and decoded by one thread at a time. Workers write side by side where
///           each has a store of its own
/// Threads:  all members may be called concurrently; a reader by one thread at a time. Threads that append to one run
///           add batches in some order
class shared_run_store final : public run_store {
 public:
  PILLAR_API explicit shared_run_store(run_store& store);
  PILLAR_API ~shared_run_store() override;
  PILLAR_API result<std::uint32_t> open(std::span<const data_type> types) override;
  PILLAR_API result<void> append(std::uint32_t run, std::span<const vector* const> columns, const selection_mask* rows,
                                 std::uint32_t row_count) override;
  PILLAR_API result<void> seal(std::uint32_t run) override;
  PILLAR_API result<std::unique_ptr<run_reader>> read(std::uint32_t run) override;
  PILLAR_API void drop(std::uint32_t run) noexcept override;
  [[nodiscard]] PILLAR_API run_counts counts() const noexcept override;
  [[nodiscard]] PILLAR_API std::uint64_t bytes_of(std::uint32_t run) const noexcept override;

 private:
  struct turns;
  class reader;
  run_store& store_;
  std::unique_ptr<turns> turns_;
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/column/impl/shared_run_store.hpp"
#endif
