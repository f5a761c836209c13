#pragma once

#include <sstream>
#include <string>

#include <ATen/core/Tensor.h>

namespace retort::weights {

// "[8, 3, 3, 3]"
inline std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

}  // namespace retort::weights
