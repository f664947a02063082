// SPDX-License-Identifier: Apache-2.0
/// Reads of a file that take their time, in virtual time and without threads: to prove that a source keeps several
/// reads under way, and that it does not mind in which order they end.
///
/// Faults: `delayed_reads` of a `faulty_file` (conformance/faults.hpp).
#pragma once
#include <algorithm>
#include <cstdint>
#include <mutex>
#include <vector>

#include "pillar/base/env.hpp"  // readable_file, splitmix64
#include "pillar/storage/file_source.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// Every read takes `latency_ns`, and up to half as much again by the seed's chance; any number goes on at once.
/// complete() moves the clock to the end of the read that ends first.
///
/// Requires: the file outlives it
/// Threads:  all members may be called concurrently
template <readable_file File>
class delayed_reads {
 public:
  delayed_reads(const File& file, std::uint64_t latency_ns, std::uint64_t seed = 1) noexcept
      : file_(&file), latency_ns_(latency_ns), random_(seed) {}

  void submit(const extent_read& read) {
    const std::lock_guard<std::mutex> held(lock_);
    under_way_.push_back({now_ns_ + latency_ns_ + random_.below(latency_ns_ / 2 + 1), read});
    most_in_flight_ = std::max<std::uint64_t>(most_in_flight_, under_way_.size());
    ++reads_;
  }
  [[nodiscard]] extent_read_done complete() {
    const std::lock_guard<std::mutex> held(lock_);
    PILLAR_ASSERT(!under_way_.empty());
    const auto first = std::min_element(under_way_.begin(), under_way_.end(),
                                        [](const timed& a, const timed& b) { return a.end_ns < b.end_ns; });
    const timed done = *first;
    under_way_.erase(first);
    now_ns_ = std::max(now_ns_, done.end_ns);
    return {done.read.tag, file_->read_at(done.read.offset, done.read.into).error()};
  }

  [[nodiscard]] std::uint64_t now_ns() const {
    const std::lock_guard<std::mutex> held(lock_);
    return now_ns_;
  }
  [[nodiscard]] std::uint64_t reads() const {
    const std::lock_guard<std::mutex> held(lock_);
    return reads_;
  }
  [[nodiscard]] std::uint64_t most_in_flight() const {
    const std::lock_guard<std::mutex> held(lock_);
    return most_in_flight_;
  }

 private:
  struct timed {
    std::uint64_t end_ns;
    extent_read read;
  };
  const File* file_;
  std::uint64_t latency_ns_;
  mutable std::mutex lock_{};
  splitmix64 random_;
  std::vector<timed> under_way_{};
  std::uint64_t now_ns_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t most_in_flight_ = 0;
};

}  // namespace PILLAR_NAMESPACE::conformance
