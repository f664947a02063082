// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "pillar/base/mutant.hpp"
#include "pillar/storage/file_source.hpp"
#include "pillar/storage/impl/block_source.hpp"  // pin_in

namespace PILLAR_NAMESPACE {

PILLAR_API result<block_pin> mapped_source::pin(block_id id) const {
  return detail::pin_in(file_.bytes(), *places_, id);
}

PILLAR_API void mapped_source::announce(std::span<const block_id> ids) const {
  extent_place run{};  // neighbours are asked for together
  for (const block_id id : ids) {
    const block_place* const place = places_->find(id);
    if (place == nullptr) continue;
    if (place->offset < run.offset || place->offset > run.offset + run.bytes + 64) {
      if (run.bytes != 0) file_.will_need(run.offset, run.bytes);
      run = {place->offset, place->bytes};
    } else {
      run.bytes = std::max(run.bytes, place->offset + place->bytes - run.offset);
    }
  }
  if (run.bytes != 0) file_.will_need(run.offset, run.bytes);
}

PILLAR_API ranged_source::ranged_source(extent_reads_ref reads, std::shared_ptr<const block_places> places,
                                        ranged_settings settings)
    : reads_(reads), places_(std::move(places)), settings_(settings), extents_(places_->extents.size()) {
  settings_.reads_in_flight = std::max(settings_.reads_in_flight, 1u);
}

PILLAR_API ranged_source::~ranged_source() {
  std::unique_lock<std::mutex> held(lock_);
  queue_.clear();
  while (in_flight_ != 0) finish_a_read(held);
}

PILLAR_API ranged_counters ranged_source::counters() const {
  const std::lock_guard<std::mutex> held(lock_);
  return counters_;
}

PILLAR_API void ranged_source::announce(std::span<const block_id> ids) {
  const std::lock_guard<std::mutex> held(lock_);
  for (const block_id id : ids) {
    const block_place* const place = places_->find(id);
    if (place == nullptr) continue;
    kept_extent& extent = extents_[place->extent];
    if (extent.announced || extent.state != extent_state::absent) continue;
    extent.announced = true;
    queue_.push_back(place->extent);
  }
  read_ahead();
}

PILLAR_API result<block_pin> ranged_source::pin(block_id id) {
  const block_place* const place = places_->find(id);
  if (place == nullptr) return {errc::invalid_argument, id};
  std::unique_lock<std::mutex> held(lock_);
  kept_extent& extent = extents_[place->extent];
  for (;;) {
    switch (extent.state) {
      case extent_state::ready: {
        ++extent.pins;
        extent.used = true;
        extent.last_used = ++clock_;
        read_ahead();
        const std::uint64_t at = place->offset - places_->extents[place->extent].offset;
        return block_pin(std::span<const std::byte>(extent.bytes.bytes()).subspan(at, place->bytes), this,
                         place->extent, &ranged_source::unpin);
      }
      case extent_state::absent:
        make_room(places_->extents[place->extent].bytes, true);
        for (auto begun = begin_read(place->extent); !begun.ok(); begun = begin_read(place->extent))
          if (!evict(true)) return begun.error();
        read_ahead();
        break;
      case extent_state::failed: extent.state = extent_state::absent; return extent.why;
      case extent_state::reading: finish_a_read(held); break;
    }
  }
}

PILLAR_API void ranged_source::unpin(void* source, std::uint64_t extent) noexcept {
  auto& self = *static_cast<ranged_source*>(source);
  const std::lock_guard<std::mutex> held(self.lock_);
  --self.extents_[extent].pins;
}

inline result<void> ranged_source::begin_read(std::uint32_t number) {
  const extent_place& place = places_->extents[number];
  kept_extent& extent = extents_[number];
  PILLAR_ASSIGN_OR_RETURN(extent.bytes, buffer::allocate(place.bytes, settings_.budget));
  extent.state = extent_state::reading;
  extent.announced = false;
  extent.used = false;
  held_bytes_ += place.bytes;
  ++in_flight_;
  ++unclaimed_;
  ++counters_.reads;
  counters_.bytes_read += place.bytes;
  counters_.most_in_flight = std::max(counters_.most_in_flight, in_flight_);
  reads_.submit({place.offset, extent.bytes.bytes(), number});
  return {};
}

/// Drops the extent that was used longest ago; what was read ahead and not yet used only if `anyhow`, and last.
inline bool ranged_source::evict(bool anyhow) {
  kept_extent* oldest = nullptr;
  for (kept_extent& extent : extents_) {
    if (extent.state != extent_state::ready || PILLAR_MUTATE(source_evicts_pinned, extent.pins != 0, false)) continue;
    if (!extent.used && !anyhow) continue;
    if (oldest == nullptr || extent.used > oldest->used ||
        (extent.used == oldest->used && extent.last_used < oldest->last_used))
      oldest = &extent;
  }
  if (oldest == nullptr) return false;
  held_bytes_ -= oldest->bytes.size();
  oldest->bytes = buffer();
  oldest->state = extent_state::absent;
  ++counters_.evictions;
  return true;
}

inline bool ranged_source::make_room(std::uint64_t bytes, bool anyhow) {
  while (held_bytes_ + bytes > settings_.cache_bytes)
    if (!evict(anyhow)) return false;
  return true;
}

inline void ranged_source::read_ahead() {
  while (in_flight_ < settings_.reads_in_flight && !queue_.empty()) {
    const std::uint32_t next = queue_.front();
    if (extents_[next].announced) {  // else it was read for a pin meanwhile
      if (!make_room(places_->extents[next].bytes, false)) return;
      if (!begin_read(next).ok()) return;  // no memory: left to the pin that needs it
    }
    queue_.pop_front();
  }
}

/// Finishes a read that is in flight, or waits until another worker has.
inline void ranged_source::finish_a_read(std::unique_lock<std::mutex>& held) {
  if (unclaimed_ == 0) {
    read_done_.wait(held);
    return;
  }
  --unclaimed_;
  held.unlock();
  const extent_read_done done = reads_.complete();
  held.lock();
  kept_extent& extent = extents_[done.tag];
  --in_flight_;
  extent.why = done.why;
  extent.state = done.why.code == errc::ok ? extent_state::ready : extent_state::failed;
  if (extent.state == extent_state::failed) {
    held_bytes_ -= extent.bytes.size();
    extent.bytes = buffer();
  }
  read_ahead();
  read_done_.notify_all();
}

}  // namespace PILLAR_NAMESPACE
