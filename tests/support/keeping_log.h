#pragma once

#include <string>

#include "retort/core/log.h"

namespace retort::testing {

// What the library says, a line each.
class KeepingLog : public Log {
 public:
  void info(const std::string& message) override { text += message + "\n"; }
  void warn(const std::string& message) override { text += "warning: " + message + "\n"; }
  void progress(const Progress&) override {}
  std::string text;
};

}  // namespace retort::testing
