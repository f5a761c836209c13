#include <string>

#include "retort/hub/describe.h"

// open_clip_config.json, read as open_clip.factory and open_clip.transform.image_transform_v2 read
// it (OpenCLIP 3).
namespace retort::hub {
namespace {

constexpr std::array<double, 3> kClipMean{0.48145466, 0.4578275, 0.40821073},
    kClipStd{0.26862954, 0.26130258, 0.27577711};

int64_t open_clip_side(const Field& size) {
  if (!size.is_array()) return size.whole(kMinSide, kMaxSide);
  const int64_t side = size.item(0).whole(kMinSide, kMaxSide);
  if (size.size() != 2 || size.item(1).whole(kMinSide, kMaxSide) != side)
    size.fail("the image is not square, which is not supported");
  return side;
}

}  // namespace

void describe_open_clip(const Field& config, Description& description) {
  description.architecture = "open_clip";
  description.size = open_clip_side(config.at("model_cfg").at("vision_cfg").at("image_size"));
  description.interpolation = "bicubic";
  description.mean = to_floats(kClipMean);
  description.std = to_floats(kClipStd);
  if (const auto preprocess = config.find("preprocess_cfg")) {
    if (const auto size = preprocess->find("size")) description.size = open_clip_side(*size);
    if (const auto mean = preprocess->find("mean")) description.mean = to_floats(mean_from(*mean));
    if (const auto std = preprocess->find("std")) description.std = to_floats(std_from(*std));
    if (const auto filter = preprocess->find("interpolation")) {
      description.interpolation = filter->text();
      if (description.interpolation != "bicubic" && description.interpolation != "bilinear")
        filter->fail("is neither bicubic nor bilinear");
    }
    if (const auto mode = preprocess->find("resize_mode")) {
      if (mode->text() == "longest") mode->fail("pads the image, which is not supported");
      if (mode->text() == "squash") description.crop = Crop::squash;
    }
  }
  description.resize = description.size;
}

}  // namespace retort::hub
