#pragma once

#include <cstdint>
#include <vector>

#include "retort/data/manifest.h"

namespace retort::data {

// Moves about `fraction` of each class's training items to another split: the nearest whole number,
// at least one where the class has two, never all. Which ones is a function of seed and path alone,
// so that adding a file leaves the others where they are.
void carve(std::vector<Item>& items, Split to, double fraction, uint64_t seed);

}  // namespace retort::data
