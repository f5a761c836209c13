#include "retort/run/plan.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <nlohmann/json.hpp>

#include "retort/core/device.h"
#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/losses/loss.h"
#include "retort/losses/objective.h"
#include "retort/models/programs/torchscript.h"
#include "retort/run/objects.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

losses::Options options_from(const std::vector<std::string>& texts, const char* flag) {
  losses::Options options;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      throw UsageError("'" + text + "' is not NAME=VALUE", flag);
    const std::string value = text.substr(equals + 1);
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    if (*end == '\0' && !std::isfinite(number))
      throw UsageError("'" + text + "' is no finite number", flag);
    options.insert_or_assign(text.substr(0, equals), *end == '\0' ? losses::OptionValue(number)
                                                                  : losses::OptionValue(value));
  }
  return options;
}

// Red, green and blue; nothing where the text is empty.
std::optional<std::array<float, 3>> channels_from(const std::string& text, const char* option,
                                                  double low, double high) {
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
      throw UsageError("is '" + text + "'", option,
                       "three numbers for red, green and blue, as 0.485,0.456,0.406");
    values[i] = static_cast<float>(value);
  }
  if (!stream.eof())
    throw UsageError("is '" + text + "', which is more than three numbers", option);
  return values;
}

std::vector<losses::TermConfig> terms_of(const RunConfig& config) {
  std::vector<losses::TermConfig> terms = {
      {"cross_entropy", config.label_weight, {{"label_smoothing", config.label_smoothing}}}};
  if (!has_teacher(config)) return terms;
  if (config.loss)
    terms.push_back(
        {*config.loss, config.loss_weight, options_from(config.loss_option, "--loss-option")});
  if (config.logit_loss) {
    losses::Options options = options_from(config.logit_option, "--logit-option");
    if (config.temperature > 0) options.insert_or_assign("temperature", config.temperature);
    terms.push_back({*config.logit_loss, config.logit_weight, options});
  }
  return terms;
}

// An option as an optional; zero means "choose".
template <typename Number>
std::optional<Number> chosen(Number value) {
  return value > 0 ? std::optional(value) : std::nullopt;
}

DataPlan data_plan(const RunConfig& config) {
  DataPlan plan{.path = config.data,
                .classes_file = config.classes,
                .splits = {config.val_fraction, config.test_fraction,
                           static_cast<uint64_t>(config.split_seed)},
                .max_skipped = config.max_skipped,
                .dedupe = config.dedupe,
                .store = config.image_store,
                .extras = {},
                .select = chosen(config.select),
                .trusts_extra_labels = config.labels == TrustedLabels::all,
                .extras_have_logits = config.extra_losses == ExtraLosses::all};
  for (const std::string& extra : config.extra) plan.extras.push_back(data::extra_from(extra));
  return plan;
}

// The teachers of the plan. Their weights are scaled to a sum of 1.
TeachersPlan teachers_plan(const RunConfig& config) {
  TeachersPlan plan;
  if (!has_teacher(config)) return plan;
  double sum = 0;
  for (const std::string& text : config.teacher) {
    NamedTeacher& teacher = plan.teachers.emplace_back(teacher_from(text));
    if (!teacher.size) teacher.size = chosen(config.teacher_size);
    sum += teacher.weight;
  }
  for (NamedTeacher& teacher : plan.teachers) teacher.weight /= sum;
  plan.arch = config.teacher_arch;
  plan.features = config.teacher_features;
  plan.mean = channels_from(config.teacher_mean, "--teacher-mean", 0, 1);
  plan.std = channels_from(config.teacher_std, "--teacher-std", 1e-3, 10);
  plan.head = config.teacher_head;
  plan.init = config.teacher_init;
  plan.epochs = config.teacher_epochs;
  plan.learning_rate = chosen(config.teacher_lr);
  plan.prompts = config.prompt;
  return plan;
}

bool uses_muon(const RunConfig& config) {
  if (config.optimizer != OptimizerKind::automatic) return config.optimizer == OptimizerKind::muon;
  return config.student_weights.empty() && !models::names_script(config.student) &&
         !names_object(config.student);
}

