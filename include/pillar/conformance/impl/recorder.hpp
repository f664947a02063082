// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>  // std::abort
#include <cstring>

#include "pillar/base/mutant.hpp"
#include "pillar/conformance/recorder.hpp"

namespace PILLAR_NAMESPACE::conformance {

struct recorder::shared {
  static constexpr std::size_t limit = 24;
  static constexpr std::size_t text_bytes = 512;
  struct one_law {
    std::uint64_t cases;
    std::uint64_t seed;
    std::uint32_t broken;
    char sentence[text_bytes];
  };
  one_law laws[limit];
  std::uint64_t counts[limit];
  std::uint64_t seed;
  std::uint32_t law;
  char what[text_bytes];

  static void copy(char (&to)[text_bytes], std::string_view from) noexcept {
    const std::size_t size = from.size() < text_bytes ? from.size() : text_bytes - 1;
    std::memcpy(to, from.data(), size);
    to[size] = '\0';
  }
  void break_law(std::string_view sentence) noexcept {
    one_law& broken_one = laws[law];
    if (PILLAR_MUTATE(recorder_keeps_the_last, broken_one.broken != 0, false)) return;
    broken_one.broken = 1;
    broken_one.seed = seed;
    copy(broken_one.sentence, sentence);
  }
};

PILLAR_API recorder::recorder(std::string subject, std::initializer_list<law> laws,
                              std::initializer_list<const char*> counts)
    : subject_(std::move(subject)), laws_(laws), counts_(counts), shared_(nullptr) {
  PILLAR_ASSERT(laws_.size() <= shared::limit && counts_.size() <= shared::limit);
  void* mapped = mmap(nullptr, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) std::abort();
  shared_ = static_cast<shared*>(mapped);
}

PILLAR_API recorder::~recorder() { munmap(shared_, sizeof(shared)); }

PILLAR_API void recorder::run(const settings& how, function_ref<void()> body) {
  const pid_t child = how.isolated ? fork() : -1;
  if (child < 0) return body();  // not asked for, or no processes left
  if (child == 0) {
    alarm(how.time_limit_seconds);
    body();
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  std::string sentence = shared_->what;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    sentence += ": did not end within " + std::to_string(how.time_limit_seconds) + " s";
  else if (WIFSIGNALED(status))
    sentence += ": ended the process with signal " + std::to_string(WTERMSIG(status)) + " (" +
                strsignal(WTERMSIG(status)) + "), as a touch outside of its memory does";
  else sentence += ": ended the process with status " + std::to_string(WEXITSTATUS(status));
  ++shared_->laws[shared_->law].cases;
  shared_->break_law(sentence);
}

PILLAR_API void recorder::at(std::uint32_t law, std::uint64_t seed, std::string_view what) noexcept {
  shared_->law = law;
  shared_->seed = seed;
  shared::copy(shared_->what, what);
}
PILLAR_API void recorder::at(std::uint32_t law) noexcept { shared_->law = law; }

PILLAR_API bool recorder::expect(bool holds, function_ref<std::string()> sentence) {
  ++shared_->laws[shared_->law].cases;
  if (!holds) shared_->break_law(std::string(shared_->what) + ": " + sentence());
  return holds;
}

PILLAR_API void recorder::count(std::uint32_t what, std::uint64_t by) noexcept { shared_->counts[what] += by; }
PILLAR_API bool recorder::broken(std::uint32_t law) const noexcept { return shared_->laws[law].broken != 0; }

PILLAR_API report recorder::finish() const {
  report made;
  made.subject = subject_;
  for (std::size_t i = 0; i < laws_.size(); ++i) {
    const auto& from = shared_->laws[i];
    law_report one;
    one.law = laws_[i].text;
    one.required = laws_[i].required;
    one.cases = from.cases;
    one.holds = from.broken == 0;
    one.seed = from.seed;
    one.counterexample = from.sentence;
    made.laws.push_back(std::move(one));
  }
  for (std::size_t i = 0; i < counts_.size(); ++i) made.counts.push_back({counts_[i], shared_->counts[i]});
  return made;
}

}  // namespace PILLAR_NAMESPACE::conformance
