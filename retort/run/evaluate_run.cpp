#include "retort/run/evaluate_run.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/core/unicode.h"
#include "retort/data/content.h"
#include "retort/data/manifest.h"
#include "retort/run/seen_images.h"
#include "retort/train/evaluate.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

// Replaces the manifest's labels by the student's. Classes are matched by name, since another
// folder may have fewer of them.
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

// The training data of a run, from its summary.
struct OwnData {
  std::string path;
  data::ManifestOptions options;
  bool labelled = true;
  double max_skipped = 0.05;
  std::string content;  // data::content_hash of the data at that time

  bool is(const std::string& data) const {
    std::error_code error;
    return labelled && fs::equivalent(path, data, error) && !error;
  }
  data::Manifest load() const {
    std::error_code error;
    if (!fs::exists(path, error))
      throw Error("the images of the run are no longer there", printable(path),
                  "put them back, or name others with --data");
    return data::load_manifest(path, options);
  }
};

OwnData own_data(const RunFolder& folder) {
  const RunSummary summary = summary_of(folder.root);
  const DataSummary& from = summary.data;
  OwnData own{.path = from.path,
              .options = from.splits,
              .labelled = !from.labelled_by_teacher,
              .max_skipped = from.max_skipped,
              .content = summary.inputs.data};
  own.options.own = {folder.root};
  return own;
}

// Nothing where the summary does not say or the images are gone; the run can still be evaluated on
// other data.
std::optional<OwnData> own_data_if_told(const RunFolder& folder) try {
  return own_data(folder);
} catch (const Error&) {
  return std::nullopt;
}

struct Chosen {
  EvaluatedSplit split = EvaluatedSplit::all;
  std::vector<int64_t> items;
};

// The items of the wanted split. Where none is named: the first of test, validation and training
// that has any, or all images of a folder that is not divided into splits.
Chosen chosen_items(const data::Manifest& manifest, bool own, std::optional<EvaluatedSplit> wanted,
                    const std::string& where) {
  std::vector<int64_t> all(manifest.items.size());
  std::iota(all.begin(), all.end(), int64_t{0});
  const bool undivided = !own && manifest.carved;
  const std::vector<Chosen> known = {{EvaluatedSplit::test, manifest.of(data::Split::test)},
                                     {EvaluatedSplit::validation, manifest.of(data::Split::val)},
                                     {EvaluatedSplit::train, manifest.of(data::Split::train)},
                                     {EvaluatedSplit::all, std::move(all)}};
  for (const Chosen& each : known) {
    const bool fits =
        wanted ? each.split == *wanted : (!undivided || each.split == EvaluatedSplit::all);
    if (fits && !each.items.empty()) return each;
  }
  if (!wanted) throw Error("has no images to evaluate on", where);
  throw Error("has no images of the split '" + word_of(*wanted) + "'", where,
              "--split all takes every image");
}

int64_t trained_on(const ListedData& data, const std::vector<int64_t>& items,
                   const SeenImages& seen) {
  return std::ranges::count_if(items, [&](int64_t item) {
    return seen.holds(data::Split::train, data.hashes[static_cast<size_t>(item)]);
  });
}

// Restores the splits of a folder that has changed since the run and would be carved into other
// ones: its items get the splits that they had in the run, and items that are new or that --dedupe
// left out of training are left out. Splits that are given stay as they are.
void restore_splits(ListedData& data, const SeenImages& seen, bool changed, bool all, Log& log) {
  const bool carved_anew = changed && data.manifest.carved;
  ListedData kept{.manifest = data.manifest, .hashes = {}};
  kept.manifest.items.clear();
  int64_t unseen = 0;
  for (size_t i = 0; i < data.hashes.size(); ++i) {
    data::Item item = data.manifest.items[i];
    const data::FileHash& hash = data.hashes[i];
    if (hash && !seen.holds(item.split, hash)) {
      const std::optional<data::Split> recorded = seen.split_of(hash);
      unseen += recorded ? 0 : 1;
      if (carved_anew && recorded) item.split = *recorded;
      const bool stays = all || (carved_anew ? recorded.has_value() : changed);
      if (!stays) continue;
    }
    kept.manifest.items.push_back(std::move(item));
    kept.hashes.push_back(hash);
  }
  if (changed)
    log.warn("the images are not those that the run was made of: " + std::to_string(unseen) +
             " of " + std::to_string(data.hashes.size()) + " are others" +
             (data.manifest.carved && !all ? ", and left out (--split all takes them)" : ""));
  data = std::move(kept);
}

void warn_of_trained(int64_t trained, size_t evaluated, Log& log) {
  if (trained > 0)
    log.warn(std::to_string(trained) + " of the " + std::to_string(evaluated) +
             " images that are evaluated were trained on: the accuracy on them says little about "
             "others");
}

void say_own(const ListedData& data, const SeenImages& seen, const Chosen& chosen, Log& log) {
  const auto count = [&](data::Split split) {
    int64_t images = 0;
    for (size_t i = 0; i < data.hashes.size(); ++i)
      images += data.manifest.items[i].split == split && seen.holds(split, data.hashes[i]) ? 1 : 0;
    return std::to_string(images);
  };
  log.info("these are the run's own images: " + count(data::Split::train) + " were trained on, " +
           count(data::Split::val) + " chose the epoch, and " + count(data::Split::test) +
           " are for testing; evaluated: " + word_of(chosen.split) +
           (chosen.split == EvaluatedSplit::all ? "" : " (--split all for every image)"));
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
      data::compute_metrics(evaluation.predictions, static_cast<int64_t>(student.classes.size()));
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
  ListedData found{
      is_own ? own->load() : data::load_manifest(path, {.known = student.classes, .own = {}}), {}};
  found.hashes = data::item_hashes(found.manifest, cache, log, stop);
  std::optional<SeenImages> seen = SeenImages::read(folder);
  const bool changed = is_own && data::content_hash(found.manifest, found.hashes) != own->content;
  if (is_own && !changed && !seen) seen.emplace(found.manifest, found);
  if (is_own && seen)
    restore_splits(found, *seen, changed, options.split == EvaluatedSplit::all, log);
  data::Manifest& manifest = found.manifest;
  relabel(manifest, student.classes, printable(path));
  data::tell_of(manifest, log);

  const Chosen chosen = chosen_items(manifest, is_own, options.split, printable(path));
  if (is_own && seen) say_own(found, *seen, chosen, log);
  if (seen)
    warn_of_trained(trained_on(found, chosen.items, *seen), chosen.items.size(), log);
  else
    log.warn("whether the run was trained on some of these images is not known: " +
             printable(folder.images().string()) + " is missing or damaged");
  const data::ImageStore::Options store{
      .max_skipped = options.max_skipped.value_or(is_own ? own->max_skipped : 0.05),
      .images = std::ssize(manifest.items)};
  const data::ImageStore images = data::ImageStore::open(
      cache, manifest, chosen.items, data::for_evaluation(student.spec), store, log, stop);
  return evaluate_store(student, manifest, images, word_of(chosen.split), log, stop);
}

}  // namespace retort::run
