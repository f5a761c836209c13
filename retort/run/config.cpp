#include "retort/run/config.h"

#include <charconv>
#include <filesystem>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/core/unicode.h"
#include "retort/data/extra.h"
#include "retort/hub/reference.h"
#include "retort/losses/loss.h"
#include "retort/models/programs/torchscript.h"
#include "retort/run/named_teacher.h"
#include "retort/run/objects.h"
#include "retort/run/options.h"
#include "retort/run/plan.h"
#include "retort/run/recommended_teachers.h"

namespace retort::run {

namespace fs = std::filesystem;

namespace {

// Uses a literal string where an escape would be needed, because not every reader of TOML undoes
// escapes.
std::string quoted(const std::string& text) {
  const char* mark = text.find_first_of("\"\\") == std::string::npos ? "\"" : "'";
  return mark + text + mark;
}

std::string toml_value(const std::string& value) { return quoted(value); }
std::string toml_value(const LossName& loss) { return quoted(loss_word(loss)); }
std::string toml_value(bool value) { return value ? "true" : "false"; }
std::string toml_value(int64_t value) { return std::to_string(value); }
std::string toml_value(double value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value)
                       .ptr;  // the shortest text that reads back as the same number
  return {text, end};
}
template <Worded Choice>
std::string toml_value(Choice choice) {
  return quoted(word_of(choice));
}
std::string toml_value(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& value : values) out += (out.size() > 1 ? ", " : "") + quoted(value);
  return out + "]";
}

// The absolute path in one form: photos and ./photos/ are the same.
std::string plain_absolute(const std::string& path) {
  const fs::path plain = fs::absolute(path).lexically_normal();
  return (plain.has_filename() || plain == plain.root_path() ? plain : plain.parent_path())
      .string();
}

void resolve_weight(double& weight, const LossName& loss) {
  if (weight == RunConfig::kOwn) weight = loss ? losses::find_loss(*loss).weight : 0;
}

}  // namespace

RunConfig absolute(RunConfig config) {
  const auto make_absolute = [](std::string& path) {
    if (!path.empty() && !hub::is_reference(path) && !names_object(path))
      path = plain_absolute(path);
  };
  for (std::string* path :
       {&config.data, &config.out, &config.cache, &config.student_weights, &config.classes})
    make_absolute(*path);
  for (std::string& text : config.teacher) {
    NamedTeacher teacher = teacher_from(text);
    if (teacher.word == TeacherWord::automatic) teacher = teacher_from(automatic_teacher());
    if (!teacher.word) make_absolute(teacher.name);
    text = to_text(teacher);
  }
  if (models::names_script(config.student)) config.student = plain_absolute(config.student);
  for (std::string& extra : config.extra) {
    const data::Extra given = data::extra_from(extra);
    extra = plain_absolute(given.path) + ":" + toml_value(given.ratio);
  }
  if (config.hours == 0) config.epochs = epochs_of(config);
  resolve_weight(config.loss_weight, config.loss);
  resolve_weight(config.logit_weight, config.logit_loss);
  return config;
}

std::vector<std::pair<std::string, std::string>> recipe(const std::string& name) {
  const Recipe recipe = choice_from<Recipe>(name, "--recipe");
  // Their section 4 and appendix. Crops are those of torchvision's RandomResizedCrop with its
  // defaults, and the teacher sees a new one every epoch.
  if (recipe == Recipe::paper)
    return {{"epochs", "250"},        {"batch-size", "64"},      {"lr", "0.001"},
            {"weight-decay", "0.01"}, {"schedule", "constant"},  {"warmup", "0"},
            {"clip-norm", "0"},       {"image-size", "224"},     {"views", "250"},
            {"crop-min", "0.08"},     {"brightness", "0"},       {"contrast", "0"},
            {"saturation", "0"},      {"loss", "align_uniform"}, {"logit-loss", "kd"},
            {"label-weight", "1"},    {"loss-weight", "0.8"},    {"logit-weight", "1"},
            {"optimizer", "adamw"},   {"init", "public"}};
  // Function matching (Beyer et al. 2021, arXiv 2106.05237, and its public configurations): the
  // divergence alone; mixup in every batch, with the mixed images also shown to the teacher; crops
  // and flips without colour jitter; and schedules as long as time allows.
  return {{"epochs", "1000"},  {"loss", "none"},      {"logit-loss", "kd"}, {"label-weight", "0"},
          {"mixup", "1"},      {"crop-min", "0.2"},   {"brightness", "0"},  {"contrast", "0"},
          {"saturation", "0"}, {"schedule", "cosine"}};
}

std::string to_toml(const RunConfig& config) {
  RunConfig copy = config;
  std::string text, group;
  visit_options(copy, [&](const char* name, const auto& field, const Range&, const char* in,
                          const char* help) {
    if (group != in) text += (text.empty() ? "" : "\n") + std::string("# ") + in + "\n";
    group = in;
    text += "# " + std::string(help) + "\n" + name + " = " + toml_value(field) + "\n";
  });
  return text;
}

}  // namespace retort::run
