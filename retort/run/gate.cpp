#include "retort/run/gate.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/folder_lock.h"
#include "retort/core/text.h"
#include "retort/data/csv.h"
#include "retort/data/extra.h"
#include "retort/report/gate_page.h"
#include "retort/report/samples.h"
#include "retort/run/distill.h"
#include "retort/teacher/output_store.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

constexpr size_t kShown = 12;            // thumbnails for each judgement and class
constexpr int64_t kMostPerClass = 4000;  // real images of a class that are compared at most

enum class Judgement : uint8_t { unlabelled, kept, other_class, unsure, duplicate };

// The words of gate.json and rejected.csv.
constexpr std::array<const char*, 5> kJudgements{"unlabelled", "kept", "other_class", "unsure",
                                                 "duplicate"};

const char* name_of(Judgement judgement) { return kJudgements[static_cast<size_t>(judgement)]; }

struct Verdict {
  Judgement judgement = Judgement::unlabelled;
  std::string caption;
  double probability = 0;
};

// The value below which this share of the values lies.
double value_at(const at::Tensor& values, double share) {
  return values.numel() == 0 ? 0 : at::quantile(values.to(at::kDouble), share).item<double>();
}

at::Tensor unit_rows(const at::Tensor& features) {
  return features / features.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
}

at::Tensor rows_of_class(const at::Tensor& labels, int64_t label) {
  return labels.eq(label).nonzero().flatten();
}

// For each real image, the cosine to the nearest image of its class.
at::Tensor nearest_of_class(const at::Tensor& features, const at::Tensor& labels, int64_t classes) {
  std::vector<at::Tensor> nearest;
  for (int64_t label = 0; label < classes; ++label) {
    const at::Tensor rows = rows_of_class(labels, label).slice(0, 0, kMostPerClass);
    if (rows.size(0) < 2) continue;
    const at::Tensor unit = unit_rows(features.index_select(0, rows));
    nearest.push_back(std::get<0>(at::mm(unit, unit.t()).fill_diagonal_(-1).max(1)));
  }
  return nearest.empty() ? at::empty({0}) : at::cat(nearest);
}

// A few views of each real image are enough to fit a head.
Plan judging_plan(const RunConfig& config) {
  constexpr int64_t kViews = 4;
  Plan plan = resolve(config);
  plan.views.stored = plan.views.stored.value_or(kViews);
  return plan;
}

class Gate {
 public:
  Gate(const GateConfig& config, Log& log, const StopFlag& stop)
      : config_(config), log_(log), stop_(stop), plan_(judging_plan(config.base)) {}

  nlohmann::json run() {
    teacher_.emplace(fitted_teacher(plan_, log_, stop_));
    const data::Manifest manifest =
        data::load_extra(config_.images, classes(), data::Rejected::taken);
    std::vector<int64_t> items(manifest.items.size());
    std::iota(items.begin(), items.end(), 0);
    const data::ImageStore images = data::ImageStore::open(
        plan_.cache, manifest, items, data::for_evaluation(teacher_->teacher.input_spec()),
        {.max_skipped = plan_.data.max_skipped}, log_, stop_);
    log_.info("gate: " + std::to_string(images.size()) + " images in " + config_.images.string());
    data::tell_of(manifest, log_);
    features_ =
        evaluation_features(plan_.cache, teacher_->teacher, images, "gate", log_, stop_).all();
    labels_ = data::labels_of(images);
    set_thresholds();
    judge();
    for (int64_t i = 0; i < images.size(); ++i)
      paths_.push_back(manifest.items[static_cast<size_t>(images.item(i))].path);
    return write(data::extra_root(config_.images));
  }

 private:
  const std::vector<std::string>& classes() const { return teacher_->manifest.classes; }

  void set_thresholds() {
    const at::Tensor probabilities =
        at::softmax(teacher_->teacher.logits(teacher_->val_features), 1);
    if (config_.unsure > 0)
      least_probability_ = value_at(
          probabilities.gather(1, teacher_->val_labels.unsqueeze(1)).flatten(), config_.unsure);
    const at::Tensor nearest = nearest_of_class(teacher_->train_features, teacher_->train_labels,
                                                static_cast<int64_t>(classes().size()));
    most_similar_ = config_.duplicate >= 1 || nearest.numel() == 0
                        ? 1
                        : std::max(0.0, value_at(nearest, config_.duplicate));
  }

  void judge() {
    const at::Tensor probabilities = at::softmax(teacher_->teacher.logits(features_), 1);
    const at::Tensor predicted = probabilities.argmax(1);
    verdicts_.resize(static_cast<size_t>(labels_.size(0)));
    for (int64_t i = 0; i < labels_.size(0); ++i) {
      const auto label = labels_[i].item<int64_t>();
      if (label < 0) continue;
      Verdict& verdict = verdicts_[static_cast<size_t>(i)];
      verdict.judgement = Judgement::kept;
      verdict.probability = probabilities[i][label].item<double>();
      verdict.caption = fixed(verdict.probability, 2);
      if (probabilities[i].gt(verdict.probability).sum().item<int64_t>() >= config_.top) {
        verdict.judgement = Judgement::other_class;
        verdict.caption = "as " + classes()[static_cast<size_t>(predicted[i].item<int64_t>())];
      } else if (verdict.probability < least_probability_) {
        verdict.judgement = Judgement::unsure;
      }
    }
    for (size_t label = 0; label < classes().size(); ++label)
      find_duplicates(static_cast<int64_t>(label));
  }

