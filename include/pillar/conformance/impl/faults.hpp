// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/conformance/faults.hpp"
#include "pillar/conformance/recorder.hpp"

namespace PILLAR_NAMESPACE::conformance {

namespace detail {
/// More injection points than this, and the operation is taken to allocate for ever.
inline constexpr std::uint64_t sweep_limit = 100000;
}  // namespace detail

PILLAR_API report sweep_allocations(const std::string& subject, faulty_run operation) {
  enum : std::uint32_t { comes_back, keeps_nothing, succeeds };
  recorder found(subject,
                 {{"a refused allocation comes back as an error, or is spared"},
                  {"nothing stays allocated"},
                  {"the operation succeeds when nothing is refused, after some allocations"}},
                 {"injection points", "spared"});
  for (const bool lasting : {false, true}) {
    for (std::uint64_t n = 1; n <= detail::sweep_limit; ++n) {
      memory_budget budget;
      budget.refuse(n, lasting);
      const errc said = operation(budget);
      const bool refused = budget.refused() != 0;
      found.at(refused ? comes_back : succeeds, n,
               "allocation " + std::to_string(n) + (lasting ? " and all later" : "") + " refused");
      found.count(0, refused && !lasting);
      found.count(1, refused && said == errc::ok);
      found.expect(said == errc::ok ? refused || n > 1 : refused && said == errc::out_of_memory, [&] {
        return said == errc::ok ? std::string("nothing was allocated") : "gave '" + std::string(to_string(said)) + "'";
      });
      found.at(keeps_nothing);
      found.expect(budget.used() == 0, [&] { return std::to_string(budget.used()) + " bytes stay counted"; });
      budget.release(budget.used());
      if (!refused) break;
    }
  }
  return found.finish();
}

PILLAR_API report sweep_file_operations(const std::string& subject, function_ref<errc(fault_plan&)> operation) {
  enum : std::uint32_t { comes_back, succeeds };
  recorder found(subject,
                 {{"a failed file operation comes back as an error"},
                  {"the operation succeeds when nothing fails, after some file operations"}},
                 {"injection points"});
  for (const bool lasting : {false, true}) {
    for (std::uint64_t n = 1; n <= detail::sweep_limit; ++n) {
      fault_plan plan;
      plan.fail_at = n;
      plan.lasting = lasting;
      const errc said = operation(plan);
      const bool failed = plan.failed != 0;
      found.at(failed ? comes_back : succeeds, n,
               "file operation " + std::to_string(n) + (lasting ? " and all later" : "") + " failed");
      found.count(0, failed && !lasting);
      found.expect(failed ? said == errc::io_error : said == errc::ok && n > 1, [&] {
        return !failed && n == 1 ? std::string("there was no file operation")
                                 : "the operation gave '" + std::string(to_string(said)) + "'";
      });
      if (!failed) break;
    }
  }
  return found.finish();
}

}  // namespace PILLAR_NAMESPACE::conformance
