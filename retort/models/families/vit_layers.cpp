#include "retort/models/families/vit_layers.h"

#include <numbers>

#include <torch/nn/init.h>

#include "retort/models/conv_layers.h"
#include "retort/models/convnet.h"

namespace retort::models {
namespace {

at::Tensor activate(const at::Tensor& x, VitActivation activation) {
  switch (activation) {
    case VitActivation::quick_gelu:
      return x * at::sigmoid(1.702 * x);
    case VitActivation::gelu_tanh:
      return at::gelu(x, "tanh");
    case VitActivation::gelu:
      break;
  }
  return at::gelu(x);
}

// [N, S, dim] to [N, heads, S, dim / heads], and the reverse.
at::Tensor split_heads(const at::Tensor& x, int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(1, 2);
}
at::Tensor join_heads(const at::Tensor& x) { return x.transpose(1, 2).flatten(2); }

// Rotates the patches of x [N, heads, S, channels] by position. The first `prefix` tokens, class
// token and registers, stay as they are.
at::Tensor turned(const at::Tensor& x, const Turns& turns, int64_t prefix) {
  const at::Tensor patches = x.slice(2, prefix);
  const std::vector<at::Tensor> halves = patches.chunk(2, -1);
  const at::Tensor across = at::cat({-halves[1], halves[0]}, -1);
  return at::cat({x.slice(2, 0, prefix), patches * turns.cosine + across * turns.sine}, 2);
}

}  // namespace

torch::nn::LayerNorm layer_norm(const VitGeometry& geometry) {
  return torch::nn::LayerNorm(
      torch::nn::LayerNormOptions({geometry.dim}).eps(geometry.layer_norm_eps));
}

void initialise_linear_as_timm(const torch::nn::LinearImpl& linear) {
  truncated_by_two_(linear.weight, 0.02);
  torch::nn::init::zeros_(linear.bias);
}

Turns turns_of(const VitGeometry& geometry, int64_t rows, int64_t columns,
               const at::TensorOptions& options) {
  if (geometry.rope_theta == 0) return {};
  // Computed in float32 whatever the network's type, as DINOv3 does.
  const at::TensorOptions exact = options.dtype(at::kFloat);
  const auto centres = [&](int64_t count) {
    return (at::arange(count, exact) + 0.5) / static_cast<double>(count) * 2 - 1;
  };  // in [-1, 1]
  const at::Tensor y = centres(rows).unsqueeze(1).expand({rows, columns}),
                   x = centres(columns).unsqueeze(0).expand({rows, columns});
  const int64_t quarter = geometry.dim / geometry.heads / 4;
  const at::Tensor exponents = at::arange(quarter, exact) / static_cast<double>(quarter);
  const at::Tensor frequencies = 2 * std::numbers::pi * at::pow(geometry.rope_theta, -exponents);
  const at::Tensor angles = (at::stack({y, x}, -1).flatten(0, 1).unsqueeze(-1) * frequencies)
                                .flatten(1);  // [patches, 2 · quarter]
  const at::Tensor all = at::cat({angles, angles}, 1);
  return {all.cos().to(options.dtype()), all.sin().to(options.dtype())};
}

SelfAttention::SelfAttention(const VitGeometry& geometry)
    : heads_(geometry.heads), prefix_(geometry.prefix()) {
  const int64_t dim = geometry.dim;
  const bool timm = geometry.naming == VitNaming::timm;
  if (timm) {
    const auto all = register_module("qkv", torch::nn::Linear(dim, 3 * dim));
    in_weight_ = all->weight;
    in_bias_ = all->bias;
  } else {
    in_weight_ = register_parameter("in_proj_weight", at::empty({3 * dim, dim}));
    in_bias_ = register_parameter("in_proj_bias", at::zeros({3 * dim}));
  }
  out_ = register_module(timm ? "proj" : "out_proj", torch::nn::Linear(dim, dim));
  if (timm) return;
  torch::nn::init::xavier_uniform_(in_weight_);
  torch::nn::init::zeros_(out_->bias);
}

at::Tensor SelfAttention::forward(const at::Tensor& x, const Turns& turns) {
  const at::Tensor all =
      at::linear(x, in_weight_, in_bias_).unflatten(-1, {3, heads_, x.size(-1) / heads_});
  const auto part = [&](int64_t i) {
    return all.select(2, i).transpose(1, 2);
  };  // [N, heads, S, channels]
  const auto placed = [&](int64_t i) {
    return turns.cosine.defined() ? turned(part(i), turns, prefix_) : part(i);
  };
  return out_->forward(join_heads(at::scaled_dot_product_attention(placed(0), placed(1), part(2))));
}

Mlp::Mlp(const VitGeometry& geometry) : gated_(geometry.gated), activation_(geometry.activation) {
  const bool timm = geometry.naming == VitNaming::timm;
  in_ = register_module(timm ? "fc1" : "0",
                        torch::nn::Linear(geometry.dim, geometry.mlp_dim * (gated_ ? 2 : 1)));
  out_ = register_module(timm ? "fc2" : "3", torch::nn::Linear(geometry.mlp_dim, geometry.dim));
  if (timm) return;
  for (const auto& linear : {in_, out_}) {
    torch::nn::init::xavier_uniform_(linear->weight);
    torch::nn::init::normal_(linear->bias, 0, 1e-6);
  }
}

at::Tensor Mlp::forward(const at::Tensor& x) {
  const at::Tensor hidden = in_->forward(x);
  if (!gated_) return out_->forward(activate(hidden, activation_));
  const std::vector<at::Tensor> halves = hidden.chunk(2, -1);
  return out_->forward(at::silu(halves[0]) * halves[1]);
}

Block::Block(const VitGeometry& geometry) {
  const bool timm = geometry.naming == VitNaming::timm;
  attention_norm_ = register_module(timm ? "norm1" : "ln_1", layer_norm(geometry));
  attention_ =
      register_module(timm ? "attn" : "self_attention", std::make_shared<SelfAttention>(geometry));
  mlp_norm_ = register_module(timm ? "norm2" : "ln_2", layer_norm(geometry));
  mlp_ = register_module("mlp", std::make_shared<Mlp>(geometry));
  if (!geometry.layer_scale) return;
  const auto scale = [&](const char* name) {
    return register_module(name, std::make_shared<Holder>())
        ->register_parameter("lambda1", at::ones({geometry.dim}));
  };
  attention_scale_ = scale("layer_scale_1");
  mlp_scale_ = scale("layer_scale_2");
}

at::Tensor Block::forward(const at::Tensor& input, const Turns& turns) {
  const auto scaled = [](const at::Tensor& branch, const at::Tensor& scale) {
    return scale.defined() ? branch * scale : branch;
  };
  const at::Tensor x =
      input + scaled(attention_->forward(attention_norm_->forward(input), turns), attention_scale_);
  return x + scaled(mlp_->forward(mlp_norm_->forward(x)), mlp_scale_);
}

AttentionPool::AttentionPool(const VitGeometry& geometry) : heads_(geometry.heads) {
  const int64_t dim = geometry.dim;
  query_ = register_parameter("probe", torch::nn::init::xavier_uniform_(at::empty({1, 1, dim})));
  const auto attention = register_module("attention", std::make_shared<Holder>());
  in_weight_ = attention->register_parameter(
      "in_proj_weight", torch::nn::init::xavier_uniform_(at::empty({3 * dim, dim})));
  in_bias_ = attention->register_parameter("in_proj_bias", at::zeros({3 * dim}));
  out_ = attention->register_module("out_proj", torch::nn::Linear(dim, dim));
  norm_ = register_module("ln", layer_norm(geometry));
  VitGeometry plain = geometry;
  plain.gated = false;
  mlp_ = register_module("mlp", std::make_shared<Mlp>(plain));
}

at::Tensor AttentionPool::forward(const at::Tensor& x) {
  const std::vector<at::Tensor> weights = in_weight_.chunk(3), biases = in_bias_.chunk(3);
  const auto part = [&](const at::Tensor& from, size_t i) {
    return split_heads(at::linear(from, weights[i], biases[i]), heads_);
  };
  // expand_as takes the batch's size from a tensor, because a trace would keep a number.
  const at::Tensor query = query_.expand_as(x.slice(1, 0, 1));
  const at::Tensor seen = out_->forward(
      join_heads(at::scaled_dot_product_attention(part(query, 0), part(x, 1), part(x, 2))));
  return (seen + mlp_->forward(norm_->forward(seen))).select(1, 0);
}

}  // namespace retort::models
