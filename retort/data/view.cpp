#include "retort/data/view.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/random.h"
#include "retort/data/jitter.h"
#include "retort/data/window.h"

namespace retort::data {
namespace {

std::string size_text(int64_t width, int64_t height) { return std::to_string(width) + " x " + std::to_string(height); }

// The byte kernels behind these operators follow PIL's fixed-point arithmetic; they take windows by themselves.
Image resize_window(const ImageView& image, const Window& window, int64_t width, int64_t height, Interpolation interpolation,
                    bool flip = false) {
  if (window.width == width && window.height == height) return cut(image, window, flip);
  const at::NoGradGuard no_grad;
  uint8_t* first =
      const_cast<uint8_t*>(image.rgb) + 3 * (window.top * image.width + window.left);  // from_blob is not const; it is only read
  const at::Tensor input =
      at::from_blob(first, {1, 3, window.height, window.width}, {3 * image.width * window.height, 1, 3 * image.width, 3}, at::kByte);
  const std::array<int64_t, 2> size{height, width};
  const at::Tensor output = interpolation == Interpolation::bilinear ? at::_upsample_bilinear2d_aa(input, size, /*align_corners=*/false)
                                                                     : at::_upsample_bicubic2d_aa(input, size, /*align_corners=*/false);
  const at::Tensor rows = output.contiguous(at::MemoryFormat::ChannelsLast);
  const ImageView resized(width, height, rows.const_data_ptr<uint8_t>());
  return cut(resized, whole(resized), flip);
}

// RandomResizedCrop.get_params (torchvision 0.29): ten tries, then the largest central crop of an allowed ratio.
Window draw_crop(const ViewRecipe& recipe, int64_t width, int64_t height, CounterRng& rng) {
  const auto w = static_cast<double>(width), h = static_cast<double>(height);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = w * h * rng.uniform(recipe.scale_min, recipe.scale_max);
    const double ratio = std::exp(rng.uniform(std::log(recipe.ratio_min), std::log(recipe.ratio_max)));
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

Image render(const ImageView& image, const Window& crop, const View& view, const InputSpec& spec) {
  check_inside(crop, image.width, image.height);
  Image out = resize_window(image, crop, spec.size, spec.size, spec.interpolation, view.flip);
  if (!jitters(view) && view.augment.empty()) return out;
  Planes planes(out.rgb.data(), out.width, out.height);
  jitter(planes, view);
  augment(planes, view.augment);
  planes.copy_to(out.rgb.data());
  return out;
}

}  // namespace

std::string ViewRecipe::key() const {
  std::string text = "random-resized-crop";
  for (const double value : {scale_min, scale_max, ratio_min, ratio_max, flip, brightness, contrast, saturation, hue}) {
    char number[40];
    std::snprintf(number, sizeof number, " %.17g", value);
    text += number;
  }
  return text + augment.key() + mix.key();
}

View draw_view(const ViewRecipe& recipe, int64_t width, int64_t height, uint64_t seed, int64_t image, int64_t number) {
  CounterRng rng{seed, static_cast<uint64_t>(image), static_cast<uint64_t>(number)};
  View view;
  const Window crop = draw_crop(recipe, width, height, rng);
  view.top = crop.top;
  view.left = crop.left;
  view.height = crop.height;
  view.width = crop.width;
  view.flip = rng.uniform() < recipe.flip;
  const auto factor = [&](double reach) { return static_cast<float>(rng.uniform(1 - reach, 1 + reach)); };
  view.brightness = factor(recipe.brightness);
  view.contrast = factor(recipe.contrast);
  view.saturation = factor(recipe.saturation);
  view.hue = static_cast<float>(rng.uniform(-recipe.hue, recipe.hue));
  for (size_t i = view.order.size() - 1; i > 0; --i)
    std::swap(view.order[i], view.order[static_cast<size_t>(rng.below(static_cast<int64_t>(i) + 1))]);
  view.augment = draw_augment(recipe.augment, rng);
  return view;
}

Image render_view(ImageView image, const View& view, const InputSpec& spec) { return render(image, crop_of(view), view, spec); }

Image render_view(const Part& crop, const View& view, const InputSpec& spec) { return render(crop.image, crop.window, view, spec); }

Image render_eval(ImageView image, const InputSpec& spec) {
  const int64_t side = resize_side(spec), shorter = std::min(image.width, image.height), longer = std::max(image.width, image.height);
  if (shorter < 1) throw Error("the image has no pixels");
  const auto stretched = static_cast<int64_t>(static_cast<double>(side * longer) / static_cast<double>(shorter));
  const Image resized =
      image.width <= image.height ? resize(image, side, stretched, spec.interpolation) : resize(image, stretched, side, spec.interpolation);
  // CenterCrop rounds halves to even, as Python does.
  const auto start = [&](int64_t length) { return static_cast<int64_t>(std::nearbyint(static_cast<double>(length - spec.size) / 2)); };
  return cut(resized, {start(resized.height), start(resized.width), spec.size, spec.size});
}

Image resize(ImageView image, int64_t width, int64_t height, Interpolation interpolation) {
  if (image.width < 1 || image.height < 1) throw Error("the image has no pixels");
  if (width < 1 || height < 1 || width > kMaxPixels / height) {
    throw Error("an image of " + size_text(image.width, image.height) + " pixels cannot be resized to " + size_text(width, height));
  }
  return resize_window(image, whole(image), width, height, interpolation);
}

void normalize(const uint8_t* rgb, int64_t pixels, const InputSpec& spec, float* out) {
  // The channels' pattern repeated, so that the compiler sees a plain loop to vectorise.
  constexpr int64_t kRun = 48;
  std::array<float, kRun> scale{}, bias{};
  for (size_t i = 0; i < kRun; ++i) {
    scale[i] = 1 / (255 * spec.std[i % 3]);
    bias[i] = -spec.mean[i % 3] / spec.std[i % 3];
  }
  const int64_t values = 3 * pixels;
  int64_t start = 0;
  for (; start + kRun <= values; start += kRun) {
    for (int64_t i = 0; i < kRun; ++i)
      out[start + i] = static_cast<float>(rgb[start + i]) * scale[static_cast<size_t>(i)] + bias[static_cast<size_t>(i)];
  }
  for (int64_t i = 0; start + i < values; ++i)
    out[start + i] = static_cast<float>(rgb[start + i]) * scale[static_cast<size_t>(i)] + bias[static_cast<size_t>(i)];
}

at::Tensor normalize(const at::Tensor& pixels, const InputSpec& spec) {
  if (pixels.dim() != 4 || pixels.size(3) != 3 || pixels.scalar_type() != at::kByte)
    throw Error("normalize takes uint8 pixels [N, H, W, 3]");
  const at::Tensor bytes = pixels.contiguous();
  const int64_t images = bytes.size(0), count = bytes.size(1) * bytes.size(2);
  at::Tensor out =
      at::empty({images, 3, bytes.size(1), bytes.size(2)}, at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
  const auto* in = bytes.const_data_ptr<uint8_t>();
  auto* to = out.data_ptr<float>();
  at::parallel_for(0, images, 1, [&](int64_t first, int64_t last) {
    normalize(in + 3 * count * first, count * (last - first), spec, to + 3 * count * first);
  });
  return out;
}

}  // namespace retort::data
