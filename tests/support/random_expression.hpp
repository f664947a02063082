// SPDX-License-Identifier: Apache-2.0
/// Seeded expressions over a run-time schema, with literals of every kind close to the data: the unbound side of the
/// random tests.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/column/schema.hpp"
#include "pillar/expr/expression.hpp"
#include "pillar/expr/type_rules.hpp"
#include "support/owned_vector.hpp"

namespace pillar_test {

/// A number of any literal type at, or next to, `near`; extremes, NaN, infinities and −0.0 now and then.
inline pillar::scalar number_literal(pillar::splitmix64& random, const pillar::scalar& near) {
  using namespace pillar;
  const double infinity = std::numeric_limits<double>::infinity();
  if (random.chance(1, 12)) {
    switch (random.below(10)) {
      case 0: return scalar::of_real(type_of<double>, std::numeric_limits<double>::quiet_NaN());
      case 1: return scalar::of_real(type_of<double>, random.chance(1, 2) ? infinity : -infinity);
      case 2: return scalar::of_real(type_of<double>, -0.0);
      case 3: return scalar::of_real(type_of<double>, random.chance(1, 2) ? 1e300 : -1e300);
      case 4: return scalar::of_integer(type_of<std::uint64_t>, highest_of<std::uint64_t>());
      case 5: return scalar::of_integer(type_of<std::int64_t>, lowest_of<std::int64_t>());
      case 6: return scalar::of_integer(type_of<std::int64_t>, highest_of<std::int64_t>());
      case 7: return scalar::of_integer(decimal_type(38, 37), power_of_ten(37) - 1);
      case 8: return scalar::of_real(type_of<double>, std::numeric_limits<double>::denorm_min());
      default: return scalar::of_real(type_of<float>, static_cast<double>(std::numeric_limits<float>::max()));
    }
  }
  const unsigned scale = scale_of(near.type);
  double real = is_float(near.type.physical)
                    ? near.real
                    : static_cast<double>(near.integer) / static_cast<double>(power_of_ten(scale));
  const int step = static_cast<int>(random.below(3)) - 1;
  const std::uint64_t kind = random.below(6);
  if (kind == 0 || (kind > 1 && !(std::fabs(real) < 1e17))) {
    if (random.chance(1, 3)) real = std::nextafter(real, step < 0 ? -infinity : infinity);
    else if (random.chance(1, 3)) real += step * 0.5;
    return scalar::of_real(type_of<double>, real);
  }
  if (kind == 1) return scalar::of_real(type_of<float>, static_cast<double>(static_cast<float>(real + step * 0.25)));
  if (kind == 2 || kind == 3) {
    const auto whole = static_cast<int128>(std::floor(real)) + step;
    if (whole >= 0 && random.chance(1, 3)) return scalar::of_integer(type_of<std::uint64_t>, whole);
    if (whole >= lowest_of<std::int32_t>() && whole <= highest_of<std::int32_t>())
      return scalar::of_integer(type_of<std::int32_t>, whole);
    return scalar::of_integer(type_of<std::int64_t>, whole);
  }
  const auto digits = static_cast<unsigned>(random.below(6));
  int128 unscaled = static_cast<int128>(std::floor(real * static_cast<double>(power_of_ten(digits)))) + step;
  if (kind == 5 && !is_float(near.type.physical) && scale <= digits)
    unscaled = near.integer * power_of_ten(digits - scale) + step;
  return scalar::of_integer(decimal_type(38, digits), unscaled);
}

/// An expression in postfix notation, for messages.
inline std::string spell(const pillar::expression& what) {
  static const char* const kinds[] = {"", "", "", "", "and", "or", "not", "between", "in", "", "starts_with"};
  static const char* const comparisons[] = {"==", "!=", "<", "<=", ">", ">="};
  static const char* const operators[] = {"+", "-", "*"};
  std::string out;
  for (const auto& node : what.nodes) {
    if (!out.empty()) out += ' ';
    switch (node.kind) {
      case pillar::expression_kind::column: out += node.name; break;
      case pillar::expression_kind::literal:
        out += "(" + to_string(node.value.type) + " " + to_string(node.value) + ")";
        break;
      case pillar::expression_kind::compare: out += comparisons[node.op]; break;
      case pillar::expression_kind::arithmetic: out += operators[node.op]; break;
      case pillar::expression_kind::null_check: out += node.op == 0 ? "is_null" : "is_not_null"; break;
      default: out += kinds[static_cast<int>(node.kind)];
    }
    if (node.kind == pillar::expression_kind::starts_with) out += "(" + node.value.text + ")";
    if (node.kind == pillar::expression_kind::in_list)
      for (const auto& member : node.list) out += "(" + to_string(member.type) + " " + to_string(member) + ")";
  }
  return out;
}

/// Makes predicates and values; `cells` are the data by column.
struct expression_generator {
  pillar::splitmix64& random;
  const pillar::dynamic_schema& schema;
  const std::vector<std::vector<pillar::scalar>>& cells;
  bool null_literals = true;
  bool arithmetic = true;

