#include "retort/run/recommended_teachers.h"

#include <array>

#include "retort/core/error.h"
#include "retort/core/text.h"
#include "retort/hub/pull.h"
#include "retort/run/named_teacher.h"

namespace retort::run {
namespace {

// Names and licences are those of timm 1.0 and of the hub's pages; parameters are of the backbone.
constexpr std::array kTeachers{
    RecommendedTeacher{"hf:timm/vit_large_patch14_dinov2.lvd142m@224", 304.4, "Apache-2.0",
                       "DINOv2, ViT-L/14"},
    RecommendedTeacher{"hf:timm/vit_base_patch14_dinov2.lvd142m@224", 86.6, "Apache-2.0",
                       "DINOv2, ViT-B/14"},
    RecommendedTeacher{"hf:timm/vit_small_patch14_reg4_dinov2.lvd142m@224", 22.1, "Apache-2.0",
                       "DINOv2 with registers, ViT-S/14"},
    RecommendedTeacher{"hf:timm/vit_small_patch14_dinov2.lvd142m@224", 22.1, "Apache-2.0",
                       "DINOv2, ViT-S/14"},
    RecommendedTeacher{"hf:timm/convnext_tiny.in12k_ft_in1k", 28.6, "Apache-2.0",
                       "ConvNeXt-T, ImageNet-12k and -1k"},
    RecommendedTeacher{"hf:timm/tf_efficientnet_lite2.in1k", 6.1, "Apache-2.0",
                       "EfficientNet-Lite2, ImageNet-1k"},
    RecommendedTeacher{"hf:timm/tf_efficientnet_lite0.in1k", 4.7, "Apache-2.0",
                       "EfficientNet-Lite0, ImageNet-1k"},
};

hub::Reference reference_of(const RecommendedTeacher& teacher) {
  return hub::parse_reference(teacher_from(teacher.name).name);
}

bool is_here(const RecommendedTeacher& teacher) {
  return hub::find(reference_of(teacher), hub::options_from_environment()).has_value();
}

std::string pull_command(const RecommendedTeacher& teacher) {
  return "retort pull " + teacher_from(teacher.name).name;
}

}  // namespace

std::span<const RecommendedTeacher> recommended_teachers() { return kTeachers; }

std::string automatic_teacher() {
  for (const RecommendedTeacher& teacher : kTeachers)
    if (is_here(teacher)) return teacher.name;
  constexpr size_t kUsual = 3;  // strong, and small enough for a CPU
  throw Error("takes the best recommended teacher that the hub's cache holds, and it holds none",
              "--teacher auto",
              pull_command(kTeachers[kUsual]) + " (" + fixed(kTeachers[kUsual].parameters, 0) +
                  " M parameters), or another of `retort list teachers --recommended`");
}

std::string text_of_recommended() {
  std::vector<std::vector<std::string>> lines{
      {"--teacher", "what it is", "licence", "here", "parameters"}};
  for (const RecommendedTeacher& teacher : kTeachers)
    lines.push_back({teacher.name, teacher.what, teacher.licence, is_here(teacher) ? "yes" : "–",
                     fixed(teacher.parameters, 1) + " M"});
  return aligned(lines, 4) +
         "The best first, by how well such networks transfer; larger ones take longer. `--teacher "
         "auto` takes\nthe first that is here; `" +
         pull_command(kTeachers[3]) + "` brings one.\n";
}

}  // namespace retort::run
