#include "retort/run/pretraining.h"

#include <array>

namespace retort::run {
namespace {

constexpr int64_t kImageNet = 1281167;

struct Schedule {
  const char* prefix;  // of the architecture's name; the first match counts
  int64_t epochs, size;
  const char* source;
};
// torchvision: references/classification. EfficientNet and its Lite variants: Tan & Le 2019, arXiv
// 1905.11946, section 5. DeiT: Touvron et al. 2021, arXiv 2012.12877, table 9. ConvNeXt: arXiv
// 2201.03545, appendix A. Swin: arXiv 2103.14030, section 4.1.
constexpr std::array kSchedules{
    Schedule{"resnet", 90, 224, "torchvision"},
    Schedule{"mobilenet_v2", 300, 224, "torchvision"},
    Schedule{"mobilenet_v3", 600, 224, "torchvision"},
    Schedule{"shufflenet_v2", 300, 224, "torchvision"},
    Schedule{"efficientnet", 350, 224, "Tan & Le 2019"},
    Schedule{"deit", 300, 224, "Touvron et al. 2021"},
    Schedule{"convnext_tiny", 300, 224, "Liu et al. 2022"},
    Schedule{"convnext_small", 300, 224, "Liu et al. 2022"},
    Schedule{"convnext_base", 300, 224, "Liu et al. 2022"},
    Schedule{"swin_", 300, 224, "Liu et al. 2021"},
};

}  // namespace

std::optional<Pretraining> pretraining_of(const std::string& arch) {
  for (const Schedule& schedule : kSchedules)
    if (arch.starts_with(schedule.prefix))
      return Pretraining{schedule.epochs, kImageNet, schedule.size, schedule.source};
  return std::nullopt;
}

}  // namespace retort::run
