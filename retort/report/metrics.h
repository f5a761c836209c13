#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace retort::report {

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
  std::vector<std::vector<int64_t>> confusion;  // [label][predicted]
};

Metrics compute_metrics(const std::vector<Prediction>& predictions, int64_t classes);

// `path,label,predicted,probability` with class names, quoted where CSV needs it.
std::string to_csv(const std::vector<Prediction>& predictions, const std::vector<std::string>& classes);

}  // namespace retort::report
