#include "retort/run/distill.h"

#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <cstdio>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/image_store.h"
#include "retort/deploy/cost.h"
#include "retort/deploy/onnx_export.h"
#include "retort/hub/pull.h"
#include "retort/losses/objective.h"
#include "retort/models/registry.h"
#include "retort/models/torchscript.h"
#include "retort/report/text.h"
#include "retort/run/evaluate_run.h"
#include "retort/run/extra_sources.h"
#include "retort/run/report_run.h"
#include "retort/run/run_folder.h"
#include "retort/teacher/linear_probe.h"
#include "retort/teacher/output_store.h"
#include "retort/teacher/teacher.h"
#include "retort/train/batches.h"
#include "retort/train/trainer.h"
#include "retort/version.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

std::string percent(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", value);
  return text;
}

// What is already in the run folder must not be lost by a slip.
void claim_folder(const RunFolder& folder, const std::string& toml, const DistillOptions& options) {
  std::error_code error;
  if (options.force || !fs::exists(folder.config(), error)) return;
  if (read_file(folder.config()) != toml)
    throw Error("holds a run with other settings", folder.root.string(),
                options.resume ? "resume with --config " + folder.config().string() : "choose another --out, or --force to write over it");
  if (!options.resume && fs::exists(folder.checkpoint(), error) && !fs::exists(folder.summary(), error))
    throw Error("holds an unfinished run", folder.root.string(), "--resume goes on with it, --force starts it over");
}

// Large photographs are stored smaller: half as large again as what the models look at is plenty for random crops. In steps, so that other
// resolutions of teacher or student share a store.
int64_t stored_side(int64_t largest_input) {
  constexpr int64_t kSide = 320;
  constexpr int64_t kStep = 128;
  if (largest_input * 6 / 5 <= kSide) return kSide;
  return (largest_input * 5 / 4 + kStep - 1) / kStep * kStep;
}

// Enlarging images beyond twice their size costs time and shows nothing new.
int64_t automatic_size(const data::ImageStore& images, int64_t preferred) {
  std::vector<int64_t> sides;
  for (int64_t i = 0; i < images.size(); ++i) sides.push_back(std::min(images.image(i).width, images.image(i).height));
  std::ranges::nth_element(sides, sides.begin() + static_cast<ptrdiff_t>(sides.size() / 2));
  const int64_t twice = std::max<int64_t>(2 * sides[sides.size() / 2] / 32 * 32, 64);
  return std::min(preferred, twice);
}

void add_skipped(std::vector<data::SkippedFile>& all, const data::ImageStore& store) {
  for (const data::SkippedFile& file : store.skipped())
    if (std::ranges::none_of(all, [&](const data::SkippedFile& known) { return known.path == file.path; })) all.push_back(file);
}

std::string key_of(const std::vector<losses::TermConfig>& terms) {
  nlohmann::json json = nlohmann::json::array();
  for (const losses::TermConfig& term : terms) {
    nlohmann::json options = nlohmann::json::object();
    for (const auto& [name, value] : term.options)
      options[name] = value.is_number() ? nlohmann::json(value.number()) : nlohmann::json(value.word());
    json.push_back({{"name", term.name}, {"weight", term.weight}, {"options", options}});
  }
  return json.dump();
}

// A name on the hub becomes the folder that its snapshot lies in.
std::string pulled(const std::string& named, Log& log, const StopFlag& stop) {
  if (!hub::is_reference(named)) return named;
  return hub::pull(hub::parse_reference(named), hub::options_from_environment(), log, stop).folder.string();
}

teacher::TeacherSource teacher_source(const RunConfig& config) {
  return {.weights = config.teacher,
          .arch = config.teacher_arch,
          .features = config.teacher_features,
          .size = config.teacher_size,
          .mean = teacher_mean(config),
          .std = teacher_std(config)};
}

