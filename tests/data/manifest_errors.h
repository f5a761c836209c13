#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "retort/data/manifest.h"
#include "tests/support/message.h"

namespace retort::data {

// The message of the Error that load_manifest throws.
inline std::string error_of(const std::filesystem::path& path) {
  return testing::error_of([&] { load_manifest(path); });
}

inline void expect_says(const std::string& message, const std::string& part) {
  EXPECT_TRUE(testing::says(message, part));
}

}  // namespace retort::data
