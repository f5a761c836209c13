#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/formula.h"

namespace retort::testing {

// Three numbers that a fixture has instead of a tensor.
struct Digest {
  double sum, norm, dot;
};

inline double probe(const std::string& name, const at::Tensor& tensor) {
  return (tensor.to(at::kDouble) * formula_uniform("probe." + name, tensor.sizes()))
      .sum()
      .item<double>();
}

inline Digest digest(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(at::kDouble);
  return {values.sum().item<double>(), values.norm().item<double>(), probe(name, values)};
}

// Compares relative to the tensor's norm, or to `floor` where that is larger: some gradients are
// zero except for rounding (of a shift that the next batch norm removes). A sum can be far above
// the norm, and the fixture rounds it to nine digits; with `long_sums` its tolerance is also
// relative to itself.
inline void expect_digest(const nlohmann::json& expected, const std::string& name,
                          const at::Tensor& tensor, double relative, double floor = 0,
                          bool long_sums = true) {
  const Digest actual = digest(name, tensor);
  const double tolerance = relative * std::max(expected[1].get<double>(), floor);
  EXPECT_NEAR(actual.sum, expected[0].get<double>(),
              long_sums ? std::max(tolerance, relative * std::abs(actual.sum)) : tolerance)
      << name;
  EXPECT_NEAR(actual.norm, expected[1].get<double>(), tolerance) << name;
  EXPECT_NEAR(actual.dot, expected[2].get<double>(), tolerance) << name;
}

}  // namespace retort::testing
