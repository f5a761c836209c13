// Training steps of MobileNetV2 on labels alone, at three resolutions: what the allocator of
// tensors is worth. bench/allocators.sh runs it with several.
#include <torch/utils.h>

#include "bench/bench.h"
#include "retort/models/registry.h"
#include "retort/train/speed.h"

namespace bench::of_memory {
namespace {

using namespace retort;

void run(const std::vector<std::string>&, Results& results) {
  for (const int64_t size : {64, 128, 224}) {
    torch::manual_seed(0);
    const models::ModelPtr student = models::make_model({"mobilenet_v2", 100});
    results.add(
        "memory_images_per_second." + std::to_string(size),
        train::training_speed(*student, size, 64, models::fastest_precision(),
                              /*muon=*/false, at::MemoryFormat::ChannelsLast, /*seconds=*/4),
        "images/s, batch 64");
  }
}

}  // namespace

Part part() { return {"memory", {}, run}; }

}  // namespace bench::of_memory
