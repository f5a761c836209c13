#include "retort/deploy/cost.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "retort/core/error.h"
#include "retort/core/log.h"
#include "retort/deploy/trace.h"
#include "retort/models/programs/graph_network.h"

namespace retort::deploy {

namespace jit = torch::jit;

namespace {

constexpr double kSeconds = 0.5;  // measured, after the warm-up
constexpr size_t kFewestRuns = 3, kMostRuns = 100;

std::vector<int64_t> sizes(const jit::Value* value) {
  return value->type()->expect<c10::TensorType>()->sizes().concrete_sizes().value();
}

int64_t elements(const jit::Value* value) {
  const std::vector<int64_t> shape = sizes(value);
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

// Each output element is a sum over one filter of the weight [out, in / groups, height, width].
int64_t of_convolution(const jit::Node& node) {
  return elements(node.output()) * elements(node.input(1)) / sizes(node.input(1)).at(0);
}

int64_t of_linear(const jit::Node& node) {
  return elements(node.output()) * sizes(node.input(0)).back();
}

int64_t of_addmm(const jit::Node& node) {
  return elements(node.output()) * sizes(node.input(1)).back();
}

// Two products: queries by keys, then attention weights by values.
int64_t of_attention(const jit::Node& node) {
  const int64_t keys = sizes(node.input(1)).rbegin()[1];
  return elements(node.input(0)) * keys + elements(node.output()) * keys;
}

int64_t multiply_adds(const jit::Node& node) {
  static const std::map<std::string, int64_t (*)(const jit::Node&)> rules{
      {"aten::conv2d", of_convolution},
      {"aten::_convolution_mode", of_convolution},
      {"aten::convolution", of_convolution},
      {"aten::_convolution", of_convolution},
      {"aten::linear", of_linear},
      {"aten::matmul", of_linear},
      {"aten::bmm", of_linear},
      {"aten::mm", of_linear},
      {"aten::addmm", of_addmm},
      {"aten::scaled_dot_product_attention", of_attention},
  };
  const auto rule = rules.find(node.kind().toQualString());
  return rule == rules.end() ? 0 : rule->second(node);
}

double median_milliseconds(models::ImageModel& model, int64_t size) {
  const at::NoGradGuard no_grad;
  const EvaluationMode evaluation(model);
  const at::Tensor image = sample_images(model, 1, size);
  // Reading a value waits until an asynchronous device has finished.
  const auto run = [&] { return model.forward(image).logits.sum().item<float>(); };
  run();
  run();
  std::vector<double> milliseconds;
  const Stopwatch all;
  while (milliseconds.size() < kFewestRuns ||
         (milliseconds.size() < kMostRuns && all.seconds() < kSeconds)) {
    const Stopwatch one;
    run();
    milliseconds.push_back(one.seconds() * 1e3);
  }
  const auto middle = milliseconds.begin() + static_cast<std::ptrdiff_t>(milliseconds.size() / 2);
  std::nth_element(milliseconds.begin(), middle, milliseconds.end());
  return *middle;
}

}  // namespace

int64_t count_parameters(const models::ImageModel& model) {
  if (models::is_graph(model.spec())) return 0;
  int64_t count = 0;
  for (const at::Tensor& parameter : model.parameters()) count += parameter.numel();
  return count;
}

int64_t count_multiply_adds(models::ImageModel& model, int64_t size) {
  if (models::is_graph(model.spec())) return 0;
  try {
    const std::shared_ptr<jit::Graph> graph = trace_graph(model, size, 1);
    int64_t count = 0;
    for (const jit::Node* node : graph->nodes()) count += multiply_adds(*node);
    return count;
  } catch (const Error&) {
    if (models::is_object(model.spec())) return 0;  // its forward pass may not be traceable
    throw;
  }
}

Cost measure_cost(models::ImageModel& model, int64_t size) {
  return {count_parameters(model), count_multiply_adds(model, size),
          median_milliseconds(model, size)};
}

}  // namespace retort::deploy
