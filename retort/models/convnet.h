#pragma once

#include <memory>
#include <string>

#include <torch/nn/modules/linear.h>

#include "retort/models/conv_norm.h"
#include "retort/models/image_model.h"

namespace retort::models {

// Gives its children the dotted names of the public implementation; its owner runs them.
struct Holder : torch::nn::Module {};

// What the convolutional families share: average pooling, dropout, one linear classifier.
//
// Construction draws each layer's default and initialise() the family's own, in the public
// implementation's order: one seed of torch's generator gives the weights that it gives there (in
// timm, but for the stray draws of a layer that its builder tries out and drops).
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
  // The classifier becomes the holder's child of this name.
  void adopt_head(torch::nn::Module& holder, const std::string& name, int64_t dim);
  virtual void initialise_head() = 0;

 private:
  torch::nn::Module* holder_ = nullptr;  // this, or a child of it
  std::string head_name_;
  torch::nn::Linear head_{nullptr};
  double dropout_;
};

// [N, D, H, W] to [N, D].
at::Tensor average_pool(const at::Tensor& maps);

// EfficientNet's classifier, in torchvision and timm alike: weights uniform in ±1/√classes, no
// bias.
void initialise_by_classes(torch::nn::LinearImpl& head);

template <class Net>
ModelPtr make_convnet(const ModelSpec& spec) {
  auto net = std::make_shared<Net>(spec);
  net->initialise();
  return net;
}

}  // namespace retort::models
