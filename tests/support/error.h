#pragma once

#include <ATen/ATen.h>

namespace retort::models {

// The largest difference, as a share of the largest value that was expected, in double.
inline double error(const at::Tensor& found, const at::Tensor& expected) {
  return ((found.to(at::kDouble) - expected).abs().max() / expected.abs().max()).item<double>();
}

}  // namespace retort::models
