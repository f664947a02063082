// SPDX-License-Identifier: Apache-2.0
/// Names and types of columns: known at run time, or as a C++ type whose names are checked by the compiler.
#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pillar/base/fixed_string.hpp"  // fixed_string
#include "pillar/base/result.hpp"
#include "pillar/column/types.hpp"  // data_type, type_of

namespace PILLAR_NAMESPACE {

/// A column of a run-time schema.
struct column_description {
  std::string name;
  data_type type;
  friend bool operator==(const column_description&, const column_description&) = default;
};

/// A schema known only at run time.
///
/// Requires: names are unique (checked where tables and pipelines are made)
struct dynamic_schema {
  std::vector<column_description> columns;

  [[nodiscard]] std::size_t size() const noexcept { return columns.size(); }
  [[nodiscard]] const column_description& operator[](std::size_t index) const noexcept { return columns[index]; }
  /// Index of a column; no_such_column if there is none.
  [[nodiscard]] result<std::uint32_t> find(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (columns[i].name == name) return static_cast<std::uint32_t>(i);
    return errc::no_such_column;
  }
  friend bool operator==(const dynamic_schema&, const dynamic_schema&) = default;
};

/// One column of a typed schema.
template <fixed_string Name, column_type T>
struct field {
  static constexpr auto name = Name;
  static constexpr data_type type = type_of<T>;
};

/// A name and a type as a constant: what compile-time checks read.
struct static_column {
  std::string_view name;
  data_type type;
};

/// A schema known to the compiler. Derive a struct from it: an alias would spell every field in symbols and errors.
template <class... Fields>
struct schema {
  using pillar_schema = schema;
  static constexpr std::size_t column_count = sizeof...(Fields);
  static constexpr std::array<static_column, sizeof...(Fields)> columns{
      static_column{Fields::name.view(), Fields::type}...};
};

/// A type that derives from a schema (or is one).
template <class S>
concept typed_schema = requires {
  S::columns.size();
  typename S::pillar_schema;
};

/// Stands for "checked at run time" where a typed schema could stand.
struct any_schema {};

/// The run-time form of a typed schema.
template <typed_schema S>
dynamic_schema describe() {
  dynamic_schema made;
  made.columns.reserve(S::columns.size());
  for (const auto& column : S::columns) made.columns.push_back({std::string(column.name), column.type});
  return made;
}

}  // namespace PILLAR_NAMESPACE
