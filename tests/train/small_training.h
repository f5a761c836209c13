#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "retort/core/safetensors.h"
#include "retort/data/manifest.h"
#include "retort/models/registry.h"
#include "retort/train/trainer.h"
#include "tests/support/folder.h"
#include "tests/support/formula.h"
#include "tests/support/pictures.h"

namespace retort::train {

// What a trainer needs: 24 pictures of three classes to train on, 12 for validation, and a resnet18
// with stored outputs of two views of them.
class SmallTraining : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_pictures(folder_ / "data", "train", 3, 8);
    testing::write_pictures(folder_ / "data", "val", 3, 4);
    manifest_ = data::load_manifest(folder_ / "data");
    spec_.size = 32;
    train_.emplace(open(data::Split::train, data::bounded(320)));
    val_.emplace(open(data::Split::val, data::for_evaluation(spec_)));
    models::ModelPtr model = models::make_model({"resnet18", 3});
    StateDict state = models::state_of(*model);
    testing::formula_fill(state);
    write_safetensors(folder_ / "teacher.safetensors", state);
    std::vector<teacher::Teacher> teachers;
    teachers.emplace_back(
        teacher::TeacherSource{.weights = folder_ / "teacher.safetensors", .size = 32},
        models::Precision::fp32);
    teachers[0].keep_head({"a", "b", "c"});
    outputs_.emplace(std::vector{teacher::OutputStore::open(folder_ / "cache", teachers[0], *train_,
                                                            {}, {.views = 2})},
                     std::vector<double>{1});
    teacher_ = teacher::joint_head(teachers, std::vector<double>{1}, std::vector<double>{1});
  }

  data::ImageStore open(data::Split split, const data::Preparation& preparation) {
    return data::ImageStore::open(folder_ / "cache", manifest_, manifest_.of(split), preparation,
                                  {});
  }

  static TrainOptions options(int64_t epochs) {
    TrainOptions o;
    o.epochs = epochs;
    o.batch_size = 8;
    o.views = 2;
    return o;
  }

  testing::TestFolder folder_;
  data::Manifest manifest_;
  data::InputSpec spec_;
  std::optional<data::ImageStore> train_, val_;
  teacher::JointHead teacher_;
  std::optional<teacher::JointOutputs> outputs_;
};

}  // namespace retort::train
