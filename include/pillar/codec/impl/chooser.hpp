// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::find
#include <cstring>    // std::memcpy

#include "pillar/base/mutant.hpp"
#include "pillar/codec/chooser.hpp"
#include "pillar/codec/encoding_report.hpp"
#include "pillar/codec/statistics.hpp"

namespace PILLAR_NAMESPACE {

// Measured on a Zen 3 with AVX2, from a block in cache, picoseconds a value (64 bits unless said): frame of reference
// 118 to 190 (32 bits 76 to 95), patched the same, sequence 136, delta 290 to 480 (32 bits 190), run_end 100 to 205,
// dictionary 420 to 730, decimal_double 310 to 340, real_double 480 to 510, split_int128 1950; text dictionary 65 to
// 170 as codes. A copy of raw or constant values takes 22 to 99. Where the table says otherwise, it is policy.
PILLAR_API std::uint32_t decode_cost(codec_id codec, physical_type type) noexcept {
  const bool text = type == physical_type::text;
  switch (codec) {
    case codec_id::constant: return 20;
    case codec_id::raw: return text ? 1500 : 150;  // a copy is cheaper, but nothing is answered without it
    case codec_id::frame_of_reference: return 120;
    case codec_id::sequence: return 120;
    case codec_id::bitmap: return 120;
    case codec_id::patched: return 180;
    case codec_id::delta: return 280;
    case codec_id::run_end: return text ? 600 : 250;  // a dictionary over text groups and matches by its codes
    case codec_id::dictionary: return text ? 150 : 500;
    case codec_id::decimal_double: return 350;
    case codec_id::real_double: return 450;
    case codec_id::split_int128: return 500;  // a quarter, since it sums and answers ranges without decoding
    case codec_id::text_symbols: return 4000;
  }
  return 100;  // a user's: its bytes decide
}

namespace detail {

/// A tree and what it costs; no nodes and the most that it may cost while there is none.
struct costed_tree {
  planned_tree tree{};
  std::uint64_t cost = ~std::uint64_t{0};
};

/// One choice: the root's, or that of a child.
struct codec_choice {
  const chooser_options& options;
  const codec_functions* above[max_codec_depth] = {};  ///< the codecs between the root and this node
  std::uint32_t depth = 0;

  /// What a child adds beside its data: its header and directory, about.
  static constexpr std::uint64_t node_bytes(std::size_t vector_count) noexcept { return 30 + 2 * vector_count; }

  [[nodiscard]] std::uint64_t cost_of(std::uint64_t bytes) const noexcept { return bytes * options.policy.byte_cost; }
  [[nodiscard]] std::uint64_t cost_of(const codec_functions& codec, const encode_input& input) const noexcept {
    return std::uint64_t{decode_cost(codec.id, input.type.physical)} * input.row_count * options.policy.reads;
  }

  [[nodiscard]] bool is_above(const codec_functions& codec) const noexcept {
    for (std::uint32_t i = 0; i < depth; ++i)
      if (above[i] == &codec) return true;
    return false;
  }

  /// May only some codecs be the root's? Then nothing is ruled out on the grounds that others are better.
  [[nodiscard]] bool is_restricted() const noexcept {
    return depth == 0 && (options.codec.has_value() || !options.among.empty());
  }
  [[nodiscard]] bool is_allowed(codec_id codec) const noexcept {
    if (!is_restricted()) return true;
    if (options.codec.has_value()) return *options.codec == codec;
    const auto found = std::find(options.among.begin(), options.among.end(), codec);
    return PILLAR_MUTATE(chooser_forgets_who_may, found != options.among.end(), true);
  }

