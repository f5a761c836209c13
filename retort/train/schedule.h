#pragma once

#include <cstdint>

namespace retort::train {

// Linear warm-up from 0 over `warmup` steps, then a half cosine to 0 at `total` (Loshchilov & Hutter 2017). The factor on the peak rate at
// step 0 … total-1, in (0, 1].
double schedule_factor(int64_t step, int64_t warmup, int64_t total);

}  // namespace retort::train
