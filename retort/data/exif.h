#pragma once

#include <cstddef>
#include <span>

#include "retort/data/decode.h"

namespace retort::data {

// The orientation, 1 … 8, in an APP1 segment's payload ("Exif\0\0" and a TIFF header, EXIF 2.3, tag 0x0112); 1 when there is none or the
// segment is malformed.
int exif_orientation(std::span<const std::byte> segment);

// The upright image for a stored image of this orientation.
Image upright(Image stored, int orientation);

}  // namespace retort::data
