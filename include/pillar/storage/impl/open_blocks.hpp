// SPDX-License-Identifier: Apache-2.0
// What a query needs of a row group; the rest is in impl/row_group.hpp.
#pragma once
#include "pillar/base/mutant.hpp"
#ifndef PILLAR_STORAGE_ROW_GROUP_HPP
#include "pillar/storage/row_group.hpp"
#endif

namespace PILLAR_NAMESPACE {

PILLAR_API void open_blocks::begin(const row_group& group) {
  group_ = &group;
  if (opened_.empty() && group.store == nullptr) return;
  opened_.clear();
  opened_.resize(group.blocks.size());
  store_ = group.store;
}

PILLAR_API void open_blocks::announce(std::span<const std::uint32_t> columns) {
  if (group_->store == nullptr) return;
  wanted_.clear();
  for (const std::uint32_t c : columns)
    if (!opened_[c].view) wanted_.push_back(group_->blocks[c].stored.id);
  if (!wanted_.empty()) group_->store->source.announce(wanted_);
}

PILLAR_API result<const block_view*> open_blocks::open_stored(std::uint32_t column) {
  opened_block& block = opened_[column];
  if (block.view) return &block.view;
  const block_reference& meant = group_->blocks[column].stored;
  PILLAR_ASSIGN_OR_RETURN(block_pin pin, group_->store->source.pin(meant.id));
  if (pin.bytes().size() != meant.bytes) return {errc::corrupt, meant.offset};
  auto opened = group_->store->open(pin.bytes(), group_->store->limits, true);
  if (!opened.ok()) {
    failure why = opened.error();
    if (why.code == errc::truncated || why.code == errc::corrupt || why.code == errc::checksum_mismatch)
      why.position += meant.offset;
    return why;
  }
  if (PILLAR_MUTATE(row_group_accepts_stale_block, opened->checksum() != meant.checksum, false))
    return {errc::checksum_mismatch, meant.offset};
  if (!(opened->type() == meant.type) || opened->row_count() != group_->row_count) return {errc::corrupt, meant.offset};
  block.view = *std::move(opened);
  block.pin = std::move(pin);
  return &block.view;
}

}  // namespace PILLAR_NAMESPACE
