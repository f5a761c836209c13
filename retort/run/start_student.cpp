#include "retort/run/start_student.h"

#include <torch/utils.h>

#include "retort/models/programs/torchscript.h"
#include "retort/models/registry.h"
#include "retort/models/residual.h"
#include "retort/run/objects.h"

namespace retort::run {

std::string start_of(const StudentPlan& plan) {
  if (!plan.weights.empty()) return kPreTrained;
  return plan.own_network() ? kOwnWeights : kRandomWeights;
}

models::ModelPtr start_student(const StudentPlan& plan, int64_t classes,
                               std::optional<int64_t> image_size, Log& log) {
  if (plan.object != nullptr) return plan.object->student(classes);
  const models::ModelSpec fresh = models::student_spec(plan.name, classes, plan.features);
  if (plan.weights.empty()) {
    models::ModelPtr student =
        models::make_model(image_size ? models::for_image_size(fresh, *image_size) : fresh);
    if (plan.silent_start) models::zero_init_residual(*student);
    return student;
  }
  // The name is needed because some tensors fit several architectures.
  models::ModelPtr student = models::load_model(plan.weights, plan.name, log);
  student->reset_head(fresh.classes);
  if (plan.silent_start) {
    // The gradients of a random head would distort the pre-trained features before the head is of
    // use (Kumar et al. 2022, arXiv 2202.10054).
    torch::nn::init::zeros_(student->head()->weight);
    torch::nn::init::zeros_(student->head()->bias);
  }
  return student;
}

}  // namespace retort::run
