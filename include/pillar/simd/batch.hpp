// SPDX-License-Identifier: Apache-2.0
/// Batches of lanes: xsimd's, and what it lacks. The only header that names xsimd or intrinsics, with simd/gather.hpp.
///
/// `simd::batch<T, Arch>` is xsimd's batch for the level, with its + - & | ^ and comparisons. The functions here add
/// loads without template noise, shifts of lanes of any size by an amount that may be a run-time value, the unsigned
/// range test, and masks to bits. They are always inlined, so nothing here ends up as a symbol without its level.
///
/// Requires: a translation unit compiled for the level (there is no batch for arch::scalar: scalar kernels are loops);
///           where PILLAR_WITH_BATCHES is 0 this header is empty
/// Source:   xsimd 8.1 has neither batch_bool::mask() (added in 9) nor unsigned comparison below AVX-512
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/simd/arch.hpp"   // arch tags
#include "pillar/simd/level.hpp"  // PILLAR_WITH_BATCHES

#if PILLAR_WITH_BATCHES
#include <cstddef>
#include <cstdint>
#include <cstring>  // std::memcpy
#include <type_traits>
#include <xsimd/xsimd.hpp>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace PILLAR_NAMESPACE::simd {

namespace detail {
template <class Arch>
struct xsimd_arch;
#if defined(__x86_64__)
template <>
struct xsimd_arch<arch::v2> {
  using type = xsimd::sse4_2;
};
#ifdef __AVX2__
template <>
struct xsimd_arch<arch::v3> {
  using type = xsimd::avx2;
};
#endif
#ifdef __AVX512BW__
template <>
struct xsimd_arch<arch::v4> {
  using type = xsimd::avx512bw;
};
template <>
struct xsimd_arch<arch::v4_vbmi2> {
  using type = xsimd::avx512bw;
};
#endif
#elif defined(__aarch64__)
template <>
struct xsimd_arch<arch::neon64> {
  using type = xsimd::neon64;
};
#endif
}  // namespace detail

template <class T, class Arch>
using batch = xsimd::batch<T, typename detail::xsimd_arch<Arch>::type>;
template <class T, class Arch>
using batch_bool = xsimd::batch_bool<T, typename detail::xsimd_arch<Arch>::type>;

/// Lanes of T in a batch.
template <class T, class Arch>
inline constexpr int lanes = static_cast<int>(sizeof(batch<T, Arch>) / sizeof(T));

/// Batches are gathered to bits in chunks of this many values: a number of batches on every level, and cheap to narrow.
template <class T>
inline constexpr int chunk_values = sizeof(T) <= 2   ? 64
                                    : sizeof(T) == 4 ? 32
                                                     : 16;

/// Loads a batch from any address (the type of the pointer does not matter, its alignment neither).
template <class T, class Arch>
PILLAR_ALWAYS_INLINE batch<T, Arch> load(const void* from) noexcept {
#if defined(__x86_64__)
  if constexpr (sizeof(batch<T, Arch>) == 16) {
    const __m128i bits = _mm_loadu_si128(static_cast<const __m128i*>(from));
    if constexpr (std::is_same_v<T, float>) return batch<T, Arch>(_mm_castsi128_ps(bits));
    else if constexpr (std::is_same_v<T, double>) return batch<T, Arch>(_mm_castsi128_pd(bits));
    else return batch<T, Arch>(bits);
  }
#ifdef __AVX2__
  else if constexpr (sizeof(batch<T, Arch>) == 32) {
    const __m256i bits = _mm256_loadu_si256(static_cast<const __m256i*>(from));
    if constexpr (std::is_same_v<T, float>) return batch<T, Arch>(_mm256_castsi256_ps(bits));
    else if constexpr (std::is_same_v<T, double>) return batch<T, Arch>(_mm256_castsi256_pd(bits));
    else return batch<T, Arch>(bits);
  }
#endif
#ifdef __AVX512BW__
  else if constexpr (sizeof(batch<T, Arch>) == 64) {
    const __m512i bits = _mm512_loadu_si512(from);
    if constexpr (std::is_same_v<T, float>) return batch<T, Arch>(_mm512_castsi512_ps(bits));
    else if constexpr (std::is_same_v<T, double>) return batch<T, Arch>(_mm512_castsi512_pd(bits));
    else return batch<T, Arch>(bits);
  }
#endif
#else
  return batch<T, Arch>::load_unaligned(static_cast<const T*>(from));
#endif
}

#if defined(__x86_64__)
namespace detail {
/// The low 2, 4, 8 or 16 bytes of a register from memory, zeros above; reads exactly these bytes.
template <int Bytes>
PILLAR_ALWAYS_INLINE __m128i load_low(const void* from) noexcept {
  if constexpr (Bytes == 16) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
  } else if constexpr (Bytes == 8) {
    return _mm_loadl_epi64(static_cast<const __m128i*>(from));
  } else {
    std::uint32_t low = 0;
    std::memcpy(&low, from, Bytes);
    return _mm_cvtsi32_si128(static_cast<int>(low));
  }
}
}  // namespace detail
#endif

/// Whether kernels that only compare what they read ask for it ahead: with AVX-512 the processor finds the stream as well
/// by itself, and what it is told takes time in every cache (Zen 4). Those that write values gain by it at every level.
template <class Arch>
inline constexpr bool compares_ask_ahead = !std::is_base_of_v<arch::v4, Arch>;