  /// Why the codec cannot win, as the first look has it; nullptr where it may.
  [[nodiscard]] static const char* ruled_out(const codec_functions& codec, const encode_input& input,
                                             const column_statistics& seen) noexcept {
    const auto vector_count = static_cast<std::uint32_t>(input.vectors.size());
    const std::uint64_t distinct = seen.distinct_estimate(input.row_count);
    if (codec.id == codec_id::constant && seen.sample_values > 1) return "several values";
    if (codec.id == codec_id::dictionary && input.type.physical == physical_type::text) {
      // Entries that repeat less than twice are hardly less than the column itself.
      return seen.sample_rows >= 256 && distinct * 4 > std::uint64_t{input.row_count} * 3 ? "too many values" : nullptr;
    }
    if (!seen.exact) return nullptr;
    const std::uint64_t packed = seen.packed_value_bytes(vector_count);
    switch (codec.id) {
      case codec_id::sequence:
      case codec_id::delta:
        if (input.null_count == 0 && packed != 0 && seen.packed_step_bytes(vector_count) >= packed)
          return "steps are no narrower than values";
        return nullptr;
      case codec_id::run_end:
        return std::uint64_t{seen.run_count} * 5 > std::uint64_t{input.row_count} * 4 ? "hardly any runs" : nullptr;
      case codec_id::dictionary: {
        const std::uint64_t code_width = distinct < 2 ? 0 : static_cast<std::uint64_t>(std::bit_width(distinct - 1));
        const std::uint64_t wanted = distinct * byte_width(input.type.physical) + 128 * code_width * vector_count;
        return seen.sample_rows >= 256 && wanted / 2 > packed ? "too many values" : nullptr;
      }
      default: return nullptr;
    }
  }

  /// The codec's tree, if it costs less than `best`. `previous` and `node`: only the codecs of that choice below.
  result<encoding_verdict> consider(const codec_functions& codec, const encode_input& input, costed_tree& best,
                                    const encoding_choice* previous, std::uint32_t node,
                                    encoding_candidate* told) const {
    const std::uint64_t own_cost = cost_of(codec, input);
    if (own_cost >= best.cost) return encoding_verdict::gave_up;
    planned_node root;
    root.codec = &codec;
    root.input = input;
    if (previous != nullptr && node == 0) {
      root.input.kept = previous->kept.bytes();
      root.input.keeps_table = previous->keeps_table;
    }
    root.input.give_up_bytes =
        best.cost == ~std::uint64_t{0} ? best.cost : (best.cost - own_cost) / options.policy.byte_cost + 1;
    PILLAR_ASSIGN_OR_RETURN(root.plan, codec.analyze(root.input));
    if (!root.plan.possible)
      return best.tree.node_count == 0 ? encoding_verdict::does_not_fit : encoding_verdict::gave_up;
    std::uint64_t cost = own_cost + cost_of(root.plan.data_bytes - root.plan.bytes_once);
    if (cost >= best.cost) {
      if (told != nullptr && root.plan.child_count == 0) told->data_bytes = root.plan.data_bytes, told->cost = cost;
      return root.plan.child_count == 0 ? encoding_verdict::costs_more : encoding_verdict::gave_up;
    }
    const std::uint32_t child_count = root.plan.child_count;
    if (child_count != 0 && depth + 1 >= max_codec_depth) return encoding_verdict::does_not_fit;
    if (previous != nullptr && previous->child_counts[node] != child_count) return encoding_verdict::does_not_fit;
    planned_tree children[max_codec_children];
    std::uint32_t first_child = 1;  // the number of this node's first child in the previous choice
    for (std::uint32_t i = 0; previous != nullptr && i < node; ++i) first_child += previous->child_counts[i];
    for (std::uint32_t k = 0; k < child_count; ++k) {
      const child_column& child = root.plan.children[k];
      encode_input column;
      column.type = child_type(child.type.physical);
      column.vectors = child.vectors;
      column.row_count = child.row_count;
      column.kernels = input.kernels;
      column.budget = input.budget;
      cost += cost_of(node_bytes(child.vectors.size()));
      if (cost >= best.cost) return encoding_verdict::gave_up;
      codec_choice below = *this;
      below.above[below.depth++] = &codec;
      costed_tree of_child;
      of_child.cost = best.cost - cost;
      if (previous != nullptr) {
        PILLAR_TRY(below.follow(column, of_child, *previous, first_child + k));
      } else {
        PILLAR_TRY(below.choose(column, of_child));
      }
      if (of_child.tree.node_count == 0) return encoding_verdict::gave_up;
      cost += of_child.cost;
      children[k] = std::move(of_child.tree);
    }
    if (cost >= best.cost) return encoding_verdict::costs_more;
    best.tree = planned_tree{};
    best.tree.assemble(std::move(root), {children, child_count});
    best.cost = cost;
    if (told != nullptr)
      told->data_bytes = best.tree.data_bytes(), told->cost = cost, told->tree = to_string(best.tree);
    return encoding_verdict::chosen;
  }

