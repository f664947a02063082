// SPDX-License-Identifier: Apache-2.0
// The laws of every model, and what tells the models apart: one program for partitioner, key, even, range,
// bucket_map and distribution.
#include "pillar/partition/partitioner.hpp"

#include <gtest/gtest.h>

#include <map>

#include "pillar/hash/value.hpp"
#include "pillar/partition/bucket_map.hpp"
#include "pillar/partition/distribution.hpp"
#include "pillar/partition/even.hpp"
#include "pillar/partition/key.hpp"
#include "pillar/partition/range.hpp"
#include "support/owned_vector.hpp"

namespace pillar_test::partition_partitioner {
namespace {

using pillar::any_partitioner;
using pillar::bucket_map;
using pillar::distribution;
using pillar::errc;
using pillar::scalar;
using pillar::type_of;

std::vector<std::uint32_t> assign(const any_partitioner& model, const std::vector<const pillar::vector*>& columns,
                                  std::uint32_t rows, std::uint64_t first_row = 0) {
  std::vector<std::uint32_t> out(rows + 1, 1234567);
  EXPECT_TRUE(model.assign(columns, rows, first_row, out.data()).ok());
  EXPECT_EQ(out[rows], 1234567u);
  out.pop_back();
  for (const auto slice : out) EXPECT_LT(slice, model.slice_count());
  return out;
}

TEST(partition_key, int32_and_int64_and_decimal_keys_of_equal_value_meet) {
  const auto model = *any_partitioner::make(distribution::by_key({0}, 7));
  std::vector<std::vector<std::uint32_t>> answers;
  for (auto type : {type_of<std::int32_t>, type_of<std::int64_t>, type_of<pillar::decimal<30, 2>>}) {
    std::vector<scalar> cells;
    type.nullable = true;
    for (int i = 0; i < 500; ++i) cells.push_back(scalar::of_integer(type, i * 37 - 9000));
    cells.push_back(scalar::of_null(type));
    const auto made = make_vector(type, cells);
    answers.push_back(assign(model, {&made.view}, made.view.size));
  }
  EXPECT_EQ(answers[0], answers[1]);
  EXPECT_EQ(answers[0], answers[2]);
}

TEST(partition_key, equal_keys_meet_in_any_batch_and_kind) {
  pillar::splitmix64 random(11);
  const auto model = *any_partitioner::make(distribution::by_key({4, 2}, 5));
  EXPECT_EQ(model.columns()[0], 4u);
  std::map<std::pair<std::string, std::string>, std::uint32_t> seen;
  for (int batch = 0; batch < 12; ++batch) {
    const std::size_t rows = batch == 0 ? 2500 : 300;
    const auto a = random_cells(random, type_of<pillar::text>.as_nullable(), rows, 30);
    const auto b = random_cells(random, type_of<double>.as_nullable(), rows, 9);
    const auto x =
        make_vector(type_of<pillar::text>.as_nullable(), a, static_cast<pillar::vector_kind>(batch % 2 * 2), 9);
    const auto y = make_vector(type_of<double>.as_nullable(), b);
    const auto slices = assign(model, {&x.view, &y.view}, static_cast<std::uint32_t>(rows), 17);
    for (std::size_t row = 0; row < rows; ++row) {
      const std::string real = b[row].null ? "NULL" : b[row].real == 0 ? "0" : pillar::to_string(b[row]);
      const auto at = seen.emplace(std::pair(a[row].null ? "N" : "v" + a[row].text, real), slices[row]).first;
      ASSERT_EQ(at->second, slices[row]);
    }
  }
}

TEST(partition_bucket_map, equal_maps_have_equal_ids_and_others_differ) {
  const auto a = *bucket_map::make_even(4), b = *bucket_map::make_even(4), c = *bucket_map::make_even(5);
  EXPECT_EQ(a->id(), b->id());
  EXPECT_TRUE(*a == *b);
  EXPECT_NE(a->id(), c->id());
  std::vector<std::uint32_t> moved(a->slice_of_bucket().begin(), a->slice_of_bucket().end());
  moved[17] = 3;
  const auto d = *bucket_map::make(moved, 4);
  EXPECT_NE(d->id(), a->id());
  EXPECT_EQ(d->bucket_bits(), 12u);
  EXPECT_TRUE(pillar::key_partitioner(a) == pillar::key_partitioner(b));
  EXPECT_FALSE(pillar::key_partitioner(a) == pillar::key_partitioner(d));
  // Version 1 with 4 slices is published like the hash.
  EXPECT_EQ(a->slice_of(pillar::hash_word(1)), 2u);
  EXPECT_EQ(a->slice_of(pillar::hash_word(42)), 2u);
  std::vector<std::uint32_t> counts(5);
  for (const auto slice : c->slice_of_bucket()) ++counts[slice];
  for (const auto count : counts) EXPECT_NEAR(count, 4096 / 5.0, 1);
}

TEST(partition_bucket_map, impossible_maps_are_refused) {
  EXPECT_EQ(bucket_map::make_even(0).error().code, errc::invalid_argument);
  EXPECT_EQ(bucket_map::make_even(5000).error().code, errc::invalid_argument);
  EXPECT_EQ(bucket_map::make_even(1, 21).error().code, errc::invalid_argument);
  const std::uint32_t three[] = {0, 1, 0}, beyond[] = {0, 9};
  EXPECT_EQ(bucket_map::make(three, 2).error().code, errc::invalid_argument);
  EXPECT_EQ(bucket_map::make(beyond, 2).error(), (pillar::failure{errc::invalid_argument, 1}));
  EXPECT_EQ((*bucket_map::make_even(1, 0))->slice_of(~0ull), 0u);
}

TEST(partition_even, rows_go_round_and_batches_do_not_matter) {
  const auto model = *any_partitioner::make(distribution::even(3));
  const auto whole = assign(model, {}, 100);
  for (std::uint32_t row = 0; row < 100; ++row) ASSERT_EQ(whole[row], row % 3);
  const auto part = assign(model, {}, 60, 40);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 40));
}

