#include "retort/models/image_model.h"

#include "retort/core/error.h"
#include "retort/weights/shape_text.h"

namespace retort::models {

nlohmann::json to_json(const ModelSpec& spec) {
  return {{"arch", spec.arch}, {"classes", spec.classes}, {"options", spec.options}};
}

ModelSpec model_spec_from(const nlohmann::json& json) {
  try {
    ModelSpec spec{json.at("arch").get<std::string>(), json.at("classes").get<int64_t>(),
                   json.value("options", nlohmann::json::object())};
    if (spec.classes < 1 || spec.classes > 100000)
      throw Error("a model needs 1 to 100000 classes, not " + std::to_string(spec.classes));
    return spec;
  } catch (const nlohmann::json::exception& error) {
    throw Error(std::string("not a model description: ") + error.what());
  }
}

Output ImageModel::forward(const at::Tensor& images) {
  at::Tensor features = forward_features(images);
  at::Tensor logits = classify(features);
  return {std::move(features), std::move(logits)};
}

data::InputSpec ImageModel::input_spec() const {
  const auto option = spec_.options.find("preprocess");
  return option == spec_.options.end() ? own_input_spec() : data::input_spec_from(*option);
}

std::string head_name(ImageModel& model) {
  const at::Tensor weight = model.head()->weight;
  for (const auto& item : model.named_parameters())
    if (item.value().is_same(weight)) return item.key().substr(0, item.key().rfind('.') + 1);
  throw Error("the classifier is not among the parameters", model.spec().arch);
}

c10::Device device_of(const ImageModel& model) {
  const std::vector<at::Tensor> parameters = model.parameters();
  return parameters.empty() ? c10::Device(c10::kCPU) : parameters.front().device();
}

StateDict state_of(torch::nn::Module& module) {
  StateDict state;
  for (const auto& item : module.named_parameters()) state[item.key()] = item.value().detach();
  for (const auto& item : module.named_buffers()) state[item.key()] = item.value().detach();
  return state;
}

void use_channels_last(ImageModel& model) {
  for (at::Tensor& parameter : model.parameters())
    if (parameter.dim() == 4)
      parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
}

void load_state(ImageModel& model, const StateDict& state, const std::string& where) {
  const at::NoGradGuard no_grad;
  StateDict own = state_of(model);
  for (auto& [name, tensor] : own) {
    const auto found = state.find(name);
    if (found == state.end()) {
      if (name.ends_with("num_batches_tracked"))
        continue;  // files from before PyTorch 0.4.1 have none
      throw Error("tensor '" + name + "' of " + model.spec().arch + " is missing", where);
    }
    if (found->second.sizes() != tensor.sizes())
      throw Error("tensor '" + name + "' is " + weights::shape_text(found->second.sizes()) +
                      ", not " + weights::shape_text(tensor.sizes()) + " as " + model.spec().arch +
                      " has it",
                  where);
    if (found->second.is_floating_point() != tensor.is_floating_point())
      throw Error("tensor '" + name + "' is of type " + std::string(found->second.dtype().name()) +
                      ", not " + std::string(tensor.dtype().name()),
                  where);
  }
  for (const auto& [name, tensor] : state)
    if (!own.contains(name))
      throw Error("tensor '" + name + "' has no place in " + model.spec().arch, where);
  for (auto& [name, tensor] : own)
    if (const auto found = state.find(name); found != state.end()) tensor.copy_(found->second);
}

StateDict clone(const StateDict& state) {
  StateDict copy;
  for (const auto& [name, tensor] : state) copy[name] = tensor.clone();
  return copy;
}

void copy_into(StateDict own, const StateDict& state, const std::string& where) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : own) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.sizes() != tensor.sizes())
      throw Error("'" + name + "' is missing or misshapen", where);
    tensor.copy_(found->second);
  }
}

}  // namespace retort::models
