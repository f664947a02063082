// SPDX-License-Identifier: Apache-2.0
/// Values computed per row: arithmetic and conversions over the decoded columns of a batch, a vector at a time.
#pragma once
#include <cstdint>
#include <memory>  // std::unique_ptr
#include <span>
#include <vector>

#include "pillar/base/result.hpp"
#include "pillar/column/batch.hpp"   // batch
#include "pillar/expr/bound.hpp"     // bound_value
#include "pillar/expr/interval.hpp"  // value_interval

namespace PILLAR_NAMESPACE {

namespace detail {
/// The result of one node.
struct alignas(64) value_slot {
  std::byte values[vector_rows * 16];
  std::uint64_t validity[vector_words];
  const std::byte* buffer;
};
}  // namespace detail

/// A worker's memory for computed values: one slot per node, made when first needed and reused.
///
/// Requires: one state per worker and list of nodes
class value_state {
 public:
  [[nodiscard]] detail::value_slot& slot(std::uint32_t node) {
    if (node >= slots_.size()) slots_.resize(node + 1);
    if (!slots_[node]) slots_[node] = std::make_unique<detail::value_slot>();
    return *slots_[node];
  }
  /// Room for the operands of the node at work.
  [[nodiscard]] detail::value_slot& operand(unsigned which) {
    if (!operands_[which]) operands_[which] = std::make_unique<detail::value_slot>();
    return *operands_[which];
  }

  /// From here to the next call, the batch and the rows asked for stay the same: a node that several roots share is
  /// computed once.
  void begin_batch() noexcept { ++batch_; }
  /// The node's values if they were computed since begin_batch(), else nullptr.
  [[nodiscard]] const vector* known(std::uint32_t node) const noexcept {
    return node < known_.size() && known_[node].batch == batch_ && batch_ != 0 ? &known_[node].values : nullptr;
  }
  void keep(std::uint32_t node, const vector& values) {
    if (batch_ == 0) return;
    if (node >= known_.size()) known_.resize(node + 1);
    known_[node] = {batch_, values};
  }

 private:
  struct known_values {
    std::uint64_t batch = 0;
    vector values{};
  };
  std::vector<std::unique_ptr<detail::value_slot>> slots_;
  std::unique_ptr<detail::value_slot> operands_[3];
  std::vector<known_values> known_;
  std::uint64_t batch_ = 0;
};

/// The values of node `root` for the rows of a batch.
///
/// NULL in, NULL out. Arithmetic is exact for integers and decimals: in the narrowest of int64, uint64 and int128 that
/// holds the types of both operands and the result; floats compute in double and float32 results are rounded after each
/// step (which is float arithmetic). Values of rows outside `rows` and of NULL rows are unspecified.
///
/// Shape:    a vector of the node's type and of from.row_count rows; flat, but columns come as they are and literals
///           are constant
/// Requires: `proof` is empty or holds the intervals of `nodes` for these rows (analyze()): a node that cannot overflow
///           is then computed without checks
/// Errors:   overflow; position = the first of `rows` whose value, here or in an operand, leaves its type
/// Cost:     decodes the columns it reads; where at most a quarter of the rows is selected, computes only these
/// Lifetime: until the batch moves on or the state computes this node again (which state.begin_batch() prevents)
[[nodiscard]] PILLAR_API result<vector> evaluate_value(std::span<const bound_value> nodes, std::uint32_t root,
                                                       batch& from, const selection_mask& rows, value_state& state,
                                                       std::span<const value_interval> proof = {});

/// The values of the selected rows only, packed together in row order: worth it when they are few. Errors and proof as
/// above.
[[nodiscard]] PILLAR_API result<vector> evaluate_selected(std::span<const bound_value> nodes, std::uint32_t root,
                                                          batch& from, const selection_mask& rows, value_state& state,
                                                          std::span<const value_interval> proof = {});

/// The same row by row as a mask: `left op right` for two vectors of one type and size. NaN equals NaN and is greatest.
/// Bits of NULL rows are unspecified, bits beyond the rows are zero.
PILLAR_API void compare_vectors(compare_operator op, const vector& left, const vector& right, value_state& state,
                                std::uint64_t* mask);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/filter/impl/evaluate.hpp"
#endif
