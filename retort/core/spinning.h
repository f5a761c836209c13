#pragma once

#include <filesystem>
#include <optional>
#include <thread>

namespace retort {

// The threads of a parallel region wait for each other at its end, and a training step has hundreds
// of regions. On a quiet machine it is fastest to spin while waiting: a thread that sleeps wakes up
// late. On a busy machine a spinning thread takes processor time from the thread that it waits for.
//
// While an object of this class lives, libgomp's threads spin as GOMP_SPINCOUNT says as long as the
// machine is quiet, and hardly at all while it is busy. libgomp reads its settings once, but it
// spins at most 100 times while a process has more of its threads than processors. On a busy
// machine a thread of this class therefore keeps a team of sleeping threads. It looks ten times a
// second. Where /proc does not say how long threads wait, nothing is changed.
class AdaptiveSpinning {
 public:
  AdaptiveSpinning();

 private:
  std::jthread watch_;
};

// Seconds for which the threads of this process have been ready to run without a processor, summed
// over the threads that are there now; `root` is "/" for this machine. Nothing where the files do
// not say it.
std::optional<double> seconds_without_processor(const std::filesystem::path& root);

// Whether a machine is busy on which this share of the processors' time was spent waiting for them.
// A machine that was busy before stays so a little longer, so that one in between does not flicker.
bool is_busy(double share, bool before);

}  // namespace retort
