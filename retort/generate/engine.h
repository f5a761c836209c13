#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "retort/core/log.h"
#include "retort/data/decode.h"

namespace retort::generate {

// Pairs of a name (in lower case, with underscores) and a value, in the order in which they are
// shown.
using Settings = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string label, prompt, negative_prompt;
  int64_t seed = 0;  // in [0, 2^31), which every tool accepts
};

using OnStep = std::function<void(int64_t done, int64_t total)>;

// Makes images. The same settings and request must give the same image.
class Engine {
 public:
  virtual ~Engine() = default;
  // What the images depend on besides the request. May be called before start().
  virtual Settings settings() const = 0;
  // Loads what make() needs, which may take minutes. Called once, before the first make(). Throws
  // Error, and Interrupted when `stop` is set.
  virtual void start(Log& log, const StopFlag& stop) = 0;
  // Makes one image. Calls on_step after each step where the engine reports steps. Throws Error.
  virtual data::Image make(const Request& request, const OnStep& on_step) = 0;
};

}  // namespace retort::generate
