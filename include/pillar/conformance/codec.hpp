// SPDX-License-Identifier: Apache-2.0
/// The laws of a codec, over every type, shape and length, on guard pages and against hostile bytes.
///
/// Laws:
///   analyze announces the bytes that encode writes; payloads lie back to back behind the shared part
///   equal values give equal bytes
///   validate accepts what encode wrote
///   decode gives back what was encoded, bit for bit
///   match agrees with domain::contains, bits beyond the last row are zero               (where offered)
///   sum, fetch agree with decode                                                        (where offered)
///   a block refuses truncated bytes, and altered ones or ones that change later never lead outside the block
#pragma once
#include "pillar/codec/codec_set.hpp"
#include "pillar/conformance/report.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// Checks a codec, Pillar's or yours, alone and in blocks.
///
/// Cost: about 900 columns per round, a second or two
[[nodiscard]] PILLAR_API report check_codec(const codec_functions& codec, const settings& how = {});
/// The same for a codec by its type.
template <codec C>
[[nodiscard]] report check_codec(const settings& how = {}) {
  return check_codec(codec_functions_of<C>, how);
}

}  // namespace PILLAR_NAMESPACE::conformance

#ifdef PILLAR_HEADER_ONLY
#include "pillar/conformance/impl/codec.hpp"
#endif
