#include "tests/support/pictures.h"

#include "retort/core/file.h"
#include "retort/core/random.h"
#include "retort/data/encode.h"

namespace retort::testing {
namespace fs = std::filesystem;

void write_pictures(const fs::path& root, const std::string& split, int64_t classes,
                    int64_t per_class, int64_t width, int64_t height) {
  for (int64_t label = 0; label < classes; ++label) {
    for (int64_t i = 0; i < per_class; ++i) {
      CounterRng rng({static_cast<uint64_t>(label), static_cast<uint64_t>(i),
                      static_cast<uint64_t>(split.size())});
      data::Image image{width, height,
                        std::vector<uint8_t>(static_cast<size_t>(width * height * 3))};
      for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) {
          for (int64_t c = 0; c < 3; ++c) {
            const int64_t stripe = (x / (2 + 2 * label)) % 2 == 0 ? 60 : 0;
            const int64_t colour = 40 + 50 * ((label + c) % 3) + stripe + rng.below(40);
            image.rgb[static_cast<size_t>((y * width + x) * 3 + c)] = static_cast<uint8_t>(colour);
          }
        }
      }
      write_file_atomic(
          root / split / ("class " + std::to_string(label)) / (std::to_string(i) + ".jpg"),
          data::encode_jpeg(image, 90));
    }
  }
}

}  // namespace retort::testing
