#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retort/models/registry.h"
#include "retort/run/distill.h"
#include "tests/support/folder.h"
#include "tests/support/formula.h"
#include "tests/support/pictures.h"
#include "tests/support/snapshot.h"

namespace retort::run {

// Three classes of six small pictures in each split, a formula-filled narrow ResNet as the teacher,
// and a config that trains in a second.
class SmallJob : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* split : {"train", "val", "test"})
      testing::write_pictures(folder_ / "data", split, 3, 6);
    const std::vector<int64_t> widths{8, 16, 32, 64};
    config_.data = (folder_ / "data").string();
    config_.teacher = {write_weights(
        "teacher.safetensors", {"resnet", 5, {{"stem", 8}, {"inner", widths}, {"outer", widths}}})};
    config_.student = "shufflenet_v2_x0_5";
    config_.out = (folder_ / "run").string();
    config_.cache = (folder_ / "cache").string();
    config_.teacher_size = config_.image_size = 32;
    config_.epochs = 2;
    config_.batch_size = 8;
    config_.views = 2;
    config_.precision = PrecisionKind::fp32;
  }
  // The path of a formula-filled network's file.
  std::string write_weights(const std::string& name, const models::ModelSpec& spec) {
    StateDict state = models::state_of(*models::make_model(spec));
    testing::formula_fill(state);
    write_safetensors(folder_ / name, state);
    return (folder_ / name).string();
  }
  nlohmann::json distill_now(const DistillOptions& options = {}) {
    return to_json(distill(config_, options, null_log(), never_stop()));
  }

  testing::TestFolder folder_;
  RunConfig config_;
};

}  // namespace retort::run
