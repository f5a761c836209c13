#include "retort/train/student_pass.h"

#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/autograd.h>

#include <exception>

namespace retort::train {
namespace {

// Passes before one is recorded. In the first passes libraries choose and load their kernels, which
// cannot be recorded.
constexpr int64_t kPassesBefore = 3;

template <typename Body>
void capture(at::GraphImplInterface& graph, at::MempoolId_t pool, const Body& body) {
  graph.capture_begin(pool);
  std::exception_ptr failure;
  try {
    body();
  } catch (...) {
    failure = std::current_exception();
  }
  try {
    graph.capture_end();  // also after a failure, because the stream would go on recording
  } catch (const c10::Error&) {
    if (failure == nullptr) throw;  // otherwise this is the same failure again
  }
  if (failure != nullptr) std::rethrow_exception(failure);
}

at::Tensor leaf(const at::Tensor& tensor) { return tensor.detach().requires_grad_(); }

void give(const at::Tensor& to, const at::Tensor& gradient) {
  if (gradient.defined())
    to.copy_(gradient);
  else
    to.zero_();
}

// The fused optimiser needs gradients with the memory layout of their parameters. Autograd ensures
// this only where it accumulates them.
at::Tensor laid_out_as(const at::Tensor& parameter, const at::Tensor& gradient) {
  if (!gradient.defined() || gradient.strides() == parameter.strides()) return gradient;
  return at::empty_like(parameter).copy_(gradient);
}

}  // namespace

StudentPass::StudentPass(models::ImageModel& student, models::Precision precision)
    : student_(student),
      precision_(precision),
      records_(at::has_graph_impl(models::device_of(student).type())) {
  for (const at::Tensor& parameter : student.parameters())
    if (parameter.requires_grad()) parameters_.push_back(parameter);
}

int64_t StudentPass::warm_up() const { return records_ ? kPassesBefore + 1 : 1; }

models::Output StudentPass::autograd(const at::Tensor& images) const {
  const models::AutocastGuard autocast(precision_);
  const models::Output output = student_.forward(images);
  return {output.features.to(at::kFloat), output.logits.to(at::kFloat)};
}

models::Output StudentPass::forward(const at::Tensor& images) {
  replayed_ = recording_of(images);
  if (replayed_ == nullptr) return autograd(images);
  replayed_->images.copy_(images);
  replayed_->forward->replay();
  leaves_ = {leaf(replayed_->output.features), leaf(replayed_->output.logits)};
  return leaves_;
}

void StudentPass::backward() {
  if (replayed_ == nullptr) return;
  give(replayed_->output_gradients.features, leaves_.features.grad());
  give(replayed_->output_gradients.logits, leaves_.logits.grad());
  replayed_->backward->replay();
  for (size_t i = 0; i < parameters_.size(); ++i)
    parameters_[i].mutable_grad() = replayed_->gradients[i];
}

StudentPass::Recording* StudentPass::recording_of(const at::Tensor& images) {
  if (!records_) return nullptr;
  Recording& recording = recordings_[images.size(0)];
  if (recording.passes++ < kPassesBefore) return nullptr;
  if (recording.backward == nullptr) {
    try {
      record(recording, images);
    } catch (const c10::Error&) {  // a pass that waits for the device cannot be recorded
      records_ = false;
      recordings_.clear();
      return nullptr;
    }
  }
  return &recording;
}

void StudentPass::record(Recording& recording, const at::Tensor& images) const {
  const c10::Device device = images.device();
  const c10::impl::VirtualGuardImpl of_device(device.type());
  of_device.synchronizeDevice(device.index());
  const c10::StreamGuard on_its_own(
      of_device.getStreamFromGlobalPool(device));  // the default stream cannot be recorded
  recording.images = images.clone();
  recording.forward = at::create_graph_impl(device.type());
  models::Output output;
  capture(*recording.forward, {0, 0}, [&] { output = autograd(recording.images); });
  recording.output = {output.features.detach(), output.logits.detach()};
  recording.output_gradients = {at::zeros_like(recording.output.features),
                                at::zeros_like(recording.output.logits)};
  of_device.synchronizeDevice(device.index());
  Graph backward = at::create_graph_impl(device.type());
  capture(*backward, recording.forward->pool(), [&] {
    recording.gradients = torch::autograd::grad(
        {output.features, output.logits}, parameters_,
        {recording.output_gradients.features, recording.output_gradients.logits},
        /*retain_graph=*/false, /*create_graph=*/false, /*allow_unused=*/true);
    for (size_t i = 0; i < parameters_.size(); ++i)
      recording.gradients[i] = laid_out_as(parameters_[i], recording.gradients[i]);
  });
  recording.backward = std::move(backward);
  of_device.synchronizeDevice(device.index());
}

}  // namespace retort::train
