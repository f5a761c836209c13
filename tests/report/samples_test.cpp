#include "retort/report/samples.h"

#include <cmath>

#include <gtest/gtest.h>

#include "retort/core/file.h"
#include "retort/data/decode.h"
#include "tests/report/example.h"
#include "tests/support/folder.h"

namespace retort::report {
namespace {

std::vector<std::string> paths(const std::vector<Sample>& found) {
  std::vector<std::string> all;
  for (const Sample& sample : found) all.push_back(sample.prediction.path);
  return all;
}

TEST(Samples, Base64) {  // the vectors of RFC 4648
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64(std::string("\xFF\xFE\x00", 3)), "//4A");
}

TEST(Samples, TheMostConfidentWrongComeFirst) {
  const testing::TestFolder folder;
  for (const char* name : {"a.jpg", "b.jpg", "c.jpg", "d.jpg"})
    write_picture(folder / name, 8, 8, 1);
  const std::vector<data::Prediction> predictions = {{"a.jpg", 0, 1, 0.3},
                                                     {"b.jpg", 0, 1, 0.9},
                                                     {"gone.jpg", 0, 1, 0.8},
                                                     {"c.jpg", 0, 1, NAN},
                                                     {"d.jpg", 0, 0, 0.99}};
  EXPECT_EQ(paths(samples(predictions, folder.path(), false, 9)),
            (std::vector<std::string>{"b.jpg", "a.jpg", "c.jpg"}));
  EXPECT_EQ(paths(samples(predictions, folder.path(), false, 1)),
            (std::vector<std::string>{"b.jpg"}));
  EXPECT_EQ(paths(samples(predictions, folder.path(), true, 9)),
            (std::vector<std::string>{"d.jpg"}));
}

TEST(Samples, TheRightAreDrawnAlikeInAnyOrderOfPredictions) {
  const testing::TestFolder folder;
  std::vector<data::Prediction> predictions;
  for (int64_t i = 0; i < 40; ++i) {
    predictions.push_back({std::to_string(i) + ".jpg", i / 10, i / 10, 0.9});
    write_picture(folder / predictions.back().path, 8, 8, i);
  }
  const std::vector<std::string> first = paths(samples(predictions, folder.path(), true, 10));
  EXPECT_EQ(first.size(), 10U);
  std::reverse(predictions.begin(), predictions.end());
  EXPECT_EQ(paths(samples(predictions, folder.path(), true, 10)), first);
}

TEST(Samples, ThumbnailsAreJpegsOfAtMost96Pixels) {
  const testing::TestFolder folder;
  write_picture(folder / "wide.jpg", 300, 150, 3);
  write_picture(folder / "thin.jpg", 2000, 2, 3);
  write_picture(folder / "tiny.jpg", 20, 30, 3);
  write_file_atomic(folder / "text.jpg", "not an image");
  const auto size_of = [&](const std::string& name) {
    const std::vector<Sample> found = samples({{name, 0, 0, 1}}, folder.path(), true, 1);
    if (found.empty()) return std::pair<int64_t, int64_t>{0, 0};
    const std::string prefix = "data:image/jpeg;base64,";
    EXPECT_TRUE(found[0].data_uri.starts_with(prefix));
    std::string bytes;
    uint32_t word = 0;
    int bits = 0;
    for (const char c : found[0].data_uri.substr(prefix.size())) {
      if (c == '=') break;
      const std::string alphabet =
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
      word = word << 6 | static_cast<uint32_t>(alphabet.find(c));
      if ((bits += 6) >= 8) bytes += static_cast<char>(word >> (bits -= 8) & 0xFF);
    }
    const data::Image image = data::decode(std::as_bytes(std::span(bytes)), name);
    return std::pair{image.width, image.height};
  };
  EXPECT_EQ(size_of("wide.jpg"), (std::pair<int64_t, int64_t>{96, 48}));
  EXPECT_EQ(size_of("thin.jpg"), (std::pair<int64_t, int64_t>{96, 1}));
  EXPECT_EQ(size_of("tiny.jpg"), (std::pair<int64_t, int64_t>{20, 30}));
  EXPECT_EQ(size_of("text.jpg"), (std::pair<int64_t, int64_t>{0, 0}));
}

}  // namespace
}  // namespace retort::report
