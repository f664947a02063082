// SPDX-License-Identifier: Apache-2.0
/// Runs questions and keeps their accounts.
#pragma once
#include <algorithm>
#include <vector>

#include <absl/status/statusor.h>

#include "account.hpp"
#include "pillar/pipeline/run.hpp"
#include "pillar/schedule/executor.hpp"

namespace demo {

/// Each question seven times, or fewer when that takes over a second; the run with the median time is kept.
inline absl::StatusOr<std::vector<answered_question>> run_questions(const std::vector<question>& questions,
                                                                    const load_account& load,
                                                                    pillar::executor_ref runner) {
  constexpr std::uint32_t most_runs = 7;
  constexpr std::uint64_t enough_ns = 1'000'000'000;
  std::vector<answered_question> out;
  for (const question& each : questions) {
    std::vector<pillar::query_result> runs;
    for (std::uint64_t spent_ns = 0; runs.size() < most_runs && spent_ns < enough_ns;
         spent_ns += runs.back().stats().elapsed_ns) {
      auto done = run(each.asked, runner);
      if (!done.ok()) return absl::Status(done.status().code(), each.id + ": " + std::string(done.status().message()));
      runs.push_back(*std::move(done));
    }
    const auto middle = runs.begin() + static_cast<std::ptrdiff_t>(runs.size() / 2);
    std::nth_element(runs.begin(), middle, runs.end(),
                     [](const auto& a, const auto& b) { return a.stats().elapsed_ns < b.stats().elapsed_ns; });
    std::uint64_t decoded_bytes = 0;
    for (const auto& column : middle->stats().columns) decoded_bytes += load.columns[column.column].decoded_bytes;
    out.push_back({each, *middle, static_cast<std::uint32_t>(runs.size()), decoded_bytes});
  }
  return out;
}

}  // namespace demo
