#pragma once

#include <cstdint>
#include <string>

#include "retort/data/planes.h"

namespace retort::data {

// Mixup (Zhang et al. 2018, arXiv 1710.09412) and CutMix (Yun et al. 2019, arXiv 1905.04899): a
// view is blended with, or gets a rectangle from, the view of the same number of another image.
// Each value is the α of the Beta(α, α) that the shares are drawn from, [0, 4]; 0 is off. With both
// on, each is used for half of the views.
struct MixRecipe {
  double mixup = 0;
  double cutmix = 0;

  bool any() const { return mixup > 0 || cutmix > 0; }
  // The recipe as a part of cache keys; empty when off, so that stores made without it stay valid.
  std::string key() const;
};

// How one view is mixed. It is a pure function of draw_mix's arguments, so that the teacher and the
// student see the same mix. The partner is any image of the store, also the image itself.
struct Mix {
  int64_t partner = 0;  // position in the store
  double share = 1;     // of the image's own pixels, and of its label: [0, 1]
  bool cut = false;
  double top = 0, left = 0, bottom = 0, right = 0;  // the rectangle, as shares of the view's sides
};
Mix draw_mix(const MixRecipe& recipe, uint64_t seed, uint64_t image, int64_t number,
             int64_t images);

// Mixes `partner` into `image`, which has the same size. A rectangle's edges are rounded to pixels.
void blend(Planes& image, const Planes& partner, const Mix& mix);

}  // namespace retort::data
