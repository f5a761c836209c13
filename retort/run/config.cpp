#include "retort/run/config.h"

#include <charconv>
#include <filesystem>
#include <sstream>

#include "retort/core/device.h"
#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/core/unicode.h"
#include "retort/data/extra.h"
#include "retort/hub/reference.h"
#include "retort/losses/loss.h"
#include "retort/models/graph_network.h"
#include "retort/models/precision.h"
#include "retort/models/torchscript.h"
#include "retort/run/named_teacher.h"

namespace retort::run {

namespace fs = std::filesystem;

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

losses::Options options_from(const std::vector<std::string>& texts, const char* flag) {
  losses::Options options;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) throw UsageError("'" + text + "' is not NAME=VALUE", flag);
    const std::string value = text.substr(equals + 1);
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    options.insert_or_assign(text.substr(0, equals), *end == '\0' ? losses::OptionValue(number) : losses::OptionValue(value));
  }
  return options;
}

void check_one_of(const std::vector<std::string>& names, const std::string& given, const std::string& option) {
  if (std::ranges::find(names, given) != names.end()) return;
  std::string known;
  for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
  throw UsageError("is '" + given + "'", option, "one of: " + known);
}

void check_teacher(const std::string& name, const RunConfig& config) {
  if (hub::is_reference(name)) (void)hub::parse_reference(name);
  if (config.teacher.size() > 1 && name == "none") throw UsageError("is `none`, beside others", "--teacher");
  if (config.teacher_init != "linear-probe" && (models::names_graph(name) || models::script_teacher_spec(name, "")))
    throw UsageError("a network of no family of retort's can be learned from, but not trained", name, "--teacher-init linear-probe");
}

void resolve_weight(double& weight, const std::string& loss) {
  if (weight == RunConfig::kOwn) weight = loss == "none" ? 0 : losses::find_loss(loss).weight;
}

// Red, green and blue, or nothing of an empty text.
std::optional<std::array<float, 3>> channels_from(const std::string& text, const char* option, double low, double high) {
  if (text.empty()) return std::nullopt;
  std::array<float, 3> values{};
  std::istringstream stream(text);
  for (size_t i = 0; i < values.size(); ++i) {
    std::string part;
    double value = 0;
    size_t used = 0;
    try {
      std::getline(stream, part, ',');
      value = std::stod(part, &used);
    } catch (const std::exception&) {
      used = std::string::npos;
    }
    if (used != part.size() || !(value >= low && value <= high))
      throw UsageError("is '" + text + "'", option, "three numbers for red, green and blue, as 0.485,0.456,0.406");
    values[i] = static_cast<float>(value);
  }
  if (!stream.eof()) throw UsageError("is '" + text + "', which is more than three numbers", option);
  return values;
}

}  // namespace

RunConfig resolved(RunConfig config) {
  const auto make_absolute = [](std::string& path) {
    if (!path.empty() && path != "none" && !hub::is_reference(path)) path = fs::absolute(path).lexically_normal().string();
  };
  for (std::string* path : {&config.data, &config.out, &config.cache, &config.student_weights, &config.classes}) make_absolute(*path);
  for (std::string& text : config.teacher) {
    NamedTeacher teacher = teacher_from(text);
    make_absolute(teacher.name);
    text = to_text(teacher);
  }
  if (models::names_script(config.student)) config.student = fs::absolute(config.student).lexically_normal().string();
  for (std::string& extra : config.extra) {
    const data::Extra given = data::extra_from(extra);
    extra = fs::absolute(given.path).lexically_normal().string() + ":" + toml_value(given.ratio);
  }
  resolve_weight(config.loss_weight, config.loss);
  resolve_weight(config.logit_weight, config.logit_loss);
  return config;
}

std::string student_name(const RunConfig& config) { return fs::path(config.student).filename().string(); }

int64_t batch_size_for(const RunConfig& config, int64_t images) {
  constexpr int64_t kUsual = 64, kSmall = 32, kFewSteps = 2000;
  if (config.batch_size > 0) return config.batch_size;
  return config.epochs * images < kFewSteps * kUsual ? kSmall : kUsual;
}

double lr_for(const RunConfig& config, int64_t images) {
  constexpr int64_t kMany = 10000;
  if (config.lr > 0) return config.lr;
  if (!config.student_weights.empty()) return 3e-4;
  return uses_muon(config) || images < kMany ? 1e-3 : 3e-3;
}

bool uses_muon(const RunConfig& config) {
  if (config.optimizer != "auto") return config.optimizer == "muon";
  return config.student_weights.empty() && !models::names_script(config.student);
}

std::optional<std::array<float, 3>> teacher_mean(const RunConfig& config) {
  return channels_from(config.teacher_mean, "--teacher-mean", 0, 1);
}

std::optional<std::array<float, 3>> teacher_std(const RunConfig& config) {
  return channels_from(config.teacher_std, "--teacher-std", 1e-3, 10);
}

std::vector<losses::TermConfig> terms_of(const RunConfig& config) {
  std::vector<losses::TermConfig> terms = {{"cross_entropy", config.label_weight, {{"label_smoothing", config.label_smoothing}}}};
  if (!has_teacher(config)) return terms;
  if (config.loss != "none") terms.push_back({config.loss, config.loss_weight, options_from(config.loss_option, "--loss-option")});
  if (config.logit_loss != "none") {
    losses::Options options = options_from(config.logit_option, "--logit-option");
    if (config.temperature > 0) options.insert_or_assign("temperature", config.temperature);
    terms.push_back({config.logit_loss, config.logit_weight, options});
  }
  return terms;
}

