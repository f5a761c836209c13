#include <iostream>
#include <memory>

#include "cli/command.h"
#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/core/unicode.h"
#include "retort/run/predict_run.h"

namespace retort::cli {
namespace {

struct PredictArguments {
  std::string run;
  std::vector<std::string> files;
  int64_t top = 1;
  bool json = false;
};

nlohmann::json to_json(const run::FilePrediction& prediction) {
  const std::string path = as_utf8(prediction.path);
  if (!prediction.error.empty()) return {{"path", path}, {"error", prediction.error}};
  nlohmann::json top = nlohmann::json::array();
  for (const auto& [name, probability] : prediction.top)
    top.push_back({{"class", name}, {"probability", probability}});
  return {{"path", path}, {"top", top}};
}

void print(const run::FilePrediction& prediction, std::ostream& out) {
  if (!prediction.error.empty()) {
    std::cerr << "retort: " << prediction.error << '\n';
    return;
  }
  out << printable(prediction.path);
  for (const auto& [name, probability] : prediction.top) {
    char share[32];
    std::snprintf(share, sizeof share, "%.1f %%", 100 * probability);
    out << '\t' << printable(name) << ' ' << share;
  }
  out << '\n';
}

}  // namespace

void add_predict(CLI::App& app, const Session& session) {
  const auto arguments = std::make_shared<PredictArguments>();
  CLI::App* command = app.add_subcommand("predict", "Say what is on pictures");
  command->add_option("--run", arguments->run, "run folder")->required();
  command->add_option("files", arguments->files, "image files, and folders of them")->required();
  command->add_option("--top", arguments->top, "how many classes to name")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "one JSON object a line");
  command->callback([arguments, session] {
    size_t failed = 0;
    const std::vector<std::string> files = run::pictures_of(arguments->files, session.log);
    run::predict_each(
        arguments->run, files, arguments->top, [&](const run::FilePrediction& prediction) {
          failed += prediction.error.empty() ? 0 : 1;
          if (arguments->json) {
            session.out << to_json(prediction)
                               .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                        << '\n';
          } else {
            print(prediction, session.out);
          }
        });
    if (failed > 0)
      throw Error(std::to_string(failed) + " of " + std::to_string(files.size()) +
                  " files could not be read");
  });
}

}  // namespace retort::cli
