// SPDX-License-Identifier: Apache-2.0
#include "pillar/pipeline.hpp"
#include "questions.hpp"

namespace demo {

using namespace pillar::query;

namespace {

/// The last question knows neither table nor columns when this is compiled: names and values come as text, as from a
/// user's form or a dashboard's file, and take the types of whatever table they meet.
pillar::any_query asked_at_run_time(const pillar::table& from, const std::string& distance, const std::string& carrier,
                                    const std::string& delay, const std::string& destination,
                                    const std::string& air_time) {
  const pillar::expression long_distance = col(distance) * 2 > 5000;
  const pillar::expression not_wanted = col(carrier) == std::string("UA") || col(delay).is_null();
  // clang-format off
  return scan(from)
       | where(long_distance && !not_wanted)
       | group_by(col(destination))(count().as("flights"_col), sum(col(air_time)).as(air_time + "_sum"),
                                    count(col(air_time)).as(air_time + "_count"))
       | top(5, descending("flights"), ascending(destination));
  // clang-format on
}

}  // namespace

std::vector<question> flight_questions(const pillar::typed_table<flights>& t) {
  constexpr auto carrier = "carrier"_col;
  constexpr auto origin = "origin"_col;
  constexpr auto dest = "dest"_col;
  constexpr auto month = "month"_col;
  constexpr auto dep_delay = "dep_delay"_col;
  constexpr auto arr_delay = "arr_delay"_col;
  constexpr auto time_hour = "time_hour"_col;

  using seconds = timestamp<pillar::time_unit::second>;
  constexpr std::int64_t day = 86'400;

  // clang-format off
  auto delays_by_carrier_and_month =
        scan(t)
      | where(dep_delay.is_not_null())
      | group_by(carrier, month)(count().as("flights"_col), sum(dep_delay).as("dep_delay_sum"_col),
                                 count(arr_delay).as("arrived"_col), sum(arr_delay).as("arr_delay_sum"_col),
                                 avg(dep_delay).as("dep_delay_avg"_col), avg(arr_delay).as("arr_delay_avg"_col))
      | order_by(ascending(carrier), ascending(month));

  auto worst_routes =
        scan(t)
      | group_by(origin, dest)(count().as("flights"_col), count(arr_delay).as("arrived"_col),
                               sum(arr_delay).as("arr_delay_sum"_col), avg(arr_delay).as("arr_delay_avg"_col))
      | top(10, descending("arr_delay_sum"_col), ascending(origin), ascending(dest));

  auto cancellations =
        scan(t)
      | where("dep_time"_col.is_null())
      | group_by(origin, month)(count().as("cancelled"_col))
      | order_by(ascending(origin), ascending(month));

  auto one_week_in_summer =
        scan(t)
      | where(time_hour >= seconds{date{2013, 7, 1}.days * day} && time_hour < seconds{date{2013, 7, 8}.days * day})
      | group_by(origin)(count().as("flights"_col), count(dep_delay).as("departed"_col),
                         sum(dep_delay).as("dep_delay_sum"_col), max(dep_delay).as("dep_delay_max"_col),
                         min(dep_delay).as("dep_delay_min"_col))
      | order_by(ascending(origin));

  auto tail_numbers_to_the_west_coast =
        scan(t)
      | where("tailnum"_col.starts_with("N1") && dest.in("LAX", "SFO", "SEA"))
      | group_by(carrier)(count().as("flights"_col), sum("distance"_col).as("distance_sum"_col))
      | order_by(ascending(carrier));

  auto latest_arrivals =
        scan(t)
      | project(carrier, "flight"_col, origin, dest, arr_delay, time_hour)
      | top(10, descending(arr_delay), ascending(time_hour), ascending("flight"_col))
      | project(carrier, "flight"_col, origin, dest, arr_delay);
  // clang-format on

  return {
      {"q1", "Delays by carrier and month, of flights that left",
       "SELECT carrier, month, count(*), sum(dep_delay), count(arr_delay), sum(arr_delay), avg(dep_delay), "
       "avg(arr_delay) FROM flights WHERE dep_delay IS NOT NULL GROUP BY carrier, month ORDER BY carrier, month",
       delays_by_carrier_and_month},
      {"q2", "The ten routes with the most minutes of delay on arrival",
       "SELECT origin, dest, count(*), count(arr_delay), sum(arr_delay), avg(arr_delay) FROM flights "
       "GROUP BY origin, dest ORDER BY sum(arr_delay) DESC, origin, dest LIMIT 10",
       worst_routes},
      {"q3", "Cancellations by airport and month",
       "SELECT origin, month, count(*) FROM flights WHERE dep_time IS NULL GROUP BY origin, month "
       "ORDER BY origin, month",
       cancellations},
      {"q4", "One week in summer, by airport",
       "SELECT origin, count(*), count(dep_delay), sum(dep_delay), max(dep_delay), min(dep_delay) FROM flights "
       "WHERE time_hour >= '2013-07-01' AND time_hour < '2013-07-08' GROUP BY origin ORDER BY origin",
       one_week_in_summer},
      {"q5", "Tail numbers that start with N1, to the west coast, by carrier",
       "SELECT carrier, count(*), sum(distance) FROM flights WHERE starts_with(tailnum, 'N1') "
       "AND dest IN ('LAX', 'SFO', 'SEA') GROUP BY carrier ORDER BY carrier",
       tail_numbers_to_the_west_coast},
      {"q6", "The ten latest arrivals",
       "SELECT carrier, flight, origin, dest, arr_delay FROM flights ORDER BY arr_delay DESC, time_hour, flight LIMIT "
       "10",
       latest_arrivals},
      {"q7", "Asked at run time: long distances, not by United, that left; the five destinations with most flights",
       "SELECT dest, count(*), sum(air_time), count(air_time) FROM flights WHERE distance * 2 > 5000 "
       "AND NOT (carrier = 'UA' OR dep_delay IS NULL) GROUP BY dest ORDER BY count(*) DESC, dest LIMIT 5",
       asked_at_run_time(t, "distance", "carrier", "dep_delay", "dest", "air_time")},
  };
}

}  // namespace demo
