#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "retort/core/cache_store.h"
#include "retort/core/feature_parts.h"
#include "retort/core/log.h"
#include "retort/data/batch.h"
#include "retort/teacher/teacher.h"

namespace retort::teacher {

// The teacher's logits for all rows, float [rows, C]. It reads one part of the features at a time
// into memory.
at::Tensor logits_of(const Teacher& teacher, const FeatureParts& features);

// Stored features of a frozen teacher for K views of each of N training images. The teacher makes
// K·N forward passes instead of epochs·N, and none for another student, loss or seed. Logits are
// computed from the features (Teacher::logits), so that another head needs no new store. Views
// beyond K may be asked for; the teacher computes them live, each time.
class OutputStore {
 public:
  struct Options {
    int64_t views = 8;       // K, [1, 1000]
    int64_t all_views = 0;   // stored and live views together; with K or less no view is live
    uint64_t view_seed = 0;  // not the training seed, so that another seed trains on the same views
    uint64_t byte_budget =
        uint64_t{8} << 30;    // on disk; with a smaller budget than K views need, fewer are stored
    int64_t batch_size = 64;  // images in one forward pass of the teacher
    Ranks* ranks = &alone();  // the ranks that compute missing parts together
  };
  // Opens the stored features, compares some rows of all views with the live teacher, and computes
  // missing parts. With live views the teacher, images and recipe must outlive the store. Throws
  // Error when not one view fits the budget, when stored rows differ from the live teacher's, and
  // Interrupted when `stop` is set.
  static OutputStore open(const std::filesystem::path& cache_dir, Teacher& teacher,
                          const data::ImageStore& images, const data::ViewRecipe& recipe,
                          const Options& options, Log& log = null_log(),
                          const StopFlag& stop = never_stop());

  // Forward passes of the teacher, each of one image's view: those that open() would make for
  // missing parts, and the live ones of a whole training.
  struct Looks {
    int64_t missing = 0, live = 0;
  };
  static Looks looks(const std::filesystem::path& cache_dir, const Teacher& teacher,
                     const data::ImageStore& images, const data::ViewRecipe& recipe,
                     const Options& options);

  int64_t views() const { return std::max(all_views_, stored()); }
  int64_t stored() const { return static_cast<int64_t>(views_.size()); }
  bool has_live() const { return views() > stored(); }
  // The features of a stored view.
  const FeatureParts& view(int64_t number) const { return views_[static_cast<size_t>(number)]; }
  // The features of these views, float [N, D]; a sample's view number counts modulo views().
  at::Tensor features(std::span<const data::Sample> samples) const;

 private:
  void check_against_live(const std::filesystem::path& folder, int64_t images) const;

  using Forward = std::function<at::Tensor(std::span<const data::Sample>)>;  // float [N, D]
  std::shared_ptr<const StoreUse> use_;
  int64_t dim_ = 0, all_views_ = 0;
  std::vector<FeatureParts> views_;
  Forward forward_;
};

// The teacher's features of evaluation images (a store made for teacher.input_spec()), stored on
// disk as those of views are. `what` names them in messages. Throws Interrupted when `stop` is set.
FeatureParts evaluation_features(const std::filesystem::path& cache_dir, Teacher& teacher,
                                 const data::ImageStore& images, const std::string& what,
                                 Log& log = null_log(), const StopFlag& stop = never_stop());

}  // namespace retort::teacher
