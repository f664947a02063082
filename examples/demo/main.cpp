// SPDX-License-Identifier: Apache-2.0
/// The main job on real rows: load, distribute, sort, encode, ask, and account for every vector.
///
/// load.cpp fills the tables, *_questions.cpp hold the queries, *_report.cpp print, write and draw what came of them.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "golden.hpp"
#include "html_report.hpp"
#include "json_report.hpp"
#include "load.hpp"
#include "memory_limit.hpp"
#include "options.hpp"
#include "pillar/schedule/available_concurrency.hpp"
#include "pillar/simd/dispatch.hpp"
#include "questions.hpp"
#include "run_questions.hpp"
#include "text_report.hpp"

namespace {

absl::Status load_and_ask(const demo::options& asked, pillar::worker_pool& pool, demo::demo_account& out) {
  const auto go_on = [&](absl::StatusOr<demo::load_account> load, const auto& questions_of) -> absl::Status {
    if (!load.ok()) return load.status();
    out.load = *std::move(load);
    demo::print(std::cout, out.load);
    out.memory = demo::measure_memory_limit(pool);
    demo::print(std::cout, out.memory);
    auto answers = demo::run_questions(questions_of(), out.load, pool);
    if (!answers.ok()) return answers.status();
    out.questions = *std::move(answers);
    for (const auto& answered : out.questions) demo::print(std::cout, answered, out.memory);
    return absl::OkStatus();
  };
  if (!asked.csv.empty()) {
    auto table = demo::make_flights_table();
    return go_on(demo::load_flights(asked.csv, table, pool), [&] { return demo::flight_questions(table); });
  }
  const std::uint64_t row_count = asked.orders == 0 ? 2'000'000 : asked.orders;
  auto table = demo::make_orders_table(row_count);
  return go_on(demo::load_orders(row_count, asked.seed, table, pool), [&] { return demo::order_questions(table); });
}

bool write_file(const std::string& path, const std::string& content) {
  std::error_code ignored;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  if (file) std::cout << "wrote " << path << " (" << demo::grouped(content.size()) << " bytes)\n";
  else std::cerr << "pillar_demo: cannot write " << path << '\n';
  return static_cast<bool>(file);
}

}  // namespace

int main(int argument_count, char** arguments) {
  demo::options asked = demo::parse_options(argument_count, arguments);
  if (asked.help) {
    std::cout << demo::usage;
    return 0;
  }
  if (!asked.problem.empty()) {
    std::cerr << "pillar_demo: " << asked.problem << "\n\n" << demo::usage;
    return 2;
  }
  if (asked.csv.empty() && asked.orders == 0)
    std::cout << "No --csv FILE: 2,000,000 generated orders instead of the flights.\n\n";
  if (asked.html.empty())
    asked.html = std::filesystem::is_directory("build") ? "build/demo/index.html" : "pillar-demo.html";

  auto pool = pillar::worker_pool::create(asked.threads == 0 ? pillar::available_concurrency() : asked.threads);
  if (!pool.ok()) {
    std::cerr << "pillar_demo: no threads: " << pillar::to_string(pool.error().code) << '\n';
    return 1;
  }
  demo::demo_account account;
  account.program = "Pillar " + std::to_string(PILLAR_VERSION_MAJOR) + '.' + std::to_string(PILLAR_VERSION_MINOR) +
                    '.' + std::to_string(PILLAR_VERSION_PATCH) + ", kernels " +
                    pillar::to_string(pillar::best_arch_level());
  if (const auto done = load_and_ask(asked, *pool, account); !done.ok()) {
    std::cerr << "pillar_demo: " << done << '\n';
    return 1;
  }

  const nlohmann::json everything = demo::to_json(account);
  bool good = write_file(asked.html, demo::to_html(everything));
  if (!asked.json.empty()) good = write_file(asked.json, everything.dump() + "\n") && good;
  for (const auto& check : account.load.checks) good = good && check.found == check.expected;
  if (!asked.golden.empty()) good = demo::compare_with_golden(std::cout, account, asked.golden) == 0 && good;
  return good ? 0 : 1;
}
