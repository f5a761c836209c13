#include "retort/run/finished_run.h"

#include "retort/core/file.h"
#include "retort/run/report_run.h"

namespace retort::run {
namespace fs = std::filesystem;

bool holds_this_run(const RunFolder& folder, const Plan& plan) {
  return read_file(folder.config()) == to_toml(plan.config);
}

std::string changed_inputs(const RunFolder& folder, Sources& sources, const Context& context) {
  std::error_code error;
  nlohmann::json made_of;
  if (fs::exists(folder.summary(), error)) {
    made_of = read_json(folder.summary()).value("inputs", nlohmann::json::object());
  } else if (fs::exists(folder.inputs(), error)) {
    made_of = read_json(folder.inputs());
  } else {
    return "";
  }
  return differences(inputs_from(made_of), sources.inputs(context));
}

bool is_finished(const Plan& plan, Sources& sources, const Context& context) {
  const RunFolder folder{plan.out};
  std::error_code error;
  return fs::exists(folder.summary(), error) && fs::exists(folder.config(), error) &&
         holds_this_run(folder, plan) && changed_inputs(folder, sources, context).empty();
}

RunSummary read_finished(const RunFolder& folder) {
  remove_abandoned(folder.root, /*below=*/false);
  std::error_code error;
  if (!fs::exists(folder.report(), error)) write_report(folder.root, {});
  return summary_from(read_json(folder.summary()), folder.summary().string());
}

void write_summary(const RunFolder& folder, const RunSummary& summary) {
  write_file_atomic(folder.summary(), to_json(summary).dump(2) + "\n");
}

}  // namespace retort::run
