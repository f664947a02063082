// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <ostream>

#include "pillar/base/env.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/expr/bind.hpp"
#include "pillar/expr/reference.hpp"
#include "pillar/pipeline/audit.hpp"
#include "pillar/pipeline/impl/table_walk.hpp"
#include "pillar/storage/explain.hpp"
#include "pillar/zone/explain.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// What a zone map should say, gathered row by row.
struct zone_facts {
  std::uint32_t row_count = 0;
  std::uint32_t null_count = 0;
  std::uint32_t nan_count = 0;
  std::uint32_t first_nan = 0;  ///< rows of their row group
  std::uint32_t first_value = 0;
  bool has_value = false;
  scalar min{};
  scalar max{};

  void add(const scalar& value, std::uint32_t row) {
    ++row_count;
    if (value.null) {
      ++null_count;
    } else if (is_float(value.type.physical) && value.real != value.real) {
      if (nan_count++ == 0) first_nan = row;
    } else {
      if (!has_value) first_value = row;
      if (!has_value || compare(value, min) < 0) min = value;
      if (!has_value || compare(value, max) > 0) max = value;
      has_value = true;
    }
  }
};

/// A join whose keys, or some of them, restrict the scan: the values that the other side has.
struct audited_join {
  std::vector<std::uint32_t> columns;     ///< of the scanned table
  std::vector<std::vector<scalar>> keys;  ///< of the other side for these, sorted, without NULLs
  [[nodiscard]] bool may_have_partner(const std::vector<std::vector<scalar>>& cells, std::uint32_t row) const {
    const auto before = [&](const std::vector<scalar>& key, const std::vector<scalar>& other) {
      for (std::size_t i = 0; i < key.size(); ++i)
        if (const int order = compare(key[i], other[i]); order != 0) return order < 0;
      return false;
    };
    std::vector<scalar> mine;
    for (const std::uint32_t c : columns) {
      if (cells[c][row].null) return false;
      mine.push_back(cells[c][row]);
    }
    return std::binary_search(keys.begin(), keys.end(), mine, before);
  }
};

/// What is audited of a row group, and by which conditions.
struct audited_query {
  const dynamic_schema& schema;
  std::vector<std::uint32_t> columns;                ///< that are decoded and audited
  const expression* condition = nullptr;             ///< as the user wrote it
  const bound_predicate* predicate = nullptr;        ///< the same, bound
  const std::vector<bound_value>* values = nullptr;  ///< computed by the query
  std::vector<audited_join> joins{};                 ///< that are part of the bound predicate
};

class auditor {
 public:
  auditor(const audited_query& what, const audit_options& options, query_context& context, audit_report& report)
      : what_(what),
        options_(options),
        context_(context),
        report_(report),
        random_(options.seed),
        work_(what.predicate != nullptr ? *what.predicate : nothing_, what.schema.size(), context.budget()),
        scratch_(what.schema.size()),
        cells_(what.schema.size()) {
    for (const std::uint32_t c : what_.columns) scratch_[c] = std::make_unique<vector_scratch>();
  }

  /// Whether this row group belongs to the sample.
  [[nodiscard]] bool chosen() {
    const double at = static_cast<double>(random_() >> 11) * 0x1p-53;
    return at < options_.sample && report_.rows_audited < options_.row_limit;
  }

