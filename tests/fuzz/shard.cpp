// A shard of the image store, with its pixels in it or without.
#include "retort/data/image_shard.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  const fuzz::InputFile file(fuzz::text_of(data, size));
  for (const data::Kept kept : {data::Kept::pixels, data::Kept::sizes}) {
    fuzz::expect_errors_only([&] {
      uint64_t sum = 0;
      for (const data::ImageView& image : data::read_shard(file.path(), "key", 0, 4, kept).images) {
        for (int64_t i = 0; image.rgb != nullptr && i < 3 * image.width * image.height; ++i)
          sum += image.rgb[i];
      }
      static_cast<void>(sum);
    });
  }
  return 0;
}
