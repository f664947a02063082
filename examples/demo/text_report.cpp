// SPDX-License-Identifier: Apache-2.0
#include "text_report.hpp"

#include <cstdio>
#include <ostream>

#include "pillar/column/format.hpp"
#include "pillar/column/scalar.hpp"

namespace demo {
namespace {

std::string megabytes(std::uint64_t bytes) { return fixed(static_cast<double>(bytes) * 1e-6, 2) + " MB"; }
std::string gigabytes_per_second(double bytes_per_second) { return fixed(bytes_per_second * 1e-9, 2) + " GB/s"; }
std::string percent(double part, double whole) { return fixed(whole > 0 ? 100 * part / whole : 0, 1) + " %"; }
std::string padded(std::string text, std::size_t width, bool right = false) {
  if (text.size() < width) text.insert(right ? 0 : text.size(), width - text.size(), ' ');
  return text;
}

std::string codecs_of(const stored_column_account& column) {
  std::string out;
  for (std::size_t id = 0; id < column.blocks_by_codec.size(); ++id) {
    if (column.blocks_by_codec[id] == 0) continue;
    if (!out.empty()) out += ", ";
    out += std::string(pillar::to_string(static_cast<pillar::codec_id>(id))) + " × " +
           std::to_string(column.blocks_by_codec[id]);
  }
  return out;
}

std::string slices_of(const std::vector<std::uint64_t>& rows) {
  std::string out;
  for (const std::uint64_t count : rows) out += (out.empty() ? "" : ", ") + grouped(count);
  return out;
}

}  // namespace

std::string grouped(std::uint64_t count) {
  const std::string digits = std::to_string(count);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string compare_keys(const load_account& load) {
  const auto slowdown = [](const pillar::skew_report& spread) { return fixed(spread.largest_over_mean, 2); };
  const auto keys = [](const pillar::skew_report& spread) {
    return (spread.distinct_keys_are_all ? "" : "over ") + grouped(spread.distinct_key_count) + " different values";
  };
  const auto heaviest = [](const pillar::skew_report& spread) {
    return grouped(spread.heaviest_key_rows) + " rows (" +
           percent(static_cast<double>(spread.heaviest_key_rows), static_cast<double>(spread.row_count)) + ")";
  };
  const key_choice& good = load.keys.front();
  const key_choice& bad = load.keys.back();
  std::string out = good.column + " has " + keys(good.spread) + ", the heaviest with " + heaviest(good.spread) +
                    "; the largest slice is " + slowdown(good.spread) + " × the mean. " + bad.column +
                    " would be a bad key: " + keys(bad.spread) + " for " + std::to_string(load.rows_per_slice.size()) +
                    " slices, one of them with " + heaviest(bad.spread) + ", would make slices of " +
                    slices_of(bad.spread.rows_per_slice) + " rows; the largest would be " + slowdown(bad.spread) +
                    " × the mean, and every query over all slices would wait for it";
  if (bad.spread.empty_slice_count > 0) out += " while " + std::to_string(bad.spread.empty_slice_count) + " stay empty";
  return out + ".";
}

void print(std::ostream& out, const load_account& load) {
  out << load.title << ": " << grouped(load.row_count) << " rows, " << load.source << "\n";
  if (!load.checks.empty()) out << '\n';
  for (const checked_count& check : load.checks)
    out << "  " << padded(check.what, 20) << padded(grouped(check.found), 12, true)
        << (check.found == check.expected ? "  as documented" : "  DIFFERS: documented " + grouped(check.expected))
        << '\n';
  out << "\n  slices       " << slices_of(load.rows_per_slice) << " rows by " << load.distribution_column
      << ", each sorted by " << load.sort_column << "; " << load.row_group_count << " row groups of at most "
      << grouped(load.row_group_rows) << " rows\n"
      << "  skew         " << compare_keys(load) << '\n'
      << "  time         " << fixed(load.read_seconds, 2) << " s to " << (load.csv_bytes > 0 ? "read" : "make") << ", "
      << fixed(load.encode_seconds, 2) << " s to distribute, sort and encode\n"
      << "  size         ";
  if (load.csv_bytes > 0) out << megabytes(load.csv_bytes) << " of CSV, ";
  out << megabytes(load.decoded_bytes()) << " decoded, " << megabytes(load.encoded_bytes())
      << " encoded: " << percent(static_cast<double>(load.encoded_bytes()), static_cast<double>(load.decoded_bytes()))
      << " of decoded\n\n";
  out << "  " << padded("column", 16) << padded("type", 26) << padded("decoded", 14, true)
      << padded("encoded", 14, true) << "  blocks by codec\n";
  for (const auto& column : load.columns)
    out << "  " << padded(column.name, 16) << padded(pillar::to_string(column.type), 26)
        << padded(grouped(column.decoded_bytes), 14, true) << padded(grouped(column.encoded_bytes), 14, true) << "  "
        << codecs_of(column) << '\n';
  out << '\n';
}

void print(std::ostream& out, const memory_limit& memory) {
  if (memory.bytes_per_second == 0) {
    out << "Memory limit: not measured\n\n";
    return;
  }
  out << "Memory limit: " << gigabytes_per_second(memory.bytes_per_second) << ", the best of " << memory.passes
      << " passes that sum " << (memory.buffer_bytes >> 20) << " MiB on " << memory.threads
      << (memory.threads == 1 ? " thread" : " threads")
      << ".\nShares below are encoded bytes read, over time, over this limit; small tables answer from the caches.\n\n";
}

void print(std::ostream& out, const answered_question& answered, const memory_limit& memory) {
  const auto& stats = answered.stats();
  out << "---- " << answered.asked.id << ": " << answered.asked.title << '\n' << answered.asked.sql << "\n\n";
  out << pillar::format_table(answered.result.rows(), 12) << '\n';

  std::uint64_t blocks = 0, blocks_untouched = 0;
  for (const auto& column : stats.columns) {
    blocks += column.blocks;
    blocks_untouched += column.blocks_untouched;
  }
  const auto total = static_cast<double>(stats.vector_count());
  out << "rows      " << grouped(stats.rows_selected) << " of " << grouped(stats.rows_in_table) << " selected; "
      << stats.row_groups_skipped << " of " << stats.row_groups << " row groups skipped by zone maps\n"
      << "blocks    " << grouped(blocks - blocks_untouched) << " of " << grouped(blocks) << " touched, in "
      << stats.columns.size() << " named columns\n"
      << "vectors   " << grouped(stats.vectors_read()) << " of " << grouped(stats.vector_count()) << " read ("
      << percent(static_cast<double>(stats.vectors_read()), total) << ")\n";
  for (std::size_t cause = 0; cause < pillar::scan_cause_count; ++cause) {
    const std::uint64_t count = stats.vectors()[cause];
    out << "          " << padded(grouped(count), 9, true) << "  "
        << padded(pillar::to_string(static_cast<pillar::scan_cause>(cause)), 22)
        << padded(percent(static_cast<double>(count), total), 8, true) << '\n';
  }
  out << "bytes     " << grouped(stats.bytes_read()) << " read, " << grouped(stats.bytes_unread()) << " left unread\n"
      << "time      " << fixed(answered.seconds() * 1e3, 3) << " ms on " << stats.threads
      << (stats.threads == 1 ? " thread" : " threads")
      << (answered.run_count == 1 ? ", one run\n" : ", median of " + std::to_string(answered.run_count) + " runs\n")
      << "speed     " << gigabytes_per_second(answered.bytes_read_per_second()) << " of encoded bytes";
  if (memory.bytes_per_second > 0)
    out << " (" << percent(answered.bytes_read_per_second(), memory.bytes_per_second) << " of the memory limit)";
  out << ", as good as " << gigabytes_per_second(answered.decoded_bytes_per_second())
      << " over the same columns decoded\n\n";
}

}  // namespace demo
