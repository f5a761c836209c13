#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <torch/csrc/jit/api/module.h>
#include <torch/nn/modules/linear.h>

#include "retort/models/image_model.h"

namespace retort::models {

// A student of the user's own, as torch.jit.script or torch.jit.trace_module saved it. Its weights
// are where it starts from. What it gives as features is the result of its method
// `forward_features`, or else the output of `forward` that is called options.features
// ("features" by default) in a dict or a named tuple: [N, D], or [N, D, h, w] and [N, T, D], which
// are averaged over places and tokens. A linear classifier of retort's own reads them.
//
// TorchScript is code. It runs in libtorch's interpreter, which reaches neither files nor
// processes, but it can take any time and memory: a network is as trustworthy as who made it.
class ScriptNetwork : public ImageModel {
 public:
  // spec.options: `file`; `features`, the output's name; `image_size`, pixels of the probe that
  // finds D (224); `frozen`, for a teacher (false). Throws Error naming the file when it is not
  // TorchScript, fails on such images, or, unless it is frozen, has no trainable parameter that its
  // features depend on.
  explicit ScriptNetwork(const ModelSpec& spec);

  at::Tensor forward_features(const at::Tensor& images) override;
  at::Tensor classify(const at::Tensor& features) override;
  data::InputSpec own_input_spec() const override;
  int64_t feature_dim() const override { return head_->options.in_features(); }
  torch::nn::Linear head() override { return head_; }
  void reset_head(int64_t classes) override;
  void train(bool on = true) override;

  // The network with its present weights, without retort's classifier.
  void save_network(const std::filesystem::path& path) const;

 private:
  std::string file() const;
  at::Tensor probe();

  torch::jit::Module network_;
  torch::nn::Linear head_ = nullptr;
};

// What `--student` names: one of retort's architectures, or the file of a ScriptNetwork (its name
// ends in .pt, .pth or .ts).
bool names_script(const std::string& student);
ModelSpec student_spec(const std::string& student, int64_t classes, const std::string& features);

// Of a teacher in a file *.pt or *.ts that holds a program, not tensors alone; nothing of another
// file. `features`: as for a student, or empty. A teacher's `forward` may give its features alone.
std::optional<ModelSpec> script_teacher_spec(const std::filesystem::path& path,
                                             const std::string& features);

}  // namespace retort::models
