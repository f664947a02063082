// SPDX-License-Identifier: Apache-2.0
#include "pillar/join/join_cursor.hpp"

#include <gtest/gtest.h>

#include "join/join_sides.hpp"
#include "pillar/join/join_builder.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::join_join_cursor {
namespace {

using pillar::join_kind;
using pillar::no_row;
using pillar::scalar;
using pillar::selection_mask;
using pillar::type_of;

constexpr std::uint32_t id_limit = 1'000'003;

struct build_row {
  std::string name;
  std::uint32_t id;
};
struct pair {
  std::uint32_t probe;
  std::uint32_t build;
  friend bool operator==(const pair&, const pair&) = default;
};

bool satisfies(std::uint32_t probe_row, std::uint32_t build_id) { return (probe_row * 7 + build_id) % 3 != 0; }

/// What one batch joins, row against row.
struct expectation {
  std::vector<pair> pairs{};
  selection_mask partnered = selection_mask::none();
};
expectation nested_loop(const std::vector<build_row>& build, const key_batch& probe, bool with_residual) {
  expectation made;
  for (std::uint32_t row = 0; row < probe.row_count; ++row)
    for (const build_row& other : build) {
      if (!probe.selection.test(row) || probe.names[row].empty() || probe.names[row] != other.name) continue;
      if (with_residual && !satisfies(row, other.id)) continue;
      made.pairs.push_back({row, other.id});
      pillar::set_bit(made.partnered.words, row);
    }
  return made;
}

struct sides {
  std::vector<pillar::data_type> types;
  pillar::join_builder builder;
  std::vector<build_row> rows{};
  bool has_null = false;

