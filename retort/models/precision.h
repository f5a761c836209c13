#pragma once

#include <array>
#include <string>

#include <ATen/core/Tensor.h>

namespace retort::models {

enum class Precision { fp32, bf16 };

// The precision in which training is fastest: bf16 where the device multiplies it natively (CPUs
// with AVX-512 BF16, GPUs from Ampere on), else fp32.
Precision fastest_precision(c10::Device device = c10::kCPU);
// The same for a teacher's forward passes, which are mostly matrix products: fp32 also on Intel
// CPUs without AMX, whose vector units multiply bf16 no faster. (Training gains there because maps
// have half the size.)
Precision fastest_forward_precision(c10::Device device = c10::kCPU);
std::string to_string(Precision precision);

// While it exists, the operators of this thread run under bf16 autocast on every device; for fp32,
// without autocast.
class AutocastGuard {
 public:
  explicit AutocastGuard(Precision precision);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  std::array<bool, 2> were_enabled_;
};

}  // namespace retort::models
