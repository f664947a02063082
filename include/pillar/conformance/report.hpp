// SPDX-License-Identifier: Apache-2.0
/// What a check says: each law, how often it was tried, and the first case that breaks it.
///
/// A report is a value: print it, or ask ok() and hand it to any test framework.
///
///     const auto found = pillar::conformance::check_codec<run_length>();
///     std::cout << found;
///     return found.ok() ? 0 : 1;
#pragma once
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// One law over all its cases.
struct law_report {
  std::string law{};        ///< in words
  bool required = true;     ///< false: of an optional ability; no cases then means that it is not offered
  std::uint64_t cases = 0;  ///< how often it was tried
  bool holds = true;
  std::uint64_t seed = 0;        ///< of the first counterexample: settings.seed = seed makes it the first case
  std::string counterexample{};  ///< a sentence; empty while the law holds
};

/// How often something worth forcing was met: "all rows NULL", "verdict none".
struct case_count {
  std::string what{};
  std::uint64_t count = 0;
};

/// What a check found: its laws, and how often the hard cases were met.
struct report {
  std::string subject{};
  std::vector<law_report> laws{};
  std::vector<case_count> counts{};

  /// Every law holds, and every required one was tried.
  [[nodiscard]] PILLAR_API bool ok() const noexcept;
  /// The law of that name, for tests; nullptr if there is none.
  [[nodiscard]] PILLAR_API const law_report* find(const std::string& law) const noexcept;
  [[nodiscard]] PILLAR_API std::uint64_t count(const std::string& what) const noexcept;
};

/// The report as text: a line per law, and the first counterexample of each that failed.
[[nodiscard]] PILLAR_API std::string to_string(const report& of);
/// Writes to_string(of).
PILLAR_API std::ostream& operator<<(std::ostream& out, const report& of);

/// How checks run. Equal settings give equal cases on every machine.
struct settings {
  std::uint64_t seed = 1;
  std::uint32_t rounds = 1;  ///< multiplies the cases
  /// Run in a child process, so that a crash or an endless loop becomes a counterexample instead of ending the program.
  /// Not for debuggers, nor where the code under test owns threads. (Executors are always checked in this process.)
  bool isolated = true;
  std::uint32_t time_limit_seconds = 300;  ///< of an isolated check
};

}  // namespace PILLAR_NAMESPACE::conformance

#ifdef PILLAR_HEADER_ONLY
#include "pillar/conformance/impl/report.hpp"
#endif
