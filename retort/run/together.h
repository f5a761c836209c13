#pragma once

#include "retort/run/distill.h"
#include "retort/run/prepare_teachers.h"

namespace retort::run {

// How the ranks of a run (objects.h) go through its steps together. Rank 0 does what a single
// process does; the others follow. All ranks wait for each other at the same places.

// Whether there is work to do, and whether the folder is that of a replacement (run_claim.h).
struct Begun {
  bool works = false, replaces = false;
};

// Rank 0 sends `begun` and the options to the others. Returns rank 0's `begun`.
Begun begin_together(Ranks& ranks, Begun begun, DistillOptions& options);

// Rank 0 does the work first. The others do it afterwards, and find the files that rank 0 made.
template <typename Work>
auto leader_first(Ranks& ranks, Work&& work) {
  if (!ranks.leads()) meet(ranks);
  auto made = work();
  if (ranks.leads()) meet(ranks);
  return made;
}

// Rank 0 trains the teachers that are to be trained on the task first. They replace the given
// teachers in the plan.
void train_teachers_first(Plan& plan, const std::vector<std::string>& classes,
                          PreparedTeachers& teachers, bool force, const Context& context);

}  // namespace retort::run
