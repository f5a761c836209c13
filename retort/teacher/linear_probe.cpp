#include "retort/teacher/linear_probe.h"

#include <torch/nn/functional/loss.h>
#include <torch/optim/lbfgs.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "retort/core/error.h"

namespace retort::teacher {
namespace {

// For standardised features, where the logits of a fitted head span a few units, 1 underfits and
// 1e-5 hardly regularises.
constexpr double kGrid[] = {1.0, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5};
constexpr double kWithoutValidation = 1e-2;
constexpr int kIterations = 60;

// Rows that are float at a time. With fewer, calls cost more than the cache saves; a GPU has memory
// for more.
int64_t chunk_rows(c10::Device device) { return device.is_cpu() ? 1024 : 65536; }

struct Fit {
  at::Tensor weight, bias;  // for standardised features
};

// Rows of features with their labels, a chunk at a time.
class Rows {
 public:
  Rows(const std::vector<at::Tensor>& parts, const at::Tensor& labels) : labels_(labels) {
    for (const at::Tensor& part : parts) {
      for (const at::Tensor& chunk : part.split(chunk_rows(part.device())))
        chunks_.push_back(chunk);
      count_ += part.size(0);
    }
  }

  int64_t count() const { return count_; }

  // Sets the mean and deviation with which every row is standardised.
  void standardise(const at::Tensor& mean, const at::Tensor& std) {
    scale_ = 1 / std;
    shift_ = -mean * scale_;
  }

  // Calls see(float [m, D], labels [m]).
  template <typename See>
  void each(const See& see) const {
    int64_t first = 0;
    for (const at::Tensor& chunk : chunks_) {
      at::Tensor x = chunk.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
      if (scale_.defined()) at::addcmul_out(x, shift_, x, scale_);
      see(x, labels_.narrow(0, first, x.size(0)));
      first += x.size(0);
    }
  }

 private:
  std::vector<at::Tensor> chunks_;
  at::Tensor labels_, scale_, shift_;
  int64_t count_ = 0;
};

// The mean and the standard deviation of each feature. A constant feature gets a deviation of 1, so
// that it becomes 0.
std::pair<at::Tensor, at::Tensor> moments_of(const Rows& rows, int64_t dim, c10::Device device) {
  const auto count = static_cast<double>(rows.count());
  const auto options = at::TensorOptions(device).dtype(at::kDouble);
  at::Tensor mean = at::zeros({dim}, options), variance = at::zeros({dim}, options);
  rows.each([&](const at::Tensor& x, const at::Tensor&) {
    mean += x.sum(0, false, at::kDouble) / count;
  });
  rows.each([&](const at::Tensor& x, const at::Tensor&) {
    variance += (x - mean).square().sum(0, false, at::kDouble) / count;
  });
  const at::Tensor std = variance.sqrt().to(at::kFloat);
  return {mean.to(at::kFloat), at::where(std > 1e-6, std, at::ones_like(std))};
}

void minimise(Fit& fit, const Rows& rows, double l2, const StopFlag& stop) {
  torch::optim::LBFGS optimizer({fit.weight, fit.bias}, torch::optim::LBFGSOptions(1)
                                                            .max_iter(kIterations)
                                                            .history_size(10)
                                                            .line_search_fn("strong_wolfe"));
  optimizer.step([&] {
    optimizer.zero_grad();
    at::Tensor loss = 0.5 * l2 * fit.weight.square().sum();
    loss.backward();
    loss = loss.detach();
    rows.each([&](const at::Tensor& x, const at::Tensor& y) {
      check_stop(stop, "fitting the teacher's head");
      const at::Tensor part =
          at::cross_entropy_loss(at::linear(x, fit.weight, fit.bias), y, {}, at::Reduction::Sum) /
          rows.count();
      part.backward();
      loss += part.detach();
    });
    return loss;
  });
}

at::Tensor logits_of(const Fit& fit, const Rows& rows) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> logits;
  rows.each([&](const at::Tensor& x, const at::Tensor&) {
    logits.push_back(at::linear(x, fit.weight, fit.bias));
  });
  return at::cat(logits);
}

}  // namespace

double accuracy_of(const at::Tensor& logits, const at::Tensor& labels) {
  if (labels.numel() == 0) return 0;
  return 100 * logits.argmax(1).eq(labels).to(at::kDouble).mean().item<double>();
}

LinearHead fit_linear_probe(const std::vector<at::Tensor>& features, const at::Tensor& labels,
                            const std::vector<at::Tensor>& val_features,
                            const at::Tensor& val_labels, int64_t classes, Log& log,
                            const StopFlag& stop) {
  Rows rows(features, labels), val_rows(val_features, val_labels);
  if (rows.count() == 0) throw Error("no features to fit the teacher's head on");
  const int64_t dim = features.front().size(1);
  const c10::Device device = features.front().device();
  const auto [mean, std] = moments_of(rows, dim, device);
  rows.standardise(mean, std);
  val_rows.standardise(mean, std);
  const bool validate = val_rows.count() > 0;

  Fit fit{at::zeros({classes, dim}, device), at::zeros({classes}, device)};
  fit.weight.requires_grad_();
  fit.bias.requires_grad_();
  LinearHead best;
  double best_loss = 0;
  int worse = 0;
  for (const double l2 : kGrid) {
    if (!validate && l2 != kWithoutValidation) continue;
    minimise(fit, rows, l2, stop);
    const at::NoGradGuard no_grad;
    double accuracy = 0;
    double loss = 0;
    if (validate) {
      const at::Tensor logits = logits_of(fit, val_rows);
      accuracy = accuracy_of(logits, val_labels);
      loss = at::cross_entropy_loss(logits, val_labels).item<double>();
    }
    char line[96];
    std::snprintf(line, sizeof line,
                  "linear probe: l2 %.0e, validation %.2f %% (cross-entropy %.3f)", l2, accuracy,
                  loss);
    if (validate) log.info(line);
    if (!best.weight.defined() || loss < best_loss) {
      const at::Tensor weight = fit.weight.detach() / std;
      best = {weight.to(at::kCPU), (fit.bias.detach() - at::mv(weight, mean)).to(at::kCPU), l2,
              accuracy};
      best_loss = loss;
      worse = 0;
    } else if (++worse == 2) {
      break;  // the rest of the grid regularises even less
    }
  }
  return best;
}

}  // namespace retort::teacher
