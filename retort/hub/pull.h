#pragma once

#include <optional>
#include <string>

#include "retort/core/log.h"
#include "retort/hub/options.h"
#include "retort/hub/reference.h"
#include "retort/hub/snapshot.h"

namespace retort::hub {

// Brings a repository's snapshot into the cache, which it shares with Python's huggingface_hub, and
// asks the hub for nothing but what changed. Without options.files: the .json and .txt files at its
// top and spiece.model (configurations, tokenizers) and the weights (choose_weights). Where the hub
// cannot be reached, or offline, what the cache holds of the revision is taken if it is whole.
// Throws UsageError on a reference or options that cannot be meant, Error on refusals, broken files
// and full disks, Interrupted once the flag is set; what arrived stays, and the next call goes on
// from there.
Snapshot pull(const Reference& reference, const PullOptions& options, Log& log,
              const StopFlag& stop = never_stop());

// The folder of a repository's snapshot, pulled where it is not there; a name that is not on the
// hub stays as it is. Options are those of the environment.
std::string pulled(const std::string& named, Log& log, const StopFlag& stop);

// The snapshot that the cache holds, without asking anyone: nothing where a weight file (or one of
// options.files) is missing.
std::optional<Snapshot> find(const Reference& reference, const PullOptions& options);

}  // namespace retort::hub
