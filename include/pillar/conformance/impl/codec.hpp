// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>
#include <memory>

#include "pillar/codec/cascade.hpp"
#include "pillar/codec/chooser.hpp"
#include "pillar/codec/match_scratch.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/conformance/codec.hpp"
#include "pillar/conformance/recorder.hpp"
#include "pillar/conformance/sample.hpp"
#include "pillar/simd/dispatch.hpp"
#include "pillar/storage/block.hpp"

namespace PILLAR_NAMESPACE::conformance {

namespace detail {

/// One codec under check.
class codec_checker {
 public:
  enum law_number : std::uint32_t {
    id_is_known,
    announces,
    repeats,
    accepts,
    gives_back,
    matches,
    tail_is_zero,
    sums,
    fetches,
    refuses_truncation,
    survives_alteration,
    survives_change
  };
  enum count_number : std::uint32_t {
    columns,
    all_null,
    all_nan,
    one_row,
    odd_tails,
    none,
    all,
    some,
    unanswered,
    altered_opened
  };

  codec_checker(const codec_functions& codec, const settings& how)
      : codec_(codec),
        members_{&codec},
        how_(how),
        found_("codec " + std::to_string(static_cast<unsigned>(codec.id)),
               {{"its id is its own: 128 or more, or Pillar's"},
                {"analyze announces the bytes that encode writes"},
                {"equal values give equal bytes"},
                {"validate accepts what encode wrote"},
                {"decode gives back what was encoded"},
                {"match agrees with the values", false},
                {"match leaves bits beyond the last row zero", false},
                {"sum agrees with the values", false},
                {"fetch agrees with decode", false},
                {"a truncated block is refused"},
                {"altered bytes never lead outside the block"},
                {"bytes that change after validation never lead outside the block"}},
               {"columns", "all NULL", "all NaN", "one row", "odd tails", "verdict none", "verdict all", "verdict some",
                "match cannot tell", "altered blocks that open"}) {}

  report check() {
    found_.run(how_, [this] { run(); });
    return found_.finish();
  }

 private:
  static constexpr std::uint32_t slack = 64;
  /// What encode made of a sample, with everything that a block would keep beside it.
  struct encoded {
    planned_tree planned{};
    encoded_tree tree{};  ///< node 0 is the codec's, the others its children's
    std::vector<vector_entry> entries{};
    std::vector<std::uint64_t> validity{};
    std::unique_ptr<guard_buffer> data{};
  };

  void run() {
    found_.at(id_is_known, how_.seed, "the codec's id");
    const auto id = static_cast<unsigned>(codec_.id);
    found_.expect(id >= first_user_codec || id <= static_cast<unsigned>(codec_id::split_int128),
                  [] { return std::string("ids below 128 are kept for Pillar's codecs"); });
    scratch_ = std::make_unique<guard_array<vector_scratch>>(1);
    auto* const made = ::new (static_cast<void*>(scratch_->data())) vector_scratch;
    const std::uint64_t cases = every_type().size() * sample_shape_count * 2 * how_.rounds;
    for (std::uint64_t i = 0; i < cases; ++i) one_column(how_.seed + i);
    made->~vector_scratch();
  }

