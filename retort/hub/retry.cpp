#include "retort/hub/retry.h"

#include <algorithm>
#include <thread>

namespace retort::hub {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLongest{300};  // the hub counts requests in windows of five minutes
constexpr int kMaxForgiven = 100;

}  // namespace

void check_stopped(const StopFlag& stop) {
  check_stop(stop, "downloading", "what arrived is kept: the same command goes on from there");
}

void Retry::note_progress() {
  if (failures_ > 0 && forgiven_ < kMaxForgiven) {
    ++forgiven_;
    failures_ = 0;
  }
}

void Retry::wait(milliseconds time) {
  if (options_.wait) {
    options_.wait(time);
    return check_stopped(stop_);
  }
  constexpr milliseconds kSlice{100};
  for (; time.count() > 0; time -= kSlice) {
    check_stopped(stop_);
    std::this_thread::sleep_for(std::min(time, kSlice));
  }
}

void Retry::after(const Passing& failure) {
  ++failures_;
  if (failures_ >= options_.tries)
    throw Passing(failure.what() + std::string(", ") + std::to_string(failures_) +
                  " times; what arrived is kept");
  const seconds time = failure.pause.value_or(seconds{1 << std::min(failures_ - 1, 6)});
  if (time > kLongest)
    throw Passing(failure.what() +
                  (", and it asks to wait " + std::to_string(time.count()) + " s"));
  log_.warn(failure.what() + ("; trying again in " + std::to_string(time.count()) + " s"));
  wait(time);
}

}  // namespace retort::hub
