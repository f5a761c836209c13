#include <algorithm>
#include <cmath>
#include <string_view>

#include "retort/core/error.h"
#include "retort/data/decode_formats.h"

namespace retort::data {
namespace {

// PBM, PGM and PPM, as text (P1, P2, P3) or as bytes (P4, P5, P6). The format needs no library: it
// is a header of four words and the values.
class PnmReader {
 public:
  PnmReader(std::span<const std::byte> bytes, const std::string& name)
      : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), name_(name) {}

  Image read() {
    const int kind = text_[1] - '0';
    at_ = 2;
    const int64_t width = number(), height = number();
    const bool bits = kind == 1 || kind == 4, plain = kind <= 3;
    most_ = bits ? 1 : number();
    if (most_ < 1 || most_ > 65535) refuse("its largest value must be 1 to 65535");
    const size_t count = checked_pixels(width, height, name_), channels = kind % 3 == 0 ? 3 : 1;
    // A pixel takes at least one bit, so that a header alone cannot make this allocate much.
    if (count / 8 > text_.size() - at_) refuse("the file ends too early");
    Image image{width, height, std::vector<uint8_t>(3 * count)};
    for (size_t i = 0; i < count; ++i) {
      if (kind == 4 && i % static_cast<size_t>(width) == 0) bit_ = 0;
      for (size_t c = 0; c < 3; ++c)
        image.rgb[3 * i + c] =
            c < channels ? (bits ? shade(plain) : sample(plain, channels == 1)) : image.rgb[3 * i];
    }
    return image;
  }

 private:
  [[noreturn]] void refuse(const char* why) const {
    throw Error(std::string("does not decode as PPM: ") + why, name_);
  }

  static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

  uint8_t byte() {
    if (at_ >= text_.size()) refuse("the file ends too early");
    return static_cast<uint8_t>(text_[at_++]);
  }

  // Skips blanks and comments, which end at the end of their line.
  void skip_blanks() {
    for (; at_ < text_.size() && (is_blank(text_[at_]) || text_[at_] == '#'); ++at_)
      if (text_[at_] == '#') at_ = std::min(text_.find_first_of("\r\n", at_), text_.size() - 1);
  }

  // Reads a whole number and the one blank after it.
  int64_t number() {
    constexpr int64_t kMost = 9'999'999'999;
    skip_blanks();
    int64_t value = -1;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && value <= kMost; ++at_)
      value = std::max<int64_t>(value, 0) * 10 + (text_[at_] - '0');
    if (value < 0 || value > kMost) refuse("a number is missing or malformed");
    if (at_ < text_.size() && !is_blank(text_[at_])) refuse("a number is malformed");
    at_ += at_ < text_.size() ? 1 : 0;
    return value;
  }

  // Reads a bit, where 1 is black.
  uint8_t shade(bool plain) {
    if (plain) {
      skip_blanks();
      const uint8_t digit = byte();
      if (digit != '0' && digit != '1') refuse("a pixel is neither 0 nor 1");
      return digit == '1' ? 0 : 255;
    }
    if (bit_ == 0) byte_ = byte();
    const bool black = (byte_ >> (7 - bit_) & 1) != 0;
    bit_ = (bit_ + 1) % 8;
    return black ? 0 : 255;
  }

  // Reads a value and scales it to 8 bits as Pillow does. 16-bit grey keeps its high byte, as in
  // PNG.
  uint8_t sample(bool plain, bool grey) {
    int64_t value = 0;
    if (plain) {
      value = number();
      if (value > most_) refuse("a value is larger than the largest that the file names");
    } else {
      value = byte();
      if (most_ > 255) value = value << 8 | byte();
    }
    const double share = static_cast<double>(value) / static_cast<double>(most_);
    if (grey && most_ > 255)
      return static_cast<uint8_t>(std::min<int64_t>(std::lrint(share * 65535), 65535) >> 8);
    return static_cast<uint8_t>(std::min<int64_t>(std::lrint(share * 255), 255));
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
  int64_t most_ = 1;
  int bit_ = 0;
  uint8_t byte_ = 0;
};

}  // namespace

Image decode_pnm(std::span<const std::byte> bytes, const std::string& name) {
  return PnmReader(bytes, name).read();
}

}  // namespace retort::data
