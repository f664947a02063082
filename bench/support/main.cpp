// SPDX-License-Identifier: Apache-2.0
#ifdef __linux__
#include <malloc.h>
#endif

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pillar/simd/dispatch.hpp"
#include "support/bench.hpp"
#include "support/serve.hpp"

namespace pillar_bench {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// zlib's CRC-32, which the peers' Python has at hand.
std::uint32_t crc32(std::string_view bytes) {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    table[i] = i;
    for (int k = 0; k < 8; ++k) table[i] = (table[i] >> 1) ^ (0xedb88320u & (0u - (table[i] & 1u)));
  }
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 255u];
  return ~crc;
}

/// As in "GCC 12.2.0 -O3 -march=x86-64-v3".
std::string compiler() {
#if defined(__clang__)
  return "Clang " __clang_version__ " " PILLAR_BENCH_FLAGS;
#else
  return "GCC " __VERSION__ " " PILLAR_BENCH_FLAGS;
#endif
}

std::string short_answer(const std::string& text) {
  if (text.size() <= 1024) return text;
  char out[48];
  std::snprintf(out, sizeof out, "crc32:%08x:%zu", crc32(text), text.size());
  return out;
}

/// Keeps the last run in place of printing it.
class last_run : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Iteration) kept.push_back(run);
  }
  std::vector<Run> kept;
};

void set_flags(std::vector<std::string> flags) {
  flags.insert(flags.begin(), "bench");
  std::vector<char*> pointers;
  for (auto& flag : flags) pointers.push_back(flag.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
}

std::vector<std::string> all_cases() {
  set_flags({"--benchmark_list_tests=true"});
  std::ostringstream lines;
  last_run reporter;
  reporter.SetOutputStream(&lines);
  benchmark::RunSpecifiedBenchmarks(&reporter, ".");
  set_flags({"--benchmark_list_tests=false"});
  std::vector<std::string> cases;
  std::istringstream in(lines.str());
  for (std::string line; std::getline(in, line);) cases.push_back(line);
  return cases;
}

std::string exactly(const std::string& name) {
  std::string pattern = "^";
  for (const char c : name) {
    if (std::strchr(".[]{}()*+?^$|\\", c) != nullptr) pattern += '\\';
    pattern += c;
  }
  return pattern + '$';
}

/// The share of extra work that PILLAR_BENCH_SLOW asks of this case: "case:0.2,other:0.1".
double wanted_slowness(const std::string& name) {
  const char* all = std::getenv("PILLAR_BENCH_SLOW");
  std::istringstream entries(all != nullptr ? all : "");
  for (std::string entry; std::getline(entries, entry, ',');) {
    const auto colon = entry.rfind(':');
    if (colon != std::string::npos && entry.substr(0, colon) == name) return std::atof(entry.c_str() + colon + 1);
  }
  return 0;
}

benchmark::BenchmarkReporter::Run run_once(const std::string& name, const std::string& seconds) {
  last_run reporter;
  set_flags({"--benchmark_min_time=" + seconds});
  detail::last_answer.clear();
  benchmark::RunSpecifiedBenchmarks(&reporter, exactly(name));
  if (reporter.kept.empty()) {
    benchmark::BenchmarkReporter::Run none;
    none.error_occurred = true;
    none.error_message = "no such case";
    return none;
  }
  return reporter.kept.back();
}

std::string run_case(const std::string& name, const std::string& seconds, bool in_full) {
  const double before = clock_ghz(), free_before = independent_adds_per_ns();
  detail::extra_adds = 0;
  auto run = run_once(name, seconds);
  if (const double share = wanted_slowness(name); share > 0 && !run.error_occurred && run.iterations > 0) {
    const double ns = run.real_accumulated_time * 1e9 / static_cast<double>(run.iterations);
    detail::extra_adds = static_cast<std::uint64_t>(ns * before * share);
    run = run_once(name, seconds);
    detail::extra_adds = 0;
  }
  const double free_after = independent_adds_per_ns(), after = clock_ghz();
  if (run.error_occurred) return "{\"case\": " + quoted(name) + ", \"error\": " + quoted(run.error_message) + "}";
  const auto iterations = static_cast<double>(run.iterations);
  const double wall_ns = run.real_accumulated_time * 1e9 / iterations;
  const double cpu_ns = run.cpu_accumulated_time * 1e9 / iterations;
  // Google Benchmark has turned the totals into rates over the time that it shows: CPU, or wall after UseRealTime.
  const auto per_iteration_of = [&](const char* counter) {
    const auto found = run.counters.find(counter);
    if (found == run.counters.end()) return 0.0;
    const bool over_wall = run.benchmark_name().find("/real_time") != std::string::npos;
    return found->second.value * (over_wall ? wall_ns : cpu_ns) / 1e9;
  };
  const double items = per_iteration_of("items_per_second"), bytes = per_iteration_of("bytes_per_second");
  std::ostringstream out;
  out.precision(12);
  out << "{\"case\": " << quoted(name) << ", \"wall_ns\": " << wall_ns << ", \"cpu_ns\": " << cpu_ns
      << ", \"iterations\": " << run.iterations << ", \"items\": " << items << ", \"bytes\": " << bytes
      << ", \"value\": "
      << (items > 0   ? items / wall_ns * 1e9
          : bytes > 0 ? bytes / wall_ns * 1e9
                      : wall_ns)
      << ", \"unit\": "
      << (items > 0   ? "\"values/s\""
          : bytes > 0 ? "\"bytes/s\""
                      : "\"ns\"")
      << ", \"answer\": " << quoted(in_full ? detail::last_answer : short_answer(detail::last_answer))
      << ", \"label\": " << quoted(run.report_label) << ", \"threads\": " << run.threads
      << ", \"clock_before_ghz\": " << before << ", \"clock_after_ghz\": " << after
      << ", \"free_adds_per_ns\": " << std::min(free_before, free_after) << "}";
  return out.str();
}

}  // namespace

void serve(std::istream& requests, std::ostream& replies) {
  for (std::string line; std::getline(requests, line);) {
    std::istringstream words(line);
    std::string verb, name, seconds = "0.05";
    words >> verb >> name >> seconds;
    if (verb == "run" || verb == "answer") {
      replies << run_case(name, verb == "run" ? seconds : "0.000001", verb == "answer");
    } else if (verb == "clock") {
      const double ghz = clock_ghz();
      replies << "{\"clock_ghz\": " << ghz << ", \"adds_per_cycle\": " << independent_adds_per_ns() / ghz << "}";
    } else if (verb == "list") {
      replies << "{\"cases\": [";
      const char* comma = "";
      for (const auto& each : all_cases()) replies << std::exchange(comma, ", ") << quoted(each);
      replies << "], \"arch\": " << quoted(pillar::to_string(pillar::best_arch_level()))
              << ", \"compiler\": " << quoted(compiler()) << "}";
    } else {
      replies << "{\"error\": \"verbs: run CASE SECONDS, answer CASE, clock, list\"}";
    }
    replies << std::endl;
  }
}

}  // namespace pillar_bench

int main(int argc, char** argv) {
  // Freed memory stays in the process, as the engines' allocators keep theirs: else each run of a query with large
  // tables pays for their pages anew (docs/benchmarks.md).
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_TOP_PAD, 64 << 20);
  mallopt(M_ARENA_MAX, 1);
#endif
  if (argc == 2 && std::string_view(argv[1]) == "--serve") {
    pillar_bench::serve(std::cin, std::cout);
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
