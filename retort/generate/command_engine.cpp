#include "retort/generate/command_engine.h"

#include <algorithm>
#include <map>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/generate/child.h"

namespace retort::generate {
namespace fs = std::filesystem;
namespace {

using Values = std::map<std::string, std::string>;

// Fills in the values in one pass, so that braces in a prompt stay. Braces around anything but a
// lower-case name stay as well: they belong to the tool.
std::string filled(const std::string& word, const Values& values) {
  std::string result;
  for (size_t at = 0; at < word.size(); ++at) {
    const size_t end = word[at] == '{'
                           ? word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at + 1)
                           : std::string::npos;
    if (end == std::string::npos || word[end] != '}' || end == at + 1) {
      result += word[at];
      continue;
    }
    const std::string name = word.substr(at + 1, end - at - 1);
    const auto value = values.find(name);
    if (value == values.end())
      throw UsageError("{" + name + "} is not known", "--engine",
                       "use {prompt}, {negative_prompt}, {class}, {seed} and {out}");
    result += value->second;
    at = end;
  }
  return result;
}

class CommandEngine : public Engine {
 public:
  CommandEngine(const std::string& command, const fs::path& scratch)
      : command_(command),
        words_(split_words(command)),
        out_(scratch / (kScratchStart + random_name() + ".png")) {
    if (words_.empty())
      throw UsageError("is empty", "--engine",
                       R"(give a command such as "my-tool {prompt} {seed} {out}")");
    for (const char* needed : {"{prompt}", "{out}"}) {
      if (command.find(needed) == std::string::npos)
        throw UsageError(std::string("has no ") + needed, "--engine",
                         "write it where the tool takes it");
    }
    static_cast<void>(call({}));  // throws on an unknown {name}
  }
  ~CommandEngine() override { remove(); }

  Settings settings() const override { return {{"engine", command_}}; }

  void start(Log& log, const StopFlag&) override {
    if (command_.find("{seed}") == std::string::npos)
      log.warn(
          "--engine takes no {seed}: images of one prompt may be all the same, and none can be "
          "made again");
  }

  data::Image make(const Request& request, const OnStep&) override {
    remove();
    Child child(call(request), Child::Talk::no);
    std::string problem = child.wait();
    std::error_code ignored;
    if (problem.empty() && !fs::exists(out_, ignored))
      problem = "wrote no image to the file that {out} named";
    if (!problem.empty()) {
      const std::string printed = child.last_words();
      throw Error(problem + (printed.empty() ? "" : "; it printed last: " + printed), words_[0],
                  "try the command of --engine by hand");
    }
    data::Image image = data::decode_file(out_);
    remove();
    return image;
  }

 private:
  std::vector<std::string> call(const Request& request) const {
    const Values values = {{"prompt", request.prompt},
                           {"negative_prompt", request.negative_prompt},
                           {"class", request.label},
                           {"seed", std::to_string(request.seed)},
                           {"out", out_.string()}};
    std::vector<std::string> words;
    for (const std::string& word : words_) words.push_back(filled(word, values));
    return words;
  }

  void remove() const {
    std::error_code ignored;
    fs::remove(out_, ignored);
  }

  std::string command_;
  std::vector<std::string> words_;
  fs::path out_;
};

}  // namespace

std::unique_ptr<Engine> make_command_engine(const std::string& command, const fs::path& scratch) {
  return std::make_unique<CommandEngine>(command, scratch);
}

std::vector<std::string> split_words(const std::string& command) {
  std::vector<std::string> words;
  bool open = false;  // within a word
  char quote = 0;
  for (size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      open = false;
      continue;
    }
    if (!std::exchange(open, true)) words.emplace_back();
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'' && i + 1 < command.size()) {
      words.back() += command[++i];
    } else {
      words.back() += c;
    }
  }
  if (quote != 0)
    throw UsageError(std::string("a quote (") + quote + ") is not closed", "--engine");
  return words;
}

}  // namespace retort::generate
