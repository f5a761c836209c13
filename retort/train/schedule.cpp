#include "retort/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace retort::train {

double schedule_factor(Schedule schedule, int64_t step, int64_t warmup, int64_t total) {
  // The first step is number 0. Its factor must not be 0, or it would change nothing.
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double progress = static_cast<double>(step - warmup) /
                          static_cast<double>(std::max<int64_t>(total - warmup, 1));
  switch (schedule) {
    case Schedule::linear:
      return 1 - progress;
    case Schedule::cosine:
      return 0.5 * (1 + std::cos(std::numbers::pi * progress));
    case Schedule::constant:
      break;
  }
  return 1;
}

}  // namespace retort::train
