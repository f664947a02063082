// SPDX-License-Identifier: Apache-2.0
#include "pillar/conformance/run_store.hpp"

#include <gtest/gtest.h>

#include "pillar/storage/memory_run_store.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::conformance_run_store {
namespace {

using pillar::result;
using pillar::run_reader;
using pillar::selection_mask;
using pillar::vector;

enum class defect { none, last_row_is_lost, null_is_a_value, readers_share_their_place, rows_count_twice };

/// A reader that gives every value as not NULL, or goes on where another is.
class broken_reader final : public run_reader {
 public:
  broken_reader(std::shared_ptr<run_reader> inner, defect of) : inner_(std::move(inner)), defect_(of) {}
  result<std::uint32_t> next(std::span<vector> columns) override {
    const auto count = inner_->next(columns);
    if (defect_ == defect::null_is_a_value)
      for (vector& of : columns) of.validity = nullptr;
    return count;
  }

 private:
  std::shared_ptr<run_reader> inner_;
  defect defect_;
};

class broken_store final : public pillar::run_store {
 public:
  explicit broken_store(defect of) : defect_(of) {}
  result<std::uint32_t> open(std::span<const pillar::data_type> types) override { return inner_.open(types); }
  result<void> append(std::uint32_t run, std::span<const vector* const> columns, const selection_mask* rows,
                      std::uint32_t row_count) override {
    selection_mask mask = rows == nullptr ? selection_mask::first(row_count) : *rows;
    if (defect_ == defect::last_row_is_lost && row_count > 600) pillar::assign_bit(mask.words, row_count - 1, false);
    return inner_.append(run, columns, &mask, row_count);
  }
  result<void> seal(std::uint32_t run) override { return inner_.seal(run); }
  result<std::unique_ptr<run_reader>> read(std::uint32_t run) override {
    if (defect_ != defect::readers_share_their_place || shared_run_ != run || shared_.expired()) {
      PILLAR_ASSIGN_OR_RETURN(std::shared_ptr<run_reader> made, inner_.read(run));
      shared_ = made;
      shared_run_ = run;
      return std::unique_ptr<run_reader>(std::make_unique<broken_reader>(std::move(made), defect_));
    }
    return std::unique_ptr<run_reader>(std::make_unique<broken_reader>(shared_.lock(), defect_));
  }
  void drop(std::uint32_t run) noexcept override { inner_.drop(run); }
  pillar::run_counts counts() const noexcept override {
    auto made = inner_.counts();
    if (defect_ == defect::rows_count_twice) made.rows_written *= 2;
    return made;
  }

 private:
  pillar::memory_run_store inner_{};
  defect defect_;
  std::weak_ptr<run_reader> shared_{};
  std::uint32_t shared_run_ = 0;
};

pillar::conformance::report check(defect of) {
  broken_store store(of);
  return pillar::conformance::check_run_store("a store", store, {.isolated = false});
}

TEST(conformance_run_store, broken_stores_are_reported) {
  if (sanitized) GTEST_SKIP() << "what is reported is the same without sanitizers";
  const auto sound = check(defect::none);
  EXPECT_TRUE(sound.ok()) << sound;
  EXPECT_GT(sound.count("runs without rows"), 0u);
  EXPECT_FALSE(check(defect::last_row_is_lost).find("rows come back in their order with the same bits")->holds);
  EXPECT_FALSE(check(defect::null_is_a_value).find("rows come back in their order with the same bits")->holds);
  EXPECT_FALSE(check(defect::readers_share_their_place).find("any number of readers")->holds);
  EXPECT_FALSE(check(defect::rows_count_twice).find("rows are counted as written, bytes as read")->holds);
}

}  // namespace
}  // namespace pillar_test::conformance_run_store
