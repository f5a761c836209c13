#include "retort/run/distill.h"

#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <cstdio>
#include <map>

#include "retort/core/device.h"
#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/data/extra.h"
#include "retort/data/image_store.h"
#include "retort/deploy/cost.h"
#include "retort/deploy/onnx_export.h"
#include "retort/losses/objective.h"
#include "retort/models/registry.h"
#include "retort/models/residual.h"
#include "retort/models/torchscript.h"
#include "retort/report/text.h"
#include "retort/run/evaluate_run.h"
#include "retort/run/extra_sources.h"
#include "retort/run/inputs.h"
#include "retort/run/kept_images.h"
#include "retort/run/named_teacher.h"
#include "retort/run/report_run.h"
#include "retort/run/run_folder.h"
#include "retort/run/teachers.h"
#include "retort/run/trained_teacher.h"
#include "retort/run/zero_shot_classes.h"
#include "retort/train/batches.h"
#include "retort/train/trainer.h"
#include "retort/version.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

// What is already in the run folder must not be lost by a slip.
void claim_folder(const RunFolder& folder, const std::string& toml, const DistillOptions& options) {
  std::error_code error;
  if (options.force || !fs::exists(folder.config(), error)) return;
  // A run that ended before it had trained, as a mistake in its settings makes it.
  const bool empty = !fs::exists(folder.checkpoint(), error) && !fs::exists(folder.summary(), error) && fs::exists(folder.log(), error);
  if (empty) return;
  if (read_file(folder.config()) != toml)
    throw Error("holds a run with other settings", folder.root.string(),
                options.resume ? "resume with --config " + folder.config().string() : "choose another --out, or --force to write over it");
  if (!options.resume && fs::exists(folder.checkpoint(), error) && !fs::exists(folder.summary(), error))
    throw Error("holds an unfinished run", folder.root.string(), "--resume goes on with it, --force starts it over");
}

