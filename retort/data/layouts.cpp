#include "retort/data/layouts.h"

#include <algorithm>

#include "retort/core/error.h"

namespace retort::data {
namespace {

// Inside a function: registrations run before main, in any order.
std::vector<Layout>& registry() {
  static std::vector<Layout> entries;
  return entries;
}

}  // namespace

const std::vector<Layout>& layouts() { return registry(); }

const Layout* layout_of(const std::filesystem::path& folder) {
  const auto found = std::ranges::find_if(
      layouts(), [&](const Layout& layout) { return layout.recognise(folder); });
  return found == layouts().end() ? nullptr : &*found;
}

int register_layout(Layout layout) {
  std::vector<Layout>& entries = registry();
  const auto place = std::ranges::lower_bound(entries, layout.name, {}, &Layout::name);
  if (place != entries.end() && place->name == layout.name)
    throw Error("two layouts are registered under one name", layout.name);
  entries.insert(place, std::move(layout));
  return static_cast<int>(entries.size());
}

}  // namespace retort::data