  void one_column(std::uint64_t seed) {
    const sample from = make_sample(seed);
    splitmix64 random(seed + 1);
    const std::string what = to_string(from);
    found_.at(announces, seed, what);
    encoded made;
    if (!encode(from, made)) return;
    count_shapes(from);
    found_.at(repeats);
    if (encoded again; encode(from, again))
      found_.expect(again.data->size() == made.data->size() &&
                        std::memcmp(again.data->data(), made.data->data(), made.data->size()) == 0,
                    [] { return std::string("encoding twice gave different bytes"); });

    // Read from a copy that lies on guard pages, the 64 bytes of slack included, at any alignment.
    guard_buffer copy(made.data->size() + slack, seed % 2 == 0 ? guard::end : guard::begin);
    std::memset(copy.data(), 0, copy.size());
    if (made.data->size() != 0) std::memcpy(copy.data(), made.data->data(), made.data->size());
    const std::span<data_section> nodes(made.tree.nodes, made.tree.node_count);
    for (data_section& node : nodes) node.data = copy.data() + (node.data - made.data->data());
    const data_section& section = nodes[0];
    buffer memory[max_codec_nodes];
    found_.at(accepts);
    result<void> valid = link_tree(nodes);
    if (valid.ok()) valid = validate_tree(nodes, memory, ~std::uint64_t{0}, nullptr);
    if (!found_.expect(valid.ok(),
                       [&] { return "validate said " + std::string(pillar::to_string(valid.error().code)); }))
      return;
    for (std::uint32_t v = 0; v < from.vectors.size(); ++v) read_back(from, section, v);
    if (codec_.match != nullptr) {
      match_scratch dictionary_memory;
      for (int i = 0; i < 9; ++i) {
        const domain test = make_domain(random, from.type, from.cells, static_cast<wanted_verdict>(i % 3));
        dictionary_memory.begin_block();
        for (std::uint32_t v = 0; v < from.vectors.size(); ++v)
          match(from, section, v, test, i % 4 == 3 ? nullptr : &dictionary_memory);
      }
    }
    for (std::uint32_t v = 0; v < from.vectors.size(); ++v) {
      if (codec_.sum != nullptr) sum(from, section, v, random);
      if (codec_.fetch != nullptr) fetch(from, section, v, random);
    }
    if (seed % 5 == 0) in_hostile_blocks(from, random);
  }

  void count_shapes(const sample& from) {
    found_.count(columns);
    found_.count(all_null, from.null_count() == from.cells.size());
    found_.count(all_nan, from.shape == sample_shape::all_nan && is_float(from.type.physical));
    found_.count(one_row, from.cells.size() == 1);
    found_.count(odd_tails, from.cells.size() % 64 != 0);
  }

  /// False: the codec does not take the values, or broke a law that leaves nothing to go on with.
  bool encode(const sample& from, encoded& made) {
    const auto vector_count = static_cast<std::uint32_t>(from.vectors.size());
    made.entries.resize(vector_count);
    made.validity.resize(std::size_t{vector_count} * vector_words);
    encode_input input;
    input.type = from.type;
    input.vectors = from.vectors;
    input.kernels = &packed_kernels_for(best_arch_level());
    for (std::uint32_t v = 0; v < vector_count; ++v) {
      std::uint64_t* const words = made.validity.data() + std::size_t{v} * vector_words;
      for (std::uint32_t word = 0; word < vector_words; ++word) words[word] = from.vectors[v].validity_word(word);
      vector_entry& entry = made.entries[v];
      entry.row_count = from.vectors[v].size;
      entry.null_count = entry.row_count - static_cast<std::uint32_t>(count_bits(words, vector_rows));
      if (entry.null_count != 0 && entry.null_count != entry.row_count)
        entry.nulls = null_form::bitmap, entry.validity = reinterpret_cast<const std::byte*>(words);
      input.row_count += entry.row_count;
      input.null_count += entry.null_count;
    }
    chooser_options choice;
    choice.codec = codec_.id;
    choice.codecs = codec_set(members_);
    auto planned = choose_codecs(input, choice);
    if (!planned.ok() && planned.error().code == errc::invalid_argument) return false;  // does not take these values
    if (!found_.expect(planned.ok(),
                       [&] { return "analyze said " + std::string(pillar::to_string(planned.error().code)); }))
      return false;
    made.planned = *std::move(planned);
    made.data = std::make_unique<guard_buffer>(made.planned.data_bytes());
    const result<void> written = encode_tree(made.planned, made.entries, made.data->data(), made.tree);
    bool holds = found_.expect(written.ok() && made.data->slack_untouched(), [&] {
      return written.ok() ? std::string("encode wrote before its output")
                          : "encode said " + std::string(pillar::to_string(written.error().code));
    });
    for (std::uint32_t i = 0; i < made.tree.node_count; ++i) {
      const data_section& node = made.tree.nodes[i];
      std::uint64_t end = node.shared_bytes;
      for (std::uint32_t v = 0; v < node.vector_count; ++v) {
        holds = holds && node.entries[v].offset == end;
        end += node.entries[v].bytes;
      }
      const std::uint64_t announced = made.planned.nodes[i].plan.data_bytes;
      holds = found_.expect(holds && end == announced, [&] {
        return "payloads and shared part are not the " + std::to_string(announced) + " bytes announced, back to back";
      });
    }
    return holds;
  }

