#pragma once

#include <string>

#include <torch/csrc/jit/api/module.h>

#include "tests/support/formula.h"

namespace retort::testing {

inline constexpr const char* kForwardFeatures = R"(
def forward_features(self, x):
    return self.body(x)
)";

// Convolution to six channels, batch normalisation, ReLU: weights by formula, and a `classifier`
// that no feature depends on. `methods` is TorchScript that can call self.body(x), [N, 6, h, w].
inline torch::jit::Module small_network(const std::string& methods) {
  torch::jit::Module network("Small");
  const auto parameter = [&](torch::jit::Module& module, const std::string& name,
                             at::IntArrayRef shape) {
    module.register_parameter(name, formula_parameter(name, shape).set_requires_grad(true),
                              /*is_buffer=*/false);
  };
  network.register_attribute("training", c10::BoolType::get(), true);
  torch::jit::Module conv("Conv");
  parameter(conv, "weight", {6, 3, 3, 3});
  torch::jit::Module bn("Norm");
  parameter(bn, "weight", {6});
  parameter(bn, "bias", {6});
  bn.register_buffer("running_mean", at::zeros({6}));
  bn.register_buffer("running_var", at::ones({6}));
  network.register_module("conv", conv);
  network.register_module("bn", bn);
  parameter(network, "classifier", {1000, 6});
  network.define(R"(
def body(self, x):
    y = torch.conv2d(x, self.conv.weight, None, [2, 2], [1, 1])
    y = torch.batch_norm(y, self.bn.weight, self.bn.bias, self.bn.running_mean,
                         self.bn.running_var, self.training, 0.1, 1e-5, True)
    return torch.relu(y)
)" + methods);
  return network;
}

}  // namespace retort::testing
