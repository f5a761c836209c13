#pragma once

#include <array>
#include <string>

#include <ATen/core/Tensor.h>

namespace retort::models {

enum class Precision { fp32, bf16 };

// What training is fastest in: bf16 where the device multiplies it natively (AVX-512 BF16 or AMX;
// GPUs from Ampere on), fp32 elsewhere.
Precision fastest_precision(c10::Device device = c10::kCPU);
// The same for a teacher's forward passes, which are products for the most part: fp32 on Intel's
// processors without AMX, too, whose vectors multiply bf16 no faster. (Training gains by maps of
// half the size.)
Precision fastest_forward_precision(c10::Device device = c10::kCPU);
std::string to_string(Precision precision);

// While it lives, this thread's operators, of every device, run under bf16 autocast (or not, for
// fp32).
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
