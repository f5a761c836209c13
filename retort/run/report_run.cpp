#include "retort/run/report_run.h"

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/run/evaluate_run.h"
#include "retort/run/run_folder.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

report::Row row_of(const std::string& name, const NetworkSummary& network, double seconds) {
  report::Row row;
  row.name = name;
  row.model = network.arch;
  row.accuracy = network.test_accuracy.value_or(network.val_accuracy.value_or(0));
  row.parameters = network.parameters;
  row.multiply_adds = network.multiply_adds;
  row.milliseconds = network.milliseconds;
  row.training_seconds = seconds;
  return row;
}

report::Row student_row(const RunSummary& summary) {
  const bool pre_trained = summary.student.pre_trained();
  const char* alone = pre_trained ? "finetuned" : "from scratch";
  const char* taught = pre_trained ? "pre-trained and distilled" : "distilled";
  return row_of(summary.teacher ? taught : alone, summary.student, summary.seconds.training);
}

}  // namespace

std::vector<report::Row> rows_of(const fs::path& run, const std::vector<fs::path>& against) {
  const RunSummary summary = summary_of(run);
  std::vector<report::Row> rows;
  if (summary.teacher) rows.push_back(row_of("teacher", *summary.teacher, summary.seconds.teacher));
  rows.push_back(student_row(summary));
  for (const fs::path& other : against) rows.push_back(student_row(summary_of(other)));
  return rows;
}

std::vector<report::Row> write_report(const fs::path& run, const std::vector<fs::path>& against) {
  const RunFolder folder{run};
  report::Page page;
  page.rows = rows_of(run, against);
  page.summary = read_json(folder.summary());
  const Evaluation evaluation = read_evaluation(folder.predictions());
  page.title = fs::absolute(run).lexically_normal().filename().string();
  page.classes = evaluation.classes;
  page.split = evaluation.split;
  page.predictions = evaluation.predictions;
  page.data_root = evaluation.root;
  page.epochs = read_epochs(folder.metrics());
  page.config_toml = read_file(folder.config());
  write_file_atomic(folder.report(), report::render_page(page));
  return page.rows;
}

}  // namespace retort::run
