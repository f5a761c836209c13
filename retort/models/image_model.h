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

// The description from which a model is built again. It is written into run folders and into the
// metadata of weight files.
struct ModelSpec {
  std::string arch;        // "resnet18", "mobilenet_v2", "efficientnet_lite0", "vit", …
  int64_t classes = 1000;  // [1, 100000]
  // Settings that the name does not decide (of a ViT: patch, dim, depth, heads, image_size, …).
  nlohmann::json options = nlohmann::json::object();
};
// Whether the network is an object of the calling program, named object:NAME, which no family
// builds.
inline bool is_object(const ModelSpec& spec) { return spec.arch.starts_with("object:"); }
nlohmann::json to_json(const ModelSpec& spec);
ModelSpec model_spec_from(const nlohmann::json& json);

// The base class of all teachers and students. Parameter names are those of the public
// implementation that the family's file names.
class ImageModel : public torch::nn::Module {
 public:
  // Maps images [N, 3, H, W], normalised by input_spec(), to features [N, D].
  virtual at::Tensor forward_features(const at::Tensor& images) = 0;
  // Maps features [N, D] to logits [N, C]. In training mode it applies the family's dropout before
  // the classifier.
  virtual at::Tensor classify(const at::Tensor& features) = 0;
  Output forward(const at::Tensor& images);

  // How images are prepared: the spec's option `preprocess` (as data::to_json writes it), or else
  // the architecture's own spec.
  data::InputSpec input_spec() const;
  virtual int64_t feature_dim() const = 0;
  // The final linear layer: weight [C, D] and bias [C].
  virtual torch::nn::Linear head() = 0;
  // Replaces the head by a new one for this many classes, initialised as the family does.
  virtual void reset_head(int64_t classes) = 0;

  const ModelSpec& spec() const { return spec_; }

 protected:
  virtual data::InputSpec own_input_spec() const = 0;
  ModelSpec spec_;  // reset_head updates spec_.classes
};

using ModelPtr = std::shared_ptr<ImageModel>;

// The prefix of the classifier's parameters, with its dot: "fc.".
std::string head_name(ImageModel& model);
// The device of the model's parameters; the CPU where it has none.
c10::Device device_of(const ImageModel& model);
// Parameters and buffers under their public names, detached; they share memory with the module.
StateDict state_of(torch::nn::Module& module);
// A deep copy of a state.
StateDict clone(const StateDict& state);
// Copies the values of `state` into the tensors of `own`. Throws Error, naming `where`, when
// `state` lacks one of them or has it in another shape; the tensors before it have then been
// copied.
void copy_into(StateDict own, const StateDict& state, const std::string& where);
// Puts four-dimensional parameters into channels-last layout, in place, with which convolutions on
// the CPU are fastest.
void use_channels_last(ImageModel& model);
// Copies the tensors into the model. Throws Error, naming `where` (the file) and the first tensor
// that is missing, unexpected, or of another shape or type. Counters `num_batches_tracked` may be
// missing.
void load_state(ImageModel& model, const StateDict& state, const std::string& where);

}  // namespace retort::models
