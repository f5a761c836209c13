#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "retort/core/error.h"
#include "retort/data/manifest.h"
#include "tests/data/folder.h"

namespace retort::data {

// The message of the Error that load_manifest throws.
inline std::string error_of(const std::filesystem::path& path) {
  return testing::message_of<Error>([&] { load_manifest(path); });
}

inline void expect_says(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

}  // namespace retort::data
