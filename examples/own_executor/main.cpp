// SPDX-License-Identifier: Apache-2.0
// An executor of your own: proven, then a query runs on it. This one borrows threads for each loop; the same dozen
// lines put Pillar on TBB, OpenMP or your engine's pool.
#include <atomic>
#include <iostream>
#include <thread>
#include <vector>

#include <pillar/conformance/executor.hpp>
#include <pillar/pipeline.hpp>
#include <pillar/storage/table.hpp>

class borrowed_threads {
 public:
  explicit borrowed_threads(std::uint32_t count) : count_(count) {}
  [[nodiscard]] std::uint32_t concurrency() const noexcept { return count_; }

  /// body(index, worker) once for each index; the caller is worker 0.
  void bulk(std::uint32_t count, pillar::bulk_body body) noexcept {
    std::atomic<std::uint32_t> next{0};
    const auto work = [&](std::uint32_t worker) {
      for (std::uint32_t index = next.fetch_add(1); index < count; index = next.fetch_add(1)) body(index, worker);
    };
    std::vector<std::thread> helpers;
    for (std::uint32_t worker = 1; worker < count_ && worker < count; ++worker) helpers.emplace_back(work, worker);
    work(0);
    for (std::thread& helper : helpers) helper.join();  // what the bodies wrote is visible from here on
  }

 private:
  std::uint32_t count_;
};
static_assert(pillar::executor<borrowed_threads>);

using namespace pillar::query;
struct numbers : pillar::schema<pillar::field<"n", std::int32_t>, pillar::field<"remainder", std::int32_t>> {};

int main() {
  borrowed_threads mine(3);
  const auto proof = pillar::conformance::check_executor(mine);
  std::cout << proof;

  pillar::typed_table<numbers> table({.distribution = pillar::evenly(pillar::slices{4})});
  pillar::column_set_builder rows(pillar::describe<numbers>());
  for (int i = 0; i < 300'000; ++i)
    if (!rows.column_at(0).append_integer(i).ok() || !rows.column_at(1).append_integer(i % 7).ok()) return 1;
  const auto set = rows.finish();
  if (!set.ok() || !table.append({*set}, mine).ok()) return 1;  // encoding runs on it too

  const auto query = scan(table) | where("n"_col < 200'000) |
                     group_by("remainder"_col)(count().as("rows"_col), sum("n"_col).as("total"_col)) |
                     order_by(ascending("remainder"_col));
  const auto result = run(query, mine);
  if (!result.ok()) return std::cerr << result.status() << '\n', 1;
  std::cout << *result << "on " << result->stats().threads << " threads\n";
  return proof.ok() && result->rows().row_count() == 7 ? 0 : 1;
}
