#include "retort/train/evaluate.h"

#include <torch/nn/functional/loss.h>

#include "retort/teacher/linear_probe.h"

namespace retort::train {

at::Tensor predict_logits(models::ImageModel& model, const data::ImageStore& images, const data::InputSpec& spec,
                          models::Precision precision, const std::string& task, Log& log, const StopFlag& stop) {
  constexpr int64_t kBatch = 64;
  const at::NoGradGuard no_grad;
  const models::AutocastGuard autocast(precision);
  const bool was_training = model.is_training();
  model.eval();
  const c10::Device device = models::device_of(model);
  Meter meter(log, task, images.size());
  std::vector<at::Tensor> logits;
  for (int64_t first = 0; first < images.size(); first += kBatch) {
    check_stop(stop, "evaluating");
    const int64_t count = std::min(kBatch, images.size() - first);
    logits.push_back(model.forward(data::eval_batch(images, first, count, spec).to(device)).logits.to(at::kCPU, at::kFloat));
    if (!task.empty()) meter.add(count);
  }
  model.train(was_training);
  return logits.empty() ? at::empty({0, model.spec().classes}) : at::cat(logits);
}

Score score(const at::Tensor& logits, const at::Tensor& labels) {
  if (labels.numel() == 0) return {};
  return {teacher::accuracy_of(logits, labels), at::cross_entropy_loss(logits, labels).item<double>()};
}

}  // namespace retort::train