TEST(partition_range, a_bound_belongs_to_the_slice_above_it_and_nulls_come_last) {
  const auto type = type_of<std::int32_t>.as_nullable();
  const auto model = *any_partitioner::make(
      distribution::by_range({0}, {{scalar::of_integer(type, -5)}, {scalar::of_integer(type, 10)}}));
  EXPECT_EQ(model.slice_count(), 3u);
  const auto made =
      make_vector(type, {scalar::of_integer(type, -6), scalar::of_integer(type, -5), scalar::of_integer(type, 9),
                         scalar::of_integer(type, 10), scalar::of_null(type)});
  EXPECT_EQ(assign(model, {&made.view}, 5), (std::vector<std::uint32_t>{0, 1, 1, 2, 2}));
}

TEST(partition_range, compound_bounds_agree_with_compare) {
  pillar::splitmix64 random(12);
  const auto text = type_of<pillar::text>, number = type_of<double>;
  const std::vector<std::vector<scalar>> bounds = {{scalar::of_text(text, "a"), scalar::of_real(number, 1)},
                                                   {scalar::of_text(text, "ab"), scalar::of_real(number, -3)},
                                                   {scalar::of_text(text, "ab"), scalar::of_real(number, 2)},
                                                   {scalar::of_text(text, "b"), scalar::of_real(number, 0)}};
  const auto model = *any_partitioner::make(distribution::by_range({0, 1}, bounds));
  const auto a = random_cells(random, text, 800, 40), b = random_cells(random, number, 800, 40);
  const auto x = make_vector(text, a), y = make_vector(number, b);
  const auto slices = assign(model, {&x.view, &y.view}, 800);
  for (std::size_t row = 0; row < 800; ++row) {
    std::uint32_t expected = 0;
    for (const auto& bound : bounds) {
      const int first = pillar::compare(a[row], bound[0]);
      if (first > 0 || (first == 0 && pillar::compare(b[row], bound[1]) >= 0)) ++expected;
    }
    ASSERT_EQ(slices[row], expected) << pillar::to_string(a[row]) << " " << pillar::to_string(b[row]);
  }
}

TEST(partition_distribution, impossible_distributions_are_refused) {
  const auto type = type_of<std::int32_t>;
  EXPECT_EQ(any_partitioner::make(distribution::even(0)).error().code, errc::invalid_argument);
  EXPECT_EQ(any_partitioner::make(distribution::by_key({}, 4)).error().code, errc::invalid_argument);
  EXPECT_EQ(
      any_partitioner::make(distribution::by_range({0}, {{scalar::of_integer(type, 2)}, {scalar::of_integer(type, 2)}}))
          .error(),
      (pillar::failure{errc::invalid_argument, 1}));
  auto wrong = distribution::by_key({0}, 4);
  wrong.map = *bucket_map::make_even(5);
  EXPECT_EQ(any_partitioner::make(wrong).error().code, errc::invalid_argument);
}

TEST(partition_distribution, models_are_equal_when_keys_lie_alike) {
  const auto by_first = *any_partitioner::make(distribution::by_key({0}, 4));
  EXPECT_TRUE(by_first == *any_partitioner::make(distribution::by_key({3}, 4)));
  EXPECT_FALSE(by_first == *any_partitioner::make(distribution::by_key({3}, 5)));
  EXPECT_FALSE(by_first == *any_partitioner::make(distribution::by_key({0, 3}, 4)));
  EXPECT_FALSE(by_first == *any_partitioner::make(distribution::even(4)));
  EXPECT_EQ((*any_partitioner::make(distribution::all())).slice_count(), 1u);
}

}  // namespace
}  // namespace pillar_test::partition_partitioner
