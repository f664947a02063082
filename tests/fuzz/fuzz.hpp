// SPDX-License-Identifier: Apache-2.0
// What the parts of the fuzz program share. One program fuzzes everything: the environment variable PILLAR_FUZZ_TARGET
// says what, by a name of targets.txt.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/storage/block.hpp"

namespace pillar_fuzz {

/// A line of targets.txt.
struct target {
  const char* name;
  bool is_block = false;  ///< else the slice file
  pillar::codec_id codec = pillar::codec_id::raw;
  pillar::transform_choice transform = pillar::transform_choice::none;
};

/// Inputs are tried, and some of them opened.
struct counters {
  std::uint64_t executions = 0, accepted = 0, seeds = 0, most_bytes = 0, read = 0;
};
extern counters counts;

[[noreturn]] void fail(const char* what, std::uint32_t vector, std::uint32_t row);

/// Changes few bytes of [begin, end) to numbers of 1 to 8 bytes that are interesting in a header.
void change_numbers(pillar::splitmix64& random, std::span<std::byte> bytes, std::size_t begin, std::size_t end);
/// libFuzzer's own mutations; the new size.
std::size_t mutate_anyhow(std::span<std::byte> room, std::size_t size);

/// A copy of the input at the end of a page that nobody may read beyond: kernels of any kind are held to their bytes.
std::span<const std::byte> behind_guard(std::span<const std::byte> bytes);
/// The same bytes where they are such a copy, else none.
std::span<std::byte> changeable(std::span<const std::byte> bytes);

// ---- blocks (block.cpp) ---------------------------------------------------------------------------------------------

/// Decodes all vectors and asks everything else of the block, which must agree; encodes it again now and then.
void check_block(const pillar::block_view& block, pillar::splitmix64& random);
/// What the fuzzed blocks are opened under; `choice` picks the instruction-set level.
pillar::block_limits limits_for(std::uint64_t choice, std::uint64_t max_decoded_bytes);

void execute_block(const target& of, std::span<const std::byte> bytes);
std::size_t mutate_block(const target& of, std::span<std::byte> room, std::size_t size, pillar::splitmix64& random);

// ---- slice files (slice_file.cpp) -----------------------------------------------------------------------------------

void execute_file(std::span<const std::byte> bytes);
std::size_t mutate_file(std::span<std::byte> room, std::size_t size, pillar::splitmix64& random);

}  // namespace pillar_fuzz
