#include "retort/train/gradient_sums.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include <functional>

namespace retort::train {
namespace {

// One of two ranks, of which the other has the same gradients: a sum doubles them when it is waited
// for.
class Twin : public Ranks {
 public:
  explicit Twin(std::function<void()> on_begin) : on_begin_(std::move(on_begin)) {}
  int64_t rank() const override { return 0; }
  int64_t size() const override { return 2; }
  Wait begin_sum(at::Tensor& values) override {
    on_begin_();
    return [values]() mutable { values.mul_(2); };
  }

 private:
  std::function<void()> on_begin_;
};

struct Matrices : torch::nn::Module {
  explicit Matrices(int64_t count, int64_t size) {
    for (int64_t i = 0; i < count; ++i)
      register_parameter("matrix" + std::to_string(i), at::randn({size, size}) / size);
  }
};

class GradientSumsTest : public ::testing::Test {
 protected:
  // The student's first matrix is not used, and gets no gradient.
  void backward() {
    at::Tensor hidden = at::ones({2, kSize});
    for (size_t i = 1; i < student_.parameters().size(); ++i)
      hidden = hidden.matmul(student_.parameters()[i]);
    hidden.slice(1, 0, 8).matmul(objective_.parameters()[0]).square().sum().backward();
  }
  std::vector<at::Tensor> gradients() const {
    std::vector<at::Tensor> found;
    for (const Matrices* each : {&student_, &objective_})
      for (const at::Tensor& parameter : each->parameters()) found.push_back(parameter.grad());
    return found;
  }
  void forget() {
    student_.zero_grad();
    objective_.zero_grad();
    begun_.clear();
  }

  static constexpr int64_t kSize = 1024;
  Matrices student_{4, kSize}, objective_{1, 8};
  // For each sum, whether the second matrix had its gradient when the sum began.
  std::vector<bool> begun_;
  Twin ranks_{[this] { begun_.push_back(student_.parameters()[1].grad().defined()); }};
};

TEST_F(GradientSumsTest, AreSentWhileTheBackwardPassGoesOn) {
  backward();
  const std::vector<at::Tensor> own = gradients();
  GradientSums sums(student_, objective_, ranks_);
  for (int64_t step = 0; step < 2; ++step) {
    forget();
    sums.begin();
    backward();
    ASSERT_GE(begun_.size(), 1U);
    EXPECT_FALSE(begun_.front());
    sums.finish();
    const std::vector<at::Tensor> summed = gradients();
    for (size_t i = 0; i < own.size(); ++i) {
      ASSERT_EQ(summed[i].defined(), own[i].defined()) << i;
      const double times = i + 1 < own.size() ? 2 : 1;  // the objective's are averaged
      if (own[i].defined()) {
        EXPECT_TRUE(at::allclose(summed[i], own[i] * times)) << i;
      }
    }
  }
}

TEST_F(GradientSumsTest, WithoutBeginNothingIsSent) {
  {
    GradientSums sums(student_, objective_, ranks_);
    backward();
    EXPECT_TRUE(begun_.empty());
  }
  forget();
  backward();  // the hooks were removed with `sums`
  EXPECT_TRUE(begun_.empty());
}

}  // namespace
}  // namespace retort::train
