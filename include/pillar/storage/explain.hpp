// SPDX-License-Identifier: Apache-2.0
/// What a block knows of a vector's values without decoding them, and which part of its codec answers a domain.
#pragma once
#include <cstdint>

#include "pillar/column/encoded.hpp"  // match_answer
#include "pillar/expr/explain.hpp"    // answer_layer, value_claim, witness
#include "pillar/storage/block.hpp"   // block_view

namespace PILLAR_NAMESPACE {

/// What the directory claims of vector `index`: its NULL count, and for packed vectors base and width, for constants
/// the value, for dictionaries the first and last entry.
[[nodiscard]] PILLAR_API value_claim claim_of(std::uint32_t column, const block_view& block, std::uint32_t index);

/// Which part of the block gave this answer.
[[nodiscard]] PILLAR_API answer_layer layer_of(const block_view& block, std::uint32_t index,
                                               const match_answer& answer) noexcept;

/// The witness of a codec's answer to a test of a plain column; `outcome` is what the test gives for the rows that hold
/// a value or NULL according to the answer.
[[nodiscard]] PILLAR_API witness explain(std::uint32_t conjunct, std::uint32_t column, const domain& test,
                                         const block_view& block, std::uint32_t index, const match_answer& answer);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/storage/impl/explain.hpp"
#endif
