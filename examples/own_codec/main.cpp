// SPDX-License-Identifier: Apache-2.0
// A codec of your own: proven, then used by tables and answered from without decoding.
//
// `sequence` keeps values that grow by a constant step, such as the times of a sensor: 16 bytes for 1,024 of them.
#include <cstring>
#include <iostream>

#include <pillar/conformance/codec.hpp>
#include <pillar/expr/domain.hpp>
#include <pillar/pipeline.hpp>
#include <pillar/storage/table.hpp>

struct sequence {
  static constexpr pillar::codec_id id{200};  // 128 and above are yours; blocks store it

  struct payload {  // of one vector
    std::int64_t first;
    std::int64_t step;
    // Unsigned: bytes that somebody changed may wrap, which must not be undefined.
    [[nodiscard]] std::int64_t at(std::uint64_t row) const noexcept {
      return static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + static_cast<std::uint64_t>(step) * row);
    }
  };

  static payload describe(const pillar::vector& values) {
    const auto first = values.value<std::int64_t>(0);
    std::int64_t step = 0;
    if (values.size > 1 && __builtin_sub_overflow(values.value<std::int64_t>(1), first, &step)) step = 0;
    return {first, step};
  }
  static bool grows(const payload& known, std::uint32_t rows) {  // no row of it overflows
    std::int64_t span = 0;
    return !__builtin_mul_overflow(known.step, std::int64_t{rows} - 1, &span) &&
           !__builtin_add_overflow(known.first, span, &span);
  }

  // Do I take these values, and in how many bytes exactly?
  static pillar::result<pillar::encode_plan> analyze(const pillar::encode_input& input) {
    pillar::encode_plan plan;
    if (input.type.physical != pillar::physical_type::int64 || input.null_count != 0) return plan;
    for (const pillar::vector& values : input.vectors) {
      const payload known = describe(values);
      if (!grows(known, values.size)) return plan;
      for (std::uint32_t row = 0; row < values.size; ++row)
        if (values.value<std::int64_t>(row) != known.at(row)) return plan;
    }
    plan.possible = true;
    plan.data_bytes = sizeof(payload) * input.vectors.size();
    return plan;
  }
  static pillar::result<void> encode(const pillar::encode_input& input, const pillar::encode_plan&, std::byte* out,
                                     pillar::data_section& section) {
    for (std::size_t v = 0; v < input.vectors.size(); ++v) {
      const payload known = describe(input.vectors[v]);
      std::memcpy(out + sizeof(payload) * v, &known, sizeof(payload));
      section.entries[v].offset = static_cast<std::uint32_t>(sizeof(payload) * v);
      section.entries[v].bytes = sizeof(payload);
    }
    return {};
  }
  // Everything that decode relies on; the bytes may come from anywhere.
  static std::size_t view_bytes(const pillar::data_section&) noexcept { return 0; }
  static pillar::result<void> validate(pillar::data_section& section, std::byte*) noexcept {
    if (section.type.physical != pillar::physical_type::int64 || section.shared_bytes != 0)
      return pillar::errc::corrupt;
    for (std::uint32_t v = 0; v < section.vector_count; ++v)
      if (section.entries[v].bytes != sizeof(payload) || !grows(read(section, v), section.entries[v].row_count))
        return {pillar::errc::corrupt, v};
    return {};
  }
  static payload read(const pillar::data_section& section, std::uint32_t v) noexcept {
    payload known;
    std::memcpy(&known, section.data + section.entries[v].offset, sizeof(payload));
    return known;
  }
  static void decode(const pillar::data_section& section, std::uint32_t v, pillar::vector_scratch& scratch,
                     pillar::vector& out) noexcept {
    const payload known = read(section, v);
    auto* values = reinterpret_cast<std::int64_t*>(scratch.values);
    for (std::uint32_t row = 0; row < out.size; ++row) values[row] = known.at(row);
    out.kind = pillar::vector_kind::flat;
    out.values = values;
  }
  // Optional: which rows satisfy a predicate, without decoding. The two ends often settle a whole vector.
  static pillar::match_answer match(const pillar::data_section& section, std::uint32_t v, const pillar::domain& test,
                                    pillar::match_scratch*, std::uint64_t* mask) noexcept {
    using pillar::evidence, pillar::verdict;
    const payload known = read(section, v);
    const std::uint32_t rows = section.entries[v].row_count;
    if (test.kind == pillar::domain_kind::range) {
      const std::int64_t a = known.at(0), b = known.at(rows - 1), low = a < b ? a : b, high = a < b ? b : a;
      if (test.lo <= low && high <= test.hi) return {test.negated ? verdict::none : verdict::all, evidence::settled};
      if (test.hi < low || high < test.lo) return {test.negated ? verdict::all : verdict::none, evidence::settled};
    }
    std::memset(mask, 0, pillar::vector_rows / 8);
    for (std::uint32_t row = 0; row < rows; ++row) pillar::assign_bit(mask, row, test.contains_integer(known.at(row)));
    return {verdict::some, evidence::encoded};
  }
};

using namespace pillar::query;
struct readings : pillar::schema<pillar::field<"time", std::int64_t>, pillar::field<"celsius", std::int32_t>> {};

int main() {
  // The proof: all types, lengths and hard cases, guard pages, hostile bytes.
  const auto proof = pillar::conformance::check_codec<sequence>();
  std::cout << proof;

  // The use: asked for by its id, the table takes it where it fits; else where it costs less than Pillar's own.
  pillar::typed_table<readings> table({.encoding = {.codec = sequence::id, .codecs = pillar::codecs<sequence>}});
  pillar::column_set_builder rows(pillar::describe<readings>());
  for (int i = 0; i < 200'000; ++i)
    if (!rows.column_at(0).append_integer(1'700'000'000 + 60 * i).ok() ||
        !rows.column_at(1).append_integer(i * 7 % 40).ok())
      return 1;
  const auto set = rows.finish();
  if (!set.ok() || !table.append(*set).ok()) return 1;

  const auto query = scan(table) | where("time"_col >= 1'700'060'000 && "time"_col < 1'700'120'000) |
                     group_by()(count().as("rows"_col), avg("celsius"_col).as("celsius"_col));
  pillar::worker_pool pool(2);
  const auto result = run(query, pool);
  if (!result.ok()) return std::cerr << result.status() << '\n', 1;
  const auto& block = table.version()->slices[0].groups[0]->blocks[0].view;
  std::cout << "codec " << static_cast<int>(block.codec()) << ": " << block.row_count() << " times in "
            << block.block_bytes() << " bytes\n"
            << *result << result->stats();
  return proof.ok() && block.codec() == sequence::id &&
                 result->rows().columns[0].slice(0, 1).value<std::int64_t>(0) == 1000
             ? 0
             : 1;
}