/// Asks for the 64 bytes that are `ahead` bytes on, into the second-level cache where `Far`. Nothing is read, so any
/// address is allowed: whoever works through an array may ask beyond its end. Ask for every line or none: the
/// processor's own prefetchers lose the stream of what is asked for in part (Zen 3).
template <bool Far, class Arch>
PILLAR_ALWAYS_INLINE void prefetch(const void* from, std::size_t ahead) noexcept {
  const auto* line = reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(from) + ahead);
  if constexpr (Far) __builtin_prefetch(line, 0, 2);
  else __builtin_prefetch(line, 0, 3);
}

/// Loads lanes<To> values of the narrower (or the same) unsigned type From and widens them with zeros; reads exactly
/// these values.
template <class From, class To, class Arch>
PILLAR_ALWAYS_INLINE batch<To, Arch> load_widened(const From* from) noexcept {
  static_assert(std::is_unsigned_v<From> && std::is_unsigned_v<To> && sizeof(From) <= sizeof(To));
  constexpr int ratio = sizeof(To) / sizeof(From);
  if constexpr (ratio == 1) {
    return load<To, Arch>(from);
  } else {
#if defined(__x86_64__)
    if constexpr (sizeof(batch<To, Arch>) == 16) {
      const __m128i narrow = detail::load_low<16 / ratio>(from);
      if constexpr (sizeof(From) == 1 && ratio == 2) return batch<To, Arch>(_mm_cvtepu8_epi16(narrow));
      else if constexpr (sizeof(From) == 1 && ratio == 4) return batch<To, Arch>(_mm_cvtepu8_epi32(narrow));
      else if constexpr (sizeof(From) == 1) return batch<To, Arch>(_mm_cvtepu8_epi64(narrow));
      else if constexpr (sizeof(From) == 2 && ratio == 2) return batch<To, Arch>(_mm_cvtepu16_epi32(narrow));
      else if constexpr (sizeof(From) == 2) return batch<To, Arch>(_mm_cvtepu16_epi64(narrow));
      else return batch<To, Arch>(_mm_cvtepu32_epi64(narrow));
    }
#ifdef __AVX2__
    else if constexpr (sizeof(batch<To, Arch>) == 32) {
      const __m128i narrow = detail::load_low<32 / ratio>(from);
      if constexpr (sizeof(From) == 1 && ratio == 2) return batch<To, Arch>(_mm256_cvtepu8_epi16(narrow));
      else if constexpr (sizeof(From) == 1 && ratio == 4) return batch<To, Arch>(_mm256_cvtepu8_epi32(narrow));
      else if constexpr (sizeof(From) == 1) return batch<To, Arch>(_mm256_cvtepu8_epi64(narrow));
      else if constexpr (sizeof(From) == 2 && ratio == 2) return batch<To, Arch>(_mm256_cvtepu16_epi32(narrow));
      else if constexpr (sizeof(From) == 2) return batch<To, Arch>(_mm256_cvtepu16_epi64(narrow));
      else return batch<To, Arch>(_mm256_cvtepu32_epi64(narrow));
    }
#endif
#ifdef __AVX512BW__
    else {
      if constexpr (ratio == 2) {
        const __m256i narrow = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
        if constexpr (sizeof(From) == 1) return batch<To, Arch>(_mm512_cvtepu8_epi16(narrow));
        else if constexpr (sizeof(From) == 2) return batch<To, Arch>(_mm512_cvtepu16_epi32(narrow));
        else return batch<To, Arch>(_mm512_cvtepu32_epi64(narrow));
      } else {
        const __m128i narrow = detail::load_low<64 / ratio>(from);
        if constexpr (sizeof(From) == 2) return batch<To, Arch>(_mm512_cvtepu16_epi64(narrow));
        else if constexpr (ratio == 4) return batch<To, Arch>(_mm512_cvtepu8_epi32(narrow));
        else return batch<To, Arch>(_mm512_cvtepu8_epi64(narrow));
      }
    }
#endif
#else
    To wide[lanes<To, Arch>];
    for (int i = 0; i < lanes<To, Arch>; ++i) wide[i] = from[i];
    return load<To, Arch>(wide);
#endif
  }
}

/// Stores a batch at an address aligned to T.
template <class T, class Arch>
PILLAR_ALWAYS_INLINE void store(void* to, const batch<T, Arch>& value) noexcept {
  value.store_unaligned(static_cast<T*>(to));
}

template <class T, class Arch>
PILLAR_ALWAYS_INLINE batch<T, Arch> broadcast(T value) noexcept {
  return batch<T, Arch>(value);
}

