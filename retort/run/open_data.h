#pragma once

#include <optional>
#include <vector>

#include "retort/data/content.h"
#include "retort/data/image_store.h"
#include "retort/data/manifest.h"
#include "retort/run/extra_sources.h"
#include "retort/run/plan.h"
#include "retort/run/prepare_teachers.h"

namespace retort::run {

// The classes and images of a data set, with their splits, and a hash of each image's bytes.
struct ListedData {
  data::Manifest manifest;
  std::vector<data::FileHash> hashes;
};
// Lists the data. Every job begins with this call, which also sets the process's number of threads
// to the plan's.
ListedData list_data(const Plan& plan, const Context& context);

// The images to use. It logs how many there are, how many are left out, and how many have exact
// copies in another split; with plan.data.dedupe these copies are left out of training.
data::Manifest chosen_data(const Plan& plan, const ListedData& listed, const Context& context);

// The images of a run, decoded.
struct OpenData {
  data::Manifest manifest;
  data::InputSpec spec;               // the student's input
  data::ImageStore train, val, test;  // val and test are made for `spec`, and may be empty
  data::Preparation stored;           // how training images are stored
  std::vector<ExtraSource> extras;    // for each --extra
  std::vector<data::SkippedFile> skipped;

  int64_t images_an_epoch() const;
  int64_t different_images() const;  // of the data set and of all extras together
};

// `student` is the input that the student's family asks for. Where images have no labels, teachers
// with zero-shot heads label the validation images. open_extras opens the extras. Throws Error when
// too few images are left.
OpenData open_data(const Plan& plan, data::Manifest manifest, const data::InputSpec& student,
                   PreparedTeachers& teachers, const Context& context);
// Opens every --extra, for as many epochs as the plan has.
void open_extras(const Plan& plan, PreparedTeachers& teachers, const Context& context,
                 OpenData& data);

// Opens the images of one split, prepared in another way. `skipped_elsewhere` is the number of
// files of other splits that do not decode; they count towards the share that may be skipped.
data::ImageStore open_split(const Plan& plan, const data::Manifest& manifest, data::Split split,
                            const data::Preparation& preparation, const Context& context,
                            int64_t skipped_elsewhere = 0);

}  // namespace retort::run
