#pragma once

#include <cstdint>
#include <vector>

#include "retort/data/manifest.h"

namespace retort::data {

// Moves about `fraction` of each class's training items to another split: the nearest whole number,
// at least one where the class has two, never all. The items with the smallest hashes of seed and
// path are moved, so that adding a file changes the split of at most one other file.
void carve(std::vector<Item>& items, Split to, double fraction, uint64_t seed);

}  // namespace retort::data
