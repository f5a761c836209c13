#pragma once

#include <span>
#include <string>
#include <vector>

#include "retort/teacher/output_store.h"

namespace retort::teacher {

// Several teachers, each with a weight, that the student learns from as from one. Their features
// are joined, [s₁·f₁ | s₂·f₂ | …], and their logits are the mean by weight of theirs, which is one
// linear head on those features. One teacher alone stays as it is.

// The factors sᵢ, from the stored outputs of each teacher. By them teacher i has the share wᵢ of
// the joined features' mean squared norm, whatever the scale of its own features, and that norm is
// the weighted mean of theirs. Weights are above 0 and add up to 1.
std::vector<double> joint_scales(const std::vector<OutputStore>& stores,
                                 std::span<const double> weights);

// The teachers' outputs for the views of one set of images. They are kept apart on disk and read as
// one.
class JointOutputs {
 public:
  // The stores are of the same images, views and view seed.
  JointOutputs(std::vector<OutputStore> stores, std::vector<double> scales);

  int64_t views() const;  // the fewest that any of them has
  bool has_live() const;  // some that a teacher sees only when they are asked for
  const OutputStore& of(size_t teacher) const { return stores_[teacher]; }
  const std::vector<double>& scales() const { return scales_; }
  // float [N, ΣD]; a sample's view number counts modulo views().
  at::Tensor features(std::span<const data::Sample> samples) const;

 private:
  std::vector<OutputStore> stores_;
  std::vector<double> scales_;
};

struct JointHead {
  at::Tensor weight;  // [C, ΣD]
  at::Tensor bias;    // [C]
  std::string key;    // equal keys, equal features (Teacher::key)

  int64_t feature_dim() const { return weight.size(1); }
  // [N, ΣD], joined, to [N, C]
  at::Tensor logits(const at::Tensor& features) const;
};
// Throws Error before each teacher has its head.
JointHead joint_head(std::span<const Teacher> teachers, std::span<const double> weights,
                     std::span<const double> scales);

}  // namespace retort::teacher
