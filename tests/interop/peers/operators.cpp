// SPDX-License-Identifier: Apache-2.0
// Grouping and joining for the Python side, which asks DuckDB the same: one function for each, and every way of doing it.
#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "pillar/aggregate/parallel_group.hpp"
#include "pillar/aggregate/parallel_spilling_group.hpp"
#include "pillar/aggregate/spilling_aggregator.hpp"
#include "pillar/interop/arrow_stream.hpp"
#include "pillar/join.hpp"
#include "pillar/join/spilling_join.hpp"
#include "pillar/pipeline.hpp"
#include "pillar/pipeline/join.hpp"
#include "pillar/pipeline/spill.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/schedule/worker_pool.hpp"
#include "pillar/status.hpp"
#include "pillar/storage/memory_run_store.hpp"
#include "pillar/storage/table.hpp"

namespace {
using pillar::aggregate_kind;
using pillar::column_set;

absl::Status failed(const pillar::failure& why) { return pillar::to_status(why, "operators"); }

/// What a side of a join or a group-by reads.
struct input {
  pillar::dynamic_schema schema;
  std::vector<column_set> sets;
  static absl::StatusOr<input> read(ArrowArrayStream* from) {
    auto reader = pillar::arrow_stream_reader::open(from, {.padded_bitmaps = true});
    if (!reader.ok()) return reader.status();
    auto sets = reader->rest();
    if (!sets.ok()) return sets.status();
    return input{reader->schema(), *std::move(sets)};
  }
  [[nodiscard]] std::uint32_t column_count() const { return static_cast<std::uint32_t>(schema.size()); }
  [[nodiscard]] std::vector<pillar::data_type> types(std::uint32_t first, std::uint32_t count) const {
    std::vector<pillar::data_type> out;
    for (std::uint32_t c = first; c < first + count; ++c) out.push_back(schema[c].type);
    return out;
  }
};

/// Up to 1,024 rows as operators take them.
struct batch {
  std::vector<pillar::vector> columns;
  std::vector<const pillar::vector*> pointers;
  pillar::selection_mask all;
  std::uint32_t rows;
  std::uint64_t first_row;
  std::uint32_t number;
};

/// Calls `each(batch)`; rows come in pieces of odd sizes.
absl::Status for_each_batch(const input& from, const std::function<absl::Status(const batch&)>& each) {
  std::uint64_t before = 0;
  std::uint32_t number = 0;
  for (const column_set& set : from.sets) {
    for (std::uint64_t first = 0; first < set.row_count();) {
      const std::uint32_t piece = number % 3 == 0 ? pillar::vector_rows : number % 3 == 1 ? 333 : 77;
      const auto rows = static_cast<std::uint32_t>(std::min<std::uint64_t>(piece, set.row_count() - first));
      batch made{{}, {}, pillar::selection_mask::first(rows), rows, before + first, number++};
      for (const pillar::column& column : set.columns) made.columns.push_back(column.slice(first, rows));
      for (const pillar::vector& column : made.columns) made.pointers.push_back(&column);
      if (absl::Status done = each(made); !done.ok()) return done;
      first += rows;
    }
    before += set.row_count();
  }
  return absl::OkStatus();
}

// ---- grouping --------------------------------------------------------------------------------------------------------

/// What restricts an aggregate: an int32 column above this.
constexpr int least_where = 100;

/// "2 count_rows sum:3 arg_max:2:4!5": the first columns are keys, then aggregates over numbered columns, the last one
/// of rows whose column 5 is above 100.
struct group_question {
  static constexpr std::uint32_t everywhere = ~std::uint32_t{0};
  std::uint32_t key_count = 0;
  std::vector<pillar::aggregate_spec> aggregates;
  std::vector<std::uint32_t> where;
  std::vector<std::string> names;
  explicit group_question(const std::string& text) {
    std::istringstream words(text);
    words >> key_count;
    for (std::string word; words >> word;) {
      const std::size_t restricted = word.find('!');
      where.push_back(restricted == std::string::npos
                          ? everywhere
                          : static_cast<std::uint32_t>(std::stoul(word.substr(restricted + 1))));
      std::istringstream parts(word.substr(0, restricted));
      std::string kind, first, second;
      std::getline(parts, kind, ':');
      std::getline(parts, first, ':');
      std::getline(parts, second, ':');
      pillar::aggregate_spec spec;
      spec.distinct = kind.starts_with("distinct_");
      if (spec.distinct) kind.erase(0, 9);
      for (int each = 0; each < static_cast<int>(aggregate_kind::own); ++each)
        if (kind == pillar::to_string(static_cast<aggregate_kind>(each))) spec.kind = static_cast<aggregate_kind>(each);
      spec.input = first.empty() ? 0 : static_cast<std::uint32_t>(std::stoul(first));
      spec.second = second.empty() ? 0 : static_cast<std::uint32_t>(std::stoul(second));
      aggregates.push_back(spec);
      names.push_back("a" + std::to_string(names.size()));
    }
  }
  [[nodiscard]] pillar::dynamic_schema schema(const input& from, std::span<const pillar::data_type> types) const {
    pillar::dynamic_schema made;
    for (std::uint32_t c = 0; c < types.size(); ++c)
      made.columns.push_back({c < key_count ? from.schema[c].name : names[c - key_count], types[c]});
    return made;
  }
};

using columns = std::vector<pillar::column>;

absl::Status update(auto& groups, const group_question& what, const batch& rows) {
  const std::span<const pillar::vector* const> all = rows.pointers;
  std::vector<pillar::selection_mask> masks(what.where.size(), pillar::selection_mask::none());
  std::vector<const pillar::selection_mask*> where;
  for (std::size_t a = 0; a < masks.size(); ++a) {
    where.push_back(what.where[a] == group_question::everywhere ? nullptr : &masks[a]);
    if (where.back() == nullptr) continue;
    const pillar::vector& by = *all[what.where[a]];
    for (std::uint32_t row = 0; row < rows.rows; ++row)
      if (by.valid(row) && by.value<std::int32_t>(row) > least_where) pillar::set_bit(masks[a].words, row);
  }
  const auto done = groups.update(all.first(what.key_count), all, rows.all, rows.rows, where, {}, {rows.first_row});
  return done.ok() ? absl::OkStatus() : failed(done.error());
}

/// One aggregator, or several that are merged into the first, of which one takes what is left over.
absl::StatusOr<std::vector<columns>> group_merged(const input& from, const group_question& what, std::size_t count) {
  std::vector<pillar::aggregator> parts;
  for (std::size_t i = 0; i < count; ++i) {
    auto made =
        pillar::aggregator::make(from.types(0, what.key_count), from.types(0, from.column_count()), what.aggregates);
    if (!made.ok()) return failed(made.error());
    parts.push_back(*std::move(made));
  }
  const absl::Status done =
      for_each_batch(from, [&](const batch& rows) { return update(parts[rows.number % count], what, rows); });
  if (!done.ok()) return done;
  for (std::size_t i = 1; i < count; ++i)
    if (const auto merged = parts[0].merge(parts[i]); !merged.ok()) return failed(merged.error());
  auto made = parts[0].finish();
  if (!made.ok()) return failed(made.error());
  return std::vector<columns>{*std::move(made)};
}

absl::StatusOr<std::vector<columns>> group_partitioned(const input& from, const group_question& what) {
  pillar::worker_pool pool(2);
  auto groups = pillar::parallel_group::make(from.types(0, what.key_count), from.types(0, from.column_count()),
                                             what.aggregates, 3);
  if (!groups.ok()) return failed(groups.error());
  const absl::Status done =
      for_each_batch(from, [&](const batch& rows) { return update(groups->worker(rows.number % 3), what, rows); });
  if (!done.ok()) return done;
  auto parts = groups->finish(pool);
  if (!parts.ok()) return failed(parts.error());
  return *std::move(parts);
}

absl::StatusOr<std::vector<columns>> group_spilled(const input& from, const group_question& what,
                                                   std::uint64_t state_bytes, std::string& said) {
  pillar::memory_budget budget;
  pillar::memory_run_store store({.block_rows = 1024});
  auto groups = pillar::spilling_aggregator::make(from.types(0, what.key_count), from.types(0, from.column_count()),
                                                  what.aggregates, &budget,
                                                  {.store = &store, .state_bytes = state_bytes, .restricts = true});
  if (!groups.ok()) return failed(groups.error());
  const absl::Status done = for_each_batch(from, [&](const batch& rows) { return update(*groups, what, rows); });
  if (!done.ok()) return done;
  std::vector<columns> parts;
  const auto finished = groups->finish([&](std::span<const pillar::column> part) -> pillar::result<void> {
    parts.emplace_back(part.begin(), part.end());
    return {};
  });
  if (!finished.ok()) return failed(finished.error());
  said = "spilled " + std::to_string(groups->spilled_rows());
  return parts;
}

/// By two workers that share a store.
absl::StatusOr<std::vector<columns>> group_spilled_by_two(const input& from, const group_question& what,
                                                          std::uint64_t state_bytes, std::string& said) {
  pillar::memory_budget budget;
  pillar::memory_run_store store({.block_rows = 1024});
  pillar::run_store* const stores[] = {&store};
  auto groups = pillar::parallel_spilling_group::make(from.types(0, what.key_count), from.types(0, from.column_count()),
                                                      what.aggregates, 2, &budget, stores,
                                                      {.state_bytes = state_bytes, .restricts = true});
  if (!groups.ok()) return failed(groups.error());
  const absl::Status done =
      for_each_batch(from, [&](const batch& rows) { return update(groups->worker(rows.number % 2), what, rows); });
  if (!done.ok()) return done;
  std::vector<columns> parts[2];
  pillar::worker_pool pool(2);
  const auto finished =
      groups->finish(pool, [&](std::span<const pillar::column> part, std::uint32_t worker) -> pillar::result<void> {
        parts[worker].emplace_back(part.begin(), part.end());
        return {};
      });
  if (!finished.ok()) return failed(finished.error());
  parts[0].insert(parts[0].end(), parts[1].begin(), parts[1].end());
  said = "spilled " + std::to_string(groups->spilled_rows());
  return std::move(parts[0]);
}

/// A query in so little memory that it spills, or in the least of twice, four times, … as much in which it can be answered.
absl::StatusOr<pillar::query_result> run_spilling(const pillar::query_plan& plan, std::string& said) {
  pillar::worker_pool pool(2);
  for (std::uint64_t limit = 96 << 10;; limit += limit / 4) {
    static pillar::memory_budget results;  // outlives what Python is given
    pillar::memory_budget budget(limit);
    pillar::memory_run_store store({.buffer_bytes = limit / 8, .block_rows = 1024});
    pillar::query_context context({.budget = &budget});
    pillar::run_options options;
    options.spill = pillar::spill_to({&store});
    options.result_budget = &results;
    auto done = pillar::run_plan(plan, pool, context, options);
    if (done.status().code() == absl::StatusCode::kResourceExhausted && limit < 64 << 20) continue;
    if (done.ok()) said = "spilled " + std::to_string(done->stats().spilled_rows);
    return done;
  }
}

/// Through a pipeline: over a table of encoded blocks, sorted by the keys or not, or over the rows as they came.
absl::StatusOr<std::vector<columns>> group_query(const input& from, const group_question& what, bool encoded,
                                                 unsigned threads, bool spills, bool sorted, std::string& said) {
  pillar::worker_pool pool(threads);
  pillar::table_options how{.row_group_rows = 2048};
  for (std::uint32_t c = what.key_count; sorted && c-- > 0;) how.order.columns.push_back(from.schema[c].name);
  pillar::table table(from.schema, how);
  pillar::query_plan plan;
  if (encoded) {
    if (auto done = table.append(from.sets, pool); !done.ok()) return done;
    plan.from_table = &table;
  } else {
    pillar::column_set_builder whole(from.schema);
    for (const column_set& set : from.sets)
      if (const auto done = whole.append(set); !done.ok()) return failed(done.error());
    auto rows = whole.finish();
    if (!rows.ok()) return failed(rows.error());
    plan.from_rows = std::make_shared<column_set>(*std::move(rows));
  }
  pillar::plan_stage stage;
  stage.kind = pillar::stage_kind::group_by;
  for (std::uint32_t c = 0; c < what.key_count; ++c)
    stage.values.push_back({from.schema[c].name, pillar::col(from.schema[c].name)});
  for (std::size_t i = 0; i < what.aggregates.size(); ++i) {
    const pillar::aggregate_spec& spec = what.aggregates[i];
    pillar::named_aggregate made{what.names[i], spec.kind, {}, {}, {}, spec};
    if (spec.kind != aggregate_kind::count_rows) made.input = pillar::col(from.schema[spec.input].name);
    if (takes_second(spec.kind)) made.second = pillar::col(from.schema[spec.second].name);
    if (what.where[i] != group_question::everywhere)
      made.predicate = pillar::col(from.schema[what.where[i]].name) > least_where;
    stage.aggregates.push_back(made);
  }
  plan.stages.push_back(stage);
  pillar::query_context context;
  pillar::run_options options;
  if (sorted) options.find_groups = pillar::group_search::by_runs;
  auto done = spills ? run_spilling(plan, said) : pillar::run_plan(plan, pool, context, options);
  if (!done.ok()) return done.status();
  if (sorted && done->stats().groups) said = "by runs " + std::to_string(done->stats().groups->rows_by_runs);
  return std::vector<columns>{done->rows().columns};
}

// ---- joining ---------------------------------------------------------------------------------------------------------

/// A whole side in one set.
absl::StatusOr<column_set> joined(const input& from) {
  pillar::column_set_builder whole(from.schema);
  for (const column_set& set : from.sets)
    if (const auto done = whole.append(set); !done.ok()) return failed(done.error());
  auto made = whole.finish();
  if (!made.ok()) return failed(made.error());
  return *std::move(made);
}

/// Cells of a row at the end of `out`, from its column `first` on; NULLs for no row.
absl::Status append_row(const column_set& from, std::uint64_t row, pillar::column_set_builder& out,
                        std::uint32_t first) {
  for (std::uint32_t c = 0; c < from.columns.size(); ++c) {
    pillar::column_builder& to = out.column_at(first + c);
    const auto done = row == pillar::no_row ? to.append_null() : to.append(from.at(row, c));
    if (!done.ok()) return failed(done.error());
  }
  return absl::OkStatus();
}

absl::StatusOr<pillar::join_table> build_table(const input& build, std::uint32_t key_count, int how) {
  // Two builders, of which the second goes behind the first.
  std::vector<pillar::join_builder> builders;
  for (int i = 0; i < 2; ++i) {
    auto made = pillar::join_builder::make(build.types(0, key_count));
    if (!made.ok()) return failed(made.error());
    builders.push_back(*std::move(made));
  }
  std::uint64_t rows = 0;
  for (const column_set& set : build.sets) rows += set.row_count();
  const absl::Status done = for_each_batch(build, [&](const batch& each) {
    pillar::join_builder& to = builders[how != 0 && each.first_row >= rows / 2 ? 1 : 0];
    const auto added = to.append(std::span(each.pointers).first(key_count), each.all, each.rows);
    return added.ok() ? absl::OkStatus() : failed(added.error());
  });
  if (!done.ok()) return done;
  if (const auto added = builders[0].append_from(builders[1]); !added.ok()) return failed(added.error());
  auto table = builders[0].seal();
  if (!table.ok()) return failed(table.error());
  if (how == 0) return *std::move(table);
  // As it would come from a file: bytes elsewhere in memory.
  auto moved = pillar::join_table::from_bytes(table->bytes());
  if (!moved.ok()) return failed(moved.error());
  return *std::move(moved);
}

struct join_question {
  pillar::join_kind kind;
  std::uint32_t key_count;
  bool with_condition = false;  ///< on pairs: their rows' numbers, which the column behind the keys holds
  [[nodiscard]] bool has_pairs() const { return gives_pairs(kind); }
  [[nodiscard]] bool keeps(std::int64_t probe_row, std::int64_t build_row) const {
    return probe_row * 3 < build_row * 5 + 100;
  }
  [[nodiscard]] pillar::dynamic_schema schema(const input& build, const input& probe) const {
    pillar::dynamic_schema made;
    for (const input* side : {&probe, &build})
      if (side == &probe || has_pairs())
        for (const auto& column : side->schema.columns)
          made.columns.push_back({(side == &probe ? "p_" : "b_") + column.name, column.type.as_nullable()});
    if (gives_mark(kind)) made.columns.push_back({"mark", pillar::type_of<bool>.as_nullable()});
    return made;
  }
};

/// A side in a table of encoded blocks, its columns called otherwise than the other side's.
absl::StatusOr<std::unique_ptr<pillar::table>> table_of(const input& from, const std::string& prefix) {
  pillar::dynamic_schema schema = from.schema;
  for (auto& column : schema.columns) column.name = prefix + column.name;
  auto made = std::make_unique<pillar::table>(schema, pillar::table_options{.row_group_rows = 2048});
  std::vector<column_set> sets = from.sets;
  for (column_set& set : sets) set.schema = schema;
  pillar::inline_executor runner;
  if (auto done = made->append(sets, runner); !done.ok()) return done;
  return made;
}

absl::StatusOr<column_set> join_query(const input& build, const input& probe, const join_question& what,
                                      unsigned threads, bool spills, std::string& said) {
  const auto build_rows = table_of(build, "b_"), probe_rows = table_of(probe, "p_");
  if (!build_rows.ok()) return build_rows.status();
  if (!probe_rows.ok()) return probe_rows.status();
  pillar::plan_join stage;
  stage.kind = what.kind;
  stage.other.from_table = build_rows->get();
  for (std::uint32_t c = 0; c < what.key_count; ++c)
    stage.keys.push_back({"p_" + probe.schema[c].name, "b_" + build.schema[c].name});
  stage.mark = "mark";
  if (what.with_condition) stage.condition = pillar::col("p_row") * 3 < pillar::col("b_row") * 5 + 100;
  pillar::query_plan plan;
  plan.from_table = probe_rows->get();
  plan.stages.push_back(pillar::stage_of(std::move(stage)));
  pillar::worker_pool pool(threads);
  auto done = spills ? run_spilling(plan, said) : pillar::run_plan(plan, pool);
  if (!done.ok()) return done.status();
  return done->rows();
}

absl::StatusOr<column_set> join_spilled(const input& build, const input& probe, const join_question& what,
                                        std::uint64_t state_bytes, std::string& said) {
  pillar::memory_budget budget;
  pillar::memory_run_store store({.block_rows = 1024});
  const auto side = [&](const input& from) {
    pillar::join_side made{from.types(0, from.column_count()), {}};
    for (std::uint32_t c = 0; c < what.key_count; ++c) made.keys.push_back(c);
    return made;
  };
  const auto refuse = [&](const pillar::joined_rows& pairs, pillar::selection_mask& kept) -> pillar::result<void> {
    const pillar::vector &p = pairs.probe[what.key_count], &b = pairs.build[what.key_count];
    pillar::for_each_row(kept, [&](std::uint32_t i) {
      if (!what.keeps(p.value<std::int32_t>(i), b.value<std::int32_t>(i))) pillar::assign_bit(kept.words, i, false);
    });
    return {};
  };
  const pillar::joined_condition condition = refuse;
  pillar::spilling_join_options options;
  options.store = &store;
  options.state_bytes = state_bytes;
  if (what.with_condition) options.condition = &condition;
  auto made = pillar::spilling_join::make(side(build), side(probe), what.kind, &budget, options);
  if (!made.ok()) return failed(made.error());
  pillar::column_set_builder out(what.schema(build, probe));
  const auto take = [&](const pillar::joined_rows& rows) -> pillar::result<void> {
    std::uint32_t column = 0;
    for (const auto& vectors : {rows.probe, rows.build})
      for (const pillar::vector& each : vectors) PILLAR_TRY(out.column_at(column++).append(each, &rows.rows));
    if (!gives_mark(what.kind)) return {};
    pillar::column_builder& mark = out.column_at(column);
    pillar::result<void> marked;
    pillar::for_each_row(rows.rows, [&](std::uint32_t row) {
      if (marked.ok())
        marked = rows.is_null.test(row) ? mark.append_null() : mark.append_integer(rows.is_true.test(row) ? 1 : 0);
    });
    return marked;
  };
  const auto checked = [](const pillar::result<void>& done) {
    return done.ok() ? absl::OkStatus() : failed(done.error());
  };
  absl::Status done = for_each_batch(
      build, [&](const batch& rows) { return checked(made->append(rows.pointers, rows.all, rows.rows)); });
  if (done.ok()) done = checked(made->seal());
  if (done.ok())
    done = for_each_batch(
        probe, [&](const batch& rows) { return checked(made->probe(rows.pointers, rows.all, rows.rows, take)); });
  if (done.ok()) done = checked(made->finish(take));
  if (!done.ok()) return done;
  said = "spilled " + std::to_string(made->spilled_rows());
  auto rows = out.finish();
  if (!rows.ok()) return failed(rows.error());
  return *std::move(rows);
}

absl::StatusOr<column_set> join_parts(const input& build, const input& probe, const join_question& what, int how) {
  const auto table = build_table(build, what.key_count, how);
  if (!table.ok()) return table.status();
  auto matches = pillar::join_matches::make(*table);
  if (!matches.ok()) return failed(matches.error());
  const bool needs_matches = what.kind == pillar::join_kind::right || what.kind == pillar::join_kind::full;
  auto cursor = pillar::join_cursor::make(*table, what.kind, needs_matches ? &*matches : nullptr);
  if (!cursor.ok()) return failed(cursor.error());
  const auto build_rows = joined(build), probe_rows = joined(probe);
  if (!build_rows.ok()) return build_rows.status();
  if (!probe_rows.ok()) return probe_rows.status();

  pillar::column_set_builder out(what.schema(build, probe));
  const auto width = static_cast<std::uint32_t>(probe.schema.size());
  const auto add = [&](std::uint64_t p, std::uint64_t b) -> absl::Status {
    if (absl::Status done = append_row(*probe_rows, p, out, 0); !done.ok()) return done;
    return what.has_pairs() ? append_row(*build_rows, b, out, width) : absl::OkStatus();
  };
  std::uint32_t of_probe[200], of_build[200];
  std::uint64_t first_row = 0;
  const auto refuse = [&](std::span<const std::uint32_t> p, std::span<const std::uint32_t> b,
                          pillar::selection_mask& kept) -> pillar::result<void> {
    for (std::uint32_t i = 0; i < p.size(); ++i)
      if (!what.keeps(static_cast<std::int64_t>(first_row + p[i]), b[i])) pillar::assign_bit(kept.words, i, false);
    return {};
  };
  const pillar::join_residual condition = refuse;
  const pillar::join_residual* const residual = what.with_condition ? &condition : nullptr;
  const absl::Status done = for_each_batch(probe, [&](const batch& rows) -> absl::Status {
    first_row = rows.first_row;
    cursor->start(std::span(rows.pointers).first(what.key_count), rows.all, rows.rows);
    if (gives_mark(what.kind)) {
      pillar::selection_mask is_true, is_null;
      if (const auto marked = cursor->mark(is_true, is_null, residual); !marked.ok()) return failed(marked.error());
      for (std::uint32_t row = 0; row < rows.rows; ++row) {
        if (absl::Status added = add(rows.first_row + row, 0); !added.ok()) return added;
        pillar::column_builder& mark = out.column_at(width);
        const auto put = is_null.test(row) ? mark.append_null() : mark.append_integer(is_true.test(row) ? 1 : 0);
        if (!put.ok()) return failed(put.error());
      }
      return absl::OkStatus();
    }
    if (!what.has_pairs()) {
      pillar::selection_mask kept;
      if (const auto chosen = cursor->select(kept, residual); !chosen.ok()) return failed(chosen.error());
      for (std::uint32_t row = 0; row < rows.rows; ++row)
        if (kept.test(row))
          if (absl::Status added = add(rows.first_row + row, 0); !added.ok()) return added;
      return absl::OkStatus();
    }
    for (;;) {
      const auto count = cursor->next(of_probe, of_build, residual);
      if (!count.ok()) return failed(count.error());
      if (*count == 0) return absl::OkStatus();
      for (std::uint32_t i = 0; i < *count; ++i)
        if (absl::Status added = add(rows.first_row + of_probe[i], of_build[i]); !added.ok()) return added;
    }
  });
  if (!done.ok()) return done;
  for (std::uint32_t at = 0, count = needs_matches ? 1 : 0; count != 0;) {
    count = matches->next(false, at, of_build);
    for (std::uint32_t i = 0; i < count; ++i)
      if (absl::Status added = add(pillar::no_row, of_build[i]); !added.ok()) return added;
  }
  auto made = out.finish();
  if (!made.ok()) return failed(made.error());
  return *std::move(made);
}

int answer(const absl::Status& status, const std::string& said, char* text, int size) {
  const std::string whole = status.ok() ? said : std::string(status.message());
  std::strncpy(text, whole.c_str(), static_cast<std::size_t>(size) - 1);
  text[size - 1] = '\0';
  return status.ok() ? 0 : 1;
}

absl::Status group(ArrowArrayStream* from, ArrowArrayStream* out, const char* question, int how, std::string& said) {
  const auto rows = input::read(from);
  if (!rows.ok()) return rows.status();
  const group_question what(question);
  auto parts = how == 0   ? group_merged(*rows, what, 1)
               : how == 1 ? group_merged(*rows, what, 3)
               : how == 2 ? group_partitioned(*rows, what)
               : how <= 7 ? group_query(*rows, what, how != 3, how == 5 || how == 7 ? 2 : 1, how == 6, how == 7, said)
               : how > 0x1000000 ? group_spilled_by_two(*rows, what, static_cast<std::uint64_t>(how) - 0x1000000, said)
                                 : group_spilled(*rows, what, static_cast<std::uint64_t>(how), said);
  if (!parts.ok()) return parts.status();
  pillar::dynamic_schema schema;
  std::vector<column_set> sets;
  for (columns& part : *parts) {
    std::vector<pillar::data_type> types;
    for (const pillar::column& column : part) types.push_back(column.type());
    schema = what.schema(*rows, types);
    sets.push_back({schema, std::move(part)});
  }
  return pillar::export_arrow_stream(std::move(sets), schema, out);
}

absl::Status join(ArrowArrayStream* build, ArrowArrayStream* probe, ArrowArrayStream* out, const char* question,
                  int how, std::string& said) {
  const auto build_rows = input::read(build);
  const auto probe_rows = input::read(probe);
  if (!build_rows.ok()) return build_rows.status();
  if (!probe_rows.ok()) return probe_rows.status();
  std::istringstream words(question);
  int kind = 0;
  join_question what{};
  words >> kind >> what.key_count >> what.with_condition;
  what.kind = static_cast<pillar::join_kind>(kind);
  auto made = how <= 1   ? join_parts(*build_rows, *probe_rows, what, how)
              : how <= 4 ? join_query(*build_rows, *probe_rows, what, how == 3 ? 2 : 1, how == 4, said)
                         : join_spilled(*build_rows, *probe_rows, what, static_cast<std::uint64_t>(how), said);
  if (!made.ok()) return made.status();
  const pillar::dynamic_schema schema = made->schema;
  return pillar::export_arrow_stream(std::vector<column_set>{*std::move(made)}, schema, out);
}

}  // namespace

extern "C" {

/// How: 0 one aggregator, 1 merged ones, 2 partitioned; a query 3 over rows, 4 over encoded blocks, 5 on two threads, 6
/// that spills, 7 over blocks sorted by the keys; any more: one that spills, with so many bytes for its groups; 2^24 more: two workers that do.
__attribute__((visibility("default"))) int pillar_group(ArrowArrayStream* from, ArrowArrayStream* out,
                                                        const char* question, int how, char* text, int size) {
  std::string said;
  const absl::Status done = group(from, out, question, how, said);
  return answer(done, said, text, size);
}

/// How: 0 by the parts, 1 with a table of two builders that was moved; a query over encoded blocks 2, 3 on two threads, 4 that
/// spills; any more: one that spills, with so many bytes for its build side.
__attribute__((visibility("default"))) int pillar_join(ArrowArrayStream* build, ArrowArrayStream* probe,
                                                       ArrowArrayStream* out, const char* question, int how, char* text,
                                                       int size) {
  std::string said;
  const absl::Status done = join(build, probe, out, question, how, said);
  return answer(done, said, text, size);
}

}  // extern "C"
