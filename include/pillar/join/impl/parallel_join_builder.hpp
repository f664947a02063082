// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::sort, std::lower_bound
#include <atomic>     // std::atomic_ref
#include <utility>

#include "pillar/join/impl/join_builder.hpp"
#include "pillar/join/parallel_join_builder.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// From row ids to their places in ascending order.
class id_order {
 public:
  /// Requires: ids below `limit`, `count` of them in all
  result<void> prepare(std::uint64_t limit, std::uint64_t count, memory_budget* budget) {
    const bool dense = limit / 64 <= count + 1024;
    const std::uint64_t words = dense ? words_for(limit) : 0;
    PILLAR_ASSIGN_OR_RETURN(bits_, buffer::allocate(words * sizeof(std::uint64_t), budget));
    PILLAR_ASSIGN_OR_RETURN(places_, buffer::allocate((dense ? words : count) * sizeof(std::uint32_t), budget));
    std::memset(bits_.data(), 0, bits_.size());
    words_ = words;
    count_ = count;
    return {};
  }
  /// Adds ids, of which `before` have been added; several threads may do so.
  template <class IdOf>
  void add(std::uint64_t before, std::uint32_t count, IdOf id_of) noexcept {
    auto* bits = bits_.as<std::uint64_t>();
    for (std::uint32_t row = 0; row < count; ++row) {
      const std::uint32_t id = id_of(row);
      if (words_ == 0) places_.as<std::uint32_t>()[before + row] = id;
      else std::atomic_ref(bits[id / 64]).fetch_or(std::uint64_t{1} << (id % 64), std::memory_order_relaxed);
    }
  }
  /// All ids are there. False: some are equal.
  bool close() noexcept {
    auto* places = places_.as<std::uint32_t>();
    if (words_ == 0) {
      std::sort(places, places + count_);
      return std::adjacent_find(places, places + count_) == places + count_;
    }
    std::uint32_t below = 0;
    for (std::uint64_t word = 0; word < words_; ++word) {
      places[word] = below;
      below += static_cast<std::uint32_t>(std::popcount(bits_.as<std::uint64_t>()[word]));
    }
    return below == count_;
  }
  [[nodiscard]] std::uint32_t place_of(std::uint32_t id) const noexcept {
    const auto* places = places_.as<std::uint32_t>();
    if (words_ == 0) return static_cast<std::uint32_t>(std::lower_bound(places, places + count_, id) - places);
    const std::uint64_t below = bits_.as<std::uint64_t>()[id / 64] & low_bits(id % 64);
    return places[id / 64] + static_cast<std::uint32_t>(std::popcount(below));
  }

