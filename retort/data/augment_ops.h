#pragma once

#include <string>
#include <vector>

#include "retort/data/augment.h"

namespace retort::data {

// DiffAugment's operations by name; throws UsageError.
std::vector<AugmentOp> diff_ops(const std::string& list);
// Adds the operation with values drawn; nothing for a flip that does not happen.
void draw_diff(AugmentOp op, CounterRng& rng, std::vector<AugmentStep>& steps);

void apply_rand(Planes& image, const AugmentStep& step);
void apply_diff(Planes& image, const AugmentStep& step);

}  // namespace retort::data
