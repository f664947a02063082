// SPDX-License-Identifier: Apache-2.0
/// Codecs as values: how blocks and tables come to know codecs that are not Pillar's.
///
/// A codec is a type with static functions (codec/codec.hpp). Blocks are compiled once, so they take it as a table of
/// those functions, found by the id that the block stores:
///
///     constexpr pillar::codec_set own = pillar::codecs<run_length>;
///     auto bytes = pillar::encode_block(vectors, {.codecs = own});   // chosen where it is the smallest
///     auto block = pillar::open_block(bytes->bytes(), {.codecs = own});
///
/// Example: examples/own_codec/main.cpp
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "pillar/codec/codec.hpp"

namespace PILLAR_NAMESPACE {

/// Ids from here on belong to users; below it to Pillar.
inline constexpr std::uint8_t first_user_codec = 128;

/// One codec at run time. Optional abilities that it lacks are nullptr.
struct codec_functions {
  codec_id id{};
  result<encode_plan> (*analyze)(const encode_input&) = nullptr;
  result<void> (*encode)(const encode_input&, const encode_plan&, std::byte*, data_section&) = nullptr;
  std::size_t (*view_bytes)(const data_section&) noexcept = nullptr;
  result<void> (*validate)(data_section&, std::byte*) noexcept = nullptr;
  void (*decode)(const data_section&, std::uint32_t, vector_scratch&, vector&) noexcept = nullptr;
  match_answer (*match)(const data_section&, std::uint32_t, const domain&, match_scratch*,
                        std::uint64_t*) noexcept = nullptr;
  bool (*sum)(const data_section&, std::uint32_t, const std::uint64_t*, bool, int128&) noexcept = nullptr;
  bool (*fetch)(const data_section&, std::uint32_t, const std::uint16_t*, std::uint32_t, void*) noexcept = nullptr;
  bool (*bounds)(const data_section&, std::uint32_t, const std::uint64_t*, bool, int128&, int128&) noexcept = nullptr;
};

/// The functions of a codec type; optional abilities it lacks are nullptr.
template <codec C>
constexpr codec_functions make_codec_functions() noexcept {
  codec_functions made{C::id,     C::analyze, C::encode, C::view_bytes, C::validate,
                       C::decode, nullptr,    nullptr,   nullptr,       nullptr};
  if constexpr (matches_encoded<C>) made.match = C::match;
  if constexpr (sums_encoded<C>) made.sum = C::sum;
  if constexpr (fetches_rows<C>) made.fetch = C::fetch;
  if constexpr (bounds_encoded<C>) made.bounds = C::bounds;
  return made;
}
/// The same as a constant, whose address a codec_set may keep.
template <codec C>
inline constexpr codec_functions codec_functions_of = make_codec_functions<C>();

/// The users' codecs that a block may use beside Pillar's own.
///
/// Requires: the listed codecs outlive the set and all blocks opened with it; the first of equal ids counts, and ids
///           below first_user_codec are never found
class codec_set {
 public:
  constexpr codec_set() noexcept = default;
  constexpr explicit codec_set(std::span<const codec_functions* const> members) noexcept : members_(members) {}

  [[nodiscard]] constexpr std::span<const codec_functions* const> members() const noexcept { return members_; }
  [[nodiscard]] constexpr const codec_functions* find(std::uint8_t id) const noexcept {
    if (id < first_user_codec) return nullptr;
    for (const codec_functions* member : members_)
      if (static_cast<std::uint8_t>(member->id) == id) return member;
    return nullptr;
  }

 private:
  std::span<const codec_functions* const> members_{};
};

namespace detail {
template <codec... Cs>
inline constexpr const codec_functions* codec_list[] = {&codec_functions_of<Cs>...};
}

/// The set of these codecs.
template <codec... Cs>
requires(sizeof...(Cs) > 0 && ((static_cast<std::uint8_t>(Cs::id) >= first_user_codec) &&
                               ...)) inline constexpr codec_set codecs{detail::codec_list<Cs...>};

}  // namespace PILLAR_NAMESPACE
