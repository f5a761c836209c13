#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "retort/core/feature_parts.h"
#include "retort/core/log.h"

namespace retort::teacher {

// Images as points: each teacher's features, scaled to norm 1 and times the root of the teacher's
// weight, concatenated. The product of two points is the mean of the teachers' cosines, by weight.
// (Cosines around the task's mean separated EuroSAT's tiles from flowers less well.) Features stay
// on disk; only the rows asked for are read into memory.
class Points {
 public:
  // `parts` has each teacher's features of the same `count` images; `weights` add up to 1.
  Points(std::vector<FeatureParts> parts, std::vector<double> weights, int64_t count);

  int64_t count() const { return count_; }
  // The points of these images, float [N, ΣD].
  at::Tensor rows(std::span<const int64_t> numbers) const;
  at::Tensor rows(int64_t first, int64_t count) const;

 private:
  std::vector<FeatureParts> parts_;
  std::vector<double> weights_;
  int64_t count_;
};

// The labelled images with which the pictures of a pile are compared.
struct Task {
  at::Tensor points;  // float [R, D]
  at::Tensor labels;  // int64 [R]
  int64_t classes = 0;
};

// How near pictures are to the task. A picture's nearness to a class is the mean of its cosines to
// the kNeighbours images of that class that are nearest to it.
constexpr int64_t kNeighbours = 5;
struct Nearness {
  at::Tensor score;    // float [M]: nearness to the nearest class
  at::Tensor nearest;  // int64 [M]: the nearest class
  at::Tensor closest;  // float [M], the largest cosine to any one image of the task
};
Nearness nearness_of(const Points& pictures, const Task& task, Log& log = null_log(),
                     const StopFlag& stop = never_stop());

// Thresholds of nearness, derived from the task's own images because cosines are on a different
// scale for each teacher.
struct Limits {
  double home = 0;  // 95 % of the task's images reach this score among the others
  double twin = 1;  // the cosine of near-twins: 1 − a twentieth of the distance (1 − cosine) of the
                    // median image of the task to its nearest neighbour
};
Limits limits_of(const Task& task);

// Selects at most `wanted` pictures:
//   1. of those that score `home` or more, equally many for each class, the nearest first; what a
//      class lacks is taken from the others;
//   2. if these are too few, the nearest of the rest, whatever their class.
// It skips twins: pictures whose cosine to an image of the task, or to a selected picture of the
// same class, is `twin` or more.
struct Selection {
  std::vector<int64_t> pictures;   // sorted
  std::vector<int64_t> per_class;  // number of pictures of each class
  int64_t at_home = 0;             // number of pictures by the first rule
  int64_t twins = 0;               // number skipped
};
Selection select_nearest(const Points& pictures, const Nearness& nearness, const Limits& limits,
                         int64_t classes, int64_t wanted, const StopFlag& stop = never_stop());

}  // namespace retort::teacher
