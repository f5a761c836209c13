#include "retort/hub/description.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "retort/hub/field.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort::hub {
namespace {

using nlohmann::json;
using retort::testing::error_of;
using retort::testing::put;
using retort::testing::says;
using retort::testing::TestFolder;

// scripts/fixtures/hub.py: the packages' own files, and what they make of an image.
TEST(Describe, AgreesWithThePackages) {
  const json entries =
      json::parse(std::ifstream(std::string(RETORT_FIXTURES) + "/hub/descriptions.json"));
  ASSERT_GT(entries.size(), 20U);
  for (const json& entry : entries) {
    SCOPED_TRACE(entry.at("name").get<std::string>());
    const TestFolder folder;
    for (const auto& [name, content] : entry.at("files").items())
      put(folder / name, content.dump());
    const Description found = describe(folder.path());
    EXPECT_EQ(found.library, entry.at("library").get<std::string>());
    EXPECT_EQ(found.architecture, entry.at("architecture").get<std::string>());
    EXPECT_EQ(found.config, entry.at("files").at("config.json"));
    EXPECT_EQ(found.crop == Crop::squash, entry.at("squash").get<bool>());
    const json preprocess = preprocess_of(found), &expected = entry.at("preprocess");
    for (const char* key : {"resize", "crop", "interpolation", "range"})
      EXPECT_EQ(preprocess.at(key), expected.at(key)) << key;
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_FLOAT_EQ(found.mean[i], expected.at("mean")[i].get<float>());
      EXPECT_FLOAT_EQ(found.std[i], expected.at("std")[i].get<float>());
    }
  }
}

class Malformed : public ::testing::Test {
 protected:
  std::string refusal(const std::string& config, const std::string& processor = "") {
    const TestFolder folder;
    put(folder / "config.json", config);
    if (!processor.empty()) put(folder / "preprocessor_config.json", processor);
    return error_of([&] { describe(folder.path()); });
  }
  // A good file with one value replaced, or removed where the value is empty.
  static std::string with(json object, const std::string& pointer, const std::string& value) {
    const json::json_pointer at(pointer);
    if (value.empty()) {
      object.at(at.parent_pointer()).erase(at.back());
      return object.dump();
    }
    object[at] = "PLACE";
    std::string text = object.dump();
    return text.replace(text.find("\"PLACE\""), 7, value);
  }
};

struct Case {
  const char *pointer, *value, *says;
};

// refused_with(pointer, value) is the error for the good file with that change.
template <typename Refused>
void expect_all(std::span<const Case> cases, const Refused& refused_with) {
  for (const Case& malformed : cases)
    EXPECT_TRUE(says(refused_with(malformed.pointer, malformed.value), malformed.says))
        << malformed.pointer << " " << malformed.value;
}

