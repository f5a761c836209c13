// decode() and decode_part() of one kind of image, RETORT_FUZZ_KIND.
#include <cstdlib>

#include "retort/data/image_kind.h"
#include "retort/data/window.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace retort;

void check(const data::Image& image) {
  if (static_cast<int64_t>(image.rgb.size()) != 3 * image.width * image.height) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = fuzz::bytes_of(data, size);
  if (data::kind_of(bytes) != data::ImageKind::RETORT_FUZZ_KIND) return 0;
  fuzz::expect_errors_only([&] { check(data::decode(bytes, "image")); });
  if (data::kind_of(bytes) != data::ImageKind::jpeg) return 0;
  fuzz::expect_errors_only([&] { check(data::decode(bytes, "image", 1 + data[size - 1] % 32)); });
  const data::Window window{data[size / 2] % 16, data[size / 3] % 16, 1 + data[size / 4] % 16,
                            1 + data[size / 5] % 16};
  fuzz::expect_errors_only([&] {
    const data::Part part = data::decode_part(bytes, "image", window, data[size - 1] % 8);
    check(part.image);
    data::check_inside(part.window, part.image.width, part.image.height);
  });
  return 0;
}
