#pragma once

#include <string>

#include "retort/data/decode.h"

namespace retort::data {

// JPEG bytes at this quality, [1, 100], such as thumbnails for the report. Throws UsageError on
// another quality, Error on an image without pixels or with a side beyond 65,500.
std::string encode_jpeg(ImageView image, int quality = 85);

}  // namespace retort::data
