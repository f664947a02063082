// SPDX-License-Identifier: Apache-2.0
/// Faults on demand: the n-th allocation, or the n-th file operation, fails, for every n that there is.
///
/// An operation that allocates is run with its first allocation refused, then its second, and so on until it needs no
/// more than were granted. Each failure must come back as an error, and leave nothing allocated behind.
///
///     memory_budget is the seam:  sweep_allocations([](pillar::memory_budget& budget) { return work(&budget); })
///     files are the seam:         sweep_file_operations([](fault_plan& plan) { faulty_file file(inner, plan); … })
#pragma once
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "pillar/base/env.hpp"  // readable_file, writable_file
#include "pillar/base/function_ref.hpp"
#include "pillar/base/memory.hpp"
#include "pillar/base/result.hpp"
#include "pillar/conformance/report.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// What an operation with an injected fault says: errc::ok, or the error that came back (absl codes: your mapping).
using faulty_run = function_ref<errc(memory_budget& budget)>;

/// Runs the operation with allocation 1, 2, 3, … of the budget refused, once each and then with all later ones refused
/// too, until it succeeds unrefused.
///
/// The report's laws: a refused allocation comes back as out_of_memory (or the operation succeeds without it: a cache
/// that it can spare); nothing stays allocated after a failure; the operation succeeds when nothing is refused. The
/// count "injection points" is the number of allocations: 0 breaks a law, since nothing was tested then.
///
/// Requires: what the operation makes is destroyed when it returns
[[nodiscard]] PILLAR_API report sweep_allocations(const std::string& subject, faulty_run operation);

/// Which file operations fail, and how many there were.
struct fault_plan {
  std::uint64_t fail_at = 0;  ///< 1: the first; 0: none
  bool lasting = false;       ///< all later ones too
  std::uint64_t operations = 0;
  std::uint64_t failed = 0;
  /// Counts an operation; true if it must fail.
  bool next() noexcept {
    ++operations;
    const bool fails = fail_at != 0 && (operations == fail_at || (lasting && operations > fail_at));
    failed += fails;
    return fails;
  }
};

/// A file whose operations fail as planned, with io_error and EIO. A failing append leaves half of its bytes written,
/// as a full disk does; a failing read has filled half of its target.
template <class File>
class faulty_file {
 public:
  faulty_file(File& inner, fault_plan& plan) noexcept : inner_(&inner), plan_(&plan) {}

  [[nodiscard]] result<std::uint64_t> size() const {
    if (plan_->next()) return failure{errc::io_error, EIO};
    return inner_->size();
  }
  [[nodiscard]] result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const {
    if (!plan_->next()) return inner_->read_at(offset, into);
    (void)inner_->read_at(offset, into.first(into.size() / 2));
    return failure{errc::io_error, EIO};
  }
  [[nodiscard]] result<void> append(std::span<const std::byte> bytes) {
    if (!plan_->next()) return inner_->append(bytes);
    (void)inner_->append(bytes.first(bytes.size() / 2));
    return failure{errc::io_error, EIO};
  }
  [[nodiscard]] result<void> sync() {
    if (plan_->next()) return failure{errc::io_error, EIO};
    return inner_->sync();
  }

 private:
  File* inner_;
  fault_plan* plan_;
};

/// A file in memory: the simplest model of both concepts, for tests.
class memory_file {
 public:
  [[nodiscard]] result<std::uint64_t> size() const noexcept { return std::uint64_t{content_.size()}; }
  [[nodiscard]] result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const noexcept {
    if (offset > content_.size() || content_.size() - offset < into.size()) return failure{errc::truncated, offset};
    if (!into.empty()) __builtin_memcpy(into.data(), content_.data() + offset, into.size());
    return {};
  }
  [[nodiscard]] result<void> append(std::span<const std::byte> bytes) {
    content_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  [[nodiscard]] result<void> sync() noexcept { return {}; }

 private:
  std::string content_;
};
static_assert(readable_file<memory_file> && writable_file<memory_file>);
static_assert(readable_file<faulty_file<memory_file>> && writable_file<faulty_file<memory_file>>);

/// Runs the operation with file operation 1, 2, 3, … failing, once each and then with all later ones failing too.
/// Laws and count as for sweep_allocations, with io_error; an operation that went on without noticing breaks one.
[[nodiscard]] PILLAR_API report sweep_file_operations(const std::string& subject,
                                                      function_ref<errc(fault_plan& plan)> operation);

}  // namespace PILLAR_NAMESPACE::conformance

#ifdef PILLAR_HEADER_ONLY
#include "pillar/conformance/impl/faults.hpp"
#endif
