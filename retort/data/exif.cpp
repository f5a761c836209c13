#include "retort/data/exif.h"

#include <cstring>

namespace retort::data {
namespace {

constexpr uint16_t kOrientation = 0x0112;
constexpr uint16_t kShort = 3;

class Tiff {
 public:
  explicit Tiff(std::span<const std::byte> bytes) : bytes_(bytes) {}

  int orientation() {
    if (bytes_.size() < 8) return 1;
    if (std::memcmp(bytes_.data(), "MM", 2) == 0) big_endian_ = true;
    if (!big_endian_ && std::memcmp(bytes_.data(), "II", 2) != 0) return 1;
    if (u16(2) != 42) return 1;
    const size_t directory = u32(4);
    const size_t entries = u16(directory);
    for (size_t i = 0; i < entries; ++i) {
      const size_t entry = directory + 2 + 12 * i;
      if (u16(entry) != kOrientation) continue;
      const int value = u16(entry + 8);
      return u16(entry + 2) == kShort && value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
  }

 private:
  // Zero outside the segment.
  uint32_t byte(size_t at) const { return at < bytes_.size() ? static_cast<uint32_t>(bytes_[at]) : 0; }
  uint16_t u16(size_t at) const { return static_cast<uint16_t>(big_endian_ ? byte(at) << 8 | byte(at + 1) : byte(at + 1) << 8 | byte(at)); }
  uint32_t u32(size_t at) const {
    const uint32_t first = u16(at), second = u16(at + 2);
    return big_endian_ ? first << 16 | second : second << 16 | first;
  }

  std::span<const std::byte> bytes_;
  bool big_endian_ = false;
};

}  // namespace

int exif_orientation(std::span<const std::byte> segment) {
  constexpr size_t kPrefix = 6;
  if (segment.size() < kPrefix || std::memcmp(segment.data(), "Exif\0\0", kPrefix) != 0) return 1;
  return Tiff(segment.subspan(kPrefix)).orientation();
}

Image upright(Image stored, int orientation) {
  if (orientation <= 1 || orientation > 8) return stored;
  const int64_t w = stored.width, h = stored.height;
  // Where the upright image's first pixel lies in the stored one, and the steps, in pixels, to its right and lower neighbours.
  struct Walk {
    int64_t start, right, down;
  };
  const Walk walks[] = {{w - 1, -1, w},       {w * h - 1, -1, -w}, {w * (h - 1), 1, -w}, {0, w, 1},
                        {w * (h - 1), -w, 1}, {w * h - 1, -w, -1}, {w - 1, w, -1}};
  const Walk walk = walks[orientation - 2];
  Image turned{orientation >= 5 ? h : w, orientation >= 5 ? w : h, std::vector<uint8_t>(stored.rgb.size())};
  uint8_t* out = turned.rgb.data();
  for (int64_t y = 0; y < turned.height; ++y) {
    for (int64_t x = 0; x < turned.width; ++x, out += 3)
      std::memcpy(out, stored.rgb.data() + 3 * (walk.start + x * walk.right + y * walk.down), 3);
  }
  return turned;
}

}  // namespace retort::data
