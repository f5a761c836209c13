// One training step of a student on labels alone, in fp32 and bf16 and in both layouts, on one batch in memory.
#include <ATen/Parallel.h>
#include <torch/utils.h>

#include "bench/bench.h"
#include "retort/models/precision.h"
#include "retort/models/registry.h"
#include "retort/train/optimizer.h"

namespace bench::of_step {
namespace {

using namespace retort;

constexpr int64_t kBatch = 64, kSize = 128, kClasses = 100;

double images_a_second(const std::string& arch, models::Precision precision, bool channels_last) {
  torch::manual_seed(0);
  const models::ModelPtr student = models::make_model({arch, kClasses});
  if (channels_last) models::use_channels_last(*student);
  student->train();
  std::vector<std::pair<std::string, at::Tensor>> parameters;
  for (const auto& item : student->named_parameters()) parameters.emplace_back(item.key(), item.value());
  train::AdamW optimizer(parameters, {});
  const at::Tensor images =
      at::randn({kBatch, 3, kSize, kSize}).contiguous(channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
  const at::Tensor labels = at::randint(kClasses, {kBatch}, at::kLong);
  return kBatch / seconds_a_call(
                      [&] {
                        at::Tensor logits;
                        {
                          const models::AutocastGuard autocast(precision);
                          logits = student->forward(images).logits.to(at::kFloat);
                        }
                        optimizer.zero_grad();
                        at::cross_entropy_loss(logits, labels).backward();
                        optimizer.clip_gradients(5);
                        optimizer.step(1e-4);
                      },
                      3);
}

void run(const std::vector<std::string>&, Results& results) {
  for (const char* arch : {"mobilenet_v2", "resnet18"})
    for (const models::Precision precision : {models::Precision::fp32, models::Precision::bf16})
      for (const bool channels_last : {true, false})
        results.add("step_images_per_second." + std::string(arch) + "." + models::to_string(precision) +
                        (channels_last ? ".channels_last" : ".contiguous"),
                    images_a_second(arch, precision, channels_last), "images/s, batch 64, 128 px");
}

}  // namespace

Part part() { return {"step", {}, run}; }

}  // namespace bench::of_step
