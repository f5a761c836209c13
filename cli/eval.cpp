#include <memory>

#include "cli/command.h"
#include "retort/core/file.h"
#include "retort/run/evaluate_run.h"

namespace retort::cli {
namespace {

struct EvalArguments {
  std::string run, data, predictions, cache;
  run::EvaluationOptions options;
  bool json = false;
};

// A matrix with a row for each label and a column for each predicted class; for more than
// kMostClasses classes a list of [label, predicted, images].
nlohmann::json confusion_of(const data::Metrics& metrics) {
  constexpr size_t kMostClasses = 1000;
  const size_t classes = metrics.class_count.size();
  nlohmann::json json = nlohmann::json::array();
  if (classes > kMostClasses) {
    for (const auto& [pair, images] : metrics.confusion)
      json.push_back({pair.first, pair.second, images});
    return json;
  }
  for (size_t label = 0; label < classes; ++label) {
    nlohmann::json row = nlohmann::json::array();
    for (size_t predicted = 0; predicted < classes; ++predicted)
      row.push_back(metrics.confused(label, predicted));
    json.push_back(std::move(row));
  }
  return json;
}

nlohmann::json to_json(const run::Evaluation& evaluation) {
  nlohmann::json classes = nlohmann::json::array();
  for (size_t i = 0; i < evaluation.classes.size(); ++i) {
    const double accuracy = evaluation.metrics.class_accuracy[i];
    classes.push_back({{"class", evaluation.classes[i]},
                       {"images", evaluation.metrics.class_count[i]},
                       {"accuracy", accuracy < 0 ? nlohmann::json() : nlohmann::json(accuracy)}});
  }
  return {{"split", evaluation.split},
          {"images", evaluation.predictions.size()},
          {"accuracy", evaluation.metrics.accuracy},
          {"mean_class_accuracy", evaluation.metrics.mean_class_accuracy},
          {"classes", classes},
          {"confusion", confusion_of(evaluation.metrics)},
          {"skipped_files", run::to_json(evaluation.skipped)}};
}

}  // namespace

void add_eval(CLI::App& app, const Session& session) {
  const auto arguments = std::make_shared<EvalArguments>();
  CLI::App* command =
      app.add_subcommand("eval", "Measure a run's student on its test images, or on others");
  command->add_option("--run", arguments->run, "run folder")->required();
  command->add_option("--data", arguments->data,
                      "another image folder or CSV manifest with class names among the run's "
                      "(default: the run's own data)");
  command->add_option_function<std::string>(
      "--split",
      [arguments](const std::string& word) {
        arguments->options.split = choice_from<run::EvaluatedSplit>(word, "--split");
      },
      "test, validation, train or all (default: test images where there are any; all of a folder "
      "without splits)");
  command
      ->add_option("--max-skipped", arguments->options.max_skipped,
                   "share of files that may fail to decode (default: as in the run)")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--predictions", arguments->predictions,
                      "write path,label,predicted,probability to this CSV file");
  command->add_flag("--json", arguments->json, "print the metrics as JSON; accuracies are percent");
  command->add_option("--cache", arguments->cache, "folder for decoded images")
      ->default_str("$RETORT_CACHE or ~/.cache/retort");
  command->callback([arguments, session] {
    const std::filesystem::path cache =
        arguments->cache.empty() ? default_cache_dir() : std::filesystem::path(arguments->cache);
    const run::Evaluation evaluation = run::evaluate_run(
        arguments->run, arguments->data, cache, session.log, session.stop(), arguments->options);
    if (!arguments->predictions.empty())
      write_file_atomic(arguments->predictions,
                        data::to_csv(evaluation.predictions, evaluation.classes));
    if (arguments->json) {
      session.out
          << to_json(evaluation).dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
          << '\n';
      return;
    }
    char line[160];
    std::snprintf(line, sizeof line,
                  "%s: %zu images, accuracy %.2f %%, mean per-class accuracy %.2f %%\n",
                  evaluation.split.c_str(), evaluation.predictions.size(),
                  evaluation.metrics.accuracy, evaluation.metrics.mean_class_accuracy);
    session.out << line;
  });
}

}  // namespace retort::cli
