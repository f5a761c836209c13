#include <algorithm>
#include <array>
#include <cstdlib>

#include "retort/core/error.h"
#include "retort/data/decode_formats.h"

namespace retort::data {
namespace {

// There is no maintained library for BMP alone. This reads the kinds that Pillow's BmpImagePlugin
// reads, in the same way.
enum BmpCompression : uint32_t { kBmpPlain = 0, kBmpRle8 = 1, kBmpRle4 = 2, kBmpMasks = 3 };

struct BmpHeader {
  int64_t width = 0, height = 0;
  bool from_top = false;
  uint32_t bits = 0, compression = kBmpPlain, colours = 0;
  std::array<uint32_t, 4> masks{};  // red, green, blue, alpha
  size_t palette = 0, pixels = 0;   // where the palette and the pixels begin
  size_t colour_bytes = 4;
};

// Reads little-endian numbers. Throws Error on reading outside the file.
class BmpBytes {
 public:
  BmpBytes(std::span<const std::byte> bytes, const std::string& name)
      : bytes_(bytes), name_(name) {}
  size_t size() const { return bytes_.size(); }
  const std::string& name() const { return name_; }
  const uint8_t* take(size_t at, size_t count) const {
    if (at > bytes_.size() || count > bytes_.size() - at)
      throw Error("does not decode as BMP: the file ends too early", name_);
    return reinterpret_cast<const uint8_t*>(bytes_.data()) + at;
  }
  uint32_t u16(size_t at) const {
    const uint8_t* in = take(at, 2);
    return in[0] | in[1] << 8;
  }
  uint32_t u32(size_t at) const { return u16(at) | u16(at + 2) << 16; }

 private:
  std::span<const std::byte> bytes_;
  const std::string& name_;
};

[[noreturn]] void refuse_bmp(const std::string& what, const std::string& name) {
  throw Error("is a BMP of a kind that is not read: " + what, name, "save it as PNG");
}

// The masks follow the header of 40 bytes, and are part of the longer ones.
void read_masks(const BmpBytes& bytes, size_t header_size, BmpHeader& header) {
  constexpr size_t kMasks = 54;
  const size_t count = header_size >= 56 ? 4 : 3;
  for (size_t i = 0; i < count; ++i) header.masks[i] = bytes.u32(kMasks + 4 * i);
  if (header_size == 40) header.palette += 12;
}

BmpHeader read_bmp_header(const BmpBytes& bytes) {
  constexpr size_t kFileHeader = 14;
  const size_t size = bytes.u32(kFileHeader);
  BmpHeader header;
  header.palette = kFileHeader + size;
  if (size == 12) {
    header.width = bytes.u16(18);
    header.height = bytes.u16(20);
    header.bits = bytes.u16(24);
    header.colour_bytes = 3;
  } else {
    header.width = bytes.u32(18);
    header.height = static_cast<int32_t>(bytes.u32(22));
    header.from_top = header.height < 0;
    header.height = std::abs(header.height);
    header.bits = bytes.u16(28);
    header.compression = bytes.u32(30);
    header.colours = bytes.u32(46);
  }
  constexpr std::array<uint32_t, 6> kBits{1, 4, 8, 16, 24, 32};
  if (std::ranges::find(kBits, header.bits) == kBits.end())
    refuse_bmp(std::to_string(header.bits) + " bits a pixel", bytes.name());
  if (header.compression > kBmpMasks)
    refuse_bmp("compression " + std::to_string(header.compression), bytes.name());
  if (header.compression == kBmpMasks) read_masks(bytes, size, header);
  if (header.bits <= 8 && header.colours == 0) header.colours = 1U << header.bits;
  if (header.bits <= 8 && header.colours > 65536)
    refuse_bmp(std::to_string(header.colours) + " colours", bytes.name());
  const size_t palette_bytes = header.bits <= 8 ? header.colour_bytes * header.colours : 0;
  header.pixels = bytes.u32(10);
  // Some writers forget that there is a palette, or to say where the pixels are.
  if (header.pixels == kFileHeader + size && header.bits <= 8) header.pixels += palette_bytes;
  if (header.pixels == 0) header.pixels = header.palette + palette_bytes;
  return header;
}

using BmpPalette = std::array<std::array<uint8_t, 3>, 256>;

// Colours beyond the palette's end are black, or in a grey palette as bright as their index.
BmpPalette read_palette(const BmpBytes& bytes, const BmpHeader& header) {
  BmpPalette palette{};
  bool grey = header.bits == 8;
  for (size_t i = 0; i < std::min<size_t>(header.colours, 256); ++i) {
    const size_t at = header.palette + header.colour_bytes * i;
    if (at + 3 > bytes.size()) return palette;
    const uint8_t* in = bytes.take(at, 3);
    palette[i] = {in[2], in[1], in[0]};
    grey &= in[0] == i && in[1] == i && in[2] == i;
  }
  for (size_t i = header.colours; grey && i < 256; ++i) palette[i].fill(static_cast<uint8_t>(i));
  return palette;
}

// Reads run-length-encoded palette indices, in the file's order of rows. Pixels that a skip or the
// end of a row leaves out are 0.
class BmpRuns {
 public:
  BmpRuns(const BmpBytes& bytes, const BmpHeader& header, size_t count)
      : bytes_(bytes),
        at_(header.pixels),
        width_(static_cast<size_t>(header.width)),
        count_(count),
        four_(header.compression == kBmpRle4) {}

