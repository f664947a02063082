// SPDX-License-Identifier: Apache-2.0
/// The one bridge from errors as values (ranks 0 to 5) to absl::Status (rank 6 and above).
#pragma once
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "pillar/base/result.hpp"  // failure, errc

namespace PILLAR_NAMESPACE {

/// The status code that an errc means to a caller.
constexpr absl::StatusCode status_code_of(errc code) noexcept {
  switch (code) {
    case errc::ok: return absl::StatusCode::kOk;
    case errc::truncated:
    case errc::corrupt:
    case errc::checksum_mismatch: return absl::StatusCode::kDataLoss;
    case errc::unsupported: return absl::StatusCode::kUnimplemented;
    case errc::limit_exceeded:
    case errc::out_of_memory: return absl::StatusCode::kResourceExhausted;
    case errc::overflow:
    case errc::division_by_zero:
    case errc::out_of_space: return absl::StatusCode::kOutOfRange;
    case errc::no_such_column: return absl::StatusCode::kNotFound;
    case errc::type_mismatch:
    case errc::invalid_argument:
    case errc::parse_error: return absl::StatusCode::kInvalidArgument;
    case errc::cancelled: return absl::StatusCode::kCancelled;
    case errc::deadline_exceeded: return absl::StatusCode::kDeadlineExceeded;
    case errc::io_error: return absl::StatusCode::kUnavailable;
  }
  return absl::StatusCode::kUnknown;
}

/// A message in std vocabulary: Debian's Abseil has a string_view of its own.
inline absl::Status make_status(absl::StatusCode code, std::string_view message) {
  return absl::Status(code, std::string(message));
}

/// "<context>: <errc in words>", with the position where there is one.
inline absl::Status to_status(const failure& why, std::string_view context) {
  std::string message(context);
  message += ": ";
  message += to_string(why.code);
  if (why.position != 0) message += " at " + std::to_string(why.position);
  return make_status(status_code_of(why.code), message);
}

}  // namespace PILLAR_NAMESPACE

/// Returns the error of a result<…> as a status from the enclosing function.
#define PILLAR_TRY_STATUS(context, ...)                                  \
  do {                                                                   \
    if (auto pillar_try_result = (__VA_ARGS__); !pillar_try_result.ok()) \
      return ::pillar::to_status(pillar_try_result.error(), (context));  \
  } while (false)
