#include "retort/data/warp.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace retort::data {
namespace {

// A copy of the image, surrounded by a colour. Coordinates are compared as floats before they
// become whole numbers, because they may be arbitrarily large.
struct Surrounded {
  const Planes image;
  const Colour& fill;

  bool near(float x, float y) const {
    return x > -2 && y > -2 && x < static_cast<float>(image.width()) + 1 &&
           y < static_cast<float>(image.height()) + 1;
  }
  uint8_t at(size_t c, int64_t x, int64_t y) const {
    const bool outside = x < 0 || y < 0 || x >= image.width() || y >= image.height();
    return outside ? fill[c] : image.channel(static_cast<int64_t>(c))[y * image.width() + x];
  }
  Colour nearest(float x, float y) const {
    if (!near(x, y)) return fill;
    const int64_t column = std::lrint(x),
                  row = std::lrint(y);  // halves to even, as grid_sample does
    return {at(0, column, row), at(1, column, row), at(2, column, row)};
  }
  Colour bilinear(float x, float y) const {
    if (!near(x, y)) return fill;
    const float left = std::floor(x), top = std::floor(y), rest_x = x - left, rest_y = y - top;
    const auto column = static_cast<int64_t>(left), row = static_cast<int64_t>(top);
    Colour colour{};
    for (size_t c = 0; c < 3; ++c) {
      const auto across = [&](int64_t r) {
        return static_cast<float>(at(c, column, r)) * (1 - rest_x) +
               static_cast<float>(at(c, column + 1, r)) * rest_x;
      };
      colour[c] =
          static_cast<uint8_t>(std::lrint(across(row) * (1 - rest_y) + across(row + 1) * rest_y));
    }
    return colour;
  }
};

void quarter_turn(uint8_t* square, int64_t side) {
  const auto at = [&](int64_t row, int64_t column) -> uint8_t& {
    return square[row * side + column];
  };
  // Each step exchanges four pixels.
  for (int64_t i = 0; i < side / 2; ++i) {
    for (int64_t j = 0; j < (side + 1) / 2; ++j) {
      const int64_t bottom = side - 1 - i, right = side - 1 - j;
      const uint8_t first = at(i, j);
      at(i, j) = at(j, bottom);
      at(j, bottom) = at(bottom, right);
      at(bottom, right) = at(right, i);
      at(right, i) = first;
    }
  }
}

}  // namespace

Affine rotation(float degrees) {
  const double angle = static_cast<double>(degrees) * std::numbers::pi / 180;
  const auto cosine = static_cast<float>(std::cos(angle)),
             sine = static_cast<float>(std::sin(angle));
  return {.xx = cosine, .xy = -sine, .yx = sine, .yy = cosine};
}

void warp(Planes& image, const Affine& affine, Sampling sampling, const Colour& fill) {
  const Surrounded source{image, fill};
  const float middle_x = static_cast<float>(image.width() - 1) / 2,
              middle_y = static_cast<float>(image.height() - 1) / 2;
  uint8_t *r = image.channel(0), *g = image.channel(1), *b = image.channel(2);
  for (int64_t y = 0; y < image.height(); ++y) {
    const float from_y = static_cast<float>(y) - middle_y;
    for (int64_t x = 0; x < image.width(); ++x) {
      const float from_x = static_cast<float>(x) - middle_x;
      const float source_x = affine.xx * from_x + affine.xy * from_y + affine.x0 + middle_x;
      const float source_y = affine.yx * from_x + affine.yy * from_y + affine.y0 + middle_y;
      const Colour colour = sampling == Sampling::nearest ? source.nearest(source_x, source_y)
                                                          : source.bilinear(source_x, source_y);
      *r++ = colour[0], *g++ = colour[1], *b++ = colour[2];
    }
  }
}

void shift(Planes& image, int64_t dx, int64_t dy, const Colour& fill) {
  warp(image, {.x0 = static_cast<float>(dx), .y0 = static_cast<float>(dy)}, Sampling::nearest,
       fill);
}

void mirror(Planes& image) {
  for (int64_t c = 0; c < 3; ++c) {
    uint8_t* plane = image.channel(c);
    for (int64_t y = 0; y < image.height(); ++y)
      std::reverse(plane + y * image.width(), plane + (y + 1) * image.width());
  }
}

void turn(Planes& image, int64_t quarters) {
  for (int64_t c = 0; c < 3; ++c) {
    uint8_t* const plane = image.channel(c);
    if (quarters & 2) std::reverse(plane, plane + image.count());
    if (quarters & 1) quarter_turn(plane, image.width());
  }
}

void fill_box(Planes& image, int64_t top, int64_t left, int64_t bottom, int64_t right,
              const Colour& fill) {
  const auto columns = [&](int64_t x) { return std::clamp<int64_t>(x, 0, image.width()); };
  const int64_t first = columns(left), last = std::max(columns(right), first);
  for (size_t c = 0; c < 3; ++c) {
    uint8_t* plane = image.channel(static_cast<int64_t>(c));
    for (int64_t y = std::max<int64_t>(top, 0); y < std::min(bottom, image.height()); ++y)
      std::fill(plane + y * image.width() + first, plane + y * image.width() + last, fill[c]);
  }
}

}  // namespace retort::data
