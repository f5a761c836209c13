#pragma once

#include <memory>

#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include "retort/models/families/vit.h"

namespace retort::models {

// What a ViT is made of (vit.h). Construction draws in torchvision's (or timm's) order, so that one
// seed of torch's generator gives the weights that it gives there.

torch::nn::LayerNorm layer_norm(const VitGeometry& geometry);

// As timm initialises it: normal with a deviation of 0.02, no bias.
void initialise_linear_as_timm(const torch::nn::LinearImpl& linear);

// DINOv3's turning of queries and keys: by how much, for each patch [rows · columns, channels of a
// head].
struct Turns {
  at::Tensor cosine, sine;  // undefined where positions are embedded
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

// Two linear layers, or three in two tensors where it is gated.
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

// SigLIP's: one learned query looks at all patches; a residual network follows. [N, S, dim] to [N,
// dim].
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