#if defined(__x86_64__)
namespace detail {
// Names of one meaning over the three register sizes. Amounts ≥ the lane's bits give 0.
PILLAR_ALWAYS_INLINE __m128i shift_left_16(__m128i x, int n) noexcept { return _mm_slli_epi16(x, n); }
PILLAR_ALWAYS_INLINE __m128i shift_left_32(__m128i x, int n) noexcept { return _mm_slli_epi32(x, n); }
PILLAR_ALWAYS_INLINE __m128i shift_left_64(__m128i x, int n) noexcept { return _mm_slli_epi64(x, n); }
PILLAR_ALWAYS_INLINE __m128i shift_right_16(__m128i x, int n) noexcept { return _mm_srli_epi16(x, n); }
PILLAR_ALWAYS_INLINE __m128i shift_right_32(__m128i x, int n) noexcept { return _mm_srli_epi32(x, n); }
PILLAR_ALWAYS_INLINE __m128i shift_right_64(__m128i x, int n) noexcept { return _mm_srli_epi64(x, n); }
PILLAR_ALWAYS_INLINE __m128i greater_8(__m128i a, __m128i b) noexcept { return _mm_cmpgt_epi8(a, b); }
PILLAR_ALWAYS_INLINE __m128i greater_16(__m128i a, __m128i b) noexcept { return _mm_cmpgt_epi16(a, b); }
PILLAR_ALWAYS_INLINE __m128i greater_32(__m128i a, __m128i b) noexcept { return _mm_cmpgt_epi32(a, b); }
PILLAR_ALWAYS_INLINE __m128i greater_64(__m128i a, __m128i b) noexcept { return _mm_cmpgt_epi64(a, b); }
PILLAR_ALWAYS_INLINE __m128i bits_of(__m128i x) noexcept { return x; }
PILLAR_ALWAYS_INLINE __m128i bits_of(__m128 x) noexcept { return _mm_castps_si128(x); }
PILLAR_ALWAYS_INLINE __m128i bits_of(__m128d x) noexcept { return _mm_castpd_si128(x); }

/// The top bits of the bytes of a register.
PILLAR_ALWAYS_INLINE std::uint64_t byte_signs(__m128i x) noexcept {
  return static_cast<std::uint32_t>(_mm_movemask_epi8(x));
}
/// All-ones or zero lanes of two registers to one register of half as wide lanes, in order.
PILLAR_ALWAYS_INLINE __m128i narrow_16(__m128i a, __m128i b) noexcept { return _mm_packs_epi16(a, b); }
PILLAR_ALWAYS_INLINE __m128i narrow_32(__m128i a, __m128i b) noexcept { return _mm_packs_epi32(a, b); }
PILLAR_ALWAYS_INLINE __m128i narrow_64(__m128i a, __m128i b) noexcept {
  return _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b), 0x88));
}

/// The bits of a chunk: 64 lanes of one or two bytes, 32 of four, 16 of eight.
template <int LaneBytes, bool>
PILLAR_ALWAYS_INLINE std::uint64_t chunk_bits(const __m128i* m) noexcept {
  if constexpr (LaneBytes == 1) {
    return byte_signs(m[0]) | byte_signs(m[1]) << 16 | byte_signs(m[2]) << 32 | byte_signs(m[3]) << 48;
  } else if constexpr (LaneBytes == 2) {
    return byte_signs(narrow_16(m[0], m[1])) | byte_signs(narrow_16(m[2], m[3])) << 16 |
           byte_signs(narrow_16(m[4], m[5])) << 32 | byte_signs(narrow_16(m[6], m[7])) << 48;
  } else if constexpr (LaneBytes == 4) {
    return byte_signs(narrow_16(narrow_32(m[0], m[1]), narrow_32(m[2], m[3]))) |
           byte_signs(narrow_16(narrow_32(m[4], m[5]), narrow_32(m[6], m[7]))) << 16;
  } else {
    return byte_signs(narrow_16(narrow_32(narrow_64(m[0], m[1]), narrow_64(m[2], m[3])),
                                narrow_32(narrow_64(m[4], m[5]), narrow_64(m[6], m[7]))));
  }
}

#ifdef __AVX2__
PILLAR_ALWAYS_INLINE __m256i shift_left_16(__m256i x, int n) noexcept { return _mm256_slli_epi16(x, n); }
PILLAR_ALWAYS_INLINE __m256i shift_left_32(__m256i x, int n) noexcept { return _mm256_slli_epi32(x, n); }
PILLAR_ALWAYS_INLINE __m256i shift_left_64(__m256i x, int n) noexcept { return _mm256_slli_epi64(x, n); }
PILLAR_ALWAYS_INLINE __m256i shift_right_16(__m256i x, int n) noexcept { return _mm256_srli_epi16(x, n); }
PILLAR_ALWAYS_INLINE __m256i shift_right_32(__m256i x, int n) noexcept { return _mm256_srli_epi32(x, n); }
PILLAR_ALWAYS_INLINE __m256i shift_right_64(__m256i x, int n) noexcept { return _mm256_srli_epi64(x, n); }
PILLAR_ALWAYS_INLINE __m256i greater_8(__m256i a, __m256i b) noexcept { return _mm256_cmpgt_epi8(a, b); }
PILLAR_ALWAYS_INLINE __m256i greater_16(__m256i a, __m256i b) noexcept { return _mm256_cmpgt_epi16(a, b); }
PILLAR_ALWAYS_INLINE __m256i greater_32(__m256i a, __m256i b) noexcept { return _mm256_cmpgt_epi32(a, b); }
PILLAR_ALWAYS_INLINE __m256i greater_64(__m256i a, __m256i b) noexcept { return _mm256_cmpgt_epi64(a, b); }
PILLAR_ALWAYS_INLINE __m256i bits_of(__m256i x) noexcept { return x; }
PILLAR_ALWAYS_INLINE __m256i bits_of(__m256 x) noexcept { return _mm256_castps_si256(x); }
PILLAR_ALWAYS_INLINE __m256i bits_of(__m256d x) noexcept { return _mm256_castpd_si256(x); }
PILLAR_ALWAYS_INLINE std::uint64_t byte_signs(__m256i x) noexcept {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(x));
}

