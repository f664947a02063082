// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <lz4.h>
#include <zstd.h>

#include "pillar/base/mutant.hpp"
#include "pillar/codec/byte_transform.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API std::size_t transform_bound(transform_id id, std::size_t raw_bytes) noexcept {
  if (id == transform_id::zstd) return ZSTD_compressBound(raw_bytes);
  if (id == transform_id::lz4 && raw_bytes <= LZ4_MAX_INPUT_SIZE)
    return static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(raw_bytes)));
  return 0;
}

PILLAR_API result<std::size_t> transform(transform_id id, int level, std::span<const std::byte> raw,
                                         std::span<std::byte> out) noexcept {
  if (id == transform_id::zstd) {
    const std::size_t written = ZSTD_compress(out.data(), out.size(), raw.data(), raw.size(), level);
    if (ZSTD_isError(written)) return {errc::out_of_space, raw.size()};
    return written;
  }
  if (id == transform_id::lz4) {
    if (raw.size() > LZ4_MAX_INPUT_SIZE) return {errc::invalid_argument, raw.size()};
    const std::size_t room = out.size() < LZ4_MAX_INPUT_SIZE ? out.size() : LZ4_MAX_INPUT_SIZE;
    const int written =
        LZ4_compress_default(reinterpret_cast<const char*>(raw.data()), reinterpret_cast<char*>(out.data()),
                             static_cast<int>(raw.size()), static_cast<int>(room));
    if (written <= 0) return {errc::out_of_space, raw.size()};
    return static_cast<std::size_t>(written);
  }
  return errc::unsupported;
}

PILLAR_API result<void> restore(transform_id id, std::span<const std::byte> stored, std::span<std::byte> raw) noexcept {
  if (id == transform_id::zstd) {
    const std::size_t written = ZSTD_decompress(raw.data(), raw.size(), stored.data(), stored.size());
    if (ZSTD_isError(written) || PILLAR_MUTATE(restore_accepts_short, written != raw.size(), false))
      return errc::corrupt;
    return {};
  }
  if (id == transform_id::lz4) {
    if (stored.size() > LZ4_MAX_INPUT_SIZE || raw.size() > LZ4_MAX_INPUT_SIZE) return errc::corrupt;
    const int written =
        LZ4_decompress_safe(reinterpret_cast<const char*>(stored.data()), reinterpret_cast<char*>(raw.data()),
                            static_cast<int>(stored.size()), static_cast<int>(raw.size()));
    if (written < 0 || static_cast<std::size_t>(written) != raw.size()) return errc::corrupt;
    return {};
  }
  return errc::unsupported;
}

}  // namespace PILLAR_NAMESPACE
