// SPDX-License-Identifier: Apache-2.0
/// The machine's files, as models of the file concepts in base/env.hpp.
#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>   // std::rename, std::snprintf
#include <cstdlib>  // mkostemp
#include <span>

#include "pillar/base/config.hpp"
#include "pillar/base/env.hpp"  // readable_file, writable_file
#include "pillar/base/result.hpp"

namespace PILLAR_NAMESPACE {

/// An open file; closed when destroyed. Move only.
///
/// Errors:  as the concepts say; open, create → io_error (position = errno)
/// Threads: size and read_at concurrently
class posix_file {
 public:
  [[nodiscard]] static result<posix_file> open(const char* path) noexcept { return make(path, O_RDONLY | O_CLOEXEC); }
  /// An empty file in place of what was there.
  [[nodiscard]] static result<posix_file> create(const char* path) noexcept {
    return make(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC);
  }
  /// A file that is there already; what is appended follows what it holds.
  [[nodiscard]] static result<posix_file> open_to_append(const char* path) noexcept {
    return make(path, O_RDWR | O_APPEND | O_CLOEXEC);
  }
  /// An empty file without a name in a folder: gone when it is closed, or with the process.
  [[nodiscard]] static result<posix_file> create_temporary(const char* folder) noexcept {
    char path[4096];
    const int length = std::snprintf(path, sizeof(path), "%s/pillar-XXXXXX", folder);
    if (length < 0 || static_cast<std::size_t>(length) >= sizeof(path))
      return {errc::io_error, static_cast<std::uint64_t>(ENAMETOOLONG)};
    const int descriptor = ::mkostemp(path, O_CLOEXEC);
    if (descriptor < 0) return last_error();
    posix_file made(descriptor);
    if (::unlink(path) != 0) return last_error();
    return made;
  }
  posix_file(posix_file&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  posix_file& operator=(posix_file&& other) noexcept {
    const int taken = other.descriptor_;
    other.descriptor_ = descriptor_;
    descriptor_ = taken;
    return *this;
  }
  ~posix_file() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  [[nodiscard]] result<std::uint64_t> size() const noexcept {
    struct ::stat found {};
    if (::fstat(descriptor_, &found) != 0) return last_error();
    return static_cast<std::uint64_t>(found.st_size);
  }
  [[nodiscard]] result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const noexcept {
    while (!into.empty()) {
      const ::ssize_t got = ::pread(descriptor_, into.data(), into.size(), static_cast<::off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return last_error();
      if (got == 0) return {errc::truncated, offset};
      into = into.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
    return {};
  }
  [[nodiscard]] result<void> append(std::span<const std::byte> bytes) noexcept {
    while (!bytes.empty()) {
      const ::ssize_t put = ::write(descriptor_, bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return last_error();
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }
  [[nodiscard]] result<void> sync() noexcept {
    if (::fdatasync(descriptor_) != 0) return last_error();
    return {};
  }

  /// Asks the system to read ahead; a hint, which costs the caller no waiting.
  void will_need(std::uint64_t offset, std::uint64_t bytes) const noexcept {
    (void)::posix_fadvise(descriptor_, static_cast<::off_t>(offset), static_cast<::off_t>(bytes), POSIX_FADV_WILLNEED);
  }

 private:
  friend class mapped_file;
  explicit posix_file(int descriptor) noexcept : descriptor_(descriptor) {}
  static failure last_error() noexcept { return {errc::io_error, static_cast<std::uint64_t>(errno)}; }
  static result<posix_file> make(const char* path, int flags) noexcept {
    const int descriptor = ::open(path, flags, 0666);
    if (descriptor < 0) return last_error();
    return posix_file(descriptor);
  }
  int descriptor_;
};
static_assert(readable_file<posix_file> && writable_file<posix_file>);

/// Gives a file another name, in place of a file that has it; whoever has that one open keeps reading it.
///
/// Errors: io_error (position = errno)
[[nodiscard]] inline result<void> rename_file(const char* from, const char* to) noexcept {
  if (std::rename(from, to) != 0) return {errc::io_error, static_cast<std::uint64_t>(errno)};
  return {};
}
/// Makes the names in a folder safe, as sync() makes a file's bytes.
///
/// Errors: io_error (position = errno)
[[nodiscard]] inline result<void> sync_folder(const char* path) noexcept {
  const int descriptor = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return {errc::io_error, static_cast<std::uint64_t>(errno)};
  const failure why{::fsync(descriptor) == 0 ? errc::ok : errc::io_error, static_cast<std::uint64_t>(errno)};
  ::close(descriptor);
  if (why.code != errc::ok) return why;
  return {};
}

/// A file's bytes as memory, read only; unmapped when destroyed. Move only.
///
/// Requires: nobody shortens the file meanwhile: reading beyond its end then raises SIGBUS
/// Errors:   open → io_error (position = errno)
/// Threads:  const members may be called concurrently
class mapped_file {
 public:
  [[nodiscard]] static result<mapped_file> open(const char* path) noexcept {
    PILLAR_ASSIGN_OR_RETURN(const posix_file file, posix_file::open(path));
    PILLAR_ASSIGN_OR_RETURN(const std::uint64_t size, file.size());
    mapped_file made;
    if (size == 0) return made;
    void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.descriptor_, 0);
    if (memory == MAP_FAILED) return posix_file::last_error();
    made.bytes_ = {static_cast<const std::byte*>(memory), static_cast<std::size_t>(size)};
    return made;
  }
  mapped_file(mapped_file&& other) noexcept : bytes_(other.bytes_) { other.bytes_ = {}; }
  mapped_file& operator=(mapped_file&& other) noexcept {
    const std::span<const std::byte> taken = other.bytes_;
    other.bytes_ = bytes_;
    bytes_ = taken;
    return *this;
  }
  ~mapped_file() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// Asks the system to read ahead; a hint.
  void will_need(std::uint64_t offset, std::uint64_t bytes) const noexcept {
    constexpr std::uint64_t page = 4096;
    const std::uint64_t begin = offset & ~(page - 1);
    if (begin >= bytes_.size()) return;
    const std::uint64_t end = bytes_.size() - offset < bytes ? bytes_.size() : offset + bytes;
    (void)::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_WILLNEED);
  }

 private:
  mapped_file() noexcept = default;
  std::span<const std::byte> bytes_{};
};

}  // namespace PILLAR_NAMESPACE
