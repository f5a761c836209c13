#include "cli/terminal.h"

#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdio>

namespace retort::cli {
namespace {

StopFlag interrupted{false};

void on_signal(int signal) {
  if (interrupted.exchange(true)) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

std::string duration(double seconds) {
  const long long s = std::llround(seconds);
  char text[48];
  if (s >= 3600) {
    std::snprintf(text, sizeof text, "%lldh%02lldm", s / 3600, s / 60 % 60);
  } else if (s >= 60) {
    std::snprintf(text, sizeof text, "%lldm%02llds", s / 60, s % 60);
  } else {
    std::snprintf(text, sizeof text, "%llds", s);
  }
  return text;
}

std::string line_of(const Progress& progress) {
  const double share = progress.total > 0 ? 100.0 * static_cast<double>(progress.done) / static_cast<double>(progress.total) : 100;
  char text[192];
  std::snprintf(text, sizeof text, "%s: %3.0f %% (%lld/%lld)  %.0f images/s  ETA %s", progress.task.c_str(), share,
                static_cast<long long>(progress.done), static_cast<long long>(progress.total), progress.per_second,
                duration(progress.eta_seconds).c_str());
  return progress.detail.empty() ? text : text + ("  " + progress.detail);
}

}  // namespace

TerminalLog::TerminalLog() : live_(::isatty(STDERR_FILENO) != 0) {}
TerminalLog::~TerminalLog() { clear_line(); }

void TerminalLog::clear_line() {
  if (line_open_) std::fputs("\r\033[K", stderr);
  line_open_ = false;
}

void TerminalLog::info(const std::string& message) {
  clear_line();
  std::fprintf(stderr, "%s\n", message.c_str());
}

void TerminalLog::warn(const std::string& message) {
  clear_line();
  std::fprintf(stderr, "warning: %s\n", message.c_str());
}

void TerminalLog::progress(const Progress& progress) {
  if (live_) {
    std::fprintf(stderr, "\r\033[K%s", line_of(progress).c_str());
    std::fflush(stderr);
    line_open_ = true;
    return;
  }
  constexpr double kSecondsBetweenLines = 10;
  const bool first = progress.task != task_;
  if (!first && since_line_.seconds() < kSecondsBetweenLines) return;
  task_ = progress.task;
  since_line_ = Stopwatch();
  std::fprintf(stderr, "%s\n", line_of(progress).c_str());
}

const StopFlag& stop_on_interrupt() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  return interrupted;
}

}  // namespace retort::cli
