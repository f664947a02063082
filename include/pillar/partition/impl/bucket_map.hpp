// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <utility>

#include "pillar/hash/value.hpp"  // hash_combine, hash_version
#include "pillar/partition/bucket_map.hpp"

namespace PILLAR_NAMESPACE {

inline bucket_map::bucket_map(std::vector<std::uint32_t> slices, std::uint32_t slice_count,
                              unsigned bucket_bits) noexcept
    : slices_(std::move(slices)), slice_count_(slice_count), bucket_bits_(bucket_bits) {
  id_ = hash_combine(hash_word(hash_version), hash_word(slice_count));
  for (const std::uint32_t slice : slices_) id_ = hash_combine(id_, hash_word(slice));
}

PILLAR_API result<std::shared_ptr<const bucket_map>> bucket_map::make_even(std::uint32_t slice_count,
                                                                           unsigned bucket_bits) {
  if (bucket_bits > 20) return errc::invalid_argument;
  const std::uint64_t bucket_count = std::uint64_t{1} << bucket_bits;
  if (slice_count == 0 || slice_count > bucket_count) return errc::invalid_argument;
  std::vector<std::uint32_t> slices(bucket_count);
  for (std::uint64_t bucket = 0; bucket < bucket_count; ++bucket)
    slices[bucket] = static_cast<std::uint32_t>(bucket * slice_count >> bucket_bits);
  return std::shared_ptr<const bucket_map>(new bucket_map(std::move(slices), slice_count, bucket_bits));
}

PILLAR_API result<std::shared_ptr<const bucket_map>> bucket_map::make(std::span<const std::uint32_t> slice_of_bucket,
                                                                      std::uint32_t slice_count) {
  if (!std::has_single_bit(slice_of_bucket.size()) || slice_of_bucket.size() > (std::size_t{1} << 20) ||
      slice_count == 0)
    return errc::invalid_argument;
  for (std::size_t bucket = 0; bucket < slice_of_bucket.size(); ++bucket)
    if (slice_of_bucket[bucket] >= slice_count) return {errc::invalid_argument, bucket};
  return std::shared_ptr<const bucket_map>(
      new bucket_map({slice_of_bucket.begin(), slice_of_bucket.end()}, slice_count,
                     static_cast<unsigned>(std::countr_zero(slice_of_bucket.size()))));
}

}  // namespace PILLAR_NAMESPACE
