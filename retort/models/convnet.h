#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include "retort/core/error.h"
#include "retort/models/image_model.h"
#include "retort/models/registry.h"

namespace retort::models {

// Gives its children the dotted names of the public implementation; its owner runs them.
struct Holder : torch::nn::Module {};

// Square kernel, no bias, zero padding of (kernel - 1) / 2 on every side.
torch::nn::Conv2d bare_conv(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1,
                            int64_t groups = 1);

// A few work in place (their names end in `_`): nobody else may need their input, as is so for a
// batch norm's output. at::hardswish, at::silu, at::sigmoid and at::hardsigmoid fit as they are.
using Activation = at::Tensor (*)(const at::Tensor&);
at::Tensor relu_(const at::Tensor& x);
at::Tensor relu6_(const at::Tensor& x);

// The batch norm of the convolution of x, and the activation of that; nullptr for none. Where
// nothing is learned (in evaluation, without gradients) the norm is folded into the kernel: one
// pass over the maps less, and values within rounding.
at::Tensor conv_norm(torch::nn::Conv2d& conv, torch::nn::BatchNorm2d& norm, const at::Tensor& x,
                     Activation activation = nullptr);
// The same, padded as TensorFlow's "SAME": ceil(size / stride) outputs, an odd pixel of padding at
// the bottom and right. Where padding is odd, the convolution pads by a stride more at the top and
// left, and the outputs that this adds are cut off: the input need not be copied.
at::Tensor conv_same_norm(torch::nn::Conv2d& conv, torch::nn::BatchNorm2d& norm,
                          const at::Tensor& x, Activation activation = nullptr);

// Every convolution under the module, in the order of registration: the order in which the public
// implementations draw their weights.
std::vector<torch::nn::Conv2dImpl*> convolutions_of(torch::nn::Module& module);

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

// timm's initialisation of EfficientNets and MobileNets: every convolution under the module normal
// with variance 2 / (outputs of a group × kernel area).
void initialise_by_group_outputs(torch::nn::Module& module);

// EfficientNet's classifier, in torchvision and timm alike: weights uniform in ±1/√classes, no
// bias.
void initialise_by_classes(torch::nn::LinearImpl& head);

template <class Net>
ModelPtr make_convnet(const ModelSpec& spec) {
  auto net = std::make_shared<Net>(spec);
  net->initialise();
  return net;
}

// How a file calls the modules of a network.
struct Naming {
  std::string name;
  std::function<std::string(const std::string& ours)> in_file;
  std::map<std::string, std::string>
      tensors{};            // last parts that are not the same: {"gamma", "layer_scale"}
  bool singletons = false;  // its tensors may have more or fewer dimensions of 1 than ours: a
                            // linear layer as a 1 × 1 convolution
};
Naming public_naming(const std::string& name);  // ours: the public implementation's
// What the file calls our tensor.
std::string name_in_file(const Naming& naming, const std::string& tensor);

// The number of classes by the classifier's tensors; nothing when the file has none of them. Throws
// Error when it is out of range.
std::optional<int64_t> classes_of(const StateDict& file, const std::string& head);

// The file's tensors under our names. Throws Error naming (as the file does) the first tensor that
// is missing, of another shape or type, or without a place in the network; the module `absent` is
// not asked for.
StateDict fitted(ImageModel& net, const StateDict& file, const Naming& naming,
                 const std::string& absent);

// Leaves torch's generator as it was found, so that looking at a file does not change what is drawn
// after it.
class KeptGenerator {
 public:
  KeptGenerator();
  ~KeptGenerator();
  KeptGenerator(const KeptGenerator&) = delete;
  KeptGenerator& operator=(const KeptGenerator&) = delete;

 private:
  at::Tensor state_;
};

// The file as weights of this architecture, with as many classes as its classifier has.
template <class Net>
Recognised recognise_as(ModelSpec spec, const StateDict& file, const Naming& naming) {
  const KeptGenerator kept;
  const std::optional<int64_t> classes = classes_of(file, naming.in_file(Net::kHead));
  spec.classes = classes.value_or(1);
  try {
    Net net(spec);
    StateDict state = fitted(net, file, naming, classes ? "" : Net::kHead);
    return {std::move(spec), std::move(state), naming.name, classes.has_value()};
  } catch (
      const UsageError& error) {  // sizes that do not go together: the file's fault, not the user's
    throw Error(error.what());
  }
}

}  // namespace retort::models
