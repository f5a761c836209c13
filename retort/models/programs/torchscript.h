#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <torch/csrc/jit/api/module.h>
#include <torch/nn/modules/linear.h>

#include "retort/models/image_model.h"

namespace retort::models {

// A student of the user's own, as torch.jit.script or torch.jit.trace_module saved it; training
// starts from its weights. Its features are the result of its method `forward_features`, or else
// the output of `forward` that is named options.features ("features" by default) in a dict or a
// named tuple: [N, D], or [N, D, h, w] and [N, T, D], which are averaged over positions and tokens.
// retort adds a linear classifier.
//
// TorchScript is code. It runs in libtorch's interpreter, which has no access to files or
// processes, but it can take any time and memory: trust a network only as far as its author.
class ScriptNetwork : public ImageModel {
 public:
  // spec.options: `file`; `features`, the output's name; `image_size`, in pixels (224), also of the
  // images with which D is found; `frozen`, for a teacher (false). Throws Error, naming the file,
  // when it is not TorchScript, fails on such images, or (unless frozen) has no trainable parameter
  // that its features depend on; UsageError without a file.
  explicit ScriptNetwork(const ModelSpec& spec);

  at::Tensor forward_features(const at::Tensor& images) override;
  at::Tensor classify(const at::Tensor& features) override;
  data::InputSpec own_input_spec() const override;
  int64_t feature_dim() const override { return head_->options.in_features(); }
  torch::nn::Linear head() override { return head_; }
  void reset_head(int64_t classes) override;
  void train(bool on = true) override;

  // Saves the network with its present weights, without retort's classifier.
  void save_network(const std::filesystem::path& path) const;

 private:
  std::string file() const;
  at::Tensor probe();

  torch::jit::Module network_;
  torch::nn::Linear head_ = nullptr;
};

// Whether `--student` names the file of a ScriptNetwork (*.pt, *.pth or *.ts) rather than one of
// retort's architectures.
bool names_script(const std::string& student);
ModelSpec student_spec(const std::string& student, int64_t classes, const std::string& features);

// The spec of a teacher in a file *.pt or *.ts that holds a program and not tensors alone; nothing
// for another file. `features`: as for a student, or empty. A teacher's `forward` may return its
// features alone.
std::optional<ModelSpec> script_teacher_spec(const std::filesystem::path& path,
                                             const std::string& features);

}  // namespace retort::models
