#pragma once

#include <memory>

#include <torch/csrc/utils/pybind.h>

#include "retort/core/error.h"
#include "retort/models/image_model.h"
#include "retort/run/objects.h"

namespace retort::python {

namespace py = pybind11;

// A Python object that C++ may keep and release without holding the interpreter's lock.
using Held = std::shared_ptr<py::object>;
Held hold(py::object object);

// An exception from the user's Python code; `where` names the caller.
class PythonError : public Error {
 public:
  PythonError(const py::error_already_set& cause, const std::string& where);
  const Held& cause() const { return cause_; }

 private:
  Held cause_;
};

// Registers another module's tensor as a parameter (`learns`) or buffer of this one, in a submodule
// where the name has dots.
void share(torch::nn::Module& module, const std::string& name, const at::Tensor& tensor,
           bool learns);

// A torch.nn.Module as one of retort's networks. `adapter` is a retort._network.Adapter, which
// knows the module's features and its classifier. Parameters and buffers are shared with it.
class PythonNetwork : public models::ImageModel {
 public:
  explicit PythonNetwork(Held adapter);
  ~PythonNetwork() override;
  PythonNetwork(const PythonNetwork&) = delete;
  PythonNetwork& operator=(const PythonNetwork&) = delete;

  at::Tensor forward_features(const at::Tensor& images) override;
  at::Tensor classify(const at::Tensor& features) override;
  int64_t feature_dim() const override { return head_->options.in_features(); }
  torch::nn::Linear head() override { return head_; }
  void reset_head(int64_t classes) override;
  void train(bool on = true) override;
  void to(at::Device device, bool non_blocking = false) override;
  const Held& adapter() const { return adapter_; }

 protected:
  data::InputSpec own_input_spec() const override { return {}; }

 private:
  void register_tensors(const py::object& adapter);
  Held adapter_;
  torch::nn::Linear head_ = nullptr;
};

// The network of an adapter for a run: the module itself as a teacher, a copy of it as a student.
run::GivenNetwork given_network(const Held& adapter);

}  // namespace retort::python
