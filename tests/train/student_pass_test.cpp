#include "retort/train/student_pass.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <optional>

#include "retort/core/device.h"
#include "retort/core/error.h"
#include "retort/models/registry.h"

namespace retort::train {
namespace {

at::Tensor loss_of(const models::Output& output) { return output.logits.square().mean() + output.features.sum(1).sin().mean(); }

struct Gradients {
  at::Tensor logits;
  std::vector<at::Tensor> of_parameters;
};

// What the `number`-th pass of a new student says of one batch; dropout draws alike.
template <typename Pass>
Gradients gradients(const std::string& student, c10::Device device, int number, const Pass& pass) {
  torch::manual_seed(7);
  const models::ModelPtr model = models::make_model(models::for_image_size({.arch = student, .classes = 5}, 64));
  models::use_channels_last(*model);
  model->to(device);
  const at::Tensor images = at::randn({8, 3, 64, 64}).contiguous(at::MemoryFormat::ChannelsLast).to(device);
  at::Tensor logits = pass(*model, images, number);
  Gradients result{logits.detach().to(at::kCPU), {}};
  for (const at::Tensor& parameter : model->parameters())
    result.of_parameters.push_back(parameter.grad().defined() ? parameter.grad().to(at::kCPU) : at::Tensor());
  return result;
}

at::Tensor plainly(models::ImageModel& model, const at::Tensor& images, int number) {
  at::Tensor logits;
  for (int i = 0; i < number; ++i) {
    torch::manual_seed(static_cast<uint64_t>(i));
    for (at::Tensor& parameter : model.parameters()) parameter.mutable_grad().reset();
    const models::Output output = model.forward(images);
    loss_of(output).backward();
    logits = output.logits.detach();
  }
  return logits;
}

at::Tensor with_passes(models::ImageModel& model, const at::Tensor& images, int number) {
  StudentPass pass(model, models::Precision::fp32);
  at::Tensor logits;
  for (int i = 0; i < number; ++i) {
    torch::manual_seed(static_cast<uint64_t>(i));
    for (at::Tensor& parameter : model.parameters()) parameter.mutable_grad().reset();
    const models::Output output = pass.forward(images);
    loss_of(output).backward();
    pass.backward();
    logits = output.logits.detach();  // an older step's graph that is kept would tie the recording to that step's stream
  }
  EXPECT_EQ(pass.replayed(), !images.is_cpu() && number >= pass.warm_up());
  return logits;
}

class StudentPassTest : public ::testing::TestWithParam<std::string> {};

void expect_the_same(const std::string& student, c10::Device device) {
  const Gradients expected = gradients(student, device, 6, plainly), actual = gradients(student, device, 6, with_passes);
  EXPECT_TRUE(at::allclose(actual.logits, expected.logits, 1e-4, 1e-4));
  for (size_t i = 0; i < expected.of_parameters.size(); ++i) {
    ASSERT_EQ(actual.of_parameters[i].defined(), expected.of_parameters[i].defined());
    if (!expected.of_parameters[i].defined()) continue;
    EXPECT_TRUE(at::allclose(actual.of_parameters[i], expected.of_parameters[i], 1e-3, 1e-4)) << i;
  }
}

TEST(StudentPass, OnTheProcessorItIsAutograd) {
  for (const char* student : {"shufflenet_v2_x0_5", "deit_tiny"}) expect_the_same(student, at::kCPU);
}

// Recorded and replayed, dropout and running statistics included.
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
                         ::testing::Values("resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_lite0", "efficientnet_b0",
                                           "shufflenet_v2_x0_5", "deit_tiny"),
                         [](const auto& student) { return student.param; });

}  // namespace
}  // namespace retort::train
