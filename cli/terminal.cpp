#include "cli/terminal.h"

#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdio>

#include "retort/core/quote.h"

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
  const bool bytes = progress.unit == "bytes";
  const double scale = bytes ? 1e-6 : 1;
  const auto done = scale * static_cast<double>(progress.done),
             total = scale * static_cast<double>(progress.total);
  const int digits = bytes ? 1 : 0;
  char text[192];
  std::snprintf(text, sizeof text, "%s: %3.0f %% (%.*f/%.*f%s)  %.*f %s/s  ETA %s",
                progress.task.c_str(), total > 0 ? 100.0 * done / total : 100, digits, done, digits,
                total, bytes ? " MB" : "", digits, scale * progress.per_second,
                bytes ? "MB" : progress.unit.c_str(), duration(progress.eta_seconds).c_str());
  return printable(progress.detail.empty() ? text : text + ("  " + progress.detail));
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
  std::fprintf(stderr, "%s\n", printable_message(message).c_str());
}

void TerminalLog::warn(const std::string& message) {
  clear_line();
  std::fprintf(stderr, "warning: %s\n", printable_message(message).c_str());
}

void TerminalLog::progress(const Progress& progress) {
  if (live_) {
    std::fprintf(stderr, "\r\033[K%s", line_of(progress).c_str());
    std::fflush(stderr);
    line_open_ = true;
    return;
  }
  constexpr double kSecondsBetweenLines = 10;
  const bool first = progress.task != task_ || progress.total != total_;
  if (!first && since_line_.seconds() < kSecondsBetweenLines) return;
  task_ = progress.task;
  total_ = progress.total;
  since_line_ = Stopwatch();
  std::fprintf(stderr, "%s\n", line_of(progress).c_str());
}

const StopFlag& stop_on_interrupt() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  return interrupted;
}

}  // namespace retort::cli