// A run among the images themselves would be taken for them by the next one.
void check_apart(const RunConfig& config) {
  std::error_code error;
  if (fs::equivalent(config.data, config.out, error) && !error)
    throw UsageError("is the folder of the images", "--out " + printable(config.out),
                     "name a folder for the run alone, such as " + printable((fs::path(config.out) / "run").string()));
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

// One run, step by step; each step reads what the ones before it made.
class Job {
 public:
  Job(const RunConfig& config, const DistillOptions& options, const RunFolder& folder, Log& log, const StopFlag& stop)
      : config_(config),
        given_(config),
        options_(options),
        folder_(folder),
        log_(log),
        stop_(stop),
        device_(open_device(config.device)),
        precision_(models::precision_from(config.precision, device_)) {
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
    if (!teachers_->none()) fit_teachers();
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
    if (config_.teacher.size() > 1) throw UsageError("one teacher judges, not several", "--teacher");
    read_data();
    fit_teachers();
    teacher::Teacher& teacher = teachers_->all().front();
    const data::Preparation prepared = data::for_evaluation(teacher.input_spec());
    const auto seen = [&](const data::ImageStore& images, const char* name) {
      return evaluation_features(cache_, teacher, images, name, log_, stop_).all();
    };
    const data::ImageStore train = open(data::Split::train, prepared), val = open(data::Split::val, prepared);
    FittedTeacher fitted{manifest_, teacher, seen(train, "unmixed"), data::labels_of(train), seen(val, "validation"), data::labels_of(val)};
    return fitted;
  }

  nlohmann::json probe() {
    read_data();
    fit_teachers();
    nlohmann::json out = summary_["teacher"];
    out["seconds"] = summary_["seconds"]["teacher"];
    return out;
  }

 private:
  data::ImageStore open(data::Split split, const data::Preparation& preparation) {
    int64_t elsewhere = 0;
    for (const auto& [other, count] : skipped_in_) elsewhere += other == split ? 0 : count;
    const data::ImageStore::Options options{
        .max_skipped = config_.max_skipped, .images = std::ssize(manifest_.items), .skipped_elsewhere = elsewhere};
    data::ImageStore store = data::ImageStore::open(cache_, manifest_, manifest_.of(split), preparation, options, log_, stop_);
    skipped_in_[split] = std::ssize(store.skipped());
    add_skipped(skipped_, store);
    return store;
  }

  void read_data() {
    const Stopwatch watch;
    manifest_ = manifest_of(config_);
    const auto count = [&](data::Split split) { return std::to_string(manifest_.of(split).size()); };
    log_.info(config_.data + ": " + std::to_string(manifest_.classes.size()) + " classes; " + count(data::Split::train) + " training, " +
              count(data::Split::val) + " validation and " + count(data::Split::test) + " test images");
    data::tell_of(manifest_, log_);
    config_.student_weights = pulled(config_.student_weights, log_, stop_);
    student_ = initial_student(config_.image_size);  // for what it says of itself; weights follow once size and seed are set
    load_teachers();
    if (train_teacher_) inputs_ = inputs_of(given_, manifest_, log_, stop_);
    const int64_t preferred = config_.image_size > 0 ? config_.image_size : student_->input_spec().size;
    int64_t largest = preferred;
    for (const teacher::Teacher& teacher : teachers_->all()) largest = std::max(largest, teacher.input_spec().size);
    const data::Preparation stored =
        kept_images(config_, cache_, manifest_, manifest_.of(data::Split::train), stored_side(largest), free_bytes(cache_), log_);
    train_.emplace(open(data::Split::train, stored));
    if (train_->size() < 2) throw Error("fewer than two training images are left", config_.data);
    extras_ = open_extras(config_, cache_, manifest_.classes, train_->size(), stored, log_, stop_);
    for (const ExtraSource& extra : extras_) add_skipped(skipped_, extra.images);
    spec_ = student_->input_spec();
    spec_.size = config_.image_size > 0 ? config_.image_size : automatic_size(*train_, preferred);
    // Validation then asks how often the student says what its teachers say. After the training images are open: labels are part of a
    // store's key, and other prompts give other labels.
    if (unlabelled())
      teachers_->label_validation([&](int64_t item, int64_t label) { manifest_.items[static_cast<size_t>(item)].label = label; });
    val_.emplace(open(data::Split::val, data::for_evaluation(spec_)));
    test_.emplace(open(data::Split::test, data::for_evaluation(spec_)));
    summary_["seconds"]["data"] = watch.seconds();
  }

  void load_teachers() {
    if (train_teacher_ && has_teacher(config_) && config_.teacher_init != "linear-probe") {
      const Stopwatch training;
      config_ = with_trained_teachers(config_, folder_.root / "teacher", log_, stop_, options_.force);
      teacher_training_seconds_ = training.seconds();
    }
    const auto opened = [this](data::Split split, const data::Preparation& preparation) { return open(split, preparation); };
    teachers_.emplace(
        Teachers::Run{config_, cache_, device_, models::looks_precision_from(config_.precision, device_), log_, stop_, opened},
        manifest_.classes);
  }

  bool unlabelled() const { return !config_.classes.empty(); }

  // From random weights, or from a pre-trained file with a new classifier.
  models::ModelPtr initial_student(int64_t size) const {
    const models::ModelSpec fresh =
        models::student_spec(config_.student, static_cast<int64_t>(manifest_.classes.size()), config_.student_features);
    if (config_.student_weights.empty()) {
      models::ModelPtr student = models::make_model(size > 0 ? models::for_image_size(fresh, size) : fresh);
      if (config_.init == "silent") models::zero_init_residual(*student);
      return student;
    }
    // By its name: there are tensors that fit several architectures.
    models::ModelPtr student = models::load_model(config_.student_weights, config_.student);
    student->reset_head(fresh.classes);
    if (config_.init == "silent") {
      // The gradients of a random head would distort what was learned before it is of use (Kumar et al. 2022, arXiv 2202.10054).
      torch::nn::init::zeros_(student->head()->weight);
      torch::nn::init::zeros_(student->head()->bias);
    }
    return student;
  }

  int64_t images_an_epoch() const {
    int64_t images = train_->size();
    for (const ExtraSource& extra : extras_) images += extra.each_epoch;
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
    student_->to(device_);
    log_.info("student: " + student_name(config_) + ", " + std::to_string(deploy::count_parameters(*student_)) + " parameters, " +
              std::to_string(spec_.size) + " px, batches of " + std::to_string(batch_size_for(config_, images_an_epoch())) + ", " +
              (start() == "random" ? "random weights"
               : start() == "own"  ? "its own weights"
                                   : "weights of " + config_.student_weights) +
              " (seed " + std::to_string(config_.seed) + "), " + (uses_muon(config_) ? "Muon, " : "AdamW, ") +
              models::to_string(precision_) + ", " + (device_.is_cpu() ? "" : device_.str() + ", ") +
              std::to_string(at::get_num_threads()) + " threads");
  }

  // Before the student is made: what is measured draws from the generator that its weights come from.
  Forecast make_forecast() {
    log_.info("measuring how fast this machine is");
    const models::ModelPtr throwaway = initial_student(spec_.size);
    throwaway->to(device_);
    const int64_t batch = batch_size_for(config_, images_an_epoch());
    const StudentRates rates = student_rates(*throwaway, *train_, config_.view, spec_, batch, precision_, uses_muon(config_));
    Forecast forecast{.images = images_an_epoch(),
                      .epochs = config_.epochs,
                      .steps = train::batches_an_epoch(images_an_epoch(), batch) * config_.epochs,
                      .student_rate = rates.training,
                      .evaluated = val_->size() * config_.epochs + test_->size(),
                      .evaluation_rate = rates.evaluation};
    const Teachers::Looks looks = teachers_->missing(*train_, extras_, val_->size() + test_->size());
    forecast.looks = looks.images;
    forecast.disk_bytes = looks.bytes;
    if (looks.images > 0) forecast.teacher_rate = static_cast<double>(looks.images) / looks.seconds;
    if (!train_teacher_ && config_.teacher_init != "linear-probe") forecast_teacher_training(forecast);
    forecast.memory_bytes = peak_memory();
    return forecast;
  }

  // The teachers are loaded as they are given here; a run trains them first.
  void forecast_teacher_training(Forecast& forecast) {
    double seconds = 0;
    for (size_t i = 0; i < teachers_->all().size(); ++i) {
      NamedTeacher teacher = teacher_from(config_.teacher[i]);
      teacher.name = pulled(teacher.name, log_, stop_);
      const models::ModelPtr model = models::load_model(teacher.name, config_.teacher_arch);
      model->to(device_);
      const RunConfig own = config_of_teacher(config_, teacher, *model);
      data::InputSpec input = model->input_spec();
      input.size = own.image_size;
      const int64_t images = train_->size(), batch = batch_size_for(own, images);
      const StudentRates rates = student_rates(*model, *train_, own.view, input, batch, precision_, uses_muon(own));
      seconds += static_cast<double>(images * own.epochs) / rates.training;
      forecast.teacher_steps += images * own.epochs;
    }
    if (seconds > 0) forecast.teacher_training_rate = static_cast<double>(forecast.teacher_steps) / seconds;
  }

  void fit_teachers() {
    const Stopwatch watch;
    summary_["teacher"] = teachers_->fit(*train_, extras_);
    const teacher::JointHead& head = *teachers_->head();
    write_safetensors(folder_.root / "teacher_head.safetensors", {{"weight", head.weight}, {"bias", head.bias}});
    summary_["seconds"]["teacher"] = watch.seconds() + teacher_training_seconds_;
  }

  // A checkpoint is gone on with where it was made of what is there now.
  void claim_checkpoint() const {
    std::error_code error;
    if (options_.resume && fs::exists(folder_.checkpoint(), error) && fs::exists(folder_.inputs(), error)) {
      const std::string changed = differences(inputs_from(read_json(folder_.inputs())), inputs_);
      if (!changed.empty())
        throw Error("was made of other files than are there now: " + changed, folder_.checkpoint().string(),
                    "put them back, or --force to start over");
    }
    fs::create_directories(folder_.inputs().parent_path());
    write_file_atomic(folder_.inputs(), to_json(inputs_).dump(2) + "\n");
  }

  void train() {
    const std::vector<losses::TermConfig> terms = terms_of(config_);
    const teacher::JointHead* head = teachers_->head();
    const teacher::JointOutputs* outputs = teachers_->outputs();
    train::TrainData data{&*train_, &*val_, config_.view, spec_, head, outputs, {}, manifest_.classes};
    for (const ExtraSource& extra : extras_) data.extras.push_back(source_of(extra, config_));
    const at::Tensor labels = train::labels_of(data);
    losses::Objective objective(terms, {student_->feature_dim(),
                                        head != nullptr ? head->feature_dim() : 0,
                                        static_cast<int64_t>(manifest_.classes.size()),
                                        labels.size(0),
                                        labels,
                                        head != nullptr ? head->weight : at::Tensor(),
                                        head != nullptr ? head->bias : at::Tensor(),
                                        {}});
    train::TrainOptions options;
    options.epochs = config_.epochs;
    options.batch_size = batch_size_for(config_, images_an_epoch());
    options.learning_rate = lr_for(config_, different_images(*train_, extras_));
    options.weight_decay = config_.weight_decay;
    options.muon = uses_muon(config_);
    options.warmup = config_.warmup;
    options.schedule = train::schedule_from(config_.schedule);
    options.head_rate = config_.head_lr_factor;
    options.clip_norm = config_.clip_norm;
    options.ema_decay = config_.ema;
    options.checkpoint_seconds = config_.checkpoint_seconds;
    options.precision = precision_;
    options.seed = static_cast<uint64_t>(config_.seed);
    options.view_seed = static_cast<uint64_t>(config_.view_seed);
    options.views = outputs != nullptr ? outputs->views() : 0;
    options.objective_key = key_of(terms);
    claim_checkpoint();
    train::Trainer trainer(*student_, objective, data, options);
    std::ofstream metrics(folder_.metrics(), std::ios::trunc);
    result_ = trainer.run(
        folder_.checkpoint(), options_.resume,
        [&](const nlohmann::json& line) {
          metrics << line.dump() << std::endl;
          char text[64];
          std::snprintf(text, sizeof text, "epoch %3lld: loss %.3f", static_cast<long long>(line.at("epoch").get<int64_t>()),
                        line.at("train_loss").get<double>());
          const auto shown = [&](const char* name, const char* field) {
            return line.contains(field) ? std::string(", ") + name + " " + report::percent(line.at(field).get<double>()) : "";
          };
          log_.info(text + shown("train", "train_accuracy") + shown("validation", "val_accuracy"));
        },
        log_, stop_);
    student_->to(at::kCPU);
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
        evaluate_store(student, manifest_, has_test ? *test_ : *val_, has_test ? "test" : validation_name(config_), log_, stop_);
    write_evaluation(folder_.predictions(), evaluation);

    nlohmann::json& out = summary_["student"];
    out["arch"] = student_name(config_);
    out["start"] = start();
    out["image_size"] = spec_.size;
    out["val_accuracy"] = val_->size() > 0 ? nlohmann::json(result_.val_accuracy) : nlohmann::json();
    out["test_accuracy"] = has_test ? nlohmann::json(evaluation.metrics.accuracy) : nlohmann::json();
    out["test_mean_class_accuracy"] = has_test ? nlohmann::json(evaluation.metrics.mean_class_accuracy) : nlohmann::json();
    out["best_epoch"] = result_.best_epoch;
    out.update(cost_of(*student_, spec_.size));

    summary_["version"] = kVersion;
    summary_["inputs"] = to_json(inputs_);
    if (teachers_->none()) summary_["teacher"] = nullptr;
    summary_["epochs"] = result_.epochs;
    summary_["images_per_second"] = result_.images_per_second;
    summary_["classes"] = manifest_.classes.size();
    summary_["images"] = {{"train", train_->size()}, {"val", val_->size()}, {"test", test_->size()}};
    summary_["image_steps"] = images_an_epoch() * result_.epochs;
    summary_["extra"] = to_json(extras_, config_, images_an_epoch());
    summary_["data"] = {{"path", config_.data},
                        {"labels", unlabelled() ? "teacher" : "data"},
                        {"val_fraction", config_.val_fraction},
                        {"test_fraction", config_.test_fraction},
                        {"split_seed", config_.split_seed},
                        {"max_skipped", config_.max_skipped}};
    summary_["seed"] = config_.seed;
    summary_["device"] = device_.str();
    summary_["precision"] = models::to_string(precision_);
    summary_["threads"] = at::get_num_threads();
    summary_["skipped_files"] = to_json(skipped_);
    nlohmann::json& seconds = summary_["seconds"];
    if (!seconds.contains("teacher")) seconds["teacher"] = 0.0;
    seconds["evaluation"] = watch.seconds();
    seconds["total"] = seconds["data"].get<double>() + seconds["teacher"].get<double>() + seconds["training"].get<double>() +
                       seconds["evaluation"].get<double>();
    log_.info("student: " + report::percent(evaluation.metrics.accuracy) + " on " + evaluation.split + " (epoch " +
              std::to_string(result_.best_epoch) + ", kept by validation)");
  }

  RunConfig config_;
  const RunConfig given_;  // before its teachers were trained
  const DistillOptions& options_;
  const RunFolder& folder_;
  Log& log_;
  const StopFlag& stop_;
  c10::Device device_;
  models::Precision precision_;
  fs::path cache_;
  double teacher_training_seconds_ = 0;

  data::Manifest manifest_;
  Inputs inputs_;
  std::optional<data::ImageStore> train_, val_, test_;
  std::vector<ExtraSource> extras_;
  std::vector<data::SkippedFile> skipped_;
  std::map<data::Split, int64_t> skipped_in_;
  data::InputSpec spec_;
  models::ModelPtr student_;
  std::optional<Teachers> teachers_;
  train::TrainResult result_;
  nlohmann::json summary_;
  bool train_teacher_ = true;
};

// What cannot be run is told before anything is written.
RunConfig ready(const RunConfig& given) {
  validate(given);
  (void)open_device(given.device);
  return resolved(given);
}

// What the run in the folder, finished or not, was made of and is no longer so; empty where all of it is, or nothing was made yet.
std::string changed_inputs(const RunFolder& folder, const RunConfig& config) {
  std::error_code error;
  nlohmann::json made_of;
  if (fs::exists(folder.summary(), error)) {
    made_of = read_json(folder.summary()).value("inputs", nlohmann::json::object());
  } else if (fs::exists(folder.inputs(), error)) {
    made_of = read_json(folder.inputs());
  } else {
    return "";
  }
  const RunConfig now = resolved(config);
  return differences(inputs_from(made_of), inputs_of(now, manifest_of(now), null_log(), never_stop()));
}

bool holds_this_run(const RunFolder& folder, const RunConfig& config) { return read_file(folder.config()) == to_toml(resolved(config)); }

}  // namespace

