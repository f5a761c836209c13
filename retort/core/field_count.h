#pragma once

#include <cstddef>

namespace retort {

// Stands for a value of any type, where nothing is evaluated.
struct AnyValue {
  template <typename Value>
  operator Value() const;  // NOLINT(google-explicit-constructor)
};

// How many fields a struct without constructors has, so that a list of them can say at compile time
// that one is missing.
template <typename Struct, typename... Values>
consteval size_t field_count() {
  if constexpr (requires { Struct{Values{}..., AnyValue{}}; }) {
    return field_count<Struct, Values..., AnyValue>();
  } else {
    return sizeof...(Values);
  }
}

}  // namespace retort
