#include "retort/data/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "retort/core/hash.h"

namespace retort::data {

void carve(std::vector<Item>& items, Split to, double fraction, uint64_t seed) {
  if (fraction <= 0) return;
  std::map<int64_t, std::vector<std::pair<std::string, Item*>>> ranked;  // class to (rank, item)
  for (Item& item : items) {
    if (item.split != Split::train) continue;
    ranked[item.label].emplace_back(
        Hasher().number(static_cast<int64_t>(seed)).text(item.path).hex(), &item);
  }
  for (auto& [label, members] : ranked) {
    const auto count = static_cast<int64_t>(members.size());
    if (count < 2) continue;
    const int64_t moved =
        std::clamp<int64_t>(std::llround(fraction * static_cast<double>(count)), 1, count - 1);
    std::sort(members.begin(), members.end());
    for (int64_t i = 0; i < moved; ++i) members[static_cast<size_t>(i)].second->split = to;
  }
}

}  // namespace retort::data