  pillar::scalar cell_of(std::uint32_t column) {
    for (int attempt = 0; attempt < 8 && !cells[column].empty(); ++attempt) {
      const auto& cell = cells[column][random.below(cells[column].size())];
      if (!cell.null) return cell;
    }
    return random_scalar(random, schema[column].type, 40, false);
  }
  /// A literal that compares with the column.
  pillar::scalar literal_for(std::uint32_t column, bool may_be_null = true) {
    using namespace pillar;
    const data_type& type = schema[column].type;
    scalar near = cell_of(column);
    if (may_be_null && null_literals && random.chance(1, 30)) return scalar::of_null(type);
    switch (class_of(type)) {
      case type_class::number: return number_literal(random, near);
      case type_class::boolean: return scalar::of_integer(type_of<bool>, static_cast<int>(random.below(2)));
      case type_class::date:
        if (near.integer > lowest_of(type.physical) && near.integer < highest_of(type.physical))
          near.integer += static_cast<int>(random.below(3)) - 1;
        return near;
      case type_class::timestamp: {  // of another unit
        const unsigned units[] = {0, 3, 6, 9};
        const unsigned unit = units[random.below(4)];
        data_type other = type_of<timestamp<>>;
        other.scale = static_cast<std::uint8_t>(unit);
        int128 ticks = unit >= type.scale ? near.integer * power_of_ten(unit - type.scale)
                                          : near.integer / power_of_ten(type.scale - unit);
        ticks += static_cast<int>(random.below(3)) - 1;
        if (ticks < lowest_of<std::int64_t>() || ticks > highest_of<std::int64_t>()) ticks = 0;
        return scalar::of_integer(other, ticks);
      }
      case type_class::text:
        near.type = type_of<text>;
        if (random.chance(1, 4)) near.text += static_cast<char>(random.below(256));
        else if (random.chance(1, 4) && !near.text.empty()) near.text.pop_back();
        return near;
    }
    return near;
  }
  std::uint32_t any_column() { return static_cast<std::uint32_t>(random.below(schema.size())); }
  /// A column of the class, or none (schema.size()).
  std::uint32_t column_of(pillar::type_class wanted) {
    std::vector<std::uint32_t> fitting;
    for (std::uint32_t i = 0; i < schema.size(); ++i)
      if (class_of(schema[i].type) == wanted) fitting.push_back(i);
    return fitting.empty() ? static_cast<std::uint32_t>(schema.size()) : fitting[random.below(fitting.size())];
  }

  pillar::expression column(std::uint32_t index) { return pillar::col(schema[index].name); }
  static pillar::expression constant(pillar::scalar value) {
    pillar::expression made;
    made.push_literal(std::move(value));
    return made;
  }
  static pillar::expression join(pillar::expression left, const pillar::expression& right, pillar::expression_kind kind,
                                 std::uint64_t op = 0) {
    left.append(right);
    left.push(kind, static_cast<std::uint8_t>(op));
    return left;
  }
  /// A number column, or arithmetic over such and literals; of at most 38 digits after the point.
  pillar::expression number(unsigned depth) {
    using namespace pillar;
    const std::uint32_t index = column_of(type_class::number);
    if (depth == 0 || random.chance(1, 3)) return column(index);
    expression left = number(depth - 1);
    expression right = random.chance(1, 3) ? constant(literal_for(index)) : number(depth - 1);
    if (random.chance(1, 4)) std::swap(left, right);
    return join(std::move(left), right, expression_kind::arithmetic, random.below(3));
  }
  /// A column or computed value, and the column whose cells are like it.
  pillar::expression value(std::uint32_t& like) {
    like = any_column();
    if (arithmetic && class_of(schema[like].type) == pillar::type_class::number && random.chance(1, 3))
      return number(2);
    return column(like);
  }
  pillar::expression leaf() {
    using namespace pillar;
    std::uint32_t like = 0;
    expression left = value(like);
    switch (random.below(12)) {
      case 0: return random.chance(1, 2) ? left.is_null() : left.is_not_null();
      case 1: {
        const std::uint32_t other = column_of(class_of(schema[like].type));
        return join(std::move(left), column(other), expression_kind::compare, random.below(6));
      }
      case 2: {
        const std::uint32_t flag = column_of(type_class::boolean);
        if (flag < schema.size()) return column(flag);
        return constant(scalar::of_integer(type_of<bool>, static_cast<int>(random.below(2))));
      }
      case 3:
      case 4: {
        std::vector<scalar> members;
        const std::uint64_t count = random.below(6);
        for (std::uint64_t i = 0; i < count; ++i) members.push_back(literal_for(like));
        left.push_list(members.empty() ? schema[like].type : members[0].type, std::move(members));
        return left;
      }
      case 5:
      case 6: {
        const bool columns = random.chance(1, 4);
        const std::uint32_t a = column_of(class_of(schema[like].type));
        expression low = columns ? column(a) : constant(literal_for(like));
        expression high =
            random.chance(1, 6) ? column(column_of(class_of(schema[like].type))) : constant(literal_for(like));
        if (random.chance(1, 12)) left = constant(literal_for(like));  // a literal between others
        left.append(low);
        return join(std::move(left), high, expression_kind::between);
      }
      case 7:
        if (class_of(schema[like].type) == type_class::text) {
          std::string prefix = literal_for(like, false).text;
          prefix.resize(random.below(prefix.size() + 1));
          return left.starts_with(prefix);
        }
        [[fallthrough]];
      default: {
        expression right = constant(literal_for(like));
        if (random.chance(1, 20)) left = constant(literal_for(like));
        if (random.chance(1, 4)) std::swap(left, right);
        return join(std::move(left), right, expression_kind::compare, random.below(6));
      }
    }
  }
  pillar::expression predicate(unsigned depth) {
    using namespace pillar;
    if (depth == 0 || random.chance(1, 4)) return leaf();
    const std::uint64_t shape = random.below(5);
    if (shape == 0) return !predicate(depth - 1);
    return join(predicate(depth - 1), predicate(depth - 1),
                shape < 3 ? expression_kind::both : expression_kind::either);
  }
};

}  // namespace pillar_test
