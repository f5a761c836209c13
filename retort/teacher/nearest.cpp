#include "retort/teacher/nearest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>
#include <numeric>
#include <utility>

namespace retort::teacher {
namespace {

constexpr int64_t kChunk = 1024;  // pictures in memory at a time
constexpr float kFar = -std::numeric_limits<float>::infinity();

// The task's images sorted by class, so that a class is one range of columns.
struct ByClass {
  explicit ByClass(const Task& task) {
    const at::Tensor order = task.labels.argsort(/*stable=*/true, 0, false);
    points = task.points.index_select(0, order);
    labels = task.labels.index_select(0, order);
    first.assign(static_cast<size_t>(task.classes) + 1, 0);
    for (int64_t i = 0; i < labels.size(0); ++i)
      ++first[static_cast<size_t>(labels.const_data_ptr<int64_t>()[i]) + 1];
    std::partial_sum(first.begin(), first.end(), first.begin());
  }
  at::Tensor points, labels;
  std::vector<int64_t> first;
};

// Nearness [N, C] from cosines [N, R]; −∞ for a class without images. `left_out` is 1 where each
// row is itself an image of the task: its cosine to itself is then −∞ and not counted.
at::Tensor class_scores(const at::Tensor& cosines, const ByClass& task, int64_t left_out) {
  const auto classes = static_cast<int64_t>(task.first.size()) - 1;
  at::Tensor scores = at::full({cosines.size(0), classes}, kFar);
  for (int64_t c = 0; c < classes; ++c) {
    const int64_t first = task.first[static_cast<size_t>(c)],
                  count = task.first[static_cast<size_t>(c) + 1] - first,
                  near = std::min(kNeighbours, count - left_out);
    if (near <= 0) continue;
    const at::Tensor top = std::get<0>(cosines.narrow(1, first, count).topk(near, 1));
    scores.select(1, c).copy_(top.mean(1));
  }
  return scores;
}

// Selected points, among which twins are searched.
class Taken {
 public:
  // Returns whether the point [D] is a twin of an earlier one; if not, adds it.
  bool is_twin_or_add(const at::Tensor& point, double twin) {
    if (count_ > 0 && at::mv(rows_.narrow(0, 0, count_), point).max().item<float>() >= twin)
      return true;
    if (!rows_.defined()) {
      rows_ = at::empty({16, point.size(0)});
    } else if (count_ == rows_.size(0)) {
      rows_ = at::cat({rows_, at::empty_like(rows_)});
    }
    rows_.select(0, count_++).copy_(point);
    return false;
  }

 private:
  at::Tensor rows_;
  int64_t count_ = 0;
};

// The state of a selection.
class Selecting {
 public:
  Selecting(const Points& pictures, const Nearness& nearness, double twin, int64_t classes,
            int64_t wanted, const StopFlag& stop)
      : pictures_(pictures),
        nearness_(nearness),
        twin_(twin),
        taken_(static_cast<size_t>(classes)),
        left_(wanted),
        stop_(stop) {
    result_.per_class.assign(static_cast<size_t>(classes), 0);
  }

  // Takes up to `count` pictures from the front of the queue, and removes those that it takes or
  // skips.
  void take(std::deque<int64_t>& queue, int64_t count) {
    for (count = std::min(count, left_); count > 0 && !queue.empty(); queue.pop_front())
      if (take(queue.front())) --count;
  }
  int64_t left() const { return left_; }

  Selection& result() { return result_; }

 private:
  bool take(int64_t picture) {
    check_stop(stop_, "choosing pictures of the pile");
    const auto own = static_cast<size_t>(nearness_.nearest.const_data_ptr<int64_t>()[picture]);
    const bool known = nearness_.closest.const_data_ptr<float>()[picture] >= twin_;
    if (known || taken_[own].is_twin_or_add(pictures_.rows(picture, 1)[0], twin_)) {
      ++result_.twins;
      return false;
    }
    result_.pictures.push_back(picture);
    ++result_.per_class[own];
    --left_;
    return true;
  }

