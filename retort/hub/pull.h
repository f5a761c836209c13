#pragma once

#include <optional>
#include <string>

#include "retort/core/log.h"
#include "retort/hub/options.h"
#include "retort/hub/reference.h"
#include "retort/hub/snapshot.h"

namespace retort::hub {

// Downloads a repository's snapshot into the cache, which it shares with Python's huggingface_hub;
// files that the cache holds are not downloaded again. Without options.files these are the .json
// and .txt files at the top, spiece.model, and the weights (choose_weights). Offline, or where the
// hub cannot be reached, the cached snapshot of the revision is used if find() finds it. Throws
// UsageError on an invalid reference or options, Error on refusals, broken files and full disks,
// Interrupted once the flag is set; what arrived is kept, and the next call continues from there.
Snapshot pull(const Reference& reference, const PullOptions& options, Log& log,
              const StopFlag& stop = never_stop());

// Where `named` is a reference ("hf:org/name"), pulls its snapshot with the environment's options
// and returns the folder. Any other name is returned as it is.
std::string pulled(const std::string& named, Log& log, const StopFlag& stop);

// The snapshot that the cache holds, without a request to the hub; nothing where a weight file (or
// one of options.files) is missing.
std::optional<Snapshot> find(const Reference& reference, const PullOptions& options);

}  // namespace retort::hub
