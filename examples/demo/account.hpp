// SPDX-License-Identifier: Apache-2.0
/// What the demo found out: the load, the machine's memory limit, and the questions with their answers. The reports
/// print, write and draw this and nothing else.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pillar/codec/codec.hpp"          // codec_id
#include "pillar/column/types.hpp"         // data_type
#include "pillar/partition/skew.hpp"       // skew_report
#include "pillar/pipeline/query.hpp"       // any_query
#include "pillar/pipeline/run.hpp"         // query_result
#include "pillar/pipeline/statistics.hpp"  // scan_statistics

namespace demo {

/// A documented count and what the load found.
struct checked_count {
  std::string what;
  std::uint64_t found = 0;
  std::uint64_t expected = 0;
};

/// How a column would do as the distribution key.
struct key_choice {
  std::string column;
  bool chosen = false;
  pillar::skew_report spread;
};

/// One block as the table stores it, independent of any query.
struct stored_block_account {
  std::uint32_t slice = 0;
  std::uint32_t group = 0;
  std::uint32_t column = 0;
  std::uint32_t row_count = 0;
  std::uint32_t vector_count = 0;
  std::uint64_t bytes = 0;
  pillar::codec_id codec = pillar::codec_id::raw;
};

/// One column: its values in memory (slots, validity bits, long texts) and its blocks.
struct stored_column_account {
  std::string name;
  pillar::data_type type;
  std::uint64_t null_count = 0;
  std::uint64_t decoded_bytes = 0;
  std::uint64_t encoded_bytes = 0;
  std::array<std::uint64_t, pillar::own_codec_count> blocks_by_codec{};
};

struct load_account {
  std::string title;
  std::string source;
  std::uint64_t row_count = 0;
  std::uint64_t csv_bytes = 0;  ///< 0: the rows were generated
  double read_seconds = 0;
  double encode_seconds = 0;
  std::uint32_t row_group_rows = 0;
  std::uint64_t row_group_count = 0;
  std::string distribution_column;
  std::string sort_column;
  std::vector<std::uint64_t> rows_per_slice;
  double largest_over_mean = 1;
  std::vector<checked_count> checks;
  std::vector<key_choice> keys;
  std::vector<stored_column_account> columns;
  std::vector<stored_block_account> blocks;

  [[nodiscard]] std::uint64_t decoded_bytes() const {
    std::uint64_t total = 0;
    for (const auto& column : columns) total += column.decoded_bytes;
    return total;
  }
  [[nodiscard]] std::uint64_t encoded_bytes() const {
    std::uint64_t total = 0;
    for (const auto& column : columns) total += column.encoded_bytes;
    return total;
  }
};

/// How fast this machine reads memory; speeds are compared with it.
struct memory_limit {
  double bytes_per_second = 0;  ///< 0: not measured
  std::uint64_t buffer_bytes = 0;
  std::uint32_t threads = 1;
  std::uint32_t passes = 0;
};

/// A question: its name in the golden files, its title, its words in SQL, and the query itself.
struct question {
  std::string id;
  std::string title;
  std::string sql;
  pillar::any_query asked;
};

/// A question that was run `run_count` times; result and statistics are those of the run with the median time.
struct answered_question {
  question asked;
  pillar::query_result result;
  std::uint32_t run_count = 1;
  std::uint64_t decoded_bytes = 0;  ///< of the columns it names, had they been kept decoded

  [[nodiscard]] const pillar::scan_statistics& stats() const { return result.stats(); }
  [[nodiscard]] double seconds() const { return static_cast<double>(stats().elapsed_ns) * 1e-9; }
  [[nodiscard]] double bytes_read_per_second() const { return static_cast<double>(stats().bytes_read()) / seconds(); }
  [[nodiscard]] double decoded_bytes_per_second() const { return static_cast<double>(decoded_bytes) / seconds(); }
};

struct demo_account {
  std::string program;  ///< version and instruction-set level
  load_account load;
  memory_limit memory;
  std::vector<answered_question> questions;
};

}  // namespace demo
