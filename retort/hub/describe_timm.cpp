#include <algorithm>
#include <cmath>
#include <string>

#include "retort/hub/describe.h"

// timm's config.json, read as timm.models._hub and timm.data.resolve_data_config read it
// (timm 1.0), and what timm.data.transforms_factory.transforms_imagenet_eval makes of it.
namespace retort::hub {
namespace {

constexpr std::array<double, 3> kImageNetMean{0.485, 0.456, 0.406},
    kImageNetStd{0.229, 0.224, 0.225};

// [channels, height, width]
int64_t side_of(const Field& input_size) {
  if (!input_size.is_array() || input_size.size() != 3)
    input_size.fail("is not a list of three numbers");
  if (input_size.item(0).whole(1, 1024) != 3)
    input_size.fail("the model wants other images than RGB, which is not supported");
  const int64_t side = input_size.item(1).whole(kMinSide, kMaxSide);
  if (input_size.item(2).whole(kMinSide, kMaxSide) != side)
    input_size.fail("the image is not square, which is not supported");
  return side;
}

// A model that was built for another size than its family's has it in model_args.
int64_t size_of(const Field& config, const Field& given) {
  const auto input_size = given.find("input_size");
  const int64_t side = input_size ? side_of(*input_size) : 224;
  const auto asked = given.find("fixed_input_size");
  const bool fixed = asked && asked->truth();
  const auto arguments = config.find("model_args");
  const auto image_size = arguments ? arguments->find("img_size") : std::nullopt;
  if (!image_size || !fixed) return side;
  if (!image_size->is_array()) return image_size->whole(kMinSide, kMaxSide);
  const int64_t height = image_size->item(0).whole(kMinSide, kMaxSide);
  if (image_size->size() != 2 || image_size->item(1).whole(kMinSide, kMaxSide) != height)
    image_size->fail("the image is not square, which is not supported");
  return height;
}

std::string interpolation_of(const Field& field) {
  std::string name = field.text();
  if (std::ranges::find(kFilters, name) == kFilters.end())
    field.fail("there is no interpolation '" + name + "'");
  return name;
}

Crop crop_of(const Field& field) {
  const std::string name = field.text();
  if (name == "center") return Crop::centre;
  if (name == "squash") return Crop::squash;
  field.fail("the crop mode is neither center nor squash, and others are not supported");
}

}  // namespace

void describe_timm(const Field& config, Description& description) {
  // Until 2022 the values were at the top level.
  const Field given = config.find("pretrained_cfg").value_or(config);
  description.architecture = config.at("architecture").text();
  description.size = size_of(config, given);
  const auto share = given.find("crop_pct");
  description.resize = static_cast<int64_t>(
      std::floor(static_cast<double>(description.size) / (share ? share->number(0.01, 1) : 0.875)));
  const auto crop = given.find("crop_mode"), interpolation = given.find("interpolation"),
             mean = given.find("mean"), std = given.find("std");
  description.crop = crop ? crop_of(*crop) : Crop::centre;
  description.interpolation = interpolation ? interpolation_of(*interpolation) : "bicubic";
  description.mean = to_floats(mean ? mean_from(*mean) : kImageNetMean);
  description.std = to_floats(std ? std_from(*std) : kImageNetStd);
}

}  // namespace retort::hub
