#pragma once

#include <functional>
#include <string>
#include <vector>

#include "retort/data/metrics.h"

namespace retort::report {

// Inline SVG and HTML whose colours are the page's CSS variables (style.h), so that both colour
// schemes and print share one drawing.

struct Series {
  std::string name;
  std::vector<double> y;  // one a tick of the chart's x; not finite: a gap
};

struct LineChart {
  std::string title;
  std::vector<double> x;  // epochs, rising
  std::vector<Series> series;
  std::function<std::string(double)> format;  // of values, in titles
  bool from_zero = false;                     // the y axis starts at 0
};

// Empty when no series has a finite value.
std::string line_chart(const LineChart& chart);

// Bars from the worst class to the best; classes without images are named below them.
std::string class_bars(const data::Metrics& metrics, const std::vector<std::string>& classes);

// Rows are the true classes, columns the predicted ones, shades the share of the row. Empty beyond
// kMatrixClasses, where it could not be read.
constexpr size_t kMatrixClasses = 200;
std::string confusion_matrix(const data::Metrics& metrics, const std::vector<std::string>& classes);

// The pairs (true, predicted) that were confused most often, at most `most` of them, as a table.
// Empty when nothing was.
std::string confused_pairs(const data::Metrics& metrics, const std::vector<std::string>& classes,
                           size_t most);

}  // namespace retort::report
