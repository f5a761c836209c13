#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "retort/core/log.h"
#include "retort/data/decode.h"

namespace retort::generate {

// Names (of a word or two, joined_by_underscores) and values, in the order in which they are shown.
using Settings = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string label, prompt, negative_prompt;
  int64_t seed = 0;  // in [0, 2^31), which every tool takes
};

using OnStep = std::function<void(int64_t done, int64_t total)>;

// What makes images: the same settings and request give the same image.
class Engine {
 public:
  virtual ~Engine() = default;
  // What images depend on besides the request, known before start().
  virtual Settings settings() const = 0;
  // Called once, before the first make(). Loads what that needs, and may take minutes. Throws
  // Error, and Interrupted when `stop` is set.
  virtual void start(Log& log, const StopFlag& stop) = 0;
  // Calls on_step as often as it knows how far it is. Throws Error.
  virtual data::Image make(const Request& request, const OnStep& on_step) = 0;
};

}  // namespace retort::generate
