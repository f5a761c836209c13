#include "retort/models/text_tower.h"

#include <ATen/ATen.h>

#include <cmath>

#include "retort/core/error.h"
#include "retort/hub/field.h"
#include "retort/hub/snapshot.h"
#include "retort/models/weight_source.h"
#include "retort/weights/shape_text.h"

namespace retort::models {
namespace {

constexpr const char* kTokens = "text_model.embeddings.token_embedding.weight";
constexpr const char* kPositions = "text_model.embeddings.position_embedding.weight";
constexpr const char* kLayers = "text_model.encoder.layers.";

class Tensors {
 public:
  explicit Tensors(const StateDict& all) : all_(all) {}

  // The tensor as float. A dimension of -1 in `shape` may have any size.
  at::Tensor get(const std::string& name, const std::vector<int64_t>& shape) const {
    const auto found = all_.find(name);
    if (found == all_.end()) throw Error("the text tower lacks the tensor '" + name + "'");
    const at::IntArrayRef sizes = found->second.sizes();
    bool same = sizes.size() == shape.size();
    for (size_t i = 0; same && i < shape.size(); ++i)
      same = shape[i] < 0 ? sizes[i] > 0 : sizes[i] == shape[i];
    if (!same)
      throw Error("tensor '" + name + "' is " + weights::shape_text(sizes) +
                  ", not as the rest of the text tower asks");
    return found->second.to(at::kFloat);
  }
  bool has(const std::string& name) const { return all_.contains(name); }
  double number(const std::string& name) const {
    const auto found = all_.find(name);
    if (found == all_.end() || found->second.numel() != 1)
      throw Error("the text tower lacks '" + name + "', a single number");
    const double value = found->second.to(at::kDouble).item<double>();
    if (!std::isfinite(value)) throw Error("'" + name + "' is not finite");
    return value;
  }

