// SPDX-License-Identifier: Apache-2.0
/// Who runs the work: `executor` is all that Pillar asks of a thread pool, the user's or its own.
///
/// Laws of `bulk(count, body)`:
///   - body(index, worker) is called exactly once for each index in [0, count), in any order; then bulk returns, and
///     what the bodies wrote is visible to its caller. count = 0 returns at once.
///   - worker < concurrency(), and no two calls of one bulk run at the same time with the same worker: state per worker
///     needs no lock. Numbers belong to one bulk; another bulk, also a nested one, numbers its workers anew.
///   - the caller may be one of the workers, and bulk never needs a free one: it may be called from several threads at
///     once and from inside a body. Bodies must not wait for each other: a lone worker may run them in turn.
///   - bodies do not throw. Failure and cancellation travel through a query_context that the bodies look at.
/// `concurrency()` is at least 1 and constant while a bulk runs.
///
/// | executor | when |
/// |---|---|
/// | `inline_executor` | one thread; tests; inside somebody else's parallelism |
/// | `worker_pool` | Pillar's own threads, which the user creates and owns |
/// | yours | anything with a parallel loop: TBB, OpenMP, an engine's own pool |
#pragma once
#include <concepts>
#include <cstdint>
#include <type_traits>  // std::remove_cvref_t

#include "pillar/base/config.hpp"
#include "pillar/base/function_ref.hpp"

namespace PILLAR_NAMESPACE {

/// body(index, worker), by reference: valid until bulk returns.
using bulk_body = function_ref<void(std::uint32_t, std::uint32_t)>;

template <class E>
concept executor = requires(E& runner, std::uint32_t count, bulk_body body) {
  { runner.bulk(count, body) }
  noexcept->std::same_as<void>;
  { runner.concurrency() }
  noexcept->std::convertible_to<std::uint32_t>;
};

/// Any executor by reference, so that code which is compiled once can take it; itself an executor.
///
/// Requires: the executor outlives the reference, and stays where it is
/// Cost:     three words; one more indirect call per bulk
class executor_ref {
 public:
  template <class E>
  requires(executor<E> && !std::same_as<std::remove_cvref_t<E>, executor_ref>) executor_ref(E& runner)
  noexcept
      : runner_(const_cast<void*>(static_cast<const void*>(__builtin_addressof(runner)))),
        bulk_([](void* object, std::uint32_t count, bulk_body body) noexcept {
          static_cast<E*>(object)->bulk(count, body);
        }),
        concurrency_([](void* object) noexcept -> std::uint32_t { return static_cast<E*>(object)->concurrency(); }) {}

  void bulk(std::uint32_t count, bulk_body body) const noexcept { bulk_(runner_, count, body); }
  [[nodiscard]] std::uint32_t concurrency() const noexcept { return concurrency_(runner_); }

 private:
  void* runner_;
  void (*bulk_)(void*, std::uint32_t, bulk_body) noexcept;
  std::uint32_t (*concurrency_)(void*) noexcept;
};
static_assert(executor<executor_ref> && executor<const executor_ref>);

}  // namespace PILLAR_NAMESPACE
