#pragma once

#include <cstdint>

#include "retort/data/view.h"

namespace retort::data {

// Brightness, contrast, saturation and hue of the view, in its order, on RGB bytes in place: torchvision v2's adjust_* on uint8 images,
// which cut back to bytes after each step. Neutral factors do nothing.
void jitter(uint8_t* rgb, int64_t pixels, const View& view);

}  // namespace retort::data
