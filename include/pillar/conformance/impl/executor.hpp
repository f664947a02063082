// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/conformance/executor.hpp"
#include "pillar/conformance/recorder.hpp"
#include "pillar/schedule/for_each_morsel.hpp"

namespace PILLAR_NAMESPACE::conformance {

namespace detail {

/// One bulk, watched. It is its own body, and outlives the check: a late call must find its memory.
struct watched_bulk {
  std::uint32_t count = 0;
  std::uint32_t workers = 0;
  const function_ref<void(std::uint32_t)>* work = nullptr;
  std::unique_ptr<std::atomic<std::uint32_t>[]> runs_of_index;
  std::unique_ptr<std::atomic<std::uint32_t>[]> running_of_worker;
  std::unique_ptr<std::uint64_t[]> written;  // not atomic: bulk's return makes it visible
  std::atomic<std::uint32_t> beyond{0}, bad_worker{0}, shared_worker{0}, late{0}, calls{0};
  std::atomic<bool> returned{false};

  watched_bulk(std::uint32_t index_count, std::uint32_t worker_count)
      : count(index_count),
        workers(worker_count),
        runs_of_index(new std::atomic<std::uint32_t>[index_count + 1] {}),
        running_of_worker(new std::atomic<std::uint32_t>[worker_count + 1] {}),
        written(new std::uint64_t[index_count + 1]{}) {}

