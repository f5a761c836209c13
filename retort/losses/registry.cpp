#include <algorithm>
#include <utility>

#include "retort/core/error.h"
#include "retort/losses/loss.h"

namespace retort::losses {
namespace {

// Inside a function: registrations run before main, in any order.
std::vector<LossEntry>& registry() {
  static std::vector<LossEntry> entries;
  return entries;
}

std::string plain(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

const std::vector<LossEntry>& losses() { return registry(); }

const LossEntry& find_loss(const std::string& name) {
  std::string known;
  for (const LossEntry& entry : losses()) {
    if (entry.name == name) return entry;
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  throw UsageError("there is no loss named `" + name + "`", "", "name one of: " + known);
}

int register_loss(LossEntry entry) {
  std::vector<LossEntry>& entries = registry();
  const auto place = std::lower_bound(entries.begin(), entries.end(), entry, [](const auto& a, const auto& b) { return a.name < b.name; });
  if (place != entries.end() && place->name == entry.name) throw Error("two losses are registered under one name", entry.name);
  entries.insert(place, std::move(entry));
  return static_cast<int>(entries.size());
}

double option(const LossContext& context, const std::string& name, double low, double high) {
  const double value = context.options.at(name);
  if (!(value >= low && value <= high)) {  // a NaN fails too
    throw UsageError("must be in [" + plain(low) + ", " + plain(high) + "], not " + plain(value), "loss option `" + name + "`");
  }
  return value;
}

}  // namespace retort::losses
