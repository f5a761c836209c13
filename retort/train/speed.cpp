#include "retort/train/speed.h"

#include <algorithm>
#include <vector>

#include "retort/core/log.h"
#include "retort/train/optimizer.h"
#include "retort/train/student_pass.h"

namespace retort::train {

double training_speed(models::ImageModel& model, int64_t size, int64_t batch_size,
                      models::Precision precision, bool muon, at::MemoryFormat layout,
                      double seconds) {
  constexpr int kSteps = 5;
  if (layout == at::MemoryFormat::ChannelsLast) models::use_channels_last(model);
  // Its moments take the layout that the parameters have by now.
  Optimizer optimizer(trainable(model), {.muon = muon});
  model.train();
  const c10::Device device = models::device_of(model);
  const at::Tensor images = at::randn({batch_size, 3, size, size}, device).contiguous(layout);
  const at::Tensor labels = at::zeros({batch_size}, at::TensorOptions(device).dtype(at::kLong));
  StudentPass pass(model, precision);
  const int64_t warm_up = pass.warm_up();
  std::vector<double> taken;
  const Stopwatch all;
  for (int64_t step = 0; step <= warm_up || (step < warm_up + kSteps && all.seconds() < seconds);
       ++step) {
    const Stopwatch watch;
    const at::Tensor logits = pass.forward(images).logits;
    optimizer.zero_grad();
    const at::Tensor loss = at::cross_entropy_loss(logits, labels);
    loss.backward();
    pass.backward();
    optimizer.step(0);
    (void)loss.item<float>();  // waits until the device is done
    if (step >= warm_up) taken.push_back(watch.seconds());
  }
  std::ranges::sort(taken);
  return static_cast<double>(batch_size) / taken[taken.size() / 2];
}

}  // namespace retort::train
