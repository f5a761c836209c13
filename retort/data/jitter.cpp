#include "retort/data/jitter.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace retort::data {
namespace {

// Grey weights of torchvision's rgb_to_grayscale (ITU-R BT.601, rounded).
constexpr float kRed = 0.2989F, kGreen = 0.587F, kBlue = 0.114F;

// Whole numbers in [0, 255] as floats, one plane a channel: loops over planes vectorise.
struct Planes {
  float* r;
  float* g;
  float* b;
  int64_t count;
};

inline float to_byte(float value) { return static_cast<float>(static_cast<int32_t>(std::min(std::max(value, 0.0F), 255.0F))); }

inline float grey(float r, float g, float b) { return static_cast<float>(static_cast<int32_t>(r * kRed + g * kGreen + b * kBlue)); }

void scale_and_shift(Planes planes, float scale, float shift) {
  for (float* plane : {planes.r, planes.g, planes.b}) {
    for (int64_t i = 0; i < planes.count; ++i) plane[i] = to_byte(plane[i] * scale + shift);
  }
}

void contrast(Planes planes, float factor) {
  int64_t sum = 0;
  for (int64_t i = 0; i < planes.count; ++i) sum += static_cast<int32_t>(planes.r[i] * kRed + planes.g[i] * kGreen + planes.b[i] * kBlue);
  const double mean = static_cast<double>(sum) / static_cast<double>(planes.count);
  scale_and_shift(planes, factor, static_cast<float>(mean) * (1.0F - factor));
}

void saturation(Planes planes, float factor) {
  float* const r = planes.r;
  float* const g = planes.g;
  float* const b = planes.b;
  for (int64_t i = 0; i < planes.count; ++i) {
    const float base = grey(r[i], g[i], b[i]) * (1.0F - factor);
    r[i] = to_byte(r[i] * factor + base);
    g[i] = to_byte(g[i] * factor + base);
    b[i] = to_byte(b[i] * factor + base);
  }
}

// To hue, saturation, value and back (Smith 1978), with the hue turned.
void turn_hue(float& r, float& g, float& b, float turn) {
  const float high = std::max({r, g, b}), low = std::min({r, g, b}), range = high - low;
  if (range == 0) return;
  float hue = 0;
  if (high == r) {
    hue = (g - b) / range;
  } else if (high == g) {
    hue = 2 + (b - r) / range;
  } else {
    hue = 4 + (r - g) / range;
  }
  hue = hue / 6 + turn;
  hue = (hue - std::floor(hue)) * 6;
  const float value = high / 255, strength = range / high;
  const float sector = std::floor(hue), part = hue - sector;
  // torchvision scales [0, 1] to bytes by 256 - 1e-3.
  const auto byte = [](float unit) { return to_byte(unit * (256.0F - 1e-3F)); };
  const float v = byte(value), p = byte(value * (1 - strength)), q = byte(value * (1 - strength * part)), t = byte(value * (1 - strength * (1 - part)));
  switch (static_cast<int>(sector) % 6) {
    case 0: r = v, g = t, b = p; break;
    case 1: r = q, g = v, b = p; break;
    case 2: r = p, g = v, b = t; break;
    case 3: r = p, g = q, b = v; break;
    case 4: r = t, g = p, b = v; break;
    default: r = v, g = p, b = q; break;
  }
}

void apply(Planes planes, const View& view, uint8_t step) {
  if (step == 0 && view.brightness != 1) scale_and_shift(planes, view.brightness, 0);
  if (step == 1 && view.contrast != 1) contrast(planes, view.contrast);
  if (step == 2 && view.saturation != 1) saturation(planes, view.saturation);
  if (step == 3 && view.hue != 0) {
    for (int64_t i = 0; i < planes.count; ++i) turn_hue(planes.r[i], planes.g[i], planes.b[i], view.hue);
  }
}

}  // namespace

void jitter(uint8_t* rgb, int64_t pixels, const View& view) {
  if (view.brightness == 1 && view.contrast == 1 && view.saturation == 1 && view.hue == 0) return;
  std::vector<float> store(static_cast<size_t>(3 * pixels));
  const Planes planes{store.data(), store.data() + pixels, store.data() + 2 * pixels, pixels};
  for (int64_t i = 0; i < pixels; ++i) {
    planes.r[i] = rgb[3 * i];
    planes.g[i] = rgb[3 * i + 1];
    planes.b[i] = rgb[3 * i + 2];
  }
  for (const uint8_t step : view.order) apply(planes, view, step);
  for (int64_t i = 0; i < pixels; ++i) {
    rgb[3 * i] = static_cast<uint8_t>(static_cast<int32_t>(planes.r[i]));
    rgb[3 * i + 1] = static_cast<uint8_t>(static_cast<int32_t>(planes.g[i]));
    rgb[3 * i + 2] = static_cast<uint8_t>(static_cast<int32_t>(planes.b[i]));
  }
}

}  // namespace retort::data
