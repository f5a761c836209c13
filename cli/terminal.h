#pragma once

#include "retort/core/log.h"

namespace retort::cli {

// Writes messages and progress to standard error. On a terminal, progress is one line that is
// overwritten; elsewhere it is a plain line at the start of each task and at most every ten seconds
// after that. Standard output is for results.
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

// A flag that Ctrl-C (SIGINT) and SIGTERM set from the first call on; a second signal ends the
// process at once.
const StopFlag& stop_on_interrupt();

}  // namespace retort::cli
