#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "retort/core/words.h"

namespace retort::train {

// The learning rate after the linear warm-up from 0: a straight line to 0 (Bergsma et al. 2025,
// "Straight to Zero"), half a cosine to 0 (Loshchilov & Hutter 2017), or the peak rate to the end.
enum class Schedule : std::uint8_t { linear, cosine, constant };

// The factor on the peak rate at step 0 … total − 1, in (0, 1]; the first `warmup` steps are the
// warm-up.
double schedule_factor(Schedule schedule, int64_t step, int64_t warmup, int64_t total);

}  // namespace retort::train

template <>
struct retort::Words<retort::train::Schedule> {
  static constexpr std::array kTable{std::pair{train::Schedule::linear, "linear"},
                                     std::pair{train::Schedule::cosine, "cosine"},
                                     std::pair{train::Schedule::constant, "constant"}};
};