  void audit_group(std::span<const audited_block> blocks, std::uint32_t row_count, std::uint32_t slice,
                   std::uint32_t group) {
    blocks_ = blocks;
    place_ = {};
    place_.slice = slice;
    place_.group = group;
    ++report_.row_groups_audited;
    work_.dictionary_answers.begin_block();
    std::vector<zone_facts> facts(what_.schema.size());
    std::vector<const zone_map*> block_zones(what_.schema.size(), nullptr);
    std::vector<bool> accused(what_.schema.size(), false);
    std::vector<value_interval> proof;
    std::vector<witness> by_block;
    zone_answer block;
    for (const std::uint32_t c : what_.columns) {
      place_.vector = liar::none;
      block_zones[c] = well_formed(blocks[c].zone, c);
    }
    work_.zones = block_zones;
    if (what_.predicate != nullptr) {
      block = explain(*what_.predicate, work_.zones, what_.schema, work_.block_scratch, by_block);
      for (const witness& why : by_block) check_reasons(why);
    } else {
      block.what = zone_verdict::all;
    }
    if (what_.values != nullptr) analyze(*what_.values, work_.zones, proof);
    ask_vectors(block, row_count);

    for (std::uint32_t v = 0; v * vector_rows < row_count; ++v) {
      if (context_.check_deadline()) return;
      place_.vector = v;
      const std::uint32_t rows = std::min(vector_rows, row_count - v * vector_rows);
      first_row_ = v * vector_rows;
      bool readable = true;
      for (const std::uint32_t c : what_.columns) readable = decode(c, v, rows) && readable;
      if (!readable) continue;
      report_.rows_audited += rows;
      for (const std::uint32_t c : what_.columns) {
        zone_facts of_vector;
        for (std::uint32_t row = 0; row < rows; ++row) {
          of_vector.add(cells_[c][row], first_row_ + row);
          facts[c].add(cells_[c][row], first_row_ + row);
        }
        const zone_map* map = blocks[c].vector_zones.empty() ? nullptr : well_formed(&blocks[c].vector_zones[v], c);
        work_.zones[c] = map != nullptr ? map : block_zones[c];
        if (map != nullptr) {
          check_rows(claim_of(c, what_.schema[c].type, *map), audit_claim::zone_bounds, answer_layer::zone);
          check_facts(*map, of_vector, c);
        }
        if (blocks[c].bounds != nullptr && v < blocks[c].bounds->least.size()) check_bounds(c, *blocks[c].bounds, v);
        if (block_zones[c] != nullptr && !accused[c]) {  // one row is enough
          place_.vector = liar::none;
          accused[c] = !check_rows(claim_of(c, what_.schema[c].type, *block_zones[c]), audit_claim::zone_bounds,
                                   answer_layer::zone);
          place_.vector = v;
        }
        check_codec(c, v, of_vector);
      }
      check_conditions(block, by_block, block_zones, v, rows);
      if (what_.values != nullptr) check_values(*what_.values, proof, rows);
    }
    place_.vector = liar::none;
    for (const std::uint32_t c : what_.columns)
      if (block_zones[c] != nullptr && facts[c].row_count == row_count) check_facts(*block_zones[c], facts[c], c);
  }

 private:
  void count(audit_claim what) { ++report_.checks[static_cast<std::size_t>(what)]; }

  /// Reports the claim at place_; `row` within the vector at work, or liar::none.
  void accuse(audit_claim what, answer_layer layer, std::uint32_t column, std::uint32_t row, std::string claim,
              std::string truth) {
    ++report_.liar_count;
    if (report_.liars.size() >= options_.liar_limit) return;
    liar made = place_;
    made.what = what;
    made.layer = layer;
    made.column = column;
    if (column != liar::none) made.column_name = what_.schema[column].name;
    made.row = row == liar::none ? row : first_row_ + row;
    made.claim = std::move(claim);
    made.truth = std::move(truth);
    report_.liars.push_back(std::move(made));
  }
  static std::string holds(const scalar& value) { return "the row holds " + quoted(value); }

  /// The map, unless it cannot even be read as one of this column.
  const zone_map* well_formed(const zone_map* map, std::uint32_t column) {
    if (map == nullptr) return nullptr;
    const bool fits = map->physical == what_.schema[column].type.physical &&
                      map->text_min_size <= zone_text::capacity && map->text_max_size <= zone_text::capacity;
    if (fits) return map;
    accuse(audit_claim::zone_bounds, answer_layer::zone, column, liar::none, "a zone map of another type",
           "the column is " + to_string(what_.schema[column].type));
    return nullptr;
  }

  bool decode(std::uint32_t c, std::uint32_t v, std::uint32_t rows) {
    const encoded_vector& source = blocks_[c].vectors[v];
    vector decoded;
    cells_[c].clear();
    if (!source.decode(*scratch_[c], decoded).ok()) {
      accuse(audit_claim::directory, answer_layer::decoded, c, liar::none, "a vector beyond memory", "its texts");
      return false;
    }
    if (decoded.size != rows || decoded.type.physical != what_.schema[c].type.physical) {
      accuse(audit_claim::directory, answer_layer::decoded, c, liar::none,
             std::to_string(decoded.size) + " rows of " + to_string(decoded.type),
             std::to_string(rows) + " rows of " + to_string(what_.schema[c].type));
      return false;
    }
    for (std::uint32_t row = 0; row < rows; ++row) cells_[c].push_back(get(decoded, row));
    return true;
  }

