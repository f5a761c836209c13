#pragma once

#include "retort/data/planes.h"
#include "retort/data/view.h"

namespace retort::data {

// Brightness, contrast, saturation and hue of the view, in its order, in place: torchvision v2's
// adjust_* on uint8 images, which cut back to bytes after each step. Neutral factors do nothing.
void jitter(Planes& image, const View& view);

}  // namespace retort::data