 private:
  const StateDict& all_;
};

}  // namespace

TextTower::TextTower(const StateDict& tensors, const nlohmann::json& config) {
  constexpr int64_t kMostLayers = 256;
  const Tensors source(tensors);
  if (!source.has(kTokens))
    throw Error("has no text tower: there is no tensor '" + std::string(kTokens) + "'", "",
                "zero-shot takes CLIP and SigLIP as transformers saves them, both towers together");
  clip_ = source.has("text_projection.weight");
  const auto take = [&](const std::string& name, const std::vector<int64_t>& shape) {
    tensors_[name] = source.get(name, shape);
  };
  take(kTokens, {-1, -1});
  const int64_t dim = tensors_[kTokens].size(1);
  take(kPositions, {-1, dim});
  length_ = tensors_[kPositions].size(0);
  const auto take_pair = [&](const std::string& name, const std::vector<int64_t>& shape) {
    take(name + ".weight", shape);
    take(name + ".bias", {shape.front()});
  };
  for (;
       depth_ < kMostLayers && source.has(kLayers + std::to_string(depth_) + ".layer_norm1.weight");
       ++depth_) {
    const std::string layer = kLayers + std::to_string(depth_) + ".";
    for (const char* name : {"layer_norm1", "layer_norm2"}) take_pair(layer + name, {dim});
    for (const char* name : {"q_proj", "k_proj", "v_proj", "out_proj"})
      take_pair(layer + "self_attn." + name, {dim, dim});
    take_pair(layer + "mlp.fc1", {-1, dim});
  }
  // The width of fc1 is free; its bias and fc2 must fit it.
  for (int64_t i = 0; i < depth_; ++i) {
    const std::string mlp = kLayers + std::to_string(i) + ".mlp.";
    take_pair(mlp + "fc2", {dim, tensors_[mlp + "fc1.weight"].size(0)});
  }
  take_pair("text_model.final_layer_norm", {dim});
  if (clip_) {
    take("text_projection.weight", {-1, dim});
    image_projection_ =
        source.get("visual_projection.weight", {tensors_["text_projection.weight"].size(0), -1});
  } else {
    take_pair("text_model.head", {-1, dim});
    bias_ = source.number("logit_bias");
  }
  image_features_ = clip_ ? "cls" : "attention";
  scale_ = std::exp(source.number("logit_scale"));

  const hub::Field whole(config, "config.json");
  const auto said = whole.find("text_config");
  const auto heads = said ? said->find("num_attention_heads") : std::nullopt;
  const auto epsilon = said ? said->find("layer_norm_eps") : std::nullopt;
  const auto activation = said ? said->find("hidden_act") : std::nullopt;
  // transformers leaves out values that are its classes' defaults.
  heads_ = heads ? heads->whole(1, 256) : (clip_ ? 8 : 12);
  epsilon_ = epsilon ? epsilon->number(0, 0.1) : (clip_ ? 1e-5 : 1e-6);
  activation_ = activation ? activation->text() : (clip_ ? "quick_gelu" : "gelu_pytorch_tanh");
  if (dim % heads_ != 0)
    throw Error("config.json says " + std::to_string(heads_) +
                " heads, which do not divide the text tower's width of " + std::to_string(dim));
  if (activation_ != "quick_gelu" && activation_ != "gelu_pytorch_tanh" && activation_ != "gelu")
    throw Error("the text tower's hidden_act is '" + activation_ + "', which retort does not know");
}

at::Tensor TextTower::linear(const at::Tensor& x, const std::string& name) const {
  return at::linear(x, tensors_.at(name + ".weight"), tensors_.at(name + ".bias"));
}

at::Tensor TextTower::norm(const at::Tensor& x, const std::string& name) const {
  return at::layer_norm(x, {x.size(-1)}, tensors_.at(name + ".weight"), tensors_.at(name + ".bias"),
                        epsilon_);
}

at::Tensor TextTower::block(const at::Tensor& x, const std::string& prefix) const {
  const at::Tensor seen = norm(x, prefix + "layer_norm1");
  const auto by_head = [&](const char* name) {
    return linear(seen, prefix + "self_attn." + name).unflatten(2, {heads_, -1}).transpose(1, 2);
  };
  // In CLIP's text tower, tokens attend only to those before them.
  const at::Tensor attention = at::scaled_dot_product_attention(
      by_head("q_proj"), by_head("k_proj"), by_head("v_proj"), {}, 0, /*is_causal=*/clip_);
  const at::Tensor middle =
      x + linear(attention.transpose(1, 2).flatten(2), prefix + "self_attn.out_proj");
  const at::Tensor inner = linear(norm(middle, prefix + "layer_norm2"), prefix + "mlp.fc1");
  const at::Tensor active = activation_ == "quick_gelu"
                                ? inner * at::sigmoid(1.702 * inner)
                                : at::gelu(inner, activation_ == "gelu" ? "none" : "tanh");
  return middle + linear(active, prefix + "mlp.fc2");
}

at::Tensor TextTower::embed(const at::Tensor& tokens, int64_t end) const {
  const at::NoGradGuard no_grad;
  const at::Tensor& table = tensors_.at(kTokens);
  if (tokens.numel() > 0 &&
      (tokens.min().item<int64_t>() < 0 || tokens.max().item<int64_t>() >= table.size(0)))
    throw Error("the tokenizer gives numbers up to " +
                    std::to_string(tokens.max().item<int64_t>()) +
                    ", the text tower has embeddings for " + std::to_string(table.size(0)),
                "", "get the model's folder again: its tokenizer is another model's");
  at::Tensor x = at::embedding(table, tokens) + tensors_.at(kPositions);
  for (int64_t i = 0; i < depth_; ++i) x = block(x, kLayers + std::to_string(i) + ".");
  x = norm(x, "text_model.final_layer_norm");
  if (clip_) {
    const at::Tensor last = tokens.eq(end).to(at::kInt).argmax(1);  // the first of them
    x = at::linear(x.index({at::arange(x.size(0)), last}), tensors_.at("text_projection.weight"));
  } else {
    x = linear(x.select(1, -1), "text_model.head");
  }
  return x / x.norm(2, 1, true).clamp_min(1e-12);
}

namespace {

WeightSource read_whole_model(const std::filesystem::path& folder,
                              const std::filesystem::path& named) {
  try {
    return read_weight_source(folder);
  } catch (const Error& error) {
    throw Error(std::string("has no text tower that can be read: ") + error.what(), named.string());
  }
}

}  // namespace

TextTower read_text_tower(const std::filesystem::path& path) {
  const std::filesystem::path folder = hub::snapshot_at(path).folder;
  const WeightSource source = read_whole_model(folder, path);
  try {
    return {source.tensors, source.described.config};
  } catch (const Error& error) {
    throw Error(error.what(), folder.string());
  }
}

}  // namespace retort::models
