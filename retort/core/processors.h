#pragma once

#include <cstdint>
#include <filesystem>

namespace retort {

// How many processors this process may use at once, at least 1: the size of its affinity mask, but
// at most its control groups' quota of processor time (cgroup v1 and v2). A quota of 2.5 processors
// counts as 2: a thread beyond the quota is paused, and the others wait for it at the next barrier.
int64_t usable_processors();

// The size of the affinity mask alone, at least 1.
int64_t allowed_processors();

// The quota alone, in processors, as the files below `root` state it ("/" for this machine);
// infinity where there is none. For nested groups it is the smallest quota.
double processor_quota(const std::filesystem::path& root);

}  // namespace retort
