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

// How training views are drawn. Ranges mean what they mean in torchvision's RandomResizedCrop and
// ColorJitter.
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
  MixRecipe mix;  // of two views, in render_batch

  // Every field that changes something, for cache keys.
  std::string key() const;
};

// The drawn parameters of one training view of an image. Rendering a view twice gives the same
// bytes, on any thread, in any order.
struct View {
  int64_t top = 0, left = 0, height = 0, width = 0;  // the crop, in the stored image's pixels
  bool flip = false;
  int64_t quarters = 0;  // quarter turns anticlockwise, after the flip; [0, 3]
  float brightness = 1, contrast = 1, saturation = 1, hue = 0;
  std::array<uint8_t, 4> order{0, 1, 2, 3};  // of brightness, contrast, saturation, hue
  std::vector<AugmentStep> augment{};        // after all of these
};

inline Window crop_of(const View& view) { return {view.top, view.left, view.height, view.width}; }

// Draws view number `number` of an image of this size. `seed` is the run's view seed, `image` the
// image's (ImageStore::seed). A pure function of its arguments. The crop follows torchvision's
// RandomResizedCrop.get_params. Throws UsageError as check() of the augmentation does.
View draw_view(const ViewRecipe& recipe, int64_t width, int64_t height, uint64_t seed,
               uint64_t image, int64_t number);

// Renders one view after the other. It keeps its buffers, so that it allocates only for an image
// larger than those before (augmentation beyond flip and jitter may allocate). Not thread-safe.
class Renderer {
 public:
  // Resizes the crop (with antialias) to spec.size, flips, turns and jitters it, as uint8, and
  // applies view.augment to the result. Before the augmentation this equals torchvision v2's
  // resized_crop, hflip, torch.rot90 and adjust_* with the same parameters, within 1/255 on average
  // over pixels. The caller may change the planes, which are valid until the next view. Throws
  // Error where the crop is not inside the image.
  Planes& view(const ImageView& image, const View& view, const InputSpec& spec) {
    return render(image, crop_of(view), view, spec);
  }
  // The same from a Part whose window is the view's crop.
  Planes& view(const Part& crop, const View& view, const InputSpec& spec) {
    return render(crop.image, crop.window, view, spec);
  }

 private:
  Planes& render(const ImageView& image, const Window& crop, const View& view,
                 const InputSpec& spec);

  Resizer resizer_;
  Planes planes_;
};

// Renders an image for evaluation: resizes the short side to resize_side(spec) and crops the centre
// to spec.size, as torchvision's Resize and CenterCrop do on PIL images. Throws Error on an image
// without pixels.
Image render_eval(ImageView image, const InputSpec& spec);

// Resizes with antialias, as PIL does. Throws Error where either size is empty or the new one
// exceeds kMaxPixels.
Image resize(ImageView image, int64_t width, int64_t height, Interpolation interpolation);

// Turns uint8 [N, H, W, 3] into float [N, 3, H, W] in channels-last layout: (pixel / 255 − mean) /
// std. Throws Error on another shape or type.
at::Tensor normalize(const at::Tensor& pixels, const InputSpec& spec);
// The same for `pixels` interleaved pixels, or for planes: writes 3 floats a pixel, interleaved.
void normalize(const uint8_t* rgb, int64_t pixels, const InputSpec& spec, float* out);
void normalize(const Planes& planes, const InputSpec& spec, float* out);

}  // namespace retort::data
