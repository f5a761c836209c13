#include "python/extension/loss.h"

#include <algorithm>

namespace retort::python {
namespace {

class PythonLoss : public losses::Loss {
 public:
  PythonLoss(std::string name, const Held& make) : name_(std::move(name)) {
    const py::gil_scoped_acquire lock;
    try {
      const py::tuple made = (*make)();
      function_ = hold(made[0]);
      for (const py::handle item : made[1]) {
        const auto [own, tensor, learns] = item.cast<std::tuple<std::string, at::Tensor, bool>>();
        share(*this, own, tensor, learns);
      }
    } catch (const py::error_already_set& error) {
      throw PythonError(error, name_);
    }
  }

  at::Tensor forward(const losses::StepView& step) override {
    at::Tensor value;
    {
      const py::gil_scoped_acquire lock;
      try {
        value = (*function_)(step).cast<at::Tensor>();
      } catch (const py::error_already_set& error) {
        throw PythonError(error, name_);
      }
    }
    if (value.numel() != 1)
      throw Error("gives " + std::to_string(value.numel()) + " numbers, not one", name_);
    return value.reshape({});
  }

 private:
  std::string name_;
  Held function_;
};

// The tensor of a step's field, or None where it is undefined.
template <at::Tensor losses::StepView::*field>
py::object shown(const losses::StepView& step) {
  const at::Tensor& tensor = step.*field;
  return tensor.defined() ? py::cast(tensor) : py::none();
}

}  // namespace

void register_loss(const std::string& name, losses::Kind kind, Held make) {
  if (std::ranges::any_of(losses::losses(),
                          [&](const losses::LossEntry& entry) { return entry.name == name; }))
    return;
  losses::register_loss({.name = name,
                         .kind = kind,
                         .summary = "a Python function",
                         .weight = 1,
                         .options = {},
                         .make = [name, make](const losses::LossContext&) {
                           return std::make_shared<PythonLoss>(name, make);
                         }});
}

void add_step_view(py::module_& module) {
  using View = losses::StepView;
  py::class_<View>(module, "StepView")
      .def_property_readonly("student_features", shown<&View::student_features>)
      .def_property_readonly("student_logits", shown<&View::student_logits>)
      .def_property_readonly("teacher_features", shown<&View::teacher_features>)
      .def_property_readonly("teacher_logits", shown<&View::teacher_logits>)
      .def_property_readonly("labels", shown<&View::labels>)
      .def_property_readonly("image_ids", shown<&View::image_ids>);
}

}  // namespace retort::python
