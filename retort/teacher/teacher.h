#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/data/image_store.h"
#include "retort/models/image_model.h"
#include "retort/models/precision.h"

namespace retort::teacher {

// What a user says of a teacher.
struct TeacherSource {
  std::filesystem::path weights;  // file or folder (models::recognise_file); or what to call…
  models::ModelPtr network{};     // …a network that is in memory, and in no file,
  std::optional<std::vector<std::string>> classes{};  // whose classifier is for these classes
  std::string arch{}, features{};                     // the same
  int64_t size = 0;                                   // input resolution; 0: the model's own
  std::optional<std::array<float, 3>> mean{}, std{};  // of its input, where the file does not say
  // Its features are the image embeddings, of norm 1, that CLIP or SigLIP compares with texts.
  // Needs both towers, and allows no choice of features.
  bool embedding = false;
};

// A frozen backbone and the linear head that turns its features into this task's logits.
class Teacher {
 public:
  Teacher(const TeacherSource& source, models::Precision precision, c10::Device device = c10::kCPU);

  // Normalised images [N, 3, size, size] to features [N, D], float, on the CPU.
  at::Tensor features(const at::Tensor& images);
  // Features [N, D] to logits [N, C], float. Throws Error before a head was set.
  at::Tensor logits(const at::Tensor& features) const;

  // Sets the head: weight [C, D], bias [C].
  void set_head(const at::Tensor& weight, const at::Tensor& bias);
  // The head that the weight file came with, its rows in the order of these classes. Where the file
  // names its classes they are found by name (kept_head.h); else it must have as many, and their
  // order is taken for theirs, which is warned of. Throws Error when the file has no head, or not
  // these classes.
  void keep_head(const std::vector<std::string>& classes, Log& log = null_log());

  const data::InputSpec& input_spec() const { return input_spec_; }
  int64_t feature_dim() const {
    return projection_.defined() ? projection_.size(0) : model_->feature_dim();
  }
  models::ImageModel& model() { return *model_; }
  const at::Tensor& head_weight() const { return head_weight_; }
  const at::Tensor& head_bias() const { return head_bias_; }
  // Which of several sets of weights these are (models::choice_of); or empty.
  const std::string& choice() const { return choice_; }
  // Names the backbone's weights, its input and its precision: equal keys, equal features.
  const std::string& key() const { return key_; }
  // The file or folder of its weights, its architecture and its resolution, for people.
  std::string description() const;

 private:
  models::ModelPtr model_;
  data::InputSpec input_spec_;
  models::Precision precision_;
  bool has_head_ = false, embedding_ = false, in_memory_ = false;
  std::optional<std::vector<std::string>> class_names_;
  at::Tensor projection_;  // of embeddings, where there is one
  std::string where_, key_, choice_;
  at::Tensor head_weight_, head_bias_;
};

}  // namespace retort::teacher
