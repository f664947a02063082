// SPDX-License-Identifier: Apache-2.0
#include "pillar/join/spilling_join.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "join/join_sides.hpp"
#include "pillar/base/file.hpp"
#include "pillar/column/shared_run_store.hpp"
#include "pillar/conformance/faults.hpp"
#include "pillar/schedule/worker_pool.hpp"
#include "pillar/storage/file_run_store.hpp"
#include "pillar/storage/memory_run_store.hpp"
#include "support/allocation_meter.hpp"
#include "support/encoded_bytes.hpp"
#include "support/refused_in_turn.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::join_spilling_join {
namespace {

using pillar::column;
using pillar::data_type;
using pillar::errc;
using pillar::join_kind;
using pillar::joined_rows;
using pillar::memory_budget;
using pillar::memory_run_store;
using pillar::scalar;
using pillar::selection_mask;
using pillar::spilling_join;
using pillar::spilling_join_options;
using pillar::type_of;
using pillar::conformance::fault_plan;
using pillar::conformance::faulty_file;
using pillar::conformance::memory_file;

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t nobody = ~std::uint64_t{0};

std::string note_of(std::uint64_t id) {
  return id % 3 == 0 ? "note " + std::to_string(id) : "a note that is longer " + std::to_string(id * 7919);
}

/// The number that names a row in its side: they differ, and are in no order that an encoding could use.
std::int64_t number_of_row(std::uint64_t id) { return static_cast<std::uint32_t>(id * 0x9E3779B1u); }
std::uint64_t row_of_number(std::int64_t number) { return static_cast<std::uint32_t>(number * 244002641u); }

/// Rows of one side: a note (NULL for every fifth) or, without texts, a second number, the keys, and a number, which
/// names the row.
struct side_rows {
  struct batch {
    key_batch keys;
    owned_vector notes, numbers;
    std::vector<const pillar::vector*> columns{};
  };
  pillar::join_side shape{};
  std::vector<batch> batches{};
  std::vector<std::string> names{};  ///< of each row's key; "" if it holds a NULL
  std::vector<bool> selected{};

