#include <charconv>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/unicode.h"
#include "retort/run/evaluate_run.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

// JSON holds only UTF-8, so that a path of other bytes is written in hexadecimal digits.
std::string hex_of(const std::string& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes)
    hex +=
        {kDigits[static_cast<unsigned char>(c) >> 4], kDigits[static_cast<unsigned char>(c) & 15]};
  return hex;
}

std::string bytes_of_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned value = 0;
    if (std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16).ptr != hex.data() + i + 2)
      throw Error("holds a path that is no hex");
    bytes += static_cast<char>(value);
  }
  return bytes;
}

}  // namespace

void write_evaluation(const fs::path& path, const Evaluation& evaluation) {
  nlohmann::json rows = nlohmann::json::array();
  for (const data::Prediction& p : evaluation.predictions) {
    rows.push_back({as_utf8(p.path), p.label, p.predicted, p.probability});
    if (!is_utf8(p.path)) rows.back().push_back(hex_of(p.path));
  }
  const nlohmann::json all = {{"split", evaluation.split},
                              {"root", evaluation.root.string()},
                              {"classes", evaluation.classes},
                              {"predictions", rows}};
  write_file_atomic(path, all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

Evaluation read_evaluation(const fs::path& path) {
  const nlohmann::json json = read_json(path);
  try {
    Evaluation evaluation;
    json.at("split").get_to(evaluation.split);
    evaluation.root = json.at("root").get<std::string>();
    json.at("classes").get_to(evaluation.classes);
    const auto classes = static_cast<int64_t>(evaluation.classes.size());
    for (const nlohmann::json& row : json.at("predictions")) {
      data::Prediction p{row.at(0), row.at(1), row.at(2), row.at(3)};
      if (row.size() > 4) p.path = bytes_of_hex(row.at(4));
      if (p.label < 0 || p.label >= classes || p.predicted < 0 || p.predicted >= classes)
        throw Error("names a class that is not there", path.string());
      evaluation.predictions.push_back(p);
    }
    evaluation.metrics = data::compute_metrics(evaluation.predictions, classes);
    return evaluation;
  } catch (const nlohmann::json::exception& error) {
    throw Error(std::string("is not a list of predictions: ") + error.what(), path.string());
  }
}

}  // namespace retort::run
