// SPDX-License-Identifier: Apache-2.0
// An engine of your own: its storage class, its threads, its error type. From Pillar it takes three parts and nothing
// around them: the filter on its own arrays, one codec for the bytes that it keeps, and the group table.
//
//   SELECT station, count(*), max(celsius) FROM store WHERE day BETWEEN 100 AND 199 AND celsius >= 20 GROUP BY station
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include <pillar/aggregate/group_table.hpp>
#include <pillar/codec/frame_of_reference.hpp>
#include <pillar/codec/packed.hpp>
#include <pillar/expr/domain.hpp>
#include <pillar/filter/match.hpp>
#include <pillar/simd/dispatch.hpp>

namespace engine {

/// Its errors: sentences. Pillar's are numbers with a position, so nothing gets lost.
struct error {
  const char* what = nullptr;
  explicit operator bool() const { return what != nullptr; }
};
template <class T>
error check(const pillar::result<T>& from) {
  return {from.ok() ? nullptr : pillar::to_string(from.error().code)};
}

/// Its storage: chunks of 1,024 rows. Temperatures are kept packed, in bytes that could lie in its own files; days and
/// stations are plain arrays.
struct chunk {
  std::vector<std::int32_t> days, stations;
  std::vector<std::byte> packed;  // the codec's bytes and the 64 that it may read beyond them
  pillar::vector_entry entry;     // what the codec asks the engine to remember
  pillar::data_section section;
};

pillar::vector view_of(const std::vector<std::int32_t>& values) {
  pillar::vector view;
  view.type = pillar::type_of<std::int32_t>;
  view.size = static_cast<std::uint32_t>(values.size());
  view.values = values.data();
  return view;
}

class store {
 public:
  error append(std::vector<std::int32_t> days, std::vector<std::int32_t> stations,
               const std::vector<std::int32_t>& celsius) {
    using codec = pillar::frame_of_reference_codec;
    auto made = std::make_unique<chunk>();
    const pillar::vector values = view_of(celsius);
    pillar::encode_input input;
    input.type = values.type;
    input.vectors = {&values, 1};
    input.row_count = values.size;
    input.kernels = &pillar::packed_kernels_for(pillar::best_arch_level());
    const auto plan = codec::analyze(input);  // the exact size, before a byte is written
    if (const error failed = check(plan)) return failed;
    made->packed.resize(plan->data_bytes + 64);
    made->entry.row_count = values.size;
    pillar::data_section& section = made->section;
    section.type = values.type;
    section.row_count = values.size;
    section.vector_count = 1;
    section.entries = &made->entry;
    section.kernels = input.kernels;
    section.data = made->packed.data();
    section.data_bytes = plan->data_bytes;
    if (const error failed = check(codec::encode(input, *plan, made->packed.data(), section))) return failed;
    if (const error failed = check(codec::validate(section, nullptr))) return failed;
    made->days = std::move(days);
    made->stations = std::move(stations);
    chunks_.push_back(std::move(made));
    return {};
  }
  [[nodiscard]] const std::vector<std::unique_ptr<chunk>>& chunks() const { return chunks_; }

 private:
  std::vector<std::unique_ptr<chunk>> chunks_;
};

/// One thread's groups.
struct partial {
  pillar::result<pillar::group_table> groups = pillar::group_table::make({&pillar::type_of<std::int32_t>, 1});
  std::vector<std::uint64_t> counts;
  std::vector<std::int32_t> warmest;
  std::uint64_t chunks_unread = 0;
  error failed;

  void add(std::uint32_t group, std::uint64_t count, std::int32_t celsius) {
    if (group >= counts.size()) counts.resize(group + 1, 0), warmest.resize(group + 1, INT32_MIN);
    counts[group] += count;
    warmest[group] = std::max(warmest[group], celsius);
  }

  void scan(const chunk& from, const pillar::domain& days, const pillar::domain& warm) {
    const auto rows = static_cast<std::uint32_t>(from.days.size());
    pillar::selection_mask selected = pillar::selection_mask::none(), is_warm = pillar::selection_mask::first(rows);
    // The codec answers on packed fields, or from base and width without looking at them.
    const auto said = pillar::frame_of_reference_codec::match(from.section, 0, warm, nullptr, is_warm.words);
    if (said.what == pillar::verdict::none) return void(++chunks_unread);
    pillar::match(view_of(from.days), days, pillar::flat_match_kernels_for(pillar::best_arch_level()), selected.words);
    selected &= is_warm;
    const auto scratch = std::make_unique<pillar::vector_scratch>();
    pillar::vector celsius;
    celsius.size = rows;
    pillar::frame_of_reference_codec::decode(from.section, 0, *scratch, celsius);
    const pillar::vector station = view_of(from.stations);
    const pillar::vector* const keys[] = {&station};
    std::uint32_t group_of_row[pillar::vector_rows];
    if ((failed = check(groups->find_or_insert(keys, selected, rows, group_of_row)))) return;
    pillar::for_each_row(selected,
                         [&](std::uint32_t row) { add(group_of_row[row], 1, celsius.value<std::int32_t>(row)); });
  }
};

}  // namespace engine

int main() {
  engine::store store;
  std::uint64_t expected = 0;
  for (int day = 0; day < 365; ++day) {
    std::vector<std::int32_t> days(1000, day), stations, celsius;
    for (int i = 0; i < 1000; ++i) {
      stations.push_back(100 + i % 4);
      celsius.push_back(day / 10 + i * 7 % 11 - 6);
      expected += day >= 100 && day <= 199 && celsius.back() >= 20;
    }
    if (const auto failed = store.append(std::move(days), std::move(stations), celsius))
      return std::puts(failed.what), 1;
  }
  const auto days = pillar::integer_range(pillar::physical_type::int32, 100, 199);
  const auto warm = pillar::integer_range(pillar::physical_type::int32, 20, INT32_MAX);

  engine::partial parts[2];  // its threads: every second chunk each
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t c = t; c < store.chunks().size() && !parts[t].failed; c += 2)
        parts[t].scan(*store.chunks()[c], days, warm);
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& part : parts)
    if (part.failed) return std::puts(part.failed.what), 1;

  // The second thread's groups become rows for the first one's table.
  const auto keys = parts[1].groups->keys();
  if (!keys.ok() || (*keys)[0].size() > pillar::vector_rows) return 1;
  const pillar::vector others = (*keys)[0].slice(0, static_cast<std::uint32_t>((*keys)[0].size()));
  const pillar::vector* const columns[] = {&others};
  std::uint32_t number[pillar::vector_rows];
  if (!parts[0].groups->find_or_insert(columns, pillar::selection_mask::first(others.size), others.size, number).ok())
    return 1;
  for (std::uint32_t g = 0; g < others.size; ++g) parts[0].add(number[g], parts[1].counts[g], parts[1].warmest[g]);

  const auto stations = parts[0].groups->keys();
  if (!stations.ok()) return 1;
  std::uint64_t total = 0;
  for (std::uint32_t g = 0; g < parts[0].groups->group_count(); ++g) {
    total += parts[0].counts[g];
    std::printf("station %d: %llu warm readings, at most %d °C\n", (*stations)[0].slice(g, 1).value<std::int32_t>(0),
                static_cast<unsigned long long>(parts[0].counts[g]), parts[0].warmest[g]);
  }
  std::printf("%llu of %zu chunks needed no look at their temperatures\n",
              static_cast<unsigned long long>(parts[0].chunks_unread + parts[1].chunks_unread), store.chunks().size());
  return total == expected && total != 0 ? 0 : 1;
}