  /// As a block prepares `out` for decode.
  vector decode(const data_section& section, std::uint32_t v) {
    const vector_entry& entry = section.entries[v];
    vector out;
    out.type = section.type;
    out.size = entry.row_count;
    if (entry.null_count != 0) {
      vector_scratch& scratch = (*scratch_)[0];
      if (entry.validity != nullptr) std::memcpy(scratch.validity, entry.validity, vector_rows / 8);
      else std::memset(scratch.validity, 0, vector_rows / 8);
      out.validity = scratch.validity;
    }
    if ((*scratch_)[0].reserve_characters(section.character_bytes).ok()) codec_.decode(section, v, (*scratch_)[0], out);
    return out;
  }

  void read_back(const sample& from, const data_section& section, std::uint32_t v) {
    found_.at(gives_back);
    const vector& in = from.vectors[v];
    const vector out = decode(section, v);
    std::uint32_t row = 0;
    const bool same_shape = out.type == in.type && out.size == in.size;
    while (same_shape && row < in.size && out.valid(row) == in.valid(row) &&
           (!in.valid(row) || same_bits(in, row, out, row)))
      ++row;
    found_.expect(row == in.size, [&] {
      return !same_shape ? std::string("decode changed type or size")
                         : row_text(v, row) + pillar::to_string(get(out, row)) + " came back for " +
                               pillar::to_string(get(in, row));
    });
  }
  static std::string row_text(std::uint32_t v, std::uint32_t row) {
    return "vector " + std::to_string(v) + ", row " + std::to_string(row) + ": ";
  }

  void match(const sample& from, const data_section& section, std::uint32_t v, const domain& test,
             match_scratch* memory) {
    if (section.entries[v].null_count == section.entries[v].row_count) return;  // blocks answer these themselves
    const vector& in = from.vectors[v];
    std::uint64_t expected[vector_words] = {}, valid[vector_words];
    bool any = false, every = true;
    for (std::uint32_t row = 0; row < in.size; ++row) {
      const scalar& cell = from.cells[std::size_t{v} * vector_rows + row];
      if (cell.null) continue;
      const bool inside = satisfies(test, cell);
      assign_bit(expected, row, inside);
      any = any || inside;
      every = every && inside;
    }
    for (std::uint32_t word = 0; word < vector_words; ++word) valid[word] = in.validity_word(word);
    found_.count(!any ? none : every ? all : some);
    found_.at(matches);
    guard_array<std::uint64_t> mask(vector_words);
    const match_answer answer = codec_.match(section, v, test, memory, mask.data());
    if (answer.what == verdict::unknown) return found_.count(unanswered);
    std::uint32_t wrong = 0;
    const auto said = [&](std::uint32_t row) {
      return answer.what == verdict::all || (answer.what == verdict::some && get_bit(mask.data(), row));
    };
    while (wrong < in.size && (!get_bit(valid, wrong) || said(wrong) == get_bit(expected, wrong))) ++wrong;
    found_.expect(wrong == in.size, [&] {
      return row_text(v, wrong) + pillar::to_string(get(in, wrong)) + " is " + (said(wrong) ? "" : "not ") +
             "matched by '" + to_string(test) + "'";
    });
    if (answer.what != verdict::some) return;
    found_.at(tail_is_zero);
    found_.expect(count_bits(mask.data(), vector_rows) == count_bits(mask.data(), in.size),
                  [&] { return "bits at or beyond row " + std::to_string(in.size) + " are set"; });
  }

