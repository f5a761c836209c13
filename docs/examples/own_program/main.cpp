#include <iostream>

#include "retort/retort.h"

// Shows what the library says; the library itself never prints.
class Terminal : public retort::Log {
 public:
  void info(const std::string& message) override { std::cerr << message << '\n'; }
  void warn(const std::string& message) override { std::cerr << "warning: " << message << '\n'; }
  void progress(const retort::Progress&) override {}
};

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "usage: own_program DATA TEACHER OUT EPOCHS PICTURE\n";
    return 2;
  }
  try {
    retort::keep_tensor_memory();
    retort::RunConfig config;  // the options of `retort distill`, with their defaults
    config.data = argv[1];
    config.teacher = {argv[2]};
    config.out = argv[3];
    config.epochs = std::stoll(argv[4]);
    Terminal log;
    retort::distill(config, {}, log, retort::never_stop());
    for (const retort::FilePrediction& prediction :
         retort::predict_files(config.out, {argv[5]}, 1)) {
      if (!prediction.error.empty()) throw retort::Error(prediction.error);
      std::cout << prediction.path << ": " << prediction.top.front().first << '\n';
    }
  } catch (const std::exception& error) {
    std::cerr << "own_program: " << error.what() << '\n';
    return 1;
  }
}