 private:
  buffer bits_{};    ///< by id; empty where ids are far apart
  buffer places_{};  ///< of ids: how many are below each word's; or all of them, sorted
  std::uint64_t words_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace detail

PILLAR_API result<parallel_join_builder> parallel_join_builder::make(std::span<const data_type> key_types,
                                                                     std::uint32_t worker_count,
                                                                     memory_budget* budget) {
  if (worker_count == 0) return errc::invalid_argument;
  parallel_join_builder made;
  for (std::uint32_t i = 0; i < worker_count; ++i) {
    PILLAR_ASSIGN_OR_RETURN(join_builder one, join_builder::make(key_types, budget));
    made.workers_.push_back(std::move(one));
  }
  return made;
}

/// All rows into the first builder, in the order of their ids.
inline result<void> parallel_join_builder::put_in_order(std::span<join_builder* const> from, executor_ref runner) {
  memory_budget* const budget = workers_[0].budget_;
  std::uint64_t joinable = 0, nulls = 0;
  std::uint32_t limit = 0, longest_text = 0;
  std::vector<std::uint64_t> first_row, first_character;  // of each builder's; characters by builder, then column
  std::vector<std::uint64_t> characters(workers_[0].texts_.size());
  for (const join_builder* one : from) {
    first_row.push_back(joinable);
    for (std::size_t i = 0; i < characters.size(); ++i) {
      first_character.push_back(characters[i]);
      characters[i] += one->texts_[i].characters.size();
    }
    joinable += one->joinable_count_;
    nulls += one->null_ids_.size();
    limit = one->row_limit_ > limit ? one->row_limit_ : limit;
  }
  if (joinable + nulls > join_builder::most_rows) return errc::limit_exceeded;
  detail::id_order order;
  PILLAR_TRY(order.prepare(limit, joinable, budget));
  const auto list = [&](std::uint32_t index, std::uint32_t) {
    const join_builder& one = *from[index];
    order.add(first_row[index], one.joinable_count_, [&](std::uint32_t row) { return one.id_of(row); });
  };
  runner.bulk(static_cast<std::uint32_t>(from.size()), list);
  if (!order.close()) return errc::invalid_argument;

  PILLAR_ASSIGN_OR_RETURN(join_builder made, join_builder::make(workers_[0].types_, budget));
  PILLAR_TRY(made.reserve(static_cast<std::uint32_t>(joinable)));
  PILLAR_TRY(made.ids_.reserve(joinable));
  PILLAR_TRY(made.null_ids_.reserve(nulls));
  for (std::size_t i = 0; i < characters.size(); ++i) PILLAR_TRY(made.texts_[i].characters.reserve(characters[i]));
  for (auto& words : made.words_) words.extend(joinable);
  for (std::size_t i = 0; i < characters.size(); ++i) {
    made.texts_[i].slots.extend(joinable);
    made.texts_[i].characters.extend(characters[i]);
    longest_text = 0;
    for (const join_builder* one : from)
      longest_text = one->texts_[i].longest > longest_text ? one->texts_[i].longest : longest_text;
    made.texts_[i].longest = longest_text;
  }
  made.ids_.extend(joinable);
  const auto copy = [&](std::uint32_t index, std::uint32_t) {
    const join_builder& one = *from[index];
    std::uint32_t places[vector_rows];
    for (std::size_t i = 0; i < characters.size(); ++i)
      if (const auto& text = one.texts_[i].characters; !text.empty())
        std::memcpy(made.texts_[i].characters.data() + first_character[index * characters.size() + i], text.data(),
                    text.size());
    for (std::uint32_t first = 0; first < one.joinable_count_; first += vector_rows) {
      const std::uint32_t left = one.joinable_count_ - first, count = left < vector_rows ? left : vector_rows;
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t id = one.id_of(first + i);
        places[i] = order.place_of(id);
        made.ids_[places[i]] = id;
      }
      for (std::size_t part = 0; part < made.words_.size(); ++part)
        for (std::uint32_t i = 0; i < count; ++i) made.words_[part][places[i]] = one.words_[part][first + i];
      for (std::size_t column = 0; column < characters.size(); ++column) {
        const std::uint64_t shift = first_character[index * characters.size() + column];
        for (std::uint32_t i = 0; i < count; ++i) {
          text_slot slot = one.texts_[column].slots[first + i];
          if (slot.size > text_slot::inline_capacity) {
            const std::uint64_t at = shift + (std::uint64_t{slot.reference.buffer} << 32 | slot.reference.offset);
            slot.reference.buffer = static_cast<std::uint32_t>(at >> 32);
            slot.reference.offset = static_cast<std::uint32_t>(at);
          }
          made.texts_[column].slots[places[i]] = slot;
        }
      }
    }
  };
  runner.bulk(static_cast<std::uint32_t>(from.size()), copy);
  for (const join_builder* one : from)
    for (std::uint32_t i = 0; i < one->null_ids_.size(); ++i) made.null_ids_.push(one->null_ids_[i]);
  if (nulls != 0) std::sort(made.null_ids_.data(), made.null_ids_.data() + nulls);
  made.joinable_count_ = static_cast<std::uint32_t>(joinable);
  made.row_limit_ = limit;
  made.given_ids_ = true;
  for (join_builder& one : workers_) one.clear();
  workers_[0] = std::move(made);
  return {};
}

PILLAR_API result<join_table> parallel_join_builder::seal(executor_ref runner) {
  std::vector<join_builder*> filled;
  for (join_builder& one : workers_) {
    if (one.row_count() == 0) continue;
    if (!one.given_ids_) return errc::invalid_argument;
    filled.push_back(&one);
  }
  const auto ascend = [](const growable<std::uint32_t>& ids) {
    for (std::size_t i = 1; i < ids.size(); ++i)
      if (ids[i] <= ids[i - 1]) return false;
    return true;
  };
  if (filled.size() > 1 || (filled.size() == 1 && !(ascend(filled[0]->ids_) && ascend(filled[0]->null_ids_))))
    PILLAR_TRY(put_in_order(filled, runner));
  else if (filled.size() == 1 && filled[0] != &workers_[0]) std::swap(workers_[0], *filled[0]);
  join_builder& all = workers_[0];
  // Those of rows with keys differ, and both lists ascend.
  for (std::size_t i = 0; i < all.null_ids_.size(); ++i) {
    const std::uint32_t id = all.null_ids_[i];
    if ((i != 0 && id == all.null_ids_[i - 1]) ||
        std::binary_search(all.ids_.data(), all.ids_.data() + all.ids_.size(), id))
      return errc::invalid_argument;
  }
  const bool given = all.given_ids_;
  if (all.null_ids_.empty() && all.row_limit_ == all.joinable_count_) {  // ids are the rows' numbers
    all.ids_ = growable<std::uint32_t>(all.budget_);
    all.given_ids_ = false;
  }
  auto made = all.seal_by({&runner});
  if (!made.ok()) all.given_ids_ = given;
  return made;
}

}  // namespace PILLAR_NAMESPACE
