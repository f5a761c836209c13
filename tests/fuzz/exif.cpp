// EXIF blocks and XMP packets: the input has both; its first byte is the position of the second.
#include "retort/data/exif.h"

#include <algorithm>
#include <cstdlib>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  const auto bytes = fuzz::bytes_of(data, size);
  const size_t middle = size == 0 ? 0 : std::min<size_t>(data[0], size);
  const int orientation =
      data::orientation_from(bytes.subspan(middle), fuzz::text_of(data, middle));
  if (orientation < 1 || orientation > 8) std::abort();
  data::exif_orientation(bytes);
  data::xmp_orientation(fuzz::text_of(data, size));
  const data::Image image = data::upright({3, 2, std::vector<uint8_t>(18)}, orientation);
  if (image.rgb.size() != 18) std::abort();
  return 0;
}
