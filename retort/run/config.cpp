#include "retort/run/config.h"

#include <charconv>

#include "retort/core/error.h"
#include "retort/losses/loss.h"
#include "retort/models/precision.h"

namespace retort::run {
namespace {

// A literal string where an escape would be needed: not every reader of TOML undoes escapes.
std::string quoted(const std::string& text) {
  const char* mark = text.find_first_of("\"\\") == std::string::npos ? "\"" : "'";
  return mark + text + mark;
}

std::string toml_value(const std::string& value) { return quoted(value); }
std::string toml_value(int64_t value) { return std::to_string(value); }
std::string toml_value(double value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;  // the shortest text that reads back as the same number
  return {text, end};
}
std::string toml_value(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& value : values) out += (out.size() > 1 ? ", " : "") + quoted(value);
  return out + "]";
}

}  // namespace

std::string to_toml(const RunConfig& config) {
  RunConfig copy = config;
  std::string text, group;
  visit_options(copy, [&](const char* name, const auto& field, const Range&, const char* in, const char* help) {
    if (group != in) text += (text.empty() ? "" : "\n") + std::string("# ") + in + "\n";
    group = in;
    text += "# " + std::string(help) + "\n" + name + " = " + toml_value(field) + "\n";
  });
  return text;
}

void validate(const RunConfig& config) {
  if (config.data.empty()) throw UsageError("no data set was named", "--data", "point it at a folder with one folder a class");
  if (config.teacher.empty()) throw UsageError("no teacher was named", "--teacher", "a weight file, or `none` to train from scratch");
  for (const std::string* path : {&config.data, &config.teacher, &config.out, &config.cache}) {
    if (path->find_first_of("\n\r") != std::string::npos ||
        (path->find('\'') != std::string::npos && path->find_first_of("\"\\") != std::string::npos))
      throw UsageError("a path with line breaks, or with both kinds of quotes, cannot stand in config.toml", *path, "rename it");
  }
  if (config.out.empty()) throw UsageError("no run folder was named", "--out", "for example --out runs/first");
  if (config.teacher_head != "probe" && config.teacher_head != "keep")
    throw UsageError("is '" + config.teacher_head + "'", "--teacher-head", "one of: probe, keep");
  if (config.view.scale_min > config.view.scale_max) throw UsageError("is larger than --crop-max", "--crop-min");
  (void)models::precision_from(config.precision);
  const auto expect = [](const std::string& name, losses::Kind kind, const char* option) {
    if (name != "none" && losses::find_loss(name).kind != kind)
      throw UsageError("'" + name + "' is a loss of another kind", option, "see `retort list losses`");
  };
  expect(config.loss, losses::Kind::embedding, "--loss");
  expect(config.logit_loss, losses::Kind::logit, "--logit-loss");
}

}  // namespace retort::run
