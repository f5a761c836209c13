#include "tests/support/formula.h"

#include <cmath>

#include "retort/core/random.h"

namespace retort::testing {
namespace {

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15ULL;

uint64_t fnv1a64(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ULL;
  return hash;
}

bool ends_with(std::string_view text, std::string_view end) { return text.ends_with(end); }

}  // namespace

at::Tensor formula_uniform(const std::string& name, at::IntArrayRef shape, double low,
                           double high) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  const uint64_t key = fnv1a64(name);
  float* out = tensor.data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    const double u =
        static_cast<double>(mix64(key + static_cast<uint64_t>(i + 1) * kGolden) >> 40) * 0x1.0p-24;
    out[i] = static_cast<float>(low + (high - low) * u);
  }
  return tensor;
}

at::Tensor formula_parameter(const std::string& name, at::IntArrayRef shape) {
  if (ends_with(name, "num_batches_tracked")) return at::zeros(shape, at::kLong);
  if (ends_with(name, "running_var") || name.find("lambda") != std::string::npos)
    return formula_uniform(name, shape, 0.5, 1.5);
  if (ends_with(name, "running_mean")) return formula_uniform(name, shape, -0.2, 0.2);
  if (shape.size() <= 1)
    return ends_with(name, "weight") ? formula_uniform(name, shape, 0.8, 1.2)
                                     : formula_uniform(name, shape, -0.1, 0.1);
  double fan_in = 1;
  for (size_t d = 1; d < shape.size(); ++d) fan_in *= static_cast<double>(shape[d]);
  const double bound = std::sqrt(6.0 / fan_in);
  return formula_uniform(name, shape, -bound, bound);
}

void formula_fill(StateDict& state) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : state) tensor.copy_(formula_parameter(name, tensor.sizes()));
}

}  // namespace retort::testing