// AVX2 narrows within each 128-bit half. Moving lanes across halves costs two instructions' time (Zen 3), so the order
// is repaired where that is cheapest: for two-byte lanes among the bits, in general registers; for four-byte lanes by a
// permutation or (`Other`) by not narrowing at all. Callers take the two in turn, since they wait for different ports.
template <int LaneBytes, bool Other>
PILLAR_ALWAYS_INLINE std::uint64_t chunk_bits(const __m256i* m) noexcept {
  if constexpr (LaneBytes == 1) {
    return byte_signs(m[0]) | byte_signs(m[1]) << 32;
  } else if constexpr (LaneBytes == 2) {
    const std::uint64_t mixed = byte_signs(_mm256_packs_epi16(m[0], m[1])) | byte_signs(_mm256_packs_epi16(m[2], m[3]))
                                                                                 << 32;
    const std::uint64_t wrong =
        (mixed ^ (mixed >> 8)) & 0x0000ff000000ff00u;  // the second and third byte change places
    return mixed ^ wrong ^ (wrong << 8);
  } else if constexpr (LaneBytes == 4 && Other) {
    std::uint64_t bits = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
      bits |= std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(m[i])))} << (8 * i);
    return bits;
  } else if constexpr (LaneBytes == 4) {
    const __m256i mixed = _mm256_packs_epi16(_mm256_packs_epi32(m[0], m[1]), _mm256_packs_epi32(m[2], m[3]));
    return byte_signs(_mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
  } else {
    const __m256 low = _mm256_shuffle_ps(_mm256_castsi256_ps(m[0]), _mm256_castsi256_ps(m[1]), 0x88);
    const __m256 high = _mm256_shuffle_ps(_mm256_castsi256_ps(m[2]), _mm256_castsi256_ps(m[3]), 0x88);
    const __m256i mixed = _mm256_packs_epi32(_mm256_castps_si256(low), _mm256_castps_si256(high));
    const __m256i ordered = _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    return byte_signs(_mm_packs_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1)));
  }
}
#endif  // __AVX2__

#ifdef __AVX512BW__
// Without optimisation GCC takes the immediate forms with a literal only; with it they are one constant fewer.
#if defined(__OPTIMIZE__) || defined(__clang__)
#define PILLAR_SHIFT_512(immediate, general) immediate
#else
#define PILLAR_SHIFT_512(immediate, general) general
#endif
PILLAR_ALWAYS_INLINE __m512i shift_left_16(__m512i x, int n) noexcept {
  return PILLAR_SHIFT_512(_mm512_slli_epi16(x, static_cast<unsigned>(n)), _mm512_sll_epi16(x, _mm_cvtsi32_si128(n)));
}
PILLAR_ALWAYS_INLINE __m512i shift_left_32(__m512i x, int n) noexcept {
  return PILLAR_SHIFT_512(_mm512_slli_epi32(x, static_cast<unsigned>(n)), _mm512_sll_epi32(x, _mm_cvtsi32_si128(n)));
}
PILLAR_ALWAYS_INLINE __m512i shift_left_64(__m512i x, int n) noexcept {
  return PILLAR_SHIFT_512(_mm512_slli_epi64(x, static_cast<unsigned>(n)), _mm512_sll_epi64(x, _mm_cvtsi32_si128(n)));
}
PILLAR_ALWAYS_INLINE __m512i shift_right_16(__m512i x, int n) noexcept {
  return PILLAR_SHIFT_512(_mm512_srli_epi16(x, static_cast<unsigned>(n)), _mm512_srl_epi16(x, _mm_cvtsi32_si128(n)));
}
PILLAR_ALWAYS_INLINE __m512i shift_right_32(__m512i x, int n) noexcept {
  return PILLAR_SHIFT_512(_mm512_srli_epi32(x, static_cast<unsigned>(n)), _mm512_srl_epi32(x, _mm_cvtsi32_si128(n)));
}
PILLAR_ALWAYS_INLINE __m512i shift_right_64(__m512i x, int n) noexcept {
  return PILLAR_SHIFT_512(_mm512_srli_epi64(x, static_cast<unsigned>(n)), _mm512_srl_epi64(x, _mm_cvtsi32_si128(n)));
}
#undef PILLAR_SHIFT_512
#endif  // __AVX512BW__

}  // namespace detail
#endif  // __x86_64__

/// The same bits as lanes of another unsigned type.
template <class To, class From, class Arch>
PILLAR_ALWAYS_INLINE batch<To, Arch> bits_as(const batch<From, Arch>& x) noexcept {
  static_assert(std::is_unsigned_v<From> && std::is_unsigned_v<To>);
#if defined(__x86_64__)
  return batch<To, Arch>(x.data);
#else
  From lane[lanes<From, Arch>];
  store<From, Arch>(lane, x);
  To other[lanes<To, Arch>];
  std::memcpy(other, lane, sizeof(other));
  return load<To, Arch>(other);
#endif
}

