#include "retort/run/teacher_measures.h"

#include <algorithm>

#include "retort/core/error.h"
#include "retort/core/text.h"
#include "retort/run/central_views.h"
#include "retort/run/compare_files.h"
#include "retort/run/open_data.h"
#include "retort/run/teacher_logits.h"
#include "retort/teacher/linear_probe.h"
#include "retort/teacher/nearest.h"

namespace retort::run {
namespace {

constexpr int64_t kMostImages = 4096;

std::string names_of(const RunConfig& config) {
  std::string names;
  for (const std::string& teacher : config.teacher)
    names += (names.empty() ? "" : " + ") + last_part(teacher);
  return names;
}

// The percentage of points whose nearest neighbour has the same label.
double neighbour_agreement(const at::Tensor& points, const at::Tensor& labels) {
  at::Tensor cosines = at::mm(points, points.t());
  cosines.fill_diagonal_(-2);
  const at::Tensor nearest = cosines.argmax(1);
  return 100 * labels.index_select(0, nearest).eq(labels).to(at::kDouble).mean().item<double>();
}

// Fits each teacher a head on these images, and returns the mean of the logits on validation
// images.
at::Tensor logits_on_validation(const CentralViews& train, const CentralViews& val,
                                const PreparedTeachers& teachers, int64_t classes,
                                const Context& context) {
  LogitsMean mean;
  for (size_t i = 0; i < teachers.teachers.size(); ++i) {
    const teacher::LinearHead head = teacher::fit_linear_probe(
        train.parts[i].parts(), data::labels_of(train.images), val.parts[i].parts(),
        data::labels_of(val.images), classes, null_log(), context.stop);
    mean.add(at::linear(val.parts[i].all(), head.weight, head.bias), teachers.weights[i]);
  }
  return mean.value();
}

TeacherMeasure measure(const RunConfig& config, const Context& context) {
  const Stopwatch watch;
  Plan plan = resolve(config);
  const data::Manifest manifest = list_data(plan, context).manifest;
  plan.teachers.head = TeacherHead::probe;
  TeacherMeasure result{.name = names_of(config)};
  context.log.info("measuring what " + result.name + " knows of the task");
  PreparedTeachers teachers = prepare_teachers(plan, plan.teachers, manifest.classes, context);
  const auto seen = [&](data::Split split) {
    return central_views(plan, manifest, spread_over_classes(manifest, split, kMostImages),
                         teachers, context);
  };
  const CentralViews train = seen(data::Split::train), val = seen(data::Split::val);
  const at::NoGradGuard no_grad;
  const teacher::Points points(train.parts, teachers.weights, train.images.size());
  result.neighbour =
      neighbour_agreement(points.rows(0, points.count()), data::labels_of(train.images));
  at::Tensor logits;
  {
    const at::AutoGradMode grad(true);  // the head is fitted with gradients
    logits = logits_on_validation(train, val, teachers, std::ssize(manifest.classes), context);
  }
  result.probe = teacher::accuracy_of(logits, data::labels_of(val.images));
  result.certainty = 100 * logits.softmax(1).amax(1).mean().item<double>();
  result.seconds = watch.seconds();
  return result;
}

}  // namespace

std::vector<TeacherMeasure> measure_teachers(const std::vector<RunConfig>& configs,
                                             const Context& context) {
  std::vector<TeacherMeasure> measures;
  for (const RunConfig& config : configs) measures.push_back(measure(config, context));
  std::ranges::stable_sort(measures, [](const TeacherMeasure& a, const TeacherMeasure& b) {
    return a.probe != b.probe ? a.probe > b.probe : a.neighbour > b.neighbour;
  });
  return measures;
}

std::string text_of(const std::vector<TeacherMeasure>& measures) {
  std::vector<std::vector<std::string>> lines{
      {"teacher", "probe, validation", "nearest neighbour", "certainty", "measured in"}};
  for (const TeacherMeasure& each : measures)
    lines.push_back({each.name, percent(each.probe), percent(each.neighbour),
                     percent(each.certainty), duration(each.seconds)});
  return aligned(lines, 1) + "by the probe " + measures.front().name +
         " would teach best; how often this measure is right has not been checked";
}

}  // namespace retort::run