  /// The cheapest tree that costs less than `best`.
  result<void> choose(const encode_input& input, costed_tree& best) const {
    const column_statistics seen = make_statistics(input);
    const auto try_codec = [&](const codec_functions& codec) -> result<void> {
      if (is_above(codec) || !is_allowed(codec.id)) return {};
      encoding_candidate* told = nullptr;
      if (depth == 0 && options.report != nullptr) {
        options.report->candidates.push_back({to_string(codec.id), codec.id, {}, 0, 0, {}});
        told = &options.report->candidates.back();
      }
      const char* reason = is_restricted() ? nullptr : ruled_out(codec, input, seen);
      if (reason != nullptr) {
        if (told != nullptr) told->verdict = encoding_verdict::ruled_out, told->reason = reason;
        return {};
      }
      PILLAR_ASSIGN_OR_RETURN(const encoding_verdict verdict, consider(codec, input, best, nullptr, 0, told));
      if (told == nullptr) return {};
      if (verdict == encoding_verdict::chosen)
        for (encoding_candidate& before : options.report->candidates)
          if (before.verdict == encoding_verdict::chosen) before.verdict = encoding_verdict::costs_more;
      told->verdict = verdict;
      return {};
    };
    for (const codec_functions* codec : own_codecs()) {
      PILLAR_TRY(try_codec(*codec));
      // A constant answers everything from its directory: nothing is better.
      if (best.tree.node_count != 0 && best.tree.nodes[0].codec->id == codec_id::constant) return {};
    }
    for (const codec_functions* user : options.codecs.members())
      if (static_cast<std::uint8_t>(user->id) >= first_user_codec) PILLAR_TRY(try_codec(*user));
    return {};
  }

