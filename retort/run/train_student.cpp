#include "retort/run/train_student.h"

#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <algorithm>
#include <fstream>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/hash.h"
#include "retort/core/text.h"
#include "retort/deploy/cost.h"
#include "retort/losses/objective.h"
#include "retort/report/tensorboard.h"
#include "retort/run/closing.h"
#include "retort/run/objects.h"
#include "retort/run/start_student.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

std::string weights_in_words(const StudentPlan& plan) {
  if (!plan.weights.empty()) return "weights of " + plan.weights;
  return plan.own_network() ? "its own weights" : "random weights";
}

models::ModelPtr seeded_student(const Plan& plan, const OpenData& data, Log& log) {
  torch::manual_seed(plan.training.options.seed);
  models::ModelPtr student = start_student(
      plan.student, static_cast<int64_t>(data.manifest.classes.size()), data.spec.size, log);
  models::use_channels_last(*student);
  student->to(plan.device);
  log.info("student: " + plan.student.title() + ", " +
           std::to_string(deploy::count_parameters(*student)) + " parameters, " +
           std::to_string(data.spec.size) + " px, batches of " +
           std::to_string(batch_size_for(plan.training, data.images_an_epoch())) + ", " +
           weights_in_words(plan.student) + " (seed " + std::to_string(plan.training.options.seed) +
           "), " + (plan.training.options.muon ? "Muon, " : "AdamW, ") +
           models::to_string(plan.precision) + ", " +
           (plan.device.is_cpu() ? "" : plan.device.str() + ", ") +
           std::to_string(at::get_num_threads()) + " threads");
  return student;
}

train::TrainData train_data(const Plan& plan, const OpenData& data,
                            const FittedTeachers& teachers) {
  train::TrainData read{&data.train,
                        &data.val,
                        plan.views.recipe,
                        data.spec,
                        teachers.head ? &*teachers.head : nullptr,
                        teachers.outputs ? &*teachers.outputs : nullptr,
                        {},
                        data.manifest.classes};
  for (size_t i = 0; i < data.extras.size(); ++i)
    read.extras.push_back({.images = &data.extras[i].images,
                           .outputs = teachers.outputs ? &teachers.outputs_of_extras[i] : nullptr,
                           .each_epoch = data.extras[i].each_epoch,
                           .labelled = plan.data.trusts_extra_labels,
                           .logits = plan.data.extras_have_logits});
  return read;
}

losses::Objective objective_of(const Plan& plan, const train::TrainData& data,
                               models::ImageModel& student) {
  const at::Tensor labels = train::labels_of(data);
  const teacher::JointHead* head = data.teacher;
  return {plan.training.terms,
          {student.feature_dim(),
           head != nullptr ? head->feature_dim() : 0,
           static_cast<int64_t>(data.classes.size()),
           labels.size(0),
           labels,
           head != nullptr ? head->weight : at::Tensor(),
           head != nullptr ? head->bias : at::Tensor(),
           {}}};
}

train::TrainOptions train_options(const Plan& plan, const OpenData& data,
                                  const FittedTeachers& teachers) {
  return options_for(plan.training, data.images_an_epoch(), data.different_images(),
                     teachers.outputs ? teachers.outputs->views() : 0);
}

// Throws Error where the checkpoint to resume from was made of other files.
void claim_checkpoint(const RunFolder& folder, const Inputs& inputs, bool resume) {
  std::error_code error;
  if (resume && fs::exists(folder.checkpoint(), error) && fs::exists(folder.inputs(), error)) {
    const std::string changed = differences(inputs_from(read_json(folder.inputs())), inputs);
    if (!changed.empty())
      throw Error("was made of other files than are there now: " + changed,
                  folder.checkpoint().string(), "put them back, or --force to start over");
  }
  fs::create_directories(folder.inputs().parent_path());
  write_file_atomic(folder.inputs(), to_json(inputs).dump(2) + "\n");
}

std::string in_words(const EpochMetrics& epoch) {
  const std::string number = std::to_string(epoch.epoch);
  std::string text = "epoch " + std::string(3 - std::min<size_t>(number.size(), 3), ' ') + number +
                     ": loss " + fixed(epoch.train_loss, 3);
  if (epoch.train_accuracy) text += ", train " + percent(*epoch.train_accuracy);
  if (epoch.val_accuracy) text += ", validation " + percent(*epoch.val_accuracy);
  return text;
}

