#pragma once

#include <string>

#include "retort/data/decode.h"

namespace retort::data {

// JPEG bytes at this quality, [1, 100]: thumbnails for the report.
std::string encode_jpeg(ImageView image, int quality = 85);

}  // namespace retort::data
