// SPDX-License-Identifier: Apache-2.0
/// A vector that is still encoded: the seam through which stages meet codecs without naming them.
///
/// A batch carries for each column either a decoded vector or an `encoded_vector`: a block, a vector number, and the
/// table of what can be asked of it. `domain` is only named here (it is defined in expr/): codecs and filters, two
/// ranks up, both know it.
#pragma once
#include <cstdint>

#include "pillar/base/buffer.hpp"    // buffer
#include "pillar/base/checked.hpp"   // int128
#include "pillar/column/vector.hpp"  // vector

namespace PILLAR_NAMESPACE {

struct domain;         // expr/domain.hpp
struct match_scratch;  // codec/: per-worker memory of dictionary truth tables

/// Memory in which a vector is decoded; one per column and worker, reused for every vector.
struct alignas(64) vector_scratch {
  std::byte values[vector_rows * 16];
  std::uint32_t codes[vector_rows];
  std::uint64_t validity[vector_words];
  vector dictionary;
  const std::byte* buffers[2];
  buffer characters;  ///< of texts that do not lie in the block as they are; made by reserve_characters

  /// Room for `bytes` characters; what was there is lost. Errors: out_of_memory
  [[nodiscard]] result<void> reserve_characters(std::size_t bytes, memory_budget* budget = nullptr) noexcept {
    if (characters.size() >= bytes) return {};
    characters = buffer{};
    PILLAR_ASSIGN_OR_RETURN(characters, buffer::allocate(bytes + bytes / 4, budget));
    return {};
  }
};

/// How much of the block was looked at to answer; also the account's categories, cheapest first.
enum class evidence : std::uint8_t {
  skipped = 0,  ///< a zone map settled it, nothing of the block's data was read
  settled = 1,  ///< the block's directory (base and width, constant, dictionary) settled the vector
  encoded = 2,  ///< matched or summed in encoded form
  decoded = 3,  ///< decoded
};

/// What a block says to a domain about one vector.
enum class verdict : std::uint8_t {
  none,     ///< no row's value satisfies the domain (mask not written)
  all,      ///< every row's value satisfies it (mask not written); NULL rows are the caller's business
  some,     ///< mask holds one bit per row
  unknown,  ///< the codec cannot answer this domain: decode and evaluate
};

/// The verdict of a codec on one vector, and what it looked at.
struct match_answer {
  verdict what = verdict::unknown;
  evidence how = evidence::settled;
};

/// What can be asked of one vector of a validated block. No function fails, allocates from input, or reads outside the
/// block even if its bytes have changed since validation.
struct encoded_operations {
  /// Values of vector `index` into scratch or in place; `out` is valid until scratch is reused and the block lives.
  /// NULL rows hold unspecified readable values.
  void (*decode)(const void* block, std::uint32_t index, vector_scratch& scratch, vector& out) noexcept;
  /// Answers for the values alone: bits of NULL rows are unspecified. Words [0, 16) are written when `some`.
  match_answer (*match)(const void* block, std::uint32_t index, const domain& test, match_scratch* scratch,
                        std::uint64_t* mask) noexcept;
  /// Exact sum of the integer values of rows in `mask` (already restricted to valid rows); false = not offered.
  bool (*sum)(const void* block, std::uint32_t index, const std::uint64_t* mask, bool mask_is_all,
              int128& out) noexcept;
  /// Validity of the rows of a vector as 16 words (bits beyond the row count are zero); false = no NULLs, not written.
  bool (*validity)(const void* block, std::uint32_t index, std::uint64_t* words) noexcept;
  /// Bytes of the vector's own encoded values (its share of directory and dictionary not counted).
  std::uint32_t (*encoded_bytes)(const void* block, std::uint32_t index) noexcept;
  /// Few values instead of all: those of rows[0, count), ascending, packed together at `values` in the column's
  /// physical type, and their validity bits in words [0, 16) where `has_validity` says so. False = not worth it for so
  /// many rows. Optional.
  bool (*decode_rows)(const void* block, std::uint32_t index, const std::uint16_t* rows, std::uint32_t count,
                      void* values, std::uint64_t* validity, bool& has_validity) noexcept = nullptr;
  /// Asks the memory for what decode_rows will read, so that other work can go on meanwhile. Optional.
  void (*prefetch_rows)(const void* block, std::uint32_t index, const std::uint16_t* rows,
                        std::uint32_t count) noexcept = nullptr;
  /// The exact least and greatest integer of the rows in `mask` (valid ones, at least one); false = not offered.
  /// Optional.
  bool (*bounds)(const void* block, std::uint32_t index, const std::uint64_t* mask, bool mask_is_all, int128& least,
                 int128& greatest) noexcept = nullptr;
  /// Characters that decoding any vector of the block writes at most: what scratch must have room for. Optional: none.
  std::size_t (*character_bytes)(const void* block) noexcept = nullptr;
  /// As decode, of a 64-bit integer column, but `out` holds int32. The caller knows that every value of the vector
  /// fits; others lose their upper bits. False = not offered: decode. Optional.
  bool (*decode_narrow)(const void* block, std::uint32_t index, vector_scratch& scratch,
                        vector& out) noexcept = nullptr;
};

/// One vector of one block.
struct encoded_vector {
  const encoded_operations* operations = nullptr;
  const void* block = nullptr;
  std::uint32_t index = 0;
  [[nodiscard]] explicit operator bool() const noexcept { return operations != nullptr; }

  /// Values into scratch, in which room is made first, or in place. Errors: out_of_memory
  [[nodiscard]] result<void> decode(vector_scratch& scratch, vector& out) const noexcept {
    if (operations->character_bytes != nullptr)
      PILLAR_TRY(scratch.reserve_characters(operations->character_bytes(block)));
    operations->decode(block, index, scratch, out);
    return {};
  }
  /// The same as int32 if the codec can; else as decode().
  [[nodiscard]] result<void> decode_narrow(vector_scratch& scratch, vector& out) const noexcept {
    if (operations->decode_narrow != nullptr && operations->decode_narrow(block, index, scratch, out)) return {};
    return decode(scratch, out);
  }
};

}  // namespace PILLAR_NAMESPACE
