#include "retort/data/colour.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "retort/core/vectorised.h"
#include "retort/data/to_byte.h"

namespace retort::data {
namespace {

// Grey weights of torchvision's rgb_to_grayscale (ITU-R BT.601, rounded).
constexpr float kRed = 0.2989F, kGreen = 0.587F, kBlue = 0.114F;

[[gnu::always_inline]] inline int32_t grey(uint8_t r, uint8_t g, uint8_t b) {
  return static_cast<int32_t>(static_cast<float>(r) * kRed + static_cast<float>(g) * kGreen +
                              static_cast<float>(b) * kBlue);
}

RETORT_VECTORISED void scale_and_shift(uint8_t* plane, int64_t count, float scale, float shift) {
  for (int64_t i = 0; i < count; ++i)
    plane[i] = to_byte(static_cast<float>(plane[i]) * scale + shift);
}

RETORT_VECTORISED double sum_of_grey(const uint8_t* r, const uint8_t* g, const uint8_t* b,
                                     int64_t count) {
  double sum = 0;
  for (int64_t start = 0; start < count; start += 4096) {  // so that a part's sum fits into 32 bits
    const int64_t end = std::min<int64_t>(start + 4096, count);
    int32_t part = 0;
    for (int64_t i = start; i < end; ++i) part += grey(r[i], g[i], b[i]);
    sum += part;
  }
  return sum;
}

RETORT_VECTORISED void mix_with_grey(uint8_t* __restrict__ r, uint8_t* __restrict__ g,
                                     uint8_t* __restrict__ b, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i) {
    const float base = static_cast<float>(grey(r[i], g[i], b[i])) * (1.0F - factor);
    r[i] = to_byte(static_cast<float>(r[i]) * factor + base);
    g[i] = to_byte(static_cast<float>(g[i]) * factor + base);
    b[i] = to_byte(static_cast<float>(b[i]) * factor + base);
  }
}

// Converts to hue, saturation and value (Smith 1978), turns the hue, and converts back.
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
  const uint8_t v = byte(value), p = byte(value * (1 - strength)),
                q = byte(value * (1 - strength * part)),
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

}  // namespace

// The three planes follow each other in memory and are scaled in one pass.
void adjust_brightness(Planes& image, float factor) {
  scale_and_shift(image.channel(0), 3 * image.count(), factor, 0);
}

void adjust_contrast(Planes& image, float factor) {
  const double mean =
      sum_of_grey(image.channel(0), image.channel(1), image.channel(2), image.count()) /
      static_cast<double>(image.count());
  scale_and_shift(image.channel(0), 3 * image.count(), factor,
                  static_cast<float>(mean) * (1.0F - factor));
}

void adjust_saturation(Planes& image, float factor) {
  mix_with_grey(image.channel(0), image.channel(1), image.channel(2), image.count(), factor);
}

void adjust_hue(Planes& image, float turn) {
  uint8_t *r = image.channel(0), *g = image.channel(1), *b = image.channel(2);
  for (int64_t i = 0; i < image.count(); ++i) turn_hue(r[i], g[i], b[i], turn);
}

void adjust_sharpness(Planes& image, float factor) {
  const int64_t width = image.width(), height = image.height();
  std::vector<uint8_t> before(static_cast<size_t>(image.count()));
  for (int64_t c = 0; c < 3; ++c) {
    uint8_t* plane = image.channel(c);
    std::copy_n(plane, image.count(), before.begin());
    for (int64_t y = 1; y < height - 1; ++y) {
      const uint8_t *up = before.data() + (y - 1) * width, *row = up + width, *down = row + width;
      for (int64_t x = 1; x < width - 1; ++x) {
        const int32_t around = up[x - 1] + up[x] + up[x + 1] + row[x - 1] + row[x + 1] +
                               down[x - 1] + down[x] + down[x + 1];
        // A sum of thirteenths is never half-way between two bytes, so that adding 1/2 rounds as
        // torch does.
        const int32_t blurred = (2 * (around + 5 * row[x]) + 13) / 26;
        const auto sharp = static_cast<float>(row[x]);
        plane[y * width + x] =
            to_byte(sharp + (1.0F - factor) * (static_cast<float>(blurred) - sharp));
      }
    }
  }
}

}  // namespace retort::data