  std::vector<uint8_t> read() {
    indices_.reserve(count_);
    while (indices_.size() < count_) {
      const uint8_t length = next(), value = next();
      if (length > 0) {
        run(length, value);
      } else if (value == 0) {
        end_row();
      } else if (value == 1) {
        break;
      } else if (value == 2) {
        skip();
      } else {
        literal(value);
      }
    }
    if (indices_.size() < count_)
      throw Error("does not decode as BMP: pixels are missing", bytes_.name());
    return std::move(indices_);
  }

 private:
  uint8_t next() { return *bytes_.take(at_++, 1); }
  void add(uint8_t index) {
    if (indices_.size() < count_) indices_.push_back(index);
  }
  void run(size_t length, uint8_t value) {
    length = std::min(length, width_ - std::min(x_, width_));
    for (size_t i = 0; i < length; ++i) add(!four_ ? value : i % 2 == 0 ? value >> 4 : value & 15);
    x_ += length;
  }
  void end_row() {
    while (indices_.size() % width_ != 0) add(0);
    x_ = 0;
  }
  void skip() {
    const size_t right = next(), up = next();
    indices_.resize(std::min(count_, indices_.size() + right + up * width_));
    x_ = indices_.size() % width_;
  }
  void literal(size_t length) {
    const size_t start = at_;
    for (size_t i = 0; i < length && indices_.size() < count_; ++i) {
      const uint8_t byte = *bytes_.take(start + (four_ ? i / 2 : i), 1);
      add(!four_ ? byte : i % 2 == 0 ? byte >> 4 : byte & 15);
    }
    at_ = start + (four_ ? (length + 1) / 2 : length);
    at_ += at_ % 2;
    x_ += length;
  }

