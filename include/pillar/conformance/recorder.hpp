// SPDX-License-Identifier: Apache-2.0
/// How checks are written: laws by number, cases that are noted before they run, in a child process if asked.
///
/// For new laws of your own; the checks of this folder are made of it.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "pillar/base/config.hpp"
#include "pillar/base/function_ref.hpp"
#include "pillar/conformance/report.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// A law before it is tried.
struct law {
  const char* text;
  bool required = true;
};

/// Collects what a check finds, in memory that a child process shares with its parent: what was found before a crash
/// is kept, and the crash itself breaks the law that was being tried.
///
/// Shape:    at most 24 laws and 24 counts; sentences are cut after about 500 bytes
/// Threads:  one at a time
class recorder {
 public:
  PILLAR_API recorder(std::string subject, std::initializer_list<law> laws, std::initializer_list<const char*> counts);
  PILLAR_API ~recorder();
  recorder(const recorder&) = delete;
  recorder& operator=(const recorder&) = delete;

  /// Runs the cases.
  PILLAR_API void run(const settings& how, function_ref<void()> body);
  /// Notes the case that comes next, for a crash: the law, the seed that makes it, and what it is in words.
  PILLAR_API void at(std::uint32_t law, std::uint64_t seed, std::string_view what) noexcept;
  /// The same case, another law.
  PILLAR_API void at(std::uint32_t law) noexcept;
  /// One case of the law noted last. Returns `holds`.
  PILLAR_API bool expect(bool holds, function_ref<std::string()> sentence);
  PILLAR_API void count(std::uint32_t what, std::uint64_t by = 1) noexcept;
  [[nodiscard]] PILLAR_API bool broken(std::uint32_t law) const noexcept;
  [[nodiscard]] PILLAR_API report finish() const;

 private:
  struct shared;
  std::string subject_;
  std::vector<law> laws_;
  std::vector<const char*> counts_;
  shared* shared_;
};

}  // namespace PILLAR_NAMESPACE::conformance

#ifdef PILLAR_HEADER_ONLY
#include "pillar/conformance/impl/recorder.hpp"
#endif
