#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <torch/csrc/jit/ir/ir.h>

#include "retort/models/image_model.h"

namespace retort::deploy {

// Keeps a model in evaluation mode during its lifetime; then every module gets its own mode back.
class EvaluationMode {
 public:
  explicit EvaluationMode(models::ImageModel& model);
  ~EvaluationMode();
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  models::ImageModel& model_;
  bool own_;
  // The modules below and their modes, parents before children.
  std::vector<std::pair<std::shared_ptr<torch::nn::Module>, bool>> below_;
};

// Standard normal values [batch, 3, size, size] on the model's device, from a generator with this
// seed.
at::Tensor sample_images(models::ImageModel& model, int64_t batch, int64_t size, uint64_t seed = 0);

// Traces the forward pass from images [batch, 3, size, size] to logits, in evaluation mode and
// without gradients. The graph has one input, one output, and aten operators without in-place
// forms; parameters are constants that share the model's memory, and constant expressions are
// folded. Throws Error when the model is not fp32 or cannot be traced, or when the graph and the
// model give different logits for other images.
std::shared_ptr<torch::jit::Graph> trace_graph(models::ImageModel& model, int64_t size,
                                               int64_t batch);

// A whole number in a graph: `value`, or with per_image `value` times the batch size.
struct Extent {
  int64_t value = 0;
  bool per_image = false;
};

// libtorch's C++ tracer records sizes as plain numbers. Comparing two traces with different batch
// sizes shows which numbers depend on the batch.
class BatchTrace {
 public:
  // Throws Error when the two graphs differ in their operators, and as trace_graph does.
  BatchTrace(models::ImageModel& model, int64_t size);

  torch::jit::Graph& graph() const { return *graph_; }
  // The shape of a tensor. Throws Error when a size is neither fixed nor proportional to the batch.
  std::vector<Extent> shape(const torch::jit::Value* value) const;
  // A constant whole number, or a list of them. Throws as shape() does.
  std::vector<Extent> extents(const torch::jit::Value* value) const;
  // The same constant in the trace with the other batch size.
  c10::IValue other_constant(const torch::jit::Value* value) const;

 private:
  void pair_up(const torch::jit::Block* block, const torch::jit::Block* other);

  std::shared_ptr<torch::jit::Graph> graph_, other_;
  std::unordered_map<const torch::jit::Value*, const torch::jit::Value*> twins_;
};

}  // namespace retort::deploy
