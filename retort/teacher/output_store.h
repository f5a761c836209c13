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

// Logits, float [rows, C]. One part's features at a time are in memory.
at::Tensor logits_of(const Teacher& teacher, const FeatureParts& features);

// The frozen teacher's features of K views of each of N training images. The teacher runs K·N
// times, not epochs·N, and a second student, loss or seed costs no teacher at all. Logits are one
// small matrix product away (Teacher::logits), so that another head needs no new store. Views
// beyond K may be asked for, too: the teacher then sees them live, each time.
class OutputStore {
 public:
  struct Options {
    int64_t views = 8;       // K, [1, 1000]
    int64_t all_views = 0;   // stored and live ones together; K or less: no view is live
    uint64_t view_seed = 0;  // not the training seed: another seed trains on the same views
    uint64_t byte_budget = uint64_t{8} << 30;  // on disk; fewer views are kept when K do not fit
    int64_t batch_size = 64;                   // images a teacher forward
    Ranks* ranks = &alone();                   // that compute what is missing together
  };
  // Opens what is there, checks rows from all over it against the live teacher, and computes what
  // is missing. With live views teacher, images and recipe must outlive the store. Throws Error
  // when not even one view fits the budget.
  static OutputStore open(const std::filesystem::path& cache_dir, Teacher& teacher,
                          const data::ImageStore& images, const data::ViewRecipe& recipe,
                          const Options& options, Log& log = null_log(),
                          const StopFlag& stop = never_stop());

  // Forward passes of the teacher for one view each: those that open() would make, because their
  // parts are missing, and the live ones of a whole training.
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
  // float [N, D]; a sample's view number counts modulo views().
  at::Tensor features(std::span<const data::Sample> samples) const;

 private:
  void check_against_live(const std::filesystem::path& folder, int64_t images) const;

  using Forward = std::function<at::Tensor(std::span<const data::Sample>)>;  // float [N, D]
  std::shared_ptr<const StoreUse> use_;
  int64_t dim_ = 0, all_views_ = 0;
  std::vector<FeatureParts> views_;
  Forward forward_;
};

// The teacher's features of evaluation images (a store made for teacher.input_spec()), kept on disk
// like the views'.
FeatureParts evaluation_features(const std::filesystem::path& cache_dir, Teacher& teacher,
                                 const data::ImageStore& images, const std::string& what,
                                 Log& log = null_log(), const StopFlag& stop = never_stop());

}  // namespace retort::teacher
