// SPDX-License-Identifier: Apache-2.0
/// Runs in one file, which is only appended to and read back.
///
///     auto file = posix_file::create_temporary("/var/tmp");   // it has no name: gone when it is closed
///     file_run_store runs(*file, {.budget = &budget});
///
/// Example: tests/storage/block_run_store_test.cpp
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "pillar/base/env.hpp"  // readable_file, writable_file
#include "pillar/storage/block_run_store.hpp"

namespace PILLAR_NAMESPACE {

/// The bytes of runs that are dropped stay in the file until it goes. Nothing is synced: runs do not outlive a crash.
///
/// Requires: the file outlives the store, is empty at first, and nobody else writes to it; what others do write comes
///           out as corrupt, checksum_mismatch or truncated, never as other rows
/// Errors:   after a write that failed no further block is written: io_error again; what was written stays readable
class file_run_store final : public block_run_store {
 public:
  template <class File>
  requires readable_file<File> && writable_file<File>
  explicit file_run_store(File& file, const run_store_options& options = {})
      : file_run_store(readable_file_ref(file), writable_file_ref(file), options) {}
  PILLAR_API ~file_run_store() override;

 private:
  PILLAR_API file_run_store(readable_file_ref reads, writable_file_ref writes, const run_store_options& options);
  PILLAR_API result<std::uint64_t> put(buffer block) override;
  PILLAR_API result<std::span<const std::byte>> get(std::uint64_t place, std::size_t bytes, buffer& room) override;
  PILLAR_API void forget(std::uint64_t place) noexcept override;

  readable_file_ref reads_;
  writable_file_ref writes_;
  std::uint64_t end_ = 0;
  failure failed_{};
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/storage/impl/file_run_store.hpp"
#endif
