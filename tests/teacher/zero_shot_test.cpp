// Parity with transformers, from texts and images to logits, with tokenizer and both towers.
#include "retort/teacher/zero_shot.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "tests/support/folder.h"
#include "tests/support/formula.h"
#include "tests/support/message.h"
#include "tests/support/snapshot.h"

namespace retort::teacher {
namespace {

class ZeroShot : public ::testing::TestWithParam<std::string> {};

TEST_P(ZeroShot, LogitsAreThoseOfThePublicModel) {
  const testing::TestFolder folder;
  testing::write_two_towers(folder / "model", GetParam());
  const nlohmann::json fixture = nlohmann::json::parse(
      read_file(std::filesystem::path(RETORT_FIXTURES) / "text" / (GetParam() + ".json")));
  Teacher teacher({.weights = folder / "model", .embedding = true}, models::Precision::fp32);
  std::vector<std::vector<std::string>> texts;
  for (const auto& prompt : fixture["prompts"]) texts.push_back({prompt});
  set_zero_shot_head(teacher, folder / "model", texts);
  const at::Tensor features = teacher.features(testing::formula_uniform("images", {2, 3, 32, 32}));
  EXPECT_EQ(features.size(1), teacher.feature_dim());
  const at::Tensor logits = teacher.logits(features);
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t c = 0; c < 3; ++c)
      EXPECT_NEAR(logits[i][c].item<double>(),
                  fixture["logits"][static_cast<size_t>(i)][static_cast<size_t>(c)].get<double>(),
                  1e-5);

  // Several texts of a class are averaged: the same text twice changes nothing.
  for (auto& of_class : texts) of_class.push_back(of_class.front());
  set_zero_shot_head(teacher, folder / "model" / "model.safetensors", texts);
  EXPECT_TRUE(at::allclose(teacher.logits(features), logits, 1e-4, 1e-4));

  const Teacher plain({.weights = folder / "model"}, models::Precision::fp32);
  EXPECT_NE(plain.key(), teacher.key());
  std::filesystem::remove(folder / "model" /
                          (GetParam() == "siglip" ? "spiece.model" : "tokenizer.json"));
  EXPECT_ERROR(set_zero_shot_head(teacher, folder / "model", texts), "model: holds no tokenizer");
}

INSTANTIATE_TEST_SUITE_P(Kinds, ZeroShot, ::testing::Values("clip", "siglip", "siglip2"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace retort::teacher
