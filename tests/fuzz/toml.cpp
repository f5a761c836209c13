// A configuration file as CLI11 reads it, onto options of each type that a run has.
#include <CLI/CLI.hpp>

#include <sstream>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  std::string text;
  int64_t whole = 0;
  double number = 0;
  bool flag = false;
  std::vector<std::string> words;
  CLI::App app;
  app.add_option("--student", text);
  app.add_option("--epochs", whole)->check(CLI::Range(int64_t{0}, int64_t{1000}));
  app.add_option("--lr", number)->check(CLI::Range(0.0, 10.0));
  app.add_option("--flip", flag);
  app.add_option("--teacher", words);
  try {
    std::istringstream stream{std::string(fuzz::text_of(data, size))};
    for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(stream)) {
      CLI::Option* option =
          item.parents.empty() ? app.get_option_no_throw("--" + item.name) : nullptr;
      if (option == nullptr || item.inputs.empty()) continue;
      option->add_result(item.inputs);
      option->run_callback();
    }
  } catch (const CLI::Error&) {
  }
  return 0;
}
