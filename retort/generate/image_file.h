#pragma once

#include <array>
#include <string>
#include <utility>

#include "retort/core/words.h"
#include "retort/data/decode.h"

namespace retort::generate {

enum class Format { png, jpeg };

// Encodes the image with `text` (UTF-8, no NUL) inside: in PNG under the keyword "parameters",
// where image tools look for how a picture was made (tEXt, or iTXt where it is not ASCII); in JPEG
// as the comment, cut to 65,533 bytes. Throws Error on an image that the format cannot hold.
std::string encode(data::ImageView image, Format format, const std::string& text);

}  // namespace retort::generate

template <>
struct retort::Words<retort::generate::Format> {
  static constexpr std::array kTable{std::pair{generate::Format::png, "png"},
                                     std::pair{generate::Format::jpeg, "jpeg"}};
};
