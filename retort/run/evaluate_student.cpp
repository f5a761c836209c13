#include "retort/run/evaluate_student.h"

#include "retort/core/error.h"
#include "retort/core/text.h"
#include "retort/deploy/onnx_export.h"
#include "retort/run/evaluate_run.h"
#include "retort/run/network_costs.h"
#include "retort/run/objects.h"
#include "retort/run/start_student.h"
#include "retort/run/zero_shot_classes.h"

namespace retort::run {
namespace {

// retort's exporter may fail to trace a Python object; then the object's own exporter is tried.
void write_onnx(const StudentPlan& plan, const RunFolder& folder, const Student& student,
                Log& log) {
  try {
    deploy::write_onnx(folder.onnx(), *student.model, student.classes, student.spec);
  } catch (const Error& error) {
    if (plan.object == nullptr || !plan.object->write_onnx) throw;
    log.info("retort's own exporter does not know this network, and another one is tried: " +
             error.parts().what);
    try {
      plan.object->write_onnx(folder.onnx(), *student.model, student.classes, student.spec);
    } catch (const Error& other) {  // the run continues, because its weights are worth keeping
      log.warn("student.onnx could not be written: " + other.parts().what);
    }
  }
}

}  // namespace

StudentSummary evaluate_student(const Plan& plan, const OpenData& data,
                                const TrainedStudent& trained, const RunFolder& folder,
                                const Context& context) {
  const Student student{trained.model, data.manifest.classes, data.spec};
  save_student(folder.student(), student);
  write_onnx(plan.student, folder, student, context.log);
  const bool has_test = data.test.size() > 0;
  const Evaluation evaluation = evaluate_store(
      student, data.manifest, has_test ? data.test : data.val,
      has_test ? "test" : validation_name(plan.data.unlabelled()), context.log, context.stop);
  write_evaluation(folder.predictions(), evaluation);

  StudentSummary summary;
  summary.arch = plan.student.title();
  summary.start = start_of(plan.student);
  summary.image_size = data.spec.size;
  summary.best_epoch = trained.result.best_epoch;
  if (data.val.size() > 0) summary.val_accuracy = trained.result.val_accuracy;
  if (has_test) {
    summary.test_accuracy = evaluation.metrics.accuracy;
    summary.test_mean_class_accuracy = evaluation.metrics.mean_class_accuracy;
  }
  measure_cost(*trained.model, data.spec.size, summary);
  context.log.info("student: " + percent(evaluation.metrics.accuracy) + " on " + evaluation.split +
                   " (epoch " + std::to_string(trained.result.best_epoch) +
                   ", kept by validation)");
  return summary;
}

}  // namespace retort::run
