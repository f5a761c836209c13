#include "retort/run/report_run.h"

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/run/evaluate_run.h"
#include "retort/run/run_folder.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

report::Row row_of(const std::string& name, const nlohmann::json& network, double seconds) {
  report::Row row;
  row.name = name;
  network.at("arch").get_to(row.model);
  const nlohmann::json& test = network.at("test_accuracy");
  const nlohmann::json& accuracy = test.is_null() ? network.at("val_accuracy") : test;
  row.accuracy = accuracy.is_null() ? 0.0 : accuracy.get<double>();
  network.at("parameters").get_to(row.parameters);
  network.at("multiply_adds").get_to(row.multiply_adds);
  network.at("milliseconds").get_to(row.milliseconds);
  row.training_seconds = seconds;
  return row;
}

report::Row student_row(const nlohmann::json& summary) {
  const bool pre_trained = summary.at("student").value("start", "random") == "pre-trained";
  const char* alone = pre_trained ? "finetuned" : "from scratch";
  const char* taught = pre_trained ? "pre-trained and distilled" : "distilled";
  return row_of(summary.at("teacher").is_null() ? alone : taught, summary.at("student"), summary.at("seconds").at("training"));
}

}  // namespace

std::vector<report::Row> rows_of(const fs::path& run, const std::vector<fs::path>& against) {
  const nlohmann::json summary = summary_of(run);
  std::vector<report::Row> rows;
  try {
    if (const nlohmann::json& teacher = summary.at("teacher"); !teacher.is_null())
      rows.push_back(row_of("teacher", teacher, summary.at("seconds").at("teacher")));
    rows.push_back(student_row(summary));
    for (const fs::path& other : against) rows.push_back(student_row(summary_of(other)));
  } catch (const nlohmann::json::exception& error) {
    throw Error(std::string("a summary.json lacks an entry: ") + error.what(), run.string());
  }
  return rows;
}

std::vector<report::Row> write_report(const fs::path& run, const std::vector<fs::path>& against) {
  const RunFolder folder{run};
  report::Page page;
  page.summary = summary_of(run);
  page.rows = rows_of(run, against);
  const Evaluation evaluation = read_evaluation(folder.predictions());
  page.title = fs::absolute(run).lexically_normal().filename().string();
  page.classes = evaluation.classes;
  page.split = evaluation.split;
  page.predictions = evaluation.predictions;
  page.data_root = evaluation.root;
  page.epochs = read_json_lines(folder.metrics());
  page.config_toml = read_file(folder.config());
  write_file_atomic(folder.report(), report::render_page(page));
  return page.rows;
}

}  // namespace retort::run
