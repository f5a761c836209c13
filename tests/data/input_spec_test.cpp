#include "retort/data/input_spec.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "retort/core/error.h"
#include "tests/support/message.h"

namespace retort::data {
namespace {

TEST(InputSpec, JsonIsWhatClientsRead) {
  InputSpec spec;
  spec.interpolation = Interpolation::bicubic;
  const nlohmann::json json = to_json(spec);
  EXPECT_EQ(json.at("resize"), 256);
  EXPECT_EQ(json.at("crop"), 224);
  EXPECT_EQ(json.at("interpolation"), "bicubic");
  EXPECT_EQ(json.at("range"), nlohmann::json({0, 1}));
  EXPECT_EQ(json.at("mean").dump(), "[0.485,0.456,0.406]");
  EXPECT_EQ(json.at("std").dump(), "[0.229,0.224,0.225]");
  EXPECT_EQ(input_spec_from(json), spec);
}

TEST(InputSpec, EveryResizeSideSurvivesJson) {
  for (int64_t size = 16; size <= 1024; size += 7) {
    for (const double ratio : {0.5, 0.6, 0.7, 0.77, 0.8, 0.9, 0.95, 0.96, 1.0}) {
      InputSpec spec;
      spec.size = size;
      spec.crop_ratio = ratio;
      const InputSpec again = input_spec_from(to_json(spec));
      ASSERT_EQ(resize_side(again), resize_side(spec)) << size << " " << ratio;
      ASSERT_GT(again.crop_ratio, 0);
      ASSERT_LE(again.crop_ratio, 1);
    }
  }
}

TEST(InputSpec, MalformedJsonIsAnErrorThatNamesTheField) {
  const nlohmann::json good = to_json(InputSpec{});
  for (const char* field : {"resize", "crop", "interpolation", "mean", "std", "range"}) {
    nlohmann::json json = good;
    json.erase(field);
    const std::string message = std::string("preprocess.") + field + ": is ";
    EXPECT_ERROR(input_spec_from(json), message);
    json[field] = nullptr;
    EXPECT_ERROR(input_spec_from(json), message);
  }
  const auto with = [&](const char* field, const nlohmann::json& value) {
    nlohmann::json json = good;
    json[field] = value;
    return json;
  };
  EXPECT_ERROR(input_spec_from(with("crop", 8)), "preprocess.crop: 8 is not in [16, 1024]");
  EXPECT_ERROR(input_spec_from(with("resize", 100)),
               "preprocess.resize: 100 does not suit a crop of 224");
  EXPECT_ERROR(input_spec_from(with("std", {0.2, 0.0, 0.2})),
               "preprocess.std: 0 is not between 1e-06 and 1000");
  EXPECT_ERROR(input_spec_from(with("mean", {0.2, 0.2})), "preprocess.mean: needs three values");
  EXPECT_ERROR(input_spec_from(with("range", {0, 255})), "preprocess.range: only [0, 1]");
  EXPECT_ERROR(input_spec_from(nlohmann::json::array()), "preprocess.crop: is missing");
  for (const double beyond : {2.6e124, -1e300, 224.5})
    EXPECT_TRUE(testing::says(testing::error_of([&] { input_spec_from(with("resize", beyond)); }),
                              "whole number"));
}

TEST(InputSpec, InterpolationNames) {
  EXPECT_EQ(interpolation_from("bilinear"), Interpolation::bilinear);
  EXPECT_EQ(interpolation_from(to_string(Interpolation::bicubic)), Interpolation::bicubic);
  EXPECT_USAGE_ERROR(interpolation_from("nearest"), "there is no interpolation 'nearest'");
}

}  // namespace
}  // namespace retort::data
