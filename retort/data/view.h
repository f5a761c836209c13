#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "retort/data/augment.h"
#include "retort/data/decode.h"
#include "retort/data/input_spec.h"
#include "retort/data/mix.h"
#include "retort/data/planes.h"
#include "retort/data/resizer.h"

namespace retort::data {

// How training views are drawn. Ranges as in torchvision's RandomResizedCrop and ColorJitter.
struct ViewRecipe {
  double scale_min = 0.35;  // the crop's share of the area; (0, 1]
  double scale_max = 1.0;
  double ratio_min = 3.0 / 4.0;  // the crop's aspect ratio
  double ratio_max = 4.0 / 3.0;
  double flip = 0.5;        // probability of a horizontal flip
  double turn = 0;          // probability of a turn by 90, 180 or 270 degrees, drawn evenly
  double brightness = 0.2;  // factors are uniform in [1 - x, 1 + x]; [0, 1]
  double contrast = 0.2;
  double saturation = 0.2;
  double hue = 0.0;  // shift uniform in [-x, x] of a full turn; [0, 0.5]
  AugmentRecipe augment;
  MixRecipe mix;  // of whole views: render_batch

  // Every field that changes something, for cache keys.
  std::string key() const;
};

// One way to look at one image: a value. Rendering it twice gives the same bytes, on any thread, in
// any order.
struct View {
  int64_t top = 0, left = 0, height = 0, width = 0;  // the crop, in the stored image's pixels
  bool flip = false;
  int64_t quarters = 0;  // turned anticlockwise, after the flip; [0, 3]
  float brightness = 1, contrast = 1, saturation = 1, hue = 0;
  std::array<uint8_t, 4> order{0, 1, 2, 3};  // of brightness, contrast, saturation, hue
  std::vector<AugmentStep> augment{};        // after all of these
};

inline Window crop_of(const View& view) { return {view.top, view.left, view.height, view.width}; }

// View number `number` of the image of this seed (ImageStore::seed): a pure function of its
// arguments. The crop follows torchvision's RandomResizedCrop.get_params.
View draw_view(const ViewRecipe& recipe, int64_t width, int64_t height, uint64_t seed,
               uint64_t image, int64_t number);

// Renders views, one after the other. What it works with is kept, so that nothing is allocated for
// an image once there was one as large (augmentation beyond flip and jitter may). For one thread.
class Renderer {
 public:
  // The crop resized (with antialias) to spec.size, flipped, turned, colours jittered, as uint8:
  // what torchvision v2's resized_crop, hflip, torch.rot90 and adjust_* make of the same
  // parameters, within 1/255 a pixel on average. Then the augmentation, on those pixels. The caller
  // may change them; they live until the next view. Throws Error where the crop is not inside the
  // image.
  Planes& view(const ImageView& image, const View& view, const InputSpec& spec) {
    return render(image, crop_of(view), view, spec);
  }
  // The same from the part of the image that the crop is.
  Planes& view(const Part& crop, const View& view, const InputSpec& spec) {
    return render(crop.image, crop.window, view, spec);
  }

 private:
  Planes& render(const ImageView& image, const Window& crop, const View& view,
                 const InputSpec& spec);

  Resizer resizer_;
  Planes planes_;
};

// Evaluation: short side resized, centre cropped, as torchvision's Resize and CenterCrop on PIL
// images.
Image render_eval(ImageView image, const InputSpec& spec);

// Resized, with antialias, as PIL does.
Image resize(ImageView image, int64_t width, int64_t height, Interpolation interpolation);

// uint8 [N, H, W, 3] to float [N, 3, H, W] in channels-last layout, scaled and normalised.
at::Tensor normalize(const at::Tensor& pixels, const InputSpec& spec);
// The same for pixels of any number of rows: channels-last keeps a pixel's channels together.
void normalize(const uint8_t* rgb, int64_t pixels, const InputSpec& spec, float* out);
void normalize(const Planes& planes, const InputSpec& spec, float* out);

}  // namespace retort::data
