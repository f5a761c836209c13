#pragma once

#include <filesystem>
#include <string>

#include "tests/support/folder.h"

namespace retort::testing {

inline std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(RETORT_FIXTURES) / "data" / name;
}

}  // namespace retort::testing