#if defined(__x86_64__)
#define PILLAR_WITH_INTERLEAVE 1
namespace detail {
/// Lanes of Bytes bytes of the lower halves of each 128-bit part of a and b, taken in turn; or of the upper halves.
template <int Bytes>
PILLAR_ALWAYS_INLINE __m128i zip_low(__m128i a, __m128i b) noexcept {
  if constexpr (Bytes == 1) return _mm_unpacklo_epi8(a, b);
  else return _mm_unpacklo_epi16(a, b);
}
template <int Bytes>
PILLAR_ALWAYS_INLINE __m128i zip_high(__m128i a, __m128i b) noexcept {
  if constexpr (Bytes == 1) return _mm_unpackhi_epi8(a, b);
  else return _mm_unpackhi_epi16(a, b);
}
#ifdef __AVX2__
template <int Bytes>
PILLAR_ALWAYS_INLINE __m256i zip_low(__m256i a, __m256i b) noexcept {
  if constexpr (Bytes == 1) return _mm256_unpacklo_epi8(a, b);
  else return _mm256_unpacklo_epi16(a, b);
}
template <int Bytes>
PILLAR_ALWAYS_INLINE __m256i zip_high(__m256i a, __m256i b) noexcept {
  if constexpr (Bytes == 1) return _mm256_unpackhi_epi8(a, b);
  else return _mm256_unpackhi_epi16(a, b);
}
#endif
#ifdef __AVX512BW__
template <int Bytes>
PILLAR_ALWAYS_INLINE __m512i zip_low(__m512i a, __m512i b) noexcept {
  if constexpr (Bytes == 1) return _mm512_unpacklo_epi8(a, b);
  else return _mm512_unpacklo_epi16(a, b);
}
template <int Bytes>
PILLAR_ALWAYS_INLINE __m512i zip_high(__m512i a, __m512i b) noexcept {
  if constexpr (Bytes == 1) return _mm512_unpackhi_epi8(a, b);
  else return _mm512_unpackhi_epi16(a, b);
}
#endif
}  // namespace detail

/// lanes<From> values in an order in which `interleave`, which works within 128-bit parts, gives lanes in order.
template <class From, class Arch>
struct woven {
  batch<From, Arch> first;   ///< serves the first half of the lanes
  batch<From, Arch> second;  ///< and the other
};

/// Loads lanes<From> values to be interleaved with Ratio - 1 others; reads exactly these.
template <class From, int Ratio, class Arch>
PILLAR_ALWAYS_INLINE woven<From, Arch> load_woven(const void* from) noexcept {
  static_assert(Ratio == 2 || Ratio == 4);
  using values = batch<From, Arch>;
#ifdef __AVX512BW__
  if constexpr (sizeof(values) == 64) {
    const __m512i x = _mm512_loadu_si512(from);
    const values ordered = Ratio == 2
                               ? values(_mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), x))
                               : values(_mm512_permutexvar_epi32(
                                     _mm512_setr_epi32(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15), x));
    return {ordered, ordered};
  } else
#endif
#ifdef __AVX2__
      if constexpr (sizeof(values) == 32) {
    // Chunks of 16 / Ratio bytes, of which neighbours must stand in the same place of the two halves. Loads at an
    // offset and blends do that; every permutation across halves would wait for the ports that shift (Zen 3).
    const auto* const bytes = static_cast<const std::byte*>(from);
    const __m256i x = load<From, Arch>(from).data;
    if constexpr (Ratio == 2) {
      const __m256i middle = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 8)));
      return {values(_mm256_blend_epi32(x, middle, 0xf0)), values(_mm256_blend_epi32(x, middle, 0x0f))};
    } else {
      const __m256i up = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 4)));
      const __m256i down = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 12)));
      return {values(_mm256_blend_epi32(x, up, 0xf0)), values(_mm256_blend_epi32(x, down, 0x0f))};
    }
  } else
#endif
  {
    const values x = load<From, Arch>(from);
    return {x, x};
  }
}

/// out: lane i holds value i of words[0], words[1], … side by side, the first one lowest.
template <class From, class To, class Arch>
PILLAR_ALWAYS_INLINE void interleave(const woven<From, Arch> (&words)[sizeof(To) / sizeof(From)],
                                     batch<To, Arch> (&out)[sizeof(To) / sizeof(From)]) noexcept {
  using lane_values = batch<To, Arch>;
  constexpr int bytes = sizeof(From);
  if constexpr (sizeof(To) == 2 * sizeof(From)) {
    out[0] = lane_values(detail::zip_low<bytes>(words[0].first.data, words[1].first.data));
    out[1] = lane_values(detail::zip_high<bytes>(words[0].second.data, words[1].second.data));
  } else {
    static_assert(sizeof(To) == 4 && sizeof(From) == 1);
    constexpr int middle = sizeof(lane_values) == 16 ? 2 : 1;  // 16 bytes are in order as they are
    const auto low = detail::zip_low<1>(words[0].first.data, words[1].first.data);
    const auto low_top = detail::zip_low<1>(words[2].first.data, words[3].first.data);
    const auto high = detail::zip_high<1>(words[0].first.data, words[1].first.data);
    const auto high_top = detail::zip_high<1>(words[2].first.data, words[3].first.data);
    const auto other_low = detail::zip_low<1>(words[0].second.data, words[1].second.data);
    const auto other_low_top = detail::zip_low<1>(words[2].second.data, words[3].second.data);
    const auto other_high = detail::zip_high<1>(words[0].second.data, words[1].second.data);
    const auto other_high_top = detail::zip_high<1>(words[2].second.data, words[3].second.data);
    out[0] = lane_values(detail::zip_low<2>(low, low_top));
    out[middle] = lane_values(detail::zip_low<2>(high, high_top));
    out[3 - middle] = lane_values(detail::zip_high<2>(other_low, other_low_top));
    out[3] = lane_values(detail::zip_high<2>(other_high, other_high_top));
  }
}
#else
#define PILLAR_WITH_INTERLEAVE 0
#endif

