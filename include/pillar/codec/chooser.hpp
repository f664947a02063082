// SPDX-License-Identifier: Apache-2.0
/// Chooses the tree of codecs of a block: deterministic, from exact sizes.
///
/// A first look (codec/statistics.hpp) leaves out what cannot win; the others say their exact size (`analyze`), and so
/// do the codecs that are tried for their children. What a tree costs is a policy: the time its bytes take from where
/// they lie, and the time its values take to decode, as often as they are read. Within a column one block is like the
/// next, so a choice is kept from block to block until its bytes per row drift by more than a tenth.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "pillar/base/result.hpp"            // result
#include "pillar/codec/cascade.hpp"          // planned_tree
#include "pillar/codec/encoding_choice.hpp"  // encoding_policy, encoding_choice

namespace PILLAR_NAMESPACE {

struct encoding_report;  // codec/encoding_report.hpp

/// Picoseconds to decode one value, as one machine has them: an order of magnitude is what counts.
[[nodiscard]] PILLAR_API std::uint32_t decode_cost(codec_id codec, physical_type type) noexcept;

/// What may be chosen.
struct chooser_options {
  std::optional<codec_id> codec{};    ///< the root's codec, whatever it costs; its children are still chosen
  std::span<const codec_id> among{};  ///< unless empty: the root's codec is the cheapest of these; no choice is kept
  codec_set codecs{};                 ///< of the user's own, beside Pillar's
  encoding_policy policy{};
  encoding_choice* previous = nullptr;  ///< tried first, and replaced where it no longer fits
  encoding_report* report = nullptr;    ///< told what was tried for the root; nothing is kept or left out then
};

/// The cheapest tree for the column.
///
/// Errors: invalid_argument (forced codecs that do not take the values); those of the codecs
[[nodiscard]] PILLAR_API result<planned_tree> choose_codecs(const encode_input& input, const chooser_options& options);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/chooser.hpp"
#endif
