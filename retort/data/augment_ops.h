#pragma once

#include <string>
#include <vector>

#include "retort/data/augment.h"

namespace retort::data {

// The DiffAugment operations that a list such as "crop,flip" names. Throws UsageError on an unknown
// name and on one that appears twice.
std::vector<AugmentOp> diff_ops(const std::string& list);
// Adds the operation with drawn values to `steps`; adds nothing where a flip is drawn not to
// happen.
void draw_diff(AugmentOp op, CounterRng& rng, std::vector<AugmentStep>& steps);

void apply_rand(Planes& image, const AugmentStep& step);
void apply_diff(Planes& image, const AugmentStep& step);

}  // namespace retort::data
