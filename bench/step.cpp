// One training step of a student on labels alone, in fp32 and bf16 and in both layouts, on one batch in memory.
#include <torch/utils.h>

#include "bench/bench.h"
#include "retort/models/registry.h"
#include "retort/train/speed.h"

namespace bench::of_step {
namespace {

using namespace retort;

void run(const std::vector<std::string>&, Results& results) {
  for (const char* arch : {"mobilenet_v2", "resnet18"})
    for (const models::Precision precision : {models::Precision::fp32, models::Precision::bf16})
      for (const at::MemoryFormat layout : {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
        torch::manual_seed(0);
        const models::ModelPtr student = models::make_model({arch, 100});
        results.add("step_images_per_second." + std::string(arch) + "." + models::to_string(precision) +
                        (layout == at::MemoryFormat::ChannelsLast ? ".channels_last" : ".contiguous"),
                    train::training_speed(*student, 128, 64, precision, /*muon=*/false, layout), "images/s, batch 64, 128 px");
      }
}

}  // namespace

Part part() { return {"step", {}, run}; }

}  // namespace bench::of_step
