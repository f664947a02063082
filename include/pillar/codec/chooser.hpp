// SPDX-License-Identifier: Apache-2.0
/// Chooses the tree of codecs of a block: deterministic, from exact sizes.
#pragma once
#include <cstdint>
#include <optional>

#include "pillar/base/result.hpp"    // result
#include "pillar/codec/cascade.hpp"  // planned_tree

namespace PILLAR_NAMESPACE {

/// What may be chosen.
struct chooser_options {
  std::optional<codec_id> codec{};  ///< the root's codec, whatever it costs; its children are still chosen
  codec_set codecs{};               ///< of the user's own, beside Pillar's
};

/// The smallest tree for the column.
///
/// Errors: invalid_argument (a forced codec that does not take the values); those of the codecs
[[nodiscard]] PILLAR_API result<planned_tree> choose_codecs(const encode_input& input, const chooser_options& options);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/chooser.hpp"
#endif
