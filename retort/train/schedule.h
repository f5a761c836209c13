#pragma once

#include <cstdint>
#include <string>

namespace retort::train {

// What follows the linear warm-up from 0: a straight line to 0 (Bergsma et al. 2025, "Straight to
// Zero"), half a cosine to 0 (Loshchilov & Hutter 2017), or the peak rate to the end.
enum class Schedule : std::uint8_t { linear, cosine, constant };

// "linear", "cosine", "constant". Throws UsageError on another.
Schedule schedule_from(const std::string& text);
std::string to_string(Schedule schedule);

// The factor on the peak rate at step 0 … total - 1, in (0, 1]; the first `warmup` steps warm up.
double schedule_factor(Schedule schedule, int64_t step, int64_t warmup, int64_t total);

}  // namespace retort::train