// One run, step by step; each step reads what the ones before it made.
class Job {
 public:
  Job(const RunConfig& config, const DistillOptions& options, const RunFolder& folder, Log& log, const StopFlag& stop)
      : config_(config), options_(options), folder_(folder), log_(log), stop_(stop), precision_(models::precision_from(config.precision)) {
    if (config.threads > 0) at::set_num_threads(static_cast<int>(config.threads));
    cache_ = config.cache.empty() ? default_cache_dir() : fs::path(config.cache);
  }

  nlohmann::json run() {
    read_data();
    const bool measured = options_.forecast && !options_.resume;
    if (measured) {
      const Forecast forecast = make_forecast();
      summary_["forecast"] = to_json(forecast);
      log_.info(text_of(forecast));
    }
    const Stopwatch watch;
    make_student();
    if (teacher_) fit_teacher();
    train();
    evaluate();
    if (measured) {
      summary_["forecast"]["taken_seconds"] = watch.seconds();
      log_.info("took " + report::duration(watch.seconds()) + " where the forecast said " +
                report::duration(summary_["forecast"]["seconds"].get<double>()));
    }
    return summary_;
  }

  Forecast forecast_only() {
    train_teacher_ = false;
    read_data();
    return make_forecast();
  }

  FittedTeacher fitted() {
    read_data();
    fit_teacher();
    const data::Preparation prepared = data::for_evaluation(teacher_->input_spec());
    const auto seen = [&](const data::ImageStore& images, const char* name) {
      return evaluation_features(cache_, *teacher_, images, name, log_, stop_);
    };
    const data::ImageStore train = open(data::Split::train, prepared), val = open(data::Split::val, prepared);
    FittedTeacher fitted{manifest_,           *teacher_, seen(train, "unmixed"), data::labels_of(train), seen(val, "validation"),
                         data::labels_of(val)};
    return fitted;
  }

  nlohmann::json probe() {
    read_data();
    fit_teacher();
    nlohmann::json out = summary_["teacher"];
    out["seconds"] = summary_["seconds"]["teacher"];
    return out;
  }

 private:
  data::ImageStore open(data::Split split, const data::Preparation& preparation) {
    data::ImageStore store =
        data::ImageStore::open(cache_, manifest_, manifest_.of(split), preparation, {.max_skipped = config_.max_skipped}, log_, stop_);
    add_skipped(skipped_, store);
    return store;
  }

  void read_data() {
    const Stopwatch watch;
    manifest_ = data::load_manifest(config_.data, {config_.val_fraction, config_.test_fraction, static_cast<uint64_t>(config_.split_seed)});
    const auto count = [&](data::Split split) { return std::to_string(manifest_.of(split).size()); };
    log_.info(config_.data + ": " + std::to_string(manifest_.classes.size()) + " classes; " + count(data::Split::train) + " training, " +
              count(data::Split::val) + " validation and " + count(data::Split::test) + " test images");
    for (std::string* named : {&config_.teacher, &config_.student_weights}) *named = pulled(*named, log_, stop_);
    student_ = initial_student(config_.image_size);  // for what it says of itself; weights follow once size and seed are set
    if (train_teacher_ && config_.teacher != "none" && config_.teacher_init != "linear-probe") {
      const Stopwatch training;
      config_ = with_trained_teacher(config_, folder_.root / "teacher", log_, stop_, options_.force);
      teacher_training_seconds_ = training.seconds();
    }
    if (config_.teacher != "none") teacher_.emplace(teacher_source(config_), precision_);
    const int64_t preferred = config_.image_size > 0 ? config_.image_size : student_->input_spec().size;
    const data::Preparation stored = data::bounded(stored_side(std::max(preferred, teacher_ ? teacher_->input_spec().size : 0)));
    train_.emplace(open(data::Split::train, stored));
    if (train_->size() < 2) throw Error("fewer than two training images are left", config_.data);
    extras_ = open_extras(config_, cache_, manifest_.classes, train_->size(), stored, log_, stop_);
    for (const ExtraSource& extra : extras_) add_skipped(skipped_, extra.images);
    spec_ = student_->input_spec();
    spec_.size = config_.image_size > 0 ? config_.image_size : automatic_size(*train_, preferred);
    val_.emplace(open(data::Split::val, data::for_evaluation(spec_)));
    test_.emplace(open(data::Split::test, data::for_evaluation(spec_)));
    summary_["seconds"]["data"] = watch.seconds();
  }

