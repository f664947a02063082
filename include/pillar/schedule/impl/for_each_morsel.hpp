// SPDX-License-Identifier: Apache-2.0
/// Definitions of schedule/for_each_morsel.hpp.
#pragma once
#include "pillar/schedule/for_each_morsel.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API result<void> for_each_morsel(executor_ref runner, slice_cursors& cursors, query_context& context,
                                        std::uint64_t morsel_rows, morsel_body body) noexcept {
  if (morsel_rows == 0 || morsel_rows > (std::uint64_t{1} << 32)) return {errc::invalid_argument, morsel_rows};
  // One loop per worker that can find a morsel; a loop that starts late finds the cursors empty and ends at once.
  const std::uint64_t rows = cursors.rows_left();
  const std::uint64_t most_morsels = rows / morsel_rows + cursors.slice_count();
  const std::uint32_t workers = runner.concurrency();
  const std::uint32_t loops = rows == 0                ? 0
                              : most_morsels < workers ? static_cast<std::uint32_t>(most_morsels)
                                                       : workers;
  runner.bulk(loops, [&](std::uint32_t, std::uint32_t worker) {
    while (!context.check_deadline()) {
      const morsel taken = cursors.next(worker, morsel_rows);
      if (!taken) return;
      if (const result<void> done = body(taken, worker); !done.ok()) context.fail(done.error());
    }
  });
  return context.status();
}

}  // namespace PILLAR_NAMESPACE
