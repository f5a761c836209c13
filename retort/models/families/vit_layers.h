#pragma once

#include <memory>

#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include "retort/models/families/vit.h"

namespace retort::models {

// The layers of a ViT (vit.h). Constructors draw random numbers in torchvision's (or timm's) order,
// so that a seed of torch's generator gives the weights that it gives there.

torch::nn::LayerNorm layer_norm(const VitGeometry& geometry);

// timm's initialisation: weights normal with a deviation of 0.02, biases 0.
void initialise_linear_as_timm(const torch::nn::LinearImpl& linear);

// The rotary position embedding of DINOv3's queries and keys, for each patch: [rows · columns,
// channels of a head].
struct Turns {
  at::Tensor cosine, sine;  // undefined where rope_theta is 0
};
Turns turns_of(const VitGeometry& geometry, int64_t rows, int64_t columns,
               const at::TensorOptions& options);

// torch.nn.MultiheadAttention on one sequence, [N, S, dim] to [N, S, dim].
class SelfAttention : public torch::nn::Module {
 public:
  explicit SelfAttention(const VitGeometry& geometry);
  at::Tensor forward(const at::Tensor& x, const Turns& turns);

 private:
  int64_t heads_, prefix_;
  at::Tensor in_weight_, in_bias_;
  torch::nn::Linear out_{nullptr};
};

// Two linear layers; gated, three of which the first two share a tensor.
class Mlp : public torch::nn::Module {
 public:
  explicit Mlp(const VitGeometry& geometry);
  at::Tensor forward(const at::Tensor& x);

 private:
  bool gated_;
  VitActivation activation_;
  torch::nn::Linear in_{nullptr}, out_{nullptr};
};

class Block : public torch::nn::Module {
 public:
  explicit Block(const VitGeometry& geometry);
  at::Tensor forward(const at::Tensor& input, const Turns& turns);

 private:
  torch::nn::LayerNorm attention_norm_{nullptr}, mlp_norm_{nullptr};
  std::shared_ptr<SelfAttention> attention_;
  std::shared_ptr<Mlp> mlp_;
  at::Tensor attention_scale_, mlp_scale_;
};

// SigLIP's pooling: attention of one learned query over all patches, then a residual two-layer
// network. [N, S, dim] to [N, dim].
class AttentionPool : public torch::nn::Module {
 public:
  explicit AttentionPool(const VitGeometry& geometry);
  at::Tensor forward(const at::Tensor& x);

 private:
  int64_t heads_;
  at::Tensor query_, in_weight_, in_bias_;
  torch::nn::Linear out_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
  std::shared_ptr<Mlp> mlp_;
};

}  // namespace retort::models
