#pragma once

#include "retort/data/planes.h"

namespace retort::data {

// torchvision v2's adjust_* and colour functions on uint8 images, in place. Factors are >= 0; 1
// changes nothing.
void adjust_brightness(Planes& image, float factor);
void adjust_contrast(Planes& image, float factor);
void adjust_saturation(Planes& image, float factor);
// Turns the hue by this share of a full turn, [-0.5, 0.5].
void adjust_hue(Planes& image, float turn);
// 0 blurs, 2 sharpens; the outermost pixels stay.
void adjust_sharpness(Planes& image, float factor);

// Keeps the upper `bits` of each value, [0, 8].
void posterize(Planes& image, int64_t bits);
// Inverts values of `threshold` and above.
void solarize(Planes& image, float threshold);
// Stretches each channel to [0, 255].
void autocontrast(Planes& image);
// Makes each channel's histogram as even as it can, as PIL does.
void equalize(Planes& image);

}  // namespace retort::data
