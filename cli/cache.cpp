#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>

#include "cli/command.h"
#include "retort/core/cache_store.h"
#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/text.h"

namespace retort::cli {
namespace {

struct CacheArguments {
  std::string cache, max_size, older_than;
  std::filesystem::path folder() const {
    return cache.empty() ? default_cache_dir() : std::filesystem::path(cache);
  }
};

constexpr std::time_t kHour = 3600, kDay = 24 * kHour;

// Reads "12h", "30d" or "4w"; a number without a unit means days.
std::time_t parse_age(const std::string& text) {
  const std::string_view word = trimmed(text);
  double value = 0;
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
  const std::string_view unit(end, static_cast<size_t>(word.data() + word.size() - end));
  const std::map<std::string_view, std::time_t> units{
      {"", kDay}, {"h", kHour}, {"d", kDay}, {"w", 7 * kDay}};
  const auto found = units.find(unit);
  if (problem != std::errc() || found == units.end() || !(value >= 0 && value <= 1e6))
    throw UsageError("'" + text + "' is no age", "--older-than", "write 12h, 30d or 4w");
  return static_cast<std::time_t>(std::llround(value * static_cast<double>(found->second)));
}

// The age may be negative where the clock was set back; it then counts as 0.
std::string age_text(std::time_t last_used, std::time_t now) {
  const std::time_t age = std::max<std::time_t>(now - last_used, 0);
  if (age < kDay) return "used today";
  return "used " + std::to_string(age / kDay) + (age / kDay == 1 ? " day ago" : " days ago");
}

std::string what(const StoreInfo& store) {
  if (store.about.empty()) return "made by a version of retort that did not say of what";
  if (store.kind == "images") return store.line("images") + " images, " + store.line("kept");
  return store.line("teacher") + ", views: " + store.line("views") + ", of " +
         store.line("images") + " images";
}

std::string line_of(const StoreInfo& store, std::time_t now) {
  char text[96];
  std::snprintf(text, sizeof text, "  %-8s %11s  %-18s  ", store.kind.c_str(),
                bytes_text(store.bytes).c_str(),
                store.in_use ? "in use" : age_text(store.last_used, now).c_str());
  return text + what(store);
}

uint64_t bytes_of(const std::vector<StoreInfo>& stores) {
  uint64_t bytes = 0;
  for (const StoreInfo& store : stores) bytes += store.bytes;
  return bytes;
}

// Prints the stores grouped by data set, the largest first.
void print_stores(const std::vector<StoreInfo>& stores, std::time_t now, std::ostream& out) {
  std::map<std::string, std::vector<StoreInfo>> of_data;
  for (const StoreInfo& store : stores) of_data[store.line("data")].push_back(store);
  std::vector<std::pair<uint64_t, std::string>> order;
  for (const auto& [data, own] : of_data) order.emplace_back(bytes_of(own), data);
  std::ranges::sort(order, std::greater<>());
  for (const auto& [bytes, data] : order) {
    out << (data.empty() ? "of an unknown data set" : data) << ": " << bytes_text(bytes) << '\n';
    for (const StoreInfo& store : of_data[data]) out << line_of(store, now) << '\n';
  }
}

void list_cache(const CacheArguments& arguments, std::ostream& out) {
  const std::filesystem::path folder = arguments.folder();
  const std::vector<StoreInfo> stores = stores_in(folder);
  print_stores(stores, std::time(nullptr), out);
  const uint64_t bound = cache_bound(folder);
  out << folder.string() << ": " << stores.size() << (stores.size() == 1 ? " store, " : " stores, ")
      << bytes_text(bytes_of(stores))
      << (bound == std::numeric_limits<uint64_t>::max() ? "; without a bound"
                                                        : "; bound: " + bytes_text(bound))
      << " ($RETORT_CACHE_SIZE)\n";
}

void prune_cache(const CacheArguments& arguments, std::ostream& out) {
  const std::filesystem::path folder = arguments.folder();
  PruneRules rules;
  if (!arguments.max_size.empty()) rules.max_bytes = parse_bytes(arguments.max_size, "--max-size");
  if (!arguments.older_than.empty()) rules.older_than = parse_age(arguments.older_than);
  if (!rules.max_bytes && !rules.older_than) rules.max_bytes = cache_bound(folder);
  const std::time_t now = std::time(nullptr);
  const std::vector<StoreInfo> removed = prune(folder, rules, now);
  for (const StoreInfo& store : removed) {
    const std::string data = store.line("data");
    out << line_of(store, now) << (data.empty() ? "" : ", " + data) << '\n';
  }
  out << "removed: " << removed.size() << (removed.size() == 1 ? " store, " : " stores, ")
      << bytes_text(bytes_of(removed)) << "; left: " << bytes_text(bytes_of(stores_in(folder)))
      << '\n';
}

}  // namespace

void add_cache(CLI::App& app, const Session& session) {
  const auto arguments = std::make_shared<CacheArguments>();
  CLI::App* command = app.add_subcommand(
      "cache", "List decoded images and teachers' outputs that are kept, or remove some");
  command->add_option("--cache", arguments->cache, "the cache's folder")
      ->default_str("$RETORT_CACHE or ~/.cache/retort");
  command->require_subcommand(0, 1);
  CLI::App* pruning =
      command->add_subcommand("prune", "Remove what no run uses, what was used longest ago first");
  pruning->add_option("--max-size", arguments->max_size,
                      "so that no more than this is left: 500M, 20G, 1.5T");
  pruning->add_option("--older-than", arguments->older_than,
                      "what has not been used for so long: 12h, 30d, 4w");
  pruning->footer(
      "Without either, the cache is brought within its bound: $RETORT_CACHE_SIZE, or a quarter of "
      "its disk.\n"
      "Example: retort cache prune --max-size 20G --older-than 60d");
  command->footer(
      "All of it can be made again. What a run in progress uses stays.\n"
      "Example: retort cache");
  command->callback([arguments, pruning, session] {
    if (pruning->parsed())
      prune_cache(*arguments, session.out);
    else
      list_cache(*arguments, session.out);
  });
}

}  // namespace retort::cli