  /// Whether all rows of the vector at work keep the claim.
  bool check_rows(const value_claim& claim, audit_claim what, answer_layer layer) {
    count(what);
    const auto& cells = cells_[claim.column];
    for (std::uint32_t row = 0; row < cells.size(); ++row) {
      if (claim.holds(cells[row])) continue;
      accuse(what, layer, claim.column, row, describe(claim), holds(cells[row]));
      return false;
    }
    return true;
  }

  /// The bounds that answer ranges of integers for all vectors of a block at once.
  void check_bounds(std::uint32_t column, const vector_bounds& bounds, std::uint32_t v) {
    count(audit_claim::zone_bounds);
    const auto& cells = cells_[column];
    for (std::uint32_t row = 0; row < cells.size(); ++row) {
      const bool inside = cells[row].null
                              ? get_bit(&bounds.may_have_nulls, v)
                              : bounds.least[v] <= cells[row].integer && cells[row].integer <= bounds.greatest[v];
      if (PILLAR_MUTATE(audit_bounds_unchecked, inside, true)) continue;
      accuse(audit_claim::zone_bounds, answer_layer::zone, column, row,
             cells[row].null
                 ? std::string("no NULL")
                 : "values from " + std::to_string(bounds.least[v]) + " to " + std::to_string(bounds.greatest[v]),
             holds(cells[row]));
      return;
    }
  }

  /// What the scan is told of all vectors of a row group at once.
  void ask_vectors(const zone_answer& block, std::uint32_t row_count) {
    answers_ = {};
    if (what_.predicate == nullptr) return;
    std::vector<block_zones> zones(what_.schema.size());
    for (const std::uint32_t c : what_.predicate->columns) zones[c] = {blocks_[c].vector_zones, blocks_[c].bounds};
    const std::uint32_t vector_count = (row_count + vector_rows - 1) / vector_rows;
    if (vector_count <= 64)
      answer_vectors(*what_.predicate, zones, vector_count, block, work_.vector_scratch, answers_);
  }

  /// No row of a vector passes where all of them were ruled out, and every row keeps a conjunct that was settled.
  void check_answers(std::uint32_t v, std::uint32_t rows) {
    const bool none = ((answers_.none >> v) & 1) != 0;
    const auto settled = [&](std::size_t i) {
      return i < answers_.known_true.size() && ((answers_.known_true[i] >> v) & 1) != 0;
    };
    for (std::uint32_t row = 0; row < rows; ++row) {
      const auto reader = [&](std::uint32_t column) { return cells_[column][row]; };
      if (none && fate_of(reader) == row_fate::keep && may_have_partners(row)) {
        accuse(audit_claim::zone_answer, answer_layer::zone, liar::none, row, "no row passes",
               what_.joins.empty() ? "every condition is true" : "every condition is true, and there are partners");
        return;
      }
      for (std::size_t i = 0; i < what_.predicate->conjuncts.size(); ++i) {
        if (!settled(i) || is_opaque(i) ||
            evaluate_row(*what_.predicate, what_.predicate->conjuncts[i], reader) == truth::is_true)
          continue;
        accuse(audit_claim::zone_answer, answer_layer::zone, liar::none, row,
               "condition " + std::to_string(i + 1) + " is true for every row", "it is not");
        return;
      }
    }
    count(audit_claim::zone_answer);
  }

  /// What becomes of a row by the query's own conditions.
  template <class Reader>
  [[nodiscard]] row_fate fate_of(const Reader& reader) const {
    return what_.condition == nullptr ? row_fate::keep : reference_filter(*what_.condition, what_.schema, reader);
  }
  [[nodiscard]] bool may_have_partners(std::uint32_t row) const {
    for (const audited_join& join : what_.joins)
      if (!join.may_have_partner(cells_, row)) return false;
    return true;
  }
  [[nodiscard]] bool is_opaque(std::size_t conjunct) const {
    const bound_node& node = what_.predicate->nodes[what_.predicate->conjuncts[conjunct]];
    return node.kind == bound_node::kind_type::test && node.test.kind == domain_kind::opaque;
  }

