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

// The user's description of a teacher.
struct TeacherSource {
  // A file or folder that models::recognise_file reads; with `network`, what messages call it.
  std::filesystem::path weights;
  // A network in memory, which is used instead of a file.
  models::ModelPtr network{};
  std::optional<std::vector<std::string>> classes{};  // the classes of the network's classifier
  std::string arch{}, features{};                     // as models::recognise_file takes them
  int64_t size = 0;                                   // input resolution; 0: the model's own
  std::optional<std::array<float, 3>> mean{}, std{};  // of its input, where the file does not say
  // Whether its features are the image embeddings, of norm 1, that CLIP or SigLIP compares with
  // texts. This needs the text tower too, and allows no choice of features.
  bool embedding = false;
};

// A frozen backbone and the linear head that maps its features to this task's logits.
class Teacher {
 public:
  Teacher(const TeacherSource& source, models::Precision precision, c10::Device device = c10::kCPU);

  // Maps normalised images [N, 3, size, size] to features [N, D], float, on the CPU.
  at::Tensor features(const at::Tensor& images);
  // Maps features [N, D] to logits [N, C], float. Throws Error without a head.
  at::Tensor logits(const at::Tensor& features) const;

  // Sets the head: weight [C, D], bias [C].
  void set_head(const at::Tensor& weight, const at::Tensor& bias);
  // Sets the head to the weight file's own, with its rows in the order of these classes. Where the
  // file names its classes, they are found by name (kept_head.h). Else the file must have as many
  // classes, which are assumed to be in this order; the log warns of this. Throws Error when the
  // file has no head, or not these classes.
  void keep_head(const std::vector<std::string>& classes, Log& log = null_log());

  const data::InputSpec& input_spec() const { return input_spec_; }
  int64_t feature_dim() const {
    return projection_.defined() ? projection_.size(0) : model_->feature_dim();
  }
  models::ImageModel& model() { return *model_; }
  const at::Tensor& head_weight() const { return head_weight_; }
  const at::Tensor& head_bias() const { return head_bias_; }
  // The set of weights that was taken (models::choice_of); empty where there was no choice.
  const std::string& choice() const { return choice_; }
  // A hash of the backbone's weights, its input and its precision: equal keys mean equal features.
  const std::string& key() const { return key_; }
  // The file or folder of the weights, the architecture and the resolution, for messages.
  std::string description() const;

 private:
  models::ModelPtr model_;
  data::InputSpec input_spec_;
  models::Precision precision_;
  bool has_head_ = false, embedding_ = false, in_memory_ = false;
  std::optional<std::vector<std::string>> class_names_;
  at::Tensor projection_;  // maps features to embeddings, where they need it
  std::string where_, key_, choice_;
  at::Tensor head_weight_, head_bias_;
};

}  // namespace retort::teacher
