// SPDX-License-Identifier: Apache-2.0
#include "json_report.hpp"

#include "pillar/column/scalar.hpp"
#include "text_report.hpp"

namespace demo {
namespace {

using nlohmann::json;

json names_of_causes() {
  json out = json::array();
  for (std::size_t cause = 0; cause < pillar::scan_cause_count; ++cause)
    out.push_back(pillar::to_string(static_cast<pillar::scan_cause>(cause)));
  return out;
}

json to_json(const key_choice& key) {
  return {{"column", key.column},
          {"chosen", key.chosen},
          {"distinct_keys", key.spread.distinct_key_count},
          {"distinct_keys_are_all", key.spread.distinct_keys_are_all},
          {"heaviest_key_rows", key.spread.heaviest_key_rows},
          {"rows_per_slice", key.spread.rows_per_slice},
          {"largest_over_mean", key.spread.largest_over_mean}};
}

json to_json(const load_account& load) {
  json out = {{"title", load.title},
              {"source", load.source},
              {"rows", load.row_count},
              {"csv_bytes", load.csv_bytes},
              {"decoded_bytes", load.decoded_bytes()},
              {"encoded_bytes", load.encoded_bytes()},
              {"read_seconds", load.read_seconds},
              {"encode_seconds", load.encode_seconds},
              {"row_group_rows", load.row_group_rows},
              {"row_groups", load.row_group_count},
              {"distribution", load.distribution_column},
              {"order", load.sort_column},
              {"rows_per_slice", load.rows_per_slice},
              {"largest_over_mean", load.largest_over_mean},
              {"about_keys", compare_keys(load)},
              {"checks", json::array()}};
  for (const auto& check : load.checks)
    out["checks"].push_back({{"what", check.what}, {"found", check.found}, {"expected", check.expected}});
  for (const auto& key : load.keys) out["keys"].push_back(to_json(key));
  for (const auto& column : load.columns) {
    json codecs = json::object();
    for (std::size_t id = 0; id < column.blocks_by_codec.size(); ++id)
      if (column.blocks_by_codec[id] > 0)
        codecs[pillar::to_string(static_cast<pillar::codec_id>(id))] = column.blocks_by_codec[id];
    out["columns"].push_back({{"name", column.name},
                              {"type", pillar::to_string(column.type)},
                              {"nulls", column.null_count},
                              {"decoded_bytes", column.decoded_bytes},
                              {"encoded_bytes", column.encoded_bytes},
                              {"codecs", codecs}});
  }
  // Blocks are many: rows of numbers under one line of names.
  out["block_fields"] = {"slice", "group", "column", "rows", "vectors", "bytes", "codec"};
  for (const auto& block : load.blocks)
    out["blocks"].push_back({block.slice, block.group, block.column, block.row_count, block.vector_count, block.bytes,
                             static_cast<unsigned>(block.codec)});
  return out;
}

json to_json(const answered_question& answered) {
  const pillar::column_set& rows = answered.result.rows();
  const pillar::scan_statistics& stats = answered.stats();
  json out = {{"id", answered.asked.id},
              {"title", answered.asked.title},
              {"sql", answered.asked.sql},
              {"runs", answered.run_count},
              {"rows", json::array()}};
  for (const auto& column : rows.schema.columns) {
    out["columns"].push_back(column.name);
    out["types"].push_back(pillar::to_string(column.type));
  }
  for (std::uint64_t row = 0; row < rows.row_count(); ++row) {
    json cells = json::array();
    for (std::uint32_t c = 0; c < rows.columns.size(); ++c) {
      const pillar::scalar cell = rows.at(row, c);
      cells.push_back(cell.null ? json(nullptr) : json(pillar::to_string(cell)));
    }
    out["rows"].push_back(std::move(cells));
  }

  json& account = out["stats"];
  account = {{"rows_in_table", stats.rows_in_table},
             {"rows_selected", stats.rows_selected},
             {"row_groups", stats.row_groups},
             {"row_groups_skipped", stats.row_groups_skipped},
             {"morsels", stats.morsels},
             {"morsels_stolen", stats.morsels_stolen},
             {"threads", stats.threads},
             {"elapsed_ns", stats.elapsed_ns},
             {"vectors", stats.vectors()},
             {"vector_count", stats.vector_count()},
             {"vectors_read", stats.vectors_read()},
             {"bytes_read", stats.bytes_read()},
             {"bytes_unread", stats.bytes_unread()},
             {"decoded_bytes", answered.decoded_bytes}};
  account["columns"] = json::array();
  for (const auto& column : stats.columns)
    account["columns"].push_back({{"name", column.name},
                                  {"column", column.column},
                                  {"vectors", column.vectors},
                                  {"blocks", column.blocks},
                                  {"blocks_untouched", column.blocks_untouched},
                                  {"bytes_read", column.bytes_read},
                                  {"bytes_unread", column.bytes_unread}});
  account["block_fields"] = {"slice", "group", "column", "vectors", "bytes_read"};
  account["blocks"] = json::array();
  for (const auto& block : stats.blocks)
    account["blocks"].push_back({block.slice, block.group, block.column, block.vectors, block.bytes_read});
  return out;
}

json names_of_codecs() {
  json out = json::array();
  for (unsigned id = 0; id < pillar::own_codec_count; ++id)
    out.push_back(pillar::to_string(static_cast<pillar::codec_id>(id)));
  return out;
}

}  // namespace

json to_json(const demo_account& account) {
  json out = {{"program", account.program},
              {"causes", names_of_causes()},
              {"codecs", names_of_codecs()},
              {"table", to_json(account.load)},
              {"memory_limit",
               {{"bytes_per_second", account.memory.bytes_per_second},
                {"buffer_bytes", account.memory.buffer_bytes},
                {"threads", account.memory.threads},
                {"passes", account.memory.passes}}}};
  for (const auto& answered : account.questions) out["questions"].push_back(to_json(answered));
  return out;
}

}  // namespace demo
