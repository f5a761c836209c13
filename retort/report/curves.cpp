#include "retort/report/curves.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "retort/core/text.h"
#include "retort/report/charts.h"

namespace retort::report {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// Metrics by epoch. Where a resumed run wrote an epoch twice, the last one counts.
std::map<int64_t, EpochMetrics> by_epoch(const std::vector<EpochMetrics>& all) {
  std::map<int64_t, EpochMetrics> epochs;
  for (const EpochMetrics& metrics : all) epochs[metrics.epoch] = metrics;
  return epochs;
}

class Curves {
 public:
  explicit Curves(const std::vector<EpochMetrics>& all) : epochs_(by_epoch(all)) {}

  std::string draw() const {
    if (epochs_.empty()) return "";
    const auto plain = [](double value) { return significant(value, 4); };
    std::string charts =
        chart("training loss", {{"loss", of(&EpochMetrics::train_loss)}}, plain, false);
    charts += chart("accuracy, %",
                    {{"validation", of(&EpochMetrics::val_accuracy)},
                     {"training", of(&EpochMetrics::train_accuracy)}},
                    percent, false);
    charts += chart("loss terms, unweighted", term_series(), plain, false);
    charts +=
        chart("learning rate", {{"learning rate", of(&EpochMetrics::learning_rate)}}, plain, true);
    return charts.empty() ? ""
                          : "<p class=\"note\">" + best() + closing() +
                                "Point at a chart for its values.</p><div class=\"charts\">" +
                                charts + "</div>";
  }

 private:
  static double number(double value) { return value; }
  static double number(const std::optional<double>& value) { return value.value_or(kNothing); }

  template <typename Number>
  std::vector<double> of(Number EpochMetrics::*field) const {
    std::vector<double> values;
    for (const auto& [epoch, metrics] : epochs_) values.push_back(number(metrics.*field));
    return values;
  }

  std::vector<Series> term_series() const {
    std::map<std::string, std::vector<double>> all;
    size_t done = 0;
    for (const auto& [epoch, metrics] : epochs_) {
      for (const auto& [name, value] : metrics.terms)
        all.try_emplace(name, epochs_.size(), kNothing).first->second[done] = value;
      ++done;
    }
    std::vector<Series> series;
    for (const auto& [name, values] : all) series.push_back({name, values});
    // A single term would repeat the loss, up to its weight.
    return series.size() > 1 ? series : std::vector<Series>{};
  }

  std::string best() const {
    double accuracy = -1;
    int64_t at = 0;
    for (const auto& [epoch, metrics] : epochs_) {
      if (metrics.val_accuracy.value_or(-1) > accuracy) {
        accuracy = *metrics.val_accuracy;
        at = epoch;
      }
    }
    return accuracy < 0 ? ""
                        : "Best on validation: " + percent(accuracy) + " at epoch " +
                              std::to_string(at) + ". ";
  }

  std::string closing() const {
    for (const auto& [epoch, line] : epochs_)
      if (line.phase == "closing")
        return "From epoch " + significant(static_cast<double>(epoch), 7) +
               " on: the closing phase, labels alone. ";
    return "";
  }

  std::string chart(const std::string& title, std::vector<Series> series,
                    const std::function<std::string(double)>& format, bool from_zero) const {
    std::erase_if(series, [](const Series& s) {
      return std::none_of(s.y.begin(), s.y.end(), [](double y) { return std::isfinite(y); });
    });
    LineChart out{title, {}, std::move(series), format, from_zero};
    for (const auto& [epoch, metrics] : epochs_) out.x.push_back(static_cast<double>(epoch));
    return line_chart(out);
  }

  std::map<int64_t, EpochMetrics> epochs_;
};

}  // namespace

std::string training_curves(const std::vector<EpochMetrics>& epochs) {
  return Curves(epochs).draw();
}

}  // namespace retort::report
