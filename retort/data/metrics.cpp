#include "retort/data/metrics.h"

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/core/text.h"
#include "retort/data/csv.h"

namespace retort::data {
namespace {

size_t class_index(int64_t index, size_t classes, const Prediction& prediction) {
  if (index < 0 || static_cast<size_t>(index) >= classes) {
    throw Error("names class number " + std::to_string(index) + " of " + std::to_string(classes),
                "prediction for " + printable(prediction.path));
  }
  return static_cast<size_t>(index);
}

}  // namespace

int64_t Metrics::confused(size_t label, size_t predicted) const {
  const auto found = confusion.find({static_cast<int64_t>(label), static_cast<int64_t>(predicted)});
  return found == confusion.end() ? 0 : found->second;
}

Metrics compute_metrics(const std::vector<Prediction>& predictions, int64_t classes) {
  if (classes < 1) throw Error("there are no classes", "metrics");
  const auto n = static_cast<size_t>(classes);
  Metrics metrics;
  metrics.class_accuracy.assign(n, -1);
  metrics.class_count.assign(n, 0);
  for (const Prediction& p : predictions) {
    const size_t label = class_index(p.label, n, p);
    ++metrics.confusion[{p.label, static_cast<int64_t>(class_index(p.predicted, n, p))}];
    ++metrics.class_count[label];
  }

  int64_t right = 0, present = 0;
  double sum = 0;
  for (size_t c = 0; c < n; ++c) {
    if (metrics.class_count[c] == 0) continue;
    right += metrics.confused(c, c);
    metrics.class_accuracy[c] = 100.0 * static_cast<double>(metrics.confused(c, c)) /
                                static_cast<double>(metrics.class_count[c]);
    sum += metrics.class_accuracy[c];
    ++present;
  }
  if (present > 0) {
    metrics.accuracy = 100.0 * static_cast<double>(right) / static_cast<double>(predictions.size());
    metrics.mean_class_accuracy = sum / static_cast<double>(present);
  }
  return metrics;
}

std::string to_csv(const std::vector<Prediction>& predictions,
                   const std::vector<std::string>& classes) {
  std::string out = "path,label,predicted,probability\n";
  for (const Prediction& p : predictions) {
    const auto name = [&](int64_t index) {
      return printable(classes[class_index(index, classes.size(), p)]);
    };
    out += csv_line({printable(p.path), name(p.label), name(p.predicted), fixed(p.probability, 6)});
  }
  return out;
}

}  // namespace retort::data
