#include "retort/teacher/linear_probe.h"

#include <torch/nn/functional/loss.h>
#include <torch/optim/lbfgs.h>

#include <cstdio>

#include "retort/core/error.h"

namespace retort::teacher {
namespace {

// In units of standardised features, where the logits of a fitted head are a few units wide: 1 underfits and 1e-5 is no regularisation at
// all.
constexpr double kGrid[] = {1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5};
constexpr double kWithoutValidation = 1e-2;
constexpr int kIterations = 60;

struct Fit {
  at::Tensor weight, bias;  // for standardised features
};

void minimise(Fit& fit, const at::Tensor& x, const at::Tensor& y, double l2, const StopFlag& stop) {
  torch::optim::LBFGS optimizer({fit.weight, fit.bias},
                                torch::optim::LBFGSOptions(1).max_iter(kIterations).history_size(10).line_search_fn("strong_wolfe"));
  optimizer.step([&] {
    check_stop(stop, "fitting the teacher's head");
    optimizer.zero_grad();
    const at::Tensor loss = at::cross_entropy_loss(at::linear(x, fit.weight, fit.bias), y) + 0.5 * l2 * fit.weight.square().sum();
    loss.backward();
    return loss;
  });
}

}  // namespace

double accuracy_of(const at::Tensor& logits, const at::Tensor& labels) {
  if (labels.numel() == 0) return 0;
  return 100 * logits.argmax(1).eq(labels).to(at::kDouble).mean().item<double>();
}

LinearHead fit_linear_probe(const at::Tensor& features, const at::Tensor& labels, const at::Tensor& val_features,
                            const at::Tensor& val_labels, int64_t classes, Log& log, const StopFlag& stop) {
  if (features.size(0) == 0) throw Error("no features to fit the teacher's head on");
  const at::Tensor mean = features.mean(0);
  // Dead features have no spread; dividing by one leaves them at zero.
  at::Tensor std = features.std(0, /*unbiased=*/false);
  std = at::where(std > 1e-6, std, at::ones_like(std));
  const at::Tensor x = (features - mean) / std;
  const bool validate = val_labels.defined() && val_labels.numel() > 0;
  const at::Tensor val_x = validate ? (val_features - mean) / std : at::Tensor();

  Fit fit{at::zeros({classes, features.size(1)}), at::zeros({classes})};
  fit.weight.requires_grad_();
  fit.bias.requires_grad_();
  LinearHead best;
  double best_loss = 0;
  int worse = 0;
  for (const double l2 : kGrid) {
    if (!validate && l2 != kWithoutValidation) continue;
    minimise(fit, x, labels, l2, stop);
    const at::NoGradGuard no_grad;
    double accuracy = 0;
    double loss = 0;
    if (validate) {
      const at::Tensor logits = at::linear(val_x, fit.weight, fit.bias);
      accuracy = accuracy_of(logits, val_labels);
      loss = at::cross_entropy_loss(logits, val_labels).item<double>();
    }
    char line[96];
    std::snprintf(line, sizeof line, "linear probe: l2 %.0e, validation %.2f %% (cross-entropy %.3f)", l2, accuracy, loss);
    if (validate) log.info(line);
    if (!best.weight.defined() || loss < best_loss) {
      const at::Tensor weight = fit.weight.detach() / std;
      best = {weight, fit.bias.detach() - at::mv(weight, mean), l2, accuracy};
      best_loss = loss;
      worse = 0;
    } else if (++worse == 2) {
      break;  // the rest of the path regularises less still
    }
  }
  return best;
}

}  // namespace retort::teacher