  const Points& pictures_;
  const Nearness& nearness_;
  double twin_;
  std::vector<Taken> taken_;
  int64_t left_;
  const StopFlag& stop_;
  Selection result_;
};

}  // namespace

Points::Points(std::vector<FeatureParts> parts, std::vector<double> weights, int64_t count)
    : parts_(std::move(parts)), weights_(std::move(weights)), count_(count) {}

at::Tensor Points::rows(std::span<const int64_t> numbers) const {
  std::vector<at::Tensor> all;
  for (size_t teacher = 0; teacher < parts_.size(); ++teacher) {
    const int64_t dim = parts_[teacher].parts().front().size(1);
    at::Tensor half = at::empty({static_cast<int64_t>(numbers.size()), dim}, at::kHalf);
    auto* to = half.data_ptr<at::Half>();
    for (const int64_t number : numbers) {
      std::memcpy(to, parts_[teacher].row(number), static_cast<size_t>(dim) * sizeof(at::Half));
      to += dim;
    }
    const at::Tensor features = half.to(at::kFloat);
    all.push_back(features / features.norm(2, 1, /*keepdim=*/true).clamp_min(1e-12) *
                  std::sqrt(weights_[teacher]));
  }
  return all.size() == 1 ? all[0] : at::cat(all, 1);
}

at::Tensor Points::rows(int64_t first, int64_t count) const {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), first);
  return rows(numbers);
}

Nearness nearness_of(const Points& pictures, const Task& task, Log& log, const StopFlag& stop) {
  const at::NoGradGuard no_grad;
  const ByClass own(task);
  const at::Tensor turned = own.points.t();
  const int64_t count = pictures.count();
  Nearness near{at::empty({count}), at::empty({count}, at::kLong), at::empty({count})};
  Meter meter(log, "comparing with the task", count);
  for (int64_t first = 0; first < count; first += kChunk) {
    check_stop(stop, "comparing the pile with the task");
    const int64_t rows = std::min(kChunk, count - first);
    const at::Tensor cosines = at::mm(pictures.rows(first, rows), turned);
    const auto [score, nearest] = class_scores(cosines, own, 0).max(1);
    near.score.narrow(0, first, rows).copy_(score);
    near.nearest.narrow(0, first, rows).copy_(nearest);
    near.closest.narrow(0, first, rows).copy_(cosines.amax(1));
    meter.add(rows);
  }
  return near;
}

Limits limits_of(const Task& task) {
  constexpr double kShare = 0.05, kTwinShare = 0.05, kRounding = 1e-6;
  const at::NoGradGuard no_grad;
  const ByClass own(task);
  const int64_t count = own.points.size(0);
  at::Tensor scores = at::empty({count}), closest = at::empty({count});
  for (int64_t first = 0; first < count; first += kChunk) {
    const int64_t rows = std::min(kChunk, count - first);
    at::Tensor cosines = at::mm(own.points.narrow(0, first, rows), own.points.t());
    // An image is not its own neighbour. The only image of a class has no neighbours in it.
    cosines.narrow(1, first, rows).diagonal().fill_(kFar);
    const at::Tensor all = class_scores(cosines, own, 1);
    scores.narrow(0, first, rows)
        .copy_(at::where(all.isfinite(), all, at::full_like(all, -1)).amax(1));
    closest.narrow(0, first, rows).copy_(cosines.amax(1));
  }
  const auto below = static_cast<int64_t>(kShare * static_cast<double>(count));
  const double median = count > 1 ? closest.median().item<double>() : 1;
  return {.home = std::get<0>(scores.sort())[below].item<double>(),
          .twin = 1 - std::max(kTwinShare * (1 - median), kRounding)};
}

Selection select_nearest(const Points& pictures, const Nearness& nearness, const Limits& limits,
                         int64_t classes, int64_t wanted, const StopFlag& stop) {
  const at::NoGradGuard no_grad;
  const float* score = nearness.score.const_data_ptr<float>();
  std::vector<int64_t> order(static_cast<size_t>(pictures.count()));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::ranges::stable_sort(order, [&](int64_t a, int64_t b) { return score[a] > score[b]; });
  std::vector<std::deque<int64_t>> queues(static_cast<size_t>(classes));
  std::deque<int64_t> rest;
  for (const int64_t picture : order) {
    const auto own = static_cast<size_t>(nearness.nearest.const_data_ptr<int64_t>()[picture]);
    (score[picture] >= limits.home ? queues[own] : rest).push_back(picture);
  }
  Selecting selecting(pictures, nearness, limits.twin, classes, wanted, stop);
  for (;;) {
    const auto open =
        std::ranges::count_if(queues, [](const auto& queue) { return !queue.empty(); });
    if (open == 0 || selecting.left() == 0) break;
    const int64_t each = (selecting.left() + open - 1) / open;
    for (std::deque<int64_t>& queue : queues) selecting.take(queue, each);
  }
  Selection& result = selecting.result();
  result.at_home = std::ssize(result.pictures);
  selecting.take(rest, selecting.left());
  std::ranges::sort(result.pictures);
  return std::move(result);
}

}  // namespace retort::teacher
