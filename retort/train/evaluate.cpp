#include "retort/train/evaluate.h"

#include <torch/nn/functional/loss.h>

#include "retort/core/device.h"
#include "retort/teacher/linear_probe.h"

namespace retort::train {

at::Tensor predict_logits(models::ImageModel& model, const data::ImageStore& images,
                          const data::InputSpec& spec, models::Precision precision,
                          const std::string& task, Log& log, const StopFlag& stop) {
  const at::NoGradGuard no_grad;
  const models::AutocastGuard autocast(precision);
  const bool was_training = model.is_training();
  model.eval();
  const c10::Device device = models::device_of(model);
  const int64_t batch = device.is_cpu() ? 64 : 512;  // keeps the device busy
  Meter meter(log, task, images.size());
  std::vector<at::Tensor> logits;
  for (int64_t first = 0; first < images.size(); first += batch) {
    check_stop(stop, "evaluating");
    const int64_t count = std::min(batch, images.size() - first);
    logits.push_back(
        model.forward(on_device(data::eval_batch(images, first, count, spec), device)).logits);
    if (!task.empty()) meter.add(count);
  }
  model.train(was_training);
  return logits.empty() ? at::empty({0, model.spec().classes})
                        : at::cat(logits).to(at::kCPU, at::kFloat);
}

Score score(const at::Tensor& logits, const at::Tensor& labels) {
  if (labels.numel() == 0) return {};
  return {teacher::accuracy_of(logits, labels),
          at::cross_entropy_loss(logits, labels).item<double>()};
}

}  // namespace retort::train
