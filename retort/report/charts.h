#pragma once

#include <functional>
#include <string>
#include <vector>

#include "retort/data/metrics.h"

namespace retort::report {

// Charts as inline SVG and HTML. Their colours are CSS variables of the page (style.h), so that one
// drawing serves both colour schemes and print.

struct Series {
  std::string name;
  std::vector<double> y;  // one for each x of the chart; not finite: a gap
};

struct LineChart {
  std::string title;
  std::vector<double> x;  // epochs, ascending
  std::vector<Series> series;
  std::function<std::string(double)> format;  // formats a value for tooltips
  bool from_zero = false;                     // the y axis starts at 0
};

// Empty when no series has a finite value.
std::string line_chart(const LineChart& chart);

// One bar for each class, the worst first; classes without images are named below the bars.
std::string class_bars(const data::Metrics& metrics, const std::vector<std::string>& classes);

// Rows are true classes, columns predicted classes, and a cell's shade is its share of the row.
// Empty for more than kMatrixClasses classes, which would be illegible.
constexpr size_t kMatrixClasses = 200;
std::string confusion_matrix(const data::Metrics& metrics, const std::vector<std::string>& classes);

// A table of the pairs (true, predicted) that were confused most often, at most `most` of them.
// Empty when there are none.
std::string confused_pairs(const data::Metrics& metrics, const std::vector<std::string>& classes,
                           size_t most);

}  // namespace retort::report
