#pragma once

#include <span>
#include <string>
#include <vector>

#include "retort/teacher/output_store.h"

namespace retort::teacher {

// Several teachers, each with a weight, from which the student learns as from one. Their features
// are concatenated, [s₁·f₁ | s₂·f₂ | …], and their logits are averaged by weight, which is one
// linear head on the concatenated features. A single teacher stays as it is.

// The factors sᵢ, estimated from the stored outputs of each teacher. With them teacher i
// contributes the share wᵢ of the mean squared norm of the concatenated features, whatever the
// scale of its own, and this norm is the weighted mean of the teachers'. Weights are above 0 and
// add up to 1.
std::vector<double> joint_scales(const std::vector<OutputStore>& stores,
                                 std::span<const double> weights);

// The teachers' features for the views of one set of images. Each teacher has its own store on
// disk; they are concatenated when read.
class JointOutputs {
 public:
  // The stores have the same images, views and view seed.
  JointOutputs(std::vector<OutputStore> stores, std::vector<double> scales);

  int64_t views() const;  // the smallest number of views of any store
  bool has_live() const;  // whether a teacher computes some views only when they are read
  const OutputStore& of(size_t teacher) const { return stores_[teacher]; }
  const std::vector<double>& scales() const { return scales_; }
  // The concatenated features, float [N, ΣD]. A sample's view number counts modulo views().
  at::Tensor features(std::span<const data::Sample> samples) const;

 private:
  std::vector<OutputStore> stores_;
  std::vector<double> scales_;
};

struct JointHead {
  at::Tensor weight;  // [C, ΣD]
  at::Tensor bias;    // [C]
  std::string key;    // equal keys mean equal features (Teacher::key)

  int64_t feature_dim() const { return weight.size(1); }
  // Maps concatenated features [N, ΣD] to logits [N, C].
  at::Tensor logits(const at::Tensor& features) const;
};
// Throws Error while a teacher has no head.
JointHead joint_head(std::span<const Teacher> teachers, std::span<const double> weights,
                     std::span<const double> scales);

}  // namespace retort::teacher
