// SPDX-License-Identifier: Apache-2.0
// Typed predicates over random tables, through storage, zone maps, filter and pipeline, against the scalar reference.
// A case is a shape (shapes.inc), a data set (values, NULLs, encoding, slices) and a set of literals.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "pillar/codec/match_scratch.hpp"
#include "pillar/expr/bind.hpp"
#include "pillar/expr/reference.hpp"
#include "pillar/filter/predicate.hpp"
#include "pillar/pipeline/query.hpp"
#include "pillar/pipeline/run.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/storage/table.hpp"
#include "pillar/zone/zone_map.hpp"
#include "support/random_expression.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::differential_filter {
namespace {

using pillar::data_type;
using pillar::dynamic_schema;
using pillar::int128;
using pillar::row_fate;
using pillar::scalar;
using pillar::splitmix64;
using pillar::truth;
using namespace pillar::query;

using cells_by_column = std::vector<std::vector<scalar>>;

/// Draws the literals of a case: by column and number, so that the order in which a compiler evaluates operands does
/// not matter.
struct literals {
  enum class place { near, below, above };
  const cells_by_column& cells;
  std::uint64_t seed;
  place where;

  /// A cell of the column, moved by the place.
  [[nodiscard]] scalar pick(unsigned column, splitmix64& random) const {
    const auto& from = cells[column];
    scalar chosen;
    for (int attempt = 0; attempt < 10 && chosen.null; ++attempt)
      if (!from.empty()) chosen = from[random.below(from.size())];
    if (where == place::near || chosen.null) return chosen;
    for (const auto& cell : from) {
      if (cell.null || cell.real != cell.real) continue;
      const int order = pillar::compare(cell, chosen);
      if (where == place::below ? order < 0 : order > 0) chosen = cell;
    }
    const int step = where == place::below ? -1 : 1;
    if (!pillar::checked_add(chosen.integer, int128{step}, chosen.integer)) chosen.integer = 0;
    chosen.real += step;
    if (where == place::below) chosen.text.resize(chosen.text.size() / 2);
    else chosen.text += 'z';
    return chosen;
  }
  template <class T>
  [[nodiscard]] T literal(unsigned column, unsigned number) const {
    splitmix64 random(seed * 1000 + number);
    const scalar chosen = pick(column, random);
    const int step = where == place::near ? static_cast<int>(random.below(3)) - 1 : 0;
    if constexpr (std::is_same_v<T, std::string>) {
      std::string text = chosen.text;
      if (step < 0 && !text.empty()) text.pop_back();
      if (step > 0) text += static_cast<char>(random.below(256));
      return text;
    } else if constexpr (std::is_same_v<T, bool>) {
      return random.chance(1, 2);
    } else {
      const unsigned scale = scale_of(chosen.type);
      const bool is_float = pillar::is_float(chosen.type.physical);
      double real = is_float ? chosen.real
                             : static_cast<double>(chosen.integer) / static_cast<double>(pillar::power_of_ten(scale));
      if constexpr (std::is_floating_point_v<T>) {
        if (random.chance(1, 30)) real = std::numeric_limits<double>::quiet_NaN();
        if (random.chance(1, 30)) real = random.chance(1, 2) ? -0.0 : -std::numeric_limits<double>::infinity();
        return static_cast<T>(random.chance(1, 2) ? real : real + step * 0.5);
      } else if constexpr (std::is_same_v<T, date>) {
        return date::from_days(static_cast<std::int32_t>(clamp<std::int32_t>(chosen.integer + step)));
      } else if constexpr (requires { T::ticks_per_second; }) {
        const auto unit = static_cast<unsigned>(T::unit);
        const int128 ticks = unit >= scale ? chosen.integer * pillar::power_of_ten(unit - scale)
                                           : chosen.integer / pillar::power_of_ten(scale - unit);
        return T(static_cast<std::int64_t>(clamp<std::int64_t>(ticks + step)));
      } else if constexpr (requires { T::precision; }) {
        const int128 most = pillar::power_of_ten(T::precision) - 1;
        int128 unscaled =
            std::fabs(real) < 1e20
                ? static_cast<int128>(std::floor(real * static_cast<double>(pillar::power_of_ten(T::scale))))
                : most;
        if (!is_float && T::scale >= scale && chosen.integer < pillar::power_of_ten(20) &&
            chosen.integer > -pillar::power_of_ten(20))
          unscaled = chosen.integer * pillar::power_of_ten(T::scale - scale);
        unscaled += step;
        T made;
        made.unscaled = static_cast<typename T::rep>(unscaled > most ? most : unscaled < -most ? -most : unscaled);
        return made;
      } else {
        const int128 whole = is_float ? (std::fabs(real) < 1e30 ? static_cast<int128>(std::floor(real)) : 0)
                                      : chosen.integer / pillar::power_of_ten(scale);
        return static_cast<T>(clamp<T>(whole + step));
      }
    }
  }
  [[nodiscard]] std::string prefix(unsigned column, unsigned number) const {
    splitmix64 random(seed * 1000 + number);
    std::string text = pick(column, random).text;
    text.resize(random.below(text.size() + 1));
    return text;
  }