  /// Counts, NaN and exactness of a zone map over all of its rows.
  void check_facts(const zone_map& map, const zone_facts& facts, std::uint32_t column) {
    const data_type& type = what_.schema[column].type;
    const auto lie = [&](audit_claim what, std::uint32_t row, const std::string& claim, const std::string& truth) {
      const std::uint32_t first = first_row_;
      first_row_ = 0;  // `row` counts within the row group
      accuse(what, answer_layer::zone, column, row, claim, truth);
      first_row_ = first;
    };
    count(audit_claim::zone_nulls);
    if (map.row_count != facts.row_count)
      lie(audit_claim::zone_nulls, liar::none, std::to_string(map.row_count) + " rows",
          std::to_string(facts.row_count) + " rows");
    if (map.null_count_known && PILLAR_MUTATE(audit_null_count_unchecked, map.null_count != facts.null_count, false))
      lie(audit_claim::zone_nulls, liar::none, std::to_string(map.null_count) + " NULLs",
          std::to_string(facts.null_count) + " NULLs");
    if (is_float(type.physical)) {
      count(audit_claim::zone_nan);
      if (!map.has_nan && facts.nan_count != 0)
        lie(audit_claim::zone_nan, facts.first_nan, "no NaN", "the row holds NaN");
      if (map.only_nan && facts.has_value)
        lie(audit_claim::zone_nan, facts.first_value, "every value is NaN", "the row holds a number");
    }
    if (!facts.has_value) return;
    const auto attained = [&](bool exact, const scalar& bound, const scalar& found, const char* word) {
      if (!exact || bound.null) return;
      count(audit_claim::zone_exact);
      // A bound that is too tight is reported as such, by the row.
      const int order = word[1] == 'i' ? compare(bound, found) : compare(found, bound);
      if (PILLAR_MUTATE(audit_exactness_unchecked, order < 0, false))
        lie(audit_claim::zone_exact, liar::none, std::string(word) + quoted(bound) + " is attained",
            std::string("the rows' ") + word + "is " + quoted(found));
    };
    attained(map.min_exact, zone_minimum(map, type), facts.min, "minimum ");
    attained(map.max_exact, zone_maximum(map, type), facts.max, "maximum ");
  }

  void check_codec(std::uint32_t c, std::uint32_t v, const zone_facts& facts) {
    const encoded_vector& source = blocks_[c].vectors[v];
    if (blocks_[c].view != nullptr)
      check_rows(claim_of(c, *blocks_[c].view, v), audit_claim::directory, answer_layer::directory);
    check_validity(c, source);
    if (source.operations->match != nullptr) {
      if (what_.predicate != nullptr)
        for (const bound_node& node : what_.predicate->nodes) {
          if (node.kind != bound_node::kind_type::test || node.test.kind == domain_kind::opaque) continue;
          const std::uint32_t* column = what_.predicate->plain_column(node);
          if (column != nullptr && *column == c) check_match(c, source, node.test, &work_.dictionary_answers);
        }
      for (std::uint32_t i = 0; i < options_.questions_per_vector && facts.has_value; ++i)
        check_match(c, source, some_domain(c), nullptr);
    }
    check_sum(c, source);
    check_fetch(c, source);
  }

  void check_validity(std::uint32_t c, const encoded_vector& source) {
    if (source.operations->validity == nullptr) return;
    count(audit_claim::validity);
    std::uint64_t words[vector_words];
    const bool has = source.operations->validity(source.block, source.index, words);
    for (std::uint32_t row = 0; row < cells_[c].size(); ++row) {
      const bool valid = !has || get_bit(words, row);
      if (valid != cells_[c][row].null) continue;
      accuse(audit_claim::validity, answer_layer::directory, c, row, valid ? "a value" : "NULL", holds(cells_[c][row]));
      return;
    }
  }

  /// A range or a list between values of the vector, so that its ends matter.
  domain some_domain(std::uint32_t c) {
    const data_type type = what_.schema[c].type.as_nullable(false);
    const auto pick = [&] {
      for (int attempt = 0; attempt < 64; ++attempt) {
        const scalar& value = cells_[c][random_.below(cells_[c].size())];
        if (!value.null) return value;
      }
      return *std::find_if(cells_[c].begin(), cells_[c].end(), [](const scalar& value) { return !value.null; });
    };
    if (random_.chance(1, 3)) {
      domain points = comparison_domain(type, compare_operator::equal, pick());
      points.kind = domain_kind::points;
      for (int i = 0; i < 3; ++i) {
        const scalar value = pick();
        if (type.physical == physical_type::text) points.texts.push_back(value.text);
        else if (!is_float(type.physical)) points.integers.push_back(value.integer);
        else if (value.real == value.real) points.reals.push_back(value.real + 0.0);
      }
      const auto tidy = [](auto& list) {
        std::sort(list.begin(), list.end());
        list.erase(std::unique(list.begin(), list.end()), list.end());
      };
      tidy(points.integers), tidy(points.reals), tidy(points.texts);
      points.negated = random_.chance(1, 2);
      return points;
    }
    constexpr compare_operator operators[] = {compare_operator::equal,   compare_operator::not_equal,
                                              compare_operator::less,    compare_operator::less_equal,
                                              compare_operator::greater, compare_operator::greater_equal};
    return comparison_domain(type, operators[random_.below(6)], pick());
  }

