#include "retort/data/mix.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "retort/core/random.h"

namespace retort::data {
namespace {

constexpr uint64_t kMixStream = 0x6D69780000000001ULL;  // other numbers than the view itself draws

// Draws from Beta(α, α) by Jöhnk's method (1964): x = U^(1/α) and y = V^(1/α) with x + y <= 1 give
// x / (x + y).
double draw_beta(double alpha, CounterRng& rng) {
  for (;;) {
    const double x = std::pow(rng.uniform(), 1 / alpha), y = std::pow(rng.uniform(), 1 / alpha);
    if (x + y <= 1 && x + y > 0) return x / (x + y);
  }
}

// torchvision's CutMix: a rectangle of share 1 − λ around a uniform centre, cut off at the borders.
void draw_rectangle(Mix& mix, double lambda, CounterRng& rng) {
  const double reach = 0.5 * std::sqrt(1 - lambda), x = rng.uniform(), y = rng.uniform();
  mix.cut = true;
  mix.top = std::max(y - reach, 0.0);
  mix.bottom = std::min(y + reach, 1.0);
  mix.left = std::max(x - reach, 0.0);
  mix.right = std::min(x + reach, 1.0);
  mix.share = 1 - (mix.bottom - mix.top) * (mix.right - mix.left);
}

// Copies the rectangle from `from`, in one channel.
void paste(uint8_t* to, const uint8_t* from, int64_t width, int64_t height, const Mix& mix) {
  const auto pixel = [](double share, int64_t side) {
    return std::llround(share * static_cast<double>(side));
  };
  const int64_t left = pixel(mix.left, width), right = pixel(mix.right, width),
                bottom = pixel(mix.bottom, height);
  for (int64_t y = pixel(mix.top, height); y < bottom; ++y)
    std::copy_n(from + y * width + left, right - left, to + y * width + left);
}

// Computes share · to + (1 − share) · from, in one channel.
void add(uint8_t* to, const uint8_t* from, int64_t count, double share) {
  const auto own = static_cast<float>(share), other = 1 - own;
  for (int64_t i = 0; i < count; ++i)
    to[i] = static_cast<uint8_t>(
        std::lround(own * static_cast<float>(to[i]) + other * static_cast<float>(from[i])));
}

}  // namespace

std::string MixRecipe::key() const {
  if (!any()) return "";
  char text[80];
  std::snprintf(text, sizeof text, " mix %.17g %.17g", mixup, cutmix);
  return text;
}

Mix draw_mix(const MixRecipe& recipe, uint64_t seed, uint64_t image, int64_t number,
             int64_t images) {
  CounterRng rng{seed, kMixStream, image, static_cast<uint64_t>(number)};
  Mix mix;
  mix.partner = rng.below(images);
  const bool cut = recipe.cutmix > 0 && (recipe.mixup <= 0 || rng.uniform() < 0.5);
  const double lambda = draw_beta(cut ? recipe.cutmix : recipe.mixup, rng);
  if (cut) {
    draw_rectangle(mix, lambda, rng);
  } else {
    mix.share = lambda;
  }
  return mix;
}

void blend(Planes& image, const Planes& partner, const Mix& mix) {
  for (int64_t c = 0; c < 3; ++c) {
    if (mix.cut)
      paste(image.channel(c), partner.channel(c), image.width(), image.height(), mix);
    else
      add(image.channel(c), partner.channel(c), image.count(), mix.share);
  }
}

}  // namespace retort::data
