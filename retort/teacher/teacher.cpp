#include "retort/teacher/teacher.h"

#include "retort/core/error.h"
#include "retort/core/hash.h"
#include "retort/core/quote.h"
#include "retort/models/head_classes.h"
#include "retort/models/programs/graph_network.h"
#include "retort/models/registry.h"
#include "retort/models/text_tower.h"
#include "retort/teacher/kept_head.h"

namespace retort::teacher {
namespace {

std::string key_of(models::ImageModel& model, const data::InputSpec& spec,
                   models::Precision precision) {
  Hasher hasher;
  hasher.text(models::to_json(model.spec()).dump())
      .text(data::to_json(spec).dump())
      .text(models::to_string(precision));
  const std::string head = models::head_name(model);
  for (const auto& [name, tensor] : models::state_of(model)) {
    if (name.starts_with(head)) continue;  // features do not depend on it
    const at::Tensor values = tensor.contiguous();
    hasher.text(name).bytes(bytes_of(values));
  }
  return hasher.hex();
}

}  // namespace

Teacher::Teacher(const TeacherSource& source, models::Precision precision, c10::Device device)
    : precision_(precision), embedding_(source.embedding), where_(source.weights.string()) {
  std::string features = source.features;
  if (source.embedding) {
    const models::TextTower tower = models::read_text_tower(source.weights);
    features = tower.image_features();
    projection_ = tower.image_projection();
  }
  if (source.network) {
    model_ = source.network;
    in_memory_ = true;
    has_head_ = model_->spec().classes > 1;
    class_names_ = source.classes;
  } else {
    const models::Recognised found = models::recognise_file(source.weights, source.arch, features);
    choice_ = models::choice_of(found);
    has_head_ = found.has_head;
    model_ = models::build(found, where_);
  }
  input_spec_ = model_->input_spec();
  if (source.size > 0) input_spec_.size = source.size;
  if (source.mean) input_spec_.mean = *source.mean;
  if (source.std) input_spec_.std = *source.std;
  key_ = key_of(*model_, input_spec_, precision_);
  if (embedding_) key_ = Hasher().text("embedding").text(key_).bytes(bytes_of(projection_)).hex();
  model_->eval();
  for (at::Tensor& parameter : model_->parameters()) parameter.requires_grad_(false);
  models::use_channels_last(*model_);
  if (!models::is_graph(model_->spec())) model_->to(device);  // OpenVINO runs graphs on the CPU
  if (projection_.defined()) projection_ = projection_.to(device);
}

std::string Teacher::description() const {
  return where_ + " (" + model_->spec().arch + ", " + std::to_string(input_spec_.size) + " px)";
}

at::Tensor Teacher::features(const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  const models::AutocastGuard autocast(precision_);
  at::Tensor features =
      model_->forward_features(images.to(models::device_of(*model_))).to(at::kFloat);
  if (embedding_) {
    if (projection_.defined()) features = at::linear(features, projection_);
    features = features / features.norm(2, 1, /*keepdim=*/true).clamp_min(1e-12);
  }
  return features.to(at::kCPU);
}

at::Tensor Teacher::logits(const at::Tensor& features) const {
  if (!head_weight_.defined()) throw Error("the teacher has no head yet", where_);
  const at::NoGradGuard no_grad;
  return at::linear(features, head_weight_, head_bias_);
}

void Teacher::set_head(const at::Tensor& weight, const at::Tensor& bias) {
  head_weight_ = weight.to(at::kFloat).contiguous();
  head_bias_ = bias.to(at::kFloat).contiguous();
}

void Teacher::keep_head(const std::vector<std::string>& classes, Log& log) {
  if (!has_head_)
    throw Error("the teacher's file has no classifier to keep", where_, "use --teacher-head probe");
  const torch::nn::Linear head = model_->head();
  const at::Tensor weight = head->weight.detach().to(at::kCPU);
  const at::Tensor bias =
      head->bias.defined() ? head->bias.detach().to(at::kCPU) : at::zeros({weight.size(0)});
  const std::optional<std::vector<std::string>> names =
      in_memory_ ? class_names_ : models::head_classes(where_);
  if (names && static_cast<int64_t>(names->size()) != weight.size(0))
    throw Error("the teacher's file names " + std::to_string(names->size()) +
                    " classes, and its classifier has " + std::to_string(weight.size(0)),
                where_, "mend its list of classes, or use --teacher-head probe");
  if (names) {
    const at::Tensor rows = at::tensor(outputs_of_classes(*names, classes, where_));
    set_head(weight.index_select(0, rows), bias.index_select(0, rows));
    return;
  }
  if (weight.size(0) != static_cast<int64_t>(classes.size()))
    throw Error("the teacher's classifier has " + std::to_string(weight.size(0)) +
                    " classes, the data " + std::to_string(classes.size()),
                where_, "use --teacher-head probe");
  log.warn(
      "the teacher's file does not name its classes: they are taken to be the data's, in the same "
      "order (" +
      quote_name(classes.front()) + " the first, " + quote_name(classes.back()) + " the last)");
  set_head(weight, bias);
}

}  // namespace retort::teacher
