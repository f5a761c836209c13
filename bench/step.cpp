// One training step of a student on labels alone, on one batch in memory: in fp32 and bf16, in both
// memory layouts, and with Muon compared with AdamW.
#include <torch/utils.h>

#include "bench/bench.h"
#include "retort/models/registry.h"
#include "retort/train/speed.h"

namespace bench::of_step {
namespace {

using namespace retort;

// The median of several ratios of two rates that were measured one after the other.
double muon_over_adamw(const std::string& arch, int64_t size) {
  const auto speed = [&](bool muon) {
    torch::manual_seed(0);
    return train::training_speed(*models::make_model({arch, 100}), size, 64,
                                 models::fastest_precision(), muon);
  };
  std::vector<double> ratios;
  for (int round = 0; round < 3; ++round) {
    const double muon = speed(true);
    ratios.push_back(muon / speed(false));
  }
  return median(ratios);
}

void run(const std::vector<std::string>&, Results& results) {
  for (const char* arch : {"mobilenet_v2", "resnet18"})
    for (const models::Precision precision : {models::Precision::fp32, models::Precision::bf16})
      for (const at::MemoryFormat layout :
           {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
        torch::manual_seed(0);
        const models::ModelPtr student = models::make_model({arch, 100});
        results.add(
            "step_images_per_second." + std::string(arch) + "." + models::to_string(precision) +
                (layout == at::MemoryFormat::ChannelsLast ? ".channels_last" : ".contiguous"),
            train::training_speed(*student, 128, 64, precision, /*muon=*/false, layout),
            "images/s, batch 64, 128 px");
      }
  for (const char* arch : {"mobilenet_v2", "resnet18"})
    for (const int64_t size : {64, 224})
      results.add("muon_over_adamw." + std::string(arch) + "." + std::to_string(size),
                  muon_over_adamw(arch, size), "of AdamW's images/s, batch 64");
}

}  // namespace

Part part() { return {"step", {}, run}; }

}  // namespace bench::of_step
