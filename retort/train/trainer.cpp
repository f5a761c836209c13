#include "retort/train/trainer.h"

#include <ATen/ops/_foreach_lerp.h>
#include <torch/utils.h>

#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "retort/core/device.h"
#include "retort/core/error.h"
#include "retort/core/random.h"
#include "retort/core/safetensors.h"
#include "retort/core/text.h"
#include "retort/train/evaluate.h"
#include "retort/train/prefetch.h"

namespace retort::train {
namespace {

constexpr uint64_t kDropoutStream = 2;

// The standard error of an accuracy, in percent. Laplace's correction gives a perfect accuracy an
// error too.
double standard_error(double accuracy, int64_t images) {
  const auto n = static_cast<double>(images);
  const double share = (accuracy / 100 * n + 1) / (n + 2);
  return 100 * std::sqrt(share * (1 - share) / n);
}

// Moves the objective before the optimiser is made, which creates its moments on the device of the
// parameters.
losses::Objective& moved(losses::Objective& objective, c10::Device device) {
  objective.to(device);
  return objective;
}

// Raises the momentum of batch norms, so that their running statistics forget the initial weights
// within a tenth of the run. With torchvision's momentum of 0.01 MobileNetV3 would remember them
// for hundreds of steps. With torch's 0.1 a MobileNetV2 that was trained for 25 steps classified
// all of its training images in training mode, and was at chance in evaluation.
void forget_in_time(torch::nn::Module& student, int64_t steps) {
  constexpr double kMost = 0.5;
  const double least = std::min(kMost, 10 / static_cast<double>(std::max<int64_t>(steps, 1)));
  for (const auto& module : student.modules(/*include_self=*/false))
    if (auto* norm = module->as<torch::nn::BatchNorm2dImpl>();
        norm != nullptr && norm->options.momentum())
      norm->options.momentum(std::max(*norm->options.momentum(), least));
}

std::vector<Source> sources_of(const TrainData& data) {
  std::vector<Source> sources{{.images = data.train, .outputs = data.outputs}};
  sources.insert(sources.end(), data.extras.begin(), data.extras.end());
  return sources;
}

// The tensors of the moving average: the weights and the running statistics of batch norms. They
// share the student's memory.
StateDict averaged_state(models::ImageModel& student) {
  StateDict state;
  for (const auto& item : student.named_parameters()) state[item.key()] = item.value().detach();
  for (const auto& item : student.named_buffers())
    if (item.value().is_floating_point()) state[item.key()] = item.value();
  return state;
}

// While it exists, the student has the averaged weights and statistics.
class Averaged {
 public:
  Averaged(models::ImageModel& student, const StateDict& average) : student_(student) {
    if (average.empty()) return;
    own_ = models::clone(averaged_state(student));
    set(average);
  }
  ~Averaged() {
    if (!own_.empty()) set(own_);
  }
  Averaged(const Averaged&) = delete;
  Averaged& operator=(const Averaged&) = delete;

