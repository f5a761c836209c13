#include "retort/models/convnet.h"

#include <cmath>
#include <utility>

#include <torch/nn/init.h>

#include "retort/core/error.h"
#include "retort/models/recognise.h"

namespace retort::models {
namespace {

void check_classes(int64_t classes) {
  if (classes < 1 || classes > kMaxClasses)
    throw UsageError("a model needs 1 to " + std::to_string(kMaxClasses) + " classes, not " +
                     std::to_string(classes));
}

double dropout_of(const ModelSpec& spec, double fallback) {
  const auto option = spec.options.find("dropout");
  if (option == spec.options.end()) return fallback;
  const double rate = option->is_number() ? option->get<double>() : -1;
  if (!(rate >= 0 && rate < 1))
    throw UsageError("dropout is a number in [0, 1), not " + option->dump(), spec.arch);
  return rate;
}

}  // namespace

ConvNet::ConvNet(ModelSpec spec, double dropout) : dropout_(dropout_of(spec, dropout)) {
  check_classes(spec.classes);
  spec_ = std::move(spec);
}

void ConvNet::adopt_head(torch::nn::Module& holder, const std::string& name, int64_t dim) {
  holder_ = &holder;
  head_name_ = name;
  head_ = holder.register_module(name, torch::nn::Linear(dim, spec_.classes));
}

at::Tensor ConvNet::classify(const at::Tensor& features) {
  return head_->forward(
      is_training() && dropout_ > 0 ? at::dropout(features, dropout_, /*train=*/true) : features);
}

int64_t ConvNet::feature_dim() const { return head_->options.in_features(); }

void ConvNet::reset_head(int64_t classes) {
  check_classes(classes);
  const at::Tensor old = head_->weight;
  head_ = holder_->replace_module(head_name_, torch::nn::Linear(old.size(1), classes));
  spec_.classes = classes;
  initialise_head();
  head_->to(old.device(), old.scalar_type());
  head_->train(is_training());
}

void initialise_by_classes(torch::nn::LinearImpl& head) {
  const double range = 1 / std::sqrt(static_cast<double>(head.weight.size(0)));
  torch::nn::init::uniform_(head.weight, -range, range);
  torch::nn::init::zeros_(head.bias);
}

at::Tensor average_pool(const at::Tensor& maps) {
  return at::adaptive_avg_pool2d(maps, {1, 1}).flatten(1);
}

}  // namespace retort::models