  // Of nearly identical images, the first is kept.
  void find_duplicates(int64_t label) {
    const at::Tensor rows = rows_of_class(labels_, label);
    if (most_similar_ >= 1 || rows.size(0) < 2) return;
    // Rows of rejected images become zero, which is similar to nothing.
    const at::Tensor kept = unit_rows(features_.index_select(0, rows));
    for (int64_t i = 0; i < rows.size(0); ++i) {
      Verdict& verdict = verdicts_[static_cast<size_t>(rows[i].item<int64_t>())];
      if (verdict.judgement == Judgement::kept && i > 0 &&
          at::mv(kept.slice(0, 0, i), kept[i]).max().item<double>() > most_similar_) {
        verdict.judgement = Judgement::duplicate;
        verdict.caption = "much like another";
      }
      if (verdict.judgement != Judgement::kept) kept[i].zero_();
    }
  }

  nlohmann::json write(const fs::path& root) const {
    report::GatePage page{
        .title = "retort gate: " + (config_.images / "").parent_path().filename().string(),
        .rule = "Kept: the teacher has the class among its first " + std::to_string(config_.top) +
                ", with a probability of " + fixed(least_probability_, 3) + " at least (that of " +
                percent(100 * (1 - config_.unsure)) +
                " of the real validation images), and no kept image is more alike than " +
                fixed(most_similar_, 3) + " (cosine of features).",
        .classes = {}};
    for (const std::string& name : classes())
      page.classes.push_back({.name = name, .kept_images = {}, .rejected_images = {}});
    nlohmann::json counts;
    for (const char* name : kJudgements) counts[name] = 0;
    std::string rejected = data::csv_line({"path", "class", "reason", "probability"});
    for (size_t i = 0; i < verdicts_.size(); ++i) {
      const Verdict& verdict = verdicts_[i];
      const char* name = name_of(verdict.judgement);
      counts[name] = counts[name].get<int64_t>() + 1;
      if (verdict.judgement == Judgement::unlabelled) continue;
      const auto label = static_cast<size_t>(labels_[static_cast<int64_t>(i)].item<int64_t>());
      if (verdict.judgement != Judgement::kept)
        rejected +=
            data::csv_line({paths_[i], classes()[label], name, fixed(verdict.probability, 4)});
      show(root / paths_[i], verdict, page.classes[label]);
    }
    counts["probability"] = least_probability_;
    counts["similarity"] = most_similar_;
    const fs::path out = config_.base.out;
    write_file_atomic(out / "gate.html", report::render_html(page));
    write_file_atomic(out / "gate.json", counts.dump(2) + "\n");
    write_file_atomic(root / data::kRejectedFile, rejected);
    return counts;
  }

  static void show(const fs::path& image, const Verdict& verdict, report::GateClass& shown) {
    const bool kept = verdict.judgement == Judgement::kept;
    int64_t& count = kept                                          ? shown.kept
                     : verdict.judgement == Judgement::other_class ? shown.other_class
                     : verdict.judgement == Judgement::unsure      ? shown.unsure
                                                                   : shown.duplicate;
    ++count;
    std::vector<report::GateImage>& list = kept ? shown.kept_images : shown.rejected_images;
    if (list.size() < kShown) list.push_back({report::thumbnail(image), verdict.caption});
  }

  const GateConfig& config_;
  Log& log_;
  const StopFlag& stop_;
  Plan plan_;
  std::optional<FittedTeacher> teacher_;
  at::Tensor features_, labels_;
  double least_probability_ = 0, most_similar_ = 1;
  std::vector<Verdict> verdicts_;
  std::vector<std::string> paths_;
};

}  // namespace

nlohmann::json gate(const GateConfig& config, Log& log, const StopFlag& stop) {
  if (config.images.empty())
    throw UsageError("no images were named", "--images", "the folder that `retort generate` wrote");
  if (config.top < 1) throw UsageError("must be at least 1", "--top");
  if (!(config.unsure >= 0 && config.unsure < 1)) throw UsageError("must be in [0, 1)", "--unsure");
  if (!(config.duplicate > 0 && config.duplicate <= 1))
    throw UsageError("must be in (0, 1]", "--duplicate");
  validate(config.base);
  const FolderLock lock(config.base.out);
  for (const fs::path& folder : {fs::path(config.base.out), data::extra_root(config.images)})
    remove_abandoned(folder, /*below=*/false);
  return Gate(config, log, stop).run();
}

}  // namespace retort::run