  void check_match(std::uint32_t c, const encoded_vector& source, const domain& test, match_scratch* scratch) {
    if (test.kind != domain_kind::range && test.kind != domain_kind::points) return;
    alignas(64) std::uint64_t mask[vector_words] = {};
    const match_answer answer = source.operations->match(source.block, source.index, test, scratch, mask);
    if (answer.what == verdict::unknown) return;
    count(audit_claim::match);
    const answer_layer layer = blocks_[c].view != nullptr        ? layer_of(*blocks_[c].view, source.index, answer)
                               : answer.how == evidence::settled ? answer_layer::directory
                                                                 : answer_layer::packed;
    const auto words = [&] { return describe(test, what_.schema[c].type.as_nullable(false), what_.schema[c].name); };
    for (std::uint32_t row = 0; row < cells_[c].size(); ++row) {
      if (cells_[c][row].null) continue;
      const bool said = answer.what == verdict::all || (answer.what == verdict::some && get_bit(mask, row));
      if (said == PILLAR_MUTATE(audit_match_unchecked, test.contains(cells_[c][row]), said)) continue;
      accuse(audit_claim::match, layer, c, row, (said ? "" : "not ") + words(), holds(cells_[c][row]));
      return;
    }
    if (answer.what != verdict::some) return;
    const selection_mask all = selection_mask::first(static_cast<std::uint32_t>(cells_[c].size()));
    for (std::uint32_t i = 0; i < vector_words; ++i) {
      if ((mask[i] & ~all.words[i]) == 0) continue;
      accuse(audit_claim::match, layer, c, liar::none, words() + " beyond the last row", "there is no such row");
      return;
    }
  }

  void check_sum(std::uint32_t c, const encoded_vector& source) {
    const physical_type physical = what_.schema[c].type.physical;
    if (source.operations->sum == nullptr || !is_integer(physical) || physical == physical_type::boolean) return;
    const auto rows = static_cast<std::uint32_t>(cells_[c].size());
    for (const bool all : {true, false}) {
      selection_mask mask = selection_mask::none();
      int128 exact = 0;
      for (std::uint32_t row = 0; row < rows; ++row) {
        if (cells_[c][row].null || (!all && random_.chance(1, 2))) continue;
        set_bit(mask.words, row);
        if (!checked_add(exact, cells_[c][row].integer, exact)) return;
      }
      int128 said = 0;
      if (!source.operations->sum(source.block, source.index, mask.words, mask.count() == rows, said)) return;
      count(audit_claim::sum);
      if (said == exact) continue;
      data_type type = decimal_type(38, scale_of(what_.schema[c].type));
      accuse(audit_claim::sum, answer_layer::packed, c, liar::none,
             "sum " + to_string(scalar::of_integer(type, said)) + " of " + std::to_string(mask.count()) + " rows",
             to_string(scalar::of_integer(type, exact)));
      return;
    }
  }

  void check_fetch(std::uint32_t c, const encoded_vector& source) {
    const data_type& type = what_.schema[c].type;
    if (source.operations->decode_rows == nullptr || type.physical == physical_type::text) return;
    constexpr std::uint32_t most = 48;
    std::uint16_t rows[most];
    std::uint32_t row_count = 0;
    const auto size = static_cast<std::uint32_t>(cells_[c].size());
    for (std::uint32_t row = 0; row < size && row_count < most; ++row)
      if (random_.chance(1, 1 + size / most)) rows[row_count++] = static_cast<std::uint16_t>(row);
    alignas(64) std::byte values[most * 16];
    std::uint64_t validity[vector_words] = {};
    bool has_validity = false;
    if (row_count == 0 ||
        !source.operations->decode_rows(source.block, source.index, rows, row_count, values, validity, has_validity))
      return;
    count(audit_claim::fetch);
    vector fetched;
    fetched.type = type;
    fetched.size = row_count;
    fetched.values = values;
    fetched.validity = has_validity ? validity : nullptr;
    for (std::uint32_t i = 0; i < row_count; ++i) {
      const scalar said = get(fetched, i);
      const scalar& cell = cells_[c][rows[i]];
      if (said == cell) continue;
      accuse(audit_claim::fetch, answer_layer::packed, c, rows[i], "fetched " + quoted(said), holds(cell));
      return;
    }
  }

