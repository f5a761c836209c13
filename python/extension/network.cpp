#include "python/extension/network.h"

#include "retort/core/hash.h"
#include "retort/data/input_spec.h"

namespace retort::python {
namespace {

// A linear layer on tensors that are another module's parameters.
struct SharedLinear : torch::nn::LinearImpl {
  SharedLinear(const at::Tensor& shared_weight, const at::Tensor& shared_bias)
      : LinearImpl(torch::nn::LinearOptions(1, 1).bias(false)) {
    options = torch::nn::LinearOptions(shared_weight.size(1), shared_weight.size(0))
                  .bias(shared_bias.defined());
    parameters_.clear();
    weight = register_parameter("weight", shared_weight, shared_weight.requires_grad());
    bias = register_parameter("bias", shared_bias,
                              shared_bias.defined() && shared_bias.requires_grad());
  }
};

torch::nn::Module& child(torch::nn::Module& parent, const std::string& name) {
  for (const auto& item : parent.named_children())
    if (item.key() == name) return *item.value();
  return *parent.register_module(name, std::make_shared<torch::nn::Module>());
}

// Splits "a.b.c" into the module a.b, which is made where it is missing, and "c".
std::pair<torch::nn::Module*, std::string> place_of(torch::nn::Module& root,
                                                    const std::string& name) {
  torch::nn::Module* module = &root;
  size_t begin = 0;
  for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', begin)) {
    module = &child(*module, name.substr(begin, dot - begin));
    begin = dot + 1;
  }
  return {module, name.substr(begin)};
}

std::string name_of(const py::handle& type) {
  return py::str(type.attr("__name__")).cast<std::string>();
}

at::Tensor tensor_or_none(const py::handle& value) {
  return value.is_none() ? at::Tensor() : value.cast<at::Tensor>();
}

}  // namespace

Held hold(py::object object) {
  return {new py::object(std::move(object)), [](py::object* held) {
            // Registered losses outlive the interpreter, which has then destroyed the objects.
            if (!Py_IsInitialized()) return;
            const py::gil_scoped_acquire lock;
            delete held;
          }};
}

void share(torch::nn::Module& module, const std::string& name, const at::Tensor& tensor,
           bool learns) {
  const auto [below, last] = place_of(module, name);
  if (learns)
    below->register_parameter(last, tensor, tensor.requires_grad());
  else
    below->register_buffer(last, tensor);
}

PythonError::PythonError(const py::error_already_set& cause, const std::string& where)
    : Error(name_of(cause.type()) + ": " + py::str(cause.value()).cast<std::string>(), where),
      cause_(hold(cause.value())) {}

PythonNetwork::PythonNetwork(Held adapter) : adapter_(std::move(adapter)) {
  const py::gil_scoped_acquire lock;
  const py::object& own = *adapter_;
  spec_.arch = own.attr("name").cast<std::string>();
  spec_.classes = own.attr("classes").cast<int64_t>();
  spec_.options = nlohmann::json::parse(own.attr("described")().cast<std::string>());
  register_tensors(own);
}

PythonNetwork::~PythonNetwork() = default;

void PythonNetwork::register_tensors(const py::object& adapter) {
  const auto head_name = adapter.attr("head_name").cast<std::string>();
  for (const py::handle item : adapter.attr("tensors")()) {
    const auto [name, tensor, learns] = item.cast<std::tuple<std::string, at::Tensor, bool>>();
    if (!name.starts_with(head_name + ".")) share(*this, name, tensor, learns);
  }
  const py::tuple head = adapter.attr("head")();
  head_ = torch::nn::Linear(std::static_pointer_cast<torch::nn::LinearImpl>(
      std::make_shared<SharedLinear>(head[0].cast<at::Tensor>(), tensor_or_none(head[1]))));
  const auto [module, last] = place_of(*this, head_name);
  module->register_module(last, head_);
}

at::Tensor PythonNetwork::forward_features(const at::Tensor& images) {
  const py::gil_scoped_acquire lock;
  try {
    return adapter_->attr("features")(images).cast<at::Tensor>();
  } catch (const py::error_already_set& error) {
    throw PythonError(error, spec_.arch);
  }
}

at::Tensor PythonNetwork::classify(const at::Tensor& features) { return head_->forward(features); }

void PythonNetwork::reset_head(int64_t) {
  throw UsageError("an object's classifier is made with it", spec_.arch);
}

void PythonNetwork::train(bool on) {
  ImageModel::train(on);
  const py::gil_scoped_acquire lock;
  adapter_->attr("train")(on);
}

void PythonNetwork::to(at::Device device, bool non_blocking) {
  ImageModel::to(device, non_blocking);
  const py::gil_scoped_acquire lock;
  adapter_->attr("move_rest")(device);
}

run::GivenNetwork given_network(const Held& adapter) {
  run::GivenNetwork given;
  {
    const py::gil_scoped_acquire lock;
    given.key = adapter->attr("key").cast<std::string>();
    given.classes = adapter->attr("class_names").cast<std::optional<std::vector<std::string>>>();
  }
  given.teacher = [adapter] { return std::make_shared<PythonNetwork>(adapter); };
  given.student = [adapter](int64_t classes) -> models::ModelPtr {
    const py::gil_scoped_acquire lock;
    try {
      return std::make_shared<PythonNetwork>(hold(adapter->attr("student")(classes)));
    } catch (const py::error_already_set& error) {
      throw PythonError(error, "the student");
    }
  };
  given.write_onnx = [](const std::filesystem::path& path, models::ImageModel& model,
                        const std::vector<std::string>& classes, const data::InputSpec& spec) {
    const py::gil_scoped_acquire lock;
    try {
      const py::object own = *dynamic_cast<PythonNetwork&>(model).adapter();
      own.attr("write_onnx")(path.string(), classes, data::to_json(spec).dump());
    } catch (const py::error_already_set& error) {
      throw PythonError(error, "student.onnx");
    }
  };
  return given;
}

}  // namespace retort::python
