#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <ATen/core/Tensor.h>

#include "retort/core/safetensors.h"

namespace retort::models {

// The text side of CLIP (Radford et al. 2021, arXiv 2103.00020) or SigLIP (Zhai et al. 2023, arXiv
// 2303.15343; SigLIP 2, 2025, arXiv 2502.14786), in transformers' names: a transformer over a
// text's tokens, and what its embeddings and the image tower's have in common.
class TextTower {
 public:
  // `config`: config.json, which says heads, activation and epsilon. Throws Error naming the tensor
  // where one is missing or of another shape, and where the tensors hold no text tower.
  TextTower(const StateDict& tensors, const nlohmann::json& config);

  // Token numbers [N, length()] to embeddings [N, E] of norm 1, float. CLIP's reads a text up to
  // its first `end`. Throws Error on numbers that the tower has no embedding for.
  at::Tensor embed(const at::Tensor& tokens, int64_t end) const;
  int64_t length() const { return length_; }

  // Which of its features the image tower's embedding is made of (VitFeatures' word), and the
  // matrix [E, features] that makes it; undefined: they are the embedding, but for its norm.
  const std::string& image_features() const { return image_features_; }
  const at::Tensor& image_projection() const { return image_projection_; }

  // An image's logit of a text: scale · cosine + bias.
  double scale() const { return scale_; }
  double bias() const { return bias_; }

 private:
  at::Tensor block(const at::Tensor& x, const std::string& prefix) const;
  at::Tensor linear(const at::Tensor& x, const std::string& name) const;
  at::Tensor norm(const at::Tensor& x, const std::string& name) const;

  StateDict tensors_;
  bool clip_ = false;
  int64_t length_ = 0, depth_ = 0, heads_ = 0;
  double epsilon_ = 0, scale_ = 0, bias_ = 0;
  std::string activation_, image_features_;
  at::Tensor image_projection_;
};

// Of a model's folder (weight_source.h), or that of a file in it.
TextTower read_text_tower(const std::filesystem::path& path);

}  // namespace retort::models