  void sum(const sample& from, const data_section& section, std::uint32_t v, splitmix64& random) {
    found_.at(sums);
    const vector& in = from.vectors[v];
    for (const std::uint64_t share : {4u, 2u, 0u}) {
      selection_mask mask = selection_mask::none();
      uint128 expected = 0;
      bool every = true;
      for (std::uint32_t row = 0; row < in.size; ++row) {
        const scalar& cell = from.cells[std::size_t{v} * vector_rows + row];
        const bool taken = !cell.null && random.chance(share, 4);
        every = every && taken;
        if (!taken) continue;
        set_bit(mask.words, row);
        expected += static_cast<uint128>(cell.integer);
      }
      int128 got = 77;
      if (!codec_.sum(section, v, mask.words, every, got)) continue;
      found_.expect(is_integer(from.type.physical) && got == static_cast<int128>(expected), [&] {
        return "vector " + std::to_string(v) + ": the sum of " + std::to_string(mask.count()) + " rows is wrong";
      });
    }
  }

  void fetch(const sample& from, const data_section& section, std::uint32_t v, splitmix64& random) {
    if (from.type.physical == physical_type::text) return;
    found_.at(fetches);
    const vector& in = from.vectors[v];
    const std::size_t width = byte_width(from.type.physical);
    for (const std::uint64_t share : {1u, 16u, 64u}) {
      std::vector<std::uint16_t> rows;
      for (std::uint32_t row = 0; row < in.size; ++row)
        if (random.chance(share, 64)) rows.push_back(static_cast<std::uint16_t>(row));
      if (rows.empty()) rows.push_back(static_cast<std::uint16_t>(in.size - 1));
      guard_buffer values(rows.size() * width);
      const auto count = static_cast<std::uint32_t>(rows.size());
      if (!codec_.fetch(section, v, rows.data(), count, values.data())) continue;
      vector out;
      out.type = from.type;
      out.size = count;
      out.values = values.data();
      std::uint32_t at = 0;
      while (at < count && (!in.valid(rows[at]) || same_bits(in, rows[at], out, at))) ++at;
      found_.expect(at == count && values.slack_untouched(), [&] {
        return at == count ? std::string("fetch wrote before its output")
                           : row_text(v, rows[at]) + pillar::to_string(get(out, at)) + " came for " +
                                 pillar::to_string(get(in, rows[at]));
      });
    }
  }

  // ---- bytes from outside -------------------------------------------------------------------------------------------

  void in_hostile_blocks(const sample& from, splitmix64& random) {
    block_options options;
    options.codec = codec_.id;
    options.codecs = codec_set(members_);
    block_limits limits;
    limits.codecs = options.codecs;
    found_.at(refuses_truncation);
    const auto block = encode_block(from.vectors, options);
    if (!found_.expect(block.ok(), [&] { return "no block: " + std::string(pillar::to_string(block.error().code)); }))
      return;
    const std::size_t size = block->size();
    for (int i = 0; i < 8; ++i) {
      const std::size_t kept = i == 0 ? size - 1 : static_cast<std::size_t>(random.below(size));
      const guard_buffer cut(block->bytes().first(kept));
      found_.expect(!open_block(cut.bytes(), limits, i % 2 == 0).ok(), [&] {
        return "the first " + std::to_string(kept) + " of " + std::to_string(size) + " bytes open as a block";
      });
    }
    found_.at(survives_alteration);
    for (int i = 0; i < 12; ++i) {
      const guard_buffer altered(block->bytes());
      alter(altered.bytes(), random);
      const auto view = open_block(altered.bytes(), limits, false);
      found_.count(altered_opened, view.ok());
      if (view.ok()) exercise(*view, from, random);
    }
    found_.at(survives_change);
    const guard_buffer changing(block->bytes());
    const auto view = open_block(changing.bytes(), limits);
    if (!found_.expect(view.ok(),
                       [&] { return "a block is refused: " + std::string(pillar::to_string(view.error().code)); }))
      return;
    for (int i = 0; i < 4; ++i) {
      alter(changing.bytes(), random);
      exercise(*view, from, random);
    }
  }

