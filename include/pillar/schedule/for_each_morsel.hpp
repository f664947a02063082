// SPDX-License-Identifier: Apache-2.0
/// The loop that joins the parts of this folder: all morsels of all slices, on any executor, under a query context.
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"
#include "pillar/base/function_ref.hpp"
#include "pillar/base/result.hpp"
#include "pillar/schedule/executor.hpp"       // executor_ref
#include "pillar/schedule/query_context.hpp"  // query_context
#include "pillar/schedule/slice_cursor.hpp"   // slice_cursors, morsel

namespace PILLAR_NAMESPACE {

/// body(morsel, worker), worker < executor.concurrency().
using morsel_body = function_ref<result<void>(const morsel&, std::uint32_t)>;

/// Calls `body` once for each morsel, until all rows are handed out or the context says stop.
///
/// Units:    morsel_rows as in slice_cursors::next
/// Requires: the cursors are used by this loop only
/// Errors:   the context's first: what a body returned, cancelled or deadline_exceeded. Morsels begun are finished,
///           so the effects of bodies up to there stay; errc::ok means that every row was seen
/// Cost:     per morsel one fetch_add, one relaxed load, and with a deadline one clock read
PILLAR_API result<void> for_each_morsel(executor_ref runner, slice_cursors& cursors, query_context& context,
                                        std::uint64_t morsel_rows, morsel_body body) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/schedule/impl/for_each_morsel.hpp"
#endif
