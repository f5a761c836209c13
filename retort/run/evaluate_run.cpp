#include "retort/run/evaluate_run.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/core/unicode.h"
#include "retort/data/batch.h"
#include "retort/data/entries.h"
#include "retort/data/extra.h"
#include "retort/data/manifest.h"
#include "retort/data/record.h"
#include "retort/data/scan.h"
#include "retort/train/evaluate.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

// The manifest's labels become the student's: classes are matched by name, since another folder may
// hold fewer of them.
void relabel(data::Manifest& manifest, const std::vector<std::string>& classes,
             const std::string& where) {
  std::map<std::string, int64_t> places;
  for (size_t i = 0; i < classes.size(); ++i)
    places.emplace(folded(classes[i]), static_cast<int64_t>(i));
  std::vector<int64_t> place;
  for (const std::string& name : manifest.classes) {
    const auto found = places.find(folded(name));
    if (found == places.end())
      throw Error("has a class " + quote_name(name) + " that the student does not know", where,
                  "rename or remove it; the student's " + std::to_string(classes.size()) +
                      " classes begin with " + quote_name(classes.front()));
    place.push_back(found->second);
  }
  for (data::Item& item : manifest.items) item.label = place[static_cast<size_t>(item.label)];
  manifest.classes = classes;
}

// What a run was trained on, as its summary says.
struct OwnData {
  std::string path;
  data::ManifestOptions options;
  bool labelled = true;
  double max_skipped = 0.05;

  bool is(const std::string& data) const {
    std::error_code error;
    return labelled && fs::equivalent(path, data, error) && !error;
  }
  data::Manifest load(const std::vector<std::string>& classes) const {
    return labelled ? data::load_manifest(path, options)
                    : data::load_unlabelled(path, classes, options);
  }
};

OwnData own_data(const RunFolder& folder) {
  const DataSummary from = summary_of(folder.root).data;
  OwnData own{.path = from.path,
              .options = from.splits,
              .labelled = !from.labelled_by_teacher,
              .max_skipped = from.max_skipped};
  own.options.own = {folder.root};
  return own;
}

// Nothing where the run does not say, or its images are gone: other data can be evaluated all the
// same.
std::optional<OwnData> own_data_if_told(const RunFolder& folder) try {
  return own_data(folder);
} catch (const Error&) {
  return std::nullopt;
}

struct Chosen {
  std::string split;
  std::vector<int64_t> items;
};

Chosen chosen_items(const data::Manifest& manifest, bool own, const std::string& wanted,
                    const std::string& where) {
  std::vector<int64_t> all(manifest.items.size());
  std::iota(all.begin(), all.end(), int64_t{0});
  const bool undivided = !own && manifest.carved;
  const std::vector<Chosen> known = {{"test", manifest.of(data::Split::test)},
                                     {"validation", manifest.of(data::Split::val)},
                                     {"train", manifest.of(data::Split::train)},
                                     {"all", std::move(all)}};
  for (const Chosen& each : known) {
    const bool fits = wanted.empty() ? !each.items.empty() && (!undivided || each.split == "all")
                                     : each.split == wanted;
    if (fits && !each.items.empty()) return each;
    if (fits)
      throw Error("has no images of the split '" + wanted + "'", where,
                  "--split all takes every image");
  }
  if (wanted.empty()) throw Error("has no images to evaluate on", where);
  throw UsageError("there is no split " + quote_name(wanted), "--split",
                   "one of: test, validation, train, all");
}

using FileNumber = std::pair<dev_t, ino_t>;  // the same for every path that leads to a file

std::optional<FileNumber> number_of(const data::Manifest& manifest, int64_t item) {
  struct stat info {};
  if (::stat(manifest.file(item).c_str(), &info) != 0) return std::nullopt;
  return FileNumber{info.st_dev, info.st_ino};
}

// How many of the items are files that the run was trained on.
int64_t trained_on(const data::Manifest& manifest, const std::vector<int64_t>& items,
                   const data::Manifest& own) {
  std::set<FileNumber> seen;
  for (const int64_t item : own.of(data::Split::train)) {
    if (const auto number = number_of(own, item)) seen.insert(*number);
  }
  return std::ranges::count_if(items, [&](int64_t item) {
    const auto number = number_of(manifest, item);
    return number && seen.contains(*number);
  });
}

void warn_of_trained(int64_t trained, size_t evaluated, Log& log) {
  if (trained > 0)
    log.warn(std::to_string(trained) + " of the " + std::to_string(evaluated) +
             " images that are evaluated were trained on: the accuracy on them says little about "
             "others");
}

void say_own(const data::Manifest& manifest, const Chosen& chosen, Log& log) {
  const auto count = [&](data::Split split) { return std::to_string(manifest.of(split).size()); };
  log.info("these are the run's own images: " + count(data::Split::train) + " were trained on, " +
           count(data::Split::val) + " chose the epoch, and " + count(data::Split::test) +
           " are for testing; evaluated: " + chosen.split +
           (chosen.split == "all" ? "" : " (--split all for every image)"));
}

}  // namespace

