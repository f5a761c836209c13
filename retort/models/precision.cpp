#include "retort/models/precision.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace retort::models {
namespace {

constexpr std::array kDevices{at::kCPU, at::kCUDA};

bool has_native_bf16(c10::Device device) {
  if (device.is_cuda()) return at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

#if defined(__x86_64__)
// Reads CPUID leaf 7, EDX bit 22, because __builtin_cpu_supports has no name for it in clang 14.
bool has_amx_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d >> 22 & 1) != 0;
}
#endif

bool has_fast_bf16_products(c10::Device device) {
#if defined(__x86_64__)
  if (device.is_cpu() && __builtin_cpu_is("intel")) return has_amx_bf16();
#endif
  return has_native_bf16(device);
}

}  // namespace

Precision fastest_precision(c10::Device device) {
  return has_native_bf16(device) ? Precision::bf16 : Precision::fp32;
}

Precision fastest_forward_precision(c10::Device device) {
  return has_fast_bf16_products(device) ? fastest_precision(device) : Precision::fp32;
}

std::string to_string(Precision precision) {
  return precision == Precision::bf16 ? "bf16" : "fp32";
}

AutocastGuard::AutocastGuard(Precision precision) {
  for (size_t i = 0; i < kDevices.size(); ++i) {
    were_enabled_[i] = at::autocast::is_autocast_enabled(kDevices[i]);
    at::autocast::set_autocast_dtype(kDevices[i], at::kBFloat16);
    at::autocast::set_autocast_enabled(kDevices[i], precision == Precision::bf16);
  }
  at::autocast::increment_nesting();
}

AutocastGuard::~AutocastGuard() {
  // The cache holds bf16 copies of weights, which the optimiser is about to change.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  for (size_t i = 0; i < kDevices.size(); ++i)
    at::autocast::set_autocast_enabled(kDevices[i], were_enabled_[i]);
}

}  // namespace retort::models
