#include "retort/data/encode.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "retort/core/error.h"
#include "tests/data/folder.h"
#include "tests/support/message.h"

namespace retort::data {
namespace {

double mean_difference(const Image& a, const Image& b) {
  double sum = 0;
  for (size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(a.rgb[i] - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

TEST(Encode, DecodesToNearlyTheSameAndQualityCosts) {
  const Image image = decode_file(testing::fixture("source.png"));
  const std::string fine = encode_jpeg(image, 95), coarse = encode_jpeg(image, 30);
  const auto back = [](const std::string& jpeg) {
    return decode(std::as_bytes(std::span(jpeg)), "again");
  };
  ASSERT_EQ(back(fine).width, image.width);
  ASSERT_EQ(back(fine).height, image.height);
  EXPECT_LT(mean_difference(back(fine), image), 6);
  EXPECT_GT(mean_difference(back(coarse), image), mean_difference(back(fine), image));
  EXPECT_LT(coarse.size(), fine.size());
}

TEST(Encode, RefusesWhatIsNoImage) {
  const Image image{1, 1, {1, 2, 3}};
  EXPECT_USAGE_ERROR(encode_jpeg(image, 0), "a JPEG quality of 0 is not in [1, 100]");
  EXPECT_USAGE_ERROR(encode_jpeg(image, 101), "a JPEG quality of 101 is not in [1, 100]");
  EXPECT_ERROR(encode_jpeg(ImageView{}), "0 x 0 pixels cannot be written as JPEG");
  EXPECT_ERROR(encode_jpeg(ImageView(100000, 1, image.rgb.data())),
               "100000 x 1 pixels cannot be written as JPEG");
}

}  // namespace
}  // namespace retort::data
