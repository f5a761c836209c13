#pragma once

#include <string>
#include <vector>

#include "retort/run/compare.h"

namespace retort::run {

// An arm of a comparison.
struct ArmPlan {
  std::string name, teacher;  // no teacher: empty
  std::string shorter{};      // the title of the same arm of fewer epochs, where there is one
  std::vector<RunConfig>
      runs;  // one a seed, each with a folder of its own; of a probe, which draws nothing, one
  bool probe = false;  // the linear probe, whose runs train no student

  std::string title() const { return teacher.empty() ? name : name + " from " + teacher; }
};

// The arms that are asked for, or all that can be. Throws UsageError on one that there is not, or
// that lacks what it needs.
std::vector<ArmPlan> plans_of(const CompareConfig& config, Log& log);

// The last part of a path or of a name on the hub.
std::string last_part(const std::string& path);

// What is not safe in a file's name becomes one dash.
std::string folder_name(const std::string& text);

}  // namespace retort::run
