#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace retort::data {

// 8-bit RGB with one plane per channel, which follow each other in memory. Loops over planes are
// easy to vectorise.
class Planes {
 public:
  Planes() = default;
  // From interleaved bytes.
  Planes(const uint8_t* rgb, int64_t width, int64_t height);
  // Back to interleaved bytes, 3 count() of them.
  void copy_to(uint8_t* rgb) const;

  // Changes the size and leaves the pixels undefined. Allocates only where the image was never as
  // large before.
  void reshape(int64_t width, int64_t height) {
    width_ = width, height_ = height;
    bytes_.resize(static_cast<size_t>(3 * width * height));
  }

  int64_t width() const { return width_; }
  int64_t height() const { return height_; }
  int64_t count() const { return width_ * height_; }
  // The plane of red (0), green (1) or blue (2): count() bytes, rows from the top.
  uint8_t* channel(int64_t c) { return bytes_.data() + c * count(); }
  const uint8_t* channel(int64_t c) const { return bytes_.data() + c * count(); }

 private:
  int64_t width_ = 0, height_ = 0;
  std::vector<uint8_t> bytes_;
};

}  // namespace retort::data
