#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "retort/core/feature_parts.h"
#include "retort/core/log.h"

namespace retort::teacher {

// Images as points: what one or several teachers make of them, each teacher's features of norm 1,
// times the root of the teacher's weight. The product of two points is then the mean by weight of
// the teachers' cosines. (Cosines about the task's mean told EuroSAT's tiles less well from
// flowers.) Features stay on disk; what is asked for is in memory.
class Points {
 public:
  // `parts`: of each teacher, of the same images; `weights` add up to 1.
  Points(std::vector<FeatureParts> parts, std::vector<double> weights, int64_t count);

  int64_t count() const { return count_; }
  // float [N, ΣD]
  at::Tensor rows(std::span<const int64_t> numbers) const;
  at::Tensor rows(int64_t first, int64_t count) const;

 private:
  std::vector<FeatureParts> parts_;
  std::vector<double> weights_;
  int64_t count_;
};

// The labelled images that a pile's pictures are held against.
struct Task {
  at::Tensor points;  // float [R, D]
  at::Tensor labels;  // int64 [R]
  int64_t classes = 0;
};

// How near pictures are to the task. A picture is as near to a class as the mean of its cosines to
// the kNeighbours images of that class that are nearest to it; its own class is the nearest.
constexpr int64_t kNeighbours = 5;
struct Nearness {
  at::Tensor score;    // float [M], to the nearest class
  at::Tensor nearest;  // int64 [M], that class
  at::Tensor closest;  // float [M], the largest cosine to any one image of the task
};
Nearness nearness_of(const Points& pictures, const Task& task, Log& log = null_log(),
                     const StopFlag& stop = never_stop());

// What the task's own images say of nearness, as teachers differ in how far apart they see
// anything.
struct Limits {
  double home = 0;  // the score that all but a twentieth of them reach among the others
  double twin = 1;  // the cosine of near-twins: a twentieth of the distance (1 - cosine) that the
                    // median image of the task has to its nearest neighbour
};
Limits limits_of(const Task& task);

// Which pictures are taken, at most `wanted`:
//   1. of those that score `home` or more, equally many of each class, the nearest first; what a
//      class lacks the others have;
//   2. where these do not suffice, the nearest of the rest, whatever their class.
// A picture whose cosine to the task's images or to one that was taken before it from its class is
// that of twins is left out.
struct Selection {
  std::vector<int64_t> pictures;   // in rising order
  std::vector<int64_t> per_class;  // how many of each
  int64_t at_home = 0;             // of them by the first rule
  int64_t twins = 0;               // left out
};
Selection select_nearest(const Points& pictures, const Nearness& nearness, const Limits& limits,
                         int64_t classes, int64_t wanted, const StopFlag& stop = never_stop());

}  // namespace retort::teacher
