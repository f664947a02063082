// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/run_store.hpp"

#include <gtest/gtest.h>

#include "pillar/column/builder.hpp"
#include "pillar/conformance/run_store.hpp"

namespace pillar_test::column_run_store {
namespace {

using pillar::column;
using pillar::result;
using pillar::vector;

enum class lie { none, loses_a_row, forgets_selections, mixes_runs, drops_the_neighbour, counts_too_few };

/// The simplest store: columns as they come. Or one that lies.
class plain_run_store final : public pillar::run_store {
 public:
  explicit plain_run_store(lie what = lie::none) : lie_(what) {}
  result<std::uint32_t> open(std::span<const pillar::data_type> types) override {
    runs_.emplace_back();
    for (const auto& type : types) runs_.back().builders.emplace_back(type);
    return static_cast<std::uint32_t>(runs_.size() - 1);
  }
  result<void> append(std::uint32_t run, std::span<const vector* const> columns, const pillar::selection_mask* rows,
                      std::uint32_t row_count) override {
    if (lie_ == lie::forgets_selections) rows = nullptr;
    if (lie_ == lie::mixes_runs && run % 2 == 1 && runs_[run].builders.size() == runs_[run - 1].builders.size() &&
        runs_[run].builders[0].type() == runs_[run - 1].builders[0].type())
      --run;
    for (std::size_t i = 0; i < columns.size(); ++i) PILLAR_TRY(runs_[run].builders[i].append(*columns[i], rows));
    counts_.rows_written += rows == nullptr ? row_count : rows->count();
    return {};
  }
  result<void> seal(std::uint32_t run) override {
    for (auto& builder : runs_[run].builders) {
      if (lie_ == lie::loses_a_row && builder.size() > 1000) builder.truncate(builder.size() - 1);
      PILLAR_ASSIGN_OR_RETURN(column made, builder.finish());
      runs_[run].columns.push_back(std::move(made));
    }
    return {};
  }
  result<std::unique_ptr<pillar::run_reader>> read(std::uint32_t run) override {
    return std::unique_ptr<pillar::run_reader>(std::make_unique<reader>(runs_[run].columns, counts_));
  }
  void drop(std::uint32_t run) noexcept override {
    if (lie_ == lie::drops_the_neighbour && run + 1 < runs_.size()) ++run;
    runs_[run] = {};
  }
  [[nodiscard]] pillar::run_counts counts() const noexcept override {
    pillar::run_counts said = counts_;
    if (lie_ == lie::counts_too_few) said.rows_written /= 2;
    return said;
  }

 private:
  struct one_run {
    std::vector<pillar::column_builder> builders{};
    std::vector<column> columns{};
  };
  class reader final : public pillar::run_reader {
   public:
    reader(std::vector<column> columns, pillar::run_counts& counts) : columns_(std::move(columns)), counts_(counts) {}
    result<std::uint32_t> next(std::span<vector> columns) override {
      if (columns_.empty()) return std::uint32_t{0};
      const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(columns_[0].size() - row_, 1024));
      for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = columns_[i].slice(row_, count);
      row_ += count;
      ++counts_.bytes_read;
      return count;
    }

   private:
    std::vector<column> columns_;
    pillar::run_counts& counts_;
    std::uint64_t row_ = 0;
  };
  lie lie_;
  std::vector<one_run> runs_{};
  pillar::run_counts counts_{};
};

TEST(column_run_store, the_simplest_store_conforms) {
  plain_run_store store;
  const auto found = pillar::conformance::check_run_store("columns as they come", store);
  EXPECT_TRUE(found.ok()) << found;
  EXPECT_GE(found.count("runs"), 60u);
  EXPECT_GT(found.count("runs without rows"), 0u);
  EXPECT_GT(found.count("selections"), 0u);
}

TEST(column_run_store, liars_are_found) {
  for (const lie what :
       {lie::loses_a_row, lie::forgets_selections, lie::mixes_runs, lie::drops_the_neighbour, lie::counts_too_few}) {
    plain_run_store store(what);
    EXPECT_FALSE(pillar::conformance::check_run_store("a liar", store).ok()) << static_cast<int>(what);
  }
}

}  // namespace
}  // namespace pillar_test::column_run_store
