#pragma once

#include <string>

#include "retort/run/inputs.h"
#include "retort/run/run_folder.h"

namespace retort::run {

// The folder's config.toml is that of the plan.
bool holds_this_run(const RunFolder& folder, const Plan& plan);

// What the run in the folder, finished or not, was made of and is no longer so, in words; empty
// where all of it is, or nothing was made yet.
std::string changed_inputs(const RunFolder& folder, Sources& sources, const Context& context);

// The folder holds this very run, finished, and made of what is there now.
bool is_finished(const Plan& plan, Sources& sources, const Context& context);

// The summary of a finished run. Its report may be missing where it was killed at the very end: it
// is written then.
RunSummary read_finished(const RunFolder& folder);

void write_summary(const RunFolder& folder, const RunSummary& summary);

}  // namespace retort::run
