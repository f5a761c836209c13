#pragma once

#include "retort/data/planes.h"
#include "retort/data/view.h"

namespace retort::data {

// Applies the view's brightness, contrast, saturation and hue in the view's order, in place, as
// torchvision v2's adjust_* do on uint8 images, which round to bytes after each step. Neutral
// factors change nothing.
void jitter(Planes& image, const View& view);

}  // namespace retort::data
