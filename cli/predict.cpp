#include <iostream>
#include <memory>

#include "cli/command.h"
#include "retort/core/error.h"
#include "retort/run/evaluate_run.h"

namespace retort::cli {
namespace {

struct PredictArguments {
  std::string run;
  std::vector<std::string> files;
  int64_t top = 1;
  bool json = false;
};

nlohmann::json to_json(const run::FilePrediction& prediction) {
  if (!prediction.error.empty()) return {{"path", prediction.path}, {"error", prediction.error}};
  nlohmann::json top = nlohmann::json::array();
  for (const auto& [name, probability] : prediction.top) top.push_back({{"class", name}, {"probability", probability}});
  return {{"path", prediction.path}, {"top", top}};
}

void print(const run::FilePrediction& prediction) {
  if (!prediction.error.empty()) {
    std::cerr << "retort: " << prediction.error << '\n';
    return;
  }
  std::cout << prediction.path;
  for (const auto& [name, probability] : prediction.top) {
    char share[32];
    std::snprintf(share, sizeof share, "%.1f %%", 100 * probability);
    std::cout << '\t' << name << ' ' << share;
  }
  std::cout << '\n';
}

}  // namespace

void add_predict(CLI::App& app) {
  const auto arguments = std::make_shared<PredictArguments>();
  CLI::App* command = app.add_subcommand("predict", "Say what is on pictures");
  command->add_option("--run", arguments->run, "run folder")->required();
  command->add_option("files", arguments->files, "image files")->required();
  command->add_option("--top", arguments->top, "how many classes to name")->check(CLI::Range(1, 1000))->capture_default_str();
  command->add_flag("--json", arguments->json, "one JSON object a line");
  command->callback([arguments] {
    size_t failed = 0;
    for (const run::FilePrediction& prediction : run::predict_files(arguments->run, arguments->files, arguments->top)) {
      failed += prediction.error.empty() ? 0 : 1;
      if (arguments->json) {
        std::cout << to_json(prediction).dump() << '\n';
      } else {
        print(prediction);
      }
    }
    if (failed > 0) throw Error(std::to_string(failed) + " of " + std::to_string(arguments->files.size()) + " files could not be read");
  });
}

}  // namespace retort::cli