  void check_reasons(const witness& why) {
    if (!why.follows) return;
    const auto fault = check_reasoning(why, *what_.predicate);
    if (!fault) return;
    accuse(audit_claim::zone_answer, why.layer, fault->column, liar::none, words_of(why),
           "it does not follow for " + quoted(fault->value));
  }
  /// Whether the rows of the vector at work agree with the outcome.
  bool check_witness(const witness& why, std::uint32_t rows) {
    count(audit_claim::zone_answer);
    witness outcome_only = why;  // the claims are checked once for all, by column
    outcome_only.claims.clear();
    const auto cells = [&](std::uint32_t row, std::uint32_t column) { return cells_[column][row]; };
    const auto fault = check(outcome_only, *what_.predicate, rows, cells);
    if (fault)
      accuse(audit_claim::zone_answer, why.layer, fault->column, fault->row, words_of(why), holds(fault->value));
    return !fault;
  }
  [[nodiscard]] std::string words_of(const witness& why) const {
    return describe(*what_.predicate, what_.predicate->conjuncts[why.conjunct], what_.schema) + ": " +
           describe(why, *what_.predicate, what_.schema);
  }

  /// What zones, codecs and filter say of a vector's rows, as the scan would ask them, against the reference.
  void check_conditions(const zone_answer& block, std::vector<witness>& by_block,
                        const std::vector<const zone_map*>& block_zones, std::uint32_t v, std::uint32_t rows) {
    if (what_.predicate == nullptr) return;
    place_.vector = liar::none;
    std::erase_if(by_block, [&](const witness& why) { return !check_witness(why, rows); });
    place_.vector = v;
    zone_answer at = block;
    if (block.what == zone_verdict::some) {
      std::vector<witness> by_vector;
      at = explain(*what_.predicate, work_.zones, what_.schema, work_.vector_scratch, by_vector);
      at.known_true |= block.known_true;
      for (const witness& why : by_vector) check_reasons(why), check_witness(why, rows);
    }
    check_answers(v, rows);
    work_.zones = block_zones;
    check_values(what_.predicate->values, work_.block_scratch.values, rows);

    selection_mask kept = at.what == zone_verdict::all ? selection_mask::first(rows) : selection_mask::none();
    bool failed = false;
    if (at.what == zone_verdict::some) {
      for (const std::uint32_t c : what_.predicate->columns) {
        work_.columns[c].source = blocks_[c].vectors[v];
        work_.columns[c].has_decoded = false;
      }
      work_.rows.row_count = rows;
      work_.rows.selection = selection_mask::first(rows);
      failed = !apply(work_.state, work_.rows, at.known_true, work_.block_scratch.values).ok();
      kept = work_.rows.selection;
    }
    count(audit_claim::selection);
    if (!what_.joins.empty()) count(audit_claim::join_keys);
    bool may_fail = false, must_fail = false;
    for (std::uint32_t row = 0; row < rows; ++row) {
      const auto reader = [&](std::uint32_t column) { return cells_[column][row]; };
      const row_fate fate = fate_of(reader);
      may_fail = may_fail || fate == row_fate::error || fate == row_fate::error_or_reject;
      must_fail = must_fail || (fate == row_fate::error && may_have_partners(row));
      if (failed || fate == row_fate::error || (fate == row_fate::keep) == kept.test(row)) continue;
      if (!what_.joins.empty() && !kept.test(row)) {  // a row without a partner may pass, and need not
        if (PILLAR_MUTATE(audit_partners_unchecked, !may_have_partners(row), true)) continue;
        accuse(audit_claim::join_keys, answer_layer::decoded, liar::none, row, "the row has no partner",
               "the other side has its key");
        return;
      }
      accuse(audit_claim::selection, answer_layer::decoded, liar::none, row,
             kept.test(row) ? "the row is kept" : "the row is left out",
             fate == row_fate::keep ? "every condition is true" : "a condition is not true");
      return;
    }
    if (failed && !may_fail)
      accuse(audit_claim::selection, answer_layer::decoded, liar::none, liar::none, "a row overflows", "no row does");
    if (!failed && must_fail)
      accuse(audit_claim::selection, answer_layer::decoded, liar::none, liar::none, "no row overflows", "a row does");
  }

