#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <torch/csrc/jit/ir/ir.h>

#include "retort/models/image_model.h"

namespace retort::deploy {

// A model in evaluation mode for as long as this lives; every module gets its own mode back.
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

// Normal values [batch, 3, size, size] from a generator of its own, on the model's device.
at::Tensor sample_images(models::ImageModel& model, int64_t batch, int64_t size, uint64_t seed = 0);

// The forward pass on images [batch, 3, size, size] to logits, in evaluation mode and without
// gradients, as libtorch's tracer sees it: one input, one output, aten operators without in-place
// forms; parameters are constants that share the model's memory, and what depends on constants
// alone is folded. Throws Error when the model is not fp32, or when the graph does not give what
// the model gives on other images.
std::shared_ptr<torch::jit::Graph> trace_graph(models::ImageModel& model, int64_t size,
                                               int64_t batch);

// A whole number of a graph: `value`, or `value` for each image of the batch.
struct Extent {
  int64_t value = 0;
  bool per_image = false;
};

// libtorch's C++ tracer records sizes as plain numbers. Two traces with unequal batches tell which
// numbers come from the batch.
class BatchTrace {
 public:
  // Throws Error when the two graphs differ in more than proportional numbers.
  BatchTrace(models::ImageModel& model, int64_t size);

  torch::jit::Graph& graph() const { return *graph_; }
  // Of a tensor value.
  std::vector<Extent> shape(const torch::jit::Value* value) const;
  // Of a constant number or list of numbers.
  std::vector<Extent> extents(const torch::jit::Value* value) const;
  // What a constant is in the trace with the other batch.
  c10::IValue other_constant(const torch::jit::Value* value) const;

 private:
  void pair_up(const torch::jit::Block* block, const torch::jit::Block* other);

  std::shared_ptr<torch::jit::Graph> graph_, other_;
  std::unordered_map<const torch::jit::Value*, const torch::jit::Value*> twins_;
};

}  // namespace retort::deploy
