// SPDX-License-Identifier: Apache-2.0
/// A progress bar on the standard error output: a bar that moves on a terminal, a line of dots elsewhere.
#pragma once
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace demo {

class progress_bar {
 public:
  explicit progress_bar(std::string what) : what_(std::move(what)), moves_(isatty(STDERR_FILENO) != 0) {
    if (!moves_) std::fprintf(stderr, "%s ", what_.c_str());
  }
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;
  ~progress_bar() {
    if (moves_) std::fprintf(stderr, "\r\033[K");
    else std::fputc('\n', stderr);
  }

  void show(std::uint64_t done, std::uint64_t total) {
    const auto percent = static_cast<int>(total == 0 ? 0 : done * 100 / total);
    if (percent <= shown_) return;
    if (moves_) {
      constexpr int width = 40;
      std::string bar(static_cast<std::size_t>(percent * width / 100), '#');
      bar.resize(width, '.');
      std::fprintf(stderr, "\r%-9s [%s] %3d %%", what_.c_str(), bar.c_str(), percent);
      std::fflush(stderr);
    } else {
      for (int tenth = shown_ / 10; tenth < percent / 10; ++tenth) std::fputc('.', stderr);
    }
    shown_ = percent;
  }

 private:
  std::string what_;
  bool moves_;
  int shown_ = 0;
};

}  // namespace demo
