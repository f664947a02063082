// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ostream>

#include "pillar/conformance/report.hpp"

namespace PILLAR_NAMESPACE::conformance {

PILLAR_API bool report::ok() const noexcept {
  for (const law_report& law : laws)
    if (!law.holds || (law.required && law.cases == 0)) return false;
  return !laws.empty();
}

PILLAR_API const law_report* report::find(const std::string& law) const noexcept {
  for (const law_report& one : laws)
    if (one.law == law) return &one;
  return nullptr;
}

PILLAR_API std::uint64_t report::count(const std::string& what) const noexcept {
  for (const case_count& one : counts)
    if (one.what == what) return one.count;
  return 0;
}

PILLAR_API std::string to_string(const report& of) {
  std::string out = of.subject + (of.ok() ? ": conforms\n" : ": DOES NOT CONFORM\n");
  for (const law_report& law : of.laws) {
    const bool untried = law.holds && law.cases == 0;
    out += !law.holds ? "  broken  " : !untried ? "  holds   " : law.required ? "  untried " : "  –       ";
    out += law.law;
    out += untried && !law.required ? " (not offered)\n" : " (" + std::to_string(law.cases) + " cases)\n";
    if (!law.holds) out += "          seed " + std::to_string(law.seed) + ": " + law.counterexample + "\n";
  }
  if (!of.counts.empty()) out += "  met     ";
  for (std::size_t i = 0; i < of.counts.size(); ++i)
    out += (i == 0 ? "" : ", ") + of.counts[i].what + " × " + std::to_string(of.counts[i].count);
  if (!of.counts.empty()) out += "\n";
  return out;
}

PILLAR_API std::ostream& operator<<(std::ostream& out, const report& of) { return out << to_string(of); }

}  // namespace PILLAR_NAMESPACE::conformance