  // From random weights, or from a pre-trained file with a new classifier.
  models::ModelPtr initial_student(int64_t size) const {
    const models::ModelSpec fresh =
        models::student_spec(config_.student, static_cast<int64_t>(manifest_.classes.size()), config_.student_features);
    if (config_.student_weights.empty()) return models::make_model(size > 0 ? models::for_image_size(fresh, size) : fresh);
    // By its name: there are tensors that fit several architectures.
    models::ModelPtr student = models::load_model(config_.student_weights, config_.student);
    student->reset_head(fresh.classes);
    return student;
  }

  int64_t images_an_epoch() const {
    int64_t images = train_->size();
    for (const ExtraSource& extra : extras_) images += extra.each_epoch;
    return images;
  }

  int64_t different_images() const {
    int64_t images = train_->size();
    for (const ExtraSource& extra : extras_) images += extra.images.size();
    return images;
  }

  std::string start() const {
    if (!config_.student_weights.empty()) return "pre-trained";
    return models::names_script(config_.student) ? "own" : "random";
  }

  void make_student() {
    torch::manual_seed(static_cast<uint64_t>(config_.seed));
    student_ = initial_student(spec_.size);
    models::use_channels_last(*student_);
    log_.info("student: " + student_name(config_) + ", " + std::to_string(deploy::count_parameters(*student_)) + " parameters, " +
              std::to_string(spec_.size) + " px, batches of " + std::to_string(batch_size_for(config_, images_an_epoch())) + ", " +
              (start() == "random" ? "random weights"
               : start() == "own"  ? "its own weights"
                                   : "weights of " + config_.student_weights) +
              " (seed " + std::to_string(config_.seed) + "), " + models::to_string(precision_) + ", " +
              std::to_string(at::get_num_threads()) + " threads");
  }

  // Before the student is made: what is measured draws from the generator that its weights come from.
  Forecast make_forecast() {
    log_.info("measuring how fast this machine is");
    const models::ModelPtr throwaway = initial_student(spec_.size);
    const int64_t batch = batch_size_for(config_, images_an_epoch());
    const StudentRates rates = student_rates(*throwaway, *train_, config_.view, spec_, batch, precision_);
    Forecast forecast{.images = images_an_epoch(),
                      .epochs = config_.epochs,
                      .steps = train::batches_an_epoch(images_an_epoch(), batch) * config_.epochs,
                      .student_rate = rates.training,
                      .evaluated = val_->size() * config_.epochs + test_->size(),
                      .evaluation_rate = rates.evaluation};
    if (teacher_) {
      const auto count = [&](const data::ImageStore& images, int64_t views) {
        forecast.looks += teacher::OutputStore::missing(cache_, *teacher_, images, config_.view, store_options(images, views));
      };
      count(*train_, views_for(config_, train_->size(), config_.epochs));
      for (const ExtraSource& extra : extras_) count(extra.images, views_of(extra, config_));
      forecast.disk_bytes = forecast.looks * teacher_->feature_dim() * 2;
      if (forecast.looks > 0) forecast.looks += val_->size() + test_->size();
      forecast.teacher_rate = forecast.looks > 0 ? seeing_rate(*teacher_, *train_, config_.view) : 0;
      if (!train_teacher_ && config_.teacher_init != "linear-probe") {
        forecast.teacher_steps = train_->size() * config_.teacher_epochs;
        const models::ModelPtr trained = models::load_model(config_.teacher, config_.teacher_arch);
        data::InputSpec input = trained->input_spec();
        input.size = teacher_->input_spec().size;
        forecast.teacher_training_rate = student_rates(*trained, *train_, config_.view, input, batch, precision_).training;
      }
    }
    forecast.memory_bytes = peak_memory();
    return forecast;
  }