models::Precision precision_of(PrecisionKind kind, models::Precision fastest) {
  if (kind == PrecisionKind::automatic) return fastest;
  return kind == PrecisionKind::bf16 ? models::Precision::bf16 : models::Precision::fp32;
}

// Identifies an objective in the trainer's fingerprint.
std::string key_of(const std::vector<losses::TermConfig>& terms) {
  nlohmann::json json = nlohmann::json::array();
  for (const losses::TermConfig& term : terms) {
    nlohmann::json options = nlohmann::json::object();
    for (const auto& [name, value] : term.options)
      options[name] =
          value.is_number() ? nlohmann::json(value.number()) : nlohmann::json(value.word());
    json.push_back({{"name", term.name}, {"weight", term.weight}, {"options", options}});
  }
  return json.dump();
}

train::TrainOptions options_of(const RunConfig& config) {
  train::TrainOptions options;
  options.epochs = config.hours > 0 ? 1 : epochs_of(config);
  options.weight_decay = config.weight_decay;
  options.muon = uses_muon(config);
  options.warmup = config.warmup;
  options.schedule = config.schedule;
  options.head_rate = config.head_lr_factor;
  options.clip_norm = config.clip_norm;
  options.ema_decay = config.ema;
  options.checkpoint_seconds = config.checkpoint_seconds;
  options.seed = static_cast<uint64_t>(config.seed);
  options.view_seed = static_cast<uint64_t>(config.view_seed);
  return options;
}

TrainingPlan training_plan(const RunConfig& config, models::Precision precision) {
  TrainingPlan plan{.options = options_of(config),
                    .hours = chosen(config.hours),
                    .closing_epochs = closing_epochs_of(config, epochs_of(config)),
                    .closing_rate = chosen(config.closing_lr),
                    .batch_size = chosen(config.batch_size),
                    .learning_rate = chosen(config.lr),
                    .pretrained = !config.student_weights.empty(),
                    .terms = terms_of(config)};
  // Checked now, and not after the teacher's forward passes. (compare also resolves plans that are
  // never trained.)
  const auto counts = [](const losses::TermConfig& term) { return term.weight > 0; };
  if (has_teacher(config) || std::ranges::any_of(plan.terms, counts))
    losses::check_terms(plan.terms);
  plan.options.precision = precision;
  plan.options.objective_key = key_of(plan.terms);
  return plan;
}

}  // namespace

bool StudentPlan::own_network() const { return object != nullptr || models::names_script(name); }

std::string StudentPlan::title() const { return fs::path(name).filename().string(); }

Plan resolve(const RunConfig& given) {
  validate(given);
  Plan plan;
  plan.config = absolute(given);
  const RunConfig& config = plan.config;
  plan.out = config.out;
  plan.cache = config.cache.empty() ? default_cache_dir() : fs::path(config.cache);
  plan.data = data_plan(config);
  plan.data.splits.own = {plan.out, plan.cache};
  plan.device = open_device(config.device);
  if (config.threads > 0) plan.threads = static_cast<int>(config.threads);
  plan.precision = precision_of(config.precision, models::fastest_precision(plan.device));
  plan.teacher_precision =
      precision_of(config.precision, models::fastest_forward_precision(plan.device));
  plan.views = {.recipe = config.view,
                .seed = static_cast<uint64_t>(config.view_seed),
                .stored = chosen(config.views),
                .live_beyond = config.more_views == MoreViews::live,
                .store_bytes = static_cast<uint64_t>(config.store_budget) << 20};
  plan.teachers = teachers_plan(config);
  plan.student = {
      .name = config.student,
      .features = config.student_features,
      .weights = config.student_weights,
      .image_size = chosen(config.image_size),
      .silent_start = config.init == StartKind::silent,
      .object = names_object(config.student) ? &given_network(config, config.student) : nullptr};
  plan.training = training_plan(config, plan.precision);
  return plan;
}

}  // namespace retort::run