  /// Interval analysis: no row's computed value lies outside, none fails where that was ruled out.
  void check_values(const std::vector<bound_value>& nodes, const std::vector<value_interval>& proof,
                    std::uint32_t rows) {
    if (proof.size() != nodes.size()) return;
    place_.vector = liar::none;  // the proof is of the whole block
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].kind == bound_value::kind_type::column || nodes[i].kind == bound_value::kind_type::literal) continue;
      count(audit_claim::interval);
      const value_claim claim = claim_of(0, nodes[i].type, proof[i]);
      for (std::uint32_t row = 0; row < rows; ++row) {
        const auto reader = [&](std::uint32_t column) { return cells_[column][row]; };
        const auto value = evaluate_value(nodes, i, reader);
        if (value.ok() ? claim.holds(*value) : proof[i].may_fail) continue;
        const std::string name = describe(nodes, i, what_.schema);
        accuse(audit_claim::interval, answer_layer::interval, liar::none, row,
               name + ": " + (value.ok() ? describe(claim) : std::string("no overflow")),
               value.ok() ? holds(*value) : std::string("the row overflows"));
        break;
      }
    }
    place_.vector = first_row_ / vector_rows;
  }

  const audited_query& what_;
  const audit_options& options_;
  query_context& context_;
  audit_report& report_;
  splitmix64 random_;
  bound_predicate nothing_{};
  predicate_walk work_;
  std::vector<std::unique_ptr<vector_scratch>> scratch_;
  std::vector<std::vector<scalar>> cells_;  ///< of the vector at work, by column
  std::span<const audited_block> blocks_{};
  vector_answers answers_{};
  std::uint32_t first_row_ = 0;
  liar place_{};
};

inline audit_report audit_version(const table_version& version, const audited_query& what, const audit_options& options,
                                  query_context& context) {
  audit_report report;
  auditor work(what, options, context, report);
  std::vector<audited_block> blocks(what.schema.size());
  std::vector<std::vector<encoded_vector>> vectors(what.schema.size());
  open_blocks opened;
  for (std::uint32_t s = 0; s < version.slices.size(); ++s)
    for (std::uint32_t g = 0; g < version.slices[s].groups.size(); ++g) {
      ++report.row_groups;
      if (context.check_deadline() || !work.chosen()) continue;
      const row_group& group = *version.slices[s].groups[g];
      opened.begin(group);
      opened.announce(what.columns);
      for (const std::uint32_t c : what.columns) {
        const stored_block& block = group.blocks[c];
        const auto view = opened.open(c);
        if (!view.ok()) {
          report.stopped = to_status(view.error(), "audit");
          return report;
        }
        vectors[c].clear();
        for (std::uint32_t v = 0; v < group.vector_count(); ++v) vectors[c].push_back((*view)->vector_at(v));
        blocks[c] = {vectors[c], &block.zone, block.vector_zones, *view, &block.bounds};
      }
      work.audit_group(blocks, group.row_count, s, g);
    }
  if (context.should_stop()) report.stopped = to_status(context.error(), "audit");
  return report;
}

/// The joins whose keys were pushed into the scan, with those keys.
inline std::vector<audited_join> audited_joins(const bound_pass& pass) {
  std::vector<audited_join> out;
  for (std::uint32_t j = 0; j < pass.links.size(); ++j) {
    audited_join made;
    std::vector<std::uint32_t> numbers;
    for (const auto& pushed : pass.pushed) {
      if (pushed.link != j || std::find(numbers.begin(), numbers.end(), pushed.key) != numbers.end()) continue;
      numbers.push_back(pushed.key);
      made.columns.push_back(pushed.column);
    }
    if (numbers.empty()) continue;
    for (const auto& key : pass.links[j]->keys()) {
      made.keys.emplace_back();
      for (const std::uint32_t number : numbers) made.keys.back().push_back(key[number]);
    }
    sort_keys(made.keys);
    out.push_back(std::move(made));
  }
  return out;
}

inline std::vector<std::uint32_t> all_columns(const dynamic_schema& schema) {
  std::vector<std::uint32_t> out(schema.size());
  for (std::uint32_t c = 0; c < out.size(); ++c) out[c] = c;
  return out;
}

}  // namespace detail