TEST_F(Malformed, TimmsFiles) {
  const json good = json::parse(
      R"({"architecture": "resnet18", "num_classes": 10, "num_features": 512, "pretrained_cfg": {
      "input_size": [3, 224, 224], "fixed_input_size": true, "interpolation": "bicubic",
      "crop_pct": 0.95, "crop_mode": "center",
      "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}})");
  const Case cases[] = {
      {"/architecture", "", "lacks 'architecture'"},
      {"/architecture", "7", "architecture: is 7, not a text"},
      {"/architecture", "[]", "architecture: is a list, not a text"},
      {"/num_classes", "9223372036854775808", "num_classes: 9223372036854775808 is not in"},
      {"/num_classes", "-1", "num_classes: -1 is not in"},
      {"/num_features", "0.5", "num_features: is 0.5, not a whole number"},
      {"/num_features", "\"512\"", "num_features: is '512', not a whole number"},
      {"/num_features", "1e300", "num_features: 1e+300 is not in"},
      {"/num_features", "1e400", "not valid JSON"},
      {"/num_features", "NaN", "not valid JSON"},
      {"/pretrained_cfg", "7", "pretrained_cfg: is 7, not an object"},
      {"/pretrained_cfg/input_size", "224", "input_size: is not a list of three numbers"},
      {"/pretrained_cfg/input_size", "[3, 224]", "input_size: is not a list of three numbers"},
      {"/pretrained_cfg/input_size", "[1, 224, 224]", "other images than RGB"},
      {"/pretrained_cfg/input_size", "[3, 224, 256]", "is not square"},
      {"/pretrained_cfg/input_size", "[3, 9223372036854775808, 224]",
       "input_size[1]: 9223372036854775808 is not in [16, 1024]"},
      {"/pretrained_cfg/input_size", "[3, -224, -224]", "input_size[1]: -224 is not in [16, 1024]"},
      {"/pretrained_cfg/input_size", "[3, 224, null]",
       "input_size[2]: is null, not a whole number"},
      {"/pretrained_cfg/fixed_input_size", "1", "fixed_input_size: is 1, not true or false"},
      {"/model_args", "[]", "model_args: is a list, not an object"},
      {"/model_args", R"({"img_size": [160, 192]})",
       "model_args.img_size: the image is not square"},
      {"/model_args", R"({"img_size": []})", "model_args.img_size: has only 0 entries"},
      {"/pretrained_cfg/interpolation", "\"cubic\"",
       "interpolation: there is no interpolation 'cubic'"},
      {"/pretrained_cfg/crop_pct", "0", "crop_pct: 0 is not in"},
      {"/pretrained_cfg/crop_pct", "1.5", "crop_pct: 1.5 is not in"},
      {"/pretrained_cfg/crop_pct", "\"0.9\"", "crop_pct: is '0.9', not a number"},
      {"/pretrained_cfg/crop_mode", "\"border\"", "crop_mode: the crop mode is neither"},
      {"/pretrained_cfg/mean", "0.5", "mean: is not a list of three numbers"},
      {"/pretrained_cfg/mean", "[0.5, 0.5]", "mean: is not a list of three numbers"},
      {"/pretrained_cfg/mean", "[0.5, 0.5, true]", "mean[2]: is true, not a number"},
      {"/pretrained_cfg/mean", "[0.5, 0.5, 1e9]", "mean[2]: 1000000000.0 is not in"},
      {"/pretrained_cfg/std", "[0.5, 0.5, 0]", "std[2]: 0 is not in"},
      {"/pretrained_cfg/std", "[0.5, -0.5, 0.5]", "std[1]: -0.5 is not in"}};
  {
    const TestFolder folder;
    put(folder / "config.json", good.dump());
    EXPECT_EQ(describe(folder.path()).resize, 235);
  }
  expect_all(cases, [&](const char* pointer, const char* value) {
    std::string message = refusal(with(good, pointer, value));
    EXPECT_TRUE(says(message, "config.json"));
    return message;
  });
}

