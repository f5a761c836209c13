#include "retort/data/view.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/random.h"
#include "retort/core/vectorised.h"
#include "retort/data/jitter.h"
#include "retort/data/warp.h"
#include "retort/data/window.h"

namespace retort::data {
namespace {

std::string size_text(int64_t width, int64_t height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

// RandomResizedCrop.get_params (torchvision 0.29): up to ten tries, then the largest central crop
// with an allowed aspect ratio.
Window draw_crop(const ViewRecipe& recipe, int64_t width, int64_t height, CounterRng& rng) {
  const auto w = static_cast<double>(width), h = static_cast<double>(height);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = w * h * rng.uniform(recipe.scale_min, recipe.scale_max);
    const double ratio =
        std::exp(rng.uniform(std::log(recipe.ratio_min), std::log(recipe.ratio_max)));
    const auto crop_w = static_cast<int64_t>(std::nearbyint(std::sqrt(area * ratio)));
    const auto crop_h = static_cast<int64_t>(std::nearbyint(std::sqrt(area / ratio)));
    if (crop_w < 1 || crop_w > width || crop_h < 1 || crop_h > height) continue;
    const int64_t top = rng.below(height - crop_h + 1);
    return {top, rng.below(width - crop_w + 1), crop_h, crop_w};
  }
  int64_t crop_w = width, crop_h = height;
  if (w / h < recipe.ratio_min) crop_h = static_cast<int64_t>(std::nearbyint(w / recipe.ratio_min));
  if (w / h > recipe.ratio_max) crop_w = static_cast<int64_t>(std::nearbyint(h * recipe.ratio_max));
  crop_w = std::clamp<int64_t>(crop_w, 1, width);
  crop_h = std::clamp<int64_t>(crop_h, 1, height);
  return {(height - crop_h) / 2, (width - crop_w) / 2, crop_h, crop_w};
}

// pixel / 255 - mean, divided by std, as pixel * scale + bias.
struct Scale {
  std::array<float, 3> scale{}, bias{};
  explicit Scale(const InputSpec& spec) {
    for (size_t c = 0; c < 3; ++c) {
      scale[c] = 1 / (255 * spec.std[c]);
      bias[c] = -spec.mean[c] / spec.std[c];
    }
  }
};

RETORT_VECTORISED void normalize_bytes(const uint8_t* rgb, int64_t values, const Scale& by,
                                       float* out) {
  // Scale and bias are repeated for 16 pixels, so that the inner loop is one that the compiler
  // vectorises.
  constexpr int64_t kRun = 48;
  std::array<float, kRun> scale{}, bias{};
  for (size_t i = 0; i < kRun; ++i) {
    scale[i] = by.scale[i % 3];
    bias[i] = by.bias[i % 3];
  }
  int64_t start = 0;
  for (; start + kRun <= values; start += kRun) {
    for (int64_t i = 0; i < kRun; ++i)
      out[start + i] = static_cast<float>(rgb[start + i]) * scale[static_cast<size_t>(i)] +
                       bias[static_cast<size_t>(i)];
  }
  for (int64_t i = 0; start + i < values; ++i)
    out[start + i] = static_cast<float>(rgb[start + i]) * scale[static_cast<size_t>(i)] +
                     bias[static_cast<size_t>(i)];
}

RETORT_VECTORISED void normalize_channels(const uint8_t* red, const uint8_t* green,
                                          const uint8_t* blue, int64_t pixels, const Scale& by,
                                          float* out) {
  const std::array<float, 3> scale = by.scale, bias = by.bias;
  for (int64_t i = 0; i < pixels; ++i) {
    out[3 * i] = static_cast<float>(red[i]) * scale[0] + bias[0];
    out[3 * i + 1] = static_cast<float>(green[i]) * scale[1] + bias[1];
    out[3 * i + 2] = static_cast<float>(blue[i]) * scale[2] + bias[2];
  }
}

}  // namespace

std::string ViewRecipe::key() const {
  std::string text = "random-resized-crop";
  const auto append = [&](double value) {
    char number[40];
    std::snprintf(number, sizeof number, " %.17g", value);
    text += number;
  };
  for (const double value :
       {scale_min, scale_max, ratio_min, ratio_max, flip, brightness, contrast, saturation, hue})
    append(value);
  // Turns are named only where they are used, so that outputs stored for views without turns stay
  // valid.
  if (turn > 0) {
    text += " turn";
    append(turn);
  }
  return text + augment.key() + mix.key();
}

View draw_view(const ViewRecipe& recipe, int64_t width, int64_t height, uint64_t seed,
               uint64_t image, int64_t number) {
  CounterRng rng{seed, image, static_cast<uint64_t>(number)};
  View view;
  const Window crop = draw_crop(recipe, width, height, rng);
  view.top = crop.top;
  view.left = crop.left;
  view.height = crop.height;
  view.width = crop.width;
  view.flip = rng.uniform() < recipe.flip;
  const auto factor = [&](double reach) {
    return static_cast<float>(rng.uniform(1 - reach, 1 + reach));
  };
  view.brightness = factor(recipe.brightness);
  view.contrast = factor(recipe.contrast);
  view.saturation = factor(recipe.saturation);
  view.hue = static_cast<float>(rng.uniform(-recipe.hue, recipe.hue));
  for (size_t i = view.order.size() - 1; i > 0; --i)
    std::swap(view.order[i],
              view.order[static_cast<size_t>(rng.below(static_cast<int64_t>(i) + 1))]);
  view.augment = draw_augment(recipe.augment, rng);
  // This is drawn last, so that the other values are the same with and without turns.
  if (rng.uniform() < recipe.turn) view.quarters = 1 + rng.below(3);
  return view;
}

Planes& Renderer::render(const ImageView& image, const Window& crop, const View& view,
                         const InputSpec& spec) {
  check_inside(crop, image.width, image.height);
  resizer_.resize(image, crop, spec.size, spec.size, spec.interpolation, view.flip, planes_);
  turn(planes_, view.quarters);
  jitter(planes_, view);
  augment(planes_, view.augment);
  return planes_;
}

Image render_eval(ImageView image, const InputSpec& spec) {
  const int64_t side = resize_side(spec), shorter = std::min(image.width, image.height),
                longer = std::max(image.width, image.height);
  if (shorter < 1) throw Error("the image has no pixels");
  const auto stretched =
      static_cast<int64_t>(static_cast<double>(side * longer) / static_cast<double>(shorter));
  const Image resized = image.width <= image.height
                            ? resize(image, side, stretched, spec.interpolation)
                            : resize(image, stretched, side, spec.interpolation);
  // CenterCrop rounds halves to even, as Python does.
  const auto start = [&](int64_t length) {
    return static_cast<int64_t>(std::nearbyint(static_cast<double>(length - spec.size) / 2));
  };
  return cut(resized, {start(resized.height), start(resized.width), spec.size, spec.size});
}

Image resize(ImageView image, int64_t width, int64_t height, Interpolation interpolation) {
  if (image.width < 1 || image.height < 1) throw Error("the image has no pixels");
  if (width < 1 || height < 1 || width > kMaxPixels / height) {
    throw Error("an image of " + size_text(image.width, image.height) +
                " pixels cannot be resized to " + size_text(width, height));
  }
  Planes planes;
  Resizer().resize(image, whole(image), width, height, interpolation, /*mirrored=*/false, planes);
  return interleaved(planes);
}

void normalize(const uint8_t* rgb, int64_t pixels, const InputSpec& spec, float* out) {
  normalize_bytes(rgb, 3 * pixels, Scale(spec), out);
}

void normalize(const Planes& planes, const InputSpec& spec, float* out) {
  normalize_channels(planes.channel(0), planes.channel(1), planes.channel(2), planes.count(),
                     Scale(spec), out);
}

at::Tensor normalize(const at::Tensor& pixels, const InputSpec& spec) {
  if (pixels.dim() != 4 || pixels.size(3) != 3 || pixels.scalar_type() != at::kByte)
    throw Error("normalize takes uint8 pixels [N, H, W, 3]");
  const at::Tensor bytes = pixels.contiguous();
  const int64_t images = bytes.size(0), count = bytes.size(1) * bytes.size(2);
  at::Tensor out =
      at::empty({images, 3, bytes.size(1), bytes.size(2)},
                at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
  const auto* in = bytes.const_data_ptr<uint8_t>();
  auto* to = out.data_ptr<float>();
  at::parallel_for(0, images, 1, [&](int64_t first, int64_t last) {
    normalize(in + 3 * count * first, count * (last - first), spec, to + 3 * count * first);
  });
  return out;
}

}  // namespace retort::data
