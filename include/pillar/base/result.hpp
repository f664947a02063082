// SPDX-License-Identifier: Apache-2.0
/// Errors as values for ranks 0 to 5: an enum and a position, no strings, no allocation.
///
/// `result<T>` holds a T or a `failure`. From rank 6 upward absl::StatusOr is used; pillar/status.hpp is the bridge.
#pragma once
#include <cstdint>      // std::uint64_t
#include <new>          // placement new
#include <type_traits>  // std::is_trivially_destructible_v
#include <utility>      // std::move, std::forward

#include "pillar/base/config.hpp"  // PILLAR_ASSERT

namespace PILLAR_NAMESPACE {

/// What went wrong. One comment per value; the numbers are stable.
enum class errc : std::uint8_t {
  ok = 0,
  truncated = 1,           ///< the bytes end before what they announce
  corrupt = 2,             ///< the bytes contradict themselves (offset, width, code or count out of range)
  checksum_mismatch = 3,   ///< the stored checksum is not that of the bytes
  unsupported = 4,         ///< a well-formed request or format version that this build does not know
  limit_exceeded = 5,      ///< a size or count beyond the caller's limits
  out_of_memory = 6,       ///< the memory budget or the allocator refused
  overflow = 7,            ///< checked arithmetic left its type; position = row
  division_by_zero = 8,    ///< position = row
  type_mismatch = 9,       ///< values or schemas of different types where one was needed
  no_such_column = 10,     ///< position = index of the offending reference
  invalid_argument = 11,   ///< a value outside the documented range
  out_of_space = 12,       ///< the output is smaller than the documented bound
  cancelled = 13,          ///< the query context was cancelled
  deadline_exceeded = 14,  ///< the query context's deadline passed
  io_error = 15,           ///< the environment's file operation failed; position = errno
  parse_error = 16,        ///< text that is not a value of its type; position = line
};

/// The words of an errc, for messages above rank 5 and for tests.
constexpr const char* to_string(errc code) noexcept {
  switch (code) {
    case errc::ok: return "ok";
    case errc::truncated: return "truncated";
    case errc::corrupt: return "corrupt";
    case errc::checksum_mismatch: return "checksum mismatch";
    case errc::unsupported: return "unsupported";
    case errc::limit_exceeded: return "limit exceeded";
    case errc::out_of_memory: return "out of memory";
    case errc::overflow: return "arithmetic overflow";
    case errc::division_by_zero: return "division by zero";
    case errc::type_mismatch: return "type mismatch";
    case errc::no_such_column: return "no such column";
    case errc::invalid_argument: return "invalid argument";
    case errc::out_of_space: return "output too small";
    case errc::cancelled: return "cancelled";
    case errc::deadline_exceeded: return "deadline exceeded";
    case errc::io_error: return "input/output error";
    case errc::parse_error: return "parse error";
  }
  return "unknown error";
}

/// An errc and where: a byte offset, a row, a line or an index, as the function that returns it says.
struct failure {
  errc code = errc::ok;
  std::uint64_t position = 0;
  friend constexpr bool operator==(const failure&, const failure&) = default;
};

/// A T or a failure.
///
/// Requires: value access only when has_value(); checked by PILLAR_ASSERT.
/// Cost:     sizeof(T) + 16 bytes at most; never allocates by itself
template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;
  result(T value) noexcept(std::is_nothrow_move_constructible_v<T>) : has_value_(true) {
    ::new (static_cast<void*>(&value_)) T(std::move(value));
  }
  constexpr result(failure why) noexcept : error_(why), has_value_(false) {}
  constexpr result(errc code, std::uint64_t position = 0) noexcept : error_{code, position}, has_value_(false) {}
  result(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) : has_value_(other.has_value_) {
    if (has_value_) ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
    else error_ = other.error_;
  }
  result(const result& other) : has_value_(other.has_value_) {
    if (has_value_) ::new (static_cast<void*>(&value_)) T(other.value_);
    else error_ = other.error_;
  }
  result& operator=(result other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    destroy();
    has_value_ = other.has_value_;
    if (has_value_) ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
    else error_ = other.error_;
    return *this;
  }
  ~result() { destroy(); }

  [[nodiscard]] constexpr bool has_value() const noexcept { return has_value_; }
  [[nodiscard]] constexpr bool ok() const noexcept { return has_value_; }
  constexpr explicit operator bool() const noexcept { return has_value_; }

  T& operator*() & noexcept {
    PILLAR_ASSERT(has_value_);
    return value_;
  }
  const T& operator*() const& noexcept {
    PILLAR_ASSERT(has_value_);
    return value_;
  }
  T&& operator*() && noexcept {
    PILLAR_ASSERT(has_value_);
    return std::move(value_);
  }
  T* operator->() noexcept {
    PILLAR_ASSERT(has_value_);
    return &value_;
  }
  const T* operator->() const noexcept {
    PILLAR_ASSERT(has_value_);
    return &value_;
  }

  /// The failure; errc::ok when there is a value.
  [[nodiscard]] constexpr failure error() const noexcept { return has_value_ ? failure{} : error_; }

 private:
  void destroy() noexcept {
    if (has_value_) value_.~T();
  }
  union {
    T value_;
    failure error_;
  };
  bool has_value_;
};

/// Success or an error, without a value.
template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;
  constexpr result() noexcept = default;
  constexpr result(failure why) noexcept : error_(why) {}
  constexpr result(errc code, std::uint64_t position = 0) noexcept : error_{code, position} {}
  [[nodiscard]] constexpr bool has_value() const noexcept { return error_.code == errc::ok; }
  [[nodiscard]] constexpr bool ok() const noexcept { return has_value(); }
  constexpr explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] constexpr failure error() const noexcept { return error_; }

 private:
  failure error_{};
};

}  // namespace PILLAR_NAMESPACE

/// `PILLAR_TRY(expr)`: returns the error of a result<…> from the enclosing function.
#define PILLAR_TRY(...)                                                                                    \
  do {                                                                                                     \
    if (auto pillar_try_result = (__VA_ARGS__); !pillar_try_result.ok()) return pillar_try_result.error(); \
  } while (false)

#define PILLAR_CONCAT_INNER(a, b) a##b
#define PILLAR_CONCAT(a, b) PILLAR_CONCAT_INNER(a, b)

/// `PILLAR_ASSIGN_OR_RETURN(auto x, expr)`: takes the value of a result<…> or returns its error.
#define PILLAR_ASSIGN_OR_RETURN(left, ...)                                                                   \
  auto PILLAR_CONCAT(pillar_result_, __LINE__) = (__VA_ARGS__);                                              \
  if (!PILLAR_CONCAT(pillar_result_, __LINE__).ok()) return PILLAR_CONCAT(pillar_result_, __LINE__).error(); \
  left = *std::move(PILLAR_CONCAT(pillar_result_, __LINE__))
