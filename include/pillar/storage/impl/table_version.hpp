// SPDX-License-Identifier: Apache-2.0
// What a query needs of a table; the rest is in impl/table.hpp.
#pragma once
#include <atomic>

#ifndef PILLAR_STORAGE_TABLE_HPP
#include "pillar/storage/table.hpp"
#endif

namespace PILLAR_NAMESPACE {

struct table::published {
  std::atomic<std::shared_ptr<const table_version>> version;
};

PILLAR_API table::~table() = default;
PILLAR_API table::table(table&& other) noexcept = default;
PILLAR_API table& table::operator=(table&& other) noexcept = default;

PILLAR_API std::shared_ptr<const table_version> table::version() const { return published_->version.load(); }

}  // namespace PILLAR_NAMESPACE
