#pragma once

#include <cstddef>

namespace retort {

// Converts to any type, in expressions that are not evaluated.
struct AnyValue {
  template <typename Value>
  operator Value() const;  // NOLINT(google-explicit-constructor)
};

// The number of fields of a struct without constructors, so that code which lists the fields can
// check at compile time that none is missing.
template <typename Struct, typename... Values>
consteval size_t field_count() {
  if constexpr (requires { Struct{Values{}..., AnyValue{}}; }) {
    return field_count<Struct, Values..., AnyValue>();
  } else {
    return sizeof...(Values);
  }
}

}  // namespace retort
