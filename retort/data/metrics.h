#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace retort::data {

struct Prediction {
  std::string path;
  int64_t label = 0;
  int64_t predicted = 0;
  double probability = 0;  // of `predicted`
};

struct Metrics {
  double accuracy = 0;                 // percent of images
  double mean_class_accuracy = 0;      // percent, the mean over classes that have images
  std::vector<double> class_accuracy;  // percent; -1 for a class without images
  std::vector<int64_t> class_count;
  // The number of images for each pair (label, predicted class) that occurs. A full matrix would be
  // too large for 100,000 classes.
  std::map<std::pair<int64_t, int64_t>, int64_t> confusion;

  // The number of images of this label that were predicted as that class.
  int64_t confused(size_t label, size_t predicted) const;
};

// Labels and predictions are in [0, classes); throws Error on others, and where `classes` is < 1.
Metrics compute_metrics(const std::vector<Prediction>& predictions, int64_t classes);

// `path,label,predicted,probability` with class names, quoted where CSV needs it.
std::string to_csv(const std::vector<Prediction>& predictions,
                   const std::vector<std::string>& classes);

}  // namespace retort::data
