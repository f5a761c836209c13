#include "retort/run/zero_shot_classes.h"

#include <algorithm>

#include "retort/core/error.h"
#include "retort/generate/prompts.h"

namespace retort::run {

std::vector<std::vector<std::string>> class_texts(const Plan& plan,
                                                  const std::vector<std::string>& classes) {
  const std::vector<generate::ClassPrompts> known = generate::read_prompts(
      {.classes = plan.data.unlabelled() ? plan.data.classes_file : plan.data.path,
       .prompts = plan.teachers.prompts,
       .file = {}});
  std::vector<std::vector<std::string>> texts;
  for (const std::string& name : classes) {
    const auto found = std::ranges::find(known, name, &generate::ClassPrompts::label);
    if (found == known.end())
      throw Error("there are no words for the class '" + name + "'", plan.data.path);
    texts.push_back(found->prompts);
  }
  return texts;
}

}  // namespace retort::run
