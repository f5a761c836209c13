#pragma once

#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/data/extra.h"
#include "retort/data/image_store.h"
#include "retort/run/config.h"
#include "retort/teacher/joint.h"
#include "retort/train/batches.h"

namespace retort::run {

// What one --extra brings to a run.
struct ExtraSource {
  data::Extra given;
  int64_t found = 0, each_epoch = 0;
  data::Manifest manifest;
  data::ImageStore images;  // those of `found` that the run will come to
  std::optional<teacher::JointOutputs> outputs;
};

// Opens every --extra of the config, for a data set of so many training images.
std::vector<ExtraSource> open_extras(const RunConfig& config, const std::filesystem::path& cache, const std::vector<std::string>& classes,
                                     int64_t images, const data::Preparation& preparation, Log& log, const StopFlag& stop);

// Of the data set and of all extras.
int64_t different_images(const data::ImageStore& train, const std::vector<ExtraSource>& extras);

// Passes over its images that a run comes to, the last in part.
int64_t times_seen(const ExtraSource& extra, const RunConfig& config);

// Views of each image that the teacher's outputs are stored for: --views, or what it stands for when it is 0: one for each time that an
// image is seen, where images are many fewer.
int64_t views_for(const RunConfig& config, int64_t images, int64_t times_seen);

train::Source source_of(const ExtraSource& extra, const RunConfig& config);

// For summary.json: where the images come from, and their share of what the student sees, `images_an_epoch` in all.
nlohmann::json to_json(const std::vector<ExtraSource>& extras, const RunConfig& config, int64_t images_an_epoch);

}  // namespace retort::run
