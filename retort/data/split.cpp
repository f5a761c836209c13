#include "retort/data/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "retort/core/hash.h"

namespace retort::data {

void carve(std::vector<Item>& items, Split to, double fraction, uint64_t seed) {
  if (fraction <= 0) return;
  std::map<int64_t, std::vector<size_t>> classes;
  for (size_t i = 0; i < items.size(); ++i)
    if (items[i].split == Split::train) classes[items[i].label].push_back(i);
  for (const auto& [label, members] : classes) {
    const auto count = static_cast<int64_t>(members.size());
    if (count < 2) continue;
    const int64_t moved =
        std::clamp<int64_t>(std::llround(fraction * static_cast<double>(count)), 1, count - 1);
    std::vector<std::pair<Hash128, size_t>> ranked;
    for (const size_t i : members)
      ranked.emplace_back(Hasher().number(static_cast<int64_t>(seed)).text(items[i].path).hash(),
                          i);
    std::ranges::sort(ranked);
    for (int64_t i = 0; i < moved; ++i) items[ranked[static_cast<size_t>(i)].second].split = to;
  }
}

}  // namespace retort::data
