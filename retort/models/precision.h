#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace retort::models {

enum class Precision { fp32, bf16 };

// "fp32", "bf16", or "auto": bf16 where the processor multiplies it natively (AVX-512 BF16 or AMX), fp32 elsewhere. Throws UsageError on
// other names.
Precision precision_from(const std::string& name);
std::string to_string(Precision precision);

// While it lives, this thread's CPU operators run under bf16 autocast (or not, for fp32).
class AutocastGuard {
 public:
  explicit AutocastGuard(Precision precision);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  bool was_enabled_;
};

}  // namespace retort::models