PILLAR_API absl::StatusOr<audit_report> audit_plan(const query_plan& plan, const audit_options& options,
                                                   query_context& context) {
  const auto pass = detail::bind_first_pass(plan, context, options.with, true);
  if (!pass.ok()) return pass.status();
  const detail::bound_segment& segment = *pass->segments.front();
  detail::audited_query what{segment.what.source, segment.named, nullptr, nullptr, &segment.values.nodes, {}};
  if (!segment.what.predicate.nodes.empty()) what.condition = &segment.what.predicate;
  if (segment.what.has_predicate) what.predicate = &segment.predicate;
  what.joins = detail::audited_joins(*pass);
  audit_report report = detail::audit_version(*plan.from_table->version(), what, options, context);
  for (const auto& link : pass->links) report.joins.push_back(link->account());
  return report;
}

PILLAR_API absl::StatusOr<audit_report> audit(const table& from, const audit_options& options, query_context& context) {
  if (!from.status().ok()) return from.status();
  const detail::audited_query what{from.schema(), detail::all_columns(from.schema())};
  return detail::audit_version(*from.version(), what, options, context);
}
PILLAR_API absl::StatusOr<audit_report> audit(const table& from, const audit_options& options) {
  query_context context;
  return audit(from, options, context);
}

PILLAR_API absl::StatusOr<audit_report> audit_blocks(const dynamic_schema& schema, std::uint32_t row_count,
                                                     std::span<const audited_block> blocks, const expression* predicate,
                                                     const audit_options& options) {
  const std::size_t vector_count = (std::size_t{row_count} + vector_rows - 1) / vector_rows;
  bool fits = blocks.size() == schema.size();
  for (const audited_block& block : blocks) {
    fits = fits && block.vectors.size() == vector_count;
    fits = fits && (block.vector_zones.empty() || block.vector_zones.size() == vector_count);
    fits =
        fits && (block.bounds == nullptr || (block.bounds->least.size() == block.bounds->greatest.size() &&
                                             (!block.bounds->known() || block.bounds->least.size() == vector_count)));
    fits = fits && (block.view == nullptr || block.view->vector_count() == vector_count);
    for (const encoded_vector& one : block.vectors)
      fits = fits && one.operations != nullptr && one.operations->decode != nullptr;
  }
  if (!fits)
    return make_status(absl::StatusCode::kInvalidArgument,
                       "the blocks do not fit: one per column, and a vector for every 1,024 rows");
  detail::audited_query what{schema, detail::all_columns(schema)};
  bound_predicate bound;
  if (predicate != nullptr) {
    auto made = bind_predicate(*predicate, schema);
    if (!made.ok()) return make_status(absl::StatusCode::kInvalidArgument, explain_fault(*predicate, schema, true));
    bound = *std::move(made);
    what.condition = predicate;
    what.predicate = &bound;
  }
  query_context context;
  audit_report report;
  report.row_groups = 1;
  detail::auditor(what, options, context, report).audit_group(blocks, row_count, 0, 0);
  return report;
}

PILLAR_API std::ostream& operator<<(std::ostream& out, const liar& what) {
  out << to_string(what.layer) << ", " << to_string(what.what) << ": slice " << what.slice << ", row group "
      << what.group;
  if (what.vector != liar::none) out << ", vector " << what.vector;
  if (what.row != liar::none) out << ", row " << what.row;
  if (what.column != liar::none) out << ", column '" << what.column_name << '\'';
  return out << ": claims " << what.claim << ", but " << what.truth;
}

PILLAR_API std::ostream& operator<<(std::ostream& out, const audit_report& report) {
  out << report.row_groups_audited << " of " << report.row_groups << " row groups audited, " << report.rows_audited
      << " rows; claims checked:";
  bool first = true;
  for (std::size_t i = 0; i < audit_claim_count; ++i) {
    if (report.checks[i] == 0) continue;
    out << (first ? " " : ", ") << report.checks[i] << ' ' << to_string(static_cast<audit_claim>(i));
    first = false;
  }
  out << (first ? " none\n" : "\n");
  for (const join_account& join : report.joins)
    if (join.may_spill)
      out << "the join on " << join.keys << " spilled " << join.spilled_rows
          << " rows: its keys say nothing of the scan's\n";
  if (!report.stopped.ok()) out << "stopped: " << report.stopped << '\n';
  if (report.clean()) return out << "no liar\n";
  out << report.liar_count << (report.liar_count == 1 ? " liar\n" : " liars\n");
  for (const liar& one : report.liars) out << "  " << one << '\n';
  return out;
}

}  // namespace PILLAR_NAMESPACE