/// Every lane shifted left by n bits, 0 ≤ n < the lane's bits; `loose` leaves the n low bits of one-byte lanes
/// undefined.
template <class T, class Arch, bool Loose = false>
PILLAR_ALWAYS_INLINE batch<T, Arch> shift_left(const batch<T, Arch>& x, int n) noexcept {
#if defined(__x86_64__)
  if constexpr (sizeof(T) == 8) {
    return batch<T, Arch>(detail::shift_left_64(x.data, n));
  } else if constexpr (sizeof(T) == 4) {
    return batch<T, Arch>(detail::shift_left_32(x.data, n));
  } else {
    const batch<T, Arch> shifted(detail::shift_left_16(x.data, n));
    if constexpr (sizeof(T) == 2 || Loose) return shifted;
    else return shifted & broadcast<T, Arch>(static_cast<T>(0xffu << n));
  }
#else
  return x << n;
#endif
}

/// Every lane of an unsigned type shifted right by n bits, zeros from above; 0 ≤ n < the lane's bits.
template <class T, class Arch>
PILLAR_ALWAYS_INLINE batch<T, Arch> shift_right(const batch<T, Arch>& x, int n) noexcept {
  static_assert(std::is_unsigned_v<T>);
#if defined(__x86_64__)
  if constexpr (sizeof(T) == 8) {
    return batch<T, Arch>(detail::shift_right_64(x.data, n));
  } else if constexpr (sizeof(T) == 4) {
    return batch<T, Arch>(detail::shift_right_32(x.data, n));
  } else {
    const batch<T, Arch> shifted(detail::shift_right_16(x.data, n));
    if constexpr (sizeof(T) == 2) return shifted;
    else return shifted & broadcast<T, Arch>(static_cast<T>(0xffu >> n));
  }
#else
  return x >> n;
#endif
}

/// A test of unsigned lanes against lo ≤ x ≤ lo + span (modulo 2^bits, so signed lanes can be tested by their bits):
/// one subtraction and one comparison. SSE and AVX2 compare signed, so there the constants carry the bias.
template <class T, class Arch>
struct range_test {
  static_assert(std::is_unsigned_v<T>);
  static constexpr bool biased = sizeof(batch<T, Arch>) < 64 && !std::is_same_v<Arch, arch::neon64>;
  static constexpr T bias = biased ? static_cast<T>(T{1} << (8 * sizeof(T) - 1)) : T{0};

  batch<T, Arch> offset;  ///< added, since an addition can take its other operand from memory
  batch<T, Arch> limit;

  PILLAR_ALWAYS_INLINE range_test(T lo, T span) noexcept
      : offset(broadcast<T, Arch>(static_cast<T>(bias - lo))), limit(broadcast<T, Arch>(static_cast<T>(span ^ bias))) {}

  /// True where the lane is outside the range: the direction that needs no further instruction.
  PILLAR_ALWAYS_INLINE batch_bool<T, Arch> outside(const batch<T, Arch>& x) const noexcept {
    const batch<T, Arch> distance = x + offset;
#if defined(__x86_64__)
#ifdef __AVX512BW__
    if constexpr (sizeof(batch<T, Arch>) == 64) {
      if constexpr (sizeof(T) == 1) return batch_bool<T, Arch>(_mm512_cmpgt_epu8_mask(distance.data, limit.data));
      else if constexpr (sizeof(T) == 2) return batch_bool<T, Arch>(_mm512_cmpgt_epu16_mask(distance.data, limit.data));
      else if constexpr (sizeof(T) == 4) return batch_bool<T, Arch>(_mm512_cmpgt_epu32_mask(distance.data, limit.data));
      else return batch_bool<T, Arch>(_mm512_cmpgt_epu64_mask(distance.data, limit.data));
    } else
#endif
    {
      if constexpr (sizeof(T) == 1) return batch_bool<T, Arch>(detail::greater_8(distance.data, limit.data));
      else if constexpr (sizeof(T) == 2) return batch_bool<T, Arch>(detail::greater_16(distance.data, limit.data));
      else if constexpr (sizeof(T) == 4) return batch_bool<T, Arch>(detail::greater_32(distance.data, limit.data));
      else return batch_bool<T, Arch>(detail::greater_64(distance.data, limit.data));
    }
#else
    return distance > limit;
#endif
  }
};

/// The lanes of one mask as bits, lane 0 in bit 0.
template <class T, class Arch>
PILLAR_ALWAYS_INLINE std::uint64_t to_bits(const batch_bool<T, Arch>& mask) noexcept {
#if XSIMD_VERSION_MAJOR >= 9
  return static_cast<std::uint64_t>(mask.mask());
#elif defined(__x86_64__)
  if constexpr (sizeof(batch<T, Arch>) == 64) {
    return static_cast<std::uint64_t>(mask.data);
  } else {
    const auto bits = detail::bits_of(mask.data);
    if constexpr (sizeof(T) == 1) {
      return detail::byte_signs(bits);
    } else if constexpr (sizeof(batch<T, Arch>) == 16) {
      if constexpr (sizeof(T) == 2) return detail::byte_signs(_mm_packs_epi16(bits, _mm_setzero_si128()));
      else if constexpr (sizeof(T) == 4) return static_cast<std::uint32_t>(_mm_movemask_ps(_mm_castsi128_ps(bits)));
      else return static_cast<std::uint32_t>(_mm_movemask_pd(_mm_castsi128_pd(bits)));
    }
#ifdef __AVX2__
    else if constexpr (sizeof(T) == 2) {
      return detail::byte_signs(_mm_packs_epi16(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1)));
    } else if constexpr (sizeof(T) == 4) {
      return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(bits)));
    } else {
      return static_cast<std::uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(bits)));
    }
