#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <torch/nn/module.h>

#include "retort/core/registration.h"

namespace retort::losses {

// The data of one training step that losses are computed from. The teacher's tensors carry no
// gradient; without a teacher they are undefined. The objective passes losses full precision (fp32
// or better, autocast off), whatever precision the models ran in.
struct StepView {
  at::Tensor student_features;  // [N, Ds] float
  at::Tensor student_logits;    // [N, C] float
  at::Tensor teacher_features;  // [N, Dt] float
  at::Tensor teacher_logits;    // [N, C] float
  // [N] int64; negative where there is no label. Losses of Kind::label do not see such rows.
  at::Tensor labels;
  at::Tensor image_ids;  // [N] int64, each training image's id in [0, LossContext::images)
  // Defined for mixed views only (mixup, CutMix): the other image's label, [N] int64, and the share
  // of the image's own label, [N] float. A loss that does not read them uses `labels` alone.
  at::Tensor partner_labels, label_share;
  at::Tensor logit_rows;  // [N] bool, the rows that losses of Kind::logit see; undefined: all
};

// Throws Error naming the loss when the student's and the teacher's logits differ in shape.
void check_logits(const StepView& step, const char* loss);

// A loss is a function of a StepView and of its own state. The state (projectors, banks, queues)
// consists of registered parameters and buffers, so that the trainer optimises and checkpoints it.
class Loss : public torch::nn::Module {
 public:
  virtual at::Tensor forward(const StepView& step) = 0;  // a scalar
};

// The value of an option: a number, or a word out of a few.
class OptionValue {
 public:
  // Implicit, so that a table of options reads {{"queue", 0}, {"projector", "linear"}}.
  // NOLINTBEGIN(google-explicit-constructor)
  template <typename Number>
  requires(std::integral<Number> || std::floating_point<Number>) OptionValue(Number number)
      : value_(static_cast<double>(number)) {}
  OptionValue(std::string word) : value_(std::move(word)) {}
  OptionValue(const char* word) : value_(std::string(word)) {}
  // NOLINTEND(google-explicit-constructor)

  bool is_number() const { return std::holds_alternative<double>(value_); }
  double number() const { return std::get<double>(value_); }
  const std::string& word() const { return std::get<std::string>(value_); }

 private:
  std::variant<double, std::string> value_;
};
std::string to_string(const OptionValue& value);

using Options = std::map<std::string, OptionValue>;

// What a loss's constructor needs.
struct LossContext {
  int64_t student_dim = 0;
  int64_t teacher_dim = 0;
  int64_t classes = 0;
  int64_t images = 0;  // the number of training images
  at::Tensor labels;   // [images] int64, by image id; negative where there is none
  // The weight [C, Dt] of the teacher's frozen classifier; undefined without a teacher.
  at::Tensor teacher_weight;
  at::Tensor teacher_bias;  // [C]
  Options options;          // by name: the entry's defaults with the user's overrides
};

// The value of an option. Throws UsageError, naming the option and its allowed values, when it is
// outside [low, high], not a whole number, or none of the words.
double option(const LossContext& context, const std::string& name, double low, double high);
int64_t whole_option(const LossContext& context, const std::string& name, int64_t low,
                     int64_t high);
const std::string& word_option(const LossContext& context, const std::string& name,
                               std::initializer_list<const char*> words);

enum class Kind { label, embedding, logit };

// A registered loss. Each loss is one file with one RETORT_REGISTER_LOSS line.
struct LossEntry {
  std::string name;     // what `--loss` and `--logit-loss` take
  Kind kind;            // label: needs labels; embedding: teacher features; logit: teacher logits
  std::string summary;  // one line for `retort list losses`, with the source
  double weight;        // the default λ
  Options options;      // the loss's own options with their defaults
  std::function<std::shared_ptr<Loss>(const LossContext&)> make;
};

// Sorted by name.
const std::vector<LossEntry>& losses();
// Throws UsageError, listing the names, on an unknown name.
const LossEntry& find_loss(const std::string& name);
int register_loss(LossEntry entry);
#define RETORT_REGISTER_LOSS(...) RETORT_REGISTERED(::retort::losses::register_loss(__VA_ARGS__))

}  // namespace retort::losses
