#include "retort/run/select_extra.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "retort/core/cache_store.h"
#include "retort/core/error.h"
#include "retort/core/hash.h"
#include "retort/core/safetensors.h"
#include "retort/run/central_views.h"
#include "retort/run/teacher_logits.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMostOfTheTask = 4096;

at::Tensor labels_of_task(const CentralViews& task, const PreparedTeachers& teachers) {
  at::Tensor labels = data::labels_of(task.images);
  if (labels.min().item<int64_t>() >= 0) return labels;
  LogitsMean mean;
  for (size_t i = 0; i < teachers.teachers.size(); ++i)
    mean.add(teacher::logits_of(teachers.teachers[i], task.parts[i]), teachers.weights[i]);
  return mean.value().argmax(1);
}

std::string key_of(const PreparedTeachers& teachers, const CentralViews& pile,
                   const CentralViews& task, const at::Tensor& labels, int64_t wanted) {
  Hasher hasher;
  hasher.text("selection-1").text(pile.images.key()).text(task.images.key());
  hasher.bytes(bytes_of(labels)).number(wanted);
  for (size_t i = 0; i < teachers.teachers.size(); ++i)
    hasher.text(teachers.teachers[i].key()).text(std::to_string(teachers.weights[i]));
  return hasher.hex();
}

std::vector<int64_t> numbers_of(const TensorFile& file, const char* name) {
  const at::Tensor& tensor = file.tensors.at(name);
  if (tensor.dim() != 1 || tensor.scalar_type() != at::kLong) return {};
  const auto* first = tensor.const_data_ptr<int64_t>();
  return {first, first + tensor.numel()};
}

std::string checksum(const teacher::Selection& selection) {
  Hasher hasher;
  for (const auto* numbers : {&selection.pictures, &selection.per_class})
    for (const int64_t number : *numbers) hasher.number(number);
  return hasher.number(selection.at_home).number(selection.twins).hex();
}

// Nothing where there is no file, or it is damaged.
std::optional<teacher::Selection> read_selection(const fs::path& path, const std::string& key) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  try {
    const TensorFile file = read_safetensors(path);
    const std::vector<int64_t> counts = numbers_of(file, "counts");
    teacher::Selection selection{numbers_of(file, "pictures"), numbers_of(file, "per_class"),
                                 counts.at(0), counts.at(1)};
    if (file.metadata.at("key") != key || file.metadata.at("checksum") != checksum(selection))
      return std::nullopt;
    return selection;
  } catch (const Error&) {
    return std::nullopt;
  } catch (const std::out_of_range&) {
    return std::nullopt;
  }
}

void write_selection(const fs::path& path, const std::string& key,
                     const teacher::Selection& selection) {
  write_safetensors(path,
                    {{"pictures", at::tensor(selection.pictures)},
                     {"per_class", at::tensor(selection.per_class)},
                     {"counts", at::tensor({selection.at_home, selection.twins})}},
                    {{"key", key}, {"checksum", checksum(selection)}});
}

teacher::Selection select_now(const PreparedTeachers& teachers, const CentralViews& pile,
                              const CentralViews& task, const at::Tensor& labels, int64_t classes,
                              int64_t wanted, const Context& context) {
  const teacher::Points of_task(task.parts, teachers.weights, task.images.size()),
      pictures(pile.parts, teachers.weights, pile.images.size());
  const teacher::Task held{of_task.rows(0, of_task.count()), labels, classes};
  const teacher::Nearness nearness =
      teacher::nearness_of(pictures, held, context.log, context.stop);
  return teacher::select_nearest(pictures, nearness, teacher::limits_of(held), classes, wanted,
                                 context.stop);
}

void tell(const teacher::Selection& counts, const std::vector<std::string>& classes,
          int64_t pictures, const Context& context) {
  std::string text = "selected " + std::to_string(counts.pictures.size()) + " of " +
                     std::to_string(pictures) + " pictures, " + std::to_string(counts.at_home) +
                     " of them as near as the task's own; " + std::to_string(counts.twins) +
                     " near-twins left out; by class:";
  for (size_t c = 0; c < classes.size(); ++c)
    text += (c == 0 ? " " : ", ") + classes[c] + " " + std::to_string(counts.per_class[c]);
  context.log.info(text);
}

}  // namespace

SelectedExtra select_extra(const Plan& plan, const data::Manifest& task, const data::Manifest& pile,
                           PreparedTeachers& teachers, int64_t wanted, const Context& context) {
  std::vector<int64_t> all(pile.items.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);
  const CentralViews own = central_views(
                         plan, task, spread_over_classes(task, data::Split::train, kMostOfTheTask),
                         teachers, context),
                     pictures = central_views(plan, pile, all, teachers, context);
  const at::Tensor labels = labels_of_task(own, teachers);
  const std::string key = key_of(teachers, pictures, own, labels, wanted);
  const auto use = StoreUse::begin(plan.cache, "teacher", key,
                                   {{"teacher", teachers.teachers.front().description()},
                                    {"data", pictures.images.source()},
                                    {"images", std::to_string(pictures.images.size())},
                                    {"views", "a choice of " + std::to_string(wanted)}},
                                   context.log);
  const fs::path file = plan.cache / "teacher" / key / "selection.safetensors";
  std::optional<teacher::Selection> selection = read_selection(file, key);
  if (!selection) {
    selection =
        select_now(teachers, pictures, own, labels, std::ssize(task.classes), wanted, context);
    write_selection(file, key, *selection);
  }
  SelectedExtra selected{.items = {}, .counts = std::move(*selection)};
  for (const int64_t picture : selected.counts.pictures)
    selected.items.push_back(pictures.images.item(picture));
  tell(selected.counts, task.classes, pictures.images.size(), context);
  return selected;
}

}  // namespace retort::run
