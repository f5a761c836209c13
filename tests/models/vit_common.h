#pragma once

#include <fstream>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "retort/models/families/vit_names.h"
#include "retort/models/registry.h"
#include "tests/support/formula.h"
#include "tests/support/message.h"

namespace retort::models {

using testing::mentions;

// tests/fixtures/vit/<name>.json, as scripts/fixtures/vit.py describes it.
inline nlohmann::json vit_fixture(const std::string& name) {
  std::ifstream file(std::string(RETORT_FIXTURES) + "/vit/" + name + ".json");
  return nlohmann::json::parse(file);
}

// The file that the fixture lists, formula-filled.
inline StateDict file_of(const nlohmann::json& fixture) {
  StateDict file;
  for (const auto& tensor : fixture["tensors"]) {
    const auto name = tensor[0].get<std::string>();
    file[name] = testing::formula_parameter(name, tensor[1].get<std::vector<int64_t>>());
  }
  return file;
}
inline StateDict formula_file(const std::string& fixture) { return file_of(vit_fixture(fixture)); }

inline Recognised recognised(const StateDict& file, const Hints& hints = {}) {
  std::optional<Recognised> found = recognise_vit(file, hints);
  if (!found) throw std::runtime_error("not recognised as a ViT");
  return std::move(*found);
}

// The parts of the fixture other than the tensors.
inline Hints hints_of(const nlohmann::json& fixture) {
  const nlohmann::json hints = fixture.value("hints", nlohmann::json::object());
  return {.arch = "",
          .library = hints.value("library", ""),
          .name = hints.value("name", ""),
          .config = hints.value("config", nlohmann::json::object())};
}

inline ModelPtr model_of(const std::string& fixture) {
  const nlohmann::json json = vit_fixture(fixture);
  return build(recognised(file_of(json), hints_of(json)), fixture);
}

inline at::Tensor formula_images(int64_t height, int64_t width) {
  return testing::formula_uniform("images", {2, 3, height, width});
}

inline double relative_difference(const at::Tensor& actual, const at::Tensor& expected) {
  return ((actual - expected).abs().max() / expected.abs().max()).item<double>();
}

// What the statement throws; empty when it throws no Error.
template <class Statement>
std::string error_of(Statement statement) {
  try {
    statement();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace retort::models
