#include "retort/run/teachers.h"

#include <algorithm>
#include <utility>

#include "retort/core/device.h"
#include "retort/deploy/cost.h"
#include "retort/report/metrics.h"
#include "retort/report/text.h"
#include "retort/run/forecast.h"
#include "retort/run/named_teacher.h"
#include "retort/run/trained_teacher.h"
#include "retort/run/zero_shot_classes.h"
#include "retort/teacher/zero_shot.h"

namespace retort::run {
namespace {

teacher::TeacherSource teacher_source(const RunConfig& config, const NamedTeacher& named) {
  return {.weights = named.name,
          .arch = config.teacher_arch,
          .features = config.teacher_features,
          .size = size_asked(named, config),
          .mean = teacher_mean(config),
          .std = teacher_std(config),
          .embedding = zero_shot(config)};
}

double mean_class_accuracy(const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor predicted = logits.argmax(1);
  std::vector<report::Prediction> predictions;
  for (int64_t i = 0; i < labels.size(0); ++i)
    predictions.push_back({.path = {}, .label = labels.const_data_ptr<int64_t>()[i], .predicted = predicted.const_data_ptr<int64_t>()[i]});
  return report::compute_metrics(predictions, logits.size(1)).mean_class_accuracy;
}

// Null where there are no images.
void add_accuracies(nlohmann::json& out, const std::array<at::Tensor, 2>& logits, const std::array<at::Tensor, 2>& labels) {
  out["val_accuracy"] = out["test_accuracy"] = out["test_mean_class_accuracy"] = nullptr;
  if (labels[0].numel() > 0) out["val_accuracy"] = teacher::accuracy_of(logits[0], labels[0]);
  if (labels[1].numel() == 0) return;
  out["test_accuracy"] = teacher::accuracy_of(logits[1], labels[1]);
  out["test_mean_class_accuracy"] = mean_class_accuracy(logits[1], labels[1]);
}

// To a mean by weight, undefined at first.
void add_share(at::Tensor& mean, const at::Tensor& logits, double weight) {
  mean = mean.defined() ? mean + logits * weight : logits * weight;
}

// What is said of several together.
nlohmann::json together(const nlohmann::json& members) {
  nlohmann::json out = members.front();
  for (size_t i = 1; i < members.size(); ++i) {
    out["arch"] = out["arch"].get<std::string>() + " + " + members[i]["arch"].get<std::string>();
    out["image_size"] = std::max(out["image_size"].get<int64_t>(), members[i]["image_size"].get<int64_t>());
    for (const char* sum : {"parameters", "multiply_adds"}) out[sum] = out[sum].get<int64_t>() + members[i][sum].get<int64_t>();
    out["milliseconds"] = out["milliseconds"].get<double>() + members[i]["milliseconds"].get<double>();
  }
  out["members"] = members;
  return out;
}

}  // namespace

nlohmann::json cost_of(models::ImageModel& model, int64_t size) {
  const deploy::Cost cost = deploy::measure_cost(model, size);
  return {{"parameters", cost.parameters}, {"multiply_adds", cost.multiply_adds}, {"milliseconds", cost.milliseconds}};
}

Teachers::Teachers(Run run, const std::vector<std::string>& classes)
    : run_(std::move(run)), classes_(classes) {
  if (!has_teacher(run_.config)) return;
  double sum = 0;
  for (const std::string& text : run_.config.teacher) {
    NamedTeacher named = teacher_from(text);
    named.name = pulled(named.name, run_.log, run_.stop);
    teachers_.emplace_back(teacher_source(run_.config, named), run_.precision, run_.device);
    if (zero_shot(run_.config)) teacher::set_zero_shot_head(teachers_.back(), named.name, class_texts(run_.config, classes));
    weights_.push_back(named.weight);
    sum += named.weight;
  }
  for (double& weight : weights_) weight /= sum;
}

Teachers::Looks Teachers::missing(const data::ImageStore& train, const std::vector<ExtraSource>& extras, int64_t evaluated) {
  Looks looks;
  for (teacher::Teacher& teacher : teachers_) {
    teacher::OutputStore::Looks own;
    const auto count = [&](const data::ImageStore& images, int64_t times_seen) {
      const auto [missing, live] = teacher::OutputStore::looks(run_.cache, teacher, images, run_.config.view,
                                                               store_options(teacher, images, times_seen, different_images(train, extras)));
      own.missing += missing;
      own.live += live;
    };
    count(train, run_.config.epochs);
    for (const ExtraSource& extra : extras) count(extra.images, times_seen(extra, run_.config));
    if (own.missing + own.live == 0) continue;
    const int64_t all = own.missing + own.live + evaluated;
    looks.bytes += own.missing * teacher.feature_dim() * 2;
    looks.images += all;
    looks.seconds += static_cast<double>(all) / seeing_rate(teacher, train, run_.config.view);
  }
  return looks;
}

void Teachers::label_validation(const std::function<void(int64_t item, int64_t label)>& name) {
  at::Tensor logits;
  for (size_t i = 0; i < teachers_.size(); ++i) {
    const data::ImageStore val = run_.open(data::Split::val, data::for_evaluation(teachers_[i].input_spec()));
    add_share(logits, logits_of(teachers_[i], evaluated(teachers_[i], val, "validation")), weights_[i]);
    if (i + 1 < teachers_.size()) continue;
    const at::Tensor labels = logits.argmax(1);
    for (int64_t row = 0; row < val.size(); ++row) name(val.item(row), labels.const_data_ptr<int64_t>()[row]);
  }
}

nlohmann::json Teachers::fit(const data::ImageStore& train, std::vector<ExtraSource>& extras) {
  std::vector<teacher::OutputStore> own;
  std::vector<std::vector<teacher::OutputStore>> of_extras(extras.size());
  for (teacher::Teacher& teacher : teachers_) {
    const int64_t parameters = deploy::count_parameters(teacher.model());
    run_.log.info("teacher: " + teacher.model().spec().arch + ", " + (parameters > 0 ? std::to_string(parameters) + " parameters, " : "") +
                  std::to_string(teacher.input_spec().size) + " px, " + models::to_string(run_.precision) +
                  (teacher.choice().empty() ? "" : ", " + teacher.choice()));
    const auto open = [&](const data::ImageStore& images, int64_t times_seen) {
      return teacher::OutputStore::open(run_.cache, teacher, images, run_.config.view,
                                        store_options(teacher, images, times_seen, different_images(train, extras)), run_.log, run_.stop);
    };
    own.push_back(open(train, run_.config.epochs));
    for (size_t i = 0; i < extras.size(); ++i) of_extras[i].push_back(open(extras[i].images, times_seen(extras[i], run_.config)));
  }
  const std::vector<double> scales = teacher::joint_scales(own, weights_);
  outputs_.emplace(std::move(own), scales);
  for (size_t i = 0; i < extras.size(); ++i) extras[i].outputs.emplace(std::move(of_extras[i]), scales);

  nlohmann::json members = nlohmann::json::array();
  Pair joint, labels;
  for (size_t i = 0; i < teachers_.size(); ++i) {
    Pair logits;
    members.push_back(fit_one(i, train, logits, labels));
    for (size_t split = 0; split < joint.size(); ++split) add_share(joint[split], logits[split], weights_[i]);
  }
  head_ = teacher::joint_head(teachers_, weights_, scales);
  if (members.size() == 1) return members.front();
  nlohmann::json out = together(members);
  add_accuracies(out, joint, labels);
  say_accuracy("all teachers", out);
  return out;
}

// Gives one of them its head; what it is and how good. Its logits, and the labels, are put out.
nlohmann::json Teachers::fit_one(size_t number, const data::ImageStore& train, Pair& logits, Pair& labels) {
  teacher::Teacher& teacher = teachers_[number];
  const data::Preparation prepared = data::for_evaluation(teacher.input_spec());
  const data::ImageStore val = run_.open(data::Split::val, prepared), test = run_.open(data::Split::test, prepared);
  const teacher::FeatureParts val_features = evaluated(teacher, val, "validation");
  labels = {data::labels_of(val), data::labels_of(test)};
  nlohmann::json out;
  if (run_.config.teacher_head == "keep") {
    teacher.keep_head(classes_, run_.log);
  } else if (run_.config.teacher_head == "probe") {
    const teacher::LinearHead head = fit_probe(number, train, val_features, labels[0]);
    teacher.set_head(head.weight, head.bias);
    out["head_l2"] = head.l2;
  }
  logits = {logits_of(teacher, val_features), logits_of(teacher, evaluated(teacher, test, "test"))};
  out["arch"] = teacher.model().spec().arch;
  out["image_size"] = teacher.input_spec().size;
  out["weight"] = weights_[number];
  out["views"] = outputs_->views();
  out["stored_views"] = outputs_->of(number).stored();
  add_accuracies(out, logits, labels);
  out.update(cost_of(teacher.model(), teacher.input_spec().size));
  say_accuracy("teacher", out);
  return out;
}

// On as many stored views as keep the fit to seconds. Mixed views have no one label: then on the plain images.
teacher::LinearHead Teachers::fit_probe(size_t number, const data::ImageStore& train, const teacher::FeatureParts& val_features,
                                        const at::Tensor& val_labels) {
  constexpr int64_t kRows = 20000;
  const auto there = [this](const at::Tensor& tensor) { return on_device(tensor, run_.device); };
  const auto all_there = [&](std::vector<at::Tensor> parts) {
    std::ranges::transform(parts, parts.begin(), there);
    return parts;
  };
  const auto fit = [&](const std::vector<at::Tensor>& features, const at::Tensor& labels) {
    return teacher::fit_linear_probe(all_there(features), there(labels), all_there(val_features.parts()), there(val_labels),
                                     static_cast<int64_t>(classes_.size()),
                                     run_.log, run_.stop);
  };
  if (run_.config.view.mix.any()) {
    teacher::Teacher& teacher = teachers_[number];
    const data::ImageStore plain = run_.open(data::Split::train, data::for_evaluation(teacher.input_spec()));
    return fit(evaluated(teacher, plain, "unmixed").parts(), data::labels_of(plain));
  }
  const int64_t views = std::clamp<int64_t>(kRows / train.size(), 1, outputs_->of(number).stored());
  std::vector<at::Tensor> features;
  for (int64_t view = 0; view < views; ++view) {
    const std::vector<at::Tensor>& parts = outputs_->of(number).view(view).parts();
    features.insert(features.end(), parts.begin(), parts.end());
  }
  return fit(features, data::labels_of(train).repeat({views}));
}

teacher::FeatureParts Teachers::evaluated(teacher::Teacher& teacher, const data::ImageStore& images, const char* what) {
  return evaluation_features(run_.cache, teacher, images, what, run_.log, run_.stop);
}

// The budget on disk is shared by images and teachers alike.
teacher::OutputStore::Options Teachers::store_options(const teacher::Teacher& teacher, const data::ImageStore& images, int64_t times_seen,
                                                      int64_t all_images) const {
  int64_t features = 0;
  for (const teacher::Teacher& each : teachers_) features += each.feature_dim();
  const double share = static_cast<double>(images.size()) / static_cast<double>(all_images) * static_cast<double>(teacher.feature_dim()) /
                       static_cast<double>(features);
  return {.views = views_for(run_.config, images.size(), times_seen),
          .all_views = run_.config.more_views == "live" ? times_seen : 0,
          .view_seed = static_cast<uint64_t>(run_.config.view_seed),
          .byte_budget = static_cast<uint64_t>(static_cast<double>(run_.config.store_budget << 20) * share)};
}

void Teachers::say_accuracy(const std::string& who, const nlohmann::json& out) {
  const bool tested = !out.at("test_accuracy").is_null();
  const nlohmann::json& shown = out.at(tested ? "test_accuracy" : "val_accuracy");
  if (!shown.is_null()) run_.log.info(who + ": " + report::percent(shown) + (tested ? " on test" : " on validation"));
}

}  // namespace retort::run
