#include "retort/core/log.h"

#include <utility>

#include "retort/core/error.h"

namespace retort {
namespace {

class NullLog : public Log {
 public:
  void info(const std::string&) override {}
  void warn(const std::string&) override {}
  void progress(const Progress&) override {}
};

constexpr auto kReportEvery = std::chrono::milliseconds(200);

}  // namespace

Log& null_log() {
  static NullLog log;
  return log;
}

const StopFlag& never_stop() {
  static const StopFlag flag{false};
  return flag;
}

void check_stop(const StopFlag& stop, std::string_view task, std::string_view mend) {
  if (stop.load(std::memory_order_relaxed))
    throw Interrupted("stopped while " + std::string(task), "", std::string(mend));
}

Meter::Meter(Log& log, std::string task, int64_t total, int64_t already, std::string unit)
    : log_(log),
      already_(already),
      start_(std::chrono::steady_clock::now()),
      reported_(start_ - kReportEvery) {
  state_.task = std::move(task);
  state_.unit = std::move(unit);
  state_.total = total;
  state_.done = already;
}

void Meter::found(int64_t units) {
  if (state_.done == already_)
    start_ = std::chrono::steady_clock::now();  // finding them counts as no work
  already_ += units;
  add(units);
}

void Meter::add(int64_t units, const std::string& detail) {
  state_.done += units;
  if (!detail.empty()) state_.detail = detail;
  report(state_.done);
}

void Meter::note(const std::string& detail, int64_t units) {
  if (!detail.empty()) state_.detail = detail;
  report(state_.done + units);
}

void Meter::report(int64_t done) {
  const auto now = std::chrono::steady_clock::now();
  if (now - reported_ < kReportEvery && done < state_.total) return;
  reported_ = now;
  Progress progress = state_;
  progress.done = done;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  progress.per_second = seconds > 0 ? static_cast<double>(done - already_) / seconds : 0;
  progress.eta_seconds = progress.per_second > 0
                             ? static_cast<double>(progress.total - done) / progress.per_second
                             : 0;
  log_.progress(progress);
}

}  // namespace retort
