#include "retort/losses/objective.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <c10/core/impl/LocalDispatchKeySet.h>

#include "retort/core/device.h"
#include "retort/core/error.h"

namespace retort::losses {
namespace {

// The entry's defaults with the user's overrides.
Options complete(const LossEntry& entry, const Options& overrides) {
  Options options = entry.options;
  for (const auto& [name, value] : overrides) {
    const auto place = options.find(name);
    if (place == options.end()) {
      std::string known;
      for (const auto& [own, unused] : entry.options) known += (known.empty() ? "" : ", ") + own;
      throw UsageError("has no option `" + name + "`", "loss `" + entry.name + "`",
                       known.empty() ? "it has no options" : "its options are: " + known);
    }
    place->second = value;
  }
  return options;
}

// Every tensor that has a row for each image.
constexpr std::array kRows{&StepView::student_features, &StepView::student_logits,
                           &StepView::teacher_features, &StepView::teacher_logits,
                           &StepView::labels,           &StepView::image_ids,
                           &StepView::partner_labels,   &StepView::label_share};

// Losses take a negligible part of a step's time, and bf16's 8 bits are too few for differences of
// nearly equal numbers.
at::Tensor full_precision(const at::Tensor& tensor) {
  const bool low = tensor.scalar_type() == at::kBFloat16 || tensor.scalar_type() == at::kHalf;
  return low ? tensor.to(at::kFloat) : tensor;
}

StepView as_losses_see_it(StepView step) {
  const c10::Device device = step.student_logits.device();
  for (at::Tensor StepView::*field : kRows)
    if (at::Tensor& tensor = step.*field; tensor.defined())
      tensor = full_precision(on_device(tensor, device));
  return step;
}

void check_shown(const std::string& name, Kind kind, const StepView& step) {
  const bool shown = (kind != Kind::embedding || step.teacher_features.defined()) &&
                     (kind != Kind::logit || step.teacher_logits.defined());
  if (!shown) throw Error("needs a teacher, and this step has none", "loss `" + name + "`");
}

// The rows that losses of this kind see, [N] bool; undefined: all.
at::Tensor visible_rows(Kind kind, const StepView& step) {
  if (kind == Kind::logit) return step.logit_rows;
  if (kind != Kind::label) return {};
  const at::Tensor labelled = step.labels.ge(0);
  return step.partner_labels.defined() ? labelled.logical_and(step.partner_labels.ge(0)) : labelled;
}

StepView select(StepView step, const at::Tensor& rows) {
  const at::Tensor index = on_device(rows.nonzero().squeeze(1), step.student_logits.device());
  for (at::Tensor StepView::*field : kRows)
    if (at::Tensor& tensor = step.*field; tensor.defined()) tensor = tensor.index_select(0, index);
  return step;
}

}  // namespace

Objective::Objective(const std::vector<TermConfig>& terms, const LossContext& context) {
  for (const TermConfig& config : terms) {
    const LossEntry& entry = find_loss(config.name);
    LossContext own = context;
    own.options = complete(entry, config.options);
    if (!(config.weight >= 0 && std::isfinite(config.weight)))
      throw UsageError("the weight must be 0 or more", "loss `" + entry.name + "`");
    if (config.weight == 0) continue;
    if (named_children().contains(entry.name))
      throw UsageError("is asked for twice", "loss `" + entry.name + "`");
    terms_.push_back(
        {entry.name, entry.kind, config.weight, register_module(entry.name, entry.make(own))});
  }
  if (terms_.empty())
    throw UsageError("no loss has a weight above 0: there is nothing to train with", "objective");
}

void check_terms(const std::vector<TermConfig>& terms) {
  constexpr int64_t kClasses = 4, kDim = 8;
  Objective(terms, {.student_dim = kDim,
                    .teacher_dim = kDim,
                    .classes = kClasses,
                    .images = kClasses,
                    .labels = at::arange(kClasses),
                    .teacher_weight = at::zeros({kClasses, kDim}),
                    .teacher_bias = at::zeros({kClasses}),
                    .options = {}});
}

Objective::Value Objective::forward(const StepView& step) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const StepView full = as_losses_see_it(step);

  Value value;
  for (const Term& term : terms_) {
    check_shown(term.name, term.kind, full);
    const at::Tensor loss = evaluate(term, full, visible_rows(term.kind, step));
    value.terms.emplace_back(term.name, loss.detach());
    const at::Tensor weighted = loss * term.weight;
    value.total = value.total.defined() ? value.total + weighted : weighted;
  }
  return value;
}

// `rows`: the rows that the term sees, [N] bool; undefined: all.
at::Tensor Objective::evaluate(const Term& term, const StepView& step, const at::Tensor& rows) {
  if (!rows.defined() || rows.all().item<bool>()) return term.loss->forward(step);
  if (!rows.any().item<bool>()) return step.student_logits.sum() * 0;
  // The mean over the rows is scaled by their share, so that every image's loss has the same weight
  // as in a mean over the batch.
  return term.loss->forward(select(step, rows)) * rows.to(at::kDouble).mean().item<double>();
}

bool Objective::needs_teacher() const {
  return std::any_of(terms_.begin(), terms_.end(),
                     [](const Term& term) { return term.kind != Kind::label; });
}

}  // namespace retort::losses
