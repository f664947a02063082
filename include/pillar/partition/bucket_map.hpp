// SPDX-License-Identifier: Apache-2.0
/// Which slice holds which virtual bucket of keys: shared and immutable, so that two tables can be seen to agree.
#pragma once
#include <cstdint>
#include <memory>  // std::shared_ptr
#include <span>
#include <vector>

#include "pillar/base/config.hpp"
#include "pillar/base/result.hpp"

namespace PILLAR_NAMESPACE {

/// 2^bucket_bits virtual buckets → slices. A bucket is the top bits of a key's hash (the low bits are left to hash
/// tables). Slices split, merge and move by making a new map; the keys' buckets stay.
///
/// Errors:  make… → invalid_argument: bucket_bits beyond [0, 20], no slices, more slices than buckets, or a bucket's
///          slice ≥ slice_count (position = the bucket)
/// Threads: const after it was made
class bucket_map {
 public:
  static constexpr unsigned default_bucket_bits = 12;

  /// Neighbouring buckets share a slice; slices differ by at most one bucket.
  PILLAR_API static result<std::shared_ptr<const bucket_map>> make_even(std::uint32_t slice_count,
                                                                        unsigned bucket_bits = default_bucket_bits);
  PILLAR_API static result<std::shared_ptr<const bucket_map>> make(std::span<const std::uint32_t> slice_of_bucket,
                                                                   std::uint32_t slice_count);

  [[nodiscard]] unsigned bucket_bits() const noexcept { return bucket_bits_; }
  [[nodiscard]] std::uint32_t slice_count() const noexcept { return slice_count_; }
  [[nodiscard]] std::span<const std::uint32_t> slice_of_bucket() const noexcept { return slices_; }
  [[nodiscard]] std::uint32_t bucket_of(std::uint64_t hash) const noexcept {
    return bucket_bits_ == 0 ? 0 : static_cast<std::uint32_t>(hash >> (64 - bucket_bits_));
  }
  [[nodiscard]] std::uint32_t slice_of(std::uint64_t hash) const noexcept { return slices_[bucket_of(hash)]; }

  /// A digest of the hash version and the whole map: equal maps have equal ids, wherever they were made.
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  /// Equal placement of every key: ids are compared first, then the maps.
  friend bool operator==(const bucket_map& a, const bucket_map& b) {
    return a.id_ == b.id_ && a.slice_count_ == b.slice_count_ && a.slices_ == b.slices_;
  }

 private:
  bucket_map(std::vector<std::uint32_t> slices, std::uint32_t slice_count, unsigned bucket_bits) noexcept;
  std::vector<std::uint32_t> slices_;
  std::uint32_t slice_count_;
  unsigned bucket_bits_;
  std::uint64_t id_;
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/partition/impl/bucket_map.hpp"
#endif
