// SPDX-License-Identifier: Apache-2.0
#include "pillar/pipeline/audit.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "pillar/pipeline.hpp"
#include "pillar/pipeline/explain.hpp"
#include "support/random_expression.hpp"
#include "support/reference_query.hpp"
#include "support/sample_rows.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::pipeline_audit {
namespace {

using namespace pillar::query;
using pillar::audit_claim;
using pillar::audit_report;
using pillar::encoded_vector;
using pillar::liar;
using pillar::match_answer;
using pillar::scalar;
using pillar::typed_table;
using pillar::verdict;
using pillar::zone_map;

constexpr std::uint32_t row_count = 5'000;

typed_table<sample> make_table() {
  typed_table<sample> made(
      {.distribution = pillar::evenly(pillar::slices{2}), .order = pillar::compound("id"_col), .row_group_rows = 2048});
  EXPECT_TRUE(made.append(set_of(pillar::describe<sample>(), sample_rows(5, row_count))).ok());
  return made;
}

std::uint64_t checks(const audit_report& report, audit_claim what) {
  return report.checks[static_cast<std::size_t>(what)];
}
std::string words(const audit_report& report) {
  std::ostringstream out;
  out << report;
  return out.str();
}

TEST(pipeline_audit, honest_tables_are_clean) {
  const auto table = make_table();
  const auto all = audit(table);
  ASSERT_TRUE(all.ok());
  EXPECT_TRUE(all->clean()) << words(*all);
  EXPECT_EQ(all->row_groups, 4u);
  EXPECT_EQ(all->row_groups_audited, 4u);
  EXPECT_EQ(all->rows_audited, row_count);
  for (const audit_claim what :
       {audit_claim::zone_bounds, audit_claim::zone_exact, audit_claim::zone_nulls, audit_claim::zone_nan,
        audit_claim::directory, audit_claim::validity, audit_claim::match, audit_claim::sum, audit_claim::fetch})
    EXPECT_GT(checks(*all, what), 10u) << to_string(what);

  const auto query =
      audit(scan(table) | where("id"_col < 4'500 && "small"_col * 2 < 300 && "day"_col >= date{2019, 4, 14}) |
            group_by("word"_col)(sum("price"_col * "wide"_col), avg("real"_col)));
  ASSERT_TRUE(query.ok());
  EXPECT_TRUE(query->clean()) << words(*query);
  for (const audit_claim what : {audit_claim::zone_answer, audit_claim::interval, audit_claim::selection})
    EXPECT_GT(checks(*query, what), 3u) << to_string(what);
  EXPECT_NE(words(*query).find("no liar"), std::string::npos);
}

TEST(pipeline_audit, honest_answers_to_random_conditions_are_clean) {
  const auto table = make_table();
  const pillar::dynamic_schema schema = table.schema();
  pillar::splitmix64 random(23);
  std::vector<std::vector<scalar>> cells(schema.size());
  for (const auto& one : sample_rows(5, 200))
    for (std::size_t c = 0; c < one.size(); ++c) cells[c].push_back(one[c]);
  std::uint64_t audited = 0;
  for (int round = 0; round < turns(25); ++round) {
    expression_generator generate{random, schema, cells};
    const pillar::expression condition = generate.predicate(2);
    const auto report =
        audit(scan(static_cast<const pillar::table&>(table)) | where(condition), {.sample = 0.5, .seed = random()});
    if (!report.ok()) continue;
    ++audited;
    EXPECT_TRUE(report->clean()) << spell(condition) << '\n' << words(*report);
  }
  EXPECT_GT(audited, turns(10u));
}

/// The map of a block or of one of its vectors, to be tampered with: a table's row groups are not const objects.
zone_map& map_of(const pillar::table& from, std::uint32_t group, std::uint32_t column, std::uint32_t vector,
                 std::uint32_t slice = 0) {
  auto& block = const_cast<pillar::row_group&>(*from.version()->slices[slice].groups[group]).blocks[column];
  return vector == liar::none ? block.zone : block.vector_zones[vector];
}

TEST(pipeline_audit, lying_bounds_of_all_vectors_are_named_and_so_is_what_follows_from_them) {
  const auto table = make_table();
  const std::uint32_t id = *table.schema().find("id"), few = *table.schema().find("few");
  auto& group = const_cast<pillar::row_group&>(*table.version()->slices[0].groups[0]);
  const auto audited = [&] {
    return audit(scan(table) | where("id"_col < 2'000 && "few"_col.is_not_null()), {.questions_per_vector = 0});
  };
  const auto honest = audited();
  ASSERT_TRUE(honest.ok());
  EXPECT_TRUE(honest->clean()) << words(*honest);

  pillar::vector_bounds& bounds = group.blocks[id].bounds;
  ASSERT_TRUE(bounds.known());
  const pillar::vector_bounds before = bounds;
  bounds.least[0] = 3'000;  // rules out rows that pass
  bounds.greatest[0] = 4'000;
  const auto tight = audited();
  bounds = before;
  ASSERT_TRUE(tight.ok());
  bool of_bounds = false, of_answer = false;
  for (const liar& found : tight->liars) {
    EXPECT_EQ(found.group, 0u);
    EXPECT_EQ(found.vector, 0u);
    of_bounds = of_bounds || (found.what == audit_claim::zone_bounds && found.column == id);
    of_answer = of_answer || found.what == audit_claim::zone_answer;
  }
  EXPECT_TRUE(of_bounds) << words(*tight);
  EXPECT_TRUE(of_answer) << words(*tight);

  if (pillar::vector_bounds& with_nulls = group.blocks[few].bounds; with_nulls.known()) {
    const pillar::vector_bounds kept = with_nulls;
    with_nulls.may_have_nulls = 0;
    const auto forgetful = audit(table, {.questions_per_vector = 0});
    with_nulls = kept;
    ASSERT_TRUE(forgetful.ok());
    EXPECT_EQ(forgetful->clean(), kept.may_have_nulls == 0) << words(*forgetful);
  }
}

TEST(pipeline_audit, a_lying_zone_is_named_with_its_place) {
  const auto table = make_table();
  struct lie {
    const char* column;
    audit_claim what;
    std::function<void(zone_map&)> tell;
  };
  const lie lies[] = {
      {"id", audit_claim::zone_bounds, [](zone_map& map) { map.integers.min += 1; }},
      {"id", audit_claim::zone_bounds, [](zone_map& map) { map.integers.max -= 1; }},
      {"id", audit_claim::zone_exact, [](zone_map& map) { map.integers.min -= 1; }},
      {"wide", audit_claim::zone_exact, [](zone_map& map) { map.integers.max += 1; }},
      {"day", audit_claim::zone_bounds, [](zone_map& map) { map.integers.max -= 1; }},
      {"real", audit_claim::zone_bounds, [](zone_map& map) { map.reals.max -= 0.125; }},
      {"real", audit_claim::zone_nan, [](zone_map& map) { map.has_nan = false; }},
      {"real", audit_claim::zone_bounds, [](zone_map& map) { map.only_nan = true; }},
      {"narrow", audit_claim::zone_bounds, [](zone_map& map) { map.reals.min += 0.25; }},
      {"long", audit_claim::zone_bounds,
       [](zone_map& map) { set_text_bounds(map, "customer number 1", "customer number 600"); }},
      {"word", audit_claim::zone_nulls, [](zone_map& map) { map.null_count -= 1; }},
      {"few", audit_claim::zone_nulls, [](zone_map& map) { map.null_count = 0; }},
      {"flag", audit_claim::zone_nulls, [](zone_map& map) { map.row_count += 1; }},
      {"word", audit_claim::zone_bounds, [](zone_map& map) { map.text_max_size = 200; }},
      {"word", audit_claim::zone_bounds, [](zone_map& map) { map.physical = pillar::physical_type::int8; }},
  };
  for (const lie& one : lies)
    for (const std::uint32_t vector : {liar::none, 1u}) {
      if (sanitized && (&one - lies) % 2 == (vector == liar::none ? 1 : 0)) continue;  // one of the two
      const std::uint32_t column = *table.schema().find(one.column);
      zone_map& map = map_of(table, 0, column, vector);
      const zone_map before = map;
      one.tell(map);
      const auto report = audit(table, {.questions_per_vector = 0});
      map = before;
      ASSERT_TRUE(report.ok());
      bool named = false;
      for (const liar& found : report->liars) {
        EXPECT_EQ(found.column_name, one.column) << words(*report);
        EXPECT_EQ(found.layer, pillar::answer_layer::zone);
        EXPECT_EQ(found.slice, 0u);
        EXPECT_EQ(found.group, 0u);
        EXPECT_EQ(found.vector, vector);
        named = named || found.what == one.what;
      }
      EXPECT_TRUE(named) << one.column << ' ' << to_string(one.what) << '\n' << words(*report);
      EXPECT_LE(report->liar_count, 3u) << words(*report);
    }
  EXPECT_TRUE(audit(table)->clean());
}

TEST(pipeline_audit, a_row_that_a_lying_zone_hides_is_found) {
  const auto table = make_table();
  const auto query = scan(table) | where("id"_col == 2'047) | aggregate(count());
  ASSERT_TRUE(audit(query)->clean());
  std::uint32_t slice = 0, group = 0;
  for (std::uint32_t s = 0; s < 2; ++s)
    for (std::uint32_t g = 0; g < 2; ++g)
      if (explain(query, s, g)->rows_selected == 1) slice = s, group = g;
  zone_map& map = map_of(table, group, 0, liar::none, slice);
  const zone_map before = map;
  map.integers.min = 2'048;
  const auto report = audit(query);
  pillar::inline_executor runner;
  const auto rows = run(query, runner);
  map = before;
  EXPECT_EQ(rows->rows().at(0, 0).integer, 0);  // what the lie does to the query
  bool by_answer = false, by_selection = false;
  for (const liar& found : report->liars) {
    EXPECT_EQ(found.slice, slice);
    EXPECT_EQ(found.group, group);
    by_answer = by_answer || (found.what == audit_claim::zone_answer && found.column_name == "id" &&
                              found.claim == "id = 2047: none: minimum 2048 > 2047 (zone map)" &&
                              found.truth == "the row holds 2047");
    by_selection = by_selection || found.what == audit_claim::selection;
  }
  EXPECT_TRUE(by_answer && by_selection) << words(*report);
}

/// A codec that forwards to an honest vector and tells one lie.
struct lying_block {
  enum class lie : std::uint8_t {
    none,
    range_end,
    all_for_some,
    none_for_some,
    tail,
    entry,
    sum,
    sum_all,
    fetch,
    null_row,
    value,
    size
  };
  encoded_vector honest;
  lie told = lie::none;
  std::uint32_t row = 7;  ///< about which

  static const lying_block& of(const void* block) { return *static_cast<const lying_block*>(block); }
  static void decode(const void* block, std::uint32_t, pillar::vector_scratch& scratch, pillar::vector& out) noexcept {
    const auto& self = of(block);
    static_cast<void>(self.honest.decode(scratch, out));
    if (self.told == lie::size) out.size -= 1;
    if (self.told == lie::value) reinterpret_cast<std::int32_t*>(scratch.values)[self.row] += 1;
  }
  static match_answer match(const void* block, std::uint32_t, const pillar::domain& test,
                            pillar::match_scratch* scratch, std::uint64_t* mask) noexcept {
    const auto& self = of(block);
    pillar::domain other = test;
    if (self.told == lie::range_end && test.kind == pillar::domain_kind::range) other.hi -= 1;  // < for <=
    auto answer = self.honest.operations->match(self.honest.block, self.honest.index, other,
                                                self.told == lie::range_end ? nullptr : scratch, mask);
    if (answer.what != verdict::some) return answer;
    if (self.told == lie::all_for_some) answer.what = verdict::all;
    if (self.told == lie::none_for_some) answer.what = verdict::none;
    if (self.told == lie::tail) pillar::set_bit(mask, 1'023);
    if (self.told == lie::entry) mask[self.row / 64] ^= std::uint64_t{1} << (self.row % 64);
    return answer;
  }
  static bool sum(const void* block, std::uint32_t, const std::uint64_t* mask, bool all, pillar::int128& out) noexcept {
    const auto& self = of(block);
    if (!self.honest.operations->sum(self.honest.block, self.honest.index, mask, all, out)) return false;
    if (self.told == lie::sum || (self.told == lie::sum_all && all)) out += 1;
    return true;
  }
  static bool validity(const void* block, std::uint32_t, std::uint64_t* words) noexcept {
    const auto& self = of(block);
    const bool has = self.honest.operations->validity(self.honest.block, self.honest.index, words);
    if (self.told == lie::null_row && has) words[self.row / 64] ^= std::uint64_t{1} << (self.row % 64);
    return has;
  }
  static bool fetch(const void* block, std::uint32_t, const std::uint16_t* rows, std::uint32_t count, void* values,
                    std::uint64_t* valid, bool& has) noexcept {
    const auto& self = of(block);
    if (self.honest.operations->decode_rows == nullptr ||
        !self.honest.operations->decode_rows(self.honest.block, self.honest.index, rows, count, values, valid, has))
      return false;
    if (self.told == lie::fetch) static_cast<std::int32_t*>(values)[count / 2] ^= 1;
    return true;
  }
};
constexpr pillar::encoded_operations lying_operations{
    &lying_block::decode, &lying_block::match, &lying_block::sum, &lying_block::validity, nullptr, &lying_block::fetch};

struct two : pillar::schema<pillar::field<"x", pillar::nullable<std::int32_t>>,
                            pillar::field<"word", pillar::nullable<pillar::text>>> {};

TEST(pipeline_audit, a_lying_codec_is_named_with_its_place) {
  using lie = lying_block::lie;
  pillar::splitmix64 random(8);
  const pillar::dynamic_schema schema = pillar::describe<two>();
  static constexpr const char* words_of[] = {"alpha", "beta", "gamma", "delta", "epsilon"};
  std::vector<cell_row> rows;
  for (int i = 0; i < 2'500; ++i)
    rows.push_back(
        {i == 7 || i % 50 == 49 ? scalar::of_null(schema[0].type)
                                : scalar::of_integer(schema[0].type, static_cast<int>(random.below(1'000))),
         i % 60 == 30 ? scalar::of_null(schema[1].type) : scalar::of_text(schema[1].type, words_of[random.below(5)])});
  typed_table<two> table({.row_group_rows = 4096});
  ASSERT_TRUE(table.append(set_of(schema, rows)).ok());
  const pillar::row_group& group = *table.version()->slices[0].groups[0];
  const pillar::query_plan plan = (scan(table) | where("x"_col <= 500 && "word"_col.in("beta", "epsilon"))).plan;
  const pillar::expression* condition = &plan.stages[0].predicate;

  struct question {
    lie told;
    std::uint32_t column;
    audit_claim what;
    std::uint32_t row;  ///< of the lie, within vector 2
  };
  const question questions[] = {
      {lie::none, 0, audit_claim::match, 0},
      {lie::range_end, 0, audit_claim::match, liar::none},
      {lie::all_for_some, 0, audit_claim::match, liar::none},
      {lie::none_for_some, 1, audit_claim::match, liar::none},
      {lie::tail, 0, audit_claim::match, liar::none},
      {lie::entry, 1, audit_claim::match, 8},
      {lie::sum, 0, audit_claim::sum, liar::none},
      {lie::fetch, 0, audit_claim::fetch, liar::none},
      {lie::null_row, 0, audit_claim::validity, 8},
      {lie::value, 0, audit_claim::sum, liar::none},
      {lie::size, 0, audit_claim::directory, liar::none},
  };
  for (const question& one : questions) {
    std::vector<lying_block> liars(6);
    std::vector<std::vector<encoded_vector>> vectors(2);
    std::vector<pillar::audited_block> blocks(2);
    for (std::uint32_t c = 0; c < 2; ++c) {
      for (std::uint32_t v = 0; v < 3; ++v) {
        lying_block& block = liars[c * 3 + v];
        block.honest = group.blocks[c].view.vector_at(v);
        if (c == one.column && v == 2) block.told = one.told, block.row = 8;
        vectors[c].push_back({&lying_operations, &block, v});
      }
      blocks[c] = {vectors[c], &group.blocks[c].zone, group.blocks[c].vector_zones, nullptr};
    }
    const auto report = pillar::audit_blocks(schema, 2'500, blocks, condition, {.questions_per_vector = 8});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->clean(), one.told == lie::none) << words(*report);
    bool named = one.told == lie::none;
    for (const liar& found : report->liars) {
      if (found.column == liar::none) continue;  // the selection that follows from the lie
      EXPECT_EQ(found.column, one.column) << words(*report);
      if (found.vector != liar::none) EXPECT_EQ(found.vector, 2u) << words(*report);
      named = named || (found.what == one.what && (one.row == liar::none || found.row == 2'048 + one.row));
    }
    EXPECT_TRUE(named) << static_cast<int>(one.told) << '\n' << words(*report);
  }
  std::vector<pillar::audited_block> blocks(2);
  EXPECT_EQ(pillar::audit_blocks(schema, 2'500, blocks, condition).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(pipeline_audit, is_bounded_by_sample_limits_and_context) {
  const auto table = make_table();
  std::uint64_t audited = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const auto report = audit(table, {.sample = 0.25, .seed = seed, .questions_per_vector = 0});
    const auto again = audit(table, {.sample = 0.25, .seed = seed, .questions_per_vector = 0});
    EXPECT_EQ(report->rows_audited, again->rows_audited);
    audited += report->row_groups_audited;
  }
  EXPECT_GT(audited, 2u);
  EXPECT_LT(audited, 16u);
  EXPECT_EQ(audit(table, {.row_limit = 2'000})->row_groups_audited, 1u);

  zone_map& map = map_of(table, 0, 0, liar::none);
  const zone_map before = map;
  map.integers = {1, 0};
  map.null_count = 9;
  const auto few = audit(table, {.liar_limit = 1});
  map = before;
  EXPECT_EQ(few->liars.size(), 1u);
  EXPECT_GT(few->liar_count, 1u);

  pillar::query_context cancelled;
  cancelled.cancel();
  const auto stopped = audit(table, {}, cancelled);
  ASSERT_TRUE(stopped.ok());
  EXPECT_EQ(stopped->stopped.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(stopped->rows_audited, 0u);
}

}  // namespace
}  // namespace pillar_test::pipeline_audit
