// SPDX-License-Identifier: Apache-2.0
/// The laws of a run store (column/run_store.hpp).
#pragma once
#include <string>

#include "pillar/column/run_store.hpp"
#include "pillar/conformance/report.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// Writes runs of all types, shapes and vector kinds, several at a time, with and without a selection, and reads them.
///
/// Laws: rows come back in their order, with the same bits and NULLs, at most 1,024 at a time; a second reader gives
///       the same batches beside a first; a run without rows is read as one; dropping a run leaves the others; rows
///       count as written once they are sealed, and bytes as read
[[nodiscard]] PILLAR_API report check_run_store(const std::string& subject, run_store& store, const settings& how = {});

}  // namespace PILLAR_NAMESPACE::conformance

#ifdef PILLAR_HEADER_ONLY
#include "pillar/conformance/impl/run_store.hpp"
#endif
