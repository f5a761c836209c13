#include "retort/run/evaluate_run.h"

#include <numeric>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/batch.h"
#include "retort/data/manifest.h"
#include "retort/data/record.h"
#include "retort/train/evaluate.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

// The manifest's labels become the student's: classes are matched by name, since another folder may hold fewer of them.
void relabel(data::Manifest& manifest, const std::vector<std::string>& classes, const std::string& where) {
  std::vector<int64_t> place;
  for (const std::string& name : manifest.classes) {
    const auto found = std::ranges::find(classes, name);
    if (found == classes.end()) throw Error("has a class '" + name + "' that the student does not know", where, "rename or remove it");
    place.push_back(found - classes.begin());
  }
  for (data::Item& item : manifest.items) item.label = place[static_cast<size_t>(item.label)];
  manifest.classes = classes;
}

}  // namespace

Evaluation evaluate_store(const Student& student, const data::Manifest& manifest, const data::ImageStore& images, const std::string& split,
                          Log& log, const StopFlag& stop) {
  const at::Tensor logits = train::predict_logits(*student.model, images, student.spec, models::Precision::fp32, "evaluating", log, stop);
  const auto [probability, predicted] = logits.softmax(1).max(1);
  Evaluation evaluation;
  evaluation.split = split;
  evaluation.root = manifest.root;
  evaluation.classes = student.classes;
  evaluation.skipped = images.skipped();
  for (int64_t i = 0; i < images.size(); ++i)
    evaluation.predictions.push_back({manifest.items[static_cast<size_t>(images.item(i))].path, images.label(i),
                                      predicted[i].item<int64_t>(), probability[i].item<double>()});
  evaluation.metrics = report::compute_metrics(evaluation.predictions, static_cast<int64_t>(student.classes.size()));
  return evaluation;
}

Evaluation evaluate_run(const fs::path& run, const std::string& data, const fs::path& cache, Log& log, const StopFlag& stop) {
  const RunFolder folder{run};
  const Student student = load_student(folder.student());
  data::ManifestOptions options;
  std::string path = data;
  if (data.empty()) {
    const DataSummary trained_on = summary_of(run).data;
    if (trained_on.labelled_by_teacher)
      throw UsageError("was trained on images without labels", folder.root.string(), "name a labelled set with --data");
    path = trained_on.path;
    options = trained_on.splits;
  }
  data::Manifest manifest = data::load_manifest(path, options);
  relabel(manifest, student.classes, path);

  std::string split = "test";
  std::vector<int64_t> items = manifest.of(data::Split::test);
  if (!data.empty() && manifest.carved) {
    split = "all";
    items.resize(manifest.items.size());
    std::iota(items.begin(), items.end(), int64_t{0});
  } else if (items.empty()) {
    split = "validation";
    items = manifest.of(data::Split::val);
  }
  if (items.empty()) throw Error("has no images to evaluate on", path);
  data::warn_of_unread(manifest, log);
  const data::ImageStore images = data::ImageStore::open(cache, manifest, items, data::for_evaluation(student.spec), {}, log, stop);
  return evaluate_store(student, manifest, images, split, log, stop);
}

std::vector<FilePrediction> predict_files(const fs::path& run, const std::vector<std::string>& files, int64_t top) {
  const at::NoGradGuard no_grad;
  const Student student = load_student(RunFolder{run}.student());
  const data::InputSpec& spec = student.spec;
  top = std::min<int64_t>(top, static_cast<int64_t>(student.classes.size()));
  std::vector<FilePrediction> predictions;
  for (const std::string& file : files) {
    FilePrediction& prediction = predictions.emplace_back();
    prediction.path = file;
    try {
      data::Image image = data::render_eval(data::read_image(file), spec);
      const at::Tensor pixels = at::from_blob(image.rgb.data(), {1, spec.size, spec.size, 3}, at::kByte);
      const auto [probability, index] = student.model->forward(data::normalize(pixels, spec)).logits.softmax(1)[0].topk(top);
      for (int64_t k = 0; k < top; ++k)
        prediction.top.emplace_back(student.classes[static_cast<size_t>(index[k].item<int64_t>())], probability[k].item<double>());
    } catch (const Error& error) {
      prediction.error = error.what();
    }
  }
  return predictions;
}

void write_evaluation(const fs::path& path, const Evaluation& evaluation) {
  nlohmann::json rows = nlohmann::json::array();
  for (const report::Prediction& p : evaluation.predictions) rows.push_back({p.path, p.label, p.predicted, p.probability});
  write_file_atomic(
      path, nlohmann::json(
                {{"split", evaluation.split}, {"root", evaluation.root.string()}, {"classes", evaluation.classes}, {"predictions", rows}})
                .dump());
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
      const report::Prediction p{row.at(0), row.at(1), row.at(2), row.at(3)};
      if (p.label < 0 || p.label >= classes || p.predicted < 0 || p.predicted >= classes)
        throw Error("names a class that is not there", path.string());
      evaluation.predictions.push_back(p);
    }
    evaluation.metrics = report::compute_metrics(evaluation.predictions, classes);
    return evaluation;
  } catch (const nlohmann::json::exception& error) {
    throw Error(std::string("is not a list of predictions: ") + error.what(), path.string());
  }
}

}  // namespace retort::run
