#include "retort/run/fit_teachers.h"

#include <algorithm>
#include <array>
#include <utility>

#include "retort/core/device.h"
#include "retort/core/text.h"
#include "retort/data/metrics.h"
#include "retort/deploy/cost.h"
#include "retort/run/objects.h"
#include "retort/run/teacher_logits.h"
#include "retort/teacher/linear_probe.h"

namespace retort::run {
namespace {

using Splits = std::array<at::Tensor, 2>;  // one for validation and one for test images

// Gives each teacher a share of the disk budget, in proportion to its images and features.
teacher::OutputStore::Options store_options(const Plan& plan, const OpenData& data,
                                            const PreparedTeachers& teachers, size_t number,
                                            const data::ImageStore& images, int64_t times_seen) {
  int64_t features = 0;
  for (const teacher::Teacher& each : teachers.teachers) features += each.feature_dim();
  const double share =
      static_cast<double>(images.size()) / static_cast<double>(data.different_images()) *
      static_cast<double>(teachers.teachers[number].feature_dim()) / static_cast<double>(features);
  return {.views = stored_views(plan.views, images.size(), times_seen),
          .all_views = plan.views.live_beyond ? times_seen : 0,
          .view_seed = plan.views.seed,
          .byte_budget = static_cast<uint64_t>(static_cast<double>(plan.views.store_bytes) * share),
          .ranks = &ranks_of(plan.config)};
}

// Fits a head on a few stored views, which takes seconds. A mixed view has several labels, so that
// the head is fitted on plain images where views are mixed.
teacher::LinearHead fit_probe(const Plan& plan, const OpenData& data, teacher::Teacher& teacher,
                              const teacher::OutputStore& outputs, const FeatureParts& val_features,
                              const Context& context) {
  constexpr int64_t kRows = 20000;
  const auto there = [&](const at::Tensor& tensor) { return on_device(tensor, plan.device); };
  const auto all_there = [&](std::vector<at::Tensor> parts) {
    std::ranges::transform(parts, parts.begin(), there);
    return parts;
  };
  const auto fit = [&](const std::vector<at::Tensor>& features, const at::Tensor& labels) {
    return teacher::fit_linear_probe(
        all_there(features), there(labels), all_there(val_features.parts()),
        there(data::labels_of(data.val)), static_cast<int64_t>(data.manifest.classes.size()),
        context.log, context.stop);
  };
  if (plan.views.recipe.mix.any()) {
    const data::ImageStore plain = open_split(plan, data.manifest, data::Split::train,
                                              data::for_evaluation(teacher.input_spec()), context);
    return fit(evaluation_parts(plan, teacher, plain, "unmixed", context).parts(),
               data::labels_of(plain));
  }
  const int64_t views = std::clamp<int64_t>(kRows / data.train.size(), 1, outputs.stored());
  std::vector<at::Tensor> features;
  for (int64_t view = 0; view < views; ++view) {
    const std::vector<at::Tensor>& parts = outputs.view(view).parts();
    features.insert(features.end(), parts.begin(), parts.end());
  }
  return fit(features, data::labels_of(data.train).repeat({views}));
}

double mean_class_accuracy(const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor predicted = logits.argmax(1);
  std::vector<data::Prediction> predictions;
  for (int64_t i = 0; i < labels.size(0); ++i)
    predictions.push_back({.path = {},
                           .label = labels.const_data_ptr<int64_t>()[i],
                           .predicted = predicted.const_data_ptr<int64_t>()[i]});
  return data::compute_metrics(predictions, logits.size(1)).mean_class_accuracy;
}

void measure_accuracy(const Splits& logits, const Splits& labels, NetworkSummary& summary) {
  if (labels[0].numel() > 0) summary.val_accuracy = teacher::accuracy_of(logits[0], labels[0]);
  if (labels[1].numel() == 0) return;
  summary.test_accuracy = teacher::accuracy_of(logits[1], labels[1]);
  summary.test_mean_class_accuracy = mean_class_accuracy(logits[1], labels[1]);
}

void say_accuracy(const std::string& who, const NetworkSummary& summary, Log& log) {
  if (summary.test_accuracy) {
    log.info(who + ": " + percent(*summary.test_accuracy) + " on test");
  } else if (summary.val_accuracy) {
    log.info(who + ": " + percent(*summary.val_accuracy) + " on validation");
  }
}

// Gives one teacher its head, and measures it. It sets `logits` and `labels` to those of both
// splits.
TeacherSummary fit_one(const Plan& plan, const OpenData& data, teacher::Teacher& teacher,
                       const teacher::OutputStore& outputs, const Context& context, Splits& logits,
                       Splits& labels) {
  const data::Preparation prepared = data::for_evaluation(teacher.input_spec());
  const data::ImageStore val = open_split(plan, data.manifest, data::Split::val, prepared, context);
  const data::ImageStore test =
      open_split(plan, data.manifest, data::Split::test, prepared, context);
  const FeatureParts val_features = evaluation_parts(plan, teacher, val, "validation", context);
  labels = {data::labels_of(val), data::labels_of(test)};
  TeacherSummary summary;
  if (plan.teachers.head == TeacherHead::probe) {
    const teacher::LinearHead head = fit_probe(plan, data, teacher, outputs, val_features, context);
    teacher.set_head(head.weight, head.bias);
    summary.head_l2 = head.l2;
  }
  logits = {logits_of(teacher, val_features),
            evaluation_logits(plan, teacher, test, "test", context)};
  summary.arch = teacher.model().spec().arch;
  summary.image_size = teacher.input_spec().size;
  measure_accuracy(logits, labels, summary);
  say_accuracy("teacher", summary, context.log);
  return summary;
}

// The summary of several teachers together.
TeacherSummary joined(std::vector<TeacherSummary> members) {
  TeacherSummary all = members.front();
  for (size_t i = 1; i < members.size(); ++i) {
    all.arch += " + " + members[i].arch;
    all.image_size = std::max(all.image_size, members[i].image_size);
  }
  all.members = std::move(members);
  return all;
}

// Stores every teacher's outputs of all views, for the data set's images and for those of extras,
// and opens the joint outputs.
void store_outputs(const Plan& plan, const OpenData& data, PreparedTeachers& teachers,
                   const Context& context, FittedTeachers& fitted) {
  std::vector<teacher::OutputStore> own;
  std::vector<std::vector<teacher::OutputStore>> of_extras(data.extras.size());
  for (size_t number = 0; number < teachers.teachers.size(); ++number) {
    teacher::Teacher& teacher = teachers.teachers[number];
    const int64_t parameters = deploy::count_parameters(teacher.model());
    context.log.info("teacher: " + teacher.model().spec().arch + ", " +
                     (parameters > 0 ? std::to_string(parameters) + " parameters, " : "") +
                     std::to_string(teacher.input_spec().size) + " px, " +
                     models::to_string(plan.teacher_precision) +
                     (teacher.choice().empty() ? "" : ", " + teacher.choice()));
    const auto open = [&](const data::ImageStore& images, int64_t times_seen) {
      return teacher::OutputStore::open(
          plan.cache, teacher, images, plan.views.recipe,
          store_options(plan, data, teachers, number, images, times_seen), context.log,
          context.stop);
    };
    own.push_back(open(data.train, plan.training.options.epochs));
    for (size_t i = 0; i < data.extras.size(); ++i)
      of_extras[i].push_back(
          open(data.extras[i].images, times_seen(data.extras[i], plan.training.options.epochs)));
  }
  const std::vector<double> scales = teacher::joint_scales(own, teachers.weights);
  fitted.outputs.emplace(std::move(own), scales);
  for (std::vector<teacher::OutputStore>& stores : of_extras)
    fitted.outputs_of_extras.emplace_back(std::move(stores), scales);
}

// Copies the heads that rank 0 fitted to all ranks.
void share_heads(std::vector<teacher::Teacher>& teachers, int64_t classes, Ranks& ranks) {
  if (ranks.size() == 1) return;
  for (teacher::Teacher& teacher : teachers) {
    if (!ranks.leads())
      teacher.set_head(at::zeros({classes, teacher.feature_dim()}), at::zeros({classes}));
    broadcast(teacher.head_weight(), ranks);
    broadcast(teacher.head_bias(), ranks);
  }
}

// Fits each teacher's head, and summarises the teachers.
void fit_heads(const Plan& plan, const OpenData& data, PreparedTeachers& teachers,
               const Context& context, FittedTeachers& fitted) {
  std::vector<TeacherSummary> members;
  std::array<LogitsMean, 2> joint;
  Splits labels;
  for (size_t i = 0; i < teachers.teachers.size(); ++i) {
    Splits logits;
    const teacher::OutputStore& outputs = fitted.outputs->of(i);
    TeacherSummary& member = members.emplace_back(
        fit_one(plan, data, teachers.teachers[i], outputs, context, logits, labels));
    member.weight = teachers.weights[i];
    member.views = fitted.outputs->views();
    member.stored_views = outputs.stored();
    for (size_t split = 0; split < joint.size(); ++split)
      joint[split].add(logits[split], teachers.weights[i]);
  }
  if (members.size() == 1) {
    fitted.summary = std::move(members.front());
    return;
  }
  fitted.summary = joined(std::move(members));
  measure_accuracy({joint[0].value(), joint[1].value()}, labels, *fitted.summary);
  say_accuracy("all teachers", *fitted.summary, context.log);
}

}  // namespace

PendingViews pending_views(const Plan& plan, const OpenData& data, const PreparedTeachers& teachers,
                           size_t number) {
  PendingViews pending;
  const auto count = [&](const data::ImageStore& images, int64_t times_seen) {
    const teacher::OutputStore::Options options =
        store_options(plan, data, teachers, number, images, times_seen);
    const auto [missing, live] = teacher::OutputStore::looks(plan.cache, teachers.teachers[number],
                                                             images, plan.views.recipe, options);
    pending.all += options.views * images.size();
    pending.missing += missing;
    pending.live += live;
  };
  count(data.train, plan.training.options.epochs);
  for (const ExtraSource& extra : data.extras)
    count(extra.images, times_seen(extra, plan.training.options.epochs));
  return pending;
}

FittedTeachers fit_teachers(const Plan& plan, const OpenData& data, PreparedTeachers& teachers,
                            const Context& context) {
  FittedTeachers fitted;
  if (teachers.none()) return fitted;
  Ranks& ranks = ranks_of(plan.config);
  store_outputs(plan, data, teachers, context, fitted);
  if (ranks.leads()) fit_heads(plan, data, teachers, context, fitted);
  share_heads(teachers.teachers, std::ssize(data.manifest.classes), ranks);
  fitted.head = teacher::joint_head(teachers.teachers, teachers.weights, fitted.outputs->scales());
  return fitted;
}

}  // namespace retort::run
