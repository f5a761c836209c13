#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <memory>

#include "cli/command.h"
#include "cli/terminal.h"
#include "retort/hub/pull.h"

namespace retort::cli {
namespace {

struct Arguments {
  std::string name;
  bool pth = false;
  std::vector<std::string> files;
};

// Messages as everywhere; progress in megabytes, which TerminalLog has no word for.
class PullLog : public Log {
 public:
  ~PullLog() override { clear_line(); }
  void info(const std::string& message) override {
    clear_line();
    terminal_.info(message);
  }
  void warn(const std::string& message) override {
    clear_line();
    terminal_.warn(message);
  }
  void progress(const Progress& progress) override {
    constexpr double kSecondsBetweenLines = 10;
    const bool first = progress.total != total_;
    if (!live_ && !first && since_line_.seconds() < kSecondsBetweenLines) return;
    total_ = progress.total;
    since_line_ = Stopwatch();
    std::fprintf(stderr, "%s%s: %.1f of %.1f MB  %.1f MB/s  ETA %.0f s  %s%s", live_ ? "\r\033[K" : "", progress.task.c_str(),
                 static_cast<double>(progress.done) / 1e6, static_cast<double>(progress.total) / 1e6, progress.per_second / 1e6,
                 std::ceil(progress.eta_seconds), progress.detail.c_str(), live_ ? "" : "\n");
    std::fflush(stderr);
    line_open_ = live_;
  }

 private:
  void clear_line() {
    if (line_open_) std::fputs("\r\033[K", stderr);
    line_open_ = false;
  }
  TerminalLog terminal_;
  bool live_ = ::isatty(STDERR_FILENO) != 0, line_open_ = false;
  int64_t total_ = -1;
  Stopwatch since_line_;
};

void pull(const Arguments& arguments) {
  hub::PullOptions options = hub::options_from_environment();
  options.pickled = arguments.pth;
  options.files = arguments.files;
  PullLog log;
  const hub::Snapshot snapshot = hub::pull(hub::parse_reference(arguments.name), options, log, stop_on_interrupt());
  std::cout << snapshot.folder.string() << '\n';
}

}  // namespace

void add_pull(CLI::App& app) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("pull", "Download a model from the hub, and print the folder that it lies in");
  command->add_option("name", arguments->name, "hf:org/name or hf:org/name@revision")->required();
  command->add_flag("--pth", arguments->pth, "where there are no safetensors, take .bin and .pth files");
  command->add_option("--file", arguments->files, "this file only, whatever it is (repeatable)")->allow_extra_args(false);
  command->callback([arguments] { pull(*arguments); });
}

}  // namespace retort::cli
