#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "retort/core/random.h"
#include "retort/core/words.h"
#include "retort/data/planes.h"

namespace retort::data {

// single: each view gets one of DiffAugment's operations, drawn evenly. multiple: each view gets
// all, in the order given.
enum class DiffAugmentMode : uint8_t { single, multiple };

// Augmentation beyond crop, flip and colour jitter. Drawn values are fractions of the side, angles
// and factors, never pixels, so that models of different resolutions see the same view. Where both
// are asked for, RandAugment comes first.
struct AugmentRecipe {
  // DiffAugment (Zhao et al. 2020, arXiv 2006.10738), with the operations and strengths of Zhao &
  // Bilen (2021, arXiv 2102.08259), which Farhat & Chen use: some of flip, color, crop, rotate,
  // scale, cutout, separated by commas, each at most once; empty: none.
  std::string diffaugment;
  DiffAugmentMode diffaugment_mode = DiffAugmentMode::single;
  // RandAugment (Cubuk et al. 2019, arXiv 1909.13719) as in torchvision v2: the number of
  // operations in a view, drawn evenly from fourteen, with repetition; [0, 16], 0: none.
  int64_t randaugment = 0;
  int64_t randaugment_magnitude = 9;  // of 31 steps, [0, 30]

  // Every field that changes something, for cache keys; empty where nothing is done.
  std::string key() const;
};

// Throws UsageError on an unknown operation, one that is named twice, and numbers out of range.
void check(const AugmentRecipe& recipe);

enum class AugmentOp : uint8_t {
  // RandAugment's: nearest neighbour, black outside.
  identity,
  shear_x,      // value 0: tangent
  shear_y,      //
  translate_x,  // value 0: share of the side by which the image moves right or down
  translate_y,  //
  rotate,       // value 0: degrees, anticlockwise
  brightness,   // value 0: factor
  saturation,   //
  contrast,     //
  sharpness,    //
  posterize,    // value 0: bits
  solarize,     // value 0: threshold, [0, 255]
  autocontrast,
  equalize,
  // DiffAugment's: bilinear, ImageNet's mean colour outside (0 after normalisation).
  diff_flip,
  diff_color,  // values: brightness added, saturation factor, contrast factor; on values normalised
               // as ImageNet's
  diff_crop,   // values: share of the side by which the window moves right, down
  diff_rotate,  // value 0: degrees, anticlockwise
  diff_scale,   // values: horizontal, vertical; 0.5 enlarges two times
  diff_cutout,  // values: the centre's place, [0, 1), across, down; a square of half the side
};

// One operation with its drawn values.
struct AugmentStep {
  AugmentOp op = AugmentOp::identity;
  std::array<float, 3> values{};

  bool operator==(const AugmentStep&) const = default;
};

// torchvision's operation at this magnitude, [0, 30]; `negative` negates the value of operations
// that have a sign. Throws Error on another operation or magnitude.
AugmentStep rand_augment_step(AugmentOp op, int64_t magnitude, bool negative);

// Draws one view's steps. Throws UsageError as check() does.
std::vector<AugmentStep> draw_augment(const AugmentRecipe& recipe, CounterRng& rng);

// Applies the steps in order, in place, to a square image. On average over pixels the result is
// within 1/255 of torchvision v2's (RandAugment) and of the published equations' (DiffAugment).
void augment(Planes& image, std::span<const AugmentStep> steps);

}  // namespace retort::data

template <>
struct retort::Words<retort::data::DiffAugmentMode> {
  static constexpr std::array kTable{std::pair{data::DiffAugmentMode::single, "S"},
                                     std::pair{data::DiffAugmentMode::multiple, "M"}};
};
