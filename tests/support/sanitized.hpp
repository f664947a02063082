// SPDX-License-Identifier: Apache-2.0
/// Whether this program runs under AddressSanitizer. Sanitizers look for other things than wrong answers, and take
/// several times as long: long loops over random cases are cut there, never without.
#pragma once

namespace pillar_test {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
inline constexpr bool sanitized = __has_feature(address_sanitizer);
#else
inline constexpr bool sanitized = false;
#endif

/// How often such a loop goes round: `full` times, under sanitizers a fifth of that. Also for what the loop must meet.
template <class Count>
constexpr Count turns(Count full) {
  return sanitized ? (full + 4) / 5 : full;
}

}  // namespace pillar_test
