// SPDX-License-Identifier: Apache-2.0
/// The structs of the Arrow C data and C stream interfaces, as their specification gives them, and an owner for each.
///
/// The guards are the specification's, so that these definitions and those of any other library agree on who defines.
/// Source: the Apache Arrow documentation, "The Arrow C data interface" and "The Arrow C stream interface"
#pragma once
#include <cstdint>
#include <utility>  // std::exchange

#include "pillar/base/config.hpp"

// NOLINTBEGIN: names and types are those of the specification
extern "C" {
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

/// A type: a format string, a name, flags, and those of its children or dictionary.
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

/// An array of a type that is known from elsewhere: lengths and buffers, and the arrays of children or dictionary.
struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
#endif  // ARROW_C_DATA_INTERFACE

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

/// Arrays of one type, one by one; a released array ends them. An answer other than 0 is an error as errno counts them.
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};
#endif  // ARROW_C_STREAM_INTERFACE
}  // extern "C"
// NOLINTEND

namespace PILLAR_NAMESPACE {

/// Owns an ArrowSchema, ArrowArray or ArrowArrayStream: releases it once, when it dies or is assigned to.
template <class T>
class arrow_owner {
 public:
  arrow_owner() noexcept = default;
  /// Takes what `*from` holds and marks it as released, which is how the interface moves a struct.
  explicit arrow_owner(T* from) noexcept : held_(*from) { from->release = nullptr; }
  arrow_owner(arrow_owner&& other) noexcept : arrow_owner(&other.held_) {}
  arrow_owner& operator=(arrow_owner&& other) noexcept {
    if (this != &other) {
      reset();
      held_ = other.held_;
      other.held_.release = nullptr;
    }
    return *this;
  }
  ~arrow_owner() { reset(); }

  /// For a producer to fill, or a consumer to read or to move from. A producer fills only an empty owner.
  [[nodiscard]] T* get() noexcept { return &held_; }
  [[nodiscard]] const T* get() const noexcept { return &held_; }
  T* operator->() noexcept { return &held_; }
  const T* operator->() const noexcept { return &held_; }
  /// Whether there is anything to release.
  [[nodiscard]] explicit operator bool() const noexcept { return held_.release != nullptr; }
  void reset() noexcept {
    if (held_.release != nullptr) held_.release(&held_);
    held_.release = nullptr;
  }

 private:
  T held_{};
};

}  // namespace PILLAR_NAMESPACE
