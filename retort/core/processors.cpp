#include "retort/core/processors.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace retort {
namespace fs = std::filesystem;
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

double share(double quota, double period) {
  return quota > 0 && period > 0 ? quota / period : kUnlimited;
}

// cgroup v2: "QUOTA PERIOD" in microseconds, or "max PERIOD".
double quota_v2(const fs::path& folder) {
  double quota = 0, period = 0;
  return std::ifstream(folder / "cpu.max") >> quota >> period ? share(quota, period) : kUnlimited;
}

// cgroup v1: one number per file; a quota of -1 means none.
double quota_v1(const fs::path& folder) {
  double quota = 0, period = 0;
  const bool read = (std::ifstream(folder / "cpu.cfs_quota_us") >> quota) &&
                    (std::ifstream(folder / "cpu.cfs_period_us") >> period);
  return read ? share(quota, period) : kUnlimited;
}

// The smallest quota of a group and its parent groups. In a container the group's path may be the
// host's, which is not mounted there: the mount's own root is then the container's group.
double smallest(const fs::path& mount, const fs::path& group, double (*read)(const fs::path&)) {
  double least = read(mount);
  fs::path folder = mount;
  for (const fs::path& part : group.relative_path()) {
    folder /= part;
    least = std::min(least, read(folder));
  }
  return least;
}

bool has_word(const std::string& list, const std::string& word) {
  std::istringstream words(list);
  for (std::string each; std::getline(words, each, ',');)
    if (each == word) return true;
  return false;
}

}  // namespace

int64_t allowed_processors() {
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) return CPU_COUNT(&mask);
  return std::max(1U, std::thread::hardware_concurrency());
}

double processor_quota(const fs::path& root) {
  double least = kUnlimited;
  std::ifstream groups(root / "proc/self/cgroup");
  // A line is NUMBER:CONTROLLERS:PATH; cgroup v2 has one line, without controllers.
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'),
                 second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = line.substr(second + 1), mounts = root / "sys/fs/cgroup";
    if (controllers.empty()) {
      for (const fs::path& mount : {mounts, mounts / "unified"})
        least = std::min(least, smallest(mount, group, quota_v2));
    } else if (has_word(controllers, "cpu")) {
      for (const fs::path& mount : {mounts / "cpu", mounts / controllers})
        least = std::min(least, smallest(mount, group, quota_v1));
    }
  }
  return least;
}

int64_t usable_processors() {
  const double limit = std::min(static_cast<double>(allowed_processors()), processor_quota("/"));
  return std::max<int64_t>(1, static_cast<int64_t>(limit));
}

}  // namespace retort