TEST_F(Malformed, TransformersFiles) {
  const json config = json::parse(
      R"({"model_type": "clip", "vision_config": {"hidden_size": 64, "patch_size": [16, 16]}})");
  const json processor = json::parse(
      R"({"image_processor_type": "CLIPImageProcessor",
      "do_resize": true, "size": {"shortest_edge": 256},
      "do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "resample": 3,
      "do_rescale": true, "rescale_factor": 0.00392156862745098,
      "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})");
  const Case configs[] = {
      {"/model_type", "", "lacks 'model_type'"},
      {"/model_type", "7", "model_type: is 7, not a text"},
      {"/vision_config", "7", "vision_config: is 7, not an object"},
      {"/vision_config/hidden_size", "9223372036854775808",
       "vision_config.hidden_size: 9223372036854775808 is not in"},
      {"/vision_config/hidden_size", "-64", "vision_config.hidden_size: -64 is not in"},
      {"/vision_config/patch_size", "[16, \"16\"]",
       "vision_config.patch_size[1]: is '16', not a whole number"}};
  const Case processors[] = {
      {"/size", "", "lacks 'size'"},
      {"/size", "null", "lacks 'size'"},
      {"/size", "\"224\"", "size: is '224', not a whole number"},
      {"/size", "9223372036854775808", "size: 9223372036854775808 is not in"},
      {"/size", "[224, 256]", "size: the image is not square"},
      {"/size", "[224]", "size: is not a list of two numbers"},
      {"/size", "{}", "size: lacks 'shortest_edge'"},
      {"/size", R"({"height": 224})", "size: lacks 'width'"},
      {"/size", R"({"height": 224, "width": 256})", "size: the image is not square"},
      {"/size", R"({"shortest_edge": 224, "longest_edge": 256})", "size: bounds the longest edge"},
      {"/size", R"({"shortest_edge": -1})", "size.shortest_edge: -1 is not in"},
      {"/size", R"({"shortest_edge": 100})", "asks for images of 224 pixels out of 100"},
      {"/do_resize", "false", "do_resize: images are not resized"},
      {"/do_resize", "\"yes\"", "do_resize: is 'yes', not true or false"},
      {"/do_center_crop", "false", "size: the image is not square"},
      {"/crop_size", "2048", "asks for images of 2048 pixels"},
      {"/crop_size", R"({"shortest_edge": 224})", "crop_size: lacks 'height'"},
      {"/crop_size", "\"a\"", "crop_size: is 'a', not a whole number"},
      {"/max_num_patches", "256", "max_num_patches: images keep their aspect"},
      {"/image_processor_type", "7", "image_processor_type: is 7, not a text"},
      {"/resample", "", "lacks 'resample'"},
      {"/resample", "6", "resample: 6 is not in [0, 5]"},
      {"/resample", "-1", "resample: -1 is not in [0, 5]"},
      {"/rescale_factor", "0", "rescale_factor: 0 is not in"},
      {"/rescale_factor", "Infinity", "not valid JSON"},
      {"/image_mean", "", "lacks 'image_mean'"},
      {"/image_mean", "0.5", "image_mean: is not a list of three numbers"},
      {"/image_std", "[0.5, 0.5, 0]", "image_std[2]: 0 is not in"},
      {"/do_flip_channel_order", "true", "do_flip_channel_order: is true"},
      {"/rescale_offset", "true", "rescale_offset: is true"}};
  expect_all(configs, [&](const char* pointer, const char* value) {
    return refusal(with(config, pointer, value), processor.dump());
  });
  expect_all(processors, [&](const char* pointer, const char* value) {
    return refusal(config.dump(), with(processor, pointer, value));
  });
  EXPECT_TRUE(says(refusal(config.dump()), "lacks preprocessor_config.json"));
}

TEST_F(Malformed, FilesThatAreNone) {
  const Case cases[] = {
      {"", "", "not valid JSON"},      {"", "{", "not valid JSON"},
      {"", "[]", "is no JSON object"}, {"", "7", "is no JSON object"},
      {"", "\xff", "not valid JSON"},  {"", "{\"architecture\": \"\xff\"}", "not valid JSON"}};
  for (const Case& malformed : cases)
    EXPECT_TRUE(says(refusal(malformed.value), malformed.says)) << malformed.value;
  EXPECT_TRUE(says(refusal(std::string(1'000'000, '[')), "nested more than 32 deep"));
  std::string deep = R"({"a": )";
  for (int i = 0; i < 1'000'000; ++i) deep += R"({"a":)";
  EXPECT_TRUE(says(refusal(deep), "nested more than 32 deep"));
  const TestFolder folder;
  EXPECT_TRUE(says(error_of([&] { describe(folder.path()); }), "lacks config.json"));
  std::filesystem::create_directory(folder / "config.json");
  EXPECT_TRUE(says(error_of([&] { describe(folder.path()); }), "is a folder"));
  std::filesystem::remove(folder / "config.json");
  std::ofstream(folder / "config.json").close();
  std::filesystem::resize_file(folder / "config.json", 65'000'000);
  EXPECT_TRUE(says(error_of([&] { describe(folder.path()); }), "is larger"));
}

TEST(Field, NumbersKeepTheirBounds) {
  const json object =
      json::parse(R"({"a": 224.0, "b": 9007199254740993, "c": -0.0, "d": 18446744073709551615})");
  const Field fields(object, "x.json");
  EXPECT_EQ(fields.at("a").whole(0, 1000), 224);
  EXPECT_EQ(fields.at("b").whole(0, int64_t{1} << 60), 9007199254740993);
  EXPECT_EQ(fields.at("c").whole(0, 1), 0);
  EXPECT_TRUE(says(error_of([&] { fields.at("d").whole(0, 10); }),
                   "x.json: d: 18446744073709551615 is not in [0, 10]"));
  EXPECT_FALSE(fields.find("e").has_value());
}

}  // namespace
}  // namespace retort::hub
