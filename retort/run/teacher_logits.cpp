#include "retort/run/teacher_logits.h"

namespace retort::run {

FeatureParts evaluation_parts(const Plan& plan, teacher::Teacher& teacher,
                              const data::ImageStore& images, const std::string& what,
                              const Context& context) {
  return teacher::evaluation_features(plan.cache, teacher, images, what, context.log, context.stop);
}

at::Tensor evaluation_logits(const Plan& plan, teacher::Teacher& teacher,
                             const data::ImageStore& images, const std::string& what,
                             const Context& context) {
  return teacher::logits_of(teacher, evaluation_parts(plan, teacher, images, what, context));
}

}  // namespace retort::run
