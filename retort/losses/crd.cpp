#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "retort/core/device.h"
#include "retort/core/error.h"
#include "retort/losses/embedding_loss.h"

namespace retort::losses {
namespace {

// Scores queryᵢ · bank[idsᵢₖ], [N, K], for ids [N, K]. The gathered rows are kept in the bank's
// fp16 and, on the CPU, converted one image at a time: in fp32 a batch's negatives would take
// hundreds of megabytes.
class BankScores : public torch::autograd::Function<BankScores> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& query,
                            const at::Tensor& bank, const at::Tensor& ids) {
    at::Tensor rows, scores;
    if (bank.is_cpu()) {
      rows = at::empty({ids.size(0), ids.size(1), bank.size(1)}, bank.options());
      scores = at::empty(ids.sizes(), query.options());
      for_each(ids.size(0), [&](int64_t i) {
        rows[i].copy_(bank.index_select(0, ids[i]));
        scores[i].copy_(at::mv(rows[i].to(query.scalar_type()), query[i]));
      });
    } else {
      rows = bank.index_select(0, ids.flatten()).view({ids.size(0), ids.size(1), bank.size(1)});
      scores = at::bmm(rows.to(query.scalar_type()), query.unsqueeze(2)).squeeze(2);
    }
    context->saved_data["rows"] = rows;  // a copy, because the bank changes before backward runs
    return scores;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::Tensor rows = context->saved_data["rows"].toTensor();
    const at::Tensor& gradient = gradients[0];
    if (!rows.is_cpu())
      return {at::bmm(gradient.unsqueeze(1), rows.to(gradient.scalar_type())).squeeze(1), {}, {}};
    at::Tensor out = at::empty({rows.size(0), rows.size(2)}, gradient.options());
    for_each(rows.size(0), [&](int64_t i) {
      out[i].copy_(at::mv(rows[i].to(gradient.scalar_type()).t(), gradient[i]));
    });
    return {out, {}, {}};
  }

 private:
  template <typename Body>
  static void for_each(int64_t count, const Body& body) {
    at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      const at::NoGradGuard no_grad;  // grad mode is per thread
      for (int64_t i = begin; i < end; ++i) body(i);
    });
  }
};

// The memory bank of one side (student or teacher): for every training image the running average of
// its embeddings, on the unit sphere.
struct Bank {
  at::Tensor rows;  // [images, dim] fp16
  at::Tensor z;     // the normaliser Z of its scores, set by the first training batch; 0 until then
};

// Contrastive representation distillation (Tian, Krishnan & Isola 2020, arXiv 1910.10699, equations
// 17 to 19), as in their code: noise-contrastive estimation of which bank entry belongs to the
// image, against K negatives drawn from the images of other classes (for an image without a label:
// from all others), in both directions. With P = exp(u·v/T)/Z and noise Pn = 1/images,
//   −mean over i of [ log P⁺/(P⁺ + K·Pn) + Σₖ log K·Pn/(P⁻ₖ + K·Pn) ].
class Crd : public EmbeddingLoss {
 public:
  explicit Crd(const LossContext& context)
      : EmbeddingLoss(context),
        images_(context.images),
        negatives_(whole_option(context, "negatives", 1, 1 << 20)),
        temperature_(option(context, "temperature", 0.001, 100)),
        momentum_(option(context, "momentum", 0, 1)) {
    check_budget(context);
    sort_by_class(context.labels);
    student_ = make_bank("student");
    teacher_ = make_bank("teacher");
  }

 protected:
  at::Tensor compare(const at::Tensor& s, const at::Tensor& t, const StepView& step) override {
    for (at::Tensor* order : {&by_class_, &place_of_, &counts_, &starts_})
      *order = on_device(*order, s.device());
    const at::Tensor ids = at::cat({step.image_ids.unsqueeze(1), draw(step)}, 1);
    const at::Tensor loss = estimate(s, teacher_, ids) + estimate(t, student_, ids);
    if (is_training()) {
      remember(student_, s.detach(), step.image_ids);
      remember(teacher_, t.detach(), step.image_ids);
    }
    return loss;
  }