  void fit_teacher() {
    const Stopwatch watch;
    teacher::Teacher& teacher = *teacher_;
    const int64_t parameters = deploy::count_parameters(teacher.model());
    log_.info("teacher: " + teacher.model().spec().arch + ", " + (parameters > 0 ? std::to_string(parameters) + " parameters, " : "") +
              std::to_string(teacher.input_spec().size) + " px");
    outputs_.emplace(open_outputs(*train_, views_for(config_, train_->size(), config_.epochs)));
    for (ExtraSource& extra : extras_) extra.outputs.emplace(open_outputs(extra.images, views_of(extra, config_)));
    const data::Preparation prepared = data::for_evaluation(teacher.input_spec());
    const data::ImageStore val = open(data::Split::val, prepared);
    const data::ImageStore test = open(data::Split::test, prepared);
    const at::Tensor val_features = evaluation_features(cache_, teacher, val, "validation", log_, stop_);
    const at::Tensor val_labels = data::labels_of(val);
    nlohmann::json& out = summary_["teacher"];
    if (config_.teacher_head == "keep") {
      teacher.keep_head(static_cast<int64_t>(manifest_.classes.size()));
    } else {
      const teacher::LinearHead head = fit_probe(val_features, val_labels);
      teacher.set_head(head.weight, head.bias);
      out["head_l2"] = head.l2;
    }
    write_safetensors(folder_.root / "teacher_head.safetensors", {{"weight", teacher.head_weight()}, {"bias", teacher.head_bias()}});
    out["arch"] = teacher.model().spec().arch;
    out["image_size"] = teacher.input_spec().size;
    out["views"] = outputs_->views();
    out["val_accuracy"] = accuracy(teacher.logits(val_features), val_labels);
    const at::Tensor test_logits = teacher.logits(evaluation_features(cache_, teacher, test, "test", log_, stop_));
    out["test_accuracy"] = accuracy(test_logits, data::labels_of(test));
    out["test_mean_class_accuracy"] = mean_class_accuracy(test_logits, data::labels_of(test));
    out.update(cost_json(deploy::measure_cost(teacher.model(), teacher.input_spec().size)));
    const nlohmann::json& shown = out[out["test_accuracy"].is_null() ? "val_accuracy" : "test_accuracy"];
    if (!shown.is_null()) log_.info("teacher: " + percent(shown) + (out["test_accuracy"].is_null() ? " on validation" : " on test"));
    summary_["seconds"]["teacher"] = watch.seconds() + teacher_training_seconds_;
  }

  teacher::OutputStore::Options store_options(const data::ImageStore& images, int64_t views) const {
    const auto budget =
        static_cast<double>(config_.store_budget << 20) * static_cast<double>(images.size()) / static_cast<double>(different_images());
    return {views, static_cast<uint64_t>(config_.view_seed), static_cast<uint64_t>(budget)};
  }

  teacher::OutputStore open_outputs(const data::ImageStore& images, int64_t views) {
    return teacher::OutputStore::open(cache_, *teacher_, images, config_.view, store_options(images, views), log_, stop_);
  }

  // On as many stored views as keep the fit to seconds. Mixed views have no one label: then on the plain images.
  teacher::LinearHead fit_probe(const at::Tensor& val_features, const at::Tensor& val_labels) {
    constexpr int64_t kRows = 20000;
    const auto classes = static_cast<int64_t>(manifest_.classes.size());
    if (config_.view.mix.any()) {
      const data::ImageStore plain = open(data::Split::train, data::for_evaluation(teacher_->input_spec()));
      const at::Tensor features = evaluation_features(cache_, *teacher_, plain, "unmixed", log_, stop_);
      return teacher::fit_linear_probe(features, data::labels_of(plain), val_features, val_labels, classes, log_, stop_);
    }
    const int64_t views = std::clamp<int64_t>(kRows / train_->size(), 1, outputs_->views());
    std::vector<at::Tensor> features;
    for (int64_t view = 0; view < views; ++view) features.push_back(outputs_->view(view).all());
    return teacher::fit_linear_probe(at::cat(features), data::labels_of(*train_).repeat({views}), val_features, val_labels, classes, log_,
                                     stop_);
  }

