#pragma once

#include <string>

#include "retort/run/inputs.h"
#include "retort/run/run_folder.h"

namespace retort::run {

// Whether the folder's config.toml is that of the plan.
bool holds_this_run(const RunFolder& folder, const Plan& plan);

// Names the inputs of the folder's run, finished or not, that have changed since (inputs.h). Empty
// where none has, or nothing was made yet.
std::string changed_inputs(const RunFolder& folder, Sources& sources, const Context& context);

// Whether the folder has this run, finished, with the same input files as now.
bool is_finished(const Plan& plan, Sources& sources, const Context& context);

// The summary of a finished run. It writes the report where a kill at the very end left none.
RunSummary read_finished(const RunFolder& folder);

void write_summary(const RunFolder& folder, const RunSummary& summary);

}  // namespace retort::run
