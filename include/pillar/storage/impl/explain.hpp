// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/base/mutant.hpp"
#include "pillar/storage/explain.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API value_claim claim_of(std::uint32_t column, const block_view& block, std::uint32_t index) {
  const vector_entry& entry = block.entry(index);
  const data_type bound = block.type().as_nullable(false);
  value_claim out;
  out.column = column;
  out.type = block.type();
  out.may_be_value = entry.null_count < entry.row_count;
  out.may_be_null = PILLAR_MUTATE(explain_directory_nulls, entry.null_count != 0, false);
  out.may_be_nan = out.may_be_value && is_float(bound.physical);
  out.min = out.max = scalar::of_null(bound);
  if (!out.may_be_value) return out;
  const vector& shared = block.shared_values();
  switch (block.codec()) {
    case codec_id::frame_of_reference: {
      // The base is stored in 64 bits of two's complement, whatever the type's width and sign.
      const bool is_signed = lowest_of(bound.physical) < 0;
      const int128 base = is_signed ? int128{static_cast<std::int64_t>(entry.base)} : int128{entry.base};
      const auto most = static_cast<int128>(low_bits(entry.width));
      const int128 highest = highest_of(bound.physical);
      out.min = scalar::of_integer(bound, base);
      out.max = scalar::of_integer(bound, base + most < highest ? base + most : highest);
      break;
    }
    case codec_id::constant:
    case codec_id::dictionary: {
      if (shared.size == 0) break;
      const scalar first = get(shared, 0), last = get(shared, shared.size - 1);
      if (is_float(bound.physical)) {
        out.may_be_nan = first.real != first.real;
        if (out.may_be_nan) {
          out.may_be_value = false;
          break;
        }
      }
      out.min = first;
      out.max = last;
      break;
    }
    default: {
      const encoded_vector source = block.vector_at(index);
      int128 least = 0, greatest = 0;
      if (source.operations->bounds == nullptr ||
          !source.operations->bounds(source.block, index, nullptr, true, least, greatest)) {
        break;  // no claim
      }
      out.min = scalar::of_integer(bound, least);
      out.max = scalar::of_integer(bound, greatest);
    }
  }
  return out;
}

PILLAR_API answer_layer layer_of(const block_view& block, std::uint32_t index, const match_answer& answer) noexcept {
  const vector_entry& entry = block.entry(index);
  if (answer.what == verdict::unknown) return answer_layer::decoded;
  if (answer.how == evidence::settled && entry.null_count == entry.row_count) return answer_layer::directory;
  switch (block.codec()) {
    case codec_id::constant: return answer_layer::constant;
    case codec_id::dictionary: return answer_layer::dictionary;
    case codec_id::patched:
    case codec_id::delta:
    case codec_id::decimal_double:
    case codec_id::split_int128:
    case codec_id::run_end: return answer_layer::packed;  // their directories alone say nothing
    default: return answer.how == evidence::settled ? answer_layer::directory : answer_layer::packed;
  }
}

PILLAR_API witness explain(std::uint32_t conjunct, std::uint32_t column, const domain& test, const block_view& block,
                           std::uint32_t index, const match_answer& answer) {
  witness out;
  out.conjunct = conjunct;
  out.layer = layer_of(block, index, answer);
  out.claims.push_back(claim_of(column, block, index));
  const bool nulls = out.claims[0].may_be_null;
  if (answer.what == verdict::none || answer.what == verdict::all) {
    out.outcome = truth_set::empty();
    if (out.claims[0].may_be_value || out.claims[0].may_be_nan)
      out.outcome.add(answer.what == verdict::all ? truth::is_true : truth::is_false);
    if (nulls) out.outcome.add(truth::unknown);
    out.follows = out.layer == answer_layer::directory || out.layer == answer_layer::constant;
  } else {
    out.outcome = truth_set::of(truth::is_true).add(truth::is_false);
    if (nulls) out.outcome.add(truth::unknown);
  }
  if (out.layer != answer_layer::dictionary) return out;
  const vector& entries = block.shared_values();
  out.entry_count = entries.size;
  for (std::uint32_t i = 0; i < entries.size; ++i) out.matching_entries += test.contains(get(entries, i)) ? 1 : 0;
  return out;
}

}  // namespace PILLAR_NAMESPACE
