#include "retort/deploy/trace.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "retort/core/error.h"
#include "tests/deploy/lambda_model.h"
#include "tests/support/message.h"

namespace retort::deploy {
namespace {

// The first node of this kind.
const torch::jit::Value* output_of(const BatchTrace& trace, const std::string& kind) {
  for (const torch::jit::Node* node : trace.graph().nodes())
    if (kind == node->kind().toQualString()) return node->output();
  throw std::out_of_range(kind);
}

TEST(Trace, TheModelKeepsItsModesAndTheGeneratorItsState) {
  const auto model =
      lambda_model(3, [](LambdaModel&, const at::Tensor& images) { return channel_means(images); });
  model->train();
  model->fc->eval();
  torch::manual_seed(7);
  const at::Tensor expected = at::rand({3});
  torch::manual_seed(7);
  trace_graph(*model, 32, 2);
  EXPECT_TRUE(at::equal(at::rand({3}), expected));
  EXPECT_TRUE(model->is_training());
  EXPECT_FALSE(model->fc->is_training());
}

TEST(Trace, RunsInEvaluationModeAndOutsideAutocast) {
  const auto model = lambda_model(3, [](LambdaModel& self, const at::Tensor& images) {
    EXPECT_FALSE(self.is_training());
    EXPECT_FALSE(at::GradMode::is_enabled());
    const at::Tensor product = at::mm(images.flatten(1).slice(1, 0, 3), at::eye(3));
    EXPECT_EQ(product.scalar_type(), at::kFloat);
    return product;
  });
  model->train();
  at::autocast::set_autocast_enabled(at::kCPU, true);
  trace_graph(*model, 16, 2);
  at::autocast::set_autocast_enabled(at::kCPU, false);
}

TEST(Trace, ValuesThatTheGraphWouldGetWrongAreErrors) {
  const auto branches = lambda_model(
      3, [traced = std::optional<at::Tensor>()](LambdaModel&, const at::Tensor& images) mutable {
        if (!traced) traced = images.detach().clone();
        return at::equal(images, *traced) ? channel_means(images) : channel_means(images) * 2;
      });
  EXPECT_ERROR(trace_graph(*branches, 32, 2), "its forward branches on values");
  const auto writes_through_view = lambda_model(3, [](LambdaModel&, const at::Tensor& images) {
    const at::Tensor copy = images.clone();
    copy.select(1, 0).mul_(2);
    return channel_means(copy);
  });
  EXPECT_ERROR(trace_graph(*writes_through_view, 32, 2), "writes in place through a view");
}

TEST(Trace, OtherTypesThanFp32AreErrors) {
  const auto model =
      lambda_model(3, [](LambdaModel&, const at::Tensor& images) { return channel_means(images); });
  model->to(at::kBFloat16);
  try {
    trace_graph(*model, 32, 2);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("fc.bias"), std::string::npos) << error.what();
  }
}

TEST(BatchTrace, TellsSizesOfTheBatchFromOthers) {
  const auto model = lambda_model(3, [](LambdaModel&, const at::Tensor& images) {
    return images.reshape({images.size(0) * 3, -1})
        .mean(at::IntArrayRef{1})
        .reshape({images.size(0), 3});
  });
  const BatchTrace trace(*model, 32);
  const std::vector<Extent> shape = trace.shape(output_of(trace, "aten::reshape"));
  ASSERT_EQ(shape.size(), 2);
  EXPECT_TRUE(shape[0].per_image);
  EXPECT_EQ(shape[0].value, 3);
  EXPECT_FALSE(shape[1].per_image);
  EXPECT_EQ(shape[1].value, 1024);
}

TEST(BatchTrace, WhatIsNotProportionalToTheBatchIsAnError) {
  const auto quadratic = lambda_model(3, [](LambdaModel&, const at::Tensor& images) {
    const int64_t n = images.size(0);
    return channel_means(images).unsqueeze(0).expand({n, n, 3}).reshape({n * n, 3}).slice(0, 0, n);
  });
  const BatchTrace trace(*quadratic, 32);
  EXPECT_ERROR(trace.shape(output_of(trace, "aten::reshape")), "depends on the batch in another");
  const auto branches = lambda_model(3, [](LambdaModel&, const at::Tensor& images) {
    return images.size(0) > 2 ? channel_means(images) : channel_means(images.relu());
  });
  EXPECT_ERROR(BatchTrace(*branches, 32), "tracing the model: ");
}

}  // namespace
}  // namespace retort::deploy
