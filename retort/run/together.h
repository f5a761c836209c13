#pragma once

#include "retort/run/distill.h"
#include "retort/run/prepare_teachers.h"

namespace retort::run {

// How the ranks of a run (objects.h) go through its steps side by side. Rank 0 does what one
// process alone does; the others follow. Each waits for the others at the same places.

// Whether there is something to do, and whether its folder is that of a replacement (run_claim.h).
struct Begun {
  bool works = false, replaces = false;
};

// Rank 0 tells the others, with the options. Returns what it told.
Begun begin_together(Ranks& ranks, Begun begun, DistillOptions& options);

// Rank 0 does the work first, and the others, which find what it made, after it.
template <typename Work>
auto leader_first(Ranks& ranks, Work&& work) {
  if (!ranks.leads()) meet(ranks);
  auto made = work();
  if (ranks.leads()) meet(ranks);
  return made;
}

// The teachers that are to be trained on the task first are, by rank 0, and take the place of those
// that are given.
void train_teachers_first(Plan& plan, const std::vector<std::string>& classes,
                          PreparedTeachers& teachers, bool force, const Context& context);

}  // namespace retort::run