  void train() {
    const std::vector<losses::TermConfig> terms = terms_of(config_);
    train::TrainData data{&*train_, &*val_, config_.view, spec_, teacher_ ? &*teacher_ : nullptr, outputs_ ? &*outputs_ : nullptr, {}};
    for (const ExtraSource& extra : extras_) data.extras.push_back(source_of(extra, config_));
    const at::Tensor labels = train::labels_of(data);
    losses::Objective objective(terms, {student_->feature_dim(),
                                        teacher_ ? teacher_->feature_dim() : 0,
                                        static_cast<int64_t>(manifest_.classes.size()),
                                        labels.size(0),
                                        labels,
                                        teacher_ ? teacher_->head_weight() : at::Tensor(),
                                        teacher_ ? teacher_->head_bias() : at::Tensor(),
                                        {}});
    train::TrainOptions options;
    options.epochs = config_.epochs;
    options.batch_size = batch_size_for(config_, images_an_epoch());
    options.learning_rate = lr_for(config_, different_images());
    options.weight_decay = config_.weight_decay;
    options.warmup = config_.warmup;
    options.cosine = config_.schedule == "cosine";
    options.head_rate = config_.head_lr_factor;
    options.clip_norm = config_.clip_norm;
    options.ema_decay = config_.ema;
    options.checkpoint_seconds = config_.checkpoint_seconds;
    options.precision = precision_;
    options.seed = static_cast<uint64_t>(config_.seed);
    options.view_seed = static_cast<uint64_t>(config_.view_seed);
    options.views = outputs_ ? outputs_->views() : 0;
    options.objective_key = key_of(terms);
    train::Trainer trainer(*student_, objective, data, options);
    std::ofstream metrics(folder_.metrics(), std::ios::trunc);
    result_ = trainer.run(
        folder_.checkpoint(), options_.resume,
        [&](const nlohmann::json& line) {
          metrics << line.dump() << std::endl;
          char text[128];
          std::snprintf(text, sizeof text, "epoch %3lld: loss %.3f, train %.1f %%%s%s",
                        static_cast<long long>(line.at("epoch").get<int64_t>()), line.at("train_loss").get<double>(),
                        line.at("train_accuracy").get<double>(), line.contains("val_accuracy") ? ", validation " : "",
                        line.contains("val_accuracy") ? percent(line.at("val_accuracy").get<double>()).c_str() : "");
          log_.info(text);
        },
        log_, stop_);
    if (!metrics) throw Error("cannot be written", folder_.metrics().string(), "check the free space on its disk");
    summary_["seconds"]["training"] = result_.seconds;
  }

