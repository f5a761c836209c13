#include "retort/run/describe_run.h"

#include <ATen/Parallel.h>

#include "retort/version.h"

namespace retort::run {
namespace {

DataSummary data_summary(const Plan& plan, const OpenData& data) {
  return {.path = plan.data.path,
          .labelled_by_teacher = plan.data.unlabelled(),
          .splits = plan.data.splits,
          .max_skipped = plan.data.max_skipped,
          .classes = static_cast<int64_t>(data.manifest.classes.size()),
          .train = data.train.size(),
          .val = data.val.size(),
          .test = data.test.size()};
}

std::vector<ExtraSummary> extras_summary(const Plan& plan, const OpenData& data) {
  std::vector<ExtraSummary> all;
  for (const ExtraSource& extra : data.extras)
    all.push_back(
        {.path = extra.given.path.string(),
         .ratio = extra.given.ratio,
         .images = extra.found,
         .used = extra.images.size(),
         .labels = plan.data.trusts_extra_labels,
         .share =
             static_cast<double>(extra.each_epoch) / static_cast<double>(data.images_an_epoch()),
         .selected = extra.selection ? extra.selection->per_class : std::vector<int64_t>{}});
  return all;
}

}  // namespace

void describe_run(const Plan& plan, const OpenData& data, const TrainedStudent& student,
                  RunSummary& summary) {
  const train::TrainResult& result = student.result;
  summary.version = kVersion;
  summary.data = data_summary(plan, data);
  summary.extras = extras_summary(plan, data);
  summary.skipped = data.skipped;
  summary.epochs = result.epochs;
  summary.image_steps = data.images_an_epoch() * result.epochs;
  summary.closing = student.closing;
  if (student.closing) summary.image_steps += student.closing->images * student.closing->epochs;
  summary.images_per_second = result.images_per_second;
  summary.seed = static_cast<int64_t>(plan.training.options.seed);
  summary.threads = at::get_num_threads();
  summary.device = plan.device.str();
  summary.precision = models::to_string(plan.precision);
}

}  // namespace retort::run
