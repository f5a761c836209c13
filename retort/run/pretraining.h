#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace retort::run {

// How a student's public ImageNet weights were made: what distilling it from random weights spares.
struct Pretraining {
  int64_t epochs = 0;
  int64_t images = 0;  // of an epoch
  int64_t size = 0;    // pixels
  std::string source;
};
// Nothing for an architecture whose schedule is not published.
std::optional<Pretraining> pretraining_of(const std::string& arch);

}  // namespace retort::run