  const BmpBytes& bytes_;
  size_t at_, width_, count_, x_ = 0;
  bool four_;
  std::vector<uint8_t> indices_;
};

// The position of each sample in the bits of a pixel.
struct BmpLayout {
  std::array<uint32_t, 4> shifts{};
  uint32_t green_bits = 5;  // of a 16-bit pixel
  bool alpha = false;
};

BmpLayout layout_of_pixels(const BmpHeader& header, const std::string& name) {
  const auto& m = header.masks;
  const bool plain = header.compression != kBmpMasks;
  if (header.bits == 16) {
    const bool five = plain || (m[0] == 0x7C00 && m[1] == 0x3E0 && m[2] == 0x1F);
    if (!five && !(m[0] == 0xF800 && m[1] == 0x7E0 && m[2] == 0x1F))
      refuse_bmp("unusual masks", name);
    return five ? BmpLayout{{10, 5, 0, 0}, 5, false} : BmpLayout{{11, 5, 0, 0}, 6, false};
  }
  if (plain) return {{16, 8, 0, 24}, 0, false};
  if (header.bits == 32 && m == std::array<uint32_t, 4>{}) return {{16, 8, 0, 24}, 0, true};
  BmpLayout layout{{}, 0, m[3] != 0};
  for (size_t i = 0; i < 4; ++i) {
    if (i == 3 && m[i] == 0) break;
    while (layout.shifts[i] < 24 && m[i] != 0xFFU << layout.shifts[i]) layout.shifts[i] += 8;
    if (m[i] != 0xFFU << layout.shifts[i] || layout.shifts[i] >= header.bits)
      refuse_bmp("unusual masks", name);
  }
  return layout;
}

void unpack_row(const uint8_t* in, const BmpHeader& header, const BmpLayout& layout, uint8_t* out) {
  const uint32_t bytes = header.bits / 8, green = (1U << layout.green_bits) - 1;
  for (int64_t x = 0; x < header.width; ++x, in += bytes, out += 4) {
    uint32_t pixel = 0;
    for (uint32_t i = 0; i < bytes; ++i) pixel |= uint32_t{in[i]} << (8 * i);
    const auto sample = [&](size_t i, uint32_t most) {
      return static_cast<uint8_t>((pixel >> layout.shifts[i] & most) * 255 / most);
    };
    const bool small = header.bits == 16;
    out[0] = sample(0, small ? 31 : 255);
    out[1] = sample(1, small ? green : 255);
    out[2] = sample(2, small ? 31 : 255);
    out[3] = layout.alpha ? sample(3, 255) : 255;
  }
}

Image indexed(const BmpBytes& bytes, const BmpHeader& header, size_t count) {
  const BmpPalette palette = read_palette(bytes, header);
  const bool runs = header.compression == kBmpRle8 || header.compression == kBmpRle4;
  const std::vector<uint8_t> indices =
      runs ? BmpRuns(bytes, header, count).read() : std::vector<uint8_t>{};
  const auto width = static_cast<size_t>(header.width), height = static_cast<size_t>(header.height),
             bits = size_t{header.bits};
  const size_t used = (width * bits + 7) / 8, stride = (used + 3) / 4 * 4;
  if (!runs) bytes.take(header.pixels, stride * (height - 1) + used);
  Image image{header.width, header.height, std::vector<uint8_t>(3 * count)};
  for (size_t y = 0; y < height; ++y) {
    uint8_t* out = image.rgb.data() + 3 * width * (header.from_top ? y : height - 1 - y);
    const uint8_t* row =
        runs ? indices.data() + width * y : bytes.take(header.pixels + stride * y, used);
    for (size_t x = 0; x < width; ++x, out += 3) {
      const size_t shift = 8 - bits * (x % (8 / bits) + 1);
      const size_t index = runs ? row[x] : row[x * bits / 8] >> shift & ((1U << bits) - 1);
      std::copy_n(palette[index].begin(), 3, out);
    }
  }
  return image;
}

Image direct(const BmpBytes& bytes, const BmpHeader& header, size_t count) {
  const BmpLayout layout = layout_of_pixels(header, bytes.name());
  const auto width = static_cast<size_t>(header.width), height = static_cast<size_t>(header.height);
  const size_t used = width * header.bits / 8, stride = (used + 3) / 4 * 4;
  bytes.take(header.pixels, stride * (height - 1) + used);
  std::vector<uint8_t> rgba(4 * count);
  for (size_t y = 0; y < height; ++y)
    unpack_row(bytes.take(header.pixels + stride * y, used), header, layout,
               rgba.data() + 4 * width * (header.from_top ? y : height - 1 - y));
  return over_white(header.width, header.height, rgba);
}

}  // namespace

Image decode_bmp(std::span<const std::byte> data, const std::string& name) {
  const BmpBytes bytes(data, name);
  const BmpHeader header = read_bmp_header(bytes);
  const size_t count = checked_pixels(header.width, header.height, name);
  const bool runs = header.compression == kBmpRle8 || header.compression == kBmpRle4;
  if (runs && header.bits > 8) refuse_bmp("runs of " + std::to_string(header.bits) + " bits", name);
  return header.bits <= 8 ? indexed(bytes, header, count) : direct(bytes, header, count);
}

}  // namespace retort::data
