#pragma once

#include <cstdint>
#include <vector>

#include "retort/core/ranks.h"
#include "retort/data/batch.h"
#include "retort/losses/loss.h"
#include "retort/teacher/joint.h"

namespace retort::train {

// A set of images that training draws from.
struct Source {
  const data::ImageStore* images = nullptr;
  const teacher::JointOutputs* outputs = nullptr;  // absent when there is no teacher
  // For the data set itself: the number of its images, each of which is seen once an epoch. For an
  // extra source: the number of images drawn in an epoch. It is passed over again and again, in a
  // new order each time.
  int64_t each_epoch = 0;
  bool labelled = true;  // false hides its labels from every loss
  bool logits = true;    // false hides it from the logit losses
};

// The labels of all images of all sources, [images] int64, by image id; data::kUnlabelled where
// losses may not see one. An image's id is its index here.
at::Tensor labels_of(const std::vector<Source>& sources);

// The number of batches of an epoch. Batches have nearly equal sizes, and at least two images (for
// batch normalisation) where there are two.
int64_t batches_an_epoch(int64_t images, int64_t batch_size);

// The images that the student sees in an epoch, batch by batch. They depend only on the seeds and
// the epoch.
class Batches {
 public:
  struct Options {
    int64_t batch_size = 64;
    uint64_t seed = 0;  // for the order of images
    uint64_t view_seed = 0;
    int64_t views = 0;  // view numbers count modulo this; 0: a new view every time. A source with
                        // outputs uses their number of views
  };
  // The first source is the data set itself. `teacher` maps outputs to logits, and may be null
  // where no source has outputs.
  Batches(std::vector<Source> sources, const data::ViewRecipe& recipe, const data::InputSpec& spec,
          const teacher::JointHead* teacher, const Options& options);

  int64_t images() const;  // in an epoch
  int64_t count() const;   // batches in an epoch; no image is left out

  void start_epoch(int64_t epoch);
  struct Batch {
    at::Tensor images;        // [n, 3, size, size], this rank's
    losses::StepView step{};  // of this rank's images, without the student's part
    Share share{};            // this rank's rows of the whole batch, in the order of ranks
    int64_t total = 0;        // N, the images of the whole batch
  };
  // Whether some teacher features are computed live, so that a batch needs the teacher's device.
  bool need_teacher() const;
  // A batch of the epoch that was started. Each source has its share of every batch and of every
  // rank's part. Throws UsageError where a rank gets no image.
  Batch batch(int64_t number, const Ranks& ranks = alone()) const;

 private:
  std::vector<data::Sample> whole_set(int64_t epoch) const;
  std::vector<data::Sample> drawn(size_t source, int64_t epoch) const;
  int64_t view_number(const Source& source, int64_t pass) const;
  Batch part(size_t source, std::span<const data::Sample> samples) const;

  std::vector<Source> sources_;
  data::ViewRecipe recipe_;
  data::InputSpec spec_;
  const teacher::JointHead* teacher_;
  Options options_;
  std::vector<std::vector<data::Sample>> epoch_;  // for each source
};

}  // namespace retort::train
