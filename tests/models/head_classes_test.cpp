#include "retort/models/head_classes.h"

#include <nlohmann/json.hpp>

#include <ATen/ops/zeros.h>

#include "retort/core/safetensors.h"
#include "retort/models/weight_source.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort::models {
namespace {

using Names = std::vector<std::string>;

class HeadClasses : public ::testing::Test {
 protected:
  std::optional<Names> of_file(const Metadata& metadata) {
    write_safetensors(folder_ / "w.safetensors", {{"a", at::zeros({1})}}, metadata);
    return head_classes(folder_ / "w.safetensors");
  }

  std::optional<Names> of_folder(const nlohmann::json& config) {
    testing::put(folder_ / "config.json", config.dump());
    return head_classes(folder_.path());
  }

  testing::TestFolder folder_;
};

TEST_F(HeadClasses, OfAFileThatRetortWrote) {
  EXPECT_EQ(of_file({{kSpecKey, "{}"}, {"classes", R"(["owl","cat"])"}}), (Names{"owl", "cat"}));
  EXPECT_EQ(of_file({{"classes", R"(["owl","cat"])"}}), std::nullopt);
  for (const char* broken : {"", "{", "7", "[]", "[1]", R"(["owl",null])"})
    EXPECT_EQ(of_file({{kSpecKey, "{}"}, {"classes", broken}}), std::nullopt) << broken;
  EXPECT_EQ(of_file({{kSpecKey, "{}"}}), std::nullopt);
}

TEST_F(HeadClasses, OfTransformersFolder) {
  EXPECT_EQ(of_folder({{"model_type", "vit"}, {"id2label", {{"0", "owl"}, {"1", "cat"}}}}),
            (Names{"owl", "cat"}));
  nlohmann::json many = nlohmann::json::object();
  for (int i = 0; i < 12; ++i) many[std::to_string(i)] = "c" + std::to_string(i);
  const auto names = of_folder({{"id2label", many}});
  ASSERT_TRUE(names);
  EXPECT_EQ(names->at(10), "c10");
  EXPECT_EQ(of_folder({{"id2label", {{"0", "LABEL_0"}, {"1", "LABEL_1"}}}}), std::nullopt);
  // These names have indices, but not 0, 1, 2.
  EXPECT_TRUE(testing::says(
      testing::error_of([&] {
        of_folder({{"id2label", {{"1", "owl"}, {"2", "cat"}}}});
      }),
      folder_.path().string() + ": names its classes by numbers of which 0 is missing"));
  EXPECT_EQ(of_folder({{"id2label", {{"owl", "0"}}}}), std::nullopt);
  EXPECT_EQ(of_folder({{"id2label", nullptr}}), std::nullopt);
  EXPECT_EQ(of_folder({{"model_type", "vit"}}), std::nullopt);
}

TEST_F(HeadClasses, OfTimmsFolder) {
  const nlohmann::json names = {"owl", "cat"}, words = {"a bird", "a pet"};
  EXPECT_EQ(of_folder({{"architecture", "resnet18"}, {"label_names", names}}),
            (Names{"owl", "cat"}));
  EXPECT_EQ(of_folder({{"pretrained_cfg", {{"label_names", names}}}}), (Names{"owl", "cat"}));
  EXPECT_EQ(of_folder({{"label_names", names}, {"label_descriptions", {{"owl", "a bird"}}}}),
            (Names{"owl", "cat"}));
  EXPECT_EQ(of_folder({{"label_descriptions", words}}), (Names{"a bird", "a pet"}));
  EXPECT_EQ(of_folder({{"pretrained_cfg", 7}}), std::nullopt);
}

TEST_F(HeadClasses, OfOtherWeightsAreUnknown) {
  EXPECT_EQ(head_classes(folder_.path()), std::nullopt);
  testing::put(folder_ / "w.pth", "PK\x03\x04");
  EXPECT_EQ(head_classes(folder_ / "w.pth"), std::nullopt);
  testing::put(folder_ / "config.json", "{");
  EXPECT_TRUE(
      testing::says(testing::error_of([&] { head_classes(folder_.path()); }), "config.json"));
}

}  // namespace
}  // namespace retort::models
