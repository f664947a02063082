// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "pillar/storage/file_run_store.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API file_run_store::file_run_store(readable_file_ref reads, writable_file_ref writes,
                                          const run_store_options& options)
    : block_run_store(options), reads_(reads), writes_(writes) {}
PILLAR_API file_run_store::~file_run_store() = default;

PILLAR_API result<std::uint64_t> file_run_store::put(buffer block) {
  if (failed_.code != errc::ok) return failed_;
  if (const auto done = writes_.append(std::as_const(block).bytes()); !done.ok()) {
    failed_ = done.error();  // where the file ends now nobody knows
    return failed_;
  }
  end_ += block.size();
  return end_ - block.size();
}

PILLAR_API result<std::span<const std::byte>> file_run_store::get(std::uint64_t place, std::size_t bytes,
                                                                  buffer& room) {
  if (room.size() < bytes) {
    room = buffer{};
    PILLAR_ASSIGN_OR_RETURN(room, buffer::allocate(bytes, budget()));
  }
  PILLAR_TRY(reads_.read_at(place, room.bytes().first(bytes)));
  return std::as_const(room).bytes().first(bytes);
}

PILLAR_API void file_run_store::forget(std::uint64_t /*place*/) noexcept {}

}  // namespace PILLAR_NAMESPACE
