// SPDX-License-Identifier: Apache-2.0
// The laws that all codecs share, over every type, NULL pattern and length.
#include "pillar/codec/codec.hpp"

#include "support/block_cases.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::codec_codec {
namespace {

constexpr pillar::codec_id every_codec[] = {
    pillar::codec_id::raw,        pillar::codec_id::constant, pillar::codec_id::frame_of_reference,
    pillar::codec_id::dictionary, pillar::codec_id::patched,  pillar::codec_id::delta};

TEST(codec_codec, decoding_matching_and_summing_agree_with_the_cells) {
  pillar::splitmix64 random(1);
  for (const pillar::codec_id codec : every_codec) {
    block_seen seen;
    for (const bool nullable : {false, true})
      for (const pillar::data_type& type : every_type(nullable)) {
        if (!takes(codec, type.physical)) continue;
        for (const std::size_t count : {1u, 63u, 64u, 65u, 1000u, 1023u, 1024u, 1025u, 2048u, 5000u}) {
          if (sanitized && count != 1 && count != 65 && count != 1025 && count != 2048) continue;
          const std::uint64_t distinct = count % 2 == 0 ? 20 : 700;
          const auto source = make_source(type, cells_for(codec, random, type, count, distinct), count % 3 == 0);
          pillar::block_options options;
          options.codec = codec;
          SCOPED_TRACE(to_string(type) + " × " + std::to_string(count));
          check_source(source, options, random, count > 2000 ? 12 : 6, seen);
          if (HasFatalFailure()) return;
        }
      }
    const std::uint64_t verdicts = seen.none + seen.all + seen.some;
    if (codec == pillar::codec_id::raw) {
      EXPECT_EQ(seen.all + seen.some, 0u);  // none: vectors of NULLs only
      EXPECT_EQ(seen.sums, 0u);
      continue;
    }
    EXPECT_GT(seen.none * 10, verdicts);
    EXPECT_GT(seen.all * 10, verdicts);
    if (codec == pillar::codec_id::constant) {
      EXPECT_EQ(seen.some, 0u);
    } else {
      EXPECT_GT(seen.some * 10, verdicts);
    }
    EXPECT_GT(seen.bounds, 0u);
    if (codec != pillar::codec_id::delta) {
      EXPECT_GT(seen.sums, 0u);
    }
  }
}

TEST(codec_codec, all_null_blocks) {
  pillar::splitmix64 random(2);
  block_seen seen;
  for (const pillar::codec_id codec : every_codec)
    for (const pillar::data_type& type : every_type(true)) {
      if (!takes(codec, type.physical)) continue;
      for (const std::size_t count : {1u, 64u, 1024u, 2100u}) {
        const auto source = make_source(type, std::vector(count, pillar::scalar::of_null(type)));
        pillar::block_options options;
        options.codec = codec;
        SCOPED_TRACE(std::string(to_string(codec)) + " " + to_string(type));
        check_source(source, options, random, 2, seen);
        if (HasFatalFailure()) return;
      }
    }
  EXPECT_EQ(seen.all + seen.some + seen.unknown, 0u);
}

TEST(codec_codec, the_largest_block) {
  pillar::splitmix64 random(3);
  for (const pillar::codec_id codec : every_codec) {
    const auto type = codec == pillar::codec_id::raw ? pillar::type_of<double>.as_nullable()
                                                     : pillar::type_of<std::int32_t>.as_nullable();
    block_seen seen;
    pillar::block_options options;
    options.codec = codec;
    check_source(make_source(type, cells_for(codec, random, type, pillar::block_max_rows, 40000)), options, random, 3,
                 seen);
    if (HasFatalFailure()) return;
  }
}

// A codec in the fewest lines: what the concept asks for, and no more.
struct archetype {
  static constexpr pillar::codec_id id{200};
  static pillar::result<pillar::encode_plan> analyze(const pillar::encode_input&) { return pillar::encode_plan{}; }
  static pillar::result<void> encode(const pillar::encode_input&, const pillar::encode_plan&, std::byte*,
                                     pillar::data_section&) {
    return {};
  }
  static std::size_t view_bytes(const pillar::data_section&) noexcept { return 0; }
  static pillar::result<void> validate(pillar::data_section&, std::byte*) noexcept { return {}; }
  static void decode(const pillar::data_section&, std::uint32_t, pillar::vector_scratch&, pillar::vector&) noexcept {}
};
static_assert(pillar::codec<archetype> && !pillar::matches_encoded<archetype> && !pillar::sums_encoded<archetype>);
static_assert(!pillar::codec<int>);

}  // namespace
}  // namespace pillar_test::codec_codec
