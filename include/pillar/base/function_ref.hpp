// SPDX-License-Identifier: Apache-2.0
/// A callable by reference: two words, no allocation, no ownership.
///
/// Where a std::function would copy and allocate, a `function_ref` only points at the caller's lambda for the length of
/// a call: schedulers take their loop bodies this way, so that they can be compiled once.
///
/// Requires: the callable outlives the reference; a temporary lambda as an argument lives until the call returns
/// Cost:     one indirect call
/// Threads:  as the callable
/// Source:   C++26 std::function_ref (P0792); without its noexcept and const signatures
#pragma once
#include <type_traits>  // std::is_invocable_r_v, std::remove_cvref_t
#include <utility>      // std::forward

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

template <class Signature>
class function_ref;

/// A reference to anything that is called with Arguments and gives a Result.
template <class Result, class... Arguments>
class function_ref<Result(Arguments...)> {
 public:
  template <class Callable>
  requires(!std::is_same_v<std::remove_cvref_t<Callable>, function_ref> &&
           std::is_invocable_r_v<Result, Callable&, Arguments...>) function_ref(Callable&& callable)
  noexcept {
    using target = std::remove_reference_t<Callable>;
    if constexpr (std::is_function_v<target>) {
      target_.function = reinterpret_cast<void (*)()>(&callable);
      call_ = &call_function<target>;
    } else {
      target_.object = const_cast<void*>(static_cast<const void*>(__builtin_addressof(callable)));
      call_ = &call_object<target>;
    }
  }

  Result operator()(Arguments... arguments) const { return call_(target_, std::forward<Arguments>(arguments)...); }

 private:
  union any_target {
    void* object;
    void (*function)();
  };

  template <class Object>
  static Result call_object(any_target target, Arguments... arguments) {
    return static_cast<Result>((*static_cast<Object*>(target.object))(std::forward<Arguments>(arguments)...));
  }
  template <class Function>
  static Result call_function(any_target target, Arguments... arguments) {
    return static_cast<Result>(reinterpret_cast<Function*>(target.function)(std::forward<Arguments>(arguments)...));
  }

  any_target target_;
  Result (*call_)(any_target, Arguments...);
};

}  // namespace PILLAR_NAMESPACE
