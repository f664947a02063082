// SPDX-License-Identifier: Apache-2.0
/// A benchmark program as a server on standard input and output, so that a driver can alternate it with others.
///
///   run CASE SECONDS   runs the case for about so long; one line of JSON: wall_ns and cpu_ns of an iteration,
///                      iterations, items and bytes of an iteration, answer, threads, the clock before and
///                      after, the lesser rate of independent additions before and after
///   answer CASE        the same with the answer in full: `run` gives the CRC-32 and length of one beyond 1 KiB
///   clock              {"clock_ghz": …, "adds_per_cycle": …}: of dependent additions; of independent ones
///   list               {"cases": […], "arch": the level that runs, "compiler": with its flags}
#pragma once
#include <iosfwd>
#include <string>

namespace pillar_bench {
namespace detail {
extern std::string last_answer;
}  // namespace detail
void serve(std::istream& requests, std::ostream& replies);
}  // namespace pillar_bench
