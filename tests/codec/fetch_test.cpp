// SPDX-License-Identifier: Apache-2.0
// Single values fetched from packed vectors agree with decoding them all: every width, with and without NULLs.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/storage/block.hpp"

namespace pillar_test::codec_fetch {
namespace {

TEST(codec_fetch, agrees_with_decode_at_every_width) {
  pillar::splitmix64 random(11);
  std::uint64_t fetched = 0;
  for (unsigned width = 0; width <= 63; ++width) {
    for (const bool nulls : {false, true}) {
      // A dictionary of the same values where their codes can have this width.
      const auto codec =
          width <= 9 && random.chance(1, 2) ? pillar::codec_id::dictionary : pillar::codec_id::frame_of_reference;
      pillar::column_builder builder(pillar::type_of<std::int64_t>.as_nullable());
      for (std::uint32_t i = 0; i < 1000; ++i) {
        const bool null = nulls && random.chance(1, 5);
        const pillar::int128 value = static_cast<pillar::int128>(random() & pillar::low_bits(width)) - 77;
        ASSERT_TRUE((null ? builder.append_null() : builder.append_integer(value)).ok());
      }
      auto column = builder.finish();
      ASSERT_TRUE(column.ok());
      const pillar::vector all = column->slice(0, 1000);
      pillar::block_options options;
      options.codec = codec;
      auto bytes = pillar::encode_block({&all, 1}, options);
      ASSERT_TRUE(bytes.ok());
      auto block = pillar::open_block(bytes->bytes());
      ASSERT_TRUE(block.ok());
      const pillar::encoded_vector encoded = block->vector_at(0);
      ASSERT_NE(encoded.operations->decode_rows, nullptr);
      std::vector<std::uint16_t> rows;
      for (std::uint16_t row = static_cast<std::uint16_t>(random.below(20)); row < 1000;
           row = static_cast<std::uint16_t>(row + 1 + random.below(40)))
        rows.push_back(row);
      rows.push_back(999);
      encoded.operations->prefetch_rows(encoded.block, encoded.index, rows.data(),
                                        static_cast<std::uint32_t>(rows.size()));
      alignas(64) std::int64_t values[1024];
      std::uint64_t validity[16];
      bool has_validity = false;
      ASSERT_TRUE(encoded.operations->decode_rows(encoded.block, encoded.index, rows.data(),
                                                  static_cast<std::uint32_t>(rows.size()), values, validity,
                                                  has_validity));
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const bool valid = !has_validity || pillar::get_bit(validity, i);
        ASSERT_EQ(valid, all.valid(rows[i]));
        if (valid) {
          ASSERT_EQ(values[i], all.value<std::int64_t>(rows[i])) << "width " << width << " row " << rows[i];
        }
        ++fetched;
      }
    }
  }
  EXPECT_GT(fetched, 3000u);
}

// 64-bit values that fit into 32 bits decode to these: every width, dictionaries in equal steps and others, outliers.
TEST(codec_fetch, narrow_decoding_agrees_with_decode) {
  pillar::splitmix64 random(12);
  const auto scratch = std::make_unique<pillar::vector_scratch>(), narrow = std::make_unique<pillar::vector_scratch>();
  for (int round = 0; round < 400; ++round) {
    const pillar::codec_id codec = round % 3 == 0   ? pillar::codec_id::frame_of_reference
                                   : round % 3 == 1 ? pillar::codec_id::patched
                                                    : pillar::codec_id::dictionary;
    const auto width = static_cast<unsigned>(random.below(codec == pillar::codec_id::dictionary ? 10 : 31));
    const bool nulls = random.chance(1, 3);
    const std::int64_t step = random.chance(1, 2) && width < 10 ? 100 : 1, base = random.chance(1, 2) ? -77 : 12'345;
    pillar::column_builder builder(pillar::type_of<std::int64_t>.as_nullable(nulls));
    for (std::uint32_t i = 0; i < 1000; ++i) {
      const bool outlier = codec == pillar::codec_id::patched && random.chance(1, 20);
      const auto any = static_cast<std::int64_t>(random() & pillar::low_bits(width));
      const std::int64_t value = outlier ? static_cast<std::int32_t>(random()) : base + step * any;
      ASSERT_TRUE((nulls && random.chance(1, 5) ? builder.append_null() : builder.append_integer(value)).ok());
    }
    const auto column = *builder.finish();
    const pillar::vector all = column.slice(0, 1000);
    pillar::block_options options;
    options.codec = codec;
    const auto bytes = *pillar::encode_block({&all, 1}, options);
    const auto block = *pillar::open_block(bytes.bytes());
    const pillar::encoded_vector encoded = block.vector_at(0);
    ASSERT_NE(encoded.operations->decode_narrow, nullptr);
    pillar::vector whole, half;
    ASSERT_TRUE(encoded.decode(*scratch, whole).ok() && encoded.decode_narrow(*narrow, half).ok());
    if (half.type.physical == pillar::physical_type::int64) continue;  // outliers on both sides: not offered
    ASSERT_EQ(half.type.physical, pillar::physical_type::int32);
    ASSERT_EQ(half.size, whole.size);
    for (std::uint32_t row = 0; row < 1000; ++row) {
      ASSERT_EQ(half.valid(row), all.valid(row));
      if (!all.valid(row)) continue;
      ASSERT_EQ(whole.value<std::int64_t>(row), all.value<std::int64_t>(row));
      ASSERT_EQ(std::int64_t{half.value<std::int32_t>(row)}, all.value<std::int64_t>(row)) << "width " << width;
    }
  }
}

}  // namespace
}  // namespace pillar_test::codec_fetch
