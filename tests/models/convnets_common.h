#pragma once

#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "retort/models/registry.h"
#include "tests/support/formula.h"

namespace retort::models {

// tests/fixtures/models/<arch>.json, as scripts/fixtures/convnets.py describes it.
inline nlohmann::json convnet_fixture(const std::string& arch) {
  std::ifstream file(std::string(RETORT_FIXTURES) + "/models/" + arch + ".json");
  return nlohmann::json::parse(file);
}

inline void fill(ImageModel& model) {
  StateDict state = state_of(model);
  testing::formula_fill(state);
}

// The fixtures' network: formula-filled, without dropout or stochastic depth.
inline ModelPtr formula_model(const std::string& arch, int64_t classes = 10) {
  const ModelPtr model = make_model({arch, classes, {{"dropout", 0}, {"stochastic_depth", 0}}});
  fill(*model);
  return model;
}

struct Digest {
  double sum, norm, dot;
};

inline double probe(const std::string& name, const at::Tensor& tensor) {
  return (tensor.to(at::kDouble) * testing::formula_uniform("probe." + name, tensor.sizes())).sum().item<double>();
}

inline Digest digest(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(at::kDouble);
  return {values.sum().item<double>(), values.norm().item<double>(), probe(name, values)};
}

// Relative to the tensor's norm, or to `floor` where that is larger: some gradients are zero but for rounding (a shift that the next batch
// norm takes out). A sum can be far above the norm, and the fixture rounds it to nine digits.
inline void expect_digest(const nlohmann::json& expected, const std::string& name, const at::Tensor& tensor, double relative,
                          double floor = 0) {
  const Digest actual = digest(name, tensor);
  const double tolerance = relative * std::max(expected[1].get<double>(), floor);
  EXPECT_NEAR(actual.sum, expected[0].get<double>(), std::max(tolerance, relative * std::abs(actual.sum))) << name;
  EXPECT_NEAR(actual.norm, expected[1].get<double>(), tolerance) << name;
  EXPECT_NEAR(actual.dot, expected[2].get<double>(), tolerance) << name;
}

inline const Family& family_of(const std::string& arch) {
  for (const Family& family : families())
    if (std::ranges::find(family.archs, arch) != family.archs.end()) return family;
  throw std::out_of_range(arch);
}

}  // namespace retort::models