// Stops a training after some seconds, and measures its speed. The first fifth of the seconds, in
// which everything is done for the first time, does not count.
class TrialClock : public Log {
 public:
  TrialClock(double seconds, const StopFlag& given) : seconds_(seconds), given_(given) {}
  void info(const std::string&) override {}
  void warn(const std::string&) override {}
  void progress(const Progress& at) override {
    const double now = watch_.seconds();
    if (since_ == 0) {
      if (at.done == 0 || now < seconds_ / 5) return;
      since_ = now;
      before_ = at.done;
      return;
    }
    until_ = now;
    done_ = at.done;
    if (now >= seconds_ || given_.load(std::memory_order_relaxed)) stop = true;
  }
  double images_per_second() const {
    return static_cast<double>(done_ - before_) / (until_ - since_);
  }
  StopFlag stop{false};

 private:
  double seconds_, since_ = 0, until_ = 0;
  int64_t before_ = 0, done_ = 0;
  const StopFlag& given_;
  Stopwatch watch_;
};

}  // namespace

TrainedStudent train_student(const Plan& plan, const OpenData& data, const FittedTeachers& teachers,
                             const Inputs& inputs, const RunFolder& folder, bool resume,
                             const Context& context) {
  const Stopwatch preparing;
  TrainedStudent student{seeded_student(plan, data, context.log), {}, {}};
  const train::TrainData read = train_data(plan, data, teachers);
  losses::Objective objective = objective_of(plan, read, *student.model);
  const train::TrainOptions options = train_options(plan, data, teachers);
  Ranks& ranks = ranks_of(plan.config);
  train::Trainer trainer(*student.model, objective, read, options, ranks);
  std::ofstream metrics;
  std::optional<report::TensorBoard> board;
  if (ranks.leads()) {
    claim_checkpoint(folder, inputs, resume);
    metrics.open(folder.metrics(), std::ios::trunc);
    if (plan.config.tensorboard) board.emplace(folder.tensorboard());
  }
  int64_t image_steps = 0;
  const auto on_epoch = [&](const EpochMetrics& epoch) {
    if (!ranks.leads()) return;
    metrics << nlohmann::json(epoch).dump() << std::endl;
    context.log.info(in_words(epoch));
    image_steps += epoch.phase.empty() ? data.images_an_epoch() : data.train.size();
    if (board) board->add(epoch, image_steps);
    if (plan.config.objects && plan.config.objects->on_epoch) plan.config.objects->on_epoch(epoch);
  };
  const double prepared = preparing.seconds();
  student.result = trainer.run(folder.checkpoint(), resume, on_epoch, context.log, context.stop);
  student.result.seconds += prepared;
  if (plan.training.closing_epochs > 0)
    close_training(plan, data, hash_hex(train::fingerprint(options, read, student.model->spec())),
                   folder, resume, on_epoch, context, student);
  student.model->to(at::kCPU);
  if (!metrics)
    throw Error("cannot be written", folder.metrics().string(), "check the free space on its disk");
  return student;
}

StudentRates trial_rates(const Plan& plan, const OpenData& data, const FittedTeachers& teachers,
                         const fs::path& folder, double seconds, const Context& context) {
  constexpr int64_t kEndless = 1000000;
  const models::ModelPtr student = seeded_student(plan, data, null_log());
  train::TrainData read = train_data(plan, data, teachers);
  losses::Objective objective = objective_of(plan, read, *student);
  read.val = nullptr;
  train::TrainOptions options = train_options(plan, data, teachers);
  options.epochs = kEndless;
  options.checkpoint_seconds = 1e9;
  const fs::path checkpoint = folder / "trial.safetensors";
  fs::create_directories(folder);
  TrialClock clock(seconds, context.stop);
  try {
    train::Trainer trainer(*student, objective, read, options);
    trainer.run(
        checkpoint, /*resume=*/false, [](const EpochMetrics&) {}, clock, clock.stop);
  } catch (const Interrupted&) {
    fs::remove(checkpoint);
    check_stop(context.stop, "measuring");
  }
  student->eval();
  const data::Sample first{0, 0};
  const std::vector<data::Sample> samples(
      static_cast<size_t>(std::min<int64_t>(64, data.train.size())), first);
  const at::Tensor images =
      data::render_batch(data.train, samples, plan.views.recipe, 0, data.spec);
  return {clock.images_per_second(), evaluation_rate(*student, images, plan.precision)};
}

}  // namespace retort::run