Evaluation evaluate_store(const Student& student, const data::Manifest& manifest,
                          const data::ImageStore& images, const std::string& split, Log& log,
                          const StopFlag& stop) {
  const at::Tensor logits = train::predict_logits(*student.model, images, student.spec,
                                                  models::Precision::fp32, "evaluating", log, stop);
  const auto [probability, predicted] = logits.softmax(1).max(1);
  Evaluation evaluation;
  evaluation.split = split;
  evaluation.root = manifest.root;
  evaluation.classes = student.classes;
  evaluation.skipped = images.skipped();
  for (int64_t i = 0; i < images.size(); ++i)
    evaluation.predictions.push_back({manifest.items[static_cast<size_t>(images.item(i))].path,
                                      images.label(i), predicted[i].item<int64_t>(),
                                      probability[i].item<double>()});
  evaluation.metrics =
      report::compute_metrics(evaluation.predictions, static_cast<int64_t>(student.classes.size()));
  return evaluation;
}

Evaluation evaluate_run(const fs::path& run, const std::string& data, const fs::path& cache,
                        Log& log, const StopFlag& stop, const EvaluationOptions& options) {
  const RunFolder folder{run};
  const Student student = load_student(folder.student());
  const std::optional<OwnData> own = data.empty() ? own_data(folder) : own_data_if_told(folder);
  if (data.empty() && !own->labelled)
    throw UsageError("was trained on images without labels", folder.root.string(),
                     "name a labelled set with --data");
  const bool is_own = data.empty() || (own && own->is(data));
  const std::string path = is_own ? own->path : data;
  data::Manifest manifest =
      is_own ? own->load({}) : data::load_manifest(path, {.known = student.classes, .own = {}});
  relabel(manifest, student.classes, printable(path));
  data::tell_of(manifest, log);

  const Chosen chosen = chosen_items(manifest, is_own, options.split, printable(path));
  if (is_own) {
    say_own(manifest, chosen, log);
    warn_of_trained(trained_on(manifest, chosen.items, manifest), chosen.items.size(), log);
  } else if (own) {
    try {
      warn_of_trained(trained_on(manifest, chosen.items, own->load(student.classes)),
                      chosen.items.size(), log);
    } catch (const Error&) {
      log.info(
          "whether the run was trained on some of these images is not known: its own are no longer "
          "at " +
          own->path);
    }
  }
  const data::ImageStore::Options store{
      .max_skipped = options.max_skipped.value_or(is_own ? own->max_skipped : 0.05),
      .images = std::ssize(manifest.items)};
  const data::ImageStore images = data::ImageStore::open(
      cache, manifest, chosen.items, data::for_evaluation(student.spec), store, log, stop);
  return evaluate_store(student, manifest, images, chosen.split, log, stop);
}

void predict_each(const fs::path& run, const std::vector<std::string>& files, int64_t top,
                  const std::function<void(const FilePrediction&)>& show) {
  const at::NoGradGuard no_grad;
  const Student student = load_student(RunFolder{run}.student());
  const data::InputSpec& spec = student.spec;
  top = std::min<int64_t>(top, static_cast<int64_t>(student.classes.size()));
  for (const std::string& file : files) {
    FilePrediction prediction;
    prediction.path = file;
    try {
      data::Image image = data::render_eval(data::read_image(file), spec);
      const at::Tensor pixels =
          at::from_blob(image.rgb.data(), {1, spec.size, spec.size, 3}, at::kByte);
      const auto [probability, index] =
          student.model->forward(data::normalize(pixels, spec)).logits.softmax(1)[0].topk(top);
      for (int64_t k = 0; k < top; ++k)
        prediction.top.emplace_back(student.classes[static_cast<size_t>(index[k].item<int64_t>())],
                                    probability[k].item<double>());
    } catch (const Error& error) {
      prediction.error = printable_message(error.what());
    }
    show(prediction);
  }
}

std::vector<FilePrediction> predict_files(const fs::path& run,
                                          const std::vector<std::string>& files, int64_t top) {
  std::vector<FilePrediction> predictions;
  predict_each(run, files, top,
               [&](const FilePrediction& prediction) { predictions.push_back(prediction); });
  return predictions;
}

std::vector<std::string> pictures_of(const std::vector<std::string>& paths, Log& log) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      files.push_back(path);
      continue;
    }
    data::Manifest found{path, {}, {}};
    data::Pictures pictures = data::pictures_below(path);
    if (pictures.images.empty() && pictures.unread.empty())
      throw Error("holds no pictures", printable(path),
                  "name pictures, or a folder with pictures in it");
    for (const std::string& image : pictures.images)
      files.push_back((fs::path(path) / image).string());
    found.unread = std::move(pictures.unread);
    if (!pictures.passed.empty()) found.notes.push_back(data::note_of(pictures.passed));
    data::tell_of(found, log);
  }
  return files;
}

}  // namespace retort::run