  static void alter(std::span<std::byte> bytes, splitmix64& random) {
    for (std::uint64_t flips = 1 + random.below(4); flips > 0; --flips) {
      // Header and directory are where the numbers are that lead somewhere.
      const std::size_t reach = random.chance(1, 2) && bytes.size() > 160 ? 160 : bytes.size();
      bytes[static_cast<std::size_t>(random.below(reach))] ^= static_cast<std::byte>(1 + random.below(255));
    }
  }

  /// Asks everything and touches all that comes back: guard pages and sanitizers see what leads outside.
  void exercise(const block_view& block, const sample& from, splitmix64& random) {
    std::uint64_t seen = 0;
    bool in_range = true;
    const domain tests[] = {make_domain(random, block.type(), from_cells(block.type(), from)),
                            make_domain(random, block.type(), from_cells(block.type(), from))};
    match_scratch memory;
    for (std::uint32_t v = 0; v < block.vector_count(); ++v) {
      const encoded_vector one = block.vector_at(v);
      vector out;
      if (!one.decode((*scratch_)[0], out).ok()) return;
      for (std::uint32_t row = 0; row < out.size; ++row) {
        in_range = in_range && (out.kind != vector_kind::dictionary || out.codes[row] < out.dictionary->size);
        if (!in_range) break;
        const scalar cell = get(out, row);
        in_range =
            in_range && (out.type.physical != physical_type::boolean || cell.null || out.value<std::uint8_t>(row) <= 1);
        seen += cell.text.size() + static_cast<std::uint64_t>(cell.integer);
      }
      guard_array<std::uint64_t> mask(vector_words);
      for (const domain& test : tests)
        seen += static_cast<std::uint64_t>(one.operations->match(one.block, v, test, &memory, mask.data()).what);
      const selection_mask every = selection_mask::first(block.entry(v).row_count);
      int128 total = 0;
      seen += one.operations->sum(one.block, v, every.words, true, total);
      if (one.operations->decode_rows != nullptr && block.type().physical != physical_type::text) {
        guard_buffer value(byte_width(block.type().physical));
        const auto row = static_cast<std::uint16_t>(block.entry(v).row_count - 1);
        bool has_validity = false;
        seen += one.operations->decode_rows(one.block, v, &row, 1, value.data(), mask.data(), has_validity);
      }
    }
    touched_ += seen;
    found_.expect(in_range,
                  [] { return std::string("decode gave a code beyond its dictionary, or a boolean beyond 1"); });
  }
  /// Cells to draw constants from: the sample's, unless an altered header made another type of it.
  std::span<const scalar> from_cells(const data_type& type, const sample& from) {
    if (same_values(type, from.type)) return from.cells;
    splitmix64 random(1);
    other_ = make_cells(random, type, sample_shape::many_values, 20);
    return other_;
  }

  const codec_functions& codec_;
  const codec_functions* members_[1];
  settings how_;
  recorder found_;
  std::unique_ptr<guard_array<vector_scratch>> scratch_;
  std::vector<scalar> other_;
  std::uint64_t touched_ = 0;
};

}  // namespace detail

PILLAR_API report check_codec(const codec_functions& codec, const settings& how) {
  return detail::codec_checker(codec, how).check();
}

}  // namespace PILLAR_NAMESPACE::conformance
