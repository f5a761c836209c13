#include "retort/core/spinning.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <memory>
#include <mutex>
#include <system_error>

#include "retort/core/processors.h"

namespace retort {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kInterval{100};
constexpr double kWeight = 0.2;  // of the last interval in the moving average

// Waits, and returns whether it was stopped meanwhile.
bool stopped_within(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any wake;
  wake.wait_for(lock, stop, time, [] { return false; });
  return stop.stop_requested();
}

// A team of libgomp's with as many threads as the affinity mask has processors. They sleep, and end
// with the object.
class SleepingTeam {
 public:
  SleepingTeam()
      : leader_([size = static_cast<int>(allowed_processors())](const std::stop_token& stop) {
          std::atomic<int> started = 0;
#pragma omp parallel num_threads(size)
          ++started;
          while (!stopped_within(stop, std::chrono::hours(1))) {
          }
        }) {
  }

 private:
  std::jthread leader_;
};

void watch(const std::stop_token& stop) {
  const auto processors = static_cast<double>(usable_processors());
  std::unique_ptr<SleepingTeam> team;
  std::optional<double> before = seconds_without_processor("/");
  double average = 0;
  for (Clock::time_point last = Clock::now(); before && !stopped_within(stop, kInterval);) {
    const std::optional<double> waited = seconds_without_processor("/");
    if (!waited) return;
    const Clock::time_point now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - last).count();
    // Threads that ended since are no longer in the sum.
    const double share = std::max(0.0, *waited - *before) / (seconds * processors);
    average += kWeight * (share - average);
    if (!is_busy(average, team != nullptr))
      team.reset();
    else if (!team)
      team = std::make_unique<SleepingTeam>();
    before = waited;
    last = now;
  }
}

}  // namespace

AdaptiveSpinning::AdaptiveSpinning() {
  if (allowed_processors() > 1) watch_ = std::jthread(watch);
}

std::optional<double> seconds_without_processor(const fs::path& root) {
  std::error_code error;
  std::optional<double> sum;
  for (const auto& thread : fs::directory_iterator(root / "proc/self/task", error)) {
    // Nanoseconds that it ran, nanoseconds that it waited, and how often it ran.
    double ran = 0, waited = 0;
    if (std::ifstream(thread.path() / "schedstat") >> ran >> waited)
      sum = sum.value_or(0) + waited / 1e9;
  }
  return sum;
}

bool is_busy(double share, bool before) { return share > (before ? 0.07 : 0.15); }

}  // namespace retort