  void evaluate() {
    const Stopwatch watch;
    const Student student{student_, manifest_.classes, spec_};
    save_student(folder_.student(), student);
    deploy::write_onnx(folder_.onnx(), *student_, manifest_.classes, spec_);
    const bool has_test = test_->size() > 0;
    const Evaluation evaluation =
        evaluate_store(student, manifest_, has_test ? *test_ : *val_, has_test ? "test" : "validation", log_, stop_);
    write_evaluation(folder_.predictions(), evaluation);

    nlohmann::json& out = summary_["student"];
    out["arch"] = student_name(config_);
    out["start"] = start();
    out["image_size"] = spec_.size;
    out["val_accuracy"] = val_->size() > 0 ? nlohmann::json(result_.val_accuracy) : nlohmann::json();
    out["test_accuracy"] = has_test ? nlohmann::json(evaluation.metrics.accuracy) : nlohmann::json();
    out["test_mean_class_accuracy"] = has_test ? nlohmann::json(evaluation.metrics.mean_class_accuracy) : nlohmann::json();
    out["best_epoch"] = result_.best_epoch;
    out.update(cost_json(deploy::measure_cost(*student_, spec_.size)));

    summary_["version"] = kVersion;
    if (!teacher_) summary_["teacher"] = nullptr;
    summary_["epochs"] = result_.epochs;
    summary_["images_per_second"] = result_.images_per_second;
    summary_["classes"] = manifest_.classes.size();
    summary_["images"] = {{"train", train_->size()}, {"val", val_->size()}, {"test", test_->size()}};
    summary_["image_steps"] = images_an_epoch() * result_.epochs;
    summary_["extra"] = to_json(extras_, config_, images_an_epoch());
    summary_["data"] = {{"path", config_.data},
                        {"val_fraction", config_.val_fraction},
                        {"test_fraction", config_.test_fraction},
                        {"split_seed", config_.split_seed}};
    summary_["seed"] = config_.seed;
    summary_["precision"] = models::to_string(precision_);
    summary_["threads"] = at::get_num_threads();
    summary_["skipped_files"] = to_json(skipped_);
    nlohmann::json& seconds = summary_["seconds"];
    if (!seconds.contains("teacher")) seconds["teacher"] = 0.0;
    seconds["evaluation"] = watch.seconds();
    seconds["total"] = seconds["data"].get<double>() + seconds["teacher"].get<double>() + seconds["training"].get<double>() +
                       seconds["evaluation"].get<double>();
    log_.info("student: " + percent(evaluation.metrics.accuracy) + " on " + evaluation.split + " (epoch " +
              std::to_string(result_.best_epoch) + ", best on validation)");
  }

  static nlohmann::json accuracy(const at::Tensor& logits, const at::Tensor& labels) {
    return labels.numel() == 0 ? nlohmann::json() : nlohmann::json(teacher::accuracy_of(logits, labels));
  }

  static nlohmann::json mean_class_accuracy(const at::Tensor& logits, const at::Tensor& labels) {
    if (labels.numel() == 0) return {};
    const at::Tensor predicted = logits.argmax(1);
    std::vector<report::Prediction> predictions;
    for (int64_t i = 0; i < labels.size(0); ++i)
      predictions.push_back(
          {.path = {}, .label = labels.const_data_ptr<int64_t>()[i], .predicted = predicted.const_data_ptr<int64_t>()[i]});
    return report::compute_metrics(predictions, logits.size(1)).mean_class_accuracy;
  }

  static nlohmann::json cost_json(const deploy::Cost& cost) {
    return {{"parameters", cost.parameters}, {"multiply_adds", cost.multiply_adds}, {"milliseconds", cost.milliseconds}};
  }

  RunConfig config_;
  const DistillOptions& options_;
  const RunFolder& folder_;
  Log& log_;
  const StopFlag& stop_;
  models::Precision precision_;
  fs::path cache_;
  double teacher_training_seconds_ = 0;

  data::Manifest manifest_;
  std::optional<data::ImageStore> train_, val_, test_;
  std::vector<ExtraSource> extras_;
  std::vector<data::SkippedFile> skipped_;
  data::InputSpec spec_;
  models::ModelPtr student_;
  std::optional<teacher::Teacher> teacher_;
  std::optional<teacher::OutputStore> outputs_;
  train::TrainResult result_;
  nlohmann::json summary_;
  bool train_teacher_ = true;
};

}  // namespace

Forecast forecast(const RunConfig& given, Log& log, const StopFlag& stop) {
  validate(given);
  const RunConfig config = resolved(given);
  return Job(config, {}, RunFolder{config.out}, log, stop).forecast_only();
}

