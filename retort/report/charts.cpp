#include "retort/report/charts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "retort/core/text.h"
#include "retort/report/escape.h"

namespace retort::report {
namespace {

constexpr double kWidth = 460, kHeight = 250;                       // of a line chart
constexpr double kLeft = 64, kRight = 12, kTop = 10, kBottom = 40;  // its margins
constexpr size_t kColours = 6;                                      // --s0 … --s5

std::string px(double value) {
  std::string text = fixed(value, 1);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string attribute(const char* name, double value) {
  return std::string(" ") + name + "=\"" + px(value) + "\"";
}

std::string text_at(double x, double y, const char* anchor, const std::string& text,
                    const std::string& more = "") {
  return "<text" + attribute("x", x) + attribute("y", y) + " text-anchor=\"" + anchor + "\"" +
         more + ">" + escape(text) + "</text>";
}

// A step of 1, 2 or 5 times a power of ten that divides the range into about `parts` parts.
double nice_step(double range, double parts) {
  const double raw = range / parts;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double lead = raw / power;
  return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

struct Axis {
  double low = 0, high = 1, step = 1;

  std::vector<double> ticks() const {
    std::vector<double> all;
    const double first = std::ceil(low / step - 1e-9);
    for (int64_t i = 0; i <= 20 && (first + static_cast<double>(i)) * step <= high + 1e-9 * step;
         ++i)
      all.push_back((first + static_cast<double>(i)) * step);
    return all;
  }
};

// An axis that contains the values and ends on ticks.
Axis value_axis(double low, double high, bool from_zero) {
  if (from_zero) low = std::min(low, 0.0);
  if (!(high - low > 1e-12 * std::max(std::abs(low), std::abs(high)))) {
    const double pad = low == 0 ? 1 : std::abs(low) * 0.1;
    if (!from_zero || low < 0) low -= pad;
    high += pad;
  }
  Axis axis;
  axis.step = nice_step(high - low, 5);
  axis.low = std::floor(low / axis.step + 1e-9) * axis.step;
  axis.high = std::ceil(high / axis.step - 1e-9) * axis.step;
  return axis;
}

Axis epoch_axis(const std::vector<double>& x) {
  Axis axis{x.front(), x.back(), 1};
  if (axis.high - axis.low < 1) {
    axis.low -= 0.5;
    axis.high += 0.5;
  } else {
    axis.step = std::max(1.0, nice_step(axis.high - axis.low, 6));
  }
  return axis;
}

class Plot {
 public:
  Plot(const LineChart& chart, double low, double high)
      : chart_(chart), x_(epoch_axis(chart.x)), y_(value_axis(low, high, chart.from_zero)) {}

  std::string draw() const {
    std::string svg = "<svg class=\"lines\" viewBox=\"0 0 " + px(kWidth) + " " + px(kHeight) +
                      "\" role=\"img\" aria-label=\"" + escape(chart_.title) + "\">";
    svg += axes();
    for (size_t s = 0; s < chart_.series.size(); ++s) svg += line(chart_.series[s], s);
    return svg + hover() + "</svg>";
  }

 private:
  double px_x(double value) const {
    return kLeft + (value - x_.low) / (x_.high - x_.low) * (kWidth - kLeft - kRight);
  }
  double px_y(double value) const {
    return kHeight - kBottom - (value - y_.low) / (y_.high - y_.low) * (kHeight - kTop - kBottom);
  }

  std::string axes() const {
    std::string svg;
    for (const double tick : y_.ticks()) {
      const double y = px_y(tick);
      svg += "<path class=\"grid\" d=\"M" + px(kLeft) + " " + px(y) + "H" + px(kWidth - kRight) +
             "\"/>";
      // A tick is a multiple of the step; rounding may leave a tiny number in place of 0.
      svg += text_at(kLeft - 7, y + 4, "end",
                     significant(std::abs(tick) < 1e-9 * y_.step ? 0 : tick, 5));
    }
    for (const double tick : x_.ticks())
      svg += text_at(px_x(tick), kHeight - kBottom + 17, "middle", significant(tick, 7));
    svg += "<path class=\"axis\" d=\"M" + px(kLeft) + " " + px(kHeight - kBottom) + "H" +
           px(kWidth - kRight) + "\"/>";
    svg += text_at((kLeft + kWidth - kRight) / 2, kHeight - 5, "middle", "epoch");
    const std::string turned =
        " transform=\"rotate(-90 9 " + px((kTop + kHeight - kBottom) / 2) + ")\"";
    return svg + text_at(9, (kTop + kHeight - kBottom) / 2, "middle", chart_.title, turned);
  }

  std::string line(const Series& series, size_t number) const {
    const std::string colour = "var(--s" + std::to_string(number % kColours) + ")";
    std::string path, dots;
    bool drawing = false;
    for (size_t i = 0; i < chart_.x.size(); ++i) {
      if (!std::isfinite(series.y[i])) {
        drawing = false;
        continue;
      }
      const std::string point = px(px_x(chart_.x[i])) + " " + px(px_y(series.y[i]));
      // A value between two gaps is drawn as a dot, since it has no line.
      const bool alone = !drawing && (i + 1 == chart_.x.size() || !std::isfinite(series.y[i + 1]));
      if (alone)
        dots += "<circle r=\"3\" fill=\"" + colour + "\"" + attribute("cx", px_x(chart_.x[i])) +
                attribute("cy", px_y(series.y[i])) + "/>";
      path += (drawing ? "L" : "M") + point;
      drawing = true;
    }
    return "<path class=\"line\" stroke=\"" + colour + "\" d=\"" + path + "\"/>" + dots;
  }

  // An invisible strip over each epoch, whose tooltip shows the values.
  std::string hover() const {
    std::string svg;
    const size_t last = chart_.x.size() - 1;
    for (size_t i = 0; i <= last; ++i) {
      const double left = i == 0 ? kLeft : px_x((chart_.x[i - 1] + chart_.x[i]) / 2);
      const double right = i == last ? kWidth - kRight : px_x((chart_.x[i] + chart_.x[i + 1]) / 2);
      std::string title = "epoch " + significant(chart_.x[i], 7);
      for (const Series& series : chart_.series) {
        if (std::isfinite(series.y[i]))
          title += "\n" + series.name + ": " + chart_.format(series.y[i]);
      }
      svg += "<rect class=\"hover\"" + attribute("x", left) + attribute("y", kTop) +
             attribute("width", right - left) + attribute("height", kHeight - kTop - kBottom) +
             "><title>" + escape(title) + "</title></rect>";
    }
    return svg;
  }

  const LineChart& chart_;
  Axis x_, y_;
};

// With one series the legend is an empty line, so that charts side by side are aligned.
std::string legend(const LineChart& chart) {
  std::string html = "<p class=\"legend\">";
  for (size_t s = 0; s < chart.series.size() && chart.series.size() > 1; ++s) {
    html += "<span><i style=\"background:var(--s" + std::to_string(s % kColours) + ")\"></i>" +
            escape(chart.series[s].name) + "</span>";
  }
  return html + "</p>";
}

// "3 of 20"
std::string of(int64_t part, int64_t whole) {
  return std::to_string(part) + " of " + std::to_string(whole);
}

double share(int64_t part, int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

class Matrix {
 public:
  Matrix(const data::Metrics& metrics, const std::vector<std::string>& classes)
      : metrics_(metrics), classes_(classes), n_(static_cast<double>(classes.size())) {
    int64_t longest = 0;
    for (const std::string& name : classes)
      longest = std::max(longest, length(shorten(name, kLabel)));
    const double label = 0.6 * font_ * static_cast<double>(longest) + 8;
    left_ = label + kAxisTitle;
    top_ = std::sin(angle_ * kDegree) * label + 8 + kAxisTitle;
    lean_ = std::max(4.0, std::cos(angle_ * kDegree) * label);
    cell_ = std::clamp((kRoom - left_ - lean_) / n_, 7.0, 40.0);
  }

  std::string draw() const {
    const double size = n_ * cell_, width = left_ + size + lean_, height = top_ + size + 2;
    std::string svg = "<svg class=\"matrix\" viewBox=\"0 0 " + px(width) + " " + px(height) +
                      "\" style=\"width:" + px(width) + "px;font-size:" + px(font_) +
                      "px\" role=\"img\" aria-label=\"confusion matrix\">";
    svg += "<rect class=\"field\"" + attribute("x", left_) + attribute("y", top_) +
           attribute("width", size) + attribute("height", size) + "/>";
    svg += cells() + grid(size) + labels();
    svg += text_at(left_ + size / 2, 12, "middle", "predicted class", " class=\"title\"");
    const std::string middle = px(top_ + size / 2);
    svg += text_at(12, top_ + size / 2, "middle", "true class",
                   " class=\"title\" transform=\"rotate(-90 12 " + middle + ")\"");
    return svg + "</svg>";
  }

 private:
  static constexpr int64_t kLabel = 24;  // code points of a class name on the axes
  static constexpr double kAxisTitle = 22;
  static constexpr double kRoom = 1028;  // pixels across the page
  static constexpr double kDegree = 3.14159265358979 / 180;
  static constexpr double kNumbers = 24;  // cells at least this wide show their number

  double x_of(size_t column) const { return left_ + static_cast<double>(column) * cell_; }
  double y_of(size_t row) const { return top_ + static_cast<double>(row) * cell_; }

  std::string cells() const {
    std::string svg;
    for (size_t row = 0; row < classes_.size(); ++row) {
      for (size_t column = 0; column < classes_.size(); ++column) {
        const int64_t images = metrics_.confused(row, column), whole = metrics_.class_count[row];
        if (images == 0) continue;
        const double part = share(images, whole);
        const std::string title = classes_[row] + " → " + classes_[column] + ": " +
                                  of(images, whole) + " (" + percent(100 * part) + ")";
        // The opacity starts at 0.14, so that one wrong image of many is still visible.
        svg += std::string("<g class=\"") + (row == column ? "right" : "wrong") + "\"><title>" +
               escape(title) + "</title><rect" + attribute("x", x_of(column)) +
               attribute("y", y_of(row)) + attribute("width", cell_) + attribute("height", cell_) +
               " fill-opacity=\"" + fixed(0.14 + 0.86 * part, 2) + "\"/>";
        if (cell_ >= kNumbers) {
          svg += text_at(x_of(column) + cell_ / 2, y_of(row) + cell_ / 2 + 4, "middle",
                         std::to_string(images), part > 0.45 ? " class=\"on\"" : "");
        }
        svg += "</g>";
      }
    }
    return svg;
  }

  std::string grid(double size) const {
    std::string path;
    for (size_t i = 0; i <= classes_.size(); ++i) {
      path += "M" + px(left_) + " " + px(y_of(i)) + "h" + px(size) + "M" + px(x_of(i)) + " " +
              px(top_) + "v" + px(size);
    }
    return "<path class=\"grid\" d=\"" + path + "\"/>";
  }

  std::string labels() const {
    std::string svg;
    for (size_t i = 0; i < classes_.size(); ++i) {
      const std::string name = shorten(classes_[i], kLabel);
      const double middle = cell_ / 2 + 0.35 * font_;
      svg += text_at(left_ - 4, y_of(i) + middle, "end", name);
      const double x = x_of(i) + middle, y = top_ - 4;
      svg += text_at(x, y, "start", name,
                     " transform=\"rotate(-" + px(angle_) + " " + px(x) + " " + px(y) + ")\"");
    }
    return svg;
  }

  const data::Metrics& metrics_;
  const std::vector<std::string>& classes_;
  double n_;
  double font_ = n_ <= 40 ? 12 : n_ <= 70 ? 10 : 8;
  double angle_ =
      n_ <= 60 ? 60 : 90;  // of the column labels; slanted ones are easier to read but wider
  double left_ = 0, top_ = 0, lean_ = 0, cell_ = 0;
};

}  // namespace

std::string line_chart(const LineChart& chart) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const Series& series : chart.series) {
    for (const double value : series.y) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (low > high) return "";
  return "<figure class=\"chart\"><figcaption>" + escape(chart.title) + "</figcaption>" +
         legend(chart) + Plot(chart, low, high).draw() + "</figure>";
}

std::string class_bars(const data::Metrics& metrics, const std::vector<std::string>& classes) {
  std::vector<size_t> order(classes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return metrics.class_accuracy[a] < metrics.class_accuracy[b];
  });
  std::string bars, absent;
  for (const size_t c : order) {
    const std::string name = escape(classes[c]);
    if (metrics.class_count[c] == 0) {
      absent += (absent.empty() ? "" : ", ") + name;
      continue;
    }
    const double accuracy = metrics.class_accuracy[c];
    bars += "<div class=\"bar\" title=\"" + name + ": " +
            of(metrics.confused(c, c), metrics.class_count[c]) + " right\"><span class=\"name\">" +
            name + "</span><span class=\"track\"><i style=\"width:" + px(accuracy) +
            "%\"></i></span><span class=\"value\">" + percent(accuracy) +
            "</span><span class=\"of\">" + std::to_string(metrics.class_count[c]) + "</span></div>";
  }
  const std::string note =
      absent.empty() ? "" : "<p class=\"note\">Without images here: " + absent + ".</p>";
  const bool many = classes.size() > 30;
  return std::string("<div class=\"bars") + (many ? " many" : "") + "\">" + bars + "</div>" + note;
}

std::string confusion_matrix(const data::Metrics& metrics,
                             const std::vector<std::string>& classes) {
  if (classes.size() > kMatrixClasses) return "";
  return Matrix(metrics, classes).draw();
}

std::string confused_pairs(const data::Metrics& metrics, const std::vector<std::string>& classes,
                           size_t most) {
  struct Pair {
    size_t row, column;
    int64_t images;
  };
  std::vector<Pair> pairs;
  for (const auto& [pair, images] : metrics.confusion) {
    if (pair.first != pair.second)
      pairs.push_back({static_cast<size_t>(pair.first), static_cast<size_t>(pair.second), images});
  }
  if (pairs.empty()) return "";
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.images > b.images; });
  if (pairs.size() > most) pairs.resize(most);
  std::string rows;
  for (const Pair& pair : pairs) {
    rows += "<tr><td>" + escape(classes[pair.row]) + "</td><td>" + escape(classes[pair.column]) +
            "</td><td class=\"n\">" + of(pair.images, metrics.class_count[pair.row]) +
            "</td><td class=\"n\">" +
            percent(100 * share(pair.images, metrics.class_count[pair.row])) + "</td></tr>";
  }
  return "<table><thead><tr><th>true class</th><th>taken for</th><th class=\"n\">images</th><th "
         "class=\"n\">share</th></tr></thead><tbody>" +
         rows + "</tbody></table>";
}

}  // namespace retort::report
