// SPDX-License-Identifier: Apache-2.0
#include "pillar/partition/radix_scatter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "pillar/conformance/sample.hpp"
#include "pillar/partition/bucket_map.hpp"

namespace pillar_test::partition_radix_scatter {
namespace {

using pillar::radix_scatter;
using pillar::conformance::sample;

/// Rows in the order of their partition, and of their numbers within one.
std::vector<std::uint32_t> reference(const radix_scatter& by, const std::vector<std::uint64_t>& hashes) {
  std::vector<std::uint32_t> order(hashes.size()), partition(hashes.size());
  std::iota(order.begin(), order.end(), 0u);
  for (const std::uint32_t row : order) partition[row] = by.partition_of(hashes[row]);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t left, std::uint32_t right) { return partition[left] < partition[right]; });
  return order;
}

TEST(partition_radix_scatter, agrees_with_a_stable_sort_for_every_type_and_kind) {
  const auto types = pillar::conformance::every_type();
  std::uint64_t seed = 0;
  for (const pillar::data_type& type : types)
    for (const std::uint32_t row_count : {0u, 1u, 700u, 2500u}) {
      pillar::splitmix64 random(++seed);
      const auto shape = static_cast<pillar::conformance::sample_shape>(seed % pillar::conformance::sample_shape_count);
      const sample from = pillar::conformance::make_sample(
          random, type, shape, pillar::conformance::make_cells(random, type, shape, row_count));
      const unsigned bits = static_cast<unsigned>(seed * 7 % 13), used_bits = static_cast<unsigned>(random.below(40));
      radix_scatter scatter(bits, used_bits);
      ASSERT_EQ(scatter.partition_count(), 1u << bits);
      std::vector<std::uint64_t> hashes(row_count);
      for (auto& hash : hashes) hash = seed % 3 == 0 ? random() & 0xffull << (64 - used_bits - 8) : random();
      for (std::uint32_t at = 0; at < row_count; at += 999)
        scatter.count(hashes.data() + at, std::min<std::size_t>(999, row_count - at));
      scatter.begin();
      const auto order = reference(scatter, hashes);

      // Batch by batch, with words around the outputs that must stay.
      const std::size_t width = pillar::byte_width(type.physical);
      pillar::buffer values = *pillar::buffer::allocate((row_count + 1) * width + 8);
      std::vector<std::uint64_t> validity(row_count / 64 + 2);
      std::memset(values.data(), 0x5a, values.size());
      std::uint32_t at = 0;
      std::vector<std::uint32_t> position(1024);
      for (const pillar::vector& batch : from.vectors) {
        scatter.positions(hashes.data() + at, batch.size, position.data());
        pillar::scatter_values(batch, position.data(), values.data());
        pillar::scatter_validity(batch, position.data(), validity.data());
        at += batch.size;
      }
      ASSERT_EQ(at, row_count);

      // The same partitions by their numbers; positions in the place of numbers.
      auto numbered = radix_scatter::by_number(scatter.partition_count());
      std::vector<std::uint32_t> numbers;
      for (const std::uint64_t hash : hashes) numbers.push_back(scatter.partition_of(hash));
      numbered.count_numbers(numbers.data(), row_count);
      numbered.begin();
      ASSERT_TRUE(std::equal(numbered.starts().begin(), numbered.starts().end(), scatter.starts().begin()));
      numbered.positions_of_numbers(numbers.data(), row_count, numbers.data());
      for (std::uint32_t row = 0; row < row_count; ++row) ASSERT_EQ(numbers[order[row]], row);

      for (std::size_t i = row_count * width; i < values.size(); ++i) ASSERT_EQ(values.data()[i], std::byte{0x5a});
      ASSERT_EQ(scatter.starts().size(), scatter.partition_count() + 1u);
      ASSERT_EQ(scatter.starts().back(), row_count);
      for (std::uint32_t p = 0; p < scatter.partition_count(); ++p)
        for (std::uint32_t row = scatter.starts()[p]; row < scatter.starts()[p + 1]; ++row)
          ASSERT_EQ(scatter.partition_of(hashes[order[row]]), p);

      pillar::vector moved;
      moved.type = type;
      moved.size = row_count;
      moved.values = values.data();
      moved.validity = validity.data();
      std::vector<const std::byte*> buffers;
      pillar::growable<std::byte> characters;
      const bool text = type.physical == pillar::physical_type::text;
      if (text && from.vectors.size() > 1) continue;  // slots refer to each vector's own buffers
      if (text && row_count != 0) {
        ASSERT_TRUE(pillar::gather_characters({values.as<pillar::text_slot>(), row_count}, validity.data(),
                                              from.vectors[0].holder().buffers, characters)
                        .ok());
        buffers.push_back(characters.data());
        moved.buffers = buffers.data();
      }
      for (std::uint32_t row = 0; row < row_count; ++row) {
        const pillar::vector& batch = from.vectors[order[row] / 1024];
        const std::uint32_t in_batch = order[row] % 1024;
        ASSERT_EQ(moved.valid(row), batch.valid(in_batch)) << row;
        if (moved.valid(row)) ASSERT_TRUE(pillar::conformance::same_bits(moved, row, batch, in_batch)) << row;
      }
    }
}

TEST(partition_radix_scatter, the_uppermost_bits_are_the_bucket) {
  const auto map = *pillar::bucket_map::make_even(256, 8);
  const radix_scatter buckets(8), below(4, 8), all(0);
  pillar::splitmix64 random(3);
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t hash = random();
    EXPECT_EQ(buckets.partition_of(hash), map->bucket_of(hash));
    EXPECT_EQ(below.partition_of(hash), hash >> 52 & 15);
    EXPECT_EQ(all.partition_of(hash), 0u);
  }
}

TEST(partition_radix_scatter, characters_follow_their_slots) {
  const std::string long_text = "a text that is not inlined", other = "another one of that kind";
  const auto* bytes = reinterpret_cast<const std::byte*>(long_text.data());
  const auto* more = reinterpret_cast<const std::byte*>(other.data());
  const std::byte* const buffers[] = {bytes, more};
  std::vector<pillar::text_slot> slots = {pillar::text_slot::make(other, 1, 0), pillar::text_slot::make("short", 0, 0),
                                          pillar::text_slot::make(long_text, 7, 9),  // NULL: refers to nothing
                                          pillar::text_slot::make(std::string_view(long_text).substr(2), 0, 2)};
  const std::uint64_t validity = 0b1011;
  pillar::memory_budget budget;
  {
    pillar::growable<std::byte> characters(&budget);
    ASSERT_TRUE(pillar::gather_characters(slots, &validity, buffers, characters).ok());
    const std::byte* const data[] = {characters.data()};
    EXPECT_EQ(slots[0].view(data), other);
    EXPECT_EQ(slots[1].view(data), "short");
    EXPECT_EQ(slots[2].view(data), "");
    EXPECT_EQ(slots[3].view(data), std::string_view(long_text).substr(2));
    EXPECT_EQ(characters.size(), other.size() + long_text.size() - 2);
  }
  budget.refuse(1);
  pillar::growable<std::byte> none(&budget);
  EXPECT_EQ(pillar::gather_characters({slots.data() + 3, 1}, nullptr, buffers, none).error().code,
            pillar::errc::out_of_memory);
}

}  // namespace
}  // namespace pillar_test::partition_radix_scatter
