#pragma once

namespace retort {

constexpr const char* kVersion = "0.1.0";

}  // namespace retort
