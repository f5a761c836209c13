#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "retort/core/log.h"
#include "retort/data/image_store.h"
#include "retort/models/image_model.h"
#include "retort/models/precision.h"

namespace retort::teacher {

// A frozen backbone and the linear head that turns its features into this task's logits.
class Teacher {
 public:
  // Reads a weight file or a model's folder (models::recognise_file). `size` overrides the input resolution; 0 keeps the model's own.
  Teacher(const std::filesystem::path& weights, const std::string& arch, int64_t size, models::Precision precision,
          const std::string& features = "");

  // Normalised images [N, 3, size, size] to features [N, D], float.
  at::Tensor features(const at::Tensor& images);
  // Features [N, D] to logits [N, C], float. Throws Error before a head was set.
  at::Tensor logits(const at::Tensor& features) const;

  // weight [C, D], bias [C]
  void set_head(const at::Tensor& weight, const at::Tensor& bias);
  // The head that the weight file came with. Throws Error when it has none, or not this many classes.
  void keep_head(int64_t classes);

  const data::InputSpec& input_spec() const { return input_spec_; }
  int64_t feature_dim() const { return model_->feature_dim(); }
  models::ImageModel& model() { return *model_; }
  const at::Tensor& head_weight() const { return head_weight_; }
  const at::Tensor& head_bias() const { return head_bias_; }
  // Names the backbone's weights, its input and its precision: equal keys, equal features.
  const std::string& key() const { return key_; }

 private:
  models::ModelPtr model_;
  data::InputSpec input_spec_;
  models::Precision precision_;
  bool file_has_head_ = false;
  std::string where_, key_;
  at::Tensor head_weight_, head_bias_;
};

}  // namespace retort::teacher
