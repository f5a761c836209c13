#include "retort/train/speed.h"

#include <algorithm>
#include <vector>

#include "retort/core/log.h"
#include "retort/train/optimizer.h"

namespace retort::train {

double training_speed(models::ImageModel& model, int64_t size, int64_t batch_size, models::Precision precision, at::MemoryFormat layout) {
  constexpr int kSteps = 5;
  constexpr double kSeconds = 2;
  AdamW optimizer(trainable(model), {});
  if (layout == at::MemoryFormat::ChannelsLast) models::use_channels_last(model);
  model.train();
  const c10::Device device = models::device_of(model);
  const at::Tensor images = at::randn({batch_size, 3, size, size}, device).contiguous(layout);
  const at::Tensor labels = at::zeros({batch_size}, at::TensorOptions(device).dtype(at::kLong));
  std::vector<double> seconds;
  const Stopwatch all;
  for (int step = 0; step <= 1 || (step <= kSteps && all.seconds() < kSeconds); ++step) {
    const Stopwatch watch;
    at::Tensor logits;
    {
      const models::AutocastGuard autocast(precision);
      logits = model.forward(images).logits.to(at::kFloat);
    }
    optimizer.zero_grad();
    const at::Tensor loss = at::cross_entropy_loss(logits, labels);
    loss.backward();
    optimizer.step(0);
    (void)loss.item<float>();                          // waits for devices that run behind
    if (step > 0) seconds.push_back(watch.seconds());  // the first one warms up
  }
  std::ranges::sort(seconds);
  return static_cast<double>(batch_size) / seconds[seconds.size() / 2];
}

}  // namespace retort::train
