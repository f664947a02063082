#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes shapes.inc: typed schemas and expression shapes over them, the same for a seed. The literals of a shape are
drawn when it runs: literal<T>(column, number). Run it after a change: python3 make_shapes.py > shapes.inc"""
import random

SEED = 20130101
SHAPES_PER_SCHEMA = 9

# name: (C++ type, class, scale, literal types that compare with it)
NUMBERS = ["std::int32_t", "std::int64_t", "std::uint64_t", "double", "float", "pillar::decimal<12, 3>",
           "pillar::decimal<38, 6>"]
TYPES = {
    "i8": ("std::int8_t", "number", 0), "i16": ("std::int16_t", "number", 0), "i32": ("std::int32_t", "number", 0),
    "i64": ("std::int64_t", "number", 0), "u8": ("std::uint8_t", "number", 0), "u16": ("std::uint16_t", "number", 0),
    "u32": ("std::uint32_t", "number", 0), "u64": ("std::uint64_t", "number", 0), "f32": ("float", "number", None),
    "f64": ("double", "number", None), "dec9": ("pillar::decimal<9, 4>", "number", 4),
    "dec15": ("pillar::decimal<15, 2>", "number", 2), "dec38": ("pillar::decimal<38, 4>", "number", 4),
    "flag": ("bool", "boolean", None), "day": ("pillar::date", "date", None),
    "moment": ("pillar::timestamp<>", "timestamp", None),
    "second": ("pillar::timestamp<pillar::time_unit::second>", "timestamp", None), "name": ("pillar::text", "text", None),
    "blob": ("pillar::bytes", "text", None),
}
SCHEMAS = [  # a name with ? is nullable
    ["i8", "i32?", "i64?", "name?", "flag"],
    ["u8?", "u16", "u32", "u64?", "blob"],
    ["f32", "f64?", "i16?", "dec15", "name"],
    ["dec9?", "dec15?", "dec38", "i32", "day?"],
    ["moment?", "second", "day", "name?", "flag?"],
    ["i64", "u64", "f64", "dec38?", "i8?"],
    ["dec15", "i32", "name", "moment", "f32?"],
]
COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]


class Shape:
    def __init__(self, rng, columns):
        self.rng, self.columns, self.literals = rng, columns, 0

    def cls(self, column):
        return TYPES[self.columns[column].rstrip("?")][1]

    def of_class(self, wanted):
        return [c for c in range(len(self.columns)) if self.cls(c) == wanted]

    def col(self, column):
        return f'"{self.columns[column].rstrip("?")}"_col'

    def literal(self, column, kind=None):
        kinds = {"number": NUMBERS, "boolean": ["bool"], "date": ["pillar::date"],
                 "timestamp": ["pillar::timestamp<>", "pillar::timestamp<pillar::time_unit::second>",
                               "pillar::timestamp<pillar::time_unit::nano>"], "text": ["std::string"]}
        kind = kind or self.rng.choice(kinds[self.cls(column)])
        self.literals += 1
        # column 0 of every table is its row number
        return f"l.literal<{kind}>({column + 1}, {self.literals})"

    def number(self, depth):
        """C++ text, a column that it is like, and a bound of its scale."""
        numbers = self.of_class("number")
        column = self.rng.choice(numbers)
        if depth == 0 or self.rng.random() < 0.3:
            return self.col(column), column, TYPES[self.columns[column].rstrip("?")][2] or 0
        left, like, left_scale = self.number(depth - 1)
        if self.rng.random() < 0.4:
            kind = self.rng.choice(NUMBERS[:6])
            right, right_scale = self.literal(column, kind), 3 if "decimal" in kind else 0
        else:
            right, _, right_scale = self.number(depth - 1)
        op = self.rng.choice("+-*" if left_scale + right_scale <= 30 else "+-")
        if self.rng.random() < 0.2:
            left, right = right, left
        return f"({left} {op} {right})", like, left_scale + right_scale

    def leaf(self):
        column = self.rng.randrange(len(self.columns))
        value = self.col(column)
        if self.cls(column) == "number" and self.rng.random() < 0.35:
            value, column, _ = self.number(2)
            if self.rng.random() < 0.2:
                other, _, _ = self.number(1)
                return f"{value} {self.rng.choice(COMPARISONS)} {other}"
        kind = self.rng.randrange(11)
        if kind == 0:
            return f"{value}.is_null()" if self.rng.random() < 0.6 else f"{value}.is_not_null()"
        others = [c for c in self.of_class(self.cls(column)) if c != column]
        if kind == 1 and others:
            other = self.rng.choice(others)
            return f"{value} {self.rng.choice(COMPARISONS)} {self.col(other)}"
        if kind == 2 and self.cls(column) == "boolean":
            return self.col(column)
        if kind in (3, 4):
            one = self.literal(column)
            literal_type = one[one.index("<") + 1:one.rindex(">(")]
            more = [self.literal(column, literal_type) for _ in range(self.rng.randrange(1, 5))]
            return f"{value}.in({', '.join([one] + more)})"
        if kind in (5, 6):
            low = self.literal(column)
            if others and self.rng.random() < 0.2:
                low = self.col(self.rng.choice(others))
            return f"{value}.between({low}, {self.literal(column)})"
        if kind == 7 and self.cls(column) == "text":
            self.literals += 1
            return f"{value}.starts_with(l.prefix({column + 1}, {self.literals}))"
        op = self.rng.choice(COMPARISONS)
        literal = self.literal(column)
        return f"{literal} {op} {value}" if self.rng.random() < 0.2 else f"{value} {op} {literal}"

    def predicate(self, depth):
        if depth == 0:
            return self.leaf()
        draw = self.rng.random()
        if draw < 0.15:
            return f"!({self.predicate(depth - 1)})"
        op = "&&" if draw < 0.6 else "||"
        return f"({self.predicate(self.rng.randrange(depth))}) {op} ({self.predicate(depth - 1)})"


def main():
    rng = random.Random(SEED)
    out = ["// SPDX-License-Identifier: Apache-2.0", f"// Written by make_shapes.py, seed {SEED}; do not edit.",
           "// clang-format off"]
    for number, columns in enumerate(SCHEMAS):
        fields = ['pillar::field<"row", std::uint32_t>']
        for column in columns:
            cpp = TYPES[column.rstrip("?")][0]
            fields.append(f'pillar::field<"{column.rstrip("?")}", {f"pillar::nullable<{cpp}>" if column[-1] == "?" else cpp}>')
        out.append(f"struct schema_{number} : pillar::schema<{', '.join(fields)}> {{}};")
    names = []
    for number, columns in enumerate(SCHEMAS):
        for _ in range(SHAPES_PER_SCHEMA):
            shape = Shape(rng, columns)
            text = shape.predicate(rng.choice([0, 1, 1, 2, 2, 3]))
            out.append(f"pillar::expression shape_{len(names)}([[maybe_unused]] const literals& l) {{")
            out.append(f"  return typed<schema_{number}>({text});")
            out.append("}")
            names.append(f"  {{&pillar::describe<schema_{number}>, &shape_{len(names)}}},")
    out.append("constexpr shape_entry shapes[] = {")
    out += names
    out.append("};")
    print("\n".join(out))


main()
