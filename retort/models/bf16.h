#pragma once

#include <bit>
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace retort::models {

// bfloat16 as the upper half of a float, in a way that loops over it vectorise.
[[gnu::always_inline]] inline float widened(uint16_t half) { return std::bit_cast<float>(static_cast<uint32_t>(half) << 16); }

// To the nearest, of two to the even one.
[[gnu::always_inline]] inline uint16_t narrowed(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  return static_cast<uint16_t>(value == value ? rounded : 0x7FC0);
}

inline const uint16_t* halves(const at::Tensor& tensor) {
  return reinterpret_cast<const uint16_t*>(tensor.const_data_ptr<c10::BFloat16>());
}
inline uint16_t* mutable_halves(const at::Tensor& tensor) { return reinterpret_cast<uint16_t*>(tensor.mutable_data_ptr<c10::BFloat16>()); }

}  // namespace retort::models
