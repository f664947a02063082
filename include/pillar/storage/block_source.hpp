// SPDX-License-Identifier: Apache-2.0
/// Where the bytes of stored blocks come from: a `block_source` pins a block by its id for as long as it is looked at.
///
/// | source | when |
/// |---|---|
/// | `memory_source` | the whole file is in memory already |
/// | `mapped_source` (file_source.hpp) | the file is mapped; the system's page cache is the cache |
/// | `ranged_source` (file_source.hpp) | extents are read into a cache of a given size, ahead of need, several at once
/// | | yours | an object store, a cache of your own |
///
/// A source gives bytes and vouches for nothing: who opens a block compares its checksum with the one that the
/// directory keeps, so that a block which is damaged, misplaced or of another time is noticed (row_group.hpp).
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>  // std::shared_ptr
#include <span>
#include <utility>  // std::swap
#include <vector>

#include "pillar/base/result.hpp"

namespace PILLAR_NAMESPACE {

/// Names a block of a slice file. Given once: a block that is written anew has another.
using block_id = std::uint64_t;

/// Where a block lies in its file.
struct block_place {
  block_id id = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint32_t extent = 0;
};

/// About 1 MiB of consecutive blocks: what one read brings.
struct extent_place {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Where all blocks of a slice file lie.
///
/// Shape: blocks ascend by id; each lies within its extent
struct block_places {
  std::vector<extent_place> extents;
  std::vector<block_place> blocks;
  /// The block's place; nullptr where no block has the id, or none has it any more.
  [[nodiscard]] PILLAR_API const block_place* find(block_id id) const noexcept;
};

/// The bytes of a block, which stay where they are while the pin lives. Move only.
///
/// Requires: the source outlives the pin
class block_pin {
 public:
  using unpin_function = void (*)(void* source, std::uint64_t token) noexcept;

  block_pin() noexcept = default;
  explicit block_pin(std::span<const std::byte> bytes, void* source = nullptr, std::uint64_t token = 0,
                     unpin_function unpin = nullptr) noexcept
      : bytes_(bytes), source_(source), token_(token), unpin_(unpin) {}
  block_pin(block_pin&& other) noexcept { swap(other); }
  block_pin& operator=(block_pin&& other) noexcept {
    block_pin taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~block_pin() {
    if (unpin_ != nullptr) unpin_(source_, token_);
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  void swap(block_pin& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(source_, other.source_);
    std::swap(token_, other.token_);
    std::swap(unpin_, other.unpin_);
  }
  std::span<const std::byte> bytes_{};
  void* source_ = nullptr;
  std::uint64_t token_ = 0;
  unpin_function unpin_ = nullptr;
};

/// pin(id): the block's bytes. announce(ids): these will be pinned soon, in this order; a hint that may be ignored.
///
/// Errors:   pin → invalid_argument (no block has that id; position = id), io_error, truncated, out_of_memory
/// Threads:  both may be called concurrently
template <class S>
concept block_source = requires(S& source, block_id id, std::span<const block_id> ids) {
  { source.pin(id) } -> std::same_as<result<block_pin>>;
  { source.announce(ids) } -> std::same_as<void>;
};

/// Any block source, shared by those who hold it.
class any_block_source {
 public:
  any_block_source() noexcept = default;
  template <block_source S>
  requires(!std::same_as<S, any_block_source>) any_block_source(std::shared_ptr<S> source)
  noexcept
      : source_(std::move(source)),
        pin_([](void* from, block_id id) -> result<block_pin> { return static_cast<S*>(from)->pin(id); }),
        announce_([](void* to, std::span<const block_id> ids) { static_cast<S*>(to)->announce(ids); }) {}

  [[nodiscard]] result<block_pin> pin(block_id id) const { return pin_(source_.get(), id); }
  void announce(std::span<const block_id> ids) const { announce_(source_.get(), ids); }
  [[nodiscard]] explicit operator bool() const noexcept { return source_ != nullptr; }

 private:
  std::shared_ptr<void> source_{};
  result<block_pin> (*pin_)(void*, block_id) = nullptr;
  void (*announce_)(void*, std::span<const block_id>) = nullptr;
};
static_assert(block_source<any_block_source>);

/// The blocks of a file that lies in memory.
///
/// Requires: the bytes outlive the source and are those that `places` was read from
class memory_source {
 public:
  memory_source(std::span<const std::byte> file, std::shared_ptr<const block_places> places) noexcept
      : file_(file), places_(std::move(places)) {}
  [[nodiscard]] PILLAR_API result<block_pin> pin(block_id id) const;
  void announce(std::span<const block_id>) const noexcept {}

 private:
  std::span<const std::byte> file_;
  std::shared_ptr<const block_places> places_;
};
static_assert(block_source<memory_source>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/storage/impl/block_source.hpp"
#endif
