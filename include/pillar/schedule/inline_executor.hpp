// SPDX-License-Identifier: Apache-2.0
/// The executor without threads: bodies run on the caller, in order of their index.
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"
#include "pillar/schedule/executor.hpp"  // executor, bulk_body

namespace PILLAR_NAMESPACE {

/// Deterministic: the reference that every other executor must agree with.
struct inline_executor {
  void bulk(std::uint32_t count, bulk_body body) const noexcept {
    for (std::uint32_t index = 0; index < count; ++index) body(index, 0);
  }
  [[nodiscard]] constexpr std::uint32_t concurrency() const noexcept { return 1; }
};
static_assert(executor<inline_executor> && executor<const inline_executor>);

}  // namespace PILLAR_NAMESPACE
