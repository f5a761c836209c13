#include "retort/generate/image_file.h"

#include <gtest/gtest.h>

#include "tests/support/noise.h"

namespace retort::generate {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(ImageFile, PngKeepsPixelsAndText) {
  const data::Image image = testing::noise(7, 33, 20);
  const std::string file = encode(image, Format::png, "a cat\nSteps: 2");
  EXPECT_EQ(data::decode(bytes_of(file), "a.png").rgb, image.rgb);
  EXPECT_NE(file.find(std::string("tEXtparameters\0a cat\nSteps: 2", 28)), std::string::npos);
}

TEST(ImageFile, PngTextThatIsNotAsciiIsInternational) {
  const std::string file = encode(testing::noise(7, 8, 8), Format::png, "a café");
  EXPECT_NE(file.find(std::string("iTXtparameters\0\0\0\0\0a caf\xc3\xa9", 26)), std::string::npos);
  EXPECT_EQ(file.find("tEXt"), std::string::npos);
}

TEST(ImageFile, JpegHasTheTextAsItsComment) {
  const data::Image image = testing::noise(7, 40, 24);
  const std::string plain = encode(image, Format::jpeg, ""),
                    file = encode(image, Format::jpeg, "a cat");
  EXPECT_EQ(file.substr(0, 4), "\xff\xd8\xff\xe0");
  EXPECT_EQ(file.substr(20, 9), std::string("\xff\xfe\0\7a cat", 9));
  EXPECT_EQ(data::decode(bytes_of(file), "a.jpg").rgb, data::decode(bytes_of(plain), "b.jpg").rgb);
}

TEST(ImageFile, AJpegCommentThatIsTooLongIsCut) {
  const std::string file = encode(testing::noise(7, 8, 8), Format::jpeg, std::string(70'000, 'x'));
  EXPECT_EQ(data::decode(bytes_of(file), "a.jpg").width, 8);
}

}  // namespace
}  // namespace retort::generate