 private:
  void check_budget(const LossContext& context) const {
    const auto mib = static_cast<double>(images_) * static_cast<double>(dim()) * 2 *
                     sizeof(at::Half) / (1 << 20);
    const double budget = option(context, "bank_mib", 1, 1 << 20);
    if (mib > budget)
      throw UsageError("its memory banks for " + std::to_string(images_) + " images take " +
                           std::to_string(std::llround(std::ceil(mib))) +
                           " MiB, more than `bank_mib`",
                       "loss `crd`", "raise --loss-option bank_mib=, or lower --loss-option dim=");
  }

  Bank make_bank(const std::string& side) {
    const double bound = 1 / std::sqrt(static_cast<double>(dim()) /
                                       3);  // rows have about unit length, as in their code
    const at::Tensor rows = at::empty({images_, dim()}, at::kHalf).uniform_(-bound, bound);
    return {register_buffer(side + "_bank", rows), register_buffer(side + "_z", at::zeros({}))};
  }

  // Sorts image ids by class, those without a label last, so that an image of another class can be
  // drawn with one random number.
  void sort_by_class(const at::Tensor& labels) {
    if (labels.size(0) != images_)
      throw Error("needs the label of every training image", "loss `crd`");
    const int64_t classes = labels.max().item<int64_t>() + 1;
    const at::Tensor group = at::where(labels.lt(0), classes, labels);
    by_class_ = group.argsort(/*stable=*/true, 0);
    place_of_ = by_class_.argsort(/*stable=*/false, 0);
    counts_ = at::bincount(group, {}, classes + 1);
    starts_ = counts_.cumsum(0) - counts_;
    // Each image without a label counts as a class of its own.
    if (classes > 0 && counts_.narrow(0, 0, classes).max().item<int64_t>() == images_)
      throw Error("needs images of at least two classes", "loss `crd`");
  }

  at::Tensor draw(const StepView& step) const {
    const at::Tensor labelled = step.labels.ge(0), label = step.labels.clamp_min(0);
    const at::Tensor own = at::where(labelled, counts_.index_select(0, label), 1).unsqueeze(1);
    const at::Tensor start = at::where(labelled, starts_.index_select(0, label),
                                       place_of_.index_select(0, step.image_ids))
                                 .unsqueeze(1);
    const at::Tensor others = images_ - own;
    at::Tensor place = (at::rand({label.size(0), negatives_}, student_.rows.device()) * others)
                           .to(at::kLong)
                           .minimum(others - 1);
    place = at::where(place < start, place, place + own);
    return by_class_.index_select(0, place.view({-1})).view_as(place);
  }

  at::Tensor estimate(const at::Tensor& query, Bank& bank, const at::Tensor& ids) const {
    constexpr double kEps = 1e-7;  // as in their code
    const at::Tensor scores = at::exp(BankScores::apply(query, bank.rows, ids) / temperature_);
    const at::Tensor z = at::where(bank.z.eq(0), scores.detach().mean() * images_, bank.z);
    if (is_training()) bank.z.copy_(z);
    const at::Tensor p = scores / z;
    const double noise = static_cast<double>(negatives_) / static_cast<double>(images_);
    const at::Tensor positive = p.select(1, 0), negative = p.narrow(1, 1, negatives_);
    const at::Tensor sum = at::log(positive / (positive + noise + kEps)).sum() +
                           at::log(noise / (negative + noise + kEps)).sum();
    return -sum / query.size(0);
  }

  void remember(Bank& bank, const at::Tensor& embeddings, const at::Tensor& ids) const {
    const at::NoGradGuard no_grad;
    const at::Tensor before = bank.rows.index_select(0, ids).to(embeddings.scalar_type());
    const at::Tensor rows = unit_rows(before * momentum_ + embeddings * (1 - momentum_));
    bank.rows.index_copy_(0, ids, rows.to(bank.rows.scalar_type()));
  }

  int64_t images_, negatives_;
  double temperature_, momentum_;
  at::Tensor by_class_, place_of_, counts_, starts_;
  Bank student_, teacher_;
};

RETORT_REGISTER_LOSS(
    {.name = "crd",
     .kind = Kind::embedding,
     .summary = "noise-contrastive estimation against a memory bank (Tian et al. 2020)",
     .weight = 0.8,
     .options = with_projectors(
         {{"negatives", 4096}, {"temperature", 0.07}, {"momentum", 0.5}, {"bank_mib", 4096}},
         "linear"),
     .make = [](const LossContext& context) { return std::make_shared<Crd>(context); }});

}  // namespace
}  // namespace retort::losses
