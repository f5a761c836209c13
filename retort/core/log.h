#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace retort {

struct Progress {
  std::string task;             // "training", "decoding", …
  std::string unit = "images";  // or "bytes"
  int64_t done = 0;             // in that unit, as is total
  int64_t total = 0;
  double per_second = 0;
  double eta_seconds = 0;
  std::string detail;  // what else to show: the loss, the epoch
};

// Receives the library's messages. The library itself never prints; the command line shows the
// messages on the terminal and keeps them in log.txt.
class Log {
 public:
  virtual ~Log() = default;
  virtual void info(const std::string& message) = 0;
  virtual void warn(const std::string& message) = 0;
  virtual void progress(const Progress& progress) = 0;
};

// A log that discards everything.
Log& null_log();

// Set when the user asks to stop; long work checks it between steps.
using StopFlag = std::atomic<bool>;
const StopFlag& never_stop();

// Throws Interrupted, naming the task and how to go on with it, when the flag is set.
void check_stop(const StopFlag& stop, std::string_view task,
                std::string_view mend =
                    "what was done is kept: the same command with --resume goes on from there");

// Counts a task's units and reports them, with rate and ETA, at most five times a second, and
// always once all are done.
class Meter {
 public:
  // `already` units were done before (a resumed task): they count as done, not towards the rate.
  Meter(Log& log, std::string task, int64_t total, int64_t already = 0,
        std::string unit = "images");
  void add(int64_t units, const std::string& detail = "");
  // Counts units that turn out to have been done before: as done, not towards the rate.
  void found(int64_t units);
  // Reports `units` more than were added, without counting them. This is for work that is counted
  // only when it is written to disk.
  void note(const std::string& detail, int64_t units);

 private:
  void report(int64_t done);
  Log& log_;
  Progress state_;
  int64_t already_;
  std::chrono::steady_clock::time_point start_, reported_;
};

// Seconds since construction.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace retort
