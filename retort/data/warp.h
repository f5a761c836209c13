#pragma once

#include <array>
#include <cstdint>

#include "retort/data/planes.h"

namespace retort::data {

using Colour = std::array<uint8_t, 3>;

// Where a pixel's value comes from: (x, y) of the result, from its centre, takes the value at
// (xx·x + xy·y + x0, yx·x + yy·y + y0) of the image, from its centre. x0 and y0 in pixels.
struct Affine {
  float xx = 1, xy = 0, x0 = 0;
  float yx = 0, yy = 1, y0 = 0;
};

// Anticlockwise, about the centre.
Affine rotation(float degrees);

enum class Sampling { nearest, bilinear };

// torchvision v2's affine on uint8 images, in place; what lies outside has the colour `fill`.
void warp(Planes& image, const Affine& affine, Sampling sampling, const Colour& fill);

// The value at (x + dx, y + dy); what lies outside has the colour `fill`. In pixels.
void shift(Planes& image, int64_t dx, int64_t dy, const Colour& fill);

// Left becomes right.
void mirror(Planes& image);

// A square image turned anticlockwise by this many quarters, [0, 3], in place, as torch.rot90.
void turn(Planes& image, int64_t quarters);

// Fills rows [top, bottom) and columns [left, right), cut to the image.
void fill_box(Planes& image, int64_t top, int64_t left, int64_t bottom, int64_t right,
              const Colour& fill);

}  // namespace retort::data
