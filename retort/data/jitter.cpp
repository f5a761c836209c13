#include "retort/data/jitter.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace retort::data {
namespace {

// Grey weights of torchvision's rgb_to_grayscale (ITU-R BT.601, rounded).
constexpr float kRed = 0.2989F, kGreen = 0.587F, kBlue = 0.114F;

// One plane a channel: loops over planes vectorise.
struct Planes {
  uint8_t* r;
  uint8_t* g;
  uint8_t* b;
  int64_t count;
};

// Clamped as a whole number: comparisons of floats keep the compiler from vectorising. Cutting first changes nothing.
inline uint8_t to_byte(float value) {
  int32_t whole = static_cast<int32_t>(value);
  whole = whole < 0 ? 0 : whole;
  return static_cast<uint8_t>(whole > 255 ? 255 : whole);
}

inline int32_t grey(uint8_t r, uint8_t g, uint8_t b) {
  return static_cast<int32_t>(static_cast<float>(r) * kRed + static_cast<float>(g) * kGreen + static_cast<float>(b) * kBlue);
}

void scale_and_shift(Planes planes, float scale, float shift) {
  for (uint8_t* plane : {planes.r, planes.g, planes.b}) {
    for (int64_t i = 0; i < planes.count; ++i) plane[i] = to_byte(static_cast<float>(plane[i]) * scale + shift);
  }
}

void contrast(Planes planes, float factor) {
  double sum = 0;
  for (int64_t start = 0; start < planes.count; start += 4096) {  // short enough for 32 bits
    const int64_t end = start + 4096 < planes.count ? start + 4096 : planes.count;
    int32_t part = 0;
    for (int64_t i = start; i < end; ++i) part += grey(planes.r[i], planes.g[i], planes.b[i]);
    sum += part;
  }
  scale_and_shift(planes, factor, static_cast<float>(sum / static_cast<double>(planes.count)) * (1.0F - factor));
}

void saturation(Planes planes, float factor) {
  uint8_t* __restrict__ const r = planes.r;
  uint8_t* __restrict__ const g = planes.g;
  uint8_t* __restrict__ const b = planes.b;
  for (int64_t i = 0; i < planes.count; ++i) {
    const float base = static_cast<float>(grey(r[i], g[i], b[i])) * (1.0F - factor);
    r[i] = to_byte(static_cast<float>(r[i]) * factor + base);
    g[i] = to_byte(static_cast<float>(g[i]) * factor + base);
    b[i] = to_byte(static_cast<float>(b[i]) * factor + base);
  }
}

// To hue, saturation, value and back (Smith 1978), with the hue turned.
void turn_hue(uint8_t& red, uint8_t& green, uint8_t& blue, float turn) {
  const float r = red, g = green, b = blue;
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
  const uint8_t v = byte(value), p = byte(value * (1 - strength)), q = byte(value * (1 - strength * part)),
                t = byte(value * (1 - strength * (1 - part)));
  switch (static_cast<int>(sector) % 6) {
    case 0:
      red = v, green = t, blue = p;
      break;
    case 1:
      red = q, green = v, blue = p;
      break;
    case 2:
      red = p, green = v, blue = t;
      break;
    case 3:
      red = p, green = q, blue = v;
      break;
    case 4:
      red = t, green = p, blue = v;
      break;
    default:
      red = v, green = p, blue = q;
      break;
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
  std::vector<uint8_t> store(static_cast<size_t>(3 * pixels));
  const Planes planes{store.data(), store.data() + pixels, store.data() + 2 * pixels, pixels};
  for (int64_t i = 0; i < pixels; ++i) {
    planes.r[i] = rgb[3 * i];
    planes.g[i] = rgb[3 * i + 1];
    planes.b[i] = rgb[3 * i + 2];
  }
  for (const uint8_t step : view.order) apply(planes, view, step);
  for (int64_t i = 0; i < pixels; ++i) {
    rgb[3 * i] = planes.r[i];
    rgb[3 * i + 1] = planes.g[i];
    rgb[3 * i + 2] = planes.b[i];
  }
}

}  // namespace retort::data
