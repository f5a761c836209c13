#include "retort/data/resizer.h"

#include <gtest/gtest.h>

#include "retort/core/random.h"
#include "tests/data/picture.h"

namespace retort::data {
namespace {

Image noise(int64_t width, int64_t height, CounterRng& rng) {
  Image image{width, height, std::vector<uint8_t>(static_cast<size_t>(3 * width * height))};
  for (uint8_t& byte : image.rgb) {
    // A third of the bytes are 0 or 255, where sums leave the range of a byte.
    const int64_t value = rng.below(384);
    byte = static_cast<uint8_t>(value < 256 ? value : value < 320 ? 0 : 255);
  }
  return image;
}

// One Resizer serves all sizes, so that its buffers hold the data of images of other sizes.
TEST(Resizer, HasTheBytesOfLibtorch) {
  if (!has_avx2()) GTEST_SKIP() << "this processor has no AVX2: libtorch resizes";
  CounterRng rng{7};
  Resizer resizer;
  Planes ours, theirs;
  for (int i = 0; i < 300; ++i) {
    const Image image = noise(1 + rng.below(120), 1 + rng.below(120), rng);
    Window window{0, 0, 1 + rng.below(image.height), 1 + rng.below(image.width)};
    window.top = rng.below(image.height - window.height + 1);
    window.left = rng.below(image.width - window.width + 1);
    const int64_t width = 1 + rng.below(100), height = 1 + rng.below(100);
    const Interpolation interpolation =
        rng.below(2) == 0 ? Interpolation::bilinear : Interpolation::bicubic;
    const bool mirrored = rng.below(2) == 0;
    resizer.resize(image, window, width, height, interpolation, mirrored, ours);
    resize_by_libtorch(image, window, width, height, interpolation, mirrored, theirs);
    ASSERT_EQ(interleaved(ours).rgb, interleaved(theirs).rgb)
        << window.width << " x " << window.height << " to " << width << " x " << height
        << " mirrored " << mirrored;
  }
}

// Reduces strongly: hundreds of taps, and more fractional bits than weights of 16 bits have.
TEST(Resizer, HasTheBytesOfLibtorchWhereAllIsOnePixel) {
  if (!has_avx2()) GTEST_SKIP() << "this processor has no AVX2: libtorch resizes";
  CounterRng rng{8};
  const Image image = noise(1500, 700, rng);
  Planes ours, theirs;
  for (const Interpolation interpolation : {Interpolation::bilinear, Interpolation::bicubic}) {
    Resizer().resize(image, {0, 0, 700, 1500}, 1, 2, interpolation, false, ours);
    resize_by_libtorch(image, {0, 0, 700, 1500}, 1, 2, interpolation, false, theirs);
    EXPECT_EQ(interleaved(ours).rgb, interleaved(theirs).rgb);
  }
}

TEST(Resizer, TakesSidesLongerThanAnyPhotographs) {
  const Image line{70'000, 1, std::vector<uint8_t>(210'000, 9)};
  Planes ours;
  Resizer().resize(line, {0, 0, 1, 70'000}, 5, 1, Interpolation::bilinear, false, ours);
  EXPECT_EQ(interleaved(ours).rgb, std::vector<uint8_t>(15, 9));
}

}  // namespace
}  // namespace retort::data
