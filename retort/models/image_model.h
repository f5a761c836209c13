#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <nlohmann/json.hpp>

#include "retort/core/safetensors.h"
#include "retort/data/input_spec.h"

namespace retort::models {

struct Output {
  at::Tensor features;  // [N, D], what the classifier reads
  at::Tensor logits;    // [N, C]
};

// What it takes to build a model again: written into run folders and weight files' metadata.
struct ModelSpec {
  std::string arch;        // "resnet18", "mobilenet_v2", "efficientnet_lite0", "vit", …
  int64_t classes = 1000;  // [1, 100000]
  nlohmann::json options = nlohmann::json::object();  // geometry that the name does not say (ViT:
                                                      // patch, dim, depth, heads, image_size, …)
};
// Whether the network is an object of the program that calls the library, called object:NAME: no
// family builds it.
inline bool is_object(const ModelSpec& spec) { return spec.arch.starts_with("object:"); }
nlohmann::json to_json(const ModelSpec& spec);
ModelSpec model_spec_from(const nlohmann::json& json);

// Every network that retort trains or learns from. Parameter names are those of the public
// implementation that the family's header names.
class ImageModel : public torch::nn::Module {
 public:
  // [N, 3, H, W], normalised as input_spec() says, to [N, D].
  virtual at::Tensor forward_features(const at::Tensor& images) = 0;
  // [N, D] to [N, C]; in training mode with whatever dropout the family puts before its classifier.
  virtual at::Tensor classify(const at::Tensor& features) = 0;
  Output forward(const at::Tensor& images);

  // How images are to be prepared: option `preprocess` of the spec (data::to_json of it), or else
  // the architecture's own way.
  data::InputSpec input_spec() const;
  virtual int64_t feature_dim() const = 0;
  // The final linear layer: weight [C, D] and bias [C].
  virtual torch::nn::Linear head() = 0;
  // A new head for this many classes, initialised as the family initialises its own.
  virtual void reset_head(int64_t classes) = 0;

  const ModelSpec& spec() const { return spec_; }

 protected:
  virtual data::InputSpec own_input_spec() const = 0;
  ModelSpec spec_;  // reset_head keeps spec_.classes true
};

using ModelPtr = std::shared_ptr<ImageModel>;

// The prefix of the classifier's parameters, with its dot: "fc.".
std::string head_name(ImageModel& model);
// The device that its weights are on.
c10::Device device_of(const ImageModel& model);
// Parameters and buffers under their public names, detached, sharing memory with the module.
StateDict state_of(torch::nn::Module& module);
// A state with memory of its own.
StateDict clone(const StateDict& state);
// Copies the values of `state` into the tensors of `own`. Throws Error, naming `where`, when it
// lacks one of them, or has it in another shape.
void copy_into(StateDict own, const StateDict& state, const std::string& where);
// Four-dimensional parameters in channels-last layout, in place: what convolutions on the CPU are
// fastest with.
void use_channels_last(ImageModel& model);
// Copies the tensors into the model. Throws Error naming `where`, which is the file, and the first
// tensor that is missing, unexpected, or of another shape.
void load_state(ImageModel& model, const StateDict& state, const std::string& where);

}  // namespace retort::models
