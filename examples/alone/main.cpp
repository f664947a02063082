// SPDX-License-Identifier: Apache-2.0
// One part alone: encode a column of your own into a block, and count the values in a range, decoding only what its
// codec cannot answer. No table, no pipeline, no threads; the bytes could lie in your own file.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "pillar/expr/domain.hpp"
#include "pillar/filter/match.hpp"
#include "pillar/simd/dispatch.hpp"
#include "pillar/storage/block.hpp"

int main() {
  std::vector<std::int32_t> temperatures(50'000);
  for (std::size_t i = 0; i < temperatures.size(); ++i)
    temperatures[i] = static_cast<std::int32_t>(150 + i / 200 % 80 + i * 7 % 13);

  // Vectors are views of anybody's memory.
  std::vector<pillar::vector> vectors;
  for (std::size_t at = 0; at < temperatures.size(); at += pillar::vector_rows) {
    pillar::vector view;
    view.type = pillar::type_of<std::int32_t>;
    view.size = static_cast<std::uint32_t>(std::min<std::size_t>(pillar::vector_rows, temperatures.size() - at));
    view.values = temperatures.data() + at;
    vectors.push_back(view);
  }
  // Left to itself encode_block takes the cheapest codec; this one answers ranges without decoding.
  const auto bytes = pillar::encode_block(vectors, {.codec = pillar::codec_id::frame_of_reference});
  if (!bytes.ok()) return std::fprintf(stderr, "%s\n", pillar::to_string(bytes.error().code)), 1;
  const auto block = pillar::open_block(bytes->bytes());  // validates; from here on nothing can fail
  if (!block.ok()) return std::fprintf(stderr, "%s\n", pillar::to_string(block.error().code)), 1;

  const pillar::domain warm = pillar::integer_range(pillar::physical_type::int32, 200, 215);
  const auto& kernels = pillar::flat_match_kernels_for(pillar::best_arch_level());
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  std::size_t matches = 0, settled = 0, decoded = 0;
  for (std::uint32_t v = 0; v < block->vector_count(); ++v) {
    const pillar::encoded_vector one = block->vector_at(v);
    std::uint64_t mask[pillar::vector_words];
    auto answer = one.operations->match(one.block, one.index, warm, nullptr, mask);
    if (answer.what == pillar::verdict::unknown) {  // not every codec answers every domain
      pillar::vector values;
      if (!one.decode(*scratch, values).ok()) return 1;
      pillar::match(values, warm, kernels, mask);
      answer = {pillar::verdict::some, pillar::evidence::decoded};
      ++decoded;
    }
    if (answer.how == pillar::evidence::settled) ++settled;  // the directory said it
    if (answer.what == pillar::verdict::all) matches += vectors[v].size;
    if (answer.what != pillar::verdict::some) continue;
    for (std::uint32_t row = 0; row < vectors[v].size; ++row) matches += mask[row / 64] >> row % 64 & 1;
  }
  std::size_t expected = 0;
  for (const auto value : temperatures) expected += value >= 200 && value <= 215 ? 1 : 0;
  std::printf("%zu bytes as %llu; %zu values match; of %u vectors %zu settled unread, %zu decoded\n",
              temperatures.size() * 4, static_cast<unsigned long long>(block->block_bytes()), matches,
              block->vector_count(), settled, decoded);
  return matches == expected ? 0 : 1;
}