Forecast forecast(const RunConfig& given, Log& log, const StopFlag& stop) {
  const RunConfig config = ready(given);
  return Job(config, {}, RunFolder{config.out}, log, stop).forecast_only();
}

nlohmann::json distill(const RunConfig& given, const DistillOptions& options, Log& log, const StopFlag& stop) {
  const RunConfig config = ready(given);
  const RunFolder folder{config.out};
  const std::string toml = to_toml(config);
  check_apart(config);
  claim_folder(folder, toml, options);
  std::error_code error;
  fs::create_directories(folder.root, error);
  if (error) throw Error("cannot make the run folder: " + error.message(), folder.root.string());
  fs::remove(folder.summary(), error);
  if (!options.resume) fs::remove(folder.checkpoint(), error);
  write_file_atomic(folder.config(), toml);
  FileLog file_log(folder.log(), log, options.resume);

  nlohmann::json summary = Job(config, options, folder, file_log, stop).run();
  write_file_atomic(folder.summary(), summary.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  write_report(folder.root, {});
  return summary;
}

FittedTeacher fitted_teacher(const RunConfig& config, Log& log, const StopFlag& stop) {
  const RunConfig own = ready(config);
  const RunFolder folder{own.out};
  fs::create_directories(folder.root);
  return Job(own, {}, folder, log, stop).fitted();
}

nlohmann::json linear_probe(const RunConfig& config, Log& log, const StopFlag& stop) {
  const RunConfig own = ready(config);
  const RunFolder folder{own.out};
  fs::create_directories(folder.root);
  return Job(own, {}, folder, log, stop).probe();
}

bool is_finished(const RunConfig& config) {
  const RunFolder folder{config.out};
  std::error_code error;
  return fs::exists(folder.summary(), error) && fs::exists(folder.config(), error) && holds_this_run(folder, config) &&
         changed_inputs(folder, config).empty();
}

nlohmann::json distill_once(const RunConfig& config, Log& log, const StopFlag& stop, bool force) {
  const RunFolder folder{config.out};
  std::error_code error;
  if (force || !fs::exists(folder.config(), error)) return distill(config, {.force = force}, log, stop);
  if (!holds_this_run(folder, config)) return distill(config, {.resume = true}, log, stop);  // which says what it holds
  const std::string changed = changed_inputs(folder, config);
  if (!changed.empty()) {
    log.warn(folder.root.string() + " was made of other files than are there now (" + changed + "): it is made anew");
    return distill(config, {.force = true}, log, stop);
  }
  if (fs::exists(folder.summary(), error)) return read_json(folder.summary());
  return distill(config, {.resume = true}, log, stop);
}

}  // namespace retort::run