 private:
  template <class T>
  static int128 clamp(int128 value) {
    return std::clamp(value, pillar::lowest_of<T>(), pillar::highest_of<T>());
  }
};

/// Checks a typed predicate against its schema while compiling, and gives its run-time form.
template <class S, class E>
pillar::expression typed(const E& what) {
  constexpr auto shape = pillar::shape_of<E>();
  static_assert(!check_predicate(shape, S::columns));
  return lower(what);
}

struct shape_entry {
  dynamic_schema (*schema)();
  pillar::expression (*make)(const literals&);
};
#include "differential/shapes.inc"

/// How the values of a column come about.
enum class fill { any, few, small, one, all_null, ascending, special };

scalar value_of(splitmix64& random, const data_type& type, fill how, std::uint64_t row, std::uint64_t rows) {
  using pillar::physical_type;
  const bool null =
      type.nullable && (how == fill::any || how == fill::small || how == fill::special) && random.chance(1, 9);
  if (null || (how == fill::all_null && type.nullable)) return scalar::of_null(type);
  const bool is_text = type.physical == physical_type::text;
  switch (how) {
    case fill::any: return random_scalar(random, type, 1000, false);
    case fill::few:
    case fill::all_null: return random_scalar(random, type, 5, false);
    case fill::special:
      if (pillar::is_float(type.physical)) return scalar::of_real(type, std::numeric_limits<double>::quiet_NaN());
      if (is_text)
        return scalar::of_text(type,
                               "one common prefix of more than twenty-four bytes " + std::to_string(random.below(9)));
      return random_scalar(random, type, 2, false);
    default: break;
  }
  const std::uint64_t step = how == fill::one ? 7 : how == fill::ascending ? row * 100 / (rows + 1) : random.below(24);
  if (is_text)
    return scalar::of_text(type, "item " + std::string(1, static_cast<char>('a' + step / 10)) + std::to_string(step));
  if (pillar::is_float(type.physical)) return scalar::of_real(type, static_cast<double>(step) / 4 - 3);
  if (type.physical == physical_type::boolean) return scalar::of_integer(type, step > 50 ? 1 : 0);
  const int128 centred = static_cast<int128>(step) - (pillar::lowest_of(type.physical) < 0 ? 12 : 0);
  return scalar::of_integer(type, centred);
}

struct data_set {
  pillar::table table;
  cells_by_column cells;
  std::vector<std::vector<scalar>> rows;
};

data_set make_data(const dynamic_schema& schema, splitmix64& random, std::uint64_t row_count) {
  pillar::table_options options;
  options.row_group_rows = random.chance(1, 2) ? 1024 : 2048;
  options.distribution = pillar::evenly(pillar::slices{static_cast<std::uint32_t>(1 + random.below(2))});
  const std::optional<pillar::codec_id> codecs[] = {std::nullopt, pillar::codec_id::raw, pillar::codec_id::constant,
                                                    pillar::codec_id::frame_of_reference, pillar::codec_id::dictionary};
  options.encoding.codec = codecs[random.below(5)];
  options.encoding.transform = static_cast<pillar::transform_choice>(random.below(4));
  data_set made{pillar::table(schema, options), cells_by_column(schema.size()),
                std::vector<std::vector<scalar>>(row_count)};
  const bool settled = random.chance(1, 3);  // columns about which zone maps know everything
  for (std::size_t c = 0; c < schema.size(); ++c) {
    const fill fills[] = {fill::any, fill::few,      fill::small,     fill::small,
                          fill::one, fill::all_null, fill::ascending, fill::special};
    const fill how = settled ? (random.chance(1, 2) ? fill::one : fill::ascending) : fills[random.below(8)];
    for (std::uint64_t r = 0; r < row_count; ++r) {
      made.cells[c].push_back(c == 0 ? scalar::of_integer(schema[0].type, static_cast<int128>(r))
                                     : value_of(random, schema[c].type, how, r, row_count));
      made.rows[r].push_back(made.cells[c].back());
    }
  }
  pillar::column_set_builder builder(schema);
  for (const auto& row : made.rows) EXPECT_TRUE(builder.append_row(row).ok());
  auto columns = builder.finish();
  EXPECT_TRUE(columns.ok());
  EXPECT_TRUE(made.table.append(*columns).ok());
  return made;
}

struct tally {
  std::size_t cases = 0, refused = 0, rows = 0, kept = 0, errors = 0, vectors = 0, none = 0, all = 0;
  std::size_t block_none = 0, block_all = 0, blocks = 0;
};

/// Every vector of the table through zone maps and filter.
void check_vectors(const data_set& data, const pillar::bound_predicate& predicate, const std::vector<truth>& truths,
                   const std::vector<row_fate>& fates, pillar::arch_level level, tally& count) {
  const auto version = data.table.version();
  pillar::match_scratch dictionary_answers;
  pillar::predicate_state state(predicate, level);
  state.codec_scratch = &dictionary_answers;
  pillar::zone_scratch scratch;
  std::vector<pillar::value_interval> intervals;
  std::vector<pillar::truth_set> sets;
  std::vector<const pillar::zone_map*> zones(data.cells.size());
  const auto expect_sound = [&](const std::vector<std::uint32_t>& ids, pillar::zone_verdict what) {
    analyze(predicate.values, zones, intervals);
    answer(predicate, intervals, sets);
    pillar::truth_set may = pillar::truth_set::of(truth::is_true);
    for (const auto conjunct : predicate.conjuncts) may = may.both(sets[conjunct]);
    for (const auto id : ids) {
      ASSERT_TRUE(may.may_be(truths[id])) << "the zone maps exclude the truth of row " << id;
      if (what == pillar::zone_verdict::none)
        ASSERT_TRUE(fates[id] == row_fate::reject || fates[id] == row_fate::error_or_reject);
      if (what == pillar::zone_verdict::all) ASSERT_EQ(fates[id], row_fate::keep);
    }
  };
  for (const auto& slice : version->slices)
    for (const auto& group : slice.groups) {
      std::vector<std::uint32_t> group_ids;
      for (std::uint32_t v = 0; v < group->vector_count(); ++v) {
        std::vector<pillar::batch_column> columns(data.cells.size());
        pillar::batch batch;
        batch.row_count = group->rows_of(v);
        batch.selection = pillar::selection_mask::first(batch.row_count);
        batch.columns = columns;
        for (std::size_t c = 0; c < columns.size(); ++c) {
          columns[c].source = group->blocks[c].view.vector_at(v);
          zones[c] = &group->blocks[c].vector_zones[v];
        }
        std::vector<std::uint32_t> ids;
        for (std::uint32_t r = 0; r < batch.row_count; ++r)
          ids.push_back(static_cast<std::uint32_t>(get(batch.column(0), r).integer));
        group_ids.insert(group_ids.end(), ids.begin(), ids.end());
        const auto zone = answer(predicate, zones, scratch);
        expect_sound(ids, zone.what);
        if (testing::Test::HasFatalFailure()) return;
        ++count.vectors;
        count.none += zone.what == pillar::zone_verdict::none;
        count.all += zone.what == pillar::zone_verdict::all;

        const auto applied = apply(state, batch, zone.known_true, scratch.values);
        const auto is = [&](row_fate fate) {
          return std::any_of(ids.begin(), ids.end(), [&](auto id) { return fates[id] == fate; });
        };
        if (!applied.ok()) {
          ASSERT_EQ(applied.error().code, pillar::errc::overflow);
          const row_fate culprit = fates[ids.at(applied.error().position)];
          ASSERT_TRUE(culprit == row_fate::error || culprit == row_fate::error_or_reject);
          continue;
        }
        ASSERT_FALSE(is(row_fate::error)) << "an error was left out";
        for (std::uint32_t r = 0; r < batch.row_count; ++r)
          ASSERT_EQ(batch.selection.test(r), fates[ids[r]] == row_fate::keep) << "row " << ids[r];
      }
      for (std::size_t c = 0; c < zones.size(); ++c) zones[c] = &group->blocks[c].zone;
      const auto zone = answer(predicate, zones, scratch);
      expect_sound(group_ids, zone.what);
      if (testing::Test::HasFatalFailure()) return;
      ++count.blocks;
      count.block_none += zone.what == pillar::zone_verdict::none;
      count.block_all += zone.what == pillar::zone_verdict::all;
    }
}

/// The same question to a pipeline: which rows, or how many.
void check_pipeline(const data_set& data, const pillar::expression& what, const std::vector<row_fate>& fates,
                    bool ids) {
  const bool must_fail = std::count(fates.begin(), fates.end(), row_fate::error) != 0;
  const bool may_fail = must_fail || std::count(fates.begin(), fates.end(), row_fate::error_or_reject) != 0;
  const auto kept = static_cast<std::size_t>(std::count(fates.begin(), fates.end(), row_fate::keep));
  const pillar::inline_executor runner;
  const auto rows = scan(data.table) | where(what);
  const auto done = run_plan(ids ? (rows | project("row"_col)).plan : (rows | aggregate(count())).plan, runner);
  if (!done.ok()) {
    ASSERT_TRUE(may_fail) << done.status();
    ASSERT_EQ(done.status().code(), absl::StatusCode::kOutOfRange) << done.status();
    return;
  }
  ASSERT_FALSE(must_fail) << "an error was left out";
  if (!ids) {
    ASSERT_EQ(done->rows().row_count(), 1u);
    ASSERT_TRUE(done->rows().at(0, 0).integer == static_cast<int128>(kept));
    return;
  }
  std::vector<bool> found(fates.size());
  for (std::uint64_t r = 0; r < done->rows().row_count(); ++r)
    found[static_cast<std::size_t>(done->rows().at(r, 0).integer)] = true;
  ASSERT_EQ(done->rows().row_count(), kept);
  for (std::size_t r = 0; r < fates.size(); ++r) ASSERT_EQ(found[r], fates[r] == row_fate::keep) << "row " << r;
}

TEST(differential_filter, typed_shapes_over_random_tables) {
  struct plan {
    std::uint64_t rows;
    int literal_sets;
  };
  constexpr plan plans[] = {{1, 24},   {63, 26}, {64, 26},  {65, 26},  {130, 24},
                            {200, 20}, {300, 8}, {1023, 3}, {1025, 3}, {sanitized ? 2100 : 3200, 2}};
  static_assert(std::size(shapes) >= 60);
  tally count;
  for (std::size_t s = 0; s < std::size(shapes); ++s) {
    const dynamic_schema schema = shapes[s].schema();
    splitmix64 random(2013 + s);
    for (const plan& size : plans) {
      // Of the large tables, which are most of the rows, one for each shape.
      if (sanitized && size.rows > 1000 && (static_cast<std::size_t>(&size - plans) + s) % 3 != 0) continue;
      const data_set data = make_data(schema, random, size.rows);
      const int literal_sets = sanitized ? (size.literal_sets + 7) / 8 : size.literal_sets;
      for (int set = 0; set < literal_sets; ++set) {
        const auto where_to = static_cast<literals::place>(set % 4 == 0 ? 1 : set % 4 == 1 ? 2 : 0);
        const literals draw{data.cells, random(), where_to};
        const pillar::expression what = shapes[s].make(draw);
        SCOPED_TRACE("shape " + std::to_string(s) + ", " + std::to_string(size.rows) + " rows, set " +
                     std::to_string(set) + ": " + spell(what));
        std::vector<truth> truths;
        std::vector<row_fate> fates;
        for (const auto& row : data.rows) {
          fates.push_back(reference_filter(what, schema, std::span<const scalar>(row)));
          truths.push_back(fates.back() == row_fate::keep ? truth::is_true
                                                          : evaluate_row(what, schema, std::span<const scalar>(row)));
          count.kept += fates.back() == row_fate::keep;
          count.errors += truths.back() == truth::error;
        }
        count.rows += data.rows.size();
        ++count.cases;
        const auto bound = bind_predicate(what, schema);
        if (!bound.ok()) {  // a literal that does not fit its arithmetic: then no row can be told
          ASSERT_EQ(bound.error().code, pillar::errc::overflow);
          for (const truth one : truths) ASSERT_EQ(one, truth::error);
          ++count.refused;
          continue;
        }
        check_vectors(data, *bound, truths, fates,
                      set % 2 == 0 ? pillar::best_arch_level() : pillar::arch_level::scalar, count);
        if (HasFatalFailure()) return;
        check_pipeline(data, what, fates, set % 3 != 0);
        if (HasFatalFailure()) return;
      }
    }
  }
  const auto percent = [](std::size_t part, std::size_t whole) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  };
  std::printf("%zu shapes, %zu cases (%zu refused when bound), %zu rows, %.1f %% kept, %.1f %% errors\n",
              std::size(shapes), count.cases, count.refused, count.rows, percent(count.kept, count.rows),
              percent(count.errors, count.rows));
  std::printf("vectors %zu: none %.1f %%, all %.1f %%; row groups %zu: none %.1f %%, all %.1f %%\n", count.vectors,
              percent(count.none, count.vectors), percent(count.all, count.vectors), count.blocks,
              percent(count.block_none, count.blocks), percent(count.block_all, count.blocks));
  EXPECT_GE(count.cases, sanitized ? 1'300u : 10'000u);
  EXPECT_LT(count.refused * 50, count.cases);
  EXPECT_GE(percent(count.none, count.vectors), 10);
  EXPECT_GE(percent(count.all, count.vectors), 10);
  EXPECT_GE(percent(count.block_none, count.blocks), 10);
  EXPECT_GE(percent(count.block_all, count.blocks), 10);
}

}  // namespace
}  // namespace pillar_test::differential_filter
