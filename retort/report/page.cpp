#include "retort/report/page.h"

#include <algorithm>
#include <cmath>

#include "retort/core/text.h"
#include "retort/report/charts.h"
#include "retort/report/curves.h"
#include "retort/report/document.h"
#include "retort/report/escape.h"
#include "retort/report/samples.h"
#include "retort/report/verdict.h"

namespace retort::report {
namespace {

using nlohmann::json;

constexpr size_t kSamples = 24;  // of each kind
constexpr size_t kPairs = 15;

std::string section(const std::string& title, const std::string& body) {
  return body.empty() ? "" : "<section><h2>" + title + "</h2>" + body + "</section>\n";
}

std::string tile(const std::string& value, const std::string& what) {
  return "<li><b>" + escape(value) + "</b><span>" + escape(what) + "</span></li>";
}

// Keeps a number and its % on one line.
std::string unbroken(std::string html) {
  for (size_t i = html.find(" %"); i != std::string::npos; i = html.find(" %", i))
    html.replace(i, 1, "&#160;");
  return html;
}

std::string header(const Page& page, const data::Metrics& metrics) {
  std::string tiles;
  if (!page.predictions.empty()) {
    tiles += tile(percent(metrics.accuracy), "accuracy, " + page.split);
    tiles += tile(percent(metrics.mean_class_accuracy), "mean over classes");
    tiles += tile(std::to_string(page.predictions.size()), page.split + " images");
  }
  if (!page.classes.empty()) tiles += tile(std::to_string(page.classes.size()), "classes");
  if (const Row* student = student_of(page)) {
    if (student->parameters > 0) tiles += tile(count(student->parameters), "parameters");
    if (student->milliseconds > 0)
      tiles += tile(milliseconds(student->milliseconds), "time an image");
  }
  return "<header><h1>" + escape(page.title) + "</h1><p class=\"verdict\">" +
         unbroken(escape(verdict(page, metrics))) + "</p>" +
         (tiles.empty() ? "" : "<ul class=\"tiles\">" + tiles + "</ul>") + "</header>\n";
}

std::string table(const Page& page) {
  if (page.rows.empty()) return "";
  std::string body;
  for (const Row& row : page.rows) {
    const double width = std::isfinite(row.accuracy) ? std::clamp(row.accuracy, 0.0, 100.0) : 0;
    body += std::string("<tr") + (&row == student_of(page) ? " class=\"own\"" : "") + "><td>" +
            escape(row.name) + "</td><td>" + escape(row.model) + "</td><td class=\"n\">" +
            percent(row.accuracy) + "<span class=\"meter\"><i style=\"width:" + fixed(width, 1) +
            "%\"></i></span></td>";
    for (const std::string& cell : {count(row.parameters), count(row.multiply_adds),
                                    milliseconds(row.milliseconds), duration(row.training_seconds)})
      body += "<td class=\"n\">" + cell + "</td>";
    body += "</tr>";
  }
  return "<div class=\"wide\"><table class=\"rows\"><thead><tr><th>run</th><th>model</th><th "
         "class=\"n\">accuracy, " +
         escape(page.split) +
         "</th><th class=\"n\">parameters</th><th class=\"n\">multiply-adds</th><th class=\"n\">an "
         "image</th><th class=\"n\">training "
         "time</th></tr></thead><tbody>" +
         body + "</tbody></table></div>";
}

std::string per_class(const Page& page, const data::Metrics& metrics) {
  if (page.predictions.empty()) return "";
  return "<p class=\"note\">Worst first; the last column is the number of " + escape(page.split) +
         " images.</p>" + class_bars(metrics, page.classes);
}

std::string confusion(const Page& page, const data::Metrics& metrics) {
  if (page.predictions.empty()) return "";
  const std::string matrix = confusion_matrix(metrics, page.classes);
  const std::string pairs = confused_pairs(metrics, page.classes, kPairs);
  const std::string key =
      "<p class=\"note key\"><span><i style=\"background:var(--right)\"></i>right</span><span><i "
      "style=\"background:var(--wrong)\"></i>wrong</span>"
      "<span>The shade is the share of the true class; point at a cell for its numbers.</span></p>";
  const std::string drawn =
      matrix.empty() ? "<p class=\"note\">There are too many classes to draw the matrix.</p>"
                     : key + "<div class=\"confusion\"><div>" + matrix + "</div>";
  return drawn + "<div class=\"pairs\"><h3>Confused most often</h3>" +
         (pairs.empty() ? "<p class=\"note\">No image was taken for another class.</p>" : pairs) +
         "</div>" + (matrix.empty() ? "" : "</div>");
}

std::string sample_grid(const Page& page, const std::vector<Sample>& shown, bool right) {
  std::string grid;
  for (const Sample& sample : shown) {
    const data::Prediction& p = sample.prediction;
    const std::string label = escape(page.classes[static_cast<size_t>(p.label)]),
                      predicted = escape(page.classes[static_cast<size_t>(p.predicted)]);
    grid += "<div class=\"sample\" title=\"" + escape(p.path) + "\n" + label + " → " + predicted +
            "\"><div class=\"picture\"><img src=\"" + sample.data_uri + "\" alt=\"" + label +
            "\"/></div><span>" + label + "</span><span class=\"" + (right ? "good" : "bad") +
            "\">→ " + predicted + "</span><span class=\"quiet\">" + percent(100 * p.probability) +
            "</span></div>";
  }
  return "<div class=\"samples\">" + grid + "</div>";
}

std::string sample_images(const Page& page) {
  const std::vector<Sample> wrong = samples(page.predictions, page.data_root, false, kSamples);
  const std::vector<Sample> right = samples(page.predictions, page.data_root, true, kSamples);
  if (wrong.empty() && right.empty()) return "";
  std::string out =
      "<p class=\"note\">Under each image its true class, what the model takes it for, and the "
      "probability that the model gives that.</p>";
  if (!wrong.empty())
    out += "<h3>Wrong, the most confident first</h3>" + sample_grid(page, wrong, false);
  if (!right.empty()) out += "<h3>Right, drawn at random</h3>" + sample_grid(page, right, true);
  return out;
}

// Strings as they are, floats with six digits, other values as JSON.
std::string text_of(const json& value) {
  if (value.is_number_float()) return significant(value.get<double>(), 6);
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string skipped_files(const Page& page) {
  const auto place =
      page.summary.is_object() ? page.summary.find("skipped_files") : page.summary.end();
  if (place == page.summary.end() || !place->is_array() || place->empty()) return "";
  std::string body;
  for (const json& file : *place) {
    const bool known = file.is_object() && file.contains("path");
    body += "<tr><td>" + escape(text_of(known ? file.at("path") : file)) + "</td><td>" +
            escape(known ? text_of(file.value("reason", json(""))) : "") + "</td></tr>";
  }
  return "<p class=\"note\">These files were not used, because they could not be "
         "decoded.</p><table class=\"facts\"><tbody>" +
         body + "</tbody></table>";
}

std::string configuration(const Page& page) {
  std::string out = page.config_toml.empty() ? "" : "<pre>" + escape(page.config_toml) + "</pre>";
  std::string facts;
  if (page.summary.is_object()) {
    json summary = page.summary;
    summary.erase("skipped_files");
    const json flat = summary.flatten();
    for (const auto& [pointer, value] : flat.items()) {
      std::string name = pointer.empty() ? "" : pointer.substr(1);
      std::replace(name.begin(), name.end(), '/', '.');
      if (!name.empty())
        facts += "<tr><td>" + escape(name) + "</td><td>" + escape(text_of(value)) + "</td></tr>";
    }
  }
  if (!facts.empty())
    out += "<details><summary>Summary of the run</summary><table class=\"facts\"><tbody>" + facts +
           "</tbody></table></details>";
  return out;
}

}  // namespace

std::string render_page(const Page& page) {
  const data::Metrics metrics =
      page.predictions.empty()
          ? data::Metrics{}
          : data::compute_metrics(page.predictions, static_cast<int64_t>(page.classes.size()));
  std::string html = header(page, metrics);
  html += section("Results", table(page));
  html += section("Training", training_curves(page.epochs));
  html += section("Accuracy of each class", per_class(page, metrics));
  html += section("Confusion", confusion(page, metrics));
  html += section("Sample images", sample_images(page));
  html += section("Skipped files", skipped_files(page));
  html += section("Configuration", configuration(page));
  return document(page.title, html);
}

}  // namespace retort::report
