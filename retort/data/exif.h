#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "retort/data/decode.h"

namespace retort::data {

// What the tag Orientation (EXIF 2.3, 0x0112) of an Exif block says, with "Exif\0\0" in front or
// without; 0 where its value is no whole number. Nothing where the block has no such tag, or is
// malformed before it. As Pillow reads it: the tag may be of any numeric type, the first of several
// counts.
std::optional<int> exif_orientation(std::span<const std::byte> exif);
// What tiff:Orientation in an XMP packet says, written as an attribute or as an element.
std::optional<int> xmp_orientation(std::string_view xmp);
// How a file with these blocks is to be turned, 1 … 8: as Pillow's exif_transpose, XMP counts only
// where Exif has no such tag.
int orientation_from(std::span<const std::byte> exif, std::string_view xmp);

// The upright image for a stored image of this orientation.
Image upright(Image stored, int orientation);

}  // namespace retort::data
