#pragma once

#include <cstdint>
#include <vector>

#include "retort/core/ranks.h"
#include "retort/data/batch.h"
#include "retort/losses/loss.h"
#include "retort/teacher/joint.h"

namespace retort::train {

// One set of images that training draws from.
struct Source {
  const data::ImageStore* images = nullptr;
  const teacher::JointOutputs* outputs = nullptr;  // absent when there is no teacher
  // Of the data set itself: all of its images, once an epoch. Of an extra source: how many are
  // drawn an epoch; it is gone through in a new order again and again.
  int64_t each_epoch = 0;
  bool labelled = true;  // else its labels, if it has any, are hidden from every loss
  bool logits = true;    // else it is hidden from the logit losses
};

// Of all images of all sources, [images] int64; data::kUnlabelled where no loss may see one. An
// image's place here is its image id.
at::Tensor labels_of(const std::vector<Source>& sources);

// Batches of an epoch: near-equal ones, none too small for batch normalisation.
int64_t batches_an_epoch(int64_t images, int64_t batch_size);

// What the student sees in an epoch, batch by batch: a pure function of the seeds and the epoch.
class Batches {
 public:
  struct Options {
    int64_t batch_size = 64;
    uint64_t seed = 0;  // of the order of images
    uint64_t view_seed = 0;
    int64_t views = 0;  // view numbers count modulo this; 0: a fresh view every time. A source with
                        // outputs has their number of views
  };
  // The first source is the data set itself; `teacher` turns the outputs into logits, and may be
  // null where no source has any.
  Batches(std::vector<Source> sources, const data::ViewRecipe& recipe, const data::InputSpec& spec,
          const teacher::JointHead* teacher, const Options& options);

  int64_t images() const;  // an epoch
  int64_t count() const;   // batches_an_epoch: no image is left out

  void start_epoch(int64_t epoch);
  struct Batch {
    at::Tensor images;        // [n, 3, size, size], this rank's
    losses::StepView step{};  // all but the student's side, of this rank's images
    Share share{};      // the rows that they are in the whole batch: ranks' rows in their order
    int64_t total = 0;  // N, images in the whole batch
  };
  // Whether some of them need a teacher's look, and so its device.
  bool need_teacher() const;
  // Of the epoch that was started; every source has its share in each batch, and so in what a rank
  // has of it.
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
  std::vector<std::vector<data::Sample>> epoch_;  // of each source
};

}  // namespace retort::train
