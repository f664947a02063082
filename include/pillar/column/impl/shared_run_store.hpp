// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <mutex>
#include <utility>

#include "pillar/column/shared_run_store.hpp"

namespace PILLAR_NAMESPACE {

struct shared_run_store::turns {
  std::mutex lock{};
};

/// A store's reader, which is made, read and destroyed in turn with everything else.
class shared_run_store::reader final : public run_reader {
 public:
  reader(std::unique_ptr<run_reader> inner, turns& shared) noexcept : inner_(std::move(inner)), turns_(shared) {}
  ~reader() override {
    const std::lock_guard<std::mutex> held(turns_.lock);
    inner_ = nullptr;
  }
  result<std::uint32_t> next(std::span<vector> columns) override {
    const std::lock_guard<std::mutex> held(turns_.lock);
    return inner_->next(columns);
  }

 private:
  std::unique_ptr<run_reader> inner_;
  turns& turns_;
};

PILLAR_API shared_run_store::shared_run_store(run_store& store) : store_(store), turns_(std::make_unique<turns>()) {}
PILLAR_API shared_run_store::~shared_run_store() = default;

PILLAR_API result<std::uint32_t> shared_run_store::open(std::span<const data_type> types) {
  const std::lock_guard<std::mutex> held(turns_->lock);
  return store_.open(types);
}
PILLAR_API result<void> shared_run_store::append(std::uint32_t run, std::span<const vector* const> columns,
                                                 const selection_mask* rows, std::uint32_t row_count) {
  const std::lock_guard<std::mutex> held(turns_->lock);
  return store_.append(run, columns, rows, row_count);
}
PILLAR_API result<void> shared_run_store::seal(std::uint32_t run) {
  const std::lock_guard<std::mutex> held(turns_->lock);
  return store_.seal(run);
}
PILLAR_API result<std::unique_ptr<run_reader>> shared_run_store::read(std::uint32_t run) {
  const std::lock_guard<std::mutex> held(turns_->lock);
  PILLAR_ASSIGN_OR_RETURN(std::unique_ptr<run_reader> inner, store_.read(run));
  return std::unique_ptr<run_reader>(std::make_unique<reader>(std::move(inner), *turns_));
}
PILLAR_API void shared_run_store::drop(std::uint32_t run) noexcept {
  const std::lock_guard<std::mutex> held(turns_->lock);
  store_.drop(run);
}
PILLAR_API run_counts shared_run_store::counts() const noexcept {
  const std::lock_guard<std::mutex> held(turns_->lock);
  return store_.counts();
}
PILLAR_API std::uint64_t shared_run_store::bytes_of(std::uint32_t run) const noexcept {
  const std::lock_guard<std::mutex> held(turns_->lock);
  return store_.bytes_of(run);
}

}  // namespace PILLAR_NAMESPACE