 private:
  void set(const StateDict& weights) {
    const at::NoGradGuard no_grad;
    for (auto& [name, tensor] : averaged_state(student_)) tensor.copy_(weights.at(name));
  }
  models::ImageModel& student_;
  StateDict own_;
};

// What a loss sees of a batch, a row an image.
constexpr std::array<at::Tensor losses::StepView::*, 9> kRowsOfBatch = {
    &losses::StepView::student_features, &losses::StepView::student_logits,
    &losses::StepView::teacher_features, &losses::StepView::teacher_logits,
    &losses::StepView::labels,           &losses::StepView::image_ids,
    &losses::StepView::partner_labels,   &losses::StepView::label_share,
    &losses::StepView::logit_rows};

}  // namespace

at::Tensor labels_of(const TrainData& data) { return labels_of(sources_of(data)); }

Trainer::Trainer(models::ImageModel& student, losses::Objective& objective, const TrainData& data,
                 const TrainOptions& options, Ranks& ranks)
    : student_(student),
      device_(models::device_of(student)),
      objective_(moved(objective, device_)),
      data_(data),
      options_(options),
      ranks_(ranks),
      batches_(sources_of(data), data.recipe, data.spec, data.teacher,
               {.batch_size = options.batch_size,
                .seed = options.seed,
                .view_seed = options.view_seed,
                .views = options.views}),
      pass_(student, options.precision),
      gradient_sums_(student, objective, ranks),
      optimizer_(trainable(student, &objective),
                 {.weight_decay = options.weight_decay,
                  .muon = options.muon,
                  .head = options.muon ? "student." + models::head_name(student) : ""},
                 ranks) {
  forget_in_time(student, options_.epochs * batches_.count());
  if (options_.head_rate != 1)
    optimizer_.scale_rate("student." + models::head_name(student), options_.head_rate);
  if (objective_.needs_teacher() && (data_.teacher == nullptr || data_.outputs == nullptr))
    throw UsageError("the objective needs a teacher");
  if (options_.ema_decay > 0) ema_ = models::clone(averaged_state(student_));
}

double Trainer::learning_rate(int64_t step) const {
  const int64_t total = options_.epochs * batches_.count();
  const int64_t warmup = std::llround(options_.warmup * static_cast<double>(total));
  return options_.learning_rate * schedule_factor(options_.schedule, step, warmup, total);
}

// Gathers the rows of all ranks, and whether one of them was asked to stop. Gradients flow back
// only through this rank's own rows.
Trainer::WholeBatch Trainer::whole_batch(const Batches::Batch& batch, const models::Output& output,
                                         const StopFlag& stop) {
  WholeBatch whole{batch.step, {}};
  losses::StepView& view = whole.view;
  view.student_features = output.features;
  view.student_logits = output.logits;
  if (ranks_.size() == 1) return whole;
  std::vector<at::Tensor> rows;
  for (at::Tensor losses::StepView::*field : kRowsOfBatch) rows.push_back(view.*field);
  rows.push_back(at::full({batch.share.last - batch.share.first},
                          stop.load(std::memory_order_relaxed),
                          at::device(device_).dtype(at::kBool)));
  gather_rows(rows, batch.share, batch.total, ranks_);
  for (size_t i = 0; i < kRowsOfBatch.size(); ++i) view.*kRowsOfBatch[i] = rows[i];
  whole.stops = rows.back();
  return whole;
}

// With several ranks all stop at the same step, once each knows that one of them was asked to.
bool Trainer::must_stop(const StopFlag& stop) const {
  return ranks_.size() == 1 ? stop.load(std::memory_order_relaxed) : stops_;
}

void Trainer::step(Batches::Batch batch, const StopFlag& stop) {
  batch.images = on_device(batch.images, device_);
  // Dropout draws from the global generator, which is seeded by the step's number, so that a
  // resumed run draws the same.
  const uint64_t seed =
      mix64(options_.seed + mix64(kDropoutStream + static_cast<uint64_t>(position_.step)));
  torch::manual_seed(seed + static_cast<uint64_t>(ranks_.rank()));
  const auto [view, stops] = whole_batch(batch, pass_.forward(batch.images), stop);
  if (ranks_.size() > 1) torch::manual_seed(seed);  // losses draw the same on every rank
  const losses::Objective::Value value = objective_.forward(view);
  optimizer_.zero_grad();
  gradient_sums_.begin();
  value.total.backward();
  pass_.backward();
  gradient_sums_.finish();
  const at::Tensor norm = optimizer_.clip_gradients(options_.clip_norm);
  optimizer_.step(learning_rate(position_.step));
  update_ema();

  std::vector<at::Tensor> values{
      value.total.detach(), norm,
      view.student_logits.detach().argmax(1).eq(on_device(view.labels, device_)).sum()};
  position_.term_names.clear();
  for (const auto& [name, loss] : value.terms) {
    values.push_back(loss);
    position_.term_names.push_back(name);
  }
  for (at::Tensor& each : values) each = each.to(at::kDouble);
  settle();  // the previous step's metrics, while the device works on this step
  last_step_ = {at::stack(values),
                position_.epoch,
                position_.step,
                static_cast<double>(view.labels.size(0)),
                view.labels.ge(0).sum().item<double>(),
                stops};
}

// Waits until the device is done with the last step, and adds up its metrics.
void Trainer::settle() {
  if (!last_step_) return;
  const StepMetrics metrics = *std::exchange(last_step_, std::nullopt);
  const at::Tensor values = metrics.values.to(at::kCPU);
  const std::span numbers(values.const_data_ptr<double>(), static_cast<size_t>(values.size(0)));
  const std::span terms = numbers.subspan(3);
  const auto check = [&](double value, const char* what) {
    if (std::isfinite(value)) return;
    throw Error(std::string(what) + " is not finite in epoch " + std::to_string(metrics.epoch + 1) +
                    ", step " + std::to_string(metrics.step + 1),
                "",
                "the last good checkpoint was kept; train again with a lower --lr, or with "
                "--precision fp32");
  };
  check(numbers[0], "the loss");
  check(numbers[1], "the gradient");
  stops_ = metrics.stops.defined() && metrics.stops.any().item<bool>();
  Position::Sums& sums = position_.sums;
  sums.terms.resize(terms.size());
  for (size_t i = 0; i < terms.size(); ++i) sums.terms[i] += metrics.images * terms[i];
  sums.loss += metrics.images * numbers[0];
  sums.correct += numbers[2];
  sums.labelled += metrics.labelled;
  sums.images += metrics.images;
}

void Trainer::update_ema() {
  if (ema_.empty()) return;
  const at::NoGradGuard no_grad;
  // The decay grows with the steps, as in TensorFlow's ExponentialMovingAverage; otherwise the
  // average would remember the random initial weights for long.
  const double decay =
      std::min(options_.ema_decay, (1.0 + static_cast<double>(position_.step)) /
                                       (10.0 + static_cast<double>(position_.step)));
  std::vector<at::Tensor> averages, weights;
  for (const auto& [name, tensor] : averaged_state(student_)) {
    averages.push_back(ema_.at(name));
    weights.push_back(tensor);
  }
  at::_foreach_lerp_(averages, weights, 1 - decay);
}

// Running statistics differ between ranks, which see different images. Each rank continues with
// their mean.
void Trainer::average_statistics() {
  if (ranks_.size() == 1) return;
  std::vector<at::Tensor> statistics;
  for (const auto& buffer : student_.named_buffers()) {
    if (!buffer.value().is_floating_point()) continue;
    statistics.push_back(buffer.value());
    if (const auto found = ema_.find(buffer.key()); found != ema_.end())
      statistics.push_back(found->second);
  }
  sum_all(statistics, ranks_);
  for (at::Tensor& each : statistics) each.div_(ranks_.size());
}

// Rank 0 evaluates and sends the result to the others.
Score Trainer::validation_score(const StopFlag& stop) {
  Score result;
  if (ranks_.leads()) {
    result = score(predict_logits(student_, *data_.val, data_.spec, options_.precision, "",
                                  null_log(), ranks_.size() == 1 ? stop : never_stop()),
                   data::labels_of(*data_.val));
  }
  if (ranks_.size() > 1) {
    at::Tensor values =
        at::tensor({result.accuracy, result.cross_entropy}, at::kDouble).to(device_);
    broadcast(values, ranks_);
    result.accuracy = values[0].item<double>();
    result.cross_entropy = values[1].item<double>();
  }
  return result;
}

void Trainer::validate(EpochMetrics& metrics, const StopFlag& stop) {
  const at::NoGradGuard no_grad;
  average_statistics();
  const Averaged averaged(student_, ema_);
  const bool has_val = data_.val != nullptr && data_.val->size() > 0;
  Score result;
  if (has_val) {
    result = validation_score(stop);
    metrics.val_accuracy = result.accuracy;
    metrics.val_loss = result.cross_entropy;
  }
  position_.highest_accuracy = std::max(position_.highest_accuracy, result.accuracy);
  if (!has_val ||
      result.accuracy >= position_.highest_accuracy -
                             standard_error(position_.highest_accuracy, data_.val->size())) {
    position_.kept_accuracy = result.accuracy;
    position_.kept_epoch = position_.epoch + 1;
    best_ = models::clone(models::state_of(student_));
  }
}

void Trainer::end_epoch(const StopFlag& stop) {
  const Position::Sums& sums = position_.sums;
  EpochMetrics metrics{.epoch = position_.epoch + 1,
                       .step = position_.step,
                       .train_loss = sums.loss / sums.images,
                       .learning_rate = learning_rate(position_.step - 1),
                       .images_per_second = images_per_second()};
  if (sums.labelled > 0) metrics.train_accuracy = 100 * sums.correct / sums.labelled;
  for (size_t i = 0; i < position_.term_names.size(); ++i)
    metrics.terms[position_.term_names[i]] = sums.terms[i] / sums.images;
  validate(metrics, stop);
  position_.lines.push_back(std::move(metrics));
  position_.sums = {};
  position_.step_in_epoch = 0;
  ++position_.epoch;
}

double Trainer::images_per_second() const {
  return position_.step_seconds > 0
             ? static_cast<double>(position_.images_seen) / position_.step_seconds
             : 0;
}

// Writes a run's checkpoint when it is due, and counts the seconds that the run took.
class Trainer::Checkpoint {
 public:
  Checkpoint(Trainer& trainer, const std::filesystem::path& path)
      : trainer_(trainer), path_(path), seconds_before_(trainer.position_.seconds) {}

