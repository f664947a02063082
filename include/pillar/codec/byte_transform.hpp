// SPDX-License-Identifier: Apache-2.0
/// The last stage of a block: its whole data section through a byte compressor, applied only where that pays.
///
/// The block stores both sizes. Decompression happens once, when a block is opened, into a buffer of exactly the stored
/// raw size, which the caller's limits bound: a compressed bomb is refused before a byte is allocated for it.
///
/// A user's own transform (encryption, another compressor) is a table of functions with an id from 128 on, given where
/// blocks are written and opened. It sees the data section only: a block's header, directory (smallest values of
/// vectors!) and validity stay as they are.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "pillar/base/config.hpp"
#include "pillar/base/result.hpp"  // result

namespace PILLAR_NAMESPACE {

/// Numbers stored in blocks; they never change.
enum class transform_id : std::uint8_t {
  none = 0,
  zstd = 1,
  lz4 = 2,
  user = 128,  ///< first of the users' ids (encryption, other compressors); opened by their own code
};

/// The name as reports print it.
constexpr const char* to_string(transform_id id) noexcept {
  switch (id) {
    case transform_id::none: return "none";
    case transform_id::zstd: return "zstd";
    case transform_id::lz4: return "lz4";
    case transform_id::user: return "user";
  }
  return "user";
}

/// One byte transform at run time: the user's.
///
/// Requires: restore takes hostile bytes, and reads and writes nothing beyond both spans; state outlives all blocks
///           that are written or opened with it, and may be used by several threads at once
struct transform_functions {
  transform_id id = transform_id::user;
  const void* state = nullptr;  ///< a key, a compression dictionary; handed to all three
  /// Bytes that transform may write for so many; 0: it does not take as many.
  std::size_t (*bound)(const void* state, std::size_t raw_bytes) noexcept = nullptr;
  /// Returns the bytes written.
  result<std::size_t> (*transform)(const void* state, std::span<const std::byte> raw,
                                   std::span<std::byte> out) noexcept = nullptr;
  /// Gives exactly raw.size() bytes, or an error (corrupt) where the stored bytes are not such.
  result<void> (*restore)(const void* state, std::span<const std::byte> stored,
                          std::span<std::byte> raw) noexcept = nullptr;
};

/// The users' transforms that blocks may have gone through.
///
/// Requires: the listed tables outlive the set and its use; ids below 128 are never found, and the first of equal ones
/// is
class transform_set {
 public:
  constexpr transform_set() noexcept = default;
  constexpr explicit transform_set(std::span<const transform_functions* const> members) noexcept : members_(members) {}

  [[nodiscard]] constexpr std::span<const transform_functions* const> members() const noexcept { return members_; }
  [[nodiscard]] constexpr const transform_functions* find(transform_id id) const noexcept {
    if (id < transform_id::user) return nullptr;
    for (const transform_functions* member : members_)
      if (member->id == id) return member;
    return nullptr;
  }

 private:
  std::span<const transform_functions* const> members_{};
};

/// Output bytes that `transform` may need for `raw_bytes` of input; 0 for ids that this build does not know.
[[nodiscard]] PILLAR_API std::size_t transform_bound(transform_id id, std::size_t raw_bytes) noexcept;

/// Compresses; returns the bytes written.
///
/// Units:  level: zstd's own, 1 or 3 are sensible; ignored by lz4
/// Errors: out_of_space, unsupported (id), invalid_argument (input beyond 2^31 bytes for lz4)
[[nodiscard]] PILLAR_API result<std::size_t> transform(transform_id id, int level, std::span<const std::byte> raw,
                                                       std::span<std::byte> out) noexcept;

/// What so many stored bytes can restore to at most, by the formats themselves: a block that announces more is refused
/// before memory is taken for it. (zstd: 128 KiB for every 4 bytes, lz4: 255 bytes for each.)
constexpr std::uint64_t restored_bound(transform_id id, std::uint64_t stored_bytes) noexcept {
  if (id == transform_id::zstd) return (stored_bytes / 4 + 1) << 17;
  if (id == transform_id::lz4) return stored_bytes * 255;
  return ~std::uint64_t{0};
}

/// Restores exactly raw.size() bytes, from bytes that may be hostile.
///
/// Errors: corrupt (not a stream of this kind, or of another size), unsupported (id), out_of_memory
[[nodiscard]] PILLAR_API result<void> restore(transform_id id, std::span<const std::byte> stored,
                                              std::span<std::byte> raw) noexcept;

/// True when storing `stored` instead of `raw` bytes saves at least 15 %.
constexpr bool transform_pays(std::uint64_t raw_bytes, std::uint64_t stored_bytes) noexcept {
  return stored_bytes * 100 <= raw_bytes * 85;
}

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/byte_transform.hpp"
#endif
