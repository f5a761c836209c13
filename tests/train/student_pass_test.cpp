#include "retort/train/student_pass.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <optional>

#include "retort/core/device.h"
#include "retort/core/error.h"
#include "retort/models/registry.h"

namespace retort::train {
namespace {

at::Tensor loss_of(const models::Output& output) {
  return output.logits.square().mean() + output.features.sum(1).sin().mean();
}

struct Outcome {
  at::Tensor logits;
  std::vector<at::Tensor> gradients, statistics;  // of parameters; of batch norms
};

constexpr int kPasses = 6;

// The results of the last of several passes of a new student on one batch, with the same dropout.
Outcome outcome(const std::string& student, c10::Device device, bool plainly) {
  torch::manual_seed(7);
  const models::ModelPtr model =
      models::make_model(models::for_image_size({.arch = student, .classes = 5}, 64));
  models::use_channels_last(*model);
  model->to(device);
  const at::Tensor images =
      at::randn({8, 3, 64, 64}).contiguous(at::MemoryFormat::ChannelsLast).to(device);
  StudentPass pass(*model, models::Precision::fp32);
  Outcome result;
  for (int i = 0; i < kPasses; ++i) {
    torch::manual_seed(static_cast<uint64_t>(i));
    for (at::Tensor& parameter : model->parameters()) parameter.mutable_grad().reset();
    const models::Output output = plainly ? model->forward(images) : pass.forward(images);
    loss_of(output).backward();
    if (!plainly) pass.backward();
    // A kept graph of an older step would tie a recording to that step's stream.
    result.logits = output.logits.detach().to(at::kCPU);
  }
  EXPECT_EQ(pass.replayed(), !plainly && !device.is_cpu());
  for (const at::Tensor& parameter : model->parameters())
    result.gradients.push_back(parameter.grad().defined() ? parameter.grad().to(at::kCPU)
                                                          : at::Tensor());
  for (const at::Tensor& buffer : model->buffers())
    result.statistics.push_back(buffer.to(at::kCPU, at::kFloat));
  return result;
}

class StudentPassTest : public ::testing::TestWithParam<std::string> {};

void expect_the_same(const std::string& student, c10::Device device) {
  const Outcome expected = outcome(student, device, true), actual = outcome(student, device, false);
  EXPECT_TRUE(at::allclose(actual.logits, expected.logits, 1e-4, 1e-4));
  for (size_t i = 0; i < expected.gradients.size(); ++i) {
    ASSERT_EQ(actual.gradients[i].defined(), expected.gradients[i].defined());
    if (!expected.gradients[i].defined()) continue;
    EXPECT_TRUE(at::allclose(actual.gradients[i], expected.gradients[i], 1e-3, 1e-4)) << i;
  }
  for (size_t i = 0; i < expected.statistics.size(); ++i)
    EXPECT_TRUE(at::allclose(actual.statistics[i], expected.statistics[i], 1e-4, 1e-4)) << i;
}

TEST(StudentPass, OnTheProcessorItIsAutograd) {
  for (const char* student : {"shufflenet_v2_x0_5", "deit_tiny"})
    expect_the_same(student, at::kCPU);
}

// The passes are recorded and replayed, with dropout and running statistics.
TEST_P(StudentPassTest, OnAGpuItReplaysTheSame) {
  std::optional<c10::Device> gpu;
  try {
    gpu = open_device("cuda");
  } catch (const Error& missing) {
    GTEST_SKIP() << missing.what();
  }
  expect_the_same(GetParam(), *gpu);
}

INSTANTIATE_TEST_SUITE_P(Students, StudentPassTest,
                         ::testing::Values("resnet18", "mobilenet_v2", "mobilenet_v3_small",
                                           "efficientnet_lite0", "efficientnet_b0",
                                           "shufflenet_v2_x0_5", "deit_tiny"),
                         [](const auto& student) { return student.param; });

}  // namespace
}  // namespace retort::train
