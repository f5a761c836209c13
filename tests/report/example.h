#pragma once

#include <filesystem>
#include <string>

#include "retort/report/page.h"

namespace retort::report {

// A JPEG of one colour with a stripe.
void write_picture(const std::filesystem::path& path, int64_t width, int64_t height, int64_t shade);

// A made-up run: rows, epochs, and `images` predictions for each of as many classes; it writes
// their pictures below the root.
Page example_page(const std::filesystem::path& root, int64_t classes, int64_t images);

}  // namespace retort::report
