// Parity with transformers' CLIPModel and SiglipModel on formula-filled weights.
#include "retort/models/text_tower.h"

#include "retort/core/error.h"
#include "tests/models/vit_common.h"
#include "tests/support/message.h"

namespace retort::models {
namespace {

nlohmann::json tower_fixture(const std::string& name) {
  std::ifstream file(std::string(RETORT_FIXTURES) + "/text/" + name + ".json");
  return nlohmann::json::parse(file);
}

template <class Number>
at::Tensor matrix(const nlohmann::json& rows, at::ScalarType type) {
  std::vector<at::Tensor> tensors;
  for (const auto& row : rows)
    tensors.push_back(at::tensor(row.get<std::vector<Number>>()).to(type));
  return at::stack(tensors);
}

class TextTowerParity : public ::testing::TestWithParam<std::string> {};

TEST_P(TextTowerParity, EmbeddingsAndLogitsOfImages) {
  const at::NoGradGuard no_grad;
  const nlohmann::json fixture = tower_fixture(GetParam());
  const StateDict file = file_of(fixture);
  const TextTower tower(file, fixture["config"]);
  EXPECT_EQ(tower.length(), 12);
  const at::Tensor texts = tower.embed(matrix<int64_t>(fixture["ids"], at::kLong), /*end=*/1);
  EXPECT_LT(relative_difference(texts, matrix<double>(fixture["text"], at::kFloat)), 1e-4);

  Hints hints{.library = "transformers",
              .name = fixture["config"]["model_type"],
              .features = tower.image_features(),
              .config = fixture["config"]};
  const ModelPtr images = build(recognised(file, hints), GetParam());
  at::Tensor seen = images->forward_features(formula_images(32, 32));
  if (tower.image_projection().defined()) seen = at::linear(seen, tower.image_projection());
  seen = seen / seen.norm(2, 1, true);
  const at::Tensor logits = tower.scale() * at::mm(seen, texts.t()) + tower.bias();
  EXPECT_LT(relative_difference(logits, matrix<double>(fixture["logits"], at::kFloat)), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Towers, TextTowerParity, ::testing::Values("clip", "siglip", "siglip2"),
                         [](const auto& test) { return test.param; });

TEST(TextTower, WhatIsMissingOrOfAnotherShapeIsNamed) {
  for (const char* kind : {"clip", "siglip"}) {
    const nlohmann::json fixture = tower_fixture(kind);
    const StateDict good = file_of(fixture);
    for (const auto& [name, tensor] : good) {
      const bool text = name.starts_with("text_") || name.starts_with("logit_") ||
                        name.starts_with("visual_projection");
      if (!text) continue;
      StateDict lacks = good, bent = good;
      lacks.erase(name);
      bent[name] = at::zeros({3, 1, 2});
      for (const StateDict& wrong : {lacks, bent}) {
        const std::string error = error_of([&] { (void)TextTower(wrong, fixture["config"]); });
        EXPECT_FALSE(error.empty() && !name.ends_with("layer_norm1.weight"))
            << kind << ": " << name;
      }
    }
    for (const char* change : {R"({"num_attention_heads": 7})", R"({"num_attention_heads": 0})",
                               R"({"hidden_act": "relu"})", R"({"layer_norm_eps": "small"})",
                               R"({"num_attention_heads": 9e99})"})
      EXPECT_FALSE(error_of([&] {
                     (void)TextTower(good, {{"text_config", nlohmann::json::parse(change)}});
                   }).empty())
          << change;
    const TextTower tower(good, fixture["config"]);
    EXPECT_ERROR(tower.embed(at::full({1, 12}, 5000, at::kLong), 1),
                 "the tokenizer gives numbers up to 5000");
  }
}

}  // namespace
}  // namespace retort::models
