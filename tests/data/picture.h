#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "retort/data/decode.h"
#include "retort/data/view.h"
#include "retort/data/window.h"
#include "tests/data/folder.h"

namespace retort::data {

// The picture that the fixtures were made of.
inline const Image& source() {
  static const Image image = decode_file(testing::fixture("source.png"));
  return image;
}

inline Image render_view(const ImageView& image, const View& view, const InputSpec& spec) {
  Renderer renderer;
  return interleaved(renderer.view(image, view, spec));
}

// The mean absolute difference, in units of 1/255; `wanted` is H×W×3, 8 bit.
inline double difference(const Image& image, const at::Tensor& wanted) {
  EXPECT_EQ(image.height, wanted.size(0));
  EXPECT_EQ(image.width, wanted.size(1));
  if (image.rgb.size() != static_cast<size_t>(wanted.numel())) return INFINITY;
  const auto* bytes = wanted.const_data_ptr<uint8_t>();
  double sum = 0;
  for (size_t i = 0; i < image.rgb.size(); ++i) sum += std::abs(image.rgb[i] - bytes[i]);
  return sum / static_cast<double>(image.rgb.size());
}

}  // namespace retort::data