  void add(const key_batch& batch, bool given_ids) {
    std::vector<std::uint32_t> ids(pillar::vector_rows);
    auto number = static_cast<std::uint32_t>(rows.size());
    pillar::for_each_row(batch.selection, [&](std::uint32_t row) { ids[row] = number++ * 7919 % id_limit; });
    ASSERT_TRUE(builder.append(batch.keys, batch.selection, batch.row_count, given_ids ? ids.data() : nullptr).ok());
    pillar::for_each_row(batch.selection, [&](std::uint32_t row) {
      rows.push_back({batch.names[row], given_ids ? ids[row] : static_cast<std::uint32_t>(rows.size())});
      has_null |= batch.names[row].empty();
    });
    ASSERT_EQ(builder.row_count(), rows.size());
  }
};

void check(pillar::splitmix64& random, const sides& test, const pillar::join_table& table, join_kind kind,
           const std::vector<key_batch>& probes, bool with_residual) {
  const bool null_aware = kind == join_kind::null_aware_anti || kind == join_kind::null_aware_mark;
  if (null_aware && (test.types.size() != 1 || with_residual)) return;
  auto first_matches = *pillar::join_matches::make(table), second_matches = *pillar::join_matches::make(table);
  pillar::join_cursor cursors[] = {*pillar::join_cursor::make(table, kind, &first_matches),
                                   *pillar::join_cursor::make(table, kind, &second_matches)};
  const auto refuse = [&](std::span<const std::uint32_t> probe_rows, std::span<const std::uint32_t> build_rows,
                          selection_mask& kept) -> pillar::result<void> {
    EXPECT_EQ(kept.count(), probe_rows.size());
    for (std::uint32_t i = 0; i < probe_rows.size(); ++i)
      if (!satisfies(probe_rows[i], build_rows[i])) pillar::assign_bit(kept.words, i, false);
    return {};
  };
  const pillar::join_residual residual = refuse;
  const pillar::join_residual* condition = with_residual ? &residual : nullptr;
  std::vector<bool> matched(id_limit, false);
  for (std::size_t at = 0; at < probes.size(); ++at) {
    const key_batch& probe = probes[at];
    pillar::join_cursor& cursor = cursors[at % 2];
    auto expected = nested_loop(test.rows, probe, with_residual);
    cursor.start(probe.keys, probe.selection, probe.row_count);
    selection_mask rest = probe.selection;
    for (std::uint32_t word = 0; word < pillar::vector_words; ++word)
      rest.words[word] &= ~expected.partnered.words[word];
    if (kind <= join_kind::full) {
      for (const pair& made : expected.pairs) matched[made.build] = true;
      if (kind == join_kind::left || kind == join_kind::full)
        pillar::for_each_row(rest, [&](std::uint32_t row) { expected.pairs.push_back({row, no_row}); });
      if (!with_residual) ASSERT_EQ(cursor.size(), expected.pairs.size());
      std::vector<pair> pairs;
      for (;;) {
        const std::size_t capacity = 1 + random.below(random.chance(1, 2) ? 9 : 3000);
        std::vector<std::uint32_t> probe_rows(capacity), build_rows(capacity);
        const std::uint32_t count = *cursor.next(probe_rows, build_rows, condition);
        for (std::uint32_t i = 0; i < count; ++i) pairs.push_back({probe_rows[i], build_rows[i]});
        if (count == 0) break;
        ASSERT_LE(pairs.size(), expected.pairs.size());
      }
      ASSERT_TRUE(pairs == expected.pairs);
      continue;
    }
    const bool in_is_unknown = test.has_null;
    selection_mask expected_rows = kind == join_kind::semi || kind >= join_kind::mark ? expected.partnered : rest;
    selection_mask expected_null = selection_mask::none();
    pillar::for_each_row(rest, [&](std::uint32_t row) {
      const bool unknown = !test.rows.empty() && (in_is_unknown || probe.names[row].empty());
      if (kind == join_kind::null_aware_anti && unknown) pillar::assign_bit(expected_rows.words, row, false);
      if (kind == join_kind::null_aware_mark && unknown) pillar::set_bit(expected_null.words, row);
    });
    selection_mask rows, null;
    if (kind >= join_kind::mark) {
      ASSERT_TRUE(cursor.mark(rows, null, condition).ok());
      ASSERT_EQ(null, expected_null);
    } else {
      ASSERT_TRUE(cursor.select(rows, condition).ok());
    }
    ASSERT_EQ(rows, expected_rows);
  }
  if (kind != join_kind::right && kind != join_kind::full) return;
  first_matches.merge(second_matches);
  for (const bool wanted : {true, false}) {
    std::multiset<std::uint32_t> expected, found;
    for (const build_row& row : test.rows)
      if ((matched[row.id] && !row.name.empty()) == wanted) expected.insert(row.id);
    std::uint32_t position = 0, ids[37];
    while (const std::uint32_t count = first_matches.next(wanted, position, ids)) found.insert(ids, ids + count);
    ASSERT_EQ(found, expected);
  }
}

/// One table and every kind of join against it.
void check_kinds(pillar::splitmix64& random, sides& test, const pillar::join_table& table,
                 const std::vector<key_batch>& probes) {
  for (int kind = 0; kind <= static_cast<int>(join_kind::null_aware_mark); ++kind)
    for (const bool with_residual : {false, true}) {
      SCOPED_TRACE("kind " + std::to_string(kind) + (with_residual ? " with a residual condition" : ""));
      ASSERT_NO_FATAL_FAILURE(check(random, test, table, static_cast<join_kind>(kind), probes, with_residual));
    }
}

TEST(join_join_cursor, every_kind_agrees_with_a_nested_loop) {
  pillar::splitmix64 random(61);
  const auto all = every_type(true);
  int seen[4][2] = {};
  for (int round = 0; round < (sanitized ? 80 : 160); ++round) {
    std::vector<pillar::data_type> types;
    const std::uint64_t columns = round < 40 ? 1 : 1 + random.below(3);
    for (std::uint64_t i = 0; i < columns; ++i)
      types.push_back(all[columns == 1 ? static_cast<std::size_t>(round) % all.size() : random.below(all.size())]);
    for (auto& type : types) type.nullable = random.chance(1, 2);
    const std::uint64_t distinct = random.chance(1, 3) ? 900 : 2 + random.below(30);
    const std::size_t longest = random.chance(1, 2) ? 12 : 1000;
    const std::int64_t spread = random.chance(1, 2) ? 1 : 1'000'003'000'007;
    const bool unique = random.chance(1, 3), given_ids = random.chance(1, 2);
    sides test{types, *pillar::join_builder::make(types)};
    std::set<std::string> names;
    for (std::uint64_t batch = 0, batches = random.below(4); batch < batches; ++batch) {
      const auto rows = static_cast<std::uint32_t>(random.chance(1, 5) ? 1 : random.below(120));
      key_batch keys = random_keys(random, types, rows, distinct, longest, false, spread);
      if (unique) keep_first_of_each(keys, names);
      ASSERT_NO_FATAL_FAILURE(test.add(keys, given_ids));
    }
    std::vector<key_batch> probes;
    for (const std::uint32_t rows : {0u, 1u, 70u, round % 8 == 0 ? 1024u : 200u})
      probes.push_back(random_keys(random, types, rows, distinct + distinct / 4, longest + 3, false, spread));
    const auto table = *test.builder.seal();
    ++seen[static_cast<int>(table.mode())][table.keys_are_unique() ? 1 : 0];
    SCOPED_TRACE("round " + std::to_string(round) + " mode " + std::to_string(static_cast<int>(table.mode())));
    ASSERT_EQ(table.row_count(), test.rows.size());
    ASSERT_NO_FATAL_FAILURE(check_kinds(random, test, table, probes));
  }
  for (int mode = 0; mode < 4; ++mode)
    for (int unique = 0; unique < 2; ++unique) EXPECT_GT(seen[mode][unique], 0) << mode << " " << unique;
}

TEST(join_join_cursor, a_large_table_is_sieved_where_few_rows_have_partners) {
  // 40,000 keys of 8 and 16 bytes and texts: tables of more than 1 MiB.
  pillar::splitmix64 random(63);
  const auto number = [](std::uint64_t i) { return static_cast<std::int64_t>(i * 1'000'003 + 17); };
  const auto vector_of = [&](int form, std::uint64_t first, std::uint64_t step) {
    std::vector<scalar> cells;
    for (std::uint64_t i = 0; i < pillar::vector_rows; ++i) {
      const std::int64_t key = number(first + i * step);
      if (form == 0) cells.push_back(scalar::of_integer(type_of<std::int64_t>, key));
      else if (form == 1)
        cells.push_back(scalar::of_integer(type_of<pillar::decimal<38, 0>>, pillar::int128{key} << 40));
      else
        cells.push_back(
            scalar::of_text(type_of<pillar::text>, (form == 2 ? "" : "not inlined ") + std::to_string(key)));
    }
    return make_vector(cells[0].type, cells);
  };
  for (int form = 0; form < 4; ++form) {
    const std::vector types = {vector_of(form, 0, 1).view.type};
    auto builder = *pillar::join_builder::make(types);
    for (std::uint64_t batch = 0; batch < 40; ++batch) {
      const auto keys = vector_of(form, batch * pillar::vector_rows, 1);
      const pillar::vector* pointer = &keys.view;
      const auto all = selection_mask::first(pillar::vector_rows);
      ASSERT_TRUE(builder.append({&pointer, 1}, all, pillar::vector_rows).ok());
    }
    const auto table = *builder.seal();
    EXPECT_GT(table.byte_count(), std::uint64_t{1} << 20);
    auto cursor = *pillar::join_cursor::make(table, join_kind::inner);
    for (int batch = 0; batch < 12; ++batch) {  // one row in 16 has a partner, then every one
      const std::uint64_t first = random.below(2000), step = batch < 8 ? 640 : 1;
      const auto keys = vector_of(form, first, step);
      const pillar::vector* pointer = &keys.view;
      std::uint64_t passing[pillar::vector_words];
      table.may_have_partners(keys.view, passing);
      cursor.start({&pointer, 1}, selection_mask::first(pillar::vector_rows), pillar::vector_rows);
      std::uint32_t probe_rows[pillar::vector_rows], build_rows[pillar::vector_rows];
      const std::uint32_t count = *cursor.next(probe_rows, build_rows);
      std::uint32_t expected = 0;
      for (std::uint32_t row = 0; row < pillar::vector_rows; ++row) {
        if (first + row * step >= 40 * pillar::vector_rows) continue;
        ASSERT_LT(expected, count);
        ASSERT_EQ(probe_rows[expected], row);
        ASSERT_EQ(build_rows[expected++], first + row * step);
        ASSERT_TRUE(pillar::get_bit(passing, row));
      }
      ASSERT_EQ(count, expected);
      if (step != 1) ASSERT_LT(pillar::count_bits(passing, pillar::vector_rows), expected + 40);
    }
  }
}

TEST(join_join_cursor, what_cannot_be_is_refused) {
  const std::vector types = {type_of<std::int32_t>, type_of<std::int32_t>};
  const auto table = *pillar::join_builder::make(types)->seal();
  EXPECT_EQ(pillar::join_cursor::make(table, join_kind::right).error().code, pillar::errc::invalid_argument);
  EXPECT_EQ(pillar::join_cursor::make(table, join_kind::null_aware_anti).error().code, pillar::errc::invalid_argument);
  pillar::memory_budget budget(100);
  EXPECT_EQ(pillar::join_cursor::make(table, join_kind::inner, nullptr, &budget).error().code,
            pillar::errc::out_of_memory);
}

TEST(join_join_cursor, an_error_of_a_residual_condition_comes_out) {
  const std::vector types = {type_of<std::int32_t>};
  pillar::splitmix64 random(62);
  sides test{types, *pillar::join_builder::make(types)};
  test.add(random_keys(random, types, 50, 5, 1000, true), false);
  const auto table = *test.builder.seal();
  auto cursor = *pillar::join_cursor::make(table, join_kind::semi);
  const auto probe = random_keys(random, types, 50, 5);
  cursor.start(probe.keys, probe.selection, probe.row_count);
  const auto fail = [](std::span<const std::uint32_t>, std::span<const std::uint32_t>, selection_mask&) {
    return pillar::result<void>(pillar::errc::overflow, 3);
  };
  const pillar::join_residual residual = fail;
  selection_mask rows;
  EXPECT_EQ(cursor.select(rows, &residual).error(), (pillar::failure{pillar::errc::overflow, 3}));
  auto not_in = *pillar::join_cursor::make(table, join_kind::null_aware_anti);
  not_in.start(probe.keys, probe.selection, probe.row_count);
  EXPECT_EQ(not_in.select(rows, &residual).error().code, pillar::errc::invalid_argument);
  EXPECT_TRUE(not_in.select(rows).ok());
}

}  // namespace
}  // namespace pillar_test::join_join_cursor
