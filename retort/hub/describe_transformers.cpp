#include <algorithm>
#include <cmath>
#include <string>

#include "retort/hub/describe.h"

// transformers' preprocessor_config.json, read as its image processors read it (checked with
// transformers 5.24), and also as its feature extractors (until 2022) read it, where a size is a
// number whose meaning depends on the class.
namespace retort::hub {
namespace {

constexpr double kPerLevel = 1.0 / 255;

// The value of this key; false where it is missing.
bool is_true(const Field& processor, const char* key) {
  const auto found = processor.find(key);
  return found && found->truth();
}

// "CLIPFeatureExtractor", "ConvNextImageProcessorFast", …, or nothing.
std::string type_of(const Field& processor) {
  for (const char* key : {"image_processor_type", "feature_extractor_type"}) {
    if (const auto found = processor.find(key)) return found->text();
  }
  return "";
}

// Whether a `size` that is a number means the short side in this class; in all others it means both
// sides.
bool means_short_side(const std::string& type) {
  constexpr std::array kTypes{"CLIP",        "ChineseCLIP", "ConvNext",  "Bit",        "Levit",
                              "MobileNetV1", "MobileNetV2", "MobileViT", "PoolFormer", "VideoMAE"};
  return std::ranges::any_of(kTypes, [&](const char* name) { return type.starts_with(name); });
}

int64_t side_from(const Field& field) { return field.whole(kMinSide, kMaxResize); }

int64_t square_side(const Field& field, const Field& height, const Field& width) {
  const int64_t side = side_from(height);
  if (side_from(width) != side) field.fail("the image is not square, which is not supported");
  return side;
}

struct Resize {
  int64_t side = 0;
  Crop crop = Crop::squash;
};

// {"height", "width"}, {"shortest_edge"}, a number, or [height, width].
Resize resize_from(const Field& size, const std::string& type) {
  if (size.is_array()) {
    if (size.size() != 2) size.fail("is not a list of two numbers");
    return {square_side(size, size.item(0), size.item(1)), Crop::squash};
  }
  if (!size.is_object())
    return {side_from(size), means_short_side(type) ? Crop::centre : Crop::squash};
  if (const auto height = size.find("height"))
    return {square_side(size, *height, size.at("width")), Crop::squash};
  if (size.find("longest_edge")) size.fail("bounds the longest edge, which is not supported");
  return {side_from(size.at("shortest_edge")), Crop::centre};
}

int64_t crop_from(const Field& size) {
  if (size.is_object()) {
    const Field height = size.at("height");
    return square_side(size, height, size.at("width"));
  }
  if (size.is_array()) return resize_from(size, "").side;
  return side_from(size);
}

double share_from(const Field& processor, double otherwise) {
  const auto share = processor.find("crop_pct");
  return share ? share->number(0.01, 1) : otherwise;
}

// The side from which a crop of `cut` pixels takes this share.
int64_t side_around(int64_t cut, double share) {
  return static_cast<int64_t>(static_cast<double>(cut) / share);
}

// For ConvNeXt's processor, which ResNet and RegNet use too: `size` is the size of the crop; from
// 384 pixels on nothing is cropped.
void read_convnext(const Field& processor, int64_t side, Description& description) {
  description.size = side;
  description.crop = side < 384 ? Crop::centre : Crop::squash;
  description.resize = side < 384 ? side_around(side, share_from(processor, 0.875)) : side;
}

void read_sizes(const Field& processor, Description& description) {
  if (const auto patches = processor.find("max_num_patches"))
    patches->fail("images keep their aspect (NaFlex), which is not supported",
                  "take the model's variant of a fixed resolution");
  if (const auto asked = processor.find("do_resize"); asked && !asked->truth())
    asked->fail("images are not resized, which is not supported");
  const std::string type = type_of(processor);
  const Field size = processor.at("size");
  const Resize resize = resize_from(size, type);
  if (type.starts_with("ConvNext")) return read_convnext(processor, resize.side, description);

  const auto crop_size = processor.find("crop_size"), asked = processor.find("do_center_crop");
  const bool cut = asked ? asked->truth() : crop_size.has_value();
  if (!cut && resize.crop == Crop::centre)
    size.fail("the image is not square, which is not supported");
  description.crop = resize.crop;
  description.resize = resize.side;
  if (resize.crop == Crop::centre) {
    if (type.starts_with("Levit")) description.resize = side_around(resize.side, 0.875);
    if (type.starts_with("PoolFormer"))
      description.resize = side_around(resize.side, share_from(processor, 0.9));
  }
  description.size = cut && crop_size ? crop_from(*crop_size) : resize.side;
}

std::string resample_of(const Field& processor) {
  return kFilters[static_cast<size_t>(
      processor.at("resample").whole(0, static_cast<int64_t>(kFilters.size()) - 1))];
}

// The processor multiplies values in [0, 1] by this scale before it applies mean and std.
double scale_of(const Field& processor) {
  if (is_true(processor, "do_rescale") || !processor.find("do_rescale")) {
    const auto factor = processor.find("rescale_factor");
    const double scale = 255 * (factor ? factor->number(1e-6, 1e3) : kPerLevel);
    return std::abs(scale - 1) < 1e-6 ? 1 : scale;
  }
  return 255;
}

void read_normalisation(const Field& processor, Description& description) {
  const double scale = scale_of(processor);
  std::array<double, 3> mean{0, 0, 0}, std{1, 1, 1};
  if (const auto asked = processor.find("do_normalize");
      asked ? asked->truth() : processor.find("image_mean").has_value()) {
    mean = mean_from(processor.at("image_mean"));
    std = std_from(processor.at("image_std"));
  }
  // EfficientNet's processor divides by std a second time where include_top is true.
  const bool twice = is_true(processor, "include_top");
  const std::array<double, 3> again =
      twice ? std_from(processor.at("image_std")) : std::array<double, 3>{1, 1, 1};
  for (size_t i = 0; i < 3; ++i) {
    mean[i] /= scale;
    std[i] *= again[i] / scale;
  }
  description.mean = to_floats(mean);
  description.std = to_floats(std);
}

}  // namespace

void describe_transformers(const Field& config, const Field& processor, Description& description) {
  description.architecture = config.at("model_type").text();
  for (const char* key : {"rescale_offset", "do_flip_channel_order", "do_pad"}) {
    if (is_true(processor, key)) processor.at(key).fail("is true, which is not supported");
  }
  read_sizes(processor, description);
  description.interpolation = resample_of(processor);
  read_normalisation(processor, description);
}

}  // namespace retort::hub
