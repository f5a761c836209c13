#pragma once

#include <memory>
#include <string>

#include <torch/nn/modules/linear.h>

#include "retort/models/conv_norm.h"
#include "retort/models/image_model.h"

namespace retort::models {

// A module without a forward pass. It gives its children the dotted names of the public
// implementation; its owner calls them.
struct Holder : torch::nn::Module {};

// The common parts of convolutional families: average pooling, dropout and one linear classifier.
//
// The constructor draws each layer's default initialisation and initialise() the family's own, in
// the public implementation's order, so that a seed of torch's generator gives the weights that it
// gives there (except in timm for the draws of a layer that its builder makes and drops).
//
// Options: `dropout`, the rate before the classifier, in [0, 1).
class ConvNet : public ImageModel {
 public:
  at::Tensor classify(const at::Tensor& features) override;
  int64_t feature_dim() const override;
  torch::nn::Linear head() override { return head_; }
  void reset_head(int64_t classes) override;

  virtual void initialise() = 0;

 protected:
  // Throws UsageError when the number of classes or an option is out of range.
  ConvNet(ModelSpec spec, double dropout);
  // Registers the classifier as the holder's child of this name.
  void adopt_head(torch::nn::Module& holder, const std::string& name, int64_t dim);
  virtual void initialise_head() = 0;

 private:
  torch::nn::Module* holder_ = nullptr;  // this, or a child of it
  std::string head_name_;
  torch::nn::Linear head_{nullptr};
  double dropout_;
};

// The mean over positions: [N, D, H, W] to [N, D].
at::Tensor average_pool(const at::Tensor& maps);

// The initialisation of EfficientNet's classifier in torchvision and timm: weights uniform in
// ±1/√classes, biases 0.
void initialise_by_classes(torch::nn::LinearImpl& head);

template <class Net>
ModelPtr make_convnet(const ModelSpec& spec) {
  auto net = std::make_shared<Net>(spec);
  net->initialise();
  return net;
}

}  // namespace retort::models
