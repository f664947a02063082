// SPDX-License-Identifier: Apache-2.0
// Rows that lie in the order of a key: a run of equal keys is a group, and nothing is hashed or looked up. Groups are
// handed on while rows still come, so that memory is that of one batch's groups, however many there are in all.
#include <cmath>
#include <cstdio>
#include <vector>

#include <pillar/aggregate/exact_sum.hpp>
#include <pillar/aggregate/group_states.hpp>
#include <pillar/aggregate/sorted_groups.hpp>

namespace {

// 300,000 readings of 30,000 sensors, ten of each, sorted by sensor and hour; they are grouped by a prefix of that order.
constexpr std::int32_t sensor_count = 30'000, readings_of_each = 10;

struct totals {
  std::uint32_t sensors = 0;
  double sum = 0;
};

/// Hands on the groups that are closed: all of them, or all but the last one, which may go on in the next batch.
pillar::result<void> hand_on(pillar::sorted_groups& groups, const pillar::group_states<pillar::exact_sum>& sums,
                             totals& found) {
  const std::uint32_t count = groups.group_count();
  PILLAR_ASSIGN_OR_RETURN(const std::vector<pillar::column> keys, groups.take_keys());
  for (std::uint32_t group = 0; group < count; ++group) {
    const double sum = sums[group].finalize();
    if (found.sensors % 10'000 == 0)
      std::printf("sensor %d: %.2f\n", keys[0].slice(group, 1).value<std::int32_t>(0), sum);
    ++found.sensors;
    found.sum += sum;
  }
  return {};
}

pillar::result<totals> group_all(const std::vector<std::int32_t>& sensors, const std::vector<double>& readings) {
  const pillar::data_type key_type = pillar::type_of<std::int32_t>;
  totals found;
  std::size_t at = 0;
  while (at < sensors.size()) {
    pillar::sorted_groups groups({&key_type, 1});
    pillar::group_states<pillar::exact_sum> sums;
    // 8,000 rows or so, up to the next sensor: no group is open then.
    std::size_t end = at + 8'000 < sensors.size() ? at + 8'000 : sensors.size();
    while (end < sensors.size() && sensors[end] == sensors[end - 1]) ++end;
    for (; at < end;) {
      pillar::vector key, value;
      key.type = key_type;
      value.type = pillar::type_of<double>;
      key.size = value.size =
          end - at < pillar::vector_rows ? static_cast<std::uint32_t>(end - at) : pillar::vector_rows;
      key.values = sensors.data() + at;
      value.values = readings.data() + at;
      const pillar::vector* const keys[] = {&key};
      const auto every_row = pillar::selection_mask::first(key.size);
      std::uint32_t group_of_row[pillar::vector_rows];
      PILLAR_TRY(groups.find(keys, every_row, key.size, group_of_row));
      PILLAR_TRY(sums.update(value, every_row, group_of_row, groups.group_count()));
      at += key.size;
    }
    PILLAR_TRY(hand_on(groups, sums, found));
  }
  return found;
}

}  // namespace

int main() {
  std::vector<std::int32_t> sensors;
  std::vector<double> readings;
  double expected = 0;
  for (std::int32_t sensor = 0; sensor < sensor_count; ++sensor)
    for (std::int32_t hour = 0; hour < readings_of_each; ++hour) {
      sensors.push_back(sensor);
      readings.push_back(sensor % 40 + hour * 0.25);
      expected += readings.back();
    }
  const auto found = group_all(sensors, readings);
  if (!found.ok()) return std::fprintf(stderr, "%s\n", pillar::to_string(found.error().code)), 1;
  std::printf("%u sensors, %.2f in all\n", found->sensors, found->sum);
  return found->sensors == sensor_count && std::fabs(found->sum - expected) < 1e-6 ? 0 : 1;
}
