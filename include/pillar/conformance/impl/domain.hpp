// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>

#include "pillar/conformance/domain.hpp"
#include "pillar/conformance/recorder.hpp"
#include "pillar/conformance/sample.hpp"

namespace PILLAR_NAMESPACE::conformance {

PILLAR_API report check_match(vector_matcher matcher, const settings& how) {
  enum : std::uint32_t { agrees, writes, extremes, canonical };
  enum : std::uint32_t { vectors, all_null, none, all, some };
  recorder found("match",
                 {{"the mask agrees with the values"},
                  {"only the words of the rows are written, zero beyond the last"},
                  {"is_everything and is_nothing are never wrong"},
                  {"domains are canonical"}},
                 {"vectors", "all NULL", "verdict none", "verdict all", "verdict some"});
  found.run(how, [&] {
    const std::uint64_t cases = every_type().size() * sample_shape_count * how.rounds;
    for (std::uint64_t i = 0; i < cases; ++i) {
      const std::uint64_t seed = how.seed + i;
      const sample from = make_sample(seed);
      splitmix64 random(seed + 1);
      for (int k = 0; k < 6; ++k) {
        const domain test = make_domain(random, from.type, from.cells, static_cast<wanted_verdict>(k % 3));
        found.at(canonical, seed, to_string(from) + ", '" + to_string(test) + "'");
        found.expect(canonical_fault(test).empty(), [&] { return canonical_fault(test); });
        for (std::size_t v = 0; v < from.vectors.size(); ++v) {
          const vector& values = from.vectors[v];
          const std::size_t words = words_for(values.size);
          guard_array<std::uint64_t> mask(words);
          found.at(agrees);
          matcher(values, test, mask.data());
          std::uint32_t valid = 0, inside = 0, wrong = values.size;
          for (std::uint32_t row = 0; row < values.size; ++row) {
            const scalar& cell = from.cells[v * vector_rows + row];
            if (cell.null) continue;
            const bool is_in = satisfies(test, cell);
            ++valid;
            inside += is_in;
            if (wrong == values.size && get_bit(mask.data(), row) != is_in) wrong = row;
          }
          found.expect(wrong == values.size, [&] {
            return "row " + std::to_string(wrong) + ", " + pillar::to_string(get(values, wrong)) +
                   ", is answered wrongly";
          });
          found.at(writes);
          found.expect(
              mask.slack_untouched() && count_bits(mask.data(), words * 64) == count_bits(mask.data(), values.size),
              [] { return std::string("bits beyond the last row are set, or words before the mask written"); });
          found.at(extremes);
          found.expect(!(test.is_everything() && inside != valid) && !(test.is_nothing() && inside != 0),
                       [] { return std::string("a value says otherwise"); });
          found.count(vectors);
          found.count(all_null, valid == 0);
          if (valid != 0) found.count(inside == 0 ? none : inside == valid ? all : some);
        }
      }
    }
  });
  return found.finish();
}

}  // namespace PILLAR_NAMESPACE::conformance
