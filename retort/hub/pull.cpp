#include "retort/hub/pull.h"

#include <algorithm>
#include <string>
#include <vector>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/hub/cache.h"
#include "retort/hub/client.h"
#include "retort/hub/download.h"
#include "retort/hub/retry.h"

namespace retort::hub {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kLargestText = 256'000'000, kLargestWeights = 100'000'000'000;

// The snapshot that the cache has for the revision, complete or not.
std::optional<Snapshot> cached(const Reference& reference, const PullOptions& options) {
  const RepositoryCache cache(options.cache, reference.repository);
  const auto commit = cache.commit_of(reference.revision);
  std::error_code ignored;
  if (!commit || !fs::is_directory(cache.snapshot(*commit), ignored)) return std::nullopt;
  return Snapshot{cache.snapshot(*commit)};
}

// Throws Error naming what the snapshot lacks.
void check_whole(const Snapshot& snapshot, const PullOptions& options) {
  if (options.files.empty()) weight_files(snapshot);
  for (const std::string& name : options.files) {
    std::error_code ignored;
    if (!fs::is_regular_file(snapshot.folder / name, ignored))
      throw Error("lacks " + quote_name(name), snapshot.folder.string());
  }
}

Snapshot offline(const Reference& reference, const PullOptions& options) {
  const auto snapshot = cached(reference, options);
  if (!snapshot) {
    throw Error("is not in the cache " + options.cache.string() + ", and HF_HUB_OFFLINE is set",
                to_string(reference),
                "unset it, or download the snapshot where there is a network");
  }
  check_whole(*snapshot, options);
  return *snapshot;
}

bool is_text(const std::string& name) {
  return name.find('/') == name.npos &&
         (name.ends_with(".json") || name.ends_with(".txt") || name == "spiece.model");
}

void check_listed(const std::vector<std::string>& names, const Listing& listing,
                  const Reference& reference) {
  for (const std::string& name : names) {
    if (std::ranges::find(listing.files, name) == listing.files.end())
      throw Error("holds no file " + quote_name(name), to_string(reference));
  }
}

// Texts are fetched first, because the index that names the shards is one of them.
void fetch_all(Download& download, const Listing& listing, const Snapshot& snapshot,
               const Reference& reference, const PullOptions& options) {
  if (!options.files.empty()) {
    check_listed(options.files, listing, reference);
    return download.fetch(options.files, kLargestWeights);
  }
  const WeightChoice choice = choose_weights(listing.files, options.pickled, to_string(reference));
  std::vector<std::string> texts;
  std::ranges::copy_if(listing.files, std::back_inserter(texts), is_text);
  download.fetch(texts, kLargestText);
  const std::vector<std::string> weights =
      choice.is_index ? shards_of(snapshot.folder / choice.name) : std::vector{choice.name};
  check_listed(weights, listing, reference);
  download.fetch(weights, kLargestWeights);
}

void check_options(const PullOptions& options) {
  if (options.cache.empty()) throw UsageError("no cache folder is given");
  if (options.tries < 1) throw UsageError("at least one try is needed");
  for (const std::string& name : options.files) {
    if (!is_safe_name(name))
      throw UsageError("is not the name of a file in a repository", quote_name(name));
  }
}

}  // namespace

std::optional<Snapshot> find(const Reference& reference, const PullOptions& options) {
  check(reference);
  check_options(options);
  std::optional<Snapshot> snapshot = cached(reference, options);
  if (!snapshot) return std::nullopt;
  try {
    check_whole(*snapshot, options);
  } catch (const Error&) {
    return std::nullopt;
  }
  return snapshot;
}

Snapshot pull(const Reference& reference, const PullOptions& options, Log& log,
              const StopFlag& stop) {
  check(reference);
  check_options(options);
  if (options.offline) return offline(reference, options);
  Client client(reference, options, stop);
  Retry retry(options, log, stop, false);
  Listing listing;
  try {
    listing = retry([&] { return client.list(); });
  } catch (const Passing& error) {
    const auto snapshot = find(reference, options);
    if (!snapshot) throw;
    log.warn(std::string(error.what()) + "; what the cache holds is taken");
    return *snapshot;
  }
  const RepositoryCache cache(options.cache, reference.repository);
  const Snapshot snapshot{cache.snapshot(listing.commit)};
  Download download(client, cache, listing.commit, options, log, stop);
  fetch_all(download, listing, snapshot, reference, options);
  // This comes last, so that until then the revision means its previous, complete snapshot.
  cache.set_commit(reference.revision, listing.commit);
  return snapshot;
}

std::string pulled(const std::string& named, Log& log, const StopFlag& stop) {
  if (!is_reference(named)) return named;
  return pull(parse_reference(named), options_from_environment(), log, stop).folder.string();
}

}  // namespace retort::hub