  explicit side_rows(const std::vector<data_type>& key_types, bool with_texts = true) {
    shape.types.push_back((with_texts ? type_of<pillar::text> : type_of<std::int64_t>).as_nullable());
    for (std::uint32_t i = 0; i < key_types.size(); ++i) {
      shape.types.push_back(key_types[i]);
      shape.keys.push_back(i + 1);
    }
    shape.types.push_back(type_of<std::int64_t>);
  }
  void add(key_batch keys) {
    std::vector<scalar> notes, numbers;
    for (std::uint32_t row = 0; row < keys.row_count; ++row) {
      const std::uint64_t id = names.size();
      if (id % 5 == 0) notes.push_back(scalar::of_null(shape.types[0]));
      else if (shape.types[0].physical == pillar::physical_type::text)
        notes.push_back(scalar::of_text(shape.types[0], note_of(id)));
      else notes.push_back(scalar::of_integer(shape.types[0], number_of_row(id) % 100'003));
      numbers.push_back(scalar::of_integer(type_of<std::int64_t>, number_of_row(id)));
      names.push_back(keys.names[row]);
      selected.push_back(keys.selection.test(row));
    }
    batches.push_back(
        {std::move(keys), make_vector(shape.types[0], notes), make_vector(type_of<std::int64_t>, numbers)});
    batch& made = batches.back();
    made.columns.push_back(&made.notes.view);
    for (const pillar::vector* key : made.keys.keys) made.columns.push_back(key);
    made.columns.push_back(&made.numbers.view);
  }
  void link() {  // batches have moved
    for (batch& of : batches) {
      of.columns.front() = &of.notes.view;
      of.columns.back() = &of.numbers.view;
    }
  }
};

struct question {
  side_rows build, probe;
  join_kind kind = join_kind::inner;
  bool with_condition = false;
};

bool satisfies(std::uint64_t probe, std::uint64_t build) { return (probe * 7 + build) % 3 != 0; }

/// Pairs of row numbers; of kinds that give masks a row's number and its mark (0: false or kept, 1: true, 2: NULL).
using answer = std::vector<std::array<std::uint64_t, 2>>;

answer expected_of(const question& of) {
  std::map<std::string, std::vector<std::uint64_t>> rows;
  bool has_rows = false, has_null = false;
  for (std::uint64_t id = 0; id < of.build.names.size(); ++id) {
    if (!of.build.selected[id]) continue;
    has_rows = true;
    has_null = has_null || of.build.names[id].empty();
    if (!of.build.names[id].empty()) rows[of.build.names[id]].push_back(id);
  }
  answer made;
  std::vector<bool> matched(of.build.names.size(), false);
  for (std::uint64_t id = 0; id < of.probe.names.size(); ++id) {
    if (!of.probe.selected[id]) continue;
    const std::string& name = of.probe.names[id];
    bool partnered = false;
    if (const auto found = rows.find(name); found != rows.end())
      for (const std::uint64_t other : found->second) {
        if (of.with_condition && !satisfies(id, other)) continue;
        partnered = matched[other] = true;
        if (of.kind <= join_kind::full) made.push_back({id, other});
      }
    const bool unknown = !partnered && has_rows && (has_null || name.empty());
    switch (of.kind) {
      case join_kind::left:
      case join_kind::full:
        if (!partnered) made.push_back({id, nobody});
        break;
      case join_kind::semi:
        if (partnered) made.push_back({id, 0});
        break;
      case join_kind::anti:
        if (!partnered) made.push_back({id, 0});
        break;
      case join_kind::null_aware_anti:
        if (!partnered && !unknown) made.push_back({id, 0});
        break;
      case join_kind::mark: made.push_back({id, partnered ? 1u : 0u}); break;
      case join_kind::null_aware_mark: made.push_back({id, partnered ? 1u : unknown ? 2u : 0u}); break;
      default: break;
    }
  }
  if (of.kind == join_kind::right || of.kind == join_kind::full)
    for (std::uint64_t id = 0; id < of.build.names.size(); ++id)
      if (of.build.selected[id] && !matched[id]) made.push_back({nobody, id});
  std::sort(made.begin(), made.end());
  return made;
}

/// The number of a delivered row, all of whose cells must be its own; nobody if all are NULL.
std::uint64_t number_of(const side_rows& side, std::span<const pillar::vector> columns, std::uint32_t row) {
  if (!columns.back().valid(row)) {
    for (const auto& column : columns) EXPECT_FALSE(column.valid(row));
    return nobody;
  }
  const std::uint64_t id = row_of_number(columns.back().value<std::int64_t>(row));
  EXPECT_LT(id, side.names.size());
  EXPECT_TRUE(side.selected[id]);
  EXPECT_EQ(columns[0].valid(row), id % 5 != 0);
  if (id % 5 != 0 && columns[0].type.physical == pillar::physical_type::text)
    EXPECT_EQ(columns[0].text_value(row), note_of(id));
  else if (id % 5 != 0) EXPECT_EQ(columns[0].value<std::int64_t>(row), number_of_row(id) % 100'003);
  std::string name;
  bool null = false;
  for (const std::uint32_t key : side.shape.keys) {
    null = null || !columns[key].valid(row);
    if (!null) name += name_of(pillar::get(columns[key], row));
  }
  EXPECT_EQ(null ? std::string() : name, side.names[id]);
  return id;
}

struct outcome {
  answer rows{};
  errc said = errc::ok;
  std::uint64_t spilled = 0, repeated = 0;
  std::map<std::uint64_t, std::uint64_t> unmatched{};  ///< build rows without partners, by their numbers
};

/// The whole join; what went wrong first, if anything.
outcome run(const question& of, memory_budget* budget, spilling_join_options options) {
  std::optional<pillar::shared_run_store> shared;
  std::optional<pillar::worker_pool> pool;  // that finishes; all else is one thread's
  if (options.worker_count > 1) {
    options.store = &shared.emplace(*options.store);
    pool.emplace(options.worker_count);
  }
  std::mutex one_at_a_time;
  const auto refuse = [&](const joined_rows& pairs, selection_mask& kept) -> pillar::result<void> {
    for (std::uint32_t i = 0; i < pairs.row_count; ++i)
      if (!satisfies(number_of(of.probe, pairs.probe, i), number_of(of.build, pairs.build, i)))
        pillar::assign_bit(kept.words, i, false);
    return {};
  };
  const pillar::joined_condition condition = refuse;
  if (of.with_condition) options.condition = &condition;
  outcome made;
  struct partner {
    std::uint64_t row = 0, number = 0;
  };
  std::map<std::uint64_t, partner> last;                            // by probe row
  std::vector<std::uint64_t> before(options.worker_count, nobody);  // each worker's last probe row
  std::uint64_t most_partners = 0;
  const auto take = [&](const joined_rows& rows) -> pillar::result<void> {
    EXPECT_EQ(rows.probe.size(), of.probe.shape.types.size());
    const std::scoped_lock lock(one_at_a_time);
    pillar::for_each_row(rows.rows, [&](std::uint32_t row) {
      std::uint64_t other = 0;
      if (of.kind <= join_kind::full) other = number_of(of.build, rows.build, row);
      if (of.kind >= join_kind::mark) other = rows.is_true.test(row) ? 1 : rows.is_null.test(row) ? 2 : 0;
      made.rows.push_back({number_of(of.probe, rows.probe, row), other});
      if (of.kind <= join_kind::full && made.rows.back()[0] == nobody)
        EXPECT_TRUE(made.unmatched.emplace(rows.first_unmatched + row, other).second);
      if (of.kind > join_kind::full || made.rows.back()[0] == nobody || other == nobody) return;
      // Partners come in their order, and their numbers tell it.
      const std::uint64_t probe = made.rows.back()[0];
      const auto [now, is_first] = last.try_emplace(probe);
      const std::uint64_t number = before[rows.worker] == probe ? now->second.number + 1 : rows.build_rows_before;
      EXPECT_TRUE(is_first || (now->second.row < other && now->second.number < number));
      EXPECT_LT(number, most_partners);
      now->second = {other, number};
      before[rows.worker] = probe;
    });
    return {};
  };
  const auto all = [&]() -> pillar::result<void> {
    PILLAR_ASSIGN_OR_RETURN(spilling_join join,
                            spilling_join::make(of.build.shape, of.probe.shape, of.kind, budget, options));
    const auto body = [&]() -> pillar::result<void> {
      for (const auto& batch : of.build.batches)
        PILLAR_TRY(join.append(batch.columns, batch.keys.selection, batch.keys.row_count));
      PILLAR_TRY(join.seal());
      most_partners = join.most_partners(false);
      EXPECT_LE(join.most_partners(true), most_partners);
      for (const auto& batch : of.probe.batches)
        PILLAR_TRY(join.probe(batch.columns, batch.keys.selection, batch.keys.row_count, take));
      return pool ? join.finish(take, *pool) : join.finish(take);
    };
    const auto done = body();
    made.spilled = join.spilled_rows();
    made.repeated = join.repeated_reads();
    if (!done.ok() && made.spilled != 0) EXPECT_EQ(join.finish(take).error().code, done.error().code);
    return done;
  }();
  made.said = all.error().code;
  std::sort(made.rows.begin(), made.rows.end());
  return made;
}

/// The expected rows from little memory, of which somebody else holds a part; nothing left behind.
outcome expect_same_of(const question& of, bool in_file, std::uint64_t state_bytes, std::uint64_t limit,
                       std::uint64_t held, std::uint32_t workers) {
  memory_budget budget(limit), beside;  // encoded runs in memory are not the operator's
  outcome found;
  EXPECT_TRUE(budget.reserve(held).ok());
  {
    memory_file file;
    const pillar::run_store_options writing{.buffer_bytes = (limit - held) / 8, .block_rows = 1024};
    memory_run_store memory({.budget = &beside, .buffer_bytes = writing.buffer_bytes, .block_rows = 1024});
    pillar::file_run_store stored(file, {.budget = &budget, .buffer_bytes = writing.buffer_bytes, .block_rows = 1024});
    pillar::run_store* const store = in_file ? static_cast<pillar::run_store*>(&stored) : &memory;
    found =
        run(of, &budget, {.store = store, .state_bytes = state_bytes, .partition_bits = 3, .worker_count = workers});
    EXPECT_EQ(found.said, errc::ok) << to_string(found.said);
    const answer expected = expected_of(of);
    EXPECT_EQ(found.rows.size(), expected.size());
    EXPECT_TRUE(found.rows == expected);
    EXPECT_GT(found.spilled, 0u);
    EXPECT_GT(store->counts().bytes_written, 0u);
    EXPECT_EQ(store->counts().rows_written, found.spilled);
    std::uint64_t selected = 0;
    for (const side_rows* side : {&of.build, &of.probe})
      selected += static_cast<std::uint64_t>(std::count(side->selected.begin(), side->selected.end(), true));
    EXPECT_LE(found.spilled, selected);  // each row once at most
  }
  budget.release(held);
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_LE(budget.peak(), limit);
  return found;
}

/// The same by one worker and by three.
outcome expect_same(const question& of, bool in_file, std::uint64_t state_bytes, std::uint64_t limit,
                    std::uint64_t held = 0) {
  const outcome alone = expect_same_of(of, in_file, state_bytes, limit, held, 1);
  const outcome many = expect_same_of(of, in_file, state_bytes, limit, held, 3);
  EXPECT_TRUE(many.unmatched == alone.unmatched);  // numbers, too
  return alone;
}

question make_question(pillar::splitmix64& random, const std::vector<data_type>& types, std::uint32_t batches,
                       std::uint64_t distinct, bool with_texts = true) {
  question made{side_rows(types, with_texts), side_rows(types, with_texts)};
  for (side_rows* side : {&made.build, &made.probe}) {
    for (std::uint32_t i = 0; i < batches; ++i)
      side->add(random_keys(random, types, i % 4 == 3 ? 300 : 1000, distinct, 1000, false, 1'000'003));
    side->link();
  }
  return made;
}

TEST(join_spilling_join, every_kind_agrees_with_a_map) {
  const std::vector<std::vector<data_type>> schemas = {
      {type_of<std::int64_t>.as_nullable()},
      {type_of<pillar::text>.as_nullable()},
      {type_of<pillar::text>, type_of<std::int32_t>.as_nullable()},
      {type_of<std::int64_t>, type_of<pillar::date>},
      {type_of<double>.as_nullable()},
      {pillar::decimal_type(30, 2, true)},
  };
  pillar::splitmix64 random(91);
  for (int kind = 0; kind <= static_cast<int>(join_kind::null_aware_mark); ++kind) {
    if (sanitized && kind % 2 == 1) continue;
    for (std::size_t turn = 0; turn < turns(std::size_t{2}); ++turn) {
      SCOPED_TRACE(kind);
      const bool null_aware =
          kind == static_cast<int>(join_kind::null_aware_anti) || kind == static_cast<int>(join_kind::null_aware_mark);
      const std::size_t schema = (static_cast<std::size_t>(kind) + turn * 3) % schemas.size();
      question of = make_question(random, schemas[null_aware && schemas[schema].size() > 1 ? turn % 2 : schema], 4,
                                  1200, turn == 0 && !sanitized);
      of.kind = static_cast<join_kind>(kind);
      of.with_condition = !null_aware && turn == 1;
      if (null_aware && turn == 1)  // a list without NULLs
        for (auto& batch : of.build.batches)
          for (std::uint32_t row = 0; row < batch.keys.row_count; ++row)
            if (batch.keys.names[row].empty()) {
              pillar::assign_bit(batch.keys.selection.words, row, false);
              const auto before = static_cast<std::size_t>(&batch - of.build.batches.data()) * 1000;
              of.build.selected[before + row] = false;
            }
      if (turn == 1)
        of.build.shape.types[0].nullable = of.probe.shape.types[0].nullable = false;  // notes are NULL still
      expect_same(of, turn % 2 == 0, 80 * kib, 6 * 1024 * kib);
      if (turn != 0) continue;
      memory_budget budget;
      EXPECT_TRUE(run(of, &budget, {}).rows == expected_of(of));  // all in memory
    }
  }
}

TEST(join_spilling_join, a_key_that_does_not_fit_alone_is_joined_part_by_part) {
  pillar::splitmix64 random(92);
  const std::vector types = {type_of<std::int64_t>.as_nullable()};
  for (const join_kind kind : {join_kind::full, join_kind::anti, join_kind::semi, join_kind::null_aware_mark}) {
    question of{side_rows(types, false), side_rows(types, false), kind};
    if (sanitized && kind != join_kind::full && kind != join_kind::semi) continue;
    for (int i = 0; i < (sanitized ? 6 : 10); ++i) of.build.add(random_keys(random, types, 1000, 1, 1000, true));
    of.build.add(random_keys(random, types, 1000, 4000, 1000, true));
    of.probe.add(random_keys(random, types, 10, 1, 1000, true));
    of.probe.add(random_keys(random, types, 1000, 4000, 1000, true));
    of.build.link(), of.probe.link();
    of.with_condition = kind == join_kind::full;
    EXPECT_GT(expect_same(of, false, 150 * kib, 4096 * kib).repeated, 1u);
  }
}

TEST(join_spilling_join, four_times_the_budget_is_written_once) {
  pillar::splitmix64 random(93);
  const std::vector types = {type_of<std::int64_t>};
  question of = make_question(random, types, 48, 100'000, false);
  memory_budget unlimited;
  EXPECT_EQ(run(of, &unlimited, {}).said, errc::ok);
  const std::uint64_t limit = unlimited.peak() / 4;
  const outcome found = expect_same(of, true, 0, limit);
  if (!sanitized) expect_same(of, true, 0, 2 * limit, limit);
  // What both sides take as a table's blocks, and what the runs took.
  std::uint64_t encoded = 0, row_count = 0;
  for (const side_rows* side : {&of.build, &of.probe}) {
    for (std::size_t i = 0; i < side->shape.types.size(); ++i) {
      pillar::column_builder rows(side->shape.types[i]);
      for (const auto& batch : side->batches) ASSERT_TRUE(rows.append(*batch.columns[i], &batch.keys.selection).ok());
      if (i == 0) row_count += rows.size();
      encoded += encoded_bytes(*rows.finish());
    }
  }
  memory_run_store runs({.buffer_bytes = 1 << 20});
  memory_budget budget(limit);
  ASSERT_EQ(run(of, &budget, {.store = &runs, .partition_bits = 3}).said, errc::ok);
  EXPECT_LE(runs.counts().bytes_written, encoded * 6 / 5);
  EXPECT_GT(found.spilled, row_count / 4);
}

TEST(join_spilling_join, spilled_rows_take_hardly_more_than_in_a_table) {
  if (sanitized) GTEST_SKIP() << "slow; sizes do not depend on it";
  for (const auto kind : spilled_columns::kinds) {
    SCOPED_TRACE(static_cast<int>(kind));
    using kind_type = spilled_columns::kind_type;
    constexpr std::uint32_t row_count = 300'000;
    const spilled_columns build(kind, row_count, 90'000, 5), probe(kind, row_count, 90'000, 6);
    pillar::join_side side;
    std::vector<std::vector<column>> columns = {build.keys, probe.keys};
    for (const column& of : build.inputs) columns[0].push_back(of);
    for (const column& of : probe.inputs) columns[1].push_back(of);
    for (const column& of : columns[0]) side.types.push_back(of.type());
    for (std::uint32_t key = 0; key < build.keys.size(); ++key) side.keys.push_back(key);
    const std::uint64_t limit = (kind == kind_type::text_payload ? 8192 : 4096) * kib;
    memory_budget budget(limit);
    memory_file file;
    pillar::file_run_store runs(file, {.budget = &budget, .buffer_bytes = limit / 8});
    auto join = spilling_join::make(side, side, join_kind::semi, &budget, {.store = &runs, .partition_bits = 4});
    ASSERT_TRUE(join.ok());
    std::uint64_t delivered = 0;
    const auto take = [&](const joined_rows& rows) -> pillar::result<void> {
      delivered += rows.rows.count();
      return {};
    };
    for (std::size_t s = 0; s < 2; ++s) {
      for (std::uint32_t at = 0; at < row_count; at += 1000) {
        std::vector<pillar::vector> views;
        std::vector<const pillar::vector*> pointers;
        for (const column& of : columns[s]) views.push_back(of.slice(at, 1000));
        for (const pillar::vector& of : views) pointers.push_back(&of);
        const selection_mask all = selection_mask::first(1000);
        ASSERT_TRUE((s == 0 ? join->append(pointers, all, 1000) : join->probe(pointers, all, 1000, take)).ok());
      }
      if (s == 0) ASSERT_TRUE(join->seal().ok());
    }
    ASSERT_TRUE(join->finish(take).ok());
    EXPECT_GT(delivered, row_count / 2);
    EXPECT_EQ(runs.counts().rows_written, join->spilled_rows());  // each once
    EXPECT_LE(join->spilled_rows(), 2 * row_count);
    EXPECT_GT(join->spilled_rows(), row_count);
    const double each = static_cast<double>(runs.counts().bytes_written) / static_cast<double>(join->spilled_rows());
    const double encoded = static_cast<double>(build.bytes() + probe.bytes()) / (2 * row_count);
    EXPECT_LE(each, 1.2 * encoded);
  }
}

TEST(join_spilling_join, without_a_store_it_stays_as_it_was) {
  pillar::splitmix64 random(94);
  question of = make_question(random, {type_of<std::int64_t>}, 6, 100'000);
  memory_budget budget(8192 * kib);
  auto join = *spilling_join::make(of.build.shape, of.probe.shape, join_kind::inner, &budget, {});
  std::uint64_t pairs = 0, held = 8000 * kib;
  const auto take = [&](const joined_rows& rows) {
    pairs += rows.row_count;
    return pillar::result<void>();
  };
  int refusals = 0;
  ASSERT_TRUE(budget.reserve(held).ok());
  const auto again = [&](auto&& step) {  // refused while somebody else holds the memory
    auto done = step();
    while (!done.ok() && held != 0) {
      EXPECT_EQ(done.error().code, errc::out_of_memory);
      ++refusals;
      budget.release(held);
      held = held > 7700 * kib ? 7700 * kib : 0;
      EXPECT_TRUE(budget.reserve(held).ok());
      done = step();
    }
    ASSERT_TRUE(done.ok());
  };
  for (const auto& batch : of.build.batches)
    again([&] { return join.append(batch.columns, batch.keys.selection, batch.keys.row_count); });
  again([&] { return join.seal(); });
  for (const auto& batch : of.probe.batches)
    ASSERT_TRUE(join.probe(batch.columns, batch.keys.selection, batch.keys.row_count, take).ok());
  ASSERT_TRUE(join.finish(take).ok());
  EXPECT_EQ(join.finish(take).error().code, errc::invalid_argument);
  EXPECT_EQ(pairs, expected_of(of).size());
  EXPECT_GT(pairs, 0u);
  EXPECT_EQ(refusals, 2);
  EXPECT_EQ(join.spilled_rows(), 0u);
  budget.release(held);
  const auto refused = [](const std::vector<std::uint32_t>& build, const std::vector<std::uint32_t>& probe,
                          join_kind kind) {
    const std::vector<data_type> types = {type_of<std::int64_t>, type_of<pillar::text>};
    return spilling_join::make({types, build}, {types, probe}, kind, nullptr, {}).error().code;
  };
  EXPECT_EQ(refused({0}, {0}, join_kind::null_aware_anti), errc::ok);
  EXPECT_EQ(refused({}, {}, join_kind::inner), errc::invalid_argument);
  EXPECT_EQ(refused({0}, {1}, join_kind::inner), errc::invalid_argument);
  EXPECT_EQ(refused({0, 1}, {0}, join_kind::inner), errc::invalid_argument);
  EXPECT_EQ(refused({0}, {2}, join_kind::inner), errc::invalid_argument);
  EXPECT_EQ(refused({0, 1}, {0, 1}, join_kind::null_aware_mark), errc::invalid_argument);
}

TEST(join_spilling_join, workers_finish_partitions_side_by_side) {
  pillar::splitmix64 random(99);
  question of = make_question(random, {type_of<std::int64_t>.as_nullable()}, 12, 6000, false);
  of.kind = join_kind::full;
  const outcome found = expect_same_of(of, false, 600 * kib, 16 * 1024 * kib, 0, 3);
  EXPECT_EQ(found.repeated, 0u);
  // An error of one ends the others.
  memory_budget budget;
  memory_run_store store({.budget = &budget, .buffer_bytes = 64 * kib, .block_rows = 1024});
  pillar::shared_run_store shared(store);
  pillar::worker_pool pool(3);
  for (const int allowed : {0, 1, 5}) {
    auto join = *spilling_join::make(of.build.shape, of.probe.shape, join_kind::inner, &budget,
                                     {.store = &shared, .state_bytes = 300 * kib, .worker_count = 3});
    std::atomic<int> taken{0};
    bool at_end = false;
    const auto take = [&](const joined_rows&) -> pillar::result<void> {
      if (at_end && taken.fetch_add(1) >= allowed) return errc::out_of_memory;  // not the join's own
      return {};
    };
    for (const auto& batch : of.build.batches)
      ASSERT_TRUE(join.append(batch.columns, batch.keys.selection, batch.keys.row_count).ok());
    ASSERT_TRUE(join.seal().ok());
    for (const auto& batch : of.probe.batches)
      ASSERT_TRUE(join.probe(batch.columns, batch.keys.selection, batch.keys.row_count, take).ok());
    at_end = true;
    EXPECT_EQ(join.finish(take, pool).error().code, errc::out_of_memory);
    EXPECT_LE(taken.load(), allowed + 3);
    EXPECT_EQ(join.finish(take, pool).error().code, errc::out_of_memory);
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(join_spilling_join, workers_that_never_probed_finish_partitions_too) {
  pillar::splitmix64 random(101);
  for (const join_kind kind : {join_kind::right, join_kind::full}) {
    question of = make_question(random, {type_of<std::int64_t>.as_nullable()}, 12, 6000, false);
    of.kind = kind;
    of.probe.batches.clear();
    of.probe.names.clear();
    of.probe.selected.clear();
    of.probe.link();
    expect_same_of(of, false, 600 * kib, 16 * 1024 * kib, 0, 3);
  }
}

TEST(join_spilling_join, an_error_of_finish_is_final) {
  const std::vector types = {type_of<std::int64_t>};
  question of{side_rows(types, false), side_rows(types, false), join_kind::right};
  pillar::splitmix64 random(97);
  of.build.add(random_keys(random, types, 100, 50));
  of.build.link();
  memory_budget budget;
  auto join = *spilling_join::make(of.build.shape, of.probe.shape, of.kind, &budget, {});
  const auto& batch = of.build.batches[0];
  ASSERT_TRUE(join.append(batch.columns, batch.keys.selection, batch.keys.row_count).ok());
  ASSERT_TRUE(join.seal().ok());
  const auto refuse = [](const joined_rows&) -> pillar::result<void> { return errc::limit_exceeded; };
  EXPECT_EQ(join.finish(refuse).error().code, errc::limit_exceeded);
  EXPECT_EQ(join.finish(refuse).error().code, errc::limit_exceeded);
  EXPECT_EQ(budget.used(), 0u);  // nothing is kept for another try
}

// Also where no row comes of what is read back, and where nothing is.
TEST(join_spilling_join, long_work_asks_whether_it_may_go_on) {
  const std::vector types = {type_of<std::int64_t>};
  side_rows build(types, false);
  pillar::splitmix64 random(98);
  for (int i = 0; i < 12; ++i) build.add(random_keys(random, types, 1000, 12'000));
  build.link();
  int asked = 0, allowed = 0, asked_before_finish = 0;
  const auto refuse = [&]() -> pillar::result<void> {
    if (++asked == allowed) return errc::deadline_exceeded;
    return {};
  };
  const pillar::join_permission may_go_on = refuse;
  const auto nobody_asks = [](const joined_rows& pairs, selection_mask& kept) -> pillar::result<void> {
    kept = selection_mask::none();
    return pairs.row_count == 0 ? pillar::result<void>(errc::invalid_argument) : pillar::result<void>();
  };
  const pillar::joined_condition condition = nobody_asks;
  memory_run_store store({.buffer_bytes = 64 * kib});
  spilling_join_options options;
  options.store = &store;
  options.state_bytes = 400 * kib;
  options.condition = &condition;
  options.may_go_on = &may_go_on;
  const auto take = [](const joined_rows&) -> pillar::result<void> { return errc::invalid_argument; };
  const auto run_up_to = [&](int most, bool probes) -> errc {
    asked = 0;
    allowed = most;
    auto join = *spilling_join::make(build.shape, build.shape, join_kind::inner, nullptr, options);
    const auto each = [&](auto&& add) {
      errc said = errc::ok;
      for (const auto& batch : build.batches)
        if (const auto done = add(batch); said == errc::ok && !done.ok()) said = done.error().code;
      return said;
    };
    errc said =
        each([&](const auto& batch) { return join.append(batch.columns, batch.keys.selection, batch.keys.row_count); });
    if (said != errc::ok) return said;
    if (const auto done = join.seal(); !done.ok()) return done.error().code;
    EXPECT_GT(join.spilled_rows(), 0u);
    if (probes)
      said = each([&](const auto& batch) {
        return join.probe(batch.columns, batch.keys.selection, batch.keys.row_count, take);
      });
    if (said != errc::ok) return said;
    asked_before_finish = asked;
    const auto done = join.finish(take);
    return done.ok() ? errc::ok : done.error().code;
  };
  ASSERT_EQ(run_up_to(0, false), errc::ok);
  EXPECT_GT(asked_before_finish, 0);           // while rows were written out, and for the table
  EXPECT_GE(asked - asked_before_finish, 16);  // half of the partitions have been spilled, and nobody probed
  ASSERT_EQ(run_up_to(0, true), errc::ok);
  const int all = asked;
  for (int most = 1; most <= all; most += 1 + all / 16) {
    EXPECT_EQ(run_up_to(most, true), errc::deadline_exceeded) << most;
    EXPECT_EQ(asked, most);  // nothing was done after that
  }
}

TEST(join_spilling_join, every_allocation_and_file_operation_may_fail) {
  pillar::splitmix64 random(95);
  const std::vector types = {type_of<std::int64_t>.as_nullable()};
  question of{side_rows(types, false), side_rows(types, false), join_kind::full};
  for (side_rows* side : {&of.build, &of.probe}) {
    for (int i = 0; i < 2; ++i) side->add(random_keys(random, types, turns(1000u), 3000, 1000, true, 1'000'003));
    side->link();
  }
  const answer expected = expected_of(of);
  // A refused allocation may be taken for the end of the budget: then rows are spilled, and the answer is the same.
  const auto try_it = [&](memory_budget* budget, auto& file) {
    pillar::file_run_store store(file, {.budget = budget, .buffer_bytes = 64 * kib, .block_rows = 1024});
    const outcome found =
        run(of, budget, {.store = &store, .state_bytes = turns(40 * kib), .partition_bits = sanitized ? 1u : 2u});
    if (found.said == errc::ok) EXPECT_TRUE(found.rows == expected);
    return found.said;
  };
  const auto allocations =
      pillar::conformance::sweep_allocations("spilling join, allocations", [&](memory_budget& budget) {
        memory_file file;
        return try_it(&budget, file);
      });
  expect_points(allocations, turns(100u));
  const auto files = pillar::conformance::sweep_file_operations("spilling join, files", [&](fault_plan& plan) {
    memory_budget budget;
    memory_file inner;
    faulty_file<memory_file> file(inner, plan);
    const errc said = try_it(&budget, file);
    EXPECT_EQ(budget.used(), 0u);
    return said;
  });
  expect_points(files, turns(10u));
}

TEST(join_spilling_join, the_account_is_what_is_allocated) {
  if (sanitized) GTEST_SKIP() << "other allocator";
  pillar::splitmix64 random(96);
  for (const bool texts : {false, true}) {
    SCOPED_TRACE(texts ? "texts" : "integers");
    const question of =
        make_question(random, {texts ? type_of<pillar::text> : type_of<std::int64_t>}, texts ? 32 : 64, 100'000, texts);
    auto file = pillar::posix_file::create_temporary(testing::TempDir().c_str());
    ASSERT_TRUE(file.ok());
    memory_budget budget(3072 * kib);
    std::uint64_t row_count = 0, spilled = 0;
    const auto take = [&](const joined_rows& rows) {
      row_count += rows.row_count;
      return pillar::result<void>();
    };
    allocation_meter::begin();
    {
      pillar::file_run_store store(*file, {.budget = &budget, .buffer_bytes = 512 * kib, .block_rows = 2048});
      auto join = *spilling_join::make(of.build.shape, of.probe.shape, join_kind::inner, &budget, {.store = &store});
      for (const auto& batch : of.build.batches)
        ASSERT_TRUE(join.append(batch.columns, batch.keys.selection, batch.keys.row_count).ok());
      ASSERT_TRUE(join.seal().ok());
      for (const auto& batch : of.probe.batches)
        ASSERT_TRUE(join.probe(batch.columns, batch.keys.selection, batch.keys.row_count, take).ok());
      ASSERT_TRUE(join.finish(take).ok());
      spilled = join.spilled_rows();
    }
    EXPECT_GT(row_count, 1000u);
    EXPECT_GT(spilled, 0u);
    expect_account(budget, 1024 * kib);
    EXPECT_LE(budget.peak(), budget.limit());
  }
}

TEST(join_spilling_join, tables_and_cursors_have_an_account_too) {
  if (sanitized) GTEST_SKIP() << "other allocator";
  pillar::splitmix64 random(99);
  for (const auto& types : {std::vector{type_of<std::int64_t>}, std::vector{type_of<pillar::text>},
                            std::vector{type_of<pillar::text>, type_of<std::int64_t>.as_nullable()}}) {
    std::vector<key_batch> batches;
    for (int batch = 0; batch < 30; ++batch)
      batches.push_back(random_keys(random, types, 1000, 20'000, 1000, true, 1'000'003));
    std::vector<std::uint32_t> probe_rows(1000), build_rows(1000);
    memory_budget budget;
    allocation_meter::begin();
    {
      auto builder = *pillar::join_builder::make(types, &budget);
      for (const auto& batch : batches) ASSERT_TRUE(builder.append(batch.keys, batch.selection, batch.row_count).ok());
      const auto table = *builder.seal();
      auto matches = *pillar::join_matches::make(table, &budget);
      auto cursor = *pillar::join_cursor::make(table, join_kind::full, &matches, &budget);
      for (const auto& batch : batches) {
        cursor.start(batch.keys, batch.selection, batch.row_count);
        while (*cursor.next(probe_rows, build_rows) != 0) {
        }
      }
    }
    expect_account(budget, 500 * kib);
    EXPECT_EQ(budget.used(), 0u);
  }
}

}  // namespace
}  // namespace pillar_test::join_spilling_join
