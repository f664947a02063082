// SPDX-License-Identifier: Apache-2.0
/// A user's codec, id 130: int32 values as runs. And how it can lie, by a parameter.
#pragma once
#include <cstdint>
#include <cstring>

#include "pillar/base/bits.hpp"
#include "pillar/codec/codec.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/expr/domain.hpp"

namespace pillar_test {

enum class lie {
  none,
  match_off_by_one,
  match_beyond_the_rows,
  decodes_one_too_far,
  announces_too_little,
  trusts_counts
};

/// Payload of a vector: a run count, then value and length per run, all u32. NULL rows prolong the run before them.
template <lie Lie = lie::none>
struct run_length {
  static constexpr pillar::codec_id id{130};
  struct run {
    std::int32_t value;
    std::uint32_t length;
  };

  template <class F>
  static void for_each_run(const pillar::vector& from, F&& f) {
    run open{0, 0};
    for (std::uint32_t row = 0; row < from.size; ++row) {
      const std::int32_t value = from.valid(row) ? from.value<std::int32_t>(row) : open.value;
      if (open.length != 0 && value != open.value) f(open), open.length = 0;
      open.value = value;
      ++open.length;
    }
    f(open);
  }
  static pillar::result<pillar::encode_plan> analyze(const pillar::encode_input& input) {
    pillar::encode_plan plan;
    plan.possible = input.type.physical == pillar::physical_type::int32;
    if (!plan.possible) return plan;
    for (const pillar::vector& values : input.vectors) {
      plan.data_bytes += 4;
      for_each_run(values, [&](run) { plan.data_bytes += sizeof(run); });
    }
    if (Lie == lie::announces_too_little && input.vectors.size() > 1) plan.data_bytes -= 1;
    return plan;
  }
  static pillar::result<void> encode(const pillar::encode_input& input, const pillar::encode_plan&, std::byte* out,
                                     pillar::data_section& section) {
    std::uint32_t at = 0;
    for (std::size_t v = 0; v < input.vectors.size(); ++v) {
      const std::uint32_t begin = at;
      std::uint32_t count = 0;
      at += 4;
      for_each_run(input.vectors[v], [&](run one) {
        pillar::store_unaligned(out + at, one);
        at += sizeof(run);
        ++count;
      });
      pillar::store_unaligned(out + begin, count);
      section.entries[v].offset = begin;
      section.entries[v].bytes = at - begin;
    }
    return {};
  }
  static std::size_t view_bytes(const pillar::data_section&) noexcept { return 0; }
  static pillar::result<void> validate(pillar::data_section& section, std::byte*) noexcept {
    using pillar::errc;
    if (section.type.physical != pillar::physical_type::int32 || section.shared_bytes != 0 || section.entry_count != 0)
      return {errc::corrupt, 0};
    for (std::uint32_t v = 0; v < section.vector_count; ++v) {
      const pillar::vector_entry& entry = section.entries[v];
      if (entry.bytes < 4 || (entry.bytes - 4) % sizeof(run) != 0) return {errc::corrupt, entry.offset};
      const auto count = pillar::load_unaligned<std::uint32_t>(section.data + entry.offset);
      if (Lie != lie::trusts_counts && count != (entry.bytes - 4) / sizeof(run)) return {errc::corrupt, entry.offset};
    }
    return {};
  }
  /// f(value, first row, length): never more rows than the vector has, whatever the bytes say now.
  template <class F>
  static void read_runs(const pillar::data_section& section, std::uint32_t index, F&& f) noexcept {
    const pillar::vector_entry& entry = section.entries[index];
    const std::byte* at = section.data + entry.offset;
    const std::uint32_t count = Lie == lie::trusts_counts ? pillar::load_unaligned<std::uint32_t>(at)
                                                          : (entry.bytes - 4) / static_cast<std::uint32_t>(sizeof(run));
    at += 4;
    std::uint32_t row = 0;
    for (std::uint32_t i = 0; i < count; ++i, at += sizeof(run)) {
      const auto one = pillar::load_unaligned<run>(at);
      const std::uint32_t left = entry.row_count - row;
      const std::uint32_t length = one.length < left ? one.length : left;
      f(one.value, row, length);
      row += length;
    }
    if (row < entry.row_count) f(0, row, entry.row_count - row);
  }
  static void decode(const pillar::data_section& section, std::uint32_t index, pillar::vector_scratch& scratch,
                     pillar::vector& out) noexcept {
    auto* values = reinterpret_cast<std::int32_t*>(scratch.values);
    read_runs(section, index, [&](std::int32_t value, std::uint32_t row, std::uint32_t length) {
      for (std::uint32_t i = 0; i < length; ++i) values[row + i] = value;
    });
    if (Lie == lie::decodes_one_too_far) {
      const volatile std::byte* beyond = section.data + section.data_bytes + 64;
      values[0] += static_cast<std::int32_t>(*beyond) & 0;
    }
    out.kind = pillar::vector_kind::flat;
    out.values = values;
  }
  static pillar::match_answer match(const pillar::data_section& section, std::uint32_t index,
                                    const pillar::domain& test, pillar::match_scratch*, std::uint64_t* mask) noexcept {
    std::memset(mask, 0, pillar::vector_rows / 8);
    std::uint32_t matched = 0;
    read_runs(section, index, [&](std::int32_t value, std::uint32_t row, std::uint32_t length) {
      bool inside = test.contains_integer(value);
      if (Lie == lie::match_off_by_one && test.kind == pillar::domain_kind::range && value == test.hi)
        inside = test.negated;
      if (!inside) return;
      for (std::uint32_t i = 0; i < length; ++i) pillar::set_bit(mask, row + i);
      matched += length;
    });
    if (Lie == lie::match_beyond_the_rows) mask[15] |= std::uint64_t{1} << 63;
    const auto row_count = section.entries[index].row_count;
    const auto what = matched == 0           ? pillar::verdict::none
                      : matched == row_count ? pillar::verdict::all
                                             : pillar::verdict::some;
    return {what, what == pillar::verdict::some ? pillar::evidence::encoded : pillar::evidence::settled};
  }
};
static_assert(pillar::codec<run_length<>> && pillar::matches_encoded<run_length<>>);

}  // namespace pillar_test
