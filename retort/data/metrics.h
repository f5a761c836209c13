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
  // Images by label and predicted class, of the pairs that occur: of 100,000 classes few do.
  std::map<std::pair<int64_t, int64_t>, int64_t> confusion;

  // Images of this label that were taken for that class.
  int64_t confused(size_t label, size_t predicted) const;
};

Metrics compute_metrics(const std::vector<Prediction>& predictions, int64_t classes);

// `path,label,predicted,probability` with class names, quoted where CSV needs it.
std::string to_csv(const std::vector<Prediction>& predictions,
                   const std::vector<std::string>& classes);

}  // namespace retort::data
