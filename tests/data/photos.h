#pragma once

#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/data/encode.h"
#include "retort/data/manifest.h"
#include "tests/data/folder.h"

namespace retort::testing {

// A plain image whose colour tells its number.
inline data::Image photo(int64_t number, int64_t width = 20, int64_t height = 16) {
  data::Image image{width, height, {}};
  for (int64_t i = 0; i < width * height; ++i) {
    image.rgb.insert(image.rgb.end(),
                     {static_cast<uint8_t>(7 * number), static_cast<uint8_t>(13 * number),
                      static_cast<uint8_t>(i % width)});
  }
  return image;
}

// `count` JPEG files in two classes, all of them items of the manifest's training split in the
// order of their numbers.
inline data::Manifest photos(const TestFolder& folder, int64_t count) {
  data::Manifest manifest{folder / "photos", {"even", "odd"}, {}};
  for (int64_t i = 0; i < count; ++i) {
    const std::string name = std::to_string(i) + ".jpg";
    folder.write("photos/" + name, data::encode_jpeg(photo(i), 100));
    manifest.items.push_back({name, i % 2, data::Split::train});
  }
  return manifest;
}

class RecordingLog : public Log {
 public:
  void info(const std::string&) override {}
  void warn(const std::string& message) override { warnings.push_back(message); }
  void progress(const Progress& progress) override { reports.push_back(progress); }
  std::vector<std::string> warnings;
  std::vector<Progress> reports;
};

}  // namespace retort::testing
