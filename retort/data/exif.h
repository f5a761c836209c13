#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "retort/data/decode.h"

namespace retort::data {

// The tag Orientation (EXIF 2.3, 0x0112) of an EXIF block, with "Exif\0\0" in front or without; 0
// where its value is not a whole number in [1, 8]. Nothing where the block has no such tag, or is
// malformed before it. As in Pillow, the tag may have any numeric type, and the first of several
// tags counts.
std::optional<int> exif_orientation(std::span<const std::byte> exif);
// The first digit of tiff:Orientation in an XMP packet, as an attribute or an element; nothing
// where there is none.
std::optional<int> xmp_orientation(std::string_view xmp);
// The orientation of a file with these blocks, 1 … 8. As in Pillow's exif_transpose, XMP counts
// only where EXIF has no such tag.
int orientation_from(std::span<const std::byte> exif, std::string_view xmp);

// The upright image for a stored image of this orientation.
Image upright(Image stored, int orientation);

}  // namespace retort::data