#endif
  }
#else
  bool lane[lanes<T, Arch>];
  mask.store_unaligned(lane);
  std::uint64_t bits = 0;
  for (int i = 0; i < lanes<T, Arch>; ++i) bits |= std::uint64_t{lane[i]} << i;
  return bits;
#endif
}

/// The bits of chunk_values<T> lanes in chunk_values<T> / lanes masks, first lane in bit 0. `Other` gives the same by
/// other instructions where there are two good ways: set it for every second chunk.
template <class T, class Arch, bool Other = false>
PILLAR_ALWAYS_INLINE std::uint64_t chunk_to_bits(
    const batch_bool<T, Arch> (&masks)[chunk_values<T> / lanes<T, Arch>]) noexcept {
  constexpr int count = chunk_values<T> / lanes<T, Arch>;
#if defined(__x86_64__)
  if constexpr (sizeof(batch<T, Arch>) == 16) {
    __m128i m[count];
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i) m[i] = detail::bits_of(masks[i].data);
    return detail::chunk_bits<sizeof(T), Other>(m);
  }
#ifdef __AVX2__
  else if constexpr (sizeof(batch<T, Arch>) == 32) {
    __m256i m[count];
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i) m[i] = detail::bits_of(masks[i].data);
    return detail::chunk_bits<sizeof(T), Other>(m);
  }
#endif
  else
#endif
  {
    std::uint64_t bits = 0;
#pragma GCC unroll 8
    for (int i = 0; i < count; ++i) bits |= to_bits<T, Arch>(masks[i]) << (i * lanes<T, Arch>);
    return bits;
  }
}

namespace detail {
template <class T, class Arch>
inline constexpr T lane_bits[16] = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                                    1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, T{1} << 15};
}

/// x where the lane's bit is set, else 0. Lanes of one byte are not provided: widen them first.
template <class T, class Arch>
PILLAR_ALWAYS_INLINE batch<T, Arch> keep(const batch<T, Arch>& x, std::uint64_t bits) noexcept {
  static_assert(sizeof(T) >= 2 && std::is_unsigned_v<T>);
#ifdef __AVX512BW__
  if constexpr (sizeof(batch<T, Arch>) == 64) {
    if constexpr (sizeof(T) == 2) {
      return batch<T, Arch>(_mm512_maskz_mov_epi16(static_cast<__mmask32>(bits), x.data));
    } else if constexpr (sizeof(T) == 4) {
      return batch<T, Arch>(_mm512_maskz_mov_epi32(static_cast<__mmask16>(bits), x.data));
    } else {
      return batch<T, Arch>(_mm512_maskz_mov_epi64(static_cast<__mmask8>(bits), x.data));
    }
  } else
#endif
  {
    const batch<T, Arch> mine = load<T, Arch>(detail::lane_bits<T, Arch>);
    const batch<T, Arch> chosen = broadcast<T, Arch>(static_cast<T>(bits)) & mine;
#if defined(__x86_64__)
    if constexpr (sizeof(batch<T, Arch>) == 16) {
      if constexpr (sizeof(T) == 2) return x & batch<T, Arch>(_mm_cmpeq_epi16(chosen.data, mine.data));
      else if constexpr (sizeof(T) == 4) return x & batch<T, Arch>(_mm_cmpeq_epi32(chosen.data, mine.data));
      else return x & batch<T, Arch>(_mm_cmpeq_epi64(chosen.data, mine.data));
    }
#ifdef __AVX2__
    else if constexpr (sizeof(T) == 2) {
      return x & batch<T, Arch>(_mm256_cmpeq_epi16(chosen.data, mine.data));
    } else if constexpr (sizeof(T) == 4) {
      return x & batch<T, Arch>(_mm256_cmpeq_epi32(chosen.data, mine.data));
    } else {
      return x & batch<T, Arch>(_mm256_cmpeq_epi64(chosen.data, mine.data));
    }
#endif
#else
    return xsimd::select(chosen == mine, x, broadcast<T, Arch>(0));
#endif
  }
}

#if defined(__x86_64__)
#define PILLAR_WITH_BYTE_SET 1

namespace detail {
/// The same 16 bytes in every 128-bit part.
template <class Arch>
PILLAR_ALWAYS_INLINE batch<std::uint8_t, Arch> repeated(__m128i x) noexcept {
  using bytes = batch<std::uint8_t, Arch>;
#ifdef __AVX512BW__
  if constexpr (sizeof(bytes) == 64) return bytes(_mm512_broadcast_i32x4(x));
  else
#endif
#ifdef __AVX2__
      if constexpr (sizeof(bytes) == 32)
    return bytes(_mm256_broadcastsi128_si256(x));
  else
#endif
    return bytes(x);
}
}  // namespace detail

/// A set of bytes as 256 bits, tested for a whole batch at a time with table look-ups in registers.
template <class Arch>
class byte_set {
 public:
  /// Requires: 32 readable bytes, bit v of them = v is in the set
  PILLAR_ALWAYS_INLINE explicit byte_set(const void* bits) noexcept
      : low_(detail::repeated<Arch>(_mm_loadu_si128(static_cast<const __m128i*>(bits)))),
        high_(detail::repeated<Arch>(_mm_loadu_si128(static_cast<const __m128i*>(bits) + 1))),
        single_(detail::repeated<Arch>(_mm_set1_epi64x(static_cast<long long>(0x8040201008040201u)))) {}

