// SPDX-License-Identifier: Apache-2.0
/// What every header agrees on: the version, the assert level, and how definitions are emitted.
///
/// Three macros belong to the user:
///   PILLAR_HEADER_ONLY    set by the target pillar::header_only; every definition becomes inline. Without it the
///                         definitions in <folder>/impl/ and the width kernels come from pillar::kernels.
///   PILLAR_ASSERT_LEVEL   0 off, 1 cheap (default: O(1) checks of preconditions), 2 full (O(n) checks).
///                         Levels other than the default live in an inline namespace, so two translation units
///                         of different levels never merge; they need PILLAR_HEADER_ONLY.
///   PILLAR_MUTANTS        test builds only, see base/mutant.hpp.
#pragma once

#define PILLAR_VERSION_MAJOR 0
#define PILLAR_VERSION_MINOR 1
#define PILLAR_VERSION_PATCH 0

#ifndef PILLAR_ASSERT_LEVEL
#define PILLAR_ASSERT_LEVEL 1
#endif

/// The namespace in which headers open: `namespace PILLAR_NAMESPACE { … }`; always spelt `pillar::` by users.
#if PILLAR_ASSERT_LEVEL == 1
#define PILLAR_NAMESPACE pillar
#elif PILLAR_ASSERT_LEVEL == 0
#define PILLAR_NAMESPACE pillar::inline assert_off
#else
#define PILLAR_NAMESPACE pillar::inline assert_full
#endif

/// Marks a non-template function that is declared in a header and defined in <folder>/impl/.
#ifdef PILLAR_HEADER_ONLY
#define PILLAR_API inline
#else
#define PILLAR_API
#endif

#define PILLAR_ALWAYS_INLINE inline __attribute__((always_inline))
#define PILLAR_NOINLINE __attribute__((noinline))
#define PILLAR_RESTRICT __restrict__

namespace PILLAR_NAMESPACE {
/// Stops the program: the body of a failed PILLAR_ASSERT. No message is built; the debugger shows the line.
[[noreturn]] inline void assertion_failed() noexcept { __builtin_trap(); }
}  // namespace PILLAR_NAMESPACE

#if PILLAR_ASSERT_LEVEL >= 1
#define PILLAR_ASSERT(...) (static_cast<bool>(__VA_ARGS__) ? void(0) : ::pillar::assertion_failed())
#else
#define PILLAR_ASSERT(...) void(0)
#endif
#if PILLAR_ASSERT_LEVEL >= 2
#define PILLAR_ASSERT_FULL(...) PILLAR_ASSERT(__VA_ARGS__)
#else
#define PILLAR_ASSERT_FULL(...) void(0)
#endif