  /// The tree of a previous choice from its node on; none where it does not fit the values.
  result<void> follow(const encode_input& input, costed_tree& best, const encoding_choice& previous,
                      std::uint32_t node) const {
    const codec_functions* codec = find_codec(static_cast<std::uint8_t>(previous.codecs[node]), options.codecs);
    if (codec == nullptr || is_above(*codec)) return {};
    PILLAR_TRY(consider(*codec, input, best, &previous, node, nullptr));
    return {};
  }
};

/// A block's bytes, but for what is stored once for many.
inline std::uint64_t bytes_of(const planned_tree& tree) noexcept {
  return tree.data_bytes() - tree.nodes[0].plan.bytes_once;
}

/// Keeps what the root's codec wants to know of this block when the next one comes.
inline void remember_kept(const planned_tree& tree, std::uint32_t row_count, encoding_choice& choice) noexcept {
  // For many blocks: one without symbols, being of a few characters or chosen otherwise, is no reason to find them again,
  // and one with the same says nothing new.
  const std::size_t now_bytes = tree.nodes[0].plan.kept.size();
  if (choice.keeps_table && (now_bytes == 0 || now_bytes == tree.nodes[0].input.kept.size())) return;
  choice.kept = buffer{};
  choice.kept_bytes = bytes_of(tree);
  choice.kept_row_count = row_count;
  if (const std::span<const std::byte> kept = tree.nodes[0].plan.kept; !kept.empty()) {
    auto made = buffer::allocate(kept.size(), tree.nodes[0].input.budget);
    if (made.ok()) {
      choice.kept = *std::move(made);
      std::memcpy(choice.kept.data(), kept.data(), kept.size());
    }
  }
}

inline void remember(const planned_tree& tree, std::uint32_t row_count, encoding_choice& choice) noexcept {
  remember_kept(tree, row_count, choice);
  choice.node_count = tree.node_count;
  for (std::uint32_t i = 0; i < tree.node_count; ++i) {
    choice.codecs[i] = tree.nodes[i].codec->id;
    choice.child_counts[i] = static_cast<std::uint8_t>(tree.nodes[i].plan.child_count);
  }
  choice.data_bytes = bytes_of(tree);
  choice.row_count = row_count;
}

/// Are the bytes per row now within 1/share of what they were?
inline bool within(std::uint64_t share, std::uint64_t now_bytes, std::uint64_t now_rows, std::uint64_t then_bytes,
                   std::uint64_t then_rows) noexcept {
  const std::uint64_t now = now_bytes * then_rows, then = then_bytes * now_rows;
  return now * share <= then * (share + 1) && now * (share + 1) >= then * share;
}

/// Is a choice of codecs still right? Of less than a vector some codecs store a whole one and others do not: what is best
/// for few rows may be twice the size for more.
inline bool still_fits(const encoding_choice& choice, std::uint64_t data_bytes, std::uint32_t row_count) noexcept {
  if (PILLAR_MUTATE(chooser_trusts_few_rows, choice.row_count < vector_rows && row_count / 2 >= choice.row_count,
                    false))
    return false;
  return PILLAR_MUTATE(chooser_never_looks_again,
                       within(10, data_bytes, row_count, choice.data_bytes, choice.row_count), true);
}
/// Packed vectors are stored whole, so a block that ends within one is also compared by its vectors.
inline bool vectors_still_fit(const encoding_choice& choice, std::uint64_t data_bytes,
                              std::uint32_t row_count) noexcept {
  const auto vectors_of = [](std::uint32_t rows) { return (rows + vector_rows - 1) / vector_rows; };
  return within(10, data_bytes, vectors_of(row_count), choice.data_bytes, vectors_of(choice.row_count));
}
/// What a codec kept of an earlier block wears out sooner.
inline bool kept_still_fits(const encoding_choice& choice, std::uint64_t data_bytes, std::uint32_t row_count) noexcept {
  return PILLAR_MUTATE(chooser_keeps_symbols_forever,
                       within(40, data_bytes, row_count, choice.kept_bytes, choice.kept_row_count), true);
}

/// A table that is kept for many blocks: is another worth looking for? Where rows take a tenth more than when it was
/// found, or there are four times as many to find one from. Blocks of few bytes and less than a vector say little of
/// either; but of long texts all blocks may have less than one.
inline bool table_is_worn(const encoding_choice& choice, std::uint64_t data_bytes, std::uint32_t row_count) noexcept {
  constexpr std::uint64_t telling_bytes = std::uint64_t{16} << 10;
  if (row_count < vector_rows && PILLAR_MUTATE(chooser_keeps_tables_of_few_rows, data_bytes < telling_bytes, true))
    return false;
  return 10 * data_bytes * choice.kept_row_count > 11 * choice.kept_bytes * row_count ||
         row_count / 4 >= choice.kept_row_count;
}

/// The tree that follows a choice whose table is kept for many blocks: a worn one is replaced if another is better by a
/// fortieth, and one that had to take further bytes up is what is kept from now on.
inline result<void> renew_table(const codec_choice& choice, const encode_input& input, encoding_choice& previous,
                                costed_tree& found) {
  if (found.tree.node_count == 0 || found.tree.nodes[0].plan.kept.empty()) return {};
  const std::uint64_t bytes = bytes_of(found.tree);
  if (previous.kept.empty()) {
    remember_kept(found.tree, input.row_count, previous);
  } else if (PILLAR_MUTATE(chooser_keeps_tables_forever, table_is_worn(previous, bytes, input.row_count), false)) {
    encode_input anew = input;
    anew.keeps_table = true;
    costed_tree other;
    PILLAR_TRY(choice.consider(*found.tree.nodes[0].codec, anew, other, nullptr, 0, nullptr));
    previous.kept_bytes = bytes;
    previous.kept_row_count = input.row_count;
    if (other.tree.node_count == 0 || 40 * bytes_of(other.tree) >= 39 * bytes) return {};
    remember_kept(other.tree, input.row_count, previous);
    found = std::move(other);
  } else if (found.tree.nodes[0].plan.kept.size() != previous.kept.size()) {
    const std::uint64_t kept_bytes = previous.kept_bytes;
    const std::uint32_t kept_row_count = previous.kept_row_count;
    remember_kept(found.tree, input.row_count, previous);
    previous.kept_bytes = kept_bytes;
    previous.kept_row_count = kept_row_count;
  }
  return {};
}

}  // namespace detail

PILLAR_API result<planned_tree> choose_codecs(const encode_input& input, const chooser_options& options) {
  const detail::codec_choice choice{options};
  encoding_choice* const previous = choice.is_restricted() || options.report != nullptr ? nullptr : options.previous;
  encode_input whole = input;
  bool has_table = false;  // and it suits these values
  if (previous != nullptr && previous->node_count != 0) {
    detail::costed_tree kept;
    PILLAR_TRY(choice.follow(input, kept, *previous, 0));
    if (previous->keeps_table) {
      PILLAR_TRY(detail::renew_table(choice, input, *previous, kept));
      // A block of a few rows that was better off with another codec says nothing of the symbols.
      has_table = previous->codecs[0] != codec_id::text_symbols ||
                  (kept.tree.node_count != 0 && !kept.tree.nodes[0].plan.kept.empty());
    } else if (kept.tree.node_count != 0 && !previous->kept.empty() &&
               !detail::kept_still_fits(*previous, kept.tree.data_bytes(), input.row_count)) {
      previous->kept = buffer{};
      kept = {};
      PILLAR_TRY(choice.follow(input, kept, *previous, 0));
      if (kept.tree.node_count != 0) detail::remember_kept(kept.tree, input.row_count, *previous);
    }
    if (kept.tree.node_count != 0) {
      const std::uint64_t data_bytes = detail::bytes_of(kept.tree);
      if (detail::still_fits(*previous, data_bytes, input.row_count)) return std::move(kept.tree);
      if (detail::vectors_still_fit(*previous, data_bytes, input.row_count)) {
        // Of a vector that ends soon the values themselves may be less than whole packed ones.
        const codec_functions* const raw = find_codec(static_cast<std::uint8_t>(codec_id::raw), options.codecs);
        if (PILLAR_MUTATE(chooser_packs_what_is_not_there, input.type.physical != physical_type::text, false))
          PILLAR_TRY(choice.consider(*raw, input, kept, nullptr, 0, nullptr));
        return std::move(kept.tree);
      }
    }
  }
  if (previous != nullptr && previous->keeps_table) {
    whole.keeps_table = true;
    if (has_table) whole.kept = previous->kept.bytes();
  }
  detail::costed_tree best;
  PILLAR_TRY(choice.choose(whole, best));
  if (!whole.kept.empty() && input.row_count >= vector_rows && best.tree.node_count != 0 &&
      best.tree.nodes[0].plan.kept.empty()) {
    whole.kept = {};
    best = {};
    PILLAR_TRY(choice.choose(whole, best));
  }
  if (best.tree.node_count == 0) return {errc::invalid_argument, 0};
  if (previous != nullptr) detail::remember(best.tree, input.row_count, *previous);
  return std::move(best.tree);
}

}  // namespace PILLAR_NAMESPACE
