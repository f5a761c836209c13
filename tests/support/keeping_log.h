#pragma once

#include <string>

#include "retort/core/log.h"

namespace retort::testing {

// Keeps the library's messages, one a line.
class KeepingLog : public Log {
 public:
  void info(const std::string& message) override { text += message + "\n"; }
  void warn(const std::string& message) override { text += "warning: " + message + "\n"; }
  void progress(const Progress&) override {}
  std::string text;
};

}  // namespace retort::testing