  /// Requires: every lane of x is below 2^Width
  template <std::uint32_t Width>
  PILLAR_ALWAYS_INLINE batch_bool<std::uint8_t, Arch> contains(const batch<std::uint8_t, Arch>& x) const noexcept {
    using bytes = batch<std::uint8_t, Arch>;
    const bytes row = bytes(detail::shift_right_16(x.data, 3)) & broadcast<std::uint8_t, Arch>(0x0f);
    const bytes column = Width < 8 ? x : x & broadcast<std::uint8_t, Arch>(0x07);  // a shuffle ignores bits 4 to 6
    // The byte x / 8 of the set (bit 7 of x chooses the half, if there is one), then its bit x mod 8.
#ifdef __AVX512BW__
    if constexpr (sizeof(bytes) == 64) {
      const __m512i low = _mm512_shuffle_epi8(low_.data, row.data);
      const __m512i byte =
          Width < 8 ? low : _mm512_mask_shuffle_epi8(low, _mm512_movepi8_mask(x.data), high_.data, row.data);
      return batch_bool<std::uint8_t, Arch>(
          _mm512_test_epi8_mask(byte, _mm512_shuffle_epi8(single_.data, column.data)));
    } else
#endif
#ifdef __AVX2__
        if constexpr (sizeof(bytes) == 32) {
      const __m256i low = _mm256_shuffle_epi8(low_.data, row.data);
      const __m256i byte = Width < 8 ? low : _mm256_blendv_epi8(low, _mm256_shuffle_epi8(high_.data, row.data), x.data);
      const __m256i bit = _mm256_shuffle_epi8(single_.data, column.data);
      return batch_bool<std::uint8_t, Arch>(_mm256_cmpeq_epi8(_mm256_and_si256(byte, bit), bit));
    } else
#endif
    {
      const __m128i low = _mm_shuffle_epi8(low_.data, row.data);
      const __m128i byte = Width < 8 ? low : _mm_blendv_epi8(low, _mm_shuffle_epi8(high_.data, row.data), x.data);
      const __m128i bit = _mm_shuffle_epi8(single_.data, column.data);
      return batch_bool<std::uint8_t, Arch>(_mm_cmpeq_epi8(_mm_and_si128(byte, bit), bit));
    }
  }

 private:
  batch<std::uint8_t, Arch> low_;
  batch<std::uint8_t, Arch> high_;
  batch<std::uint8_t, Arch> single_;  ///< 1 << i in byte i mod 8
};

/// A set of bytes x whose rows of 16, x div 16, are of at most eight kinds: those whose kind of row has the column
/// x mod 16. Two look-ups where byte_set needs three.
template <class Arch>
class byte_grid {
 public:
  /// Requires: 16 readable bytes each: bit k of columns[c] = column c is in rows of kind k; 1 << kind of row r, or 0
  PILLAR_ALWAYS_INLINE byte_grid(const std::uint8_t* columns, const std::uint8_t* rows) noexcept
      : columns_(both(columns)), rows_(both(rows)) {}

  /// Tells what is not in the set.
  PILLAR_ALWAYS_INLINE batch_bool<std::uint8_t, Arch> lacks(const batch<std::uint8_t, Arch>& x) const noexcept {
    using bytes = batch<std::uint8_t, Arch>;
    const bytes low = broadcast<std::uint8_t, Arch>(0x0f);
#ifdef __AVX512BW__
    if constexpr (sizeof(bytes) == 64) {
      const __m512i row = _mm512_shuffle_epi8(rows_.data, (bytes(_mm512_srli_epi16(x.data, 4)) & low).data);
      const __m512i column = _mm512_shuffle_epi8(columns_.data, (x & low).data);
      return batch_bool<std::uint8_t, Arch>(_mm512_testn_epi8_mask(row, column));
    } else
#endif
#ifdef __AVX2__
        if constexpr (sizeof(bytes) == 32) {
      // A shift by a multiplication: look-ups wait for the ports that shift, not for those that multiply.
      const bytes high(_mm256_mulhi_epu16(x.data, _mm256_set1_epi16(1 << 12)));
      const __m256i row = _mm256_shuffle_epi8(rows_.data, (high & low).data);
      const __m256i column = _mm256_shuffle_epi8(columns_.data, (x & low).data);
      return batch_bool<std::uint8_t, Arch>(_mm256_cmpeq_epi8(_mm256_and_si256(row, column), _mm256_setzero_si256()));
    } else
#endif
    {
      const __m128i row = _mm_shuffle_epi8(rows_.data, (bytes(_mm_srli_epi16(x.data, 4)) & low).data);
      const __m128i column = _mm_shuffle_epi8(columns_.data, (x & low).data);
      return batch_bool<std::uint8_t, Arch>(_mm_cmpeq_epi8(_mm_and_si128(row, column), _mm_setzero_si128()));
    }
  }

 private:
  static PILLAR_ALWAYS_INLINE batch<std::uint8_t, Arch> both(const std::uint8_t* from) noexcept {
    return detail::repeated<Arch>(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }

  batch<std::uint8_t, Arch> columns_;
  batch<std::uint8_t, Arch> rows_;
};
#else
#define PILLAR_WITH_BYTE_SET 0
#endif

}  // namespace PILLAR_NAMESPACE::simd

#endif  // PILLAR_WITH_BATCHES
