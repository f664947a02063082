// SPDX-License-Identifier: Apache-2.0
#include "pillar/pipeline/explain.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "pillar/pipeline.hpp"
#include "support/random_expression.hpp"
#include "support/reference_query.hpp"
#include "support/sample_rows.hpp"

namespace pillar_test::pipeline_explain {
namespace {

using namespace pillar::query;
using pillar::answer_layer;
using pillar::block_account;
using pillar::scalar;
using pillar::scan_statistics;
using pillar::typed_table;
using pillar::witness;

constexpr std::uint32_t row_count = 9'000;

typed_table<sample> make_table() {
  typed_table<sample> made(
      {.distribution = pillar::evenly(pillar::slices{2}), .order = pillar::compound("id"_col), .row_group_rows = 3072});
  EXPECT_TRUE(made.append(set_of(pillar::describe<sample>(), sample_rows(11, row_count))).ok());
  return made;
}

/// The walk saw, block by block, what the run was charged with.
void expect_same(const std::vector<block_account>& walk, const std::vector<block_account>& run) {
  ASSERT_EQ(walk.size(), run.size());
  for (std::size_t i = 0; i < walk.size(); ++i) {
    EXPECT_EQ(walk[i].slice, run[i].slice);
    EXPECT_EQ(walk[i].group, run[i].group);
    EXPECT_EQ(walk[i].column, run[i].column);
    EXPECT_EQ(walk[i].vectors, run[i].vectors) << "slice " << walk[i].slice << ", group " << walk[i].group;
  }
}

TEST(pipeline_explain, causes_are_those_of_the_account) {
  const auto table = make_table();
  const pillar::dynamic_schema schema = table.schema();
  pillar::splitmix64 random(7);
  std::vector<std::vector<scalar>> cells(schema.size());
  for (const auto& one : sample_rows(11, 200))
    for (std::size_t c = 0; c < one.size(); ++c) cells[c].push_back(one[c]);
  pillar::inline_executor runner;
  std::uint64_t compared = 0, zone = 0, read = 0;
  for (int round = 0; round < 120; ++round) {
    expression_generator generate{random, schema, cells};
    pillar::any_query query = scan(static_cast<const pillar::table&>(table)) | where(generate.predicate(2));
    if (random.chance(1, 2))
      query = query | where(pillar::col("id") < static_cast<std::int64_t>(random.below(row_count)));
    query = query | aggregate(count());  // reads nothing of its own
    const auto done = run(query, runner);
    const auto why = explain(query);
    if (!why.ok()) continue;  // an expression that does not bind
    EXPECT_EQ(why->run.ok(), done.ok());
    if (!done.ok()) continue;
    std::vector<block_account> walk = why->by_predicate;
    std::sort(walk.begin(), walk.end(), [](const block_account& a, const block_account& b) {
      return std::tie(a.slice, a.group, a.column) < std::tie(b.slice, b.group, b.column);
    });
    expect_same(walk, done->stats().blocks);
    EXPECT_EQ(why->stats.vectors(), done->stats().vectors());
    zone += done->stats().vectors(pillar::scan_cause::skipped_by_zone);
    read += done->stats().vectors_read();
    ++compared;
  }
  EXPECT_GT(compared, 60u);
  EXPECT_GT(zone, 100u);
  EXPECT_GT(read, 100u);
}

TEST(pipeline_explain, one_row_group_is_the_part_of_the_whole) {
  const auto table = make_table();
  const auto query = scan(table) | where("id"_col < 4'000 && "word"_col == "beta") |
                     group_by("few"_col)(sum("price"_col), max("real"_col));
  const auto whole = explain(query);
  ASSERT_TRUE(whole.ok() && whole->run.ok());
  std::uint64_t selected = 0;
  for (std::uint32_t s = 0; s < 2; ++s)
    for (std::uint32_t g = 0; g < 2; ++g) {
      const auto part = explain(query, s, g);
      ASSERT_TRUE(part.ok());
      selected += part->rows_selected;
      EXPECT_EQ(part->stats.rows_selected, part->rows_selected);
      for (const block_account& block : part->stats.blocks)
        for (const block_account& other : whole->stats.blocks)
          if (block.slice == other.slice && block.group == other.group && block.column == other.column)
            EXPECT_EQ(block.vectors, other.vectors);
    }
  EXPECT_EQ(selected, whole->stats.rows_selected);
  EXPECT_EQ(explain(query, 2, 0).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(explain(scan(set_of(pillar::describe<sample>(), {}))).status().code(), absl::StatusCode::kInvalidArgument);
  pillar::query_context cancelled;
  cancelled.cancel();
  EXPECT_EQ(explain(query, {}, cancelled).status().code(), absl::StatusCode::kCancelled);
}

struct kinds : pillar::schema<pillar::field<"id", std::int32_t>, pillar::field<"same", pillar::nullable<std::int32_t>>,
                              pillar::field<"some", pillar::nullable<std::int32_t>>,
                              pillar::field<"word", pillar::nullable<pillar::text>>,
                              pillar::field<"cost", pillar::decimal<9, 2>>, pillar::field<"real", double>> {};

/// One row group of two vectors in which every layer has something to answer.
typed_table<kinds> table_of_kinds() {
  const pillar::dynamic_schema schema = pillar::describe<kinds>();
  pillar::splitmix64 random(3);
  std::vector<cell_row> rows;
  for (int i = 0; i < 2'000; ++i) {
    const auto integer = [&](std::size_t c, int value, bool may_be_null) {
      return may_be_null && random.chance(1, 9) ? scalar::of_null(schema[c].type)
                                                : scalar::of_integer(schema[c].type, value);
    };
    static constexpr const char* words[] = {"open", "returned", "shipped"};
    rows.push_back({integer(0, i, false), integer(1, 42, true),
                    integer(2, i % 1024 < 2 ? (i % 1024) * 63 : static_cast<int>(random.below(64)), i % 1024 > 1),
                    random.chance(1, 9) ? scalar::of_null(schema[3].type)
                                        : scalar::of_text(schema[3].type, words[random.below(3)]),
                    integer(4, static_cast<int>(random.below(5'000)), false),
                    scalar::of_real(schema[5].type, static_cast<double>(random.below(1'000)) / 7)});
  }
  typed_table<kinds> made({.order = pillar::compound("id"_col)});
  EXPECT_TRUE(made.append(set_of(schema, rows)).ok());
  return made;
}

TEST(pipeline_explain, witnesses_of_all_layers_hold_and_tampered_ones_do_not) {
  const auto table = table_of_kinds();
  const pillar::row_group& group = *table.version()->slices[0].groups[0];
  const auto cell = [&](std::uint32_t row, std::uint32_t column) {
    const auto scratch = std::make_unique<pillar::vector_scratch>();
    pillar::vector decoded;
    const auto source = group.blocks[column].view.vector_at(row / 1024);
    EXPECT_TRUE(source.decode(*scratch, decoded).ok());
    return get(decoded, row % 1024);
  };
  std::set<answer_layer> seen;
  std::uint64_t tampered = 0;
  const auto examine = [&](const witness& why, const pillar::explained_predicate& of, std::uint32_t first,
                           std::uint32_t count) {
    seen.insert(why.layer);
    const auto cells = [&](std::uint32_t row, std::uint32_t column) { return cell(first + row, column); };
    EXPECT_FALSE(check(why, of.bound, count, cells)) << describe(why, of.bound, of.schema);
    if (why.follows) EXPECT_FALSE(check_reasoning(why, of.bound)) << describe(why, of.bound, of.schema);
    witness other = why;  // claims nothing can be true of what is, or the other way round
    other.outcome.bits = static_cast<std::uint8_t>(why.outcome.bits ^ 7u);
    if (other.outcome.verdict() != why.outcome.verdict() || other.outcome.bits == 0)
      EXPECT_TRUE(check(other, of.bound, count, cells)) << describe(why, of.bound, of.schema);
    for (std::size_t i = 0; i < why.claims.size(); ++i) {
      other = why;
      if (other.claims[i].min.null || pillar::is_float(other.claims[i].type.physical)) continue;
      other.claims[i].min = other.claims[i].max;  // too tight, unless there is one value
      other.claims[i].min.integer += 1;
      other.claims[i].min.text += "~~";
      EXPECT_TRUE(check(other, of.bound, count, cells));
      ++tampered;
    }
  };
  const auto all_of = [&](const auto& query) {
    const auto why = explain(query, 0, 0);
    ASSERT_TRUE(why.ok());
    for (const witness& one : why->by_zone) examine(one, *why->predicate, 0, why->row_count);
    for (const auto& at : why->vectors) {
      for (const witness& one : at.by_zone) examine(one, *why->predicate, at.vector * 1024, at.row_count);
      for (const auto& step : at.steps) {
        if (step.step.kind == pillar::conjunct_step::kind_type::asked) seen.insert(step.layer);
        if (step.why) examine(*step.why, *why->predicate, at.vector * 1024, at.row_count);
      }
    }
    std::ostringstream words;
    words << *why;
    EXPECT_NE(words.str().find("row group 0"), std::string::npos);
  };
  const auto rows = scan(table);
  all_of(rows | where("id"_col < 0));
  all_of(rows | where("id"_col >= 0 && "word"_col == "open"));
  all_of(rows | where("id"_col >= 1'500 && "some"_col == 7 && "word"_col.in("open", "returned")));
  all_of(rows | where("id"_col < 300'000'000'000 && "same"_col == 42));
  all_of(rows | where("same"_col == 42));                           // all but NULLs: a constant block
  all_of(rows | where("some"_col >= 0));                            // all but NULLs: base and width
  all_of(rows | where("word"_col != "nobody"));                     // all entries
  all_of(rows | where("cost"_col * 2 > 100.00_dec));                // computed, decoded
  all_of(rows | where("cost"_col + "id"_col < 0 && "id"_col > 3));  // interval analysis
  all_of(rows | where("real"_col > 50.0));                          // raw
  pillar::expression never;
  never.push_literal(scalar::of_integer(pillar::type_of<bool>, 0));
  all_of(rows | where(never));
  EXPECT_EQ(seen.size(), pillar::answer_layer_count);
  EXPECT_GT(tampered, 10u);
}

TEST(pipeline_explain, reads_as_sentences) {
  const auto table = table_of_kinds();
  const auto why = explain(scan(table) | where("id"_col < 1'000 && "word"_col == "open") | aggregate(count()));
  ASSERT_TRUE(why.ok());
  std::ostringstream words;
  words << *why;
  const std::string text = words.str();
  EXPECT_NE(text.find("id <= 999\n  vectors: 1 none by zone map, 1 some by packed fields\n  rows: 1000 of 1024 kept\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("slice 0, row group 0, vector 1: none: minimum 1024 > 999 (zone map)"), std::string::npos)
      << text;
  EXPECT_NE(text.find("vector 0: some: 1 of 3 entries satisfy it (dictionary)"), std::string::npos) << text;
  EXPECT_NE(text.find("word: 1 skipped by zone + 1 matched encoded"), std::string::npos) << text;

  const auto fails = explain(scan(table) | where("id"_col * 9'000'000'000'000'000 > 5) | aggregate(count()));
  ASSERT_TRUE(fails.ok());
  EXPECT_EQ(fails->run.code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace pillar_test::pipeline_explain