  void operator()(std::uint32_t index, std::uint32_t worker) {
    calls.fetch_add(1);
    if (returned.load()) return void(late.fetch_add(1));
    if (index >= count) return void(beyond.fetch_add(1));
    if (worker >= workers) return void(bad_worker.fetch_add(1));
    if (running_of_worker[worker].fetch_add(1) != 0) shared_worker.fetch_add(1);
    runs_of_index[index].fetch_add(1);
    (*work)(index);
    written[index] = index + 1;
    running_of_worker[worker].fetch_sub(1);
  }
  [[nodiscard]] std::uint32_t first_wrong_index() const {
    std::uint32_t index = 0;
    while (index < count && runs_of_index[index].load() == 1) ++index;
    return index;
  }
  [[nodiscard]] bool all_visible() const {
    for (std::uint32_t index = 0; index < count; ++index)
      if (runs_of_index[index].load() == 1 && written[index] != index + 1) return false;
    return true;
  }
};

}  // namespace detail

PILLAR_API report check_executor(executor_ref runner, const settings& how) {
  enum : std::uint32_t { once, workers, visible, finished, nested, concurrent, stops };
  enum : std::uint32_t { bulks, bodies };
  recorder found("executor of " + std::to_string(runner.concurrency()) + " workers",
                 {{"every index is run exactly once, none beyond the count"},
                  {"worker numbers are below concurrency(), and no two bodies share one at a time"},
                  {"what bodies wrote is visible after bulk"},
                  {"no body runs after bulk has returned"},
                  {"a bulk inside a body keeps the laws"},
                  {"bulks from several threads at once keep the laws"},
                  {"a failure or a cancel stops the loop, and the first error comes back"}},
                 {"bulks", "bodies"});
  std::vector<std::unique_ptr<detail::watched_bulk>> kept;
  const auto start = [&](std::uint32_t count) -> detail::watched_bulk& {
    return *kept.emplace_back(std::make_unique<detail::watched_bulk>(count, runner.concurrency()));
  };
  const auto run = [&](detail::watched_bulk& bulk, function_ref<void(std::uint32_t)> work) {
    bulk.work = &work;
    runner.bulk(bulk.count, bulk);
    bulk.returned.store(true);
  };
  const auto judge = [&](const detail::watched_bulk& bulk, std::uint32_t all_by) {
    found.count(bulks);
    found.count(bodies, bulk.calls.load());
    const bool one_law = all_by != once;
    const std::uint32_t index = bulk.first_wrong_index();
    found.at(all_by);
    found.expect(index == bulk.count && bulk.beyond.load() == 0, [&] {
      return index < bulk.count ? "index " + std::to_string(index) + " was run " +
                                      std::to_string(bulk.runs_of_index[index].load()) + " times"
                                : std::string("an index beyond the count was run");
    });
    if (!one_law) found.at(workers);
    found.expect(bulk.bad_worker.load() == 0 && bulk.shared_worker.load() == 0, [&] {
      return bulk.bad_worker.load() != 0 ? std::string("a worker number is not below concurrency()")
                                         : std::string("two bodies ran at once with the same worker number");
    });
    if (!one_law) found.at(visible);
    found.expect(bulk.all_visible(), [] { return std::string("what a body wrote is not there"); });
  };
  settings here = how;
  here.isolated = false;  // a child process has none of the executor's threads
  found.run(here, [&] {
    if (runner.concurrency() == 0) {
      found.at(workers, how.seed, "concurrency()");
      return void(found.expect(false, [] { return std::string("is 0"); }));
    }
    constexpr std::uint32_t counts[] = {0, 1, 2, 3, 7, 64, 1000};
    for (std::uint64_t i = 0; i < 40 * std::uint64_t{how.rounds}; ++i) {
      const std::uint64_t seed = how.seed + i;
      splitmix64 random(seed);
      const std::uint32_t count = counts[seed % 7];
      found.at(once, seed, "a bulk of " + std::to_string(count));
      detail::watched_bulk& plain = start(count);
      // Uneven work, so that workers overlap.
      run(plain, [&](std::uint32_t index) {
        for (std::uint32_t spin = 0; spin < (index % 5) * 200; ++spin)
          std::atomic_signal_fence(std::memory_order_seq_cst);
        if (index % 97 == 3) std::this_thread::yield();
      });
      judge(plain, once);

      if (i % 4 == 0) {
        found.at(nested, seed, "bulks of 9 inside a bulk of 5");
        detail::watched_bulk& outer = start(5);
        std::vector<detail::watched_bulk*> inner;
        for (int k = 0; k < 5; ++k) inner.push_back(&start(9));
        run(outer, [&](std::uint32_t index) { run(*inner[index], [](std::uint32_t) {}); });
        judge(outer, nested);
        for (const auto* one : inner) judge(*one, nested);
      }
      if (i % 8 == 0) {
        found.at(concurrent, seed, "bulks of 200 from three threads");
        detail::watched_bulk* three[] = {&start(200), &start(200), &start(200)};
        std::thread second([&] { run(*three[1], [](std::uint32_t) {}); });
        std::thread third([&] { run(*three[2], [](std::uint32_t) {}); });
        run(*three[0], [](std::uint32_t) {});
        second.join();
        third.join();
        for (const auto* one : three) judge(*one, concurrent);
      }
      if (i % 4 == 1) {
        const bool cancel = i % 8 == 1;
        found.at(stops, seed, cancel ? "a cancel after some morsels" : "a body that fails");
        const std::uint64_t slices[] = {5000, 1, 20000, 0};
        auto cursors = slice_cursors::create(slices, runner.concurrency());
        if (!found.expect(cursors.ok(), [] { return std::string("no memory for cursors"); })) continue;
        query_context context;
        std::atomic<std::uint64_t> rows{0}, twice{0}, failures{0};
        const std::unique_ptr<std::atomic<std::uint32_t>[]> seen(new std::atomic<std::uint32_t>[25001] {});
        constexpr std::uint64_t first_of_slice[] = {0, 5000, 5001, 25001};
        const result<void> done =
            for_each_morsel(runner, *cursors, context, 16, [&](const morsel& part, std::uint32_t) -> result<void> {
              for (std::uint64_t row = part.begin; row < part.end; ++row)
                if (seen[first_of_slice[part.slice] + row].fetch_add(1) != 0) twice.fetch_add(1);
              if (rows.fetch_add(part.end - part.begin) < 2000) return {};
              if (cancel) {
                context.cancel();
                return {};
              }
              failures.fetch_add(1);
              return {errc::overflow, 7};
            });
        // Workers that have begun a morsel finish it; a few may begin one while the first is failing.
        found.expect(done.error().code == (cancel ? errc::cancelled : errc::overflow) && twice.load() == 0 &&
                         rows.load() < 25001,
                     [&] {
                       return "gave '" + std::string(to_string(done.error().code)) + "' after " +
                              std::to_string(rows.load()) + " of 25001 rows, " + std::to_string(twice.load()) +
                              " of them twice";
                     });
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    found.at(finished, how.seed, "20 ms after the last bulk");
    for (const auto& bulk : kept)
      found.expect(bulk->late.load() == 0, [] { return std::string("a body began after its bulk had returned"); });
  });
  return found.finish();
}

}  // namespace PILLAR_NAMESPACE::conformance
