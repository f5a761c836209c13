#include "retort/data/jitter.h"

#include "retort/data/colour.h"

namespace retort::data {

void jitter(Planes& image, const View& view) {
  for (const uint8_t step : view.order) {
    if (step == 0 && view.brightness != 1) adjust_brightness(image, view.brightness);
    if (step == 1 && view.contrast != 1) adjust_contrast(image, view.contrast);
    if (step == 2 && view.saturation != 1) adjust_saturation(image, view.saturation);
    if (step == 3 && view.hue != 0) adjust_hue(image, view.hue);
  }
}

}  // namespace retort::data
