#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <ATen/core/Tensor.h>

#include "retort/core/safetensors.h"

namespace retort::models {

// The text encoder of CLIP (Radford et al. 2021, arXiv 2103.00020) or SigLIP (Zhai et al. 2023,
// arXiv 2303.15343; SigLIP 2, 2025, arXiv 2502.14786), with transformers' tensor names: a
// transformer over a text's tokens, and the parameters that compare its embeddings with those of
// images.
class TextTower {
 public:
  // `config` is config.json, which gives heads, activation and epsilon. Throws Error, naming the
  // tensor, where one is missing or of another shape, and where there is no text tower or `config`
  // describes one that retort does not build.
  TextTower(const StateDict& tensors, const nlohmann::json& config);

  // Maps token ids [N, length()] to float embeddings [N, E] of norm 1. CLIP's embedding is taken at
  // the first token `end` of each text; SigLIP does not use `end`. Throws Error on ids for which
  // the tower has no embedding.
  at::Tensor embed(const at::Tensor& tokens, int64_t end) const;
  int64_t length() const { return length_; }

  // The image encoder's features that its embedding is computed from (a word of VitFeatures), and
  // the matrix [E, features] that maps them to it; undefined where the features are the embedding,
  // up to its norm.
  const std::string& image_features() const { return image_features_; }
  const at::Tensor& image_projection() const { return image_projection_; }

  // An image's logit for a text is scale · cosine + bias.
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

// Reads the text tower of a model's folder (weight_source.h), or of the folder of a file in it.
// Throws Error, naming the folder, where there is none or it is broken.
TextTower read_text_tower(const std::filesystem::path& path);

}  // namespace retort::models
