#pragma once

#include <array>
#include <cstdint>

#include "retort/data/planes.h"

namespace retort::data {

using Colour = std::array<uint8_t, 3>;

// An affine map from the result to the source: the result's pixel (x, y) takes the value of the
// source at (xx·x + xy·y + x0, yx·x + yy·y + y0). Both are in pixels, relative to the centre of the
// image.
struct Affine {
  float xx = 1, xy = 0, x0 = 0;
  float yx = 0, yy = 1, y0 = 0;
};

// A rotation of the image anticlockwise about its centre.
Affine rotation(float degrees);

enum class Sampling { nearest, bilinear };

// torchvision v2's affine on uint8 images, in place; what lies outside has the colour `fill`.
void warp(Planes& image, const Affine& affine, Sampling sampling, const Colour& fill);

// The pixel (x, y) takes the value at (x + dx, y + dy), in pixels; what lies outside has the colour
// `fill`.
void shift(Planes& image, int64_t dx, int64_t dy, const Colour& fill);

// Left becomes right.
void mirror(Planes& image);

// Turns a square image anticlockwise by this many quarters, [0, 3], in place, as torch.rot90 does.
void turn(Planes& image, int64_t quarters);

// Fills rows [top, bottom) and columns [left, right), as far as they are inside the image.
void fill_box(Planes& image, int64_t top, int64_t left, int64_t bottom, int64_t right,
              const Colour& fill);

}  // namespace retort::data
