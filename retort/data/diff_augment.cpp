#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "retort/core/error.h"
#include "retort/data/augment_ops.h"
#include "retort/data/input_spec.h"
#include "retort/data/to_byte.h"
#include "retort/data/warp.h"

// The strengths are those of ParamDiffAug in Zhao & Bilen's public code, which Farhat & Chen's
// keeps.
namespace retort::data {
namespace {

constexpr double kFlip = 0.5;           // probability
constexpr double kBrightness = 1.0;     // added: uniform in ± half of it
constexpr double kSaturation = 2.0;     // factor: uniform in [0, this]
constexpr double kContrast = 0.5;       // factor: uniform in [this, 1 + this]
constexpr double kCrop = 0.125;         // share of the side, in both directions
constexpr double kRotate = 15.0;        // degrees, in both directions
constexpr double kScale = 1.2;          // uniform in [1 / this, this], drawn for each axis
constexpr double kCutout = 0.5;         // share of the side
constexpr Colour kMean{124, 116, 104};  // ImageNet's mean

constexpr std::array<std::pair<const char*, AugmentOp>, 6> kNames{
    {{"flip", AugmentOp::diff_flip},
     {"color", AugmentOp::diff_color},
     {"crop", AugmentOp::diff_crop},
     {"rotate", AugmentOp::diff_rotate},
     {"scale", AugmentOp::diff_scale},
     {"cutout", AugmentOp::diff_cutout}}};

AugmentOp op_named(const std::string& name) {
  const auto found =
      std::ranges::find_if(kNames, [&](const auto& entry) { return entry.first == name; });
  if (found != kNames.end()) return found->second;
  throw UsageError("there is no operation '" + name + "'", "diffaugment",
                   "name some of flip,color,crop,rotate,scale,cutout");
}

// Changes brightness, saturation (around each pixel's mean) and contrast (around the image's mean)
// of normalised values, which become bytes once, at the end.
void recolour(Planes& image, float brightness, float saturation, float contrast) {
  const InputSpec imagenet;
  std::array<float, 3> scale{}, offset{};
  const int64_t count = image.count();
  double total = 0;
  for (size_t c = 0; c < 3; ++c) {
    scale[c] = 1 / (255 * imagenet.std[c]);
    offset[c] = imagenet.mean[c] / imagenet.std[c];
    const uint8_t* plane = image.channel(static_cast<int64_t>(c));
    const int64_t sum = std::accumulate(plane, plane + count, int64_t{0});
    total += static_cast<double>(sum) * scale[c] / static_cast<double>(count) - offset[c];
  }
  const float mean = static_cast<float>(total / 3) + brightness;  // saturation does not change it
  uint8_t *r = image.channel(0), *g = image.channel(1), *b = image.channel(2);
  for (int64_t i = 0; i < count; ++i) {
    const std::array<uint8_t*, 3> at{r + i, g + i, b + i};
    std::array<float, 3> value{};
    for (size_t c = 0; c < 3; ++c)
      value[c] = static_cast<float>(*at[c]) * scale[c] - offset[c] + brightness;
    const float grey = (value[0] + value[1] + value[2]) / 3;
    for (size_t c = 0; c < 3; ++c) {
      const float saturated = (value[c] - grey) * saturation + grey;
      const float changed = (saturated - mean) * contrast + mean;
      *at[c] = to_byte((changed + offset[c]) / scale[c] + 0.5F);
    }
  }
}

// A share of the side in pixels, rounded to the nearest.
int64_t pixels(float share, int64_t side) {
  return std::lround(static_cast<double>(share) * static_cast<double>(side));
}

void cut_out(Planes& image, float across, float down) {
  const auto start = [](float place, int64_t side, int64_t length) {
    // The centre may be any pixel, or, where the square has no middle pixel, also the far edge.
    const int64_t places = side + 1 - length % 2;
    const auto centre =
        static_cast<int64_t>(static_cast<double>(place) * static_cast<double>(places));
    return centre - length / 2;
  };
  const int64_t width = pixels(kCutout, image.width()), height = pixels(kCutout, image.height());
  const int64_t left = start(across, image.width(), width),
                top = start(down, image.height(), height);
  fill_box(image, top, left, top + height, left + width, kMean);
}

}  // namespace

std::vector<AugmentOp> diff_ops(const std::string& list) {
  std::vector<AugmentOp> ops;
  for (size_t start = 0; start < list.size();) {
    const size_t end = std::min(list.find(',', start), list.size());
    const AugmentOp op = op_named(list.substr(start, end - start));
    if (std::ranges::find(ops, op) != ops.end())
      throw UsageError("an operation is named twice in '" + list + "'", "diffaugment");
    ops.push_back(op);
    start = end + 1;
  }
  return ops;
}

void draw_diff(AugmentOp op, CounterRng& rng, std::vector<AugmentStep>& steps) {
  const auto drawn = [&](double low, double high) {
    return static_cast<float>(rng.uniform(low, high));
  };
  AugmentStep step{op, {}};
  switch (op) {
    case AugmentOp::diff_flip:
      if (rng.uniform() >= kFlip) return;
      break;
    case AugmentOp::diff_color:
      step.values[0] = drawn(-kBrightness / 2, kBrightness / 2);
      step.values[1] = drawn(0, kSaturation);
      step.values[2] = drawn(kContrast, 1 + kContrast);
      break;
    case AugmentOp::diff_crop:
      step.values[0] = drawn(-kCrop, kCrop);
      step.values[1] = drawn(-kCrop, kCrop);
      break;
    case AugmentOp::diff_rotate:
      step.values[0] = drawn(-kRotate, kRotate);
      break;
    case AugmentOp::diff_scale:
      step.values[0] = drawn(1 / kScale, kScale);
      step.values[1] = drawn(1 / kScale, kScale);
      break;
    default:
      step.values[0] = drawn(0, 1);
      step.values[1] = drawn(0, 1);
      break;
  }
  steps.push_back(step);
}

void apply_diff(Planes& image, const AugmentStep& step) {
  const auto [first, second, third] = step.values;
  switch (step.op) {
    case AugmentOp::diff_flip:
      return mirror(image);
    case AugmentOp::diff_color:
      return recolour(image, first, second, third);
    case AugmentOp::diff_crop:
      return shift(image, pixels(first, image.width()), pixels(second, image.height()), kMean);
    case AugmentOp::diff_rotate:
      return warp(image, rotation(first), Sampling::bilinear, kMean);
    case AugmentOp::diff_scale:
      return warp(image, {.xx = first, .yy = second}, Sampling::bilinear, kMean);
    case AugmentOp::diff_cutout:
      return cut_out(image, first, second);
    default:
      break;
  }
}

}  // namespace retort::data