  void write() {
    trainer_.settle();
    trainer_.position_.seconds = seconds();
    if (trainer_.ranks_.leads()) trainer_.save(path_);
    since_last_ = Stopwatch();
  }
  void write_if_due() {
    if (since_last_.seconds() > trainer_.options_.checkpoint_seconds) write();
  }
  // The seconds of the run, with those before it was resumed.
  double seconds() const { return seconds_before_ + sitting_.seconds(); }

 private:
  Trainer& trainer_;
  const std::filesystem::path& path_;
  const double seconds_before_;
  const Stopwatch sitting_;
  Stopwatch since_last_;
};

void Trainer::train_epoch(Checkpoint& checkpoint, Meter& meter, const StopFlag& stop) {
  batches_.start_epoch(position_.epoch);
  student_.train();
  const auto make = [this](int64_t number) { return batches_.batch(number, ranks_); };
  // A CPU that trains gains nothing by preparing the next batch meanwhile. Batches that need the
  // teacher use the device, which takes work from one thread at a time.
  std::optional<Prefetch> ahead;
  if (!device_.is_cpu() && !batches_.need_teacher())
    ahead.emplace(position_.step_in_epoch, batches_.count(), make);
  for (; position_.step_in_epoch < batches_.count(); ++position_.step_in_epoch) {
    if (const StopFlag asked = must_stop(stop); asked.load()) {
      checkpoint.write();
      check_stop(asked, "training");
    }
    checkpoint.write_if_due();
    const Stopwatch one;
    Batches::Batch batch = ahead ? ahead->next() : make(position_.step_in_epoch);
    const int64_t size = batch.total;
    step(std::move(batch), stop);
    if (device_.is_cpu() || position_.step_in_epoch + 1 == batches_.count()) settle();
    position_.step_seconds += one.seconds();
    ++position_.step;
    position_.images_seen += size;
    std::string detail =
        "epoch " + std::to_string(position_.epoch + 1) + "/" + std::to_string(options_.epochs);
    const Position::Sums& sums = position_.sums;
    if (sums.images > 0) detail += ", loss " + fixed(sums.loss / sums.images, 3);
    meter.add(size, detail);
  }
}

TrainResult Trainer::run(const std::filesystem::path& path, bool resume,
                         const std::function<void(const EpochMetrics&)>& on_epoch, Log& log,
                         const StopFlag& stop) {
  std::error_code error;
  if (resume && std::filesystem::exists(path, error)) {
    load(path);
    log.info("resumed after epoch " + std::to_string(position_.epoch) + " of " +
             std::to_string(options_.epochs));
    for (const EpochMetrics& line : position_.lines) on_epoch(line);
  }
  Meter meter(log, "training", options_.epochs * batches_.images(), position_.images_seen);
  Checkpoint checkpoint(*this, path);
  while (position_.epoch < options_.epochs) {
    train_epoch(checkpoint, meter, stop);
    try {
      end_epoch(stop);
    } catch (const Interrupted&) {
      checkpoint.write();  // after the last step, so that a resumed run validates again
      throw;
    }
    on_epoch(position_.lines.back());
  }
  checkpoint.write();
  models::copy_into(models::state_of(student_), best_, path.string());
  student_.eval();
  return {position_.epoch, position_.kept_epoch, position_.kept_accuracy, images_per_second(),
          checkpoint.seconds()};
}

}  // namespace retort::train
