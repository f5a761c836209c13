#pragma once

#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "retort/models/registry.h"
#include "tests/support/digest.h"
#include "tests/support/formula.h"

namespace retort::models {

using testing::expect_digest;
using testing::probe;

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

inline const Family& family_of(const std::string& arch) {
  for (const Family& family : families())
    if (std::ranges::find(family.archs, arch) != family.archs.end()) return family;
  throw std::out_of_range(arch);
}

}  // namespace retort::models
