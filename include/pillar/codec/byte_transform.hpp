// SPDX-License-Identifier: Apache-2.0
/// The last stage of a block: its whole data section through a byte compressor, applied only where that pays.
///
/// The block stores both sizes. Decompression happens once, when a block is opened, into a buffer of exactly the stored
/// raw size, which the caller's limits bound: a compressed bomb is refused before a byte is allocated for it.
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

/// Output bytes that `transform` may need for `raw_bytes` of input; 0 for ids that this build does not know.
[[nodiscard]] PILLAR_API std::size_t transform_bound(transform_id id, std::size_t raw_bytes) noexcept;

/// Compresses; returns the bytes written.
///
/// Units:  level: zstd's own, 1 or 3 are sensible; ignored by lz4
/// Errors: out_of_space, unsupported (id), invalid_argument (input beyond 2^31 bytes for lz4)
[[nodiscard]] PILLAR_API result<std::size_t> transform(transform_id id, int level, std::span<const std::byte> raw,
                                                       std::span<std::byte> out) noexcept;

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