std::vector<std::pair<std::string, std::string>> recipe(const std::string& name) {
  // Their section 4 and appendix; crops are torchvision's RandomResizedCrop at its defaults, and the teacher sees a fresh one every epoch.
  if (name == "paper")
    return {{"epochs", "250"},     {"batch-size", "64"},   {"lr", "0.001"},       {"weight-decay", "0.01"},  {"schedule", "constant"},
            {"warmup", "0"},       {"clip-norm", "0"},     {"image-size", "224"}, {"views", "250"},          {"crop-min", "0.08"},
            {"brightness", "0"},   {"contrast", "0"},      {"saturation", "0"},   {"loss", "align_uniform"}, {"logit-loss", "kd"},
            {"label-weight", "1"}, {"loss-weight", "0.8"}, {"logit-weight", "1"}, {"optimizer", "adamw"},    {"init", "public"}};
  throw UsageError("there is no recipe named '" + name + "'", "--recipe", "name one of: paper");
}

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
  std::vector<std::string> paths{config.data, config.student, config.student_weights, config.out, config.cache, config.classes};
  for (const std::vector<std::string>& more : {config.teacher, config.extra, config.prompt})
    paths.insert(paths.end(), more.begin(), more.end());
  for (const std::string& path : paths) {
    if (!is_utf8(path) || has_controls(path) || (path.find('\'') != std::string::npos && path.find_first_of("\"\\") != std::string::npos))
      throw UsageError("a path that is not UTF-8, with control characters, or with both kinds of quotes, cannot stand in config.toml",
                       printable(path), "rename it");
  }
  if (hub::is_reference(config.student_weights)) (void)hub::parse_reference(config.student_weights);
  for (const std::string& text : config.teacher) check_teacher(teacher_from(text).name, config);
  if (config.batch_size == 1) throw UsageError("a batch of one has no negatives and no statistics", "--batch-size", "2 or more, or 0");
  if (config.out.empty()) throw UsageError("no run folder was named", "--out", "for example --out runs/first");
  const bool zero_shot = config.teacher_head == "zero-shot";
  check_one_of({"probe", "keep", "zero-shot"}, config.teacher_head, "--teacher-head");
  if (!config.classes.empty() && !(zero_shot && has_teacher(config)))
    throw UsageError("images without labels need a teacher that needs none", "--classes",
                     "--teacher-head zero-shot, with a CLIP or a SigLIP");
  if (zero_shot && (config.teacher_init != "linear-probe" || !config.teacher_features.empty()))
    throw UsageError("a zero-shot teacher stays as it is", "--teacher-init, --teacher-features", "leave them out");
  if (!zero_shot && !config.prompt.empty()) throw UsageError("is for --teacher-head zero-shot", "--prompt");
  for (const std::string& prompt : config.prompt)
    if (prompt.find("{class}") == std::string::npos) throw UsageError("has no {class} in it: '" + prompt + "'", "--prompt");
  check_one_of({"linear-probe", "finetune", "scratch"}, config.teacher_init, "--teacher-init");
  check_one_of({"repeat", "live"}, config.more_views, "--more-views");
  check_one_of({"auto", "pixels", "files"}, config.image_store, "--image-store");
  (void)teacher_mean(config);
  (void)teacher_std(config);
  if (config.teacher_init != "linear-probe" && !config.teacher_features.empty())
    throw UsageError("a teacher that is trained first keeps its own features", "--teacher-features",
                     "leave it out, or --teacher-init linear-probe");
  if (config.teacher.size() > 1)
    for (const std::string* said : {&config.teacher_arch, &config.teacher_features, &config.teacher_mean, &config.teacher_std})
      if (!said->empty())
        throw UsageError("is said of one teacher, and there are several: '" + *said + "'", "--teacher-arch, -features, -mean, -std",
                         "leave it out, or name one --teacher");
  check_one_of({"linear", "cosine", "constant"}, config.schedule, "--schedule");
  check_one_of({"auto", "muon", "adamw"}, config.optimizer, "--optimizer");
  check_one_of({"silent", "public"}, config.init, "--init");
  for (const double weight : {config.loss_weight, config.logit_weight})
    if (weight < 0 && weight != RunConfig::kOwn) throw UsageError("a loss's weight is 0 or more", "--loss-weight, --logit-weight");
  if (config.view.scale_min > config.view.scale_max) throw UsageError("is larger than --crop-max", "--crop-min");
  data::check(config.view.augment);
  check_device_name(config.device);
  (void)models::precision_from(config.precision);
  check_one_of({"real", "all"}, config.labels, "--labels");
  check_one_of({"all", "embedding"}, config.extra_losses, "--extra-losses");
  for (const std::string& extra : config.extra) (void)data::extra_from(extra);
  if (!config.extra.empty() && !has_teacher(config) && config.labels != "all")
    throw UsageError("teaches nothing without a teacher and without labels", "--extra", "name a --teacher, or say --labels all");
  const auto expect = [](const std::string& name, losses::Kind kind, const char* option) {
    if (name != "none" && losses::find_loss(name).kind != kind)
      throw UsageError("'" + name + "' is a loss of another kind", option, "see `retort list losses`");
  };
  expect(config.loss, losses::Kind::embedding, "--loss");
  expect(config.logit_loss, losses::Kind::logit, "--logit-loss");
}

}  // namespace retort::run
