// The example of docs/adding-a-loss.md, compiled in here.
#include <gtest/gtest.h>

#include "retort/core/file.h"
#include "retort/losses/objective.h"
#include "tests/losses/common.h"
#include "tests/support/gradcheck.h"

namespace retort::losses {
namespace {

TEST(LossExample, StandsInThePageAsItIsCompiled) {
  const std::string docs = RETORT_DOCS;
  const std::string code = read_file(docs + "/examples/cosine_distance.cpp");
  EXPECT_NE(read_file(docs + "/adding-a-loss.md").find("```cpp\n" + code + "```"),
            std::string::npos);
}

TEST(LossExample, IsALossLikeAnyOther) {
  const std::shared_ptr<Loss> loss = formula_loss("cosine_distance", {{"dim", kDim}, {"scale", 2}});
  const StepView step = formula_step(at::kDouble);
  std::vector<at::Tensor> leaves = loss->parameters();
  leaves.push_back(step.student_features.requires_grad_());
  EXPECT_LT(testing::gradient_error([&] { return loss->forward(step); }, leaves), 1e-7);
  Objective objective({{"cosine_distance", 1, {}}, {"kd", 1, {}}}, formula_context());
  EXPECT_EQ(objective.forward(formula_step(at::kFloat)).terms.size(), 2U);
}

}  // namespace
}  // namespace retort::losses
