#pragma once

#include <filesystem>
#include <string>

#include "retort/report/page.h"

namespace retort::report {

// A folder of its own under the test's temporary folder, removed at the end.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A JPEG of one colour with a stripe.
void write_picture(const std::filesystem::path& path, int64_t width, int64_t height, int64_t shade);

// A made-up run: rows, epochs, `images` predictions a class over as many classes, their pictures written below the root.
Page example_page(const std::filesystem::path& root, int64_t classes, int64_t images);

}  // namespace retort::report
