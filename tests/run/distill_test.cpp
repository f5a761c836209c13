#include "retort/run/distill.h"

#include <cmath>
#include <cstdlib>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/run/evaluate_run.h"
#include "retort/run/kept_images.h"
#include "retort/run/predict_run.h"
#include "retort/run/report_run.h"
#include "retort/run/run_folder.h"
#include "retort/run/trained_teacher.h"
#include "tests/run/small_job.h"
#include "tests/support/message.h"
#include "tests/support/script_network.h"

namespace retort::run {
namespace {

namespace fs = std::filesystem;

using DistillTest = SmallJob;

TEST_F(DistillTest, MakesARunFolderThatTheOtherCommandsRead) {
  const nlohmann::json summary = distill_now();
  const RunFolder run{config_.out};
  for (const fs::path& file : {run.config(), run.metrics(), run.summary(), run.checkpoint(),
                               run.student(), run.onnx(), run.report(), run.log()})
    EXPECT_TRUE(fs::exists(file)) << file;
  EXPECT_TRUE(summary["teacher"]["test_accuracy"].is_number());
  EXPECT_TRUE(summary["student"]["val_accuracy"].is_number());
  EXPECT_EQ(summary["student"]["parameters"],
            344867);  // torchvision's shufflenet_v2_x0_5 with three classes
  EXPECT_EQ(summary["epochs"], 2);
  EXPECT_TRUE(summary["skipped_files"].empty());
  EXPECT_GT(summary["images_per_second"], 0);
  EXPECT_EQ(read_epochs(run.metrics()).size(), 2U);

  const Evaluation evaluation =
      evaluate_run(config_.out, "", config_.cache, null_log(), never_stop());
  EXPECT_EQ(evaluation.predictions.size(), 18U);
  EXPECT_DOUBLE_EQ(evaluation.metrics.accuracy, summary["student"]["test_accuracy"].get<double>());
  const std::vector<std::string> files = {(folder_ / "data/test/class 0/0.jpg").string(),
                                          (folder_ / "nothing.jpg").string()};
  const std::vector<FilePrediction> predictions = predict_files(config_.out, files, 2);
  EXPECT_EQ(predictions[0].top[0].first,
            evaluation.classes[static_cast<size_t>(evaluation.predictions[0].predicted)]);
  EXPECT_NEAR(predictions[0].top[0].second, evaluation.predictions[0].probability, 1e-4);
  EXPECT_FALSE(predictions[1].error.empty());
  EXPECT_EQ(write_report(config_.out, {config_.out}).size(), 3U);

  fs::remove(run.summary());  // as after a kill during the evaluation
  const auto evaluate = [&] {
    evaluate_run(config_.out, "", config_.cache, null_log(), never_stop());
  };
  EXPECT_TRUE(testing::says(testing::error_of(evaluate), "is not a finished run"));
}

TEST_F(DistillTest, FromScratchNeedsNoTeacher) {
  config_.teacher = {"none"};
  const nlohmann::json summary = distill_now();
  EXPECT_TRUE(summary["teacher"].is_null());
  EXPECT_EQ(write_report(config_.out, {}).size(), 1U);
}

TEST_F(DistillTest, LearnsFromSeveralTeachersAtOnce) {
  const std::string second = write_weights("second.safetensors", {"shufflenet_v2_x0_5", 5});
  config_.logit_loss = "srrl";  // it reads the joint head
  config_.teacher.push_back(second + "@48:3");
  const nlohmann::json summary = distill_now();
  const nlohmann::json& teacher = summary["teacher"];
  EXPECT_EQ(teacher["arch"], "resnet + shufflenet_v2_x0_5");
  ASSERT_EQ(teacher["members"].size(), 2U);
  EXPECT_EQ(teacher["members"][1]["image_size"], 48);
  EXPECT_EQ(teacher["members"][1]["weight"], 0.75);
  EXPECT_EQ(teacher["parameters"].get<int64_t>(),
            teacher["members"][0]["parameters"].get<int64_t>() +
                teacher["members"][1]["parameters"].get<int64_t>());
  EXPECT_TRUE(teacher["test_accuracy"].is_number());
  // Each teacher has its own store: the second one's outputs are there when it is used alone.
  config_.out = (folder_ / "alone").string();
  config_.teacher = {second + "@48"};
  EXPECT_EQ(forecast(config_, null_log(), never_stop()).looks, 0);
  const auto expect = [&](const char* message, const std::function<void(RunConfig&)>& change) {
    RunConfig wrong = config_;
    change(wrong);
    EXPECT_USAGE_ERROR(validate(wrong), message);
  };
  expect("--teacher: is `none`, beside others",
         [](RunConfig& c) { c.teacher.emplace_back("none"); });
  expect("is said of one teacher, and there are several: 'cls'",
         [&](RunConfig& c) { c.teacher.push_back(second), c.teacher_features = "cls"; });
  expect("its weight is not in (0, 1000]", [](RunConfig& c) { c.teacher.front() += ":0"; });
}

TEST_F(DistillTest, TrainsANetworkOfTheUsersOwn) {
  testing::small_network(testing::kForwardFeatures).save((folder_ / "own.pt").string());
  config_.student = (folder_ / "own.pt").string();
  const nlohmann::json summary = distill_now();
  EXPECT_EQ(summary["student"]["arch"], "own.pt");
  EXPECT_EQ(summary["student"]["start"], "own");
  EXPECT_EQ(summary["student"]["parameters"], 6 * 3 * 3 * 3 + 2 * 6 + 3 * 6 + 3);

  // The run folder is complete: the original file is not needed again.
  fs::remove(config_.student);
  const RunFolder run{config_.out};
  EXPECT_TRUE(fs::exists(run.onnx()));
  const Evaluation evaluation =
      evaluate_run(config_.out, "", config_.cache, null_log(), never_stop());
  EXPECT_DOUBLE_EQ(evaluation.metrics.accuracy, summary["student"]["test_accuracy"].get<double>());
}

TEST_F(DistillTest, WithoutTheGpuThatWasAskedForNothingIsWritten) {
  config_.device = "cuda:999";
  EXPECT_ERROR(distill_now(), "--device cuda");
  EXPECT_FALSE(fs::exists(config_.out));
  config_.device = "gpu";
  EXPECT_USAGE_ERROR(distill_now(), "--device: is 'gpu'");
}

TEST_F(DistillTest, StartsFromPreTrainedWeights) {
  const std::string weights = write_weights("student.safetensors", {config_.student, 5});
  config_.teacher = {"none"};
  config_.student_weights = weights;
  config_.head_lr_factor = 10;
  config_.lr = 1e-8;  // so that the initial weights are kept
  const nlohmann::json summary = distill_now();
  EXPECT_EQ(summary["student"]["start"], "pre-trained");
  EXPECT_EQ(write_report(config_.out, {})[0].name, "finetuned");
  const auto first =
      read_safetensors(RunFolder{config_.out}.student()).tensors.at("conv1.0.weight");
  EXPECT_TRUE(at::allclose(first, read_safetensors(weights).tensors.at("conv1.0.weight"), 0, 1e-5));
  config_.student = "mobilenet_v2";
  EXPECT_ERROR(distill_now({.force = true}), "of mobilenet_v2 is missing");
}

// The largest entry of a tensor at the start: an epoch at a rate of nearly zero leaves it there.
double largest_at_start(RunConfig config, StartKind init, const std::string& tensor) {
  config.teacher = {"none"};
  config.lr = 1e-8;
  config.epochs = 1;
  config.init = init;
  distill(config, {.force = true}, null_log(), never_stop());
  return read_safetensors(RunFolder{config.out}.student())
      .tensors.at(tensor)
      .abs()
      .max()
      .item<double>();
}

TEST_F(DistillTest, ANewClassifierBeginsSilent) {
  config_.student_weights = write_weights("student.safetensors", {config_.student, 5});
  EXPECT_LT(largest_at_start(config_, StartKind::silent, "fc.weight"), 0.001);
  EXPECT_GT(largest_at_start(config_, StartKind::as_published, "fc.weight"), 0.01);
}

TEST_F(DistillTest, RandomBranchesBeginSilent) {
  config_.student = "mobilenet_v2_0.35";
  const std::string last_scale = "features.3.conv.3.weight";
  EXPECT_LT(largest_at_start(config_, StartKind::silent, last_scale), 0.01);
  EXPECT_GT(largest_at_start(config_, StartKind::as_published, last_scale), 0.99);
}

TEST_F(DistillTest, ATeacherCanBeTrainedFirst) {
  const std::vector<std::string> sizes_without_a_name = std::exchange(
      config_.teacher, {write_weights("named.safetensors", {"shufflenet_v2_x0_5", 5})});
  for (const TeacherInit kind : {TeacherInit::finetune, TeacherInit::scratch}) {
    const std::string init = word_of(kind);
    config_.teacher_init = kind;
    config_.teacher_epochs = 1;
    config_.label_weight = kind == TeacherInit::finetune
                               ? 0
                               : 1;  // for the student; a teacher learns from labels in any case
    const TrainingPlan own =
        teacher_plan(resolve(config_), {.name = config_.teacher[0]},
                     *models::make_model({"shufflenet_v2_x0_5", 5}), folder_ / "unused")
            .training;
    EXPECT_EQ(own.options.muon, kind == TeacherInit::scratch);
    EXPECT_DOUBLE_EQ(learning_rate_for(own, 18), kind == TeacherInit::scratch ? 1e-3 : 1e-4);
    config_.out = (folder_ / init).string();
    const nlohmann::json summary = distill_now();
    const RunFolder teacher{folder_ / init / "teacher"};
    EXPECT_EQ(read_json(teacher.summary())["student"]["start"],
              kind == TeacherInit::finetune ? "pre-trained" : "random");
    // The fitted teacher is the trained model with its head, and other runs can use it.
    EXPECT_DOUBLE_EQ(summary["teacher"]["test_accuracy"].get<double>(),
                     read_json(teacher.summary())["student"]["test_accuracy"].get<double>());
    RunConfig other = config_;
    other.teacher = {teacher.student().string()};
    other.teacher_init = TeacherInit::linear_probe;
    other.teacher_head = TeacherHead::keep;
    other.out = (folder_ / (init + " again")).string();
    distill(other, {}, null_log(), never_stop());
    EXPECT_EQ(read_file(RunFolder{other.out}.student()),
              read_file(RunFolder{config_.out}.student()));
  }
  config_.teacher = sizes_without_a_name;
  EXPECT_USAGE_ERROR(distill_now({.force = true}), "has widths or depths without a name");
  config_.teacher_init = TeacherInit::finetune;
  EXPECT_EQ(distill_now({.force = true})["teacher"]["arch"], "resnet");
}

TEST_F(DistillTest, AHeadOfOtherClassesIsKnownBeforeTheTeachersPasses) {
  config_.teacher_head = TeacherHead::keep;
  EXPECT_TRUE(testing::says(testing::error_of([&] { distill_now(); }),
                            "the teacher's classifier has 5 classes, the data 3"));
  EXPECT_FALSE(fs::exists(folder_ / "cache/teacher"));
}

TEST_F(DistillTest, ATeacherWhoseTensorsFitSeveralArchitecturesIsTakenAtItsName) {
  config_.teacher = {write_weights("teacher.safetensors", {"tf_efficientnet_b0", 5})};
  config_.teacher_arch = "tf_efficientnet_b0";
  config_.teacher_init = TeacherInit::finetune;
  config_.epochs = config_.teacher_epochs = 1;
  EXPECT_EQ(distill_now()["teacher"]["arch"], "tf_efficientnet_b0");
}

TEST_F(DistillTest, AnExportedModelTeaches) {
#ifndef RETORT_OPENVINO
  GTEST_SKIP() << "built without OpenVINO";
#endif
  distill_now();
  config_.teacher = {RunFolder{config_.out}.onnx().string()};
  config_.out = (folder_ / "second").string();
  const nlohmann::json summary = distill_now();
  EXPECT_EQ(summary["teacher"]["arch"], "onnx");
  EXPECT_EQ(summary["teacher"]["parameters"], 0);
  EXPECT_EQ(write_report(config_.out, {})[0].name, "teacher");
  // Another preprocessing makes another teacher.
  config_.teacher_mean = config_.teacher_std = "0.5,0.25,0.125";
  EXPECT_FALSE(distill_now({.force = true})["teacher"]["val_accuracy"].is_null());
  config_.teacher_mean = "0.5,0.5";
  EXPECT_USAGE_ERROR(distill_now({.force = true}), "three numbers for red, green and blue");
  config_.teacher_mean.clear();
  config_.teacher_init = TeacherInit::finetune;
  EXPECT_USAGE_ERROR(distill_now({.force = true}), "can be learned from, but not trained");
}

TEST_F(DistillTest, AForecastSaysWhatIsLeftToDo) {
  const Forecast before = forecast(config_, null_log(), never_stop());
  EXPECT_FALSE(fs::exists(config_.out));
  EXPECT_EQ(before.images, 18);
  EXPECT_EQ(before.steps, 2 * 2);
  EXPECT_EQ(before.looks, 2 * 18 + 18 + 18);  // two views, validation, test
  EXPECT_EQ(before.disk_bytes, 2 * 18 * 64 * 2);
  EXPECT_EQ(before.evaluated, 2 * 18 + 18);
  for (const double rate : {before.student_rate, before.teacher_rate, before.evaluation_rate})
    EXPECT_GT(rate, 0);
  EXPECT_NEAR(before.seconds(), before.student_seconds() + before.teacher_seconds(), 1e-9);
  EXPECT_GT(before.memory_bytes, 1 << 20);

  const nlohmann::json summary = distill_now({.forecast = true});
  EXPECT_EQ(summary["forecast"]["image_steps"], 36);
  EXPECT_GT(summary["forecast"]["taken_seconds"].get<double>(), 0);
  // Measuring must not change the training.
  const std::string weights = read_file(RunFolder{config_.out}.student());
  EXPECT_FALSE(distill_now({.force = true}).contains("forecast"));
  EXPECT_EQ(read_file(RunFolder{config_.out}.student()), weights);

  const Forecast after = forecast(config_, null_log(), never_stop());
  EXPECT_EQ(after.looks, 0);
  EXPECT_EQ(after.teacher_seconds(), 0);
  config_.teacher_init = TeacherInit::finetune;
  config_.teacher_epochs = 3;
  const Forecast with_training = forecast(config_, null_log(), never_stop());
  EXPECT_EQ(with_training.teacher_steps, 3 * 18);
  EXPECT_GT(with_training.teacher_training_rate, 0);
  EXPECT_NE(text_of(with_training).find("training the teacher"), std::string::npos);
  config_.teacher = {"none"};
  config_.teacher_init = TeacherInit::linear_probe;
  EXPECT_EQ(forecast(config_, null_log(), never_stop()).teacher_seconds(), 0);
}

// Each second is counted once, so that the parts add up to the whole time.
TEST_F(DistillTest, TimeIsCountedOnceWhereItWasSpent) {
  config_.teacher_init = TeacherInit::finetune;
  config_.teacher_epochs = 4;
  config_.epochs = 4;
  const Stopwatch watch;
  const RunSummary summary = distill(config_, {.forecast = true}, null_log(), never_stop());
  const double wall = watch.seconds();
  EXPECT_NEAR(summary.seconds.total() / wall, 1, 0.02);
  const RunSummary teacher = summary_of(folder_ / "run/teacher");
  EXPECT_GE(summary.seconds.teacher, teacher.seconds.total())
      << "its training is the teacher's time";
  EXPECT_EQ(summary.forecast["looks"], 2 * 18 + 18 + 18) << "said before the teacher was trained";
  EXPECT_GT(summary.forecast["teacher_seconds"].get<double>(), 0);
}

// The loss of an epoch is the weighted sum of its terms, each of which is counted.
TEST_F(DistillTest, EveryLossTrains) {
  for (const losses::LossEntry& entry : losses::losses()) {
    if (entry.kind == losses::Kind::label) continue;
    SCOPED_TRACE(entry.name);
    const bool embedding = entry.kind == losses::Kind::embedding;
    config_.loss = embedding ? LossName(entry.name) : std::nullopt;
    config_.logit_loss = embedding ? "kd" : entry.name;
    config_.loss_option = entry.options.contains("projector")
                              ? std::vector<std::string>{"projector=linear", "dim=16"}
                              : std::vector<std::string>{};
    config_.loss_weight = 0.25;
    config_.logit_weight = 0.5;
    config_.label_weight = 2;
    distill_now({.force = true});
    const std::vector<EpochMetrics> epochs = read_epochs(RunFolder{config_.out}.metrics());
    ASSERT_EQ(epochs.size(), 2U);
    for (const EpochMetrics& epoch : epochs) {
      ASSERT_EQ(epoch.terms.size(), embedding ? 3U : 2U);
      const double own = epoch.terms.at(entry.name);
      const double logits = embedding ? 0.25 * own + 0.5 * epoch.terms.at("kd") : 0.5 * own;
      EXPECT_NEAR(epoch.train_loss, 2 * epoch.terms.at("cross_entropy") + logits,
                  1e-4 * std::abs(epoch.train_loss));
    }
    // The loss trains the student, so that its value on the same images changes.
    EXPECT_NE(epochs[0].terms.at(entry.name), epochs[1].terms.at(entry.name));
  }
}

TEST_F(DistillTest, ATeacherIsNamedAsOnTheHub) {
  const fs::path repository = folder_ / "hub/models--org--small",
                 snapshot = repository / "snapshots" / std::string(40, 'a');
  fs::create_directories(snapshot);
  fs::create_directories(repository / "refs");
  testing::put(repository / "refs/main", std::string(40, 'a'));
  testing::put(snapshot / "config.json",
               R"({"architecture": "resnet", "num_classes": 5,
        "pretrained_cfg": {"mean": [0.4, 0.4, 0.4]}})");
  fs::copy_file(config_.teacher.front(), snapshot / "model.safetensors");
  ::setenv("HF_HUB_CACHE", (folder_ / "hub").c_str(), 1);
  ::setenv("HF_HUB_OFFLINE", "1", 1);
  config_.teacher = {"hf:org/small"};
  config_.epochs = 1;
  const nlohmann::json summary = distill_now();
  EXPECT_EQ(summary["teacher"]["arch"], "resnet");
  EXPECT_NE(read_file(RunFolder{config_.out}.config()).find("teacher = [\"hf:org/small\"]"),
            std::string::npos);
  config_.teacher = {"hf:org/other"};
  EXPECT_ERROR(distill_now({.force = true}), "hf:org/other: is not in the cache");
  config_.teacher = {"hf:"};
  EXPECT_USAGE_ERROR(distill_now({.force = true}), "is not the name of a repository on the hub");
  ::unsetenv("HF_HUB_CACHE");
  ::unsetenv("HF_HUB_OFFLINE");
}

TEST_F(DistillTest, ATestSplitIsNotNeeded) {
  fs::remove_all(folder_ / "data/test");
  config_.epochs = 1;
  const nlohmann::json summary = distill_now();
  EXPECT_TRUE(summary["student"]["test_accuracy"].is_null());
  EXPECT_TRUE(summary["teacher"]["test_accuracy"].is_null());
  EXPECT_EQ(evaluate_run(config_.out, "", config_.cache, null_log(), never_stop()).split,
            "validation");
}

TEST_F(DistillTest, ClassNamesAreEnoughForATeacherThatReads) {
  testing::write_two_towers(folder_ / "clip", "clip");
  config_.teacher = {(folder_ / "clip").string()};
  config_.teacher_head = TeacherHead::zero_shot;
  config_.prompt = {"a photo of a {class}", "a bad photo of a {class}"};
  const nlohmann::json labelled = distill_now();
  EXPECT_TRUE(labelled["teacher"]["test_accuracy"].is_number());
  EXPECT_FALSE(labelled["teacher"].contains("head_l2"));
  EXPECT_EQ(labelled["data"]["labels"], "data");

  // No labels at all: any folder of images, and a list of classes.
  config_.classes = (folder_ / "classes.txt").string();
  testing::put(config_.classes, "crop: permanent crop\nsea\nforest\nroad\n");
  config_.data = (folder_ / "data/train").string();
  config_.out = (folder_ / "unlabelled").string();
  const nlohmann::json summary = distill_now();
  EXPECT_EQ(summary["data"]["labels"], "teacher");
  EXPECT_EQ(summary["classes"], 4);
  EXPECT_EQ(summary["images"], (nlohmann::json{{"train", 16}, {"val", 2}, {"test", 0}}));
  EXPECT_EQ(summary["teacher"]["val_accuracy"], 100);  // the labels are its own
  EXPECT_TRUE(summary["student"]["val_accuracy"].is_number());
  EXPECT_FALSE(read_epochs(RunFolder{config_.out}.metrics())[0].train_accuracy);
  EXPECT_EQ(distill_now({.resume = true})["student"]["val_accuracy"],
            summary["student"]["val_accuracy"]);
  EXPECT_USAGE_ERROR(evaluate_run(config_.out, "", config_.cache, null_log(), never_stop()),
                     "was trained on images without labels");
  EXPECT_EQ(
      predict_files(config_.out, {(folder_ / "data/test/class 0/0.jpg").string()}, 1)[0].top.size(),
      1U);

  const auto expect = [&](const char* message, const std::function<void(RunConfig&)>& change) {
    RunConfig wrong = config_;
    change(wrong);
    EXPECT_USAGE_ERROR(validate(wrong), message);
  };
  const char* const no_labels = "images without labels need a teacher that needs none";
  expect(no_labels, [](RunConfig& c) { c.teacher_head = TeacherHead::probe; });
  expect(no_labels, [](RunConfig& c) { c.teacher = {"none"}; });
  const char* const fixed_teacher = "a zero-shot teacher stays as it is";
  expect(fixed_teacher, [](RunConfig& c) { c.teacher_init = TeacherInit::finetune; });
  expect(fixed_teacher, [](RunConfig& c) { c.teacher_features = "mean"; });
  expect("has no {class} in it: 'a photo'", [](RunConfig& c) { c.prompt = {"a photo"}; });
  config_.teacher = {write_weights("no_text.safetensors", {"resnet18", 5})};
  EXPECT_ERROR(distill_now({.force = true}),
               "no_text.safetensors: has no text tower that can be read: ");
}

TEST_F(DistillTest, ATransformerIsMadeForTheImagesSize) {
  config_.student = "deit_tiny";
  config_.epochs = 1;
  distill_now();
  const StateDict weights = read_safetensors(RunFolder{config_.out}.student()).tensors;
  EXPECT_EQ(weights.at("pos_embed").size(1),
            1 + 2 * 2);  // 32 px in patches of 16, and the class token
  EXPECT_EQ(
      evaluate_run(config_.out, "", config_.cache, null_log(), never_stop()).predictions.size(),
      18U);
}

TEST_F(DistillTest, ViewsBeyondTheStoredOnesAreSeenLive) {
  config_.logit_loss = std::nullopt;  // the teacher's head is fitted on the stored views
  config_.views = 1;
  config_.more_views = MoreViews::live;
  EXPECT_EQ(forecast(config_, null_log(), never_stop()).looks,
            2 * 18 + 2 * 18);  // two epochs of train, then val and test
  const nlohmann::json live = distill_now();
  EXPECT_EQ(live["teacher"]["views"], 2);
  EXPECT_EQ(live["teacher"]["stored_views"], 1);
  const std::vector<EpochMetrics> lines = read_epochs(RunFolder{config_.out}.metrics());
  config_.views = 2;
  config_.out = (folder_ / "stored").string();
  EXPECT_EQ(distill_now()["teacher"]["stored_views"], 2);
  const std::vector<EpochMetrics> stored = read_epochs(RunFolder{config_.out}.metrics());
  EXPECT_NEAR(lines[1].train_loss, stored[1].train_loss,
              1e-3);  // stored in half precision
}

// A head is fitted on plain images, whose labels are not mixed.
TEST_F(DistillTest, MixedViewsTrain) {
  config_.loss = std::nullopt;
  config_.epochs = 6;
  config_.view.mix = {.mixup = 0.4, .cutmix = 1};
  config_.view.augment.randaugment = 1;
  const nlohmann::json mixed = distill_now();
  const std::string student = read_file(RunFolder{config_.out}.student());
  distill_now({.force = true});
  EXPECT_EQ(read_file(RunFolder{config_.out}.student()), student) << "the same mixes again";
  config_.view.mix = {.mixup = 1, .cutmix = 0};
  const nlohmann::json other = distill_now({.force = true});
  EXPECT_EQ(mixed["teacher"]["head_l2"], other["teacher"]["head_l2"]);
  EXPECT_EQ(mixed["teacher"]["val_accuracy"], other["teacher"]["val_accuracy"]);
  EXPECT_NE(read_file(RunFolder{config_.out}.student()), student);
}

// A student that learns its few images by heart has a small cross-entropy. With mixed labels it
// cannot be below the entropy of these.
TEST_F(DistillTest, MixedLabelsAreNotLearntByHeart) {
  const auto last_cross_entropy = [&] {
    distill_now({.force = true});
    return read_epochs(RunFolder{config_.out}.metrics()).back().terms.at("cross_entropy");
  };
  config_.loss = std::nullopt;
  config_.epochs = 20;
  config_.view.augment.randaugment = 1;
  const double plain = last_cross_entropy();
  config_.view.mix = {.mixup = 0.4, .cutmix = 1};
  const double mixed = last_cross_entropy();
  EXPECT_GT(mixed, plain + 0.1);
  EXPECT_LT(mixed, 2 * std::log(3.0));
}

TEST_F(DistillTest, ExtraImagesJoinWithoutTheirLabels) {
  testing::write_pictures(folder_ / "pile", "train", 2, 20);
  config_.extra = {(folder_ / "pile").string() + ":0.5", (folder_ / "data").string() + ":2"};
  config_.loss = "crd";
  const nlohmann::json summary = distill_now();
  ASSERT_EQ(summary["extra"].size(), 2U);
  EXPECT_EQ(summary["extra"][0]["images"], 40);
  EXPECT_EQ(summary["extra"][0]["used"], 18);  // half of 18 an epoch, two epochs
  EXPECT_FALSE(summary["extra"][0]["labels"].get<bool>());
  EXPECT_DOUBLE_EQ(summary["extra"][1]["share"].get<double>(), 36.0 / 63);
  EXPECT_EQ(summary["image_steps"], 126);
  EXPECT_EQ(summary["images"]["train"], 18);

  // The same settings from the written file.
  EXPECT_EQ(to_json(distill_once(resolve(config_), null_log(), never_stop())), summary);
}

TEST_F(DistillTest, ExtraImagesWithLabelsNeedNoTeacher) {
  testing::write_pictures(folder_ / "made", "train", 3, 4);
  config_.teacher = {"none"};
  config_.extra = {(folder_ / "made").string()};
  EXPECT_USAGE_ERROR(distill_now(),
                     "--extra: teaches nothing without a teacher and without labels");
  config_.labels = TrustedLabels::all;
  EXPECT_EQ(distill_now()["image_steps"], 72);
}

TEST_F(DistillTest, TheSameConfigGivesTheSameWeights) {
  distill_now();
  const std::string first = read_file(RunFolder{config_.out}.student());
  distill_now({.force = true});
  EXPECT_EQ(read_file(RunFolder{config_.out}.student()), first);
}

TEST_F(DistillTest, ARunIsNotLostByASlip) {
  distill_now();
  fs::remove(RunFolder{config_.out}.summary());
  EXPECT_ERROR(distill_now(), "run: holds an unfinished run") << "as far as anyone can tell";
  EXPECT_NO_THROW(distill_now({.resume = true}));
  config_.lr = 0.5;
  EXPECT_ERROR(distill_now(), "run: holds a run with other settings");
  EXPECT_ERROR(distill_now({.resume = true}), "resume with --config");
  EXPECT_NO_THROW(distill_now({.force = true}));
}

TEST_F(DistillTest, ImagesMayStayInTheirFiles) {
  config_.image_store = ImageStoreKind::files;
  distill_now();
  const std::string from_files = read_file(RunFolder{config_.out}.student());
  config_.image_store = ImageStoreKind::pixels;
  config_.cache = (folder_ / "other cache").string();
  config_.out = (folder_ / "other").string();
  distill_now();
  EXPECT_EQ(read_file(RunFolder{config_.out}.student()), from_files);
}

// Unless the disk has no room for their pixels. A store that was begun is continued.
TEST_F(DistillTest, ImagesAreDecodedOnce) {
  const data::Manifest manifest = data::load_manifest(config_.data);
  const std::vector<int64_t> items = manifest.of(data::Split::train);
  const auto stays_in_files = [&](uint64_t free) {
    return kept_images(resolve(config_), manifest, 64, free).in_files;
  };
  EXPECT_FALSE(stays_in_files(1 << 30));
  EXPECT_TRUE(stays_in_files(1000));
  config_.image_store = ImageStoreKind::pixels;
  EXPECT_FALSE(stays_in_files(1000));
  config_.image_store = ImageStoreKind::automatic;
  data::ImageStore::open(config_.cache, manifest, items, data::in_files(), {});
  EXPECT_TRUE(stays_in_files(1 << 30));
  data::ImageStore::open(config_.cache, manifest, items, data::bounded(64), {});
  EXPECT_FALSE(stays_in_files(1000));
  config_.image_store = ImageStoreKind::files;  // an explicit choice counts
  EXPECT_TRUE(stays_in_files(1 << 30));
}

TEST_F(DistillTest, CopiesOfTestImagesAreCountedAndLeftOutWhenAsked) {
  fs::copy_file(folder_ / "data/test/class 0/0.jpg", folder_ / "data/train/class 0/copy.jpg");
  struct Warnings : Log {
    void info(const std::string& message) override { text += message + "\n"; }
    void warn(const std::string& message) override { text += "warning: " + message + "\n"; }
    void progress(const Progress&) override {}
    std::string text;
  } log;
  config_.epochs = 1;
  EXPECT_EQ(distill(config_, {}, log, never_stop()).data.train, 19);
  EXPECT_TRUE(testing::says(
      log.text, "warning: of the training images 0 have an exact copy in validation, 1 in test"));
  config_.dedupe = true;
  config_.out = (folder_ / "apart").string();
  EXPECT_EQ(distill(config_, {}, log, never_stop()).data.train, 18);
  EXPECT_TRUE(testing::says(log.text, "--dedupe: 1 training images are left out"));
  EXPECT_TRUE(is_finished(resolve(config_)));
}

TEST_F(DistillTest, FilesThatDoNotDecodeAreNamed) {
  write_file_atomic(folder_ / "data/train/class 1/broken.jpg", "not a picture");
  config_.max_skipped = 0;
  EXPECT_ERROR(distill_now(), "1 of 55 images do not decode; the first: ");
  config_.max_skipped = 0.5;
  const nlohmann::json summary = distill_now();  // in the same folder, as nothing was trained
  ASSERT_EQ(summary["skipped_files"].size(), 1U);
  EXPECT_NE(summary["skipped_files"][0]["path"].get<std::string>().find("broken.jpg"),
            std::string::npos);
}

TEST_F(DistillTest, AnUnknownClassElsewhereIsAnError) {
  distill_now();
  testing::write_pictures(folder_ / "other", "test", 4, 2);
  testing::write_pictures(folder_ / "other", "train", 4, 2);
  EXPECT_ERROR(evaluate_run(config_.out, (folder_ / "other").string(), config_.cache, null_log(),
                            never_stop()),
               "has a class 'class 3' that the student does not know");
}

}  // namespace
}  // namespace retort::run
