#include "retort/deploy/trace.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/constant_propagation.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include "retort/core/error.h"

namespace retort::deploy {

namespace jit = torch::jit;

namespace {

constexpr int64_t kBatch = 2, kOtherBatch = 3;  // not 1, which would hide broadcasts over the batch

// Turns the tracer's warnings off: it prints to standard error, and trace_graph checks the result.
class QuietTracer {
 public:
  QuietTracer() : before_(jit::tracer::getTracerStateWarnMode().exchange(false)) {}
  ~QuietTracer() { jit::tracer::getTracerStateWarnMode() = before_; }
  QuietTracer(const QuietTracer&) = delete;
  QuietTracer& operator=(const QuietTracer&) = delete;

 private:
  bool before_;
};

void require_fp32(models::ImageModel& model) {
  for (const auto& [name, tensor] : models::state_of(model))
    if (tensor.is_floating_point() && tensor.scalar_type() != at::kFloat)
      throw Error("tensor '" + name + "' is " + std::string(tensor.dtype().name()) +
                      ", and only fp32 models are traced",
                  model.spec().arch, "convert the model with to(torch::kFloat)");
}

// Turns the parameters from inputs into constants. They are inputs of the trace because the tracer
// does not accept constants that require gradients.
void inputs_to_constants(jit::Graph& graph, const std::vector<at::Tensor>& tensors) {
  const jit::WithInsertPoint at_start(graph.block()->param_node()->next());
  for (size_t i = 0; i < tensors.size(); ++i)
    graph.inputs()[i + 1]->replaceAllUsesWith(graph.insertConstant(tensors[i].detach()));
  for (size_t i = tensors.size(); i > 0; --i) graph.eraseInput(i);
}

// Python's tracer records a request for a size as an operator. Here it becomes a plain number, as
// in traces of C++ models.
void sizes_to_constants(jit::Graph& graph) {
  const auto size = c10::Symbol::fromQualString("aten::size");
  for (jit::Node* node : graph.nodes()) {
    if (node->kind() != size || node->inputs().size() != 2) continue;
    const auto type = node->input(0)->type()->cast<c10::TensorType>();
    const auto sizes = type ? type->sizes().concrete_sizes() : std::nullopt;
    const auto place = jit::toIValue(node->input(1));
    if (!sizes || !place) continue;
    const int64_t from_end = place->toInt() < 0 ? static_cast<int64_t>(sizes->size()) : 0;
    const jit::WithInsertPoint here(node);
    node->output()->replaceAllUsesWith(
        graph.insertConstant(sizes->at(static_cast<size_t>(place->toInt() + from_end))));
  }
}

// Throws Error where the traced graph and the model give different logits, as after in-place writes
// through a view or branches on the images' values.
void check_graph(const std::shared_ptr<jit::Graph>& graph, models::ImageModel& model,
                 const at::Tensor& images) {
  jit::Stack stack{images};
  jit::InterpreterState(jit::Code(graph, "forward")).run(stack);
  const at::Tensor expected = model.forward(images).logits;
  const double tolerance = 1e-4 * std::max(1.0, expected.abs().max().item<double>());
  if (!at::allclose(stack.at(0).toTensor(), expected, 0, tolerance, /*equal_nan=*/true))
    throw Error(
        "the traced graph gives other logits than the model: its forward branches on values, or "
        "writes in place through a view",
        model.spec().arch);
}

std::shared_ptr<jit::Graph> trace_unguarded(models::ImageModel& model, int64_t size,
                                            int64_t batch) {
  std::vector<at::Tensor> tensors = model.parameters();
  for (const at::Tensor& buffer : model.buffers()) tensors.push_back(buffer);
  jit::Stack inputs{sample_images(model, batch, size)};
  inputs.insert(inputs.end(), tensors.begin(), tensors.end());
  const auto forward = [&](const jit::Stack& stack) {
    return jit::Stack{model.forward(stack.at(0).toTensor()).logits};
  };
  const auto traced = jit::tracer::trace(
      inputs, forward, [](const at::Tensor&) { return std::string(); }, /*strict=*/true,
      /*force_outplace=*/true);
  std::shared_ptr<jit::Graph> graph = traced.first->graph;
  inputs_to_constants(*graph, tensors);
  jit::Inline(*graph);
  sizes_to_constants(*graph);
  jit::ConstantPropagation(graph);
  jit::EliminateDeadCode(graph);
  check_graph(graph, model, sample_images(model, batch, size, 1));
  return graph;
}

[[noreturn]] void fail_on_batch(const std::string& what) {
  throw Error(what + " depends on the batch in another way than in proportion to it",
              "tracing the model");
}

Extent extent(int64_t value, int64_t other, const std::string& what) {
  if (value == other) return {value, false};
  if (value % kBatch != 0 || value / kBatch * kOtherBatch != other) fail_on_batch(what);
  return {value / kBatch, true};
}

std::vector<int64_t> concrete_sizes(const jit::Value* value) {
  const auto type = value->type()->cast<c10::TensorType>();
  const auto sizes = type ? type->sizes().concrete_sizes() : std::nullopt;
  if (!sizes)
    throw Error("the shape of '" + value->debugName() + "' is not known", "tracing the model");
  return *sizes;
}

std::vector<int64_t> whole_numbers(const jit::Value* value) {
  if (value->node()->kind() == c10::prim::ListConstruct) {
    std::vector<int64_t> numbers;
    for (const jit::Value* item : value->node()->inputs())
      numbers.push_back(whole_numbers(item).at(0));
    return numbers;
  }
  const auto constant = jit::toIValue(value);
  if (constant && constant->isIntList()) return constant->toIntVector();
  if (constant && constant->isInt()) return {constant->toInt()};
  throw Error("'" + value->debugName() + "' is not a known whole number", "tracing the model");
}

std::vector<Extent> extents_of(const std::vector<int64_t>& values,
                               const std::vector<int64_t>& others, const std::string& what) {
  if (values.size() != others.size()) fail_on_batch(what);
  std::vector<Extent> extents;
  for (size_t i = 0; i < values.size(); ++i) extents.push_back(extent(values[i], others[i], what));
  return extents;
}

}  // namespace

EvaluationMode::EvaluationMode(models::ImageModel& model)
    : model_(model), own_(model.is_training()) {
  for (const auto& module : model.modules(/*include_self=*/false))
    below_.emplace_back(module, module->is_training());
  model.eval();
}

EvaluationMode::~EvaluationMode() {
  model_.train(own_);  // also sets all modules below, which are then restored
  for (const auto& [module, training] : below_) module->train(training);
}

at::Tensor sample_images(models::ImageModel& model, int64_t batch, int64_t size, uint64_t seed) {
  const at::Tensor images = at::empty({batch, 3, size, size});
  images.normal_(0, 1, at::make_generator<at::CPUGeneratorImpl>(seed));
  return images.to(models::device_of(model));
}

std::shared_ptr<jit::Graph> trace_graph(models::ImageModel& model, int64_t size, int64_t batch) {
  require_fp32(model);
  const at::NoGradGuard no_grad;
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const EvaluationMode evaluation(model);
  const QuietTracer quiet;
  try {
    return trace_unguarded(model, size, batch);
  } catch (const c10::Error& error) {
    throw Error(std::string("the forward pass cannot be traced: ") + error.what_without_backtrace(),
                model.spec().arch);
  }
}

BatchTrace::BatchTrace(models::ImageModel& model, int64_t size)
    : graph_(trace_graph(model, size, kBatch)), other_(trace_graph(model, size, kOtherBatch)) {
  pair_up(graph_->block(), other_->block());
}

void BatchTrace::pair_up(const jit::Block* block, const jit::Block* other) {
  const auto pair = [&](c10::ArrayRef<const jit::Value*> ours,
                        c10::ArrayRef<const jit::Value*> theirs) {
    if (ours.size() != theirs.size()) fail_on_batch("the number of values");
    for (size_t i = 0; i < ours.size(); ++i) twins_[ours[i]] = theirs[i];
  };
  pair(block->inputs(), other->inputs());
  auto twin = other->nodes().begin();
  for (const jit::Node* node : block->nodes()) {
    if (twin == other->nodes().end() || twin->kind() != node->kind())
      fail_on_batch("the sequence of operators");
    pair(node->outputs(), twin->outputs());
    ++twin;
  }
}

std::vector<Extent> BatchTrace::shape(const jit::Value* value) const {
  return extents_of(concrete_sizes(value), concrete_sizes(twins_.at(value)),
                    "the shape of '" + value->debugName() + "'");
}

c10::IValue BatchTrace::other_constant(const jit::Value* value) const {
  auto constant = jit::toIValue(twins_.at(value));
  if (!constant) fail_on_batch("whether '" + value->debugName() + "' is a constant");
  return *constant;
}

std::vector<Extent> BatchTrace::extents(const jit::Value* value) const {
  return extents_of(whole_numbers(value), whole_numbers(twins_.at(value)),
                    std::string("a number in ") + value->node()->kind().toDisplayString());
}

}  // namespace retort::deploy
