#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace retort::run {

// How a student's public ImageNet weights were trained, which distilling it from random weights
// saves.
struct Pretraining {
  int64_t epochs = 0;
  int64_t images = 0;  // in an epoch
  int64_t size = 0;    // pixels
  std::string source;
};
// Empty for an architecture whose schedule is not published.
std::optional<Pretraining> pretraining_of(const std::string& arch);

}  // namespace retort::run
