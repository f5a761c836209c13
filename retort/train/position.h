#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/core/epoch_metrics.h"

namespace retort::train {

// The progress of a training and its metrics so far: all that a checkpoint has besides tensors.
struct Position {
  // Sums over the images of the epoch in progress.
  struct Sums {
    double loss = 0, correct = 0, labelled = 0, images = 0;
    std::vector<double> terms;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(Sums, loss, correct, labelled, images, terms)
  };
  int64_t epoch = 0, step_in_epoch = 0, step = 0, images_seen = 0;
  int64_t kept_epoch = 0;  // counted from 1; 0 before the first validation
  double highest_accuracy = 0, kept_accuracy = 0, step_seconds = 0, seconds = 0;
  Sums sums;
  std::vector<EpochMetrics> lines;  // one for each finished epoch
  std::vector<std::string> term_names;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Position, epoch, step_in_epoch, step, images_seen, kept_epoch,
                                 highest_accuracy, kept_accuracy, step_seconds, seconds, sums,
                                 lines, term_names)
};

// The length of a training: `epochs` epochs of `batches` batches, with `images` images in an epoch.
struct Extent {
  int64_t epochs = 0, batches = 0, images = 0;
};

// Reads the position of a checkpoint. Throws Error, naming the file `where`, on a position that no
// training of this extent writes, so that training can continue from every position that it
// returns.
Position position_from(const std::string& text, const Extent& extent, const std::string& where);

}  // namespace retort::train
