#include "retort/run/evaluate_student.h"

#include "retort/deploy/onnx_export.h"
#include "retort/report/text.h"
#include "retort/run/evaluate_run.h"
#include "retort/run/start_student.h"
#include "retort/run/zero_shot_classes.h"

namespace retort::run {

StudentSummary evaluate_student(const Plan& plan, const OpenData& data,
                                const TrainedStudent& trained, const RunFolder& folder,
                                const Context& context) {
  const Student student{trained.model, data.manifest.classes, data.spec};
  save_student(folder.student(), student);
  deploy::write_onnx(folder.onnx(), *trained.model, student.classes, student.spec);
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
  context.log.info("student: " + report::percent(evaluation.metrics.accuracy) + " on " +
                   evaluation.split + " (epoch " + std::to_string(trained.result.best_epoch) +
                   ", kept by validation)");
  return summary;
}

}  // namespace retort::run