nlohmann::json distill(const RunConfig& given, const DistillOptions& options, Log& log, const StopFlag& stop) {
  validate(given);
  const RunConfig config = resolved(given);
  const RunFolder folder{config.out};
  const std::string toml = to_toml(config);
  claim_folder(folder, toml, options);
  std::error_code error;
  fs::create_directories(folder.root, error);
  if (error) throw Error("cannot make the run folder: " + error.message(), folder.root.string());
  fs::remove(folder.summary(), error);
  if (!options.resume) fs::remove(folder.checkpoint(), error);
  write_file_atomic(folder.config(), toml);
  FileLog file_log(folder.log(), log, options.resume);

  nlohmann::json summary = Job(config, options, folder, file_log, stop).run();
  write_file_atomic(folder.summary(), summary.dump(2) + "\n");
  write_report(folder.root, {});
  return summary;
}

namespace {

// Whether the architecture's name alone gives a network as large.
bool has_named_sizes(models::ImageModel& model) {
  const models::ModelPtr named = models::make_model({model.spec().arch, model.spec().classes});
  return named->feature_dim() == model.feature_dim() && named->parameters().size() == model.parameters().size();
}

}  // namespace

RunConfig with_trained_teacher(RunConfig config, const fs::path& out, Log& log, const StopFlag& stop, bool force) {
  config.teacher = pulled(config.teacher, log, stop);
  const models::ModelPtr model = models::load_model(config.teacher, config.teacher_arch);
  const RunConfig defaults;
  RunConfig own = config;
  own.teacher = "none";
  own.extra.clear();
  own.teacher_init = "linear-probe";
  own.teacher_arch.clear();
  // What the student learns from it does not matter to its training: one teacher serves all losses.
  own.loss = own.logit_loss = "none";
  own.loss_option = own.logit_option = {};
  own.loss_weight = own.logit_weight = defaults.loss_weight;
  own.temperature = defaults.temperature;
  own.student = model->spec().arch;
  if (config.teacher_init == "scratch" && !has_named_sizes(*model))
    throw UsageError("this " + own.student + " has widths or depths without a name, which are known only with its weights", config.teacher,
                     "--teacher-init finetune, or linear-probe");
  own.student_weights = config.teacher_init == "finetune" ? config.teacher : "";
  own.image_size = config.teacher_size > 0 ? config.teacher_size : model->input_spec().size;
  own.epochs = config.teacher_epochs;
  own.lr = config.teacher_lr;
  own.head_lr_factor = RunConfig::kFinetuneHead;
  own.out = out.string();
  log.info("teacher: " + config.teacher_init + ", " + std::to_string(own.epochs) + " epochs, in " + own.out);
  distill_once(own, log, stop, force);
  config.teacher = RunFolder{own.out}.student().string();
  config.teacher_init = "linear-probe";
  config.teacher_head = "keep";
  config.teacher_arch.clear();
  config.teacher_size = own.image_size;
  return config;
}

FittedTeacher fitted_teacher(const RunConfig& config, Log& log, const StopFlag& stop) {
  const RunConfig own = resolved(config);
  validate(own);
  const RunFolder folder{own.out};
  fs::create_directories(folder.root);
  return Job(own, {}, folder, log, stop).fitted();
}

nlohmann::json linear_probe(const RunConfig& config, Log& log, const StopFlag& stop) {
  const RunConfig own = resolved(config);
  const RunFolder folder{own.out};
  fs::create_directories(folder.root);
  return Job(own, {}, folder, log, stop).probe();
}

nlohmann::json distill_once(const RunConfig& config, Log& log, const StopFlag& stop, bool force) {
  const RunFolder folder{config.out};
  std::error_code error;
  if (!fs::exists(folder.config(), error)) return distill(config, {}, log, stop);
  const bool same = read_file(folder.config()) == to_toml(resolved(config));
  if (same && fs::exists(folder.summary(), error)) return read_json(folder.summary());
  return distill(config, {.resume = same || !force, .force = !same && force}, log, stop);
}

}  // namespace retort::run
