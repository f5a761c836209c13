#pragma once

#include <cstdint>
#include <filesystem>

namespace retort {

// How many processors this process may use at once, at least 1: those of its affinity mask, and no
// more than its control groups' quota of processor time gives (cgroup v1 and v2). A quota of 2.5
// processors counts as 2: a thread that is not paid for stops all others at the next barrier.
int64_t usable_processors();

// The quota alone, as the files below `root` state it ("/": this machine's), in processors;
// infinity where there is none. Of nested groups the smallest counts.
double processor_quota(const std::filesystem::path& root);

}  // namespace retort
