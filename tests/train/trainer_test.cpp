#include "retort/train/trainer.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>
#include <functional>
#include <set>
#include <type_traits>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/manifest.h"
#include "retort/models/registry.h"
#include "tests/support/far_device.h"
#include "tests/support/message.h"
#include "tests/train/small_training.h"

namespace retort::train {
namespace {

namespace fs = std::filesystem;

// mobilenet_v2 has dropout, so that a resumed run must draw the same masks.
class TrainerTest : public SmallTraining {
 protected:
  struct Session {
    Session(models::ModelPtr model, const losses::LossContext& context, const TrainData& data,
            const TrainOptions& options)
        : student(std::move(model)),
          objective({{"cross_entropy", 1, {}}, {"align_uniform", 0.8, {}}, {"kd", 1, {}}}, context),
          trainer(*student, beside(*student, objective), data, options) {}
    static losses::Objective& beside(models::ImageModel& model, losses::Objective& objective) {
      if (!models::device_of(model).is_cpu()) testing::to_far(objective);
      return objective;
    }
    models::ModelPtr student;
    losses::Objective objective;
    Trainer trainer;
  };
  std::unique_ptr<Session> session(const TrainOptions& options,
                                   const std::string& student = "mobilenet_v2", bool far = false) {
    torch::manual_seed(3);
    models::ModelPtr model = models::make_model({student, 3});
    if (far) testing::to_far(*model);
    const losses::LossContext context{model->feature_dim(), 512, 3, train_->size(), {}, {}, {}, {}};
    return std::make_unique<Session>(model, context,
                                     TrainData{&*train_,
                                               val_ ? &*val_ : nullptr,
                                               {},
                                               spec_,
                                               &teacher_,
                                               &*outputs_,
                                               {},
                                               manifest_.classes},
                                     options);
  }
};

TEST_F(TrainerTest, RunningStatisticsForgetWithinTheRun) {
  const auto momentum_in = [&](const std::string& student, int64_t epochs) {
    const auto s = session(options(epochs), student);
    for (const auto& module : s->student->modules())
      if (auto* norm = module->as<torch::nn::BatchNorm2dImpl>())
        return norm->options.momentum().value();
    return 0.0;
  };
  EXPECT_DOUBLE_EQ(momentum_in("mobilenet_v3_small", 2), 0.5);           // 6 steps
  EXPECT_DOUBLE_EQ(momentum_in("mobilenet_v3_small", 100), 10.0 / 300);  // a tenth of 300
  EXPECT_DOUBLE_EQ(momentum_in("mobilenet_v3_small", 1000), 0.01);       // torchvision's
  EXPECT_DOUBLE_EQ(momentum_in("resnet18", 10), 10.0 / 30);
  EXPECT_DOUBLE_EQ(momentum_in("resnet18", 1000), 0.1);  // torch's
}

bool same(models::ImageModel& a, models::ImageModel& b) {
  const StateDict x = models::state_of(a), y = models::state_of(b);
  return std::ranges::all_of(
      x, [&](const auto& item) { return at::equal(item.second, y.at(item.first)); });
}

TEST_F(TrainerTest, LearnsAndReportsEachEpoch) {
  const auto s = session(options(6), "resnet18");
  std::vector<EpochMetrics> lines;
  const TrainResult result =
      s->trainer.run(folder_ / "last.safetensors", false,
                     [&](const EpochMetrics& line) { lines.push_back(line); });
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_LT(lines.back().train_loss, lines.front().train_loss);
  EXPECT_EQ(lines.back().terms.size(), 3U);
  EXPECT_EQ(result.epochs, 6);
  // The last epoch that is within a standard error of the best.
  double best = 0;
  for (const auto& line : lines) best = std::max(best, line.val_accuracy.value());
  const auto images = static_cast<double>(val_->size());
  const double share = (best / 100 * images + 1) / (images + 2),
               error = 100 * std::sqrt(share * (1 - share) / images);
  int64_t last = 0;
  for (const auto& line : lines)
    if (line.val_accuracy.value() >= best - error) last = line.epoch;
  EXPECT_EQ(result.best_epoch, last);
  EXPECT_DOUBLE_EQ(result.val_accuracy, lines[static_cast<size_t>(last - 1)].val_accuracy.value());
}

TEST_F(TrainerTest, OnAnotherDeviceItLearnsTheSame) {
  TrainOptions o = options(2);
  o.ema_decay = 0.9;
  const auto near = session(o, "resnet18"), far = session(o, "resnet18", true);
  std::vector<EpochMetrics> near_lines, far_lines;
  near->trainer.run(folder_ / "near.safetensors", false,
                    [&](const EpochMetrics& line) { near_lines.push_back(line); });
  far->trainer.run(folder_ / "far.safetensors", false,
                   [&](const EpochMetrics& line) { far_lines.push_back(line); });
  ASSERT_EQ(far_lines.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(far_lines[i].train_loss, near_lines[i].train_loss, 1e-3);
    EXPECT_NEAR(far_lines[i].val_loss.value(), near_lines[i].val_loss.value(), 1e-3);
    EXPECT_EQ(far_lines[i].terms.size(), 3U);
  }
  // Its checkpoint can be read on any device.
  const auto resumed = session(o, "resnet18");
  resumed->trainer.run(folder_ / "far.safetensors", true, [](const EpochMetrics&) {});
  for (const auto& item : far->student->named_parameters())
    EXPECT_TRUE(
        at::equal(item.value().to(at::kCPU), resumed->student->named_parameters()[item.key()]))
        << item.key();
}

// Each step's metrics are read once, while the next step runs.
TEST_F(TrainerTest, AStepWaitsForNoDevice) {
  val_.reset();
  const auto waits_of = [&](int64_t epochs) {
    TrainOptions o = options(epochs);
    o.checkpoint_seconds =
        1e9;  // a checkpoint reads the student back, and a slow machine would write one meanwhile
    const auto s = session(o, "resnet18", true);
    const int64_t before = testing::waits_for_far();
    s->trainer.run(folder_ / ("waits" + std::to_string(epochs)), false, [](const EpochMetrics&) {});
    return testing::waits_for_far() - before;
  };
  const int64_t steps_an_epoch = batches_an_epoch(train_->size(), 8);
  EXPECT_EQ(waits_of(3) - waits_of(1), 2 * steps_an_epoch);
}

TEST_F(TrainerTest, AStoppedRunEndsWithTheSameBytes) {
  const auto whole = session(options(3));
  whole->trainer.run(folder_ / "whole.safetensors", false, [](const EpochMetrics&) {});

  TrainOptions each_step = options(3);
  each_step.checkpoint_seconds = 0;
  for (const int at_epoch : {1, 2}) {
    const fs::path checkpoint = folder_ / ("cut" + std::to_string(at_epoch) + ".safetensors");
    StopFlag stop{false};
    const auto cut = session(each_step);
    EXPECT_THROW(
        cut->trainer.run(
            checkpoint, false, [&](const EpochMetrics& line) { stop = line.epoch == at_epoch; },
            null_log(), stop),
        Interrupted);
    const auto resumed = session(each_step);
    std::vector<EpochMetrics> lines;
    resumed->trainer.run(checkpoint, true,
                         [&](const EpochMetrics& line) { lines.push_back(line); });
    EXPECT_EQ(lines.size(), 3U);
    EXPECT_TRUE(same(*whole->student, *resumed->student));
  }
}

// Stops while the last step is counted, so that it interrupts the last validation.
struct StopAtFullMeter : Log {
  void info(const std::string&) override {}
  void warn(const std::string&) override {}
  void progress(const Progress& at) override { stop = stop || at.done == due; }
  int64_t due = 0;
  StopFlag stop{false};
};

TEST_F(TrainerTest, AStopDuringValidationKeepsTheEpoch) {
  TrainOptions averaged = options(1);
  averaged.ema_decay = 0.9;
  averaged.checkpoint_seconds = 1e9;
  const auto whole = session(averaged);
  whole->trainer.run(folder_ / "whole.safetensors", false, [](const EpochMetrics&) {});

  StopAtFullMeter log;
  log.due = train_->size();
  const auto cut = session(averaged);
  EXPECT_THROW(cut->trainer.run(
                   folder_ / "cut.safetensors", false, [](const EpochMetrics&) {}, log, log.stop),
               Interrupted);
  const auto resumed = session(averaged);
  resumed->trainer.run(folder_ / "cut.safetensors", true, [](const EpochMetrics&) {});
  EXPECT_TRUE(same(*whole->student, *resumed->student));
}

// With one step an epoch: the student after each step, averaged by hand, with the statistics of
// batch norms.
TEST_F(TrainerTest, TheMovingAverageIsWhatIsKept) {
  constexpr int kEpochs = 3;
  constexpr double kDecay =
      0.15;      // reached in the second step; before that the decay is (1 + step) / (10 + step)
  val_.reset();  // so that the last weights are kept
  TrainOptions averaged = options(kEpochs);
  averaged.batch_size = train_->size();
  averaged.ema_decay = kDecay;
  StateDict expected = models::state_of(*session(averaged, "resnet18")->student);
  for (auto& [name, tensor] : expected) tensor = tensor.clone();
  for (int epoch = 1; epoch <= kEpochs; ++epoch) {
    StopFlag stop{false};
    const auto cut = session(averaged, "resnet18");
    const fs::path checkpoint = folder_ / ("after" + std::to_string(epoch));
    const auto stop_then = [&](const EpochMetrics& line) { stop = line.epoch == epoch; };
    if (epoch < kEpochs) {
      EXPECT_THROW(cut->trainer.run(checkpoint, false, stop_then, null_log(), stop), Interrupted);
    } else {
      cut->trainer.run(checkpoint, false, stop_then);
    }
    const StateDict after = read_safetensors(checkpoint).tensors;
    const double decay = std::min(kDecay, epoch / (9.0 + epoch));
    for (auto& [name, tensor] : expected)
      if (tensor.is_floating_point())
        tensor = tensor * decay + after.at("student." + name) * (1 - decay);
  }
  const auto kept = session(averaged, "resnet18");
  kept->trainer.run(folder_ / "kept", false, [](const EpochMetrics&) {});
  const StateDict state = models::state_of(*kept->student);
  const StateDict last = read_safetensors(folder_ / "after3").tensors;
  for (const auto& [name, tensor] : expected) {
    if (!tensor.is_floating_point()) continue;
    EXPECT_TRUE(at::allclose(state.at(name), tensor, 1e-5, 1e-6)) << name;
    EXPECT_FALSE(at::equal(state.at(name), last.at("student." + name))) << name;
  }
}

TEST_F(TrainerTest, ANonFiniteLossStopsTheRunAndKeepsTheCheckpoint) {
  TrainOptions wild = options(2);
  write_file_atomic(folder_ / "last.safetensors", "the last good one");
  wild.checkpoint_seconds = 1e9;
  const auto broken = session(wild);
  {
    const at::NoGradGuard no_grad;
    broken->student->head()->bias.fill_(std::numeric_limits<float>::infinity());
  }
  EXPECT_ERROR(broken->trainer.run(folder_ / "last.safetensors", false, [](const EpochMetrics&) {}),
               "is not finite in epoch 1, step 1");
  EXPECT_EQ(read_file(folder_ / "last.safetensors"), "the last good one");
}

TEST_F(TrainerTest, AConstantScheduleStaysAtThePeak) {
  TrainOptions constant = options(2);
  constant.schedule = Schedule::constant;
  std::vector<double> rates;
  session(constant)->trainer.run(
      folder_ / "last.safetensors", false,
      [&](const EpochMetrics& line) { rates.push_back(line.learning_rate); });
  EXPECT_EQ(rates, (std::vector<double>{1e-3, 1e-3}));
}

TEST_F(TrainerTest, EveryOptionDecidesTheFingerprint) {
  const TrainOptions before = options(1);
  const models::ModelSpec student{"resnet18", 3};
  const TrainData data{&*train_, &*val_, {}, spec_, &teacher_, &*outputs_, {}, manifest_.classes};
  std::set<std::string> seen{fingerprint(before, data, student)};
  TrainOptions each = before;
  visit_deciding(each, [&](const char* name, auto& field) {
    using Field = std::decay_t<decltype(field)>;
    const Field old = field;
    if constexpr (std::is_same_v<Field, std::string>) {
      field += "more";
    } else {
      field = static_cast<Field>(static_cast<int>(field) + 1);
    }
    EXPECT_TRUE(seen.insert(fingerprint(each, data, student)).second) << name;
    field = old;
  });
}

// The same for the training's data.
TEST_F(TrainerTest, AllThatTrainingReadsDecidesTheFingerprint) {
  const TrainData before{&*train_, &*val_, {}, spec_, &teacher_, &*outputs_, {}, manifest_.classes};
  [[maybe_unused]] const auto& [train, val, recipe, spec, teacher, outputs, extras, classes] =
      before;
  const models::ModelSpec student{"resnet18", 3};
  std::set<std::string> seen{fingerprint(options(1), before, student)};
  const auto differs = [&](const char* what, const std::function<void(TrainData&)>& change) {
    TrainData data = before;
    change(data);
    EXPECT_TRUE(seen.insert(fingerprint(options(1), data, student)).second) << what;
  };
  differs("train", [&](TrainData& data) { data.train = &*val_; });
  differs("val", [&](TrainData& data) { data.val = &*train_; });
  differs("recipe", [](TrainData& data) { data.recipe.flip = 0; });
  differs("spec", [](TrainData& data) { data.spec.size = 48; });
  teacher::JointHead other = teacher_;
  other.key = "another";
  differs("teacher", [&](TrainData& data) { data.teacher = &other; });
  differs("outputs", [](TrainData& data) { data.outputs = nullptr; });
  differs("extras", [&](TrainData& data) { data.extras = {{.images = &*val_, .each_epoch = 3}}; });
  differs("extras' labels", [&](TrainData& data) {
    data.extras = {{.images = &*val_, .each_epoch = 3, .labelled = false}};
  });
  differs("classes", [](TrainData& data) { std::swap(data.classes[0], data.classes[1]); });
  EXPECT_TRUE(seen.insert(fingerprint(options(1), before, {"resnet34", 3})).second);
  manifest_.items.front().label = 1;
  const data::ImageStore relabelled = open(data::Split::train, data::bounded(320));
  const data::ImageStore revalidated = open(data::Split::val, data::for_evaluation(spec_));
  differs("labels", [&](TrainData& data) { data.train = &relabelled; });
}

TEST_F(TrainerTest, ACheckpointOfAnotherHeadIsRefused) {
  session(options(1))->trainer.run(folder_ / "last.safetensors", false, [](const EpochMetrics&) {});
  session(options(1))->trainer.run(folder_ / "last.safetensors", true, [](const EpochMetrics&) {});
  const at::Tensor weight = teacher_.weight;
  teacher_.weight = weight * 1.0001;  // as fitted on another machine
  session(options(1))->trainer.run(folder_ / "last.safetensors", true, [](const EpochMetrics&) {});
  teacher_.weight = weight.flip(0);
  const auto permuted = session(options(1));
  EXPECT_TRUE(testing::says(testing::error_of([&] {
                              permuted->trainer.run(folder_ / "last.safetensors", true,
                                                    [](const EpochMetrics&) {});
                            }),
                            "another head of the teacher"));
}

TEST_F(TrainerTest, ACheckpointOfOtherSettingsIsRefused) {
  const fs::path path = folder_ / "last.safetensors";
  const auto resumed = [&](const TrainOptions& o) {
    return testing::error_of(
        [&] { session(o)->trainer.run(path, true, [](const EpochMetrics&) {}); });
  };
  session(options(1))->trainer.run(path, false, [](const EpochMetrics&) {});
  TrainOptions other = options(1);
  other.learning_rate = 0.5;
  EXPECT_TRUE(testing::says(resumed(other), "other settings, data or teacher (lr)"));
  write_file_atomic(path, "not a checkpoint at all");
  EXPECT_TRUE(testing::says(resumed(options(1)), "train again without --resume"));
}

// It is refused before anything is trained.
TEST_F(TrainerTest, ADamagedCheckpointIsRefused) {
  const fs::path path = folder_ / "last.safetensors";
  const auto resume = [&] {
    session(options(1))->trainer.run(path, true, [](const EpochMetrics&) {});
  };
  session(options(1))->trainer.run(path, false, [](const EpochMetrics&) {});
  EXPECT_NO_THROW(resume());
  const TensorFile good = read_safetensors(path);
  TensorFile position = good, tensors = good, fewer = good;
  std::string& text = position.metadata.at("position");
  text.replace(text.find(R"("kept_epoch":1)"), 14, R"("kept_epoch":0)");
  at::Tensor& best = tensors.tensors.at("best.classifier.1.weight");
  best = best + 1;
  std::erase_if(fewer.tensors, [](const auto& item) { return item.first.starts_with("best."); });
  for (const TensorFile& broken : {position, tensors, fewer}) {
    write_safetensors(path, broken.tensors, broken.metadata);
    EXPECT_ERROR(resume(), "is damaged");
  }
}

TEST(Position, LiesWithinItsTraining) {
  const Extent extent{.epochs = 3, .batches = 2, .images = 12};
  Position position;
  position.epoch = position.kept_epoch = 1;
  position.step_in_epoch = 1;
  position.step = 3;
  position.images_seen = 18;
  position.lines = {{.epoch = 1}};
  position.term_names = {"kd"};
  position.sums.terms = {1};
  const auto read = [&](const nlohmann::json& change) {
    nlohmann::json json = position;
    json.update(change);
    return position_from(json.dump(), extent, "file");
  };
  EXPECT_EQ(read(nlohmann::json::object()).images_seen, 18);
  // These values are later used as indices and rates.
  for (const char* change :
       {R"({"epoch":-1})", R"({"epoch":4})", R"({"step":7})", R"({"step_in_epoch":3})",
        R"({"images_seen":9223372036854775807})", R"({"kept_epoch":0})", R"({"kept_epoch":2})",
        R"({"lines":[]})", R"({"term_names":[]})", R"({"seconds":-1})"})
    EXPECT_ERROR(read(nlohmann::json::parse(change)), "file: has a position outside the run");
  EXPECT_ERROR(position_from(R"({"epoch":1})", extent, "file"), "file: has a broken position");
}

}  // namespace
}  // namespace retort::train
