#pragma once

#include "retort/core/log.h"

namespace retort::cli {

// Messages and progress on standard error: a line that rewrites itself on a terminal, a plain line
// every ten seconds elsewhere. Standard output is for results.
class TerminalLog : public Log {
 public:
  TerminalLog();
  ~TerminalLog() override;
  void info(const std::string& message) override;
  void warn(const std::string& message) override;
  void progress(const Progress& progress) override;

 private:
  void clear_line();
  bool live_;
  bool line_open_ = false;
  std::string task_;
  int64_t total_ = 0;
  Stopwatch since_line_;
};

// Set by Ctrl-C (SIGINT) and SIGTERM; a second one ends the process at once.
const StopFlag& stop_on_interrupt();

}  // namespace retort::cli
