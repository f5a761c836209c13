#include "retort/report/curves.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "retort/report/charts.h"
#include "retort/report/text.h"

namespace retort::report {
namespace {

using nlohmann::json;

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

double number_in(const json& object, const std::string& key) {
  if (!object.is_object()) return kNothing;
  const auto place = object.find(key);
  return place != object.end() && place->is_number() ? place->get<double>() : kNothing;
}

// By epoch: lines that a resumed run wrote twice count once, the last.
std::map<double, json> by_epoch(const std::vector<json>& lines) {
  std::map<double, json> epochs;
  for (const json& line : lines) {
    const double epoch = number_in(line, "epoch");
    if (std::isfinite(epoch)) epochs[epoch] = line;
  }
  return epochs;
}

class Curves {
 public:
  explicit Curves(const std::vector<json>& lines) : epochs_(by_epoch(lines)) {}

  std::string draw() const {
    if (epochs_.empty()) return "";
    const auto plain = [](double value) { return significant(value, 4); };
    std::string charts = chart("training loss", {{"loss", of("train_loss")}}, plain, false);
    charts += chart("accuracy, %",
                    {{"validation", of("val_accuracy")}, {"training", of("train_accuracy")}},
                    percent, false);
    charts += chart("loss terms, unweighted", term_series(), plain, false);
    charts += chart("learning rate", {{"learning rate", of("lr")}}, plain, true);
    return charts.empty() ? ""
                          : "<p class=\"note\">" + best() + closing() +
                                "Point at a chart for its values.</p><div class=\"charts\">" +
                                charts + "</div>";
  }

 private:
  std::vector<double> of(const std::string& key) const {
    std::vector<double> values;
    for (const auto& [epoch, line] : epochs_) values.push_back(number_in(line, key));
    return values;
  }

  std::vector<Series> term_series() const {
    std::map<std::string, std::vector<double>> all;
    size_t done = 0;
    for (const auto& [epoch, line] : epochs_) {
      const json terms = line.contains("terms") ? line.at("terms") : json::object();
      for (const auto& [name, value] : terms.items()) {
        std::vector<double>& values = all.try_emplace(name, epochs_.size(), kNothing).first->second;
        if (value.is_number()) values[done] = value.get<double>();
      }
      ++done;
    }
    std::vector<Series> series;
    for (const auto& [name, values] : all) series.push_back({name, values});
    // One term is the loss itself, up to its weight.
    return series.size() > 1 ? series : std::vector<Series>{};
  }

  std::string best() const {
    double accuracy = -1, at = 0;
    for (const auto& [epoch, line] : epochs_) {
      const double value = number_in(line, "val_accuracy");
      if (value > accuracy) {
        accuracy = value;
        at = epoch;
      }
    }
    return accuracy < 0 ? ""
                        : "Best on validation: " + percent(accuracy) + " at epoch " +
                              significant(at, 7) + ". ";
  }

  std::string closing() const {
    for (const auto& [epoch, line] : epochs_)
      if (line.value("phase", "") == "closing")
        return "From epoch " + significant(epoch, 7) + " on: the closing phase, labels alone. ";
    return "";
  }

  std::string chart(const std::string& title, std::vector<Series> series,
                    const std::function<std::string(double)>& format, bool from_zero) const {
    std::erase_if(series, [](const Series& s) {
      return std::none_of(s.y.begin(), s.y.end(), [](double y) { return std::isfinite(y); });
    });
    LineChart out{title, {}, std::move(series), format, from_zero};
    for (const auto& [epoch, line] : epochs_) out.x.push_back(epoch);
    return line_chart(out);
  }

  std::map<double, json> epochs_;
};

}  // namespace

std::string training_curves(const std::vector<json>& lines) { return Curves(lines).draw(); }

}  // namespace retort::report
