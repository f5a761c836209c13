#pragma once

#include <cstdint>
#include <string>

#include "retort/data/planes.h"

namespace retort::data {

// Mixup (Zhang et al. 2018, arXiv 1710.09412) and CutMix (Yun et al. 2019, arXiv 1905.04899): a
// view is blended with, or has a rectangle pasted from, the view of the same number of another
// image. The numbers are the α of the Beta(α, α) that the shares are drawn from; 0 is off, at most
// 4. With both on, each takes half of the views.
struct MixRecipe {
  double mixup = 0;
  double cutmix = 0;

  bool any() const { return mixup > 0 || cutmix > 0; }
  // Empty when off, so that stores made without it stay valid.
  std::string key() const;
};

// A pure function of its key, like the view itself: what the teacher saw can be shown again. The
// partner is one of all images of the store, whose key names them.
struct Mix {
  int64_t partner = 0;  // position in the store
  double share = 1;     // of the image's own pixels, and of its label: [0, 1]
  bool cut = false;
  double top = 0, left = 0, bottom = 0, right = 0;  // the rectangle, as shares of the view's sides
};
Mix draw_mix(const MixRecipe& recipe, uint64_t seed, uint64_t image, int64_t number,
             int64_t images);

// Both images have the same size. A rectangle's edges are rounded to pixels.
void blend(Planes& image, const Planes& partner, const Mix& mix);

}  // namespace retort::data
