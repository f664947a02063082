// SPDX-License-Identifier: Apache-2.0
/// The laws of a block source (storage/block_source.hpp).
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "pillar/conformance/report.hpp"
#include "pillar/storage/block_source.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// Pins every block of a file, alone and many at a time, announced and not, in the file's order and against it.
///
/// Laws:  a pin holds the block's bytes; they stay while it lives, whatever is pinned or announced meanwhile; an id
///        that no block has is refused as invalid_argument, and announcing it changes nothing
/// Shape: `file` and `places` are what the source was made for; files of 100 blocks and more say most
[[nodiscard]] PILLAR_API report check_block_source(const std::string& subject, const any_block_source& source,
                                                   const block_places& places, std::span<const std::byte> file);

}  // namespace PILLAR_NAMESPACE::conformance

#ifdef PILLAR_HEADER_ONLY
#include "pillar/conformance/impl/block_source.hpp"
#endif
