#include "retort/data/exif.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

namespace retort::data {
namespace {

using namespace std::string_view_literals;

constexpr uint16_t kOrientation = 0x0112;

// Bytes of a value of each TIFF type; 0 for types that do not exist.
constexpr uint64_t kTypeBytes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8};

class Tiff {
 public:
  explicit Tiff(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::optional<int> orientation() {
    constexpr size_t kEntry = 12;
    if (!read_header()) return std::nullopt;
    const size_t directory = u32(4);
    if (!holds(directory, 2)) return std::nullopt;
    const size_t entries = u16(directory);
    uint64_t total = 0;
    for (size_t i = 0, entry = directory + 2; i < entries && holds(entry, kEntry);
         ++i, entry += kEntry) {
      const uint16_t type = u16(entry + 2);
      const uint64_t unit = type < std::size(kTypeBytes) ? kTypeBytes[type] : 0,
                     size = unit * u32(entry + 4);
      if (size == 0) continue;
      size_t at = entry + 8;
      if (size > 4) {
        total += size;
        if (total > bytes_.size()) continue;
        at = u32(at);
        if (!holds(at, size)) return std::nullopt;  // Pillow reads no further
      }
      if (u16(entry) == kOrientation) return value(type, at);
    }
    return std::nullopt;
  }

 private:
  bool read_header() {
    if (bytes_.size() < 8) return false;
    const std::string_view head(reinterpret_cast<const char*>(bytes_.data()), 4);
    big_endian_ = head.starts_with("MM");
    return head == "MM\0*"sv || head == "II*\0"sv || head == "MM*\0"sv || head == "II\0*"sv;
  }

  int value(uint16_t type, size_t at) const {
    switch (type) {
      case 3:
        return whole(u16(at));
      case 4:
      case 13:
        return whole(u32(at));
      case 5:
        return u32(at + 4) == 0 ? 0 : whole(double{1} * u32(at) / u32(at + 4));
      case 6:
        return whole(static_cast<int8_t>(byte(at)));
      case 8:
        return whole(static_cast<int16_t>(u16(at)));
      case 9:
        return whole(static_cast<int32_t>(u32(at)));
      case 10:
        return u32(at + 4) == 0 ? 0
                                : whole(double{1} * static_cast<int32_t>(u32(at)) /
                                        static_cast<int32_t>(u32(at + 4)));
      case 11:
        return whole(std::bit_cast<float>(u32(at)));
      case 12:
        return whole(std::bit_cast<double>(u64(at)));
      case 16:
        return whole(static_cast<double>(u64(at)));
      default:
        return 0;  // bytes and text are no numbers
    }
  }

  static int whole(double value) {
    return value >= 1 && value <= 8 && value == std::floor(value) ? static_cast<int>(value) : 0;
  }
  bool holds(uint64_t at, uint64_t count) const {
    return at <= bytes_.size() && count <= bytes_.size() - at;
  }
  // Callers have checked with holds() that the bytes are inside the block.
  uint32_t byte(size_t at) const { return static_cast<uint32_t>(bytes_[at]); }
  uint16_t u16(size_t at) const {
    return static_cast<uint16_t>(big_endian_ ? byte(at) << 8 | byte(at + 1)
                                             : byte(at + 1) << 8 | byte(at));
  }
  uint32_t u32(size_t at) const {
    const uint32_t first = u16(at), second = u16(at + 2);
    return big_endian_ ? first << 16 | second : second << 16 | first;
  }
  uint64_t u64(size_t at) const {
    const uint64_t first = u32(at), second = u32(at + 4);
    return big_endian_ ? first << 32 | second : second << 32 | first;
  }

  std::span<const std::byte> bytes_;
  bool big_endian_ = false;
};

}  // namespace

std::optional<int> exif_orientation(std::span<const std::byte> exif) {
  constexpr std::string_view kPrefix = "Exif\0\0"sv;
  for (int i = 0; i < 2; ++i) {  // some writers put it in front of a block that has it
    if (exif.size() < kPrefix.size() ||
        std::memcmp(exif.data(), kPrefix.data(), kPrefix.size()) != 0)
      break;
    exif = exif.subspan(kPrefix.size());
  }
  return Tiff(exif).orientation();
}

std::optional<int> xmp_orientation(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  for (size_t at = xmp.find(kName); at != std::string_view::npos; at = xmp.find(kName, at + 1)) {
    std::string_view rest = xmp.substr(at + kName.size());
    if (rest.starts_with("=\"")) {
      rest.remove_prefix(2);
    } else if (rest.starts_with('>')) {
      rest.remove_prefix(1);
    } else {
      continue;
    }
    if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') return rest[0] - '0';
  }
  return std::nullopt;
}

int orientation_from(std::span<const std::byte> exif, std::string_view xmp) {
  std::optional<int> found = exif_orientation(exif);
  if (!found) found = xmp_orientation(xmp);
  return found && *found >= 1 && *found <= 8 ? *found : 1;
}

Image upright(Image stored, int orientation) {
  if (orientation <= 1 || orientation > 8) return stored;
  const int64_t w = stored.width, h = stored.height;
  // Where the upright image's first pixel lies in the stored one, and the steps, in pixels, to its
  // right and lower neighbours.
  struct Walk {
    int64_t start, right, down;
  };
  const Walk walks[] = {{w - 1, -1, w},       {w * h - 1, -1, -w}, {w * (h - 1), 1, -w}, {0, w, 1},
                        {w * (h - 1), -w, 1}, {w * h - 1, -w, -1}, {w - 1, w, -1}};
  const Walk walk = walks[orientation - 2];
  Image turned{orientation >= 5 ? h : w, orientation >= 5 ? w : h,
               std::vector<uint8_t>(stored.rgb.size())};
  uint8_t* out = turned.rgb.data();
  for (int64_t y = 0; y < turned.height; ++y) {
    for (int64_t x = 0; x < turned.width; ++x, out += 3)
      std::memcpy(out, stored.rgb.data() + 3 * (walk.start + x * walk.right + y * walk.down), 3);
  }
  return turned;
}

}  // namespace retort::data
