// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ostream>

#include "pillar/codec/encoding_report.hpp"
#include "pillar/column/scalar.hpp"  // to_string of types

namespace PILLAR_NAMESPACE {

PILLAR_API const char* to_string(encoding_verdict verdict) noexcept {
  switch (verdict) {
    case encoding_verdict::chosen: return "chosen";
    case encoding_verdict::costs_more: return "costs more";
    case encoding_verdict::gave_up: return "gave up";
    case encoding_verdict::does_not_fit: return "does not fit";
    case encoding_verdict::ruled_out: return "ruled out";
  }
  return "unknown";
}

PILLAR_API const encoding_candidate* encoding_report::chosen() const noexcept {
  for (const encoding_candidate& candidate : candidates)
    if (candidate.verdict == encoding_verdict::chosen) return &candidate;
  return nullptr;
}

PILLAR_API std::string to_string(const encoding_report& report) {
  std::string out = to_string(report.type) + ", " + std::to_string(report.row_count) + " rows, " +
                    std::to_string(report.null_count) + " NULL, " + std::to_string(report.raw_bytes) + " bytes raw\n";
  for (const encoding_candidate& candidate : report.candidates) {
    out += candidate.verdict == encoding_verdict::chosen ? "  * " : "    ";
    out += candidate.tree;
    out.append(candidate.tree.size() < 44 ? 44 - candidate.tree.size() : 1, ' ');
    const std::string bytes = candidate.data_bytes == 0 ? "-" : std::to_string(candidate.data_bytes);
    out.append(bytes.size() < 10 ? 10 - bytes.size() : 0, ' ');
    out += bytes + "  " + to_string(candidate.verdict);
    if (!candidate.reason.empty()) out += ": " + candidate.reason;
    out += '\n';
  }
  return out;
}

PILLAR_API std::ostream& operator<<(std::ostream& out, const encoding_report& report) {
  return out << to_string(report);
}

}  // namespace PILLAR_NAMESPACE
