// SPDX-License-Identifier: Apache-2.0
#include "pillar/storage/block.hpp"

#include <bit>
#include <cmath>

#include "support/block_cases.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::storage_block {
namespace {

pillar::codec_id chosen(const block_source& source) {
  const auto encoded = pillar::encode_block(source.views);
  EXPECT_TRUE(encoded.ok());
  const auto block = pillar::open_block(encoded->bytes());
  EXPECT_TRUE(block.ok());
  return block->codec();
}

TEST(storage_block, the_smallest_codec_wins) {
  pillar::splitmix64 random(1);
  const auto integer = pillar::type_of<std::int64_t>;
  const auto word = pillar::type_of<pillar::text>;
  const auto of = [&](pillar::data_type type, auto&& cell) {
    std::vector<pillar::scalar> cells;
    for (int row = 0; row < 4096; ++row) cells.push_back(cell(row));
    return make_source(type, std::move(cells));
  };
  using pillar::codec_id;
  using pillar::scalar;
  EXPECT_EQ(chosen(of(integer, [&](int) { return scalar::of_integer(integer, 5); })), codec_id::constant);
  EXPECT_EQ(chosen(of(integer, [&](int row) { return scalar::of_integer(integer, row % 100); })),
            codec_id::frame_of_reference);
  // Few values far apart: two bits a code against forty a distance.
  EXPECT_EQ(chosen(of(integer, [&](int row) { return scalar::of_integer(integer, (row % 4) * 999999999999); })),
            codec_id::dictionary);
  EXPECT_EQ(chosen(of(integer, [&](int) { return scalar::of_integer(integer, static_cast<std::int64_t>(random())); })),
            codec_id::frame_of_reference);
  EXPECT_EQ(chosen(of(word, [&](int row) { return scalar::of_text(word, row % 2 == 0 ? "yes" : "no"); })),
            codec_id::dictionary);
  EXPECT_EQ(chosen(of(word, [&](int) { return scalar::of_text(word, std::to_string(random())); })),
            codec_id::text_symbols);
  const auto real = pillar::type_of<double>;
  EXPECT_EQ(chosen(of(real, [&](int row) { return scalar::of_real(real, row * 7919 % 4096 / 100.0); })),
            codec_id::decimal_double);
  EXPECT_EQ(chosen(of(real, [&](int) { return scalar::of_real(real, 1 + std::ldexp(random() >> 12, -52)); })),
            codec_id::real_double);
  EXPECT_EQ(chosen(of(real, [&](int) { return scalar::of_real(real, std::bit_cast<double>(random())); })),
            codec_id::raw);
  const auto flag = pillar::type_of<bool>;
  EXPECT_EQ(chosen(of(flag, [&](int row) { return scalar::of_integer(flag, row % 3 == 0); })), codec_id::bitmap);
  const auto wide = pillar::decimal_type(38, 2);
  EXPECT_EQ(chosen(of(wide, [&](int) { return scalar::of_integer(wide, static_cast<int>(random.below(5000))); })),
            codec_id::split_int128);
}

TEST(storage_block, a_tie_of_packed_sizes_needs_ten_percent_for_a_dictionary) {
  // 3 bits either way: distances and codes are the same size, and the dictionary has entries on top.
  const auto type = pillar::type_of<std::int32_t>;
  std::vector<pillar::scalar> cells;
  for (int row = 0; row < 65536; ++row) cells.push_back(pillar::scalar::of_integer(type, row % 8));
  EXPECT_EQ(chosen(make_source(type, cells)), pillar::codec_id::frame_of_reference);
}

TEST(storage_block, bytes_add_up_with_every_transform) {
  pillar::splitmix64 random(2);
  for (const auto transform : {pillar::transform_choice::none, pillar::transform_choice::zstd,
                               pillar::transform_choice::lz4, pillar::transform_choice::automatic})
    for (const pillar::data_type& type : every_type(true)) {
      const auto source = make_source(type, random_cells(random, type, sanitized ? 2100 : 5000, 300), true);
      pillar::block_options options;
      options.transform = transform;
      block_seen seen;
      SCOPED_TRACE(to_string(type));
      check_source(source, options, random, 4, seen);
      options.codec = pillar::codec_id::raw;
      check_source(source, options, random, 1, seen);
      if (HasFatalFailure()) return;
    }
}

TEST(storage_block, a_transform_stays_only_where_it_pays) {
  const auto type = pillar::type_of<double>;
  pillar::splitmix64 random(3);
  for (const bool noise : {false, true}) {
    std::vector<pillar::scalar> cells;
    for (int row = 0; row < 3000; ++row) {
      const std::uint64_t bits = random() | 1;
      double value = row % 10;
      if (noise) std::memcpy(&value, &bits, sizeof(value));
      cells.push_back(pillar::scalar::of_real(type, value));
    }
    const auto source = make_source(type, cells);
    for (const auto transform : {pillar::transform_choice::zstd, pillar::transform_choice::lz4}) {
      pillar::block_options options;
      options.transform = transform;
      const auto encoded = pillar::encode_block(source.views, options);
      ASSERT_TRUE(encoded.ok());
      const auto block = pillar::open_block(encoded->bytes());
      ASSERT_TRUE(block.ok());
      EXPECT_EQ(block->transform() == pillar::transform_id::none, noise);
    }
  }
}

TEST(storage_block, equal_values_give_equal_bytes_whatever_their_vectors) {
  pillar::splitmix64 random(4);
  for (const pillar::data_type& type : every_type(true)) {
    const auto cells = random_cells(random, type, 3000, 50);
    const auto flat = make_source(type, cells), mixed = make_source(type, cells, true);
    const auto a = pillar::encode_block(flat.views), b = pillar::encode_block(mixed.views);
    ASSERT_TRUE(a.ok() && b.ok());
    ASSERT_EQ(a->size(), b->size());
    EXPECT_EQ(std::memcmp(a->data(), b->data(), a->size()), 0) << to_string(type);
  }
}

TEST(storage_block, directories_cost_what_differs_between_vectors) {
  const auto type = pillar::type_of<std::int32_t>;
  const auto source = make_source(type, std::vector(65536, pillar::scalar::of_integer(type, 7)));
  // Header, seven empty fields rounded up, the value, slack.
  EXPECT_EQ(pillar::encode_block(source.views)->size(), std::size_t{64 + 64 + 8 + 64});
}

TEST(storage_block, nulls_take_the_smallest_form) {
  const auto type = pillar::type_of<std::int32_t>.as_nullable();
  const auto of = [&](std::uint32_t rows, auto&& is_null) {
    std::vector<pillar::scalar> cells;
    for (std::uint32_t row = 0; row < rows; ++row)
      cells.push_back(is_null(row) ? pillar::scalar::of_null(type) : pillar::scalar::of_integer(type, 7));
    return make_source(type, std::move(cells), true);
  };
  const auto check = [](const block_source& source, pillar::null_form form, std::uint32_t own_bytes) {
    const auto bytes = *pillar::encode_block(source.views);
    const auto block = pillar::open_block(bytes.bytes());
    ASSERT_TRUE(block.ok()) << to_string(block.error().code);
    EXPECT_EQ(block->entry(0).nulls, form);
    EXPECT_EQ(block->encoded_bytes(0), own_bytes);
    expect_holds(*block, source.cells);
  };
  check(of(3000, [](std::uint32_t) { return false; }), pillar::null_form::none, 0);
  check(of(3000, [](std::uint32_t) { return true; }), pillar::null_form::all, 0);
  check(of(3000, [](std::uint32_t row) { return row % 1000 == 7; }), pillar::null_form::list, 2 + 2 * 2);
  check(of(1024, [](std::uint32_t row) { return row < 62; }), pillar::null_form::list, 2 + 2 * 62);
  check(of(1024, [](std::uint32_t row) { return row < 63; }), pillar::null_form::bitmap, 128);
  check(of(1024, [](std::uint32_t row) { return row >= 62; }), pillar::null_form::list_of_valid, 2 + 2 * 62);
  check(of(1024, [](std::uint32_t row) { return row >= 63; }), pillar::null_form::bitmap, 128);
  check(of(5, [](std::uint32_t row) { return row != 4; }), pillar::null_form::list_of_valid, 2 + 2);
}

TEST(storage_block, views_outlive_their_move) {
  pillar::splitmix64 random(5);
  const auto type = pillar::type_of<pillar::text>;
  const auto source = make_source(type, random_cells(random, type, 2000, 30));
  const auto encoded = pillar::encode_block(source.views);
  ASSERT_TRUE(encoded.ok());
  auto opened = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(opened.ok());
  const pillar::encoded_vector before = opened->vector_at(1);
  const pillar::block_view moved = *std::move(opened);
  EXPECT_EQ(moved.vector_at(1).block, before.block);
  expect_holds(moved, source.cells);
  EXPECT_FALSE(pillar::block_view());
  EXPECT_TRUE(static_cast<bool>(moved));
}

TEST(storage_block, wrong_shapes_are_errors) {
  const auto type = pillar::type_of<std::int32_t>;
  const auto source = make_source(type, std::vector(2000, pillar::scalar::of_integer(type, 1)));
  std::vector<pillar::vector> views = source.views;
  EXPECT_EQ(pillar::encode_block({}).error().code, pillar::errc::invalid_argument);
  std::swap(views[0], views[1]);  // the short one first
  EXPECT_EQ(pillar::encode_block(views).error(), (pillar::failure{pillar::errc::invalid_argument, 0}));
  views = source.views;
  views[1].type = pillar::type_of<std::int64_t>;
  EXPECT_EQ(pillar::encode_block(views).error(), (pillar::failure{pillar::errc::type_mismatch, 1}));
  views.assign(65, source.views[0]);
  EXPECT_EQ(pillar::encode_block(views).error().code, pillar::errc::invalid_argument);
  const auto nulls = make_source(type, {pillar::scalar::of_null(type)});
  EXPECT_EQ(pillar::encode_block(nulls.views).error().code, pillar::errc::invalid_argument);
}

TEST(storage_block, limits_and_budgets_hold) {
  pillar::splitmix64 random(6);
  const auto type = pillar::type_of<pillar::text>;
  const auto source = make_source(type, random_cells(random, type, 3000, 100));
  pillar::memory_budget budget;
  {
    const auto encoded = pillar::encode_block(source.views, {}, &budget);
    ASSERT_TRUE(encoded.ok());
    EXPECT_GE(budget.used(), encoded->size());
    EXPECT_LT(budget.peak(), std::uint64_t{2} << 20);
    pillar::block_limits limits;
    limits.max_rows = 2999;
    EXPECT_EQ(pillar::open_block(encoded->bytes(), limits).error().code, pillar::errc::limit_exceeded);
    limits.max_rows = 3000;
    pillar::memory_budget view_budget;
    limits.budget = &view_budget;
    {
      const auto block = pillar::open_block(encoded->bytes(), limits);
      ASSERT_TRUE(block.ok());
      EXPECT_GT(view_budget.used(), 0u);
    }
    EXPECT_EQ(view_budget.used(), 0u);
    pillar::memory_budget tiny(100);
    limits.budget = &tiny;
    EXPECT_EQ(pillar::open_block(encoded->bytes(), limits).error().code, pillar::errc::out_of_memory);
  }
  EXPECT_EQ(budget.used(), 0u);
  pillar::memory_budget tiny(1000);
  EXPECT_EQ(pillar::encode_block(source.views, {}, &tiny).error().code, pillar::errc::out_of_memory);
  EXPECT_EQ(tiny.used(), 0u);
}

/// A user's transform: every byte xored with a key, and a byte in front that says which key.
struct xor_transform {
  static std::size_t bound(const void*, std::size_t raw_bytes) noexcept { return raw_bytes + 1; }
  static pillar::result<std::size_t> apply(const void* state, std::span<const std::byte> raw,
                                           std::span<std::byte> out) noexcept {
    if (out.size() < raw.size() + 1) return pillar::errc::out_of_space;
    out[0] = *static_cast<const std::byte*>(state);
    for (std::size_t i = 0; i < raw.size(); ++i) out[i + 1] = raw[i] ^ out[0];
    return raw.size() + 1;
  }
  static pillar::result<void> restore(const void* state, std::span<const std::byte> stored,
                                      std::span<std::byte> raw) noexcept {
    if (stored.size() != raw.size() + 1 || stored[0] != *static_cast<const std::byte*>(state))
      return pillar::errc::corrupt;
    for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = stored[i + 1] ^ stored[0];
    return {};
  }
};

TEST(storage_block, a_users_transform_is_applied_and_needed_to_open) {
  const auto type = pillar::type_of<pillar::text>.as_nullable();
  pillar::splitmix64 random(77);
  const auto source = make_source(type, random_cells(random, type, 2100, 1000));
  const std::byte key{0x5a}, other{0x5b};
  const pillar::transform_functions own{pillar::transform_id{130}, &key, xor_transform::bound, xor_transform::apply,
                                        xor_transform::restore};
  pillar::transform_functions wrong = own;
  wrong.state = &other;
  const pillar::transform_functions *owns[] = {&own}, *wrongs[] = {&wrong};
  pillar::block_options options;
  options.codec = pillar::codec_id::raw;
  options.transform = pillar::transform_choice::user;
  EXPECT_EQ(pillar::encode_block(source.views, options).error().code, pillar::errc::invalid_argument);
  const auto plain = pillar::encode_block(source.views, {.codec = pillar::codec_id::raw});
  options.transforms = pillar::transform_set(owns);
  const auto encoded = pillar::encode_block(source.views, options);
  ASSERT_TRUE(plain.ok() && encoded.ok());
  EXPECT_GE(encoded->size(), plain->size());  // kept though it saves nothing
  EXPECT_EQ(pillar::open_block(encoded->bytes()).error().code, pillar::errc::unsupported);
  pillar::block_limits limits;
  limits.transforms = pillar::transform_set(wrongs);
  EXPECT_EQ(pillar::open_block(encoded->bytes(), limits).error().code, pillar::errc::corrupt);
  limits.transforms = options.transforms;
  const auto block = pillar::open_block(encoded->bytes(), limits);
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(block->transform(), pillar::transform_id{130});
  expect_holds(*block, source.cells);
}

}  // namespace
}  // namespace pillar_test::storage_block
