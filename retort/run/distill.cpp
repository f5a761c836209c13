#include "retort/run/distill.h"

#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <cstdio>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/extra.h"
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
#include "retort/run/named_teacher.h"
#include "retort/run/report_run.h"
#include "retort/run/run_folder.h"
#include "retort/run/trained_teacher.h"
#include "retort/run/zero_shot_classes.h"
#include "retort/teacher/joint.h"
#include "retort/teacher/linear_probe.h"
#include "retort/teacher/teacher.h"
#include "retort/teacher/zero_shot.h"
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

teacher::TeacherSource teacher_source(const RunConfig& config, const NamedTeacher& named) {
  return {.weights = named.name,
          .arch = config.teacher_arch,
          .features = config.teacher_features,
          .size = named.size > 0 ? named.size : config.teacher_size,
          .mean = teacher_mean(config),
          .std = teacher_std(config),
          .embedding = zero_shot(config)};
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
    if (!teachers_.empty()) fit_teachers();
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
    teacher::Teacher& teacher = teachers_.front();
    const data::Preparation prepared = data::for_evaluation(teacher.input_spec());
    const auto seen = [&](const data::ImageStore& images, const char* name) {
      return evaluation_features(cache_, teacher, images, name, log_, stop_);
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
    data::ImageStore store =
        data::ImageStore::open(cache_, manifest_, manifest_.of(split), preparation, {.max_skipped = config_.max_skipped}, log_, stop_);
    add_skipped(skipped_, store);
    return store;
  }

  void read_data() {
    const Stopwatch watch;
    const data::ManifestOptions splits{config_.val_fraction, config_.test_fraction, static_cast<uint64_t>(config_.split_seed)};
    manifest_ = unlabelled() ? data::load_unlabelled(config_.data, class_names(config_.classes), splits)
                             : data::load_manifest(config_.data, splits);
    const auto count = [&](data::Split split) { return std::to_string(manifest_.of(split).size()); };
    log_.info(config_.data + ": " + std::to_string(manifest_.classes.size()) + " classes; " + count(data::Split::train) + " training, " +
              count(data::Split::val) + " validation and " + count(data::Split::test) + " test images");
    config_.student_weights = pulled(config_.student_weights, log_, stop_);
    student_ = initial_student(config_.image_size);  // for what it says of itself; weights follow once size and seed are set
    if (has_teacher(config_)) load_teachers();
    const int64_t preferred = config_.image_size > 0 ? config_.image_size : student_->input_spec().size;
    int64_t largest = preferred;
    for (const teacher::Teacher& teacher : teachers_) largest = std::max(largest, teacher.input_spec().size);
    const data::Preparation stored = data::bounded(stored_side(largest));
    train_.emplace(open(data::Split::train, stored));
    if (train_->size() < 2) throw Error("fewer than two training images are left", config_.data);
    extras_ = open_extras(config_, cache_, manifest_.classes, train_->size(), stored, log_, stop_);
    for (const ExtraSource& extra : extras_) add_skipped(skipped_, extra.images);
    spec_ = student_->input_spec();
    spec_.size = config_.image_size > 0 ? config_.image_size : automatic_size(*train_, preferred);
    if (unlabelled()) label_validation();  // after training images are open: labels are part of a store's key, other prompts other labels
    val_.emplace(open(data::Split::val, data::for_evaluation(spec_)));
    test_.emplace(open(data::Split::test, data::for_evaluation(spec_)));
    summary_["seconds"]["data"] = watch.seconds();
  }

  void load_teachers() {
    if (train_teacher_ && config_.teacher_init != "linear-probe") {
      const Stopwatch training;
      config_ = with_trained_teachers(config_, folder_.root / "teacher", log_, stop_, options_.force);
      teacher_training_seconds_ = training.seconds();
    }
    double sum = 0;
    for (const std::string& text : config_.teacher) {
      NamedTeacher named = teacher_from(text);
      named.name = pulled(named.name, log_, stop_);
      teachers_.emplace_back(teacher_source(config_, named), precision_);
      if (zero_shot(config_)) teacher::set_zero_shot_head(teachers_.back(), named.name, class_texts(config_, manifest_.classes));
      weights_.push_back(named.weight);
      sum += named.weight;
    }
    for (double& weight : weights_) weight /= sum;
  }

  bool unlabelled() const { return !config_.classes.empty(); }

  // Without labels, validation asks how often the student says what its teachers say.
  void label_validation() {
    at::Tensor logits;
    for (size_t i = 0; i < teachers_.size(); ++i) {
      teacher::Teacher& teacher = teachers_[i];
      const data::ImageStore val = open(data::Split::val, data::for_evaluation(teacher.input_spec()));
      const at::Tensor share = teacher.logits(evaluation_features(cache_, teacher, val, "validation", log_, stop_)) * weights_[i];
      logits = i == 0 ? share : logits + share;
      if (i + 1 < teachers_.size()) continue;
      const at::Tensor labels = logits.argmax(1);
      for (int64_t row = 0; row < val.size(); ++row)
        manifest_.items[static_cast<size_t>(val.item(row))].label = labels.const_data_ptr<int64_t>()[row];
    }
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
    double seeing = 0, training = 0;  // seconds
    for (size_t i = 0; i < teachers_.size(); ++i) {
      teacher::Teacher& teacher = teachers_[i];
      int64_t looks = 0;
      const auto count = [&](const data::ImageStore& images, int64_t views) {
        looks += teacher::OutputStore::missing(cache_, teacher, images, config_.view, store_options(teacher, images, views));
      };
      count(*train_, views_for(config_, train_->size(), config_.epochs));
      for (const ExtraSource& extra : extras_) count(extra.images, views_of(extra, config_));
      forecast.disk_bytes += looks * teacher.feature_dim() * 2;
      if (looks > 0) {
        looks += val_->size() + test_->size();
        seeing += static_cast<double>(looks) / seeing_rate(teacher, *train_, config_.view);
      }
      forecast.looks += looks;
      if (!train_teacher_ && config_.teacher_init != "linear-probe") {
        const int64_t steps = train_->size() * config_.teacher_epochs;
        const models::ModelPtr trained =
            models::load_model(pulled(teacher_from(config_.teacher[i]).name, log_, stop_), config_.teacher_arch);
        data::InputSpec input = trained->input_spec();
        input.size = teacher.input_spec().size;
        training += static_cast<double>(steps) / student_rates(*trained, *train_, config_.view, input, batch, precision_).training;
        forecast.teacher_steps += steps;
      }
    }
    if (seeing > 0) forecast.teacher_rate = static_cast<double>(forecast.looks) / seeing;
    if (training > 0) forecast.teacher_training_rate = static_cast<double>(forecast.teacher_steps) / training;
    forecast.memory_bytes = peak_memory();
    return forecast;
  }

  void fit_teachers() {
    const Stopwatch watch;
    std::vector<teacher::OutputStore> own;
    std::vector<std::vector<teacher::OutputStore>> of_extras(extras_.size());
    for (teacher::Teacher& teacher : teachers_) {
      const int64_t parameters = deploy::count_parameters(teacher.model());
      log_.info("teacher: " + teacher.model().spec().arch + ", " + (parameters > 0 ? std::to_string(parameters) + " parameters, " : "") +
                std::to_string(teacher.input_spec().size) + " px");
      own.push_back(open_outputs(teacher, *train_, views_for(config_, train_->size(), config_.epochs)));
      for (size_t i = 0; i < extras_.size(); ++i)
        of_extras[i].push_back(open_outputs(teacher, extras_[i].images, views_of(extras_[i], config_)));
    }
    const std::vector<double> scales = teacher::joint_scales(own, weights_);
    outputs_.emplace(std::move(own), scales);
    for (size_t i = 0; i < extras_.size(); ++i) extras_[i].outputs.emplace(std::move(of_extras[i]), scales);

    nlohmann::json members = nlohmann::json::array();
    std::array<at::Tensor, 2> joint;  // logits on validation and test images
    std::array<at::Tensor, 2> labels;
    for (size_t i = 0; i < teachers_.size(); ++i) {
      std::array<at::Tensor, 2> logits;
      members.push_back(fit(i, logits, labels));
      for (size_t split = 0; split < joint.size(); ++split) {
        const at::Tensor share = logits[split] * weights_[i];
        joint[split] = i == 0 ? share : joint[split] + share;
      }
    }
    head_ = teacher::joint_head(teachers_, weights_, scales);
    write_safetensors(folder_.root / "teacher_head.safetensors", {{"weight", head_->weight}, {"bias", head_->bias}});
    nlohmann::json& out = summary_["teacher"];
    out = members.front();
    if (members.size() > 1) {
      for (size_t i = 1; i < members.size(); ++i) {
        out["arch"] = out["arch"].get<std::string>() + " + " + members[i]["arch"].get<std::string>();
        out["image_size"] = std::max(out["image_size"].get<int64_t>(), members[i]["image_size"].get<int64_t>());
        for (const char* sum : {"parameters", "multiply_adds"}) out[sum] = out[sum].get<int64_t>() + members[i][sum].get<int64_t>();
        out["milliseconds"] = out["milliseconds"].get<double>() + members[i]["milliseconds"].get<double>();
      }
      add_accuracies(out, joint, labels);
      say_accuracy("all teachers", out);
      out["members"] = members;
    }
    summary_["seconds"]["teacher"] = watch.seconds() + teacher_training_seconds_;
  }

  // Gives one of them its head; what it is and how good. Its logits on validation and test images, and their labels, are put out.
  nlohmann::json fit(size_t number, std::array<at::Tensor, 2>& logits, std::array<at::Tensor, 2>& labels) {
    teacher::Teacher& teacher = teachers_[number];
    const data::Preparation prepared = data::for_evaluation(teacher.input_spec());
    const data::ImageStore val = open(data::Split::val, prepared);
    const data::ImageStore test = open(data::Split::test, prepared);
    const at::Tensor val_features = evaluation_features(cache_, teacher, val, "validation", log_, stop_);
    labels = {data::labels_of(val), data::labels_of(test)};
    nlohmann::json out;
    if (config_.teacher_head == "keep") {
      teacher.keep_head(static_cast<int64_t>(manifest_.classes.size()));
    } else if (config_.teacher_head == "probe") {
      const teacher::LinearHead head = fit_probe(number, val_features, labels[0]);
      teacher.set_head(head.weight, head.bias);
      out["head_l2"] = head.l2;
    }
    logits = {teacher.logits(val_features), teacher.logits(evaluation_features(cache_, teacher, test, "test", log_, stop_))};
    out["arch"] = teacher.model().spec().arch;
    out["image_size"] = teacher.input_spec().size;
    out["weight"] = weights_[number];
    out["views"] = outputs_->views();
    add_accuracies(out, logits, labels);
    out.update(cost_json(deploy::measure_cost(teacher.model(), teacher.input_spec().size)));
    say_accuracy("teacher", out);
    return out;
  }

  static void add_accuracies(nlohmann::json& out, const std::array<at::Tensor, 2>& logits, const std::array<at::Tensor, 2>& labels) {
    out["val_accuracy"] = accuracy(logits[0], labels[0]);
    out["test_accuracy"] = accuracy(logits[1], labels[1]);
    out["test_mean_class_accuracy"] = mean_class_accuracy(logits[1], labels[1]);
  }

  void say_accuracy(const std::string& who, const nlohmann::json& out) {
    const bool tested = !out.at("test_accuracy").is_null();
    const nlohmann::json& shown = out.at(tested ? "test_accuracy" : "val_accuracy");
    if (!shown.is_null()) log_.info(who + ": " + percent(shown) + (tested ? " on test" : " on validation"));
  }

  // The budget is shared by images and teachers alike.
  teacher::OutputStore::Options store_options(const teacher::Teacher& teacher, const data::ImageStore& images, int64_t views) const {
    int64_t all = 0;
    for (const teacher::Teacher& each : teachers_) all += each.feature_dim();
    const double share = static_cast<double>(images.size()) / static_cast<double>(different_images()) *
                         static_cast<double>(teacher.feature_dim()) / static_cast<double>(all);
    return {views, static_cast<uint64_t>(config_.view_seed),
            static_cast<uint64_t>(static_cast<double>(config_.store_budget << 20) * share)};
  }

  teacher::OutputStore open_outputs(teacher::Teacher& teacher, const data::ImageStore& images, int64_t views) {
    return teacher::OutputStore::open(cache_, teacher, images, config_.view, store_options(teacher, images, views), log_, stop_);
  }

  // On as many stored views as keep the fit to seconds. Mixed views have no one label: then on the plain images.
  teacher::LinearHead fit_probe(size_t number, const at::Tensor& val_features, const at::Tensor& val_labels) {
    constexpr int64_t kRows = 20000;
    const auto classes = static_cast<int64_t>(manifest_.classes.size());
    if (config_.view.mix.any()) {
      teacher::Teacher& teacher = teachers_[number];
      const data::ImageStore plain = open(data::Split::train, data::for_evaluation(teacher.input_spec()));
      const at::Tensor features = evaluation_features(cache_, teacher, plain, "unmixed", log_, stop_);
      return teacher::fit_linear_probe(features, data::labels_of(plain), val_features, val_labels, classes, log_, stop_);
    }
    const int64_t views = std::clamp<int64_t>(kRows / train_->size(), 1, outputs_->views());
    std::vector<at::Tensor> features;
    for (int64_t view = 0; view < views; ++view) features.push_back(outputs_->of(number).view(view).all());
    return teacher::fit_linear_probe(at::cat(features), data::labels_of(*train_).repeat({views}), val_features, val_labels, classes, log_,
                                     stop_);
  }

  void train() {
    const std::vector<losses::TermConfig> terms = terms_of(config_);
    train::TrainData data{&*train_, &*val_, config_.view, spec_, head_ ? &*head_ : nullptr, outputs_ ? &*outputs_ : nullptr, {}};
    for (const ExtraSource& extra : extras_) data.extras.push_back(source_of(extra, config_));
    const at::Tensor labels = train::labels_of(data);
    losses::Objective objective(terms, {student_->feature_dim(),
                                        head_ ? head_->feature_dim() : 0,
                                        static_cast<int64_t>(manifest_.classes.size()),
                                        labels.size(0),
                                        labels,
                                        head_ ? head_->weight : at::Tensor(),
                                        head_ ? head_->bias : at::Tensor(),
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
          char text[64];
          std::snprintf(text, sizeof text, "epoch %3lld: loss %.3f", static_cast<long long>(line.at("epoch").get<int64_t>()),
                        line.at("train_loss").get<double>());
          const auto shown = [&](const char* name, const char* field) {
            return line.contains(field) ? std::string(", ") + name + " " + percent(line.at(field).get<double>()) : "";
          };
          log_.info(text + shown("train", "train_accuracy") + shown("validation", "val_accuracy"));
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
    const Evaluation evaluation = evaluate_store(student, manifest_, has_test ? *test_ : *val_, split_name(has_test), log_, stop_);
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
    if (!head_) summary_["teacher"] = nullptr;
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

  std::string split_name(bool has_test) const {
    if (has_test) return "test";
    return unlabelled() ? "validation, as the teacher labels it" : "validation";
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
  std::vector<teacher::Teacher> teachers_;
  std::vector<double> weights_;  // of each; they add up to 1
  std::optional<teacher::JointOutputs> outputs_;
  std::optional<teacher::JointHead> head_;
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
