#include <cmath>

#include "retort/core/error.h"
#include "retort/data/augment_ops.h"
#include "retort/data/colour.h"
#include "retort/data/warp.h"

namespace retort::data {
namespace {

constexpr int64_t kLast = 30;  // torchvision's 31 bins
constexpr Colour kBlack{0, 0, 0};

// torch.linspace in float32, which computes each half from its own end.
float linspace(float start, float end, int64_t place) {
  const float step = (end - start) / static_cast<float>(kLast);
  return place < (kLast + 1) / 2 ? start + step * static_cast<float>(place)
                                 : end - step * static_cast<float>(kLast - place);
}

// The largest magnitude of those operations that have a sign.
float reach(AugmentOp op) {
  switch (op) {
    case AugmentOp::shear_x:
    case AugmentOp::shear_y:
      return 0.3F;
    case AugmentOp::translate_x:
    case AugmentOp::translate_y:
      return 150.0F / 331.0F;
    case AugmentOp::rotate:
      return 30.0F;
    default:
      return 0.9F;  // brightness, saturation, contrast, sharpness: distance from 1
  }
}

// A share of the side in whole pixels, rounded towards 0 as torchvision does.
int64_t pixels(float share, int64_t side) {
  return static_cast<int64_t>(static_cast<double>(share) * static_cast<double>(side));
}

// Shears about the upper left corner.
Affine sheared(float x, float y, const Planes& image) {
  return {.xy = x,
          .x0 = x * static_cast<float>(image.height()) / 2,
          .yx = y,
          .y0 = y * static_cast<float>(image.width()) / 2};
}

}  // namespace

AugmentStep rand_augment_step(AugmentOp op, int64_t magnitude, bool negative) {
  if (op > AugmentOp::equalize || magnitude < 0 || magnitude > kLast)
    throw Error("is no operation or magnitude of RandAugment", "augment");
  switch (op) {
    case AugmentOp::identity:
    case AugmentOp::autocontrast:
    case AugmentOp::equalize:
      return {op, {}};
    case AugmentOp::posterize:
      return {
          op,
          {8 - std::nearbyint(static_cast<float>(magnitude) / (static_cast<float>(kLast) / 4))}};
    case AugmentOp::solarize:
      return {op, {255 * linspace(1, 0, magnitude)}};
    default:
      break;
  }
  const float value = linspace(0, reach(op), magnitude) * (negative ? -1.0F : 1.0F);
  const bool factor = op >= AugmentOp::brightness;
  return {op, {factor ? 1 + value : value}};
}

void apply_rand(Planes& image, const AugmentStep& step) {
  const float value = step.values[0];
  switch (step.op) {
    case AugmentOp::shear_x:
      return warp(image, sheared(value, 0, image), Sampling::nearest, kBlack);
    case AugmentOp::shear_y:
      return warp(image, sheared(0, value, image), Sampling::nearest, kBlack);
    case AugmentOp::translate_x:
      return shift(image, -pixels(value, image.width()), 0, kBlack);
    case AugmentOp::translate_y:
      return shift(image, 0, -pixels(value, image.height()), kBlack);
    case AugmentOp::rotate:
      return warp(image, rotation(value), Sampling::nearest, kBlack);
    case AugmentOp::brightness:
      return adjust_brightness(image, value);
    case AugmentOp::saturation:
      return adjust_saturation(image, value);
    case AugmentOp::contrast:
      return adjust_contrast(image, value);
    case AugmentOp::sharpness:
      return adjust_sharpness(image, value);
    case AugmentOp::posterize:
      return posterize(image, static_cast<int64_t>(value));
    case AugmentOp::solarize:
      return solarize(image, value);
    case AugmentOp::autocontrast:
      return autocontrast(image);
    case AugmentOp::equalize:
      return equalize(image);
    default:
      break;
  }
}

}  // namespace retort::data
