#include "retort/teacher/joint.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/hash.h"

namespace retort::teacher {

std::vector<double> joint_scales(const std::vector<OutputStore>& stores,
                                 std::span<const double> weights) {
  if (stores.size() == 1) return {1};
  double square = 0;
  std::vector<double> squares;
  for (size_t i = 0; i < stores.size(); ++i) {
    const at::Tensor some = stores[i].view(0).parts().front().to(at::kFloat);
    squares.push_back(std::max(some.square().sum(1).mean().item<double>(), 1e-12));
    square += weights[i] * squares.back();
  }
  std::vector<double> scales;
  for (size_t i = 0; i < stores.size(); ++i)
    scales.push_back(std::sqrt(weights[i] * square / squares[i]));
  return scales;
}

JointOutputs::JointOutputs(std::vector<OutputStore> stores, std::vector<double> scales)
    : stores_(std::move(stores)), scales_(std::move(scales)) {}

int64_t JointOutputs::views() const {
  return std::ranges::min(stores_, {}, &OutputStore::views).views();
}

bool JointOutputs::has_live() const { return std::ranges::any_of(stores_, &OutputStore::has_live); }

at::Tensor JointOutputs::features(std::span<const data::Sample> samples) const {
  if (stores_.size() == 1) return stores_[0].features(samples);
  std::vector<data::Sample> shared(samples.begin(), samples.end());
  for (data::Sample& sample : shared) sample.view %= views();
  std::vector<at::Tensor> each;
  for (size_t i = 0; i < stores_.size(); ++i)
    each.push_back(stores_[i].features(shared).mul_(scales_[i]));
  return at::cat(each, 1);
}

at::Tensor JointHead::logits(const at::Tensor& features) const {
  const at::NoGradGuard no_grad;
  return at::linear(features, weight, bias);
}

JointHead joint_head(std::span<const Teacher> teachers, std::span<const double> weights,
                     std::span<const double> scales) {
  for (const Teacher& teacher : teachers)
    if (!teacher.head_weight().defined()) throw Error("a teacher has no head yet");
  if (teachers.size() == 1)
    return {teachers[0].head_weight(), teachers[0].head_bias(), teachers[0].key()};
  std::vector<at::Tensor> matrices;
  at::Tensor bias = at::zeros_like(teachers[0].head_bias());
  Hasher key;
  for (size_t i = 0; i < teachers.size(); ++i) {
    matrices.push_back(teachers[i].head_weight() * (weights[i] / scales[i]));
    bias += teachers[i].head_bias() * weights[i];
    key.text(teachers[i].key()).text(std::to_string(weights[i])).text(std::to_string(scales[i]));
  }
  return {at::cat(matrices, 1), bias, key.hex()};
}

}  // namespace retort::teacher
