#include "retort/run/open_data.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <set>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/data/class_list.h"
#include "retort/data/content.h"
#include "retort/run/kept_images.h"
#include "retort/run/teacher_logits.h"

namespace retort::run {
namespace {

// The side to which stored images are reduced. Random crops need little more than the largest
// input. It grows in steps, so that runs with other resolutions share a store.
int64_t stored_side(int64_t largest_input) {
  constexpr int64_t kSide = 320;
  constexpr int64_t kStep = 128;
  if (largest_input * 6 / 5 <= kSide) return kSide;
  return (largest_input * 5 / 4 + kStep - 1) / kStep * kStep;
}

// Enlarging images beyond twice their size costs time and shows nothing new.
int64_t automatic_size(const data::ImageStore& images, int64_t preferred) {
  std::vector<int64_t> sides;
  for (int64_t i = 0; i < images.size(); ++i)
    sides.push_back(std::min(images.image(i).width, images.image(i).height));
  std::ranges::nth_element(sides, sides.begin() + static_cast<ptrdiff_t>(sides.size() / 2));
  const int64_t twice = std::max<int64_t>(2 * sides[sides.size() / 2] / 32 * 32, 64);
  return std::min(preferred, twice);
}

void add_skipped(std::vector<data::SkippedFile>& all, const data::ImageStore& store) {
  for (const data::SkippedFile& file : store.skipped())
    if (std::ranges::none_of(
            all, [&](const data::SkippedFile& known) { return known.path == file.path; }))
      all.push_back(file);
}

// Counts training images that are copies of validation or test images, which make the student look
// better than it is, and leaves them out with --dedupe.
void settle_twins(data::Manifest& manifest, const data::Twins& twins, bool dedupe, Log& log) {
  if (twins.val_of_test > 0)
    log.warn(std::to_string(twins.val_of_test) +
             " validation images have an exact copy among the test images");
  const std::string counts = std::to_string(twins.train_of_val.size()) +
                             " have an exact copy in validation, " +
                             std::to_string(twins.train_of_test.size()) + " in test";
  std::set<int64_t> out(twins.train_of_val.begin(), twins.train_of_val.end());
  out.insert(twins.train_of_test.begin(), twins.train_of_test.end());
  if (out.empty()) return;
  if (!dedupe) {
    log.warn("of the training images " + counts + ": --dedupe leaves them out of training");
    return;
  }
  log.info("--dedupe: " + std::to_string(out.size()) + " training images are left out (" + counts +
           ")");
  for (auto item = out.rbegin(); item != out.rend(); ++item)
    manifest.items.erase(manifest.items.begin() + *item);
}

// Gives validation images the labels that the teachers predict. Validation accuracy is then how
// often student and teachers agree.
void label_validation(const Plan& plan, data::Manifest& manifest, PreparedTeachers& teachers,
                      const Context& context) {
  LogitsMean mean;
  data::ImageStore val;
  for (size_t i = 0; i < teachers.teachers.size(); ++i) {
    teacher::Teacher& teacher = teachers.teachers[i];
    val = open_split(plan, manifest, data::Split::val, data::for_evaluation(teacher.input_spec()),
                     context);
    mean.add(evaluation_logits(plan, teacher, val, "validation", context), teachers.weights[i]);
  }
  const at::Tensor labels = mean.value().argmax(1);
  for (int64_t row = 0; row < val.size(); ++row)
    manifest.items[static_cast<size_t>(val.item(row))].label =
        labels.const_data_ptr<int64_t>()[row];
}

data::Manifest manifest_of(const DataPlan& plan) {
  if (!plan.unlabelled()) return data::load_manifest(plan.path, plan.splits);
  std::vector<std::string> names;
  for (const data::ClassName& each : data::read_classes(plan.classes_file))
    names.push_back(each.label);
  return data::load_unlabelled(plan.path, names, plan.splits);
}

}  // namespace

ListedData list_data(const Plan& plan, const Context& context) {
  if (plan.threads) at::set_num_threads(*plan.threads);
  context.log.info("looking for images in " + printable(plan.data.path));
  ListedData listed{.manifest = manifest_of(plan.data), .hashes = {}};
  listed.hashes = data::item_hashes(listed.manifest, plan.cache, context.log, context.stop);
  return listed;
}

data::Manifest chosen_data(const Plan& plan, const ListedData& listed, const Context& context) {
  data::Manifest manifest = listed.manifest;
  const auto count = [&](data::Split split) { return std::to_string(manifest.of(split).size()); };
  context.log.info(plan.data.path + ": " + std::to_string(manifest.classes.size()) + " classes; " +
                   count(data::Split::train) + " training, " + count(data::Split::val) +
                   " validation and " + count(data::Split::test) + " test images");
  data::tell_of(manifest, context.log);
  settle_twins(manifest, data::find_twins(manifest, listed.hashes), plan.data.dedupe, context.log);
  return manifest;
}

int64_t OpenData::images_an_epoch() const {
  int64_t images = train.size();
  for (const ExtraSource& extra : extras) images += extra.each_epoch;
  return images;
}

int64_t OpenData::different_images() const {
  int64_t images = train.size();
  for (const ExtraSource& extra : extras) images += extra.images.size();
  return images;
}

data::ImageStore open_split(const Plan& plan, const data::Manifest& manifest, data::Split split,
                            const data::Preparation& preparation, const Context& context,
                            int64_t skipped_elsewhere) {
  return data::ImageStore::open(plan.cache, manifest, manifest.of(split), preparation,
                                {.max_skipped = plan.data.max_skipped,
                                 .images = std::ssize(manifest.items),
                                 .skipped_elsewhere = skipped_elsewhere},
                                context.log, context.stop);
}

OpenData open_data(const Plan& plan, data::Manifest manifest, const data::InputSpec& student,
                   PreparedTeachers& teachers, const Context& context) {
  OpenData data{.manifest = std::move(manifest),
                .spec = student,
                .train = {},
                .val = {},
                .test = {},
                .stored = {},
                .extras = {},
                .skipped = {}};
  const int64_t preferred = plan.student.image_size.value_or(student.size);
  data.stored =
      kept_images(plan, data.manifest, stored_side(std::max(preferred, teachers.largest_size())),
                  free_bytes(plan.cache), context.log);
  // --max-skipped is a share of all splits together.
  const auto open = [&](data::Split split, const data::Preparation& preparation) {
    data::ImageStore store =
        open_split(plan, data.manifest, split, preparation, context, std::ssize(data.skipped));
    add_skipped(data.skipped, store);
    return store;
  };
  data.train = open(data::Split::train, data.stored);
  if (data.train.size() < 2) throw Error("fewer than two training images are left", plan.data.path);
  data.spec.size = plan.student.image_size.value_or(automatic_size(data.train, preferred));
  // This comes after the training images are opened: labels are part of a store's key, and the
  // store of training images must not depend on the prompts.
  if (plan.data.unlabelled()) label_validation(plan, data.manifest, teachers, context);
  data.val = open(data::Split::val, data::for_evaluation(data.spec));
  data.test = open(data::Split::test, data::for_evaluation(data.spec));
  return data;
}

void open_extras(const Plan& plan, PreparedTeachers& teachers, const Context& context,
                 OpenData& data) {
  data.extras = open_extras(plan, data.manifest, data.train.size(), teachers, data.stored, context);
  for (const ExtraSource& extra : data.extras) add_skipped(data.skipped, extra.images);
}

}  // namespace retort::run
